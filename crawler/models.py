"""The crawler's rows: what to ask, addresses to look at, what came back, and the copies found there."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Column, Enum, UniqueConstraint
from sqlalchemy_utc import UtcDateTime
from sqlmodel import Field, SQLModel

LARGEST_NUMBER = 2**63 - 1
"""Of a row: what is beyond a database cannot even be asked for."""


def now() -> datetime:
    return datetime.now(UTC)


def stored(kind: type[StrEnum]) -> Enum:
    """A column type that refuses any value that `kind` does not have, on writing and in the database."""
    return Enum(
        kind,
        validate_strings=True,
        values_callable=lambda members: [member.value for member in members],
        native_enum=False,
        create_constraint=True,
        length=32,
    )


class LeadState(StrEnum):
    WAITING = "waiting"
    LEASED = "leased"
    DONE = "done"
    FAILED = "failed"
    REFUSED = "refused"


class Answer(StrEnum):
    """What a response is; only `PAGE` and `FILE` are ever evidence, and only `GONE` means gone."""

    PAGE = "page"
    FILE = "file"
    GONE = "gone"
    BLOCKED_FOR_LAW = "blocked-for-law"
    PRIVATE = "private"
    CHALLENGE = "challenge"
    SIGN_IN = "sign-in"
    LIMITED = "limited"
    BROKEN = "broken"


class Whereabouts(StrEnum):
    """Where a known copy is now. `BLOCKED` and `UNKNOWN` are "could not tell", never "gone"."""

    UP = "up"
    GONE = "gone"
    PRIVATE = "private"
    MOVED = "moved"
    BACK = "back"
    BLOCKED = "blocked"
    UNKNOWN = "unknown"


class Source(SQLModel, table=True):
    """A place to look, as settings name it, with the cursor where the last pass ended."""

    __tablename__ = "source"
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    platform: str
    address: str
    cursor: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    last_pass_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime()))
    last_answer_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime()))
    silent_reason: str | None = None
    """Why the last pass heard nothing useful (challenge, limited, broken …); None when it did."""
    caps_hit: int = 0


class Lead(SQLModel, table=True):
    """An address to look at. Leased to one process at a time; a lease that ran out is waiting again."""

    __tablename__ = "lead"
    __table_args__ = (UniqueConstraint("source_id", "url"),)
    id: int | None = Field(default=None, primary_key=True)
    source_id: int = Field(foreign_key="source.id", index=True)
    url: str
    kind: str
    """What the platform will make of the answer: repository, blob, listing, page, tip …"""
    details: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    revision: str = ""
    """What was seen there last (a blob or head SHA, an ETag); a lead is taken up again when it changes."""
    state: LeadState = Field(
        default=LeadState.WAITING, sa_column=Column(stored(LeadState), nullable=False, index=True)
    )
    attempts: int = 0
    reason: str | None = None
    leased_until: datetime | None = Field(default=None, sa_column=Column(UtcDateTime()))
    found_at: datetime = Field(default_factory=now, sa_column=Column(UtcDateTime(), nullable=False))


class Capture(SQLModel, table=True):
    """What came back from one request, kept as evidence: object names are those of the quarantine."""

    __tablename__ = "capture"
    id: int | None = Field(default=None, primary_key=True)
    lead_id: int | None = Field(default=None, foreign_key="lead.id", index=True)
    url: str
    fetched_at: datetime = Field(default_factory=now, sa_column=Column(UtcDateTime(), nullable=False))
    status: int
    answer: Answer = Field(sa_column=Column(stored(Answer), nullable=False))
    sha256: str
    size_bytes: int
    warc_object: str | None = None
    warc_sha256: str | None = None
    screenshot_object: str | None = None
    screenshot_sha256: str | None = None


class Find(SQLModel, table=True):
    """One content, told by its SHA-256, whatever the number of places that offer it."""

    __tablename__ = "find"
    sha256: str = Field(primary_key=True)
    kind: str
    """`file`, `git` (a bundle of a whole repository), `listing` (the text of an offer) or `picture` (of an offer)."""
    name: str
    size_bytes: int
    vault_object: str
    first_seen_at: datetime = Field(default_factory=now, sa_column=Column(UtcDateTime(), nullable=False))
    examined_version: str | None = Field(default=None, index=True)
    """Which matchers have looked at it; None is "not yet"."""


class Copy(SQLModel, table=True):
    """One address that offers a find."""

    __tablename__ = "copy"
    __table_args__ = (UniqueConstraint("url", "find_sha256"),)
    id: int | None = Field(default=None, primary_key=True)
    find_sha256: str = Field(foreign_key="find.sha256", index=True)
    source_id: int = Field(foreign_key="source.id", index=True)
    capture_id: int | None = Field(default=None, foreign_key="capture.id")
    url: str
    platform: str
    account: str | None = None
    title: str | None = None
    origin: str | None = None
    """The address that this one is a fork or copy of, where the platform says so."""
    details: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    """Commit, path, item number, price …: what a notice must name. No value of a participant."""
    whereabouts: Whereabouts = Field(
        default=Whereabouts.UP, sa_column=Column(stored(Whereabouts), nullable=False, index=True)
    )
    first_seen_at: datetime = Field(default_factory=now, sa_column=Column(UtcDateTime(), nullable=False))
    last_seen_at: datetime = Field(default_factory=now, sa_column=Column(UtcDateTime(), nullable=False))
