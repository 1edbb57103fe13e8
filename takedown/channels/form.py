"""A web form of the other side: a person fills it in and records the ticket; nothing is filed by itself."""

from __future__ import annotations

from takedown.channels import MailRoute, Outcome
from takedown.models import Notice


def deliver(notice: Notice, _route: MailRoute | None) -> Outcome:
    """Nothing goes out: a form takes a person."""
    return Outcome("failed", f"file it by hand at {notice.recipient}, then record its ticket")
