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


def draw_people(seed: int, count: int, *, shift: float = 0.0) -> dict[str, list[str]]:
    """Phenotypes of `count` people: floats, integers, codes, dates and labels, some cells empty, some columns tied."""
    rng = np.random.default_rng(seed)
    health = rng.normal(shift, 1, count)
    height = rng.normal(168, 9, count)
    weight = 70 + 8 * health + 0.5 * (height - 168) + rng.normal(0, 8, count)
    born = np.datetime64("1940-01-01") + rng.integers(0, 11_000, count)
    seen = np.datetime64("2006-03-01") + rng.integers(0, 1_600, count)
    columns: dict[str, list[str]] = {
        "31-0.0": [str(v) for v in rng.integers(0, 2, count)],
        "34-0.0": [str(v)[:4] for v in born],
        "52-0.0": [str(v) for v in rng.integers(1, 13, count)],
        "53-0.0": [str(v) for v in seen],
        "54-0.0": [str(v) for v in rng.choice([11001, 11002, 11003, 11010, 11012, 11020], count)],
        "50-0.0": [f"{v:.1f}" for v in height],
        "21002-0.0": [f"{v:.1f}" for v in weight],
        "21001-0.0": [f"{w / (h / 100) ** 2:.4f}" for w, h in zip(weight, height, strict=True)],
        "20116-0.0": [str(v) for v in rng.choice([-3, 0, 1, 2], count, p=[0.01, 0.54, 0.34, 0.11])],
        "41270-0.0": [
            f"{c}{n}"
            for c, n in zip(rng.choice(list("ICEKM"), count), rng.integers(10, 99, count), strict=True)
        ],
    }
    for i in range(6):
        values = rng.lognormal(1 + 0.1 * health, 0.4, count)
        columns[f"{30600 + 10 * i}-0.0"] = [f"{v:.{3 + i % 3}f}" for v in values]
    for i in range(4):
        columns[f"{4100 + i}-0.0"] = [str(v) for v in rng.poisson(60 + 5 * i, count)]
    for name in list(columns)[5:]:
        empty = rng.random(count) < 0.08
        columns[name] = ["" if e else v for v, e in zip(columns[name], empty, strict=True)]
    return columns


def pick(
    columns: dict[str, list[str]], rows: Sequence[int], names: Sequence[str] | None = None
) -> dict[str, list[str]]:
    return {name: [columns[name][row] for row in rows] for name in (names or columns)}
