"""The matcher's rows: enrolled cohorts, their releases, and what was found to match them.

No row holds an id or a value of a participant; indexes lie in folders beside the database,
as keyed hashes.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, Column, UniqueConstraint
from sqlalchemy_utc import UtcDateTime
from sqlmodel import Field, SQLModel


def now() -> datetime:
    return datetime.now(UTC)


class Cohort(SQLModel, table=True):
    """A source cohort: the institution's own participants."""

    __tablename__ = "cohort"
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    title: str
    participants_count: int
    columns_count: int = 0
    variants_count: int = 0
    added_at: datetime = Field(default_factory=now, sa_column=Column(UtcDateTime(), nullable=False))


class Release(SQLModel, table=True):
    """One hand-over of a cohort's data to one recipient."""

    __tablename__ = "release"
    __table_args__ = (UniqueConstraint("cohort_id", "name"),)
    id: int | None = Field(default=None, primary_key=True)
    cohort_id: int = Field(foreign_key="cohort.id", index=True)
    name: str
    recipient: str
    ids_count: int = 0
    marked: bool = False
    manifest: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    """Files handed over: name, size, SHA-256, rows, columns; no content. `delivered`: the day, where it is known."""
    added_at: datetime = Field(default_factory=now, sa_column=Column(UtcDateTime(), nullable=False))


class Match(SQLModel, table=True):
    """One file of one find × one cohort × at most one release, as `examine` answered it."""

    __tablename__ = "match"
    __table_args__ = (UniqueConstraint("find_sha256", "path", "cohort", "release"),)
    id: int | None = Field(default=None, primary_key=True)
    find_sha256: str = Field(index=True)
    """The content that was fetched (a file, a bundle of a repository, a listing's text)."""
    path: str
    """The file inside it: `` for the find itself, `member.csv`, or `repo@COMMIT:path`."""
    content_sha256: str = Field(index=True)
    verdict: str
    cohort: str = Field(index=True)
    release: str = ""
    """Empty where none is named, so that the constraint above holds on every database."""
    recipient: str | None = None
    relation: str | None = None
    standing: str | None = None
    false_match_probability: float
    false_accusation_probability: float | None = None
    participants_matched: int | None = None
    participants_examined: int | None = None
    answer: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    """The whole line of `examine --json`, for the reader of a case."""
    found_at: datetime = Field(default_factory=now, sa_column=Column(UtcDateTime(), nullable=False))


class FoundPicture(SQLModel, table=True):
    """What the picture of a listing looks like (`pictures`): a hint between listings, never evidence."""

    __tablename__ = "found_picture"
    find_sha256: str = Field(primary_key=True)
    appearance: str = Field(index=True)
    """64 bits as 16 hexadecimal digits: databases have no whole number that holds them all."""
