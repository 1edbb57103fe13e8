"""Synthetic cohorts for the tests of tables, by seed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from matcher.contents import Table
from matcher.sketches import EnrolledCohort, EnrolledRelease, MatchingKeys
from matcher.tables.enrol import enrol_cohort, enrol_ids, enrol_release

KEYS = MatchingKeys(ids=b"i" * 32, values=b"v" * 32, genotypes=b"g" * 32, texts=b"t" * 32, marks=b"m" * 32)


def draw_ids(seed: int, count: int, low: int = 1_000_000, high: int = 6_000_000) -> list[str]:
    numbers = np.random.default_rng(seed).choice(high - low, count, replace=False) + low
    return [str(number) for number in numbers]


def cohort_of_ids(
    folder: Path, releases: dict[str, Sequence[str]], own: Iterable[str] = ()
) -> EnrolledCohort:
    """A cohort enrolled by ids alone."""
    own = list(own)
    enrol_ids(folder, own, KEYS)
    enrolled = []
    for name, ids in releases.items():
        place = folder / "releases" / name
        place.mkdir(parents=True)
        enrol_ids(place, ids, KEYS)
        enrolled.append(EnrolledRelease(name, f"Institute {name}", place))
    return EnrolledCohort("c", len(own), folder, tuple(enrolled))


def table(columns: dict[str, Sequence[str]], name: str = "t", *, has_header: bool = True) -> Table:
    return Table(name, tuple(columns), tuple(tuple(map(str, c)) for c in columns.values()), has_header)


def write_csv(path: Path, columns: dict[str, Sequence[str]], delimiter: str = ",") -> Path:
    rows = zip(*columns.values(), strict=True)
    lines = [delimiter.join(columns), *(delimiter.join(row) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


__all__ = ["KEYS", "cohort_of_ids", "draw_ids", "enrol_cohort", "enrol_release", "table", "write_csv"]
