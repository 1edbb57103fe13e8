"""The contract between matchers and the verdict: keys in, evidence out.

A matcher is a module of `genotypes/`, `tables/`, `texts/` or `watermarks/` that has `NAME`,
`VERSION`, `sketch` and `compare` (see `Matcher`); `examine` finds it by walking those folders.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

from matcher.contents import FileEnded, Part

Relation = Literal["same", "same-or-sibling", "relative"]
Information = Literal["ids", "values", "genotypes", "text", "bytes", "marks"]


@dataclass(frozen=True, slots=True)
class MatchingKeys:
    """Secret keys, 32 bytes each, derived from the workspace's master key and held apart from the indexes."""

    ids: bytes
    values: bytes
    genotypes: bytes
    texts: bytes
    marks: bytes


@dataclass(frozen=True, slots=True)
class EnrolledRelease:
    """A release as matchers see it: its name, its recipient, the folder of its indexes, and when it was handed over."""

    name: str
    recipient: str
    folder: Path
    delivered: date | None = None


@dataclass(frozen=True, slots=True)
class EnrolledCohort:
    """A cohort as matchers see it; `folder` holds what enrolment wrote for each matcher."""

    name: str
    participants_count: int
    folder: Path
    releases: tuple[EnrolledRelease, ...] = ()


@dataclass(frozen=True, slots=True)
class ReleaseEvidence:
    """log10 odds (an e-value: mean at most 1 for a release that did not contribute) that the find derives from it.

    Not yet corrected for the number of releases; the verdict does that.
    """

    release: str
    log10_odds: float
    beyond_ids: bool
    """True where it rests on more than ids, which anyone who has them can plant."""
    why: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one matcher says of one find and one cohort.

    `log10_odds` are the odds that the find holds this cohort's participants rather than a stranger's
    data under the null that the matcher states: 10**-log10_odds bounds the chance that a file without them
    gets so far. Corrected for everything that the matcher tried within this cohort (columns, alignments,
    participants), not for the number of cohorts.
    """

    matcher: str
    rests_on: Information
    log10_odds: float
    why: str
    participants_matched: int | None = None
    participants_examined: int | None = None
    relation: Relation | None = None
    releases: tuple[ReleaseEvidence, ...] = ()


class Sketch(Protocol):
    """What a matcher keeps of a file while its parts go by."""

    def add(self, part: Part) -> None: ...


@runtime_checkable
class SeesTheEnd(Protocol):
    """A sketch that is told of the whole file when it ends."""

    def ended(self, ended: FileEnded) -> None: ...


class Matcher(Protocol):
    """What every matcher module gives."""

    NAME: str
    VERSION: str

    def sketch(self, keys: MatchingKeys) -> Any:
        """A fresh sketch of one file."""
        ...

    def compare(self, sketch: Any, cohort: EnrolledCohort, keys: MatchingKeys) -> list[Evidence]:
        """Evidence for this cohort; empty where there is nothing to say."""
        ...
