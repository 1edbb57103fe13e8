"""Who signs, and by what mail route, from the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from config.settings import PLACEHOLDER, secret_from
from config.workspace import Workspace

if TYPE_CHECKING:
    from takedown.delivery import MailRoute
    from takedown.recipients import Directory
    from takedown.sender import Sender


def sender_of(workspace: Workspace) -> Sender | None:
    """Who signs the notices; None while a placeholder stands in the settings."""
    from takedown.field_titles import read_titles
    from takedown.sender import Sender

    given = workspace.settings.sender.model_dump()
    if any(
        not said.strip() or PLACEHOLDER in said for name, said in given.items() if not name.endswith("_zh")
    ):
        return None
    home = workspace.settings.home
    return Sender(
        **given,
        titles={cohort: read_titles(home / one) for cohort, one in workspace.settings.dictionaries.items()},
    )


def directory_of(workspace: Workspace) -> Directory:
    """Where notices go, as the operator set it."""
    from takedown.recipients import Directory

    given = workspace.settings.recipients
    return Directory(given.addresses, given.institutions)


def route_of(workspace: Workspace) -> MailRoute | None:
    """How mail leaves; None where no host is set."""
    from takedown.delivery import MailRoute

    mail = workspace.settings.mail
    if mail.host is None:
        return None
    return MailRoute(
        host=mail.host,
        port=mail.port,
        starttls=mail.starttls,
        user=mail.user,
        password=secret_from(mail.password_variable, "the mail password"),
        from_address=mail.from_address or workspace.settings.sender.email,
        certificate_authority=mail.certificate_authority,
    )
