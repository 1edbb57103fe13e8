"""Bench of releases: what a cohort of 100,000 × 100 and five releases of 80,000 cost, sharing what is equal or not.

Run `python -m tests.bench.table_releases [--people N] [--columns N] [--held N]`. Everything is synthetic and drawn by
seed. Every release is enrolled twice from the same file: under its cohort's folder, where it shares, and elsewhere,
where it has cells of its own. Prints a Markdown table, and whether finds are told the same of both.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from matcher.contents import Table
from matcher.sketches import EnrolledCohort, EnrolledRelease, Evidence, MatchingKeys
from matcher.tables.enrol import IDS_FOLDER, ROWS_FOLDER, enrol_cohort, enrol_release
from matcher.tables.row_index import open_index
from matcher.tables.rows import compare, sketch
from tests.bench.tables import Field, dictionary, draw, informative

KEYS = MatchingKeys(ids=b"i" * 32, values=b"v" * 32, genotypes=b"g" * 32, texts=b"t" * 32, marks=b"m" * 32)
MARKED = 0.01
"""Cells of a marked column that are changed."""
NEW = 50
"""One participant in so many is not the cohort's, in the release of people who joined since."""


def seconds() -> float:
    """CPU of this process, its own and the system's for it."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def timed(work: Callable[[], object]) -> float:
    start = seconds()
    work()
    return seconds() - start


def bytes_of(folder: Path) -> int:
    places = (folder / ROWS_FOLDER, folder / IDS_FOLDER)
    return sum(path.stat().st_size for place in places for path in place.iterdir())


def ids_of(seed: int, count: int) -> list[str]:
    low = 1_000_000 + 2_000_000 * seed
    return [str(one) for one in np.random.default_rng(seed).choice(2_000_000, count, replace=False) + low]


def marked(frame: pl.DataFrame, fields: Sequence[Field]) -> pl.DataFrame:
    """One cell in a hundred of every tenth of the numbers with decimals is another in its last digit."""
    rng = np.random.default_rng(8)
    chosen = [one for one in fields if one.decimals][::10] or list(fields[:1])
    for one in chosen:
        values = frame[one.name].cast(pl.Float64, strict=False)
        moved = (values + 10.0**-one.decimals).round(one.decimals).cast(pl.String)
        hit = pl.Series(rng.random(frame.height) < MARKED) & values.is_not_null()
        frame = frame.with_columns(moved.zip_with(hit, frame[one.name]).alias(one.name))
    return frame


def reworked(frame: pl.DataFrame, fields: Sequence[Field]) -> pl.DataFrame:
    """Codes as labels in every tenth column of codes, numbers to two decimals in every fifth of long ones."""
    for one in [one for one in fields if one.kind == "code"][::10]:
        cells = frame[one.name]
        frame = frame.with_columns(
            pl.when(cells != "").then("Level " + cells).otherwise(cells).alias(one.name)
        )
    for one in [one for one in fields if one.decimals > 2][::5]:
        cells = frame[one.name].cast(pl.Float64, strict=False).round(2).cast(pl.String).fill_null("")
        frame = frame.with_columns(cells.alias(one.name))
    return frame


def releases(
    folder: Path, people: pl.DataFrame, fields: Sequence[Field], ids: Sequence[str], held: int
) -> dict[str, tuple[Path, Path | None]]:
    """The files of five releases, each with its list of whose id is whose where it has ids of its own."""
    files: dict[str, tuple[Path, Path | None]] = {}
    whose = folder / "whose.csv"
    given = ids_of(2, people.height)
    pl.DataFrame({"participant": ids, "release_id": given}).write_csv(whose)
    for seed, name in enumerate(("as it is", "own ids, by list", "marked", "reworked", "2 % joined since")):
        rows = np.random.default_rng(seed).permutation(people.height)[:held]
        part = people[rows]
        own = np.array(given if "own ids" in name else ids, dtype=object)[rows].tolist()
        if name == "marked":
            part = marked(part, fields)
        elif name == "reworked":
            part = reworked(part, fields)
        elif "joined" in name:
            new = held // NEW
            part = pl.concat([part[:-new], draw(fields, new, 77)])
            own[-new:] = ids_of(3, new)
        files[name] = folder / f"release{seed}.csv", whose if "own ids" in name else None
        part.with_columns(pl.Series("eid", own)).write_csv(files[name][0])
    return files


def told(
    cohort: Path, places: dict[str, Path], people: pl.DataFrame, finds: Sequence[Table]
) -> list[list[Evidence]]:
    """What these finds say of these releases."""
    enrolled = EnrolledCohort(
        "c",
        people.height,
        cohort,
        tuple(EnrolledRelease(name, name, place) for name, place in places.items()),
    )
    found = []
    for find in finds:
        one = sketch(KEYS)
        one.add(find)
        found.append(compare(one, enrolled, KEYS))
    return found


def leaked(people: pl.DataFrame, ids: Sequence[str], fields: Sequence[Field]) -> list[Table]:
    """1,000 rows and 20 rows of eight columns, and 1,000 rows of all columns beside their ids."""
    names = informative(fields, 8, np.random.default_rng(1))
    whole = people[:1_000].with_columns(pl.Series("eid", ids[:1_000]))
    parts = (people[:1_000].select(names), people[:20].select(names), whole)
    return [
        Table("t", tuple(part.columns), tuple(tuple(part[name].to_list()) for name in part.columns), True)
        for part in parts
    ]


def main() -> None:
    """Builds, measures and prints."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--people", type=int, default=100_000)
    asked.add_argument("--columns", type=int, default=100)
    asked.add_argument("--held", type=int, default=80_000)
    given = asked.parse_args()
    fields = dictionary(1, given.columns)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        people, ids = draw(fields, given.people, 1), ids_of(1, given.people)
        people.with_columns(pl.Series("eid", ids)).write_csv(folder / "all.csv")
        files = releases(folder, people, fields, ids, given.held)
        cohort = folder / "c"
        enrol_cohort(folder / "warm", [folder / "release0.csv"], None, KEYS)
        took = timed(lambda: enrol_cohort(cohort, [folder / "all.csv"], None, KEYS))
        print("| index | columns shared | MB own | MB sharing | CPU s own | CPU s sharing |")
        print("|---|---|---|---|---|---|")
        total = np.array([bytes_of(cohort) / 1e6] * 2 + [took] * 2)
        print(f"| cohort | | {total[0]:.1f} | {total[1]:.1f} | {took:.1f} | {took:.1f} |")
        sharing, alone = {}, {}
        for name, (file, whose) in files.items():
            line = []
            for places, place in ((alone, folder / "alone" / name), (sharing, cohort / "releases" / name)):
                place.mkdir(parents=True)
                places[name] = place
                spent = timed(
                    lambda place=place, file=file, whose=whose: enrol_release(  # type: ignore[misc]
                        place, cohort, ids=whose, files=[file], id_column=None, keys=KEYS
                    )
                )
                line.append((bytes_of(place) / 1e6, spent))
            index = open_index(sharing[name] / ROWS_FOLDER)
            count = sum(one.shared is not None for one in index.columns) if index is not None else 0
            row = [line[0][0], line[1][0], line[0][1], line[1][1]]
            total += row
            print(
                f"| {name} | {count} of {given.columns} | " + " | ".join(f"{one:.1f}" for one in row) + " |"
            )
        print("| all | | " + " | ".join(f"{one:.1f}" for one in total) + " |")
        finds = leaked(people, ids, fields)
        told(cohort, {}, people, finds)
        answers: dict[str, list[list[list[Evidence]]]] = {}
        for how, places in (("own", alone), ("sharing", sharing)):
            took_each = []
            for one in finds:
                start = seconds()
                answers.setdefault(how, []).append(told(cohort, places, people, [one]))
                took_each.append(f"{seconds() - start:.2f}")
            print(
                f"\n{how}: {', '.join(took_each)} CPU s for 1,000 and 20 rows × 8, and 1,000 rows × all beside ids"
            )
        print("\nFinds are told the same:", answers["own"] == answers["sharing"])


if __name__ == "__main__":
    main()
