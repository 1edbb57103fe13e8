"""Takedown's rows: people, cases, notices, approvals, deliveries and re-checks."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Column, LargeBinary, UniqueConstraint
from sqlalchemy_utc import UtcDateTime
from sqlmodel import Field, SQLModel

from crawler.models import Whereabouts, now, stored


class Role(StrEnum):
    RESPONDER = "responder"
    LEGAL = "legal"
    AUDITOR = "auditor"
    ADMIN = "admin"


class CaseState(StrEnum):
    """`NEW` until a person confirms (which starts the clocks) or dismisses.

    `REMOVED` is watched; `CLOSED` is over for people, and watched until the last re-check of what was gone.
    """

    NEW = "new"
    CONFIRMED = "confirmed"
    NOTIFIED = "notified"
    REMOVED = "removed"
    CLOSED = "closed"
    DISMISSED = "dismissed"


class NoticeState(StrEnum):
    DRAFT = "draft"
    APPROVED = "approved"
    SENDING = "sending"
    SENT = "sent"
    UNKNOWN = "unknown"
    """A send whose outcome is not known: never repeated by itself."""
    FAILED = "failed"
    VOID = "void"


class Person(SQLModel, table=True):
    """A named person who may sign in."""

    __tablename__ = "person"
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    """The sign-in name, as it stands in approvals and the log."""
    full_name: str
    email: str
    role: Role = Field(sa_column=Column(stored(Role), nullable=False))
    password_hash: str | None = None
    active: bool = True
    added_at: datetime = Field(default_factory=now, sa_column=Column(UtcDateTime(), nullable=False))


class SignIn(SQLModel, table=True):
    """A session of the console, or a one-time link to open one; tokens are kept only as SHA-256."""

    __tablename__ = "sign_in"
    token_sha256: str = Field(primary_key=True)
    person_id: int = Field(foreign_key="person.id", index=True)
    one_time: bool = False
    expires_at: datetime = Field(sa_column=Column(UtcDateTime(), nullable=False))


class Case(SQLModel, table=True):
    """A family of copies of the same leak, to be ended together."""

    __tablename__ = "case"
    id: int | None = Field(default=None, primary_key=True)
    number: str = Field(unique=True)
    """`CW-2026-0001`."""
    title: str
    cohort: str = Field(index=True)
    state: CaseState = Field(
        default=CaseState.NEW, sa_column=Column(stored(CaseState), nullable=False, index=True)
    )
    verdict: str
    assignee: str | None = None
    first_seen_at: datetime = Field(sa_column=Column(UtcDateTime(), nullable=False))
    opened_at: datetime = Field(default_factory=now, sa_column=Column(UtcDateTime(), nullable=False))
    aware_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime()))
    """When a person confirmed it: awareness in the sense of GDPR Art. 33."""
    closed_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime()))
    decision: str | None = None
    """The reason given on confirming, dismissing or closing."""


class CaseMatch(SQLModel, table=True):
    __tablename__ = "case_match"
    case_id: int = Field(foreign_key="case.id", primary_key=True)
    match_id: int = Field(foreign_key="match.id", primary_key=True, unique=True)


class CaseCopy(SQLModel, table=True):
    __tablename__ = "case_copy"
    case_id: int = Field(foreign_key="case.id", primary_key=True)
    copy_id: int = Field(foreign_key="copy.id", primary_key=True)
    why: str
    """Why it belongs: the same blob, a near-duplicate text, a fork …"""
    joined_at: datetime = Field(default_factory=now, sa_column=Column(UtcDateTime(), nullable=False))


class Notice(SQLModel, table=True):
    """One letter to one recipient: exact bytes, which approval and delivery are bound to."""

    __tablename__ = "notice"
    id: int | None = Field(default=None, primary_key=True)
    case_id: int = Field(foreign_key="case.id", index=True)
    letter: str
    """The template: `github-dmca.en`, `marketplace.zh` …"""
    language: str
    subject: str
    recipient: str
    """Where it goes: an e-mail address, or a form's address that a person fills in."""
    channel: str
    body: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    sha256: str
    """SHA-256 over channel, recipient, subject and body, as `notices.digest` makes it."""
    state: NoticeState = Field(
        default=NoticeState.DRAFT, sa_column=Column(stored(NoticeState), nullable=False, index=True)
    )
    author: str
    drafted_at: datetime = Field(default_factory=now, sa_column=Column(UtcDateTime(), nullable=False))
    checklist: list[dict[str, Any]] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    """What must be in it and whether it was when it was drafted: `{"element", "needed", "present", "wanted"}`.

    `wanted` holds the facts of its drafting that later checks hold it to."""


class NoticeCopy(SQLModel, table=True):
    """The copies that a notice names."""

    __tablename__ = "notice_copy"
    notice_id: int = Field(foreign_key="notice.id", primary_key=True)
    copy_id: int = Field(foreign_key="copy.id", primary_key=True)


class Approval(SQLModel, table=True):
    """A named person's yes to the exact bytes of a notice; an edit voids it because the digest changes."""

    __tablename__ = "approval"
    __table_args__ = (UniqueConstraint("notice_id", "sha256", "approver"),)
    id: int | None = Field(default=None, primary_key=True)
    notice_id: int = Field(foreign_key="notice.id", index=True)
    sha256: str
    approver: str
    approved_at: datetime = Field(default_factory=now, sa_column=Column(UtcDateTime(), nullable=False))


class Delivery(SQLModel, table=True):
    """One attempt to send a notice, written before it is made and completed after."""

    __tablename__ = "delivery"
    id: int | None = Field(default=None, primary_key=True)
    notice_id: int = Field(foreign_key="notice.id", index=True)
    sha256: str
    channel: str
    state: NoticeState = Field(sa_column=Column(stored(NoticeState), nullable=False))
    sent_by: str
    message_id: str | None = None
    answer: str | None = None
    """What the other side said (an SMTP reply, a ticket number)."""
    started_at: datetime = Field(default_factory=now, sa_column=Column(UtcDateTime(), nullable=False))
    ended_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime()))


class Recheck(SQLModel, table=True):
    """One question to one address under takedown, and what it said."""

    __tablename__ = "recheck"
    id: int | None = Field(default=None, primary_key=True)
    case_id: int = Field(foreign_key="case.id", index=True)
    copy_id: int = Field(foreign_key="copy.id", index=True)
    asked_at: datetime = Field(default_factory=now, sa_column=Column(UtcDateTime(), nullable=False))
    status: int | None = None
    whereabouts: Whereabouts = Field(sa_column=Column(stored(Whereabouts), nullable=False))
    note: str | None = None
