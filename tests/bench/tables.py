"""Bench of tables: rows without ids on a cohort of 100,000 × 300, against the peers, with its negatives.

Run `python -m tests.bench.tables [--people N] [--columns N] [--tries N] [--out FILE]`. Everything is synthetic and
drawn by seed. Two cohorts share one data dictionary and have other distributions; finds are drawn from the first, its
negative twins from the second or by shuffling. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from matcher.contents import Table
from matcher.prf import siphash24_many
from matcher.sketches import EnrolledCohort, MatchingKeys
from matcher.tables.enrol import enrol_cohort
from matcher.tables.rows import compare, sketch
from matcher.tables.tokens import tokens_of

KEYS = MatchingKeys(ids=b"i" * 32, values=b"v" * 32, genotypes=b"g" * 32, texts=b"t" * 32, marks=b"m" * 32)
PROBABLE = 4.0
KINDS = ("code", "whole", "date", "short", "long", "fine", "icd")
SHARES = (0.40, 0.14, 0.08, 0.12, 0.15, 0.05, 0.06)


@dataclass(frozen=True)
class Field:
    """One column of the data dictionary."""

    name: str
    kind: str
    decimals: int
    centre: float
    spread: float
    codes: int
    present: float
    tied: float


def dictionary(seed: int, count: int) -> list[Field]:
    rng = np.random.default_rng(seed)
    fields = []
    for i in range(count):
        kind = str(rng.choice(KINDS, p=SHARES))
        decimals = {"short": int(rng.integers(1, 3)), "long": int(rng.integers(3, 6)), "fine": 6}.get(kind, 0)
        fields.append(
            Field(
                f"{3000 + i}-0.0", kind, decimals, float(rng.uniform(5, 150)), float(rng.uniform(2, 30)),
                int(rng.integers(2, 12)), float(rng.uniform(0.12, 0.98)), float(rng.uniform(0, 0.6)),
            )
        )  # fmt: skip
    return fields


def draw(fields: Sequence[Field], people: int, seed: int) -> pl.DataFrame:
    """People of one cohort; cohorts differ in their centres and in how codes are spread."""
    rng = np.random.default_rng(seed)
    health = rng.normal(0, 1, people)
    columns = {}
    for one in fields:
        centre = one.centre * (1 + 0.02 * rng.normal())
        latent = one.tied * health + np.sqrt(1 - one.tied**2) * rng.normal(0, 1, people)
        values = centre + one.spread * latent
        match one.kind:
            case "code":
                odds = rng.dirichlet(np.ones(one.codes))
                cells = pl.Series(rng.choice(one.codes, people, p=odds)).cast(pl.String)
            case "whole":
                cells = pl.Series(np.rint(values).astype(int)).cast(pl.String)
            case "date":
                days = 13_200 + (one.centre * 10 + rng.integers(0, 1500, people)).astype(int)
                cells = pl.Series(days).cast(pl.Int32).cast(pl.Date).cast(pl.String)
            case "icd":
                cells = pl.Series(rng.zipf(1.4, people) % 2000).cast(pl.String).str.pad_start(4, "I")
            case _:
                cells = pl.Series(np.round(values, one.decimals)).cast(pl.String)
        empty = rng.random(people) > one.present
        columns[one.name] = cells.set(pl.Series(empty), "")
    return pl.DataFrame(columns)


def informative(fields: Sequence[Field], count: int, rng: np.random.Generator) -> list[str]:
    """A choice of columns as papers and notebooks make it: well filled, one or two fine ones, a date, some codes."""
    filled = [one for one in fields if one.present > 0.6]
    order = rng.permutation(len(filled))
    wanted = {"long": 1, "short": 1, "date": 1, "whole": 1, "code": 1, "icd": 1} if count <= 8 else {}
    chosen: list[str] = []
    for i in order:
        if wanted.get(filled[i].kind, 0) > 0:
            wanted[filled[i].kind] -= 1
            chosen.append(filled[i].name)
    rest = [filled[i].name for i in order if filled[i].name not in chosen]
    return [*chosen, *rest][:count]


Change = Callable[[pl.DataFrame, dict[str, Field]], tuple[list[str], list[list[str]], bool]]


def plain(frame: pl.DataFrame, fields: dict[str, Field]) -> tuple[list[str], list[list[str]], bool]:
    return frame.columns, [frame[name].to_list() for name in frame.columns], True


def rounded(frame: pl.DataFrame, fields: dict[str, Field]) -> tuple[list[str], list[list[str]], bool]:
    cells = []
    for name in frame.columns:
        one = frame[name]
        if fields[name].decimals > 2:
            one = one.cast(pl.Float64, strict=False).round(2).cast(pl.String).fill_null("")
        cells.append(one.to_list())
    return frame.columns, cells, True


def reworked(frame: pl.DataFrame, fields: dict[str, Field]) -> tuple[list[str], list[list[str]], bool]:
    """Rounded, dates with the day first, codes as labels, rows shuffled."""
    _, cells, _ = rounded(frame, fields)
    for i, name in enumerate(frame.columns):
        if fields[name].kind == "date":
            cells[i] = ["/".join(reversed(cell.split("-"))) if cell else "" for cell in cells[i]]
        elif fields[name].kind == "code":
            cells[i] = [cell and f"Level {cell}" for cell in cells[i]]
    return frame.columns, cells, True


def nameless(change: Change) -> Change:
    def changed(frame: pl.DataFrame, fields: dict[str, Field]) -> tuple[list[str], list[list[str]], bool]:
        columns, cells, _ = change(frame, fields)
        return [f"column_{i}" for i in range(1, len(columns) + 1)], cells, False

    return changed


CHANGES: dict[str, Change] = {
    "as they are": plain,
    "rounded": rounded,
    "reworked": reworked,
    "no header": nameless(plain),
    "no header, rounded": nameless(rounded),
    "no header, reworked": nameless(reworked),
}
SIZES = ((3, 8), (5, 8), (50, 6), (1000, 20))


def find(
    frame: pl.DataFrame, fields: list[Field], rows: int, columns: int, rng: np.random.Generator
) -> pl.DataFrame:
    names = informative(fields, columns, rng)
    return frame[rng.choice(frame.height, rows, replace=False).tolist()].select(names)


def ask(
    cohort: EnrolledCohort, columns: list[str], cells: list[list[str]], has_header: bool
) -> tuple[float, float]:
    """log10 odds and seconds of one find."""
    started = time.perf_counter()
    one = sketch(KEYS)
    one.add(Table("t", tuple(columns), tuple(tuple(c) for c in cells), has_header))
    evidence = compare(one, cohort, KEYS)
    return (evidence[0].log10_odds if evidence else 0.0), time.perf_counter() - started


def shuffled(frame: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    return pl.DataFrame(
        {name: frame[name].to_numpy()[rng.permutation(frame.height)] for name in frame.columns}
    )


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("--people", type=int, default=100_000)
    asked.add_argument("--columns", type=int, default=300)
    asked.add_argument("--tries", type=int, default=20)
    asked.add_argument("--out", type=Path)
    options = asked.parse_args()
    lines = [f"Cohort of {options.people:,} × {options.columns:,}, {options.tries} finds a cell.", ""]
    fields = dictionary(1, options.columns)
    by_name = {one.name: one for one in fields}
    ours, others = draw(fields, options.people, 2), draw(fields, options.people // 4, 3)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        ids = [str(1_000_000 + i) for i in range(options.people)]
        ours.insert_column(0, pl.Series("eid", ids)).write_csv(folder / "all.csv")
        ours = ours.drop("eid")
        started = time.perf_counter()
        enrol_cohort(folder / "index", [folder / "all.csv"], None, KEYS)
        size = sum(path.stat().st_size for path in (folder / "index").rglob("*") if path.is_file())
        lines.append(f"Index: {time.perf_counter() - started:.0f} s, {size / 2**20:,.0f} MiB.")
        cohort = EnrolledCohort("c", options.people, folder / "index")
        ask(cohort, *plain(find(ours, fields, 50, 6, np.random.default_rng(0)), by_name))
        lines += [
            "",
            "| rows × columns | change | found | lowest odds | ms, median |",
            "|---|---|---|---|---|",
        ]
        for rows, columns in SIZES:
            for name, change in CHANGES.items():
                answers = []
                for i in range(options.tries):
                    rng = np.random.default_rng(1000 * rows + 10 * columns + i)
                    answers.append(ask(cohort, *change(find(ours, fields, rows, columns, rng), by_name)))
                odds = [one for one, _ in answers]
                found = sum(one > PROBABLE for one in odds)
                ms = 1000 * float(np.median([seconds for _, seconds in answers]))
                lines.append(
                    f"| {rows:,} × {columns} | {name} | {found}/{options.tries} | {min(odds):.1f} | {ms:.0f} |"
                )
                print(lines[-1], flush=True)
        lines += ["", *negatives(cohort, ours, others, fields, by_name, options.tries)]
    lines += ["", *speeds()]
    text = "\n".join(lines)
    print(text)
    if options.out:
        options.out.write_text(text + "\n", encoding="utf-8")


def negatives(
    cohort: EnrolledCohort,
    ours: pl.DataFrame,
    others: pl.DataFrame,
    fields: list[Field],
    by_name: dict[str, Field],
    tries: int,
) -> list[str]:
    """Another cohort of the same dictionary, and the cohort's own values shuffled."""
    worst, accused, total = 0.0, 0, 0
    for rows, columns in SIZES:
        for change in CHANGES.values():
            for i in range(tries):
                rng = np.random.default_rng(777 + 1000 * rows + 10 * columns + i)
                stranger = find(others, fields, rows, columns, rng)
                twin = shuffled(find(ours, fields, rows, columns, rng), rng)
                for frame in (stranger, twin):
                    odds, _ = ask(cohort, *change(frame, by_name))
                    worst, accused, total = max(worst, odds), accused + (odds > PROBABLE), total + 1
    return [
        "Strangers of the same dictionary and shuffled twins: "
        f"{accused} accused of {total:,}; highest odds {worst:.1f}."
    ]


def speeds() -> list[str]:
    """Keyed hashing and the scan for ids, one core."""
    cells = pl.Series([f"{i * 0.37:.3f}" for i in range(2_000_000)]).to_arrow()
    text = ("df.loc[df['eid'] == 1234567, 'f.31.0.0']  # line 42 of the script\n" * 1_000_000).encode()
    siphash24_many(bytes(16), cells)
    tokens_of(bytes(16), text[:1000])
    started = time.perf_counter()
    siphash24_many(bytes(16), cells)
    hashing = 2 / (time.perf_counter() - started)
    started = time.perf_counter()
    tokens_of(bytes(16), text)
    scanning = len(text) / 1e6 / (time.perf_counter() - started)
    return [
        f"Keyed hashing {hashing:.0f} million cells a second, scan for ids {scanning:.0f} MB/s, on one core."
    ]


if __name__ == "__main__":
    main()
