"""What every page is given: the database, the quarantine, the log, who signs, and the templates."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jinja2 import Environment
from sqlalchemy import Engine
from sqlmodel import Session
from starlette.requests import Request

from crawler.vault import Vault
from takedown.log import AuditLog

if TYPE_CHECKING:
    from takedown.delivery import MailRoute
    from takedown.recipients import Directory
    from takedown.sender import Sender

Recheck = Callable[[Sequence[str] | None], list[dict[str, Any]]]


@dataclass
class Asking:
    """A re-check that runs beside the pages, or how the last one ended."""

    running: bool
    outcome: str | None = None


@dataclass(frozen=True)
class Desk:
    """The console's side of a workspace."""

    engine: Engine
    vault: Vault
    log: AuditLog
    sender: Sender | None
    route: MailRoute | None
    directory: Directory
    recheck: Recheck | None
    crawl_status: Callable[[], str | None] | None
    secure_cookies: bool
    templates: Environment
    asking: dict[str, Asking] = field(default_factory=dict)
    failed: dict[str, list[float]] = field(default_factory=dict)
    """When sign-ins of a name failed lately, seconds; a process's memory is enough to slow a guesser down."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def reading(self) -> Session:
        """A session that takes no write lock."""
        return Session(self.engine.execution_options(reading=True))

    def writing(self) -> Session:
        return Session(self.engine)


def desk_of(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk
