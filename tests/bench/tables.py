"""Bench of tables: rows without ids on a cohort of 100,000 × 300, against the peers, with its negatives.

Run `python -m tests.bench.tables [--people N] [--columns N] [--tries N] [--negatives N] [--out FILE]`. Everything is
synthetic and drawn by seed. Two cohorts share one data dictionary and have other distributions; finds are drawn from
the first, its negative twins from the second, by shuffling, or from a distribution fitted to the first. Prints
Markdown tables.
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
from scipy.stats import norm

from matcher.contents import Table
from matcher.prf import siphash24_many
from matcher.sketches import EnrolledCohort, MatchingKeys
from matcher.tables.enrol import enrol_cohort
from matcher.tables.rows import compare, sketch
from matcher.tables.tokens import tokens_of
from tests.bench.table_peers import PEERS

KEYS = MatchingKeys(ids=b"i" * 32, values=b"v" * 32, genotypes=b"g" * 32, texts=b"t" * 32, marks=b"m" * 32)
PROBABLE, POSSIBLE = 4.0, 2.0
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


def renamed(frame: pl.DataFrame, fields: dict[str, Field]) -> tuple[list[str], list[list[str]], bool]:
    """Names of somebody's own, columns in another order."""
    columns, cells, _ = plain(frame, fields)
    order = np.random.default_rng(len(columns)).permutation(len(columns))
    return [f"var_{chr(97 + i % 26)}{i}" for i in range(len(columns))], [cells[i] for i in order], True


CHANGES: dict[str, Change] = {
    "as they are": plain,
    "rounded": rounded,
    "reworked": reworked,
    "renamed": renamed,
    "no header": nameless(plain),
    "no header, rounded": nameless(rounded),
    "no header, reworked": nameless(reworked),
}
MIXED = "half of strangers"
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


def fitted(frame: pl.DataFrame, rows: int, rng: np.random.Generator) -> pl.DataFrame:
    """Synthetic people: each column's own values, its order tied to the others' by a Gaussian copula."""
    ranks = np.column_stack([frame[name].rank("random", seed=1).to_numpy() for name in frame.columns])
    normal = norm.ppf(ranks / (frame.height + 1))
    drawn = rng.multivariate_normal(np.zeros(len(frame.columns)), np.corrcoef(normal, rowvar=False), rows)
    places = np.minimum((norm.cdf(drawn) * frame.height).astype(int), frame.height - 1)
    return pl.DataFrame(
        {name: frame[name].sort().gather(places[:, i]) for i, name in enumerate(frame.columns)}
    )


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("--people", type=int, default=100_000)
    asked.add_argument("--columns", type=int, default=300)
    asked.add_argument("--tries", type=int, default=20)
    asked.add_argument("--negatives", type=int, default=2_000)
    asked.add_argument("--out", type=Path)
    options = asked.parse_args()
    fields = dictionary(1, options.columns)
    by_name = {one.name: one for one in fields}
    ours, others = draw(fields, options.people, 2), draw(fields, options.people // 4, 3)
    lines: list[str] = []

    def say(*told: str) -> None:
        lines.extend(told)
        print("\n".join(told), flush=True)

    say(f"Cohort of {options.people:,} × {options.columns:,}, {options.tries} finds a cell.")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        ids = [str(1_000_000 + i) for i in range(options.people)]
        ours.insert_column(0, pl.Series("eid", ids)).write_csv(folder / "all.csv")
        ours = ours.drop("eid")
        started = time.perf_counter()
        enrol_cohort(folder / "index", [folder / "all.csv"], None, KEYS)
        size = sum(path.stat().st_size for path in (folder / "index").rglob("*") if path.is_file())
        say(f"Index: {time.perf_counter() - started:.0f} s, {size / 2**20:,.0f} MiB.", "")
        cohort = EnrolledCohort("c", options.people, folder / "index")
        ask(cohort, *nameless(plain)(find(ours, fields, 50, 6, np.random.default_rng(0)), by_name))
        positives(cohort, ours, others, fields, by_name, options.tries, say)
        negatives(cohort, ours, others, fields, by_name, options.negatives, say)
        unseen = draw(fields, options.people // 4, 4)
        peers({"ours": ours, "others": others}, unseen, cohort, fields, by_name, options.tries, say)
    say("", *speeds())
    if options.out:
        options.out.write_text("\n".join(lines) + "\n", encoding="utf-8")


Say = Callable[..., None]


def positives(
    cohort: EnrolledCohort,
    ours: pl.DataFrame,
    others: pl.DataFrame,
    fields: list[Field],
    by_name: dict[str, Field],
    tries: int,
    say: Say,
) -> None:
    """Finds of the cohort under every change: how many are named at all, and how many at `probable` or above."""
    say(
        "| rows × columns | change | named | probable | lowest odds, decades | ms, median |",
        "|---|---|---|---|---|---|",
    )
    for rows, columns in SIZES:
        for name in (*CHANGES, MIXED):
            odds, seconds = [], []
            for i in range(tries):
                rng = np.random.default_rng(1000 * rows + 10 * columns + i)
                frame = find(ours, fields, rows, columns, rng)
                if name == MIXED:
                    strangers = others[rng.choice(others.height, rows, replace=False).tolist()]
                    frame = pl.concat([frame, strangers.select(frame.columns)])
                told, took = ask(cohort, *CHANGES.get(name, plain)(frame, by_name))
                odds.append(told)
                seconds.append(took)
            named, probable = sum(one > POSSIBLE for one in odds), sum(one > PROBABLE for one in odds)
            say(
                f"| {rows:,} × {columns} | {name} | {named}/{tries} | {probable}/{tries} "
                f"| {min(odds):.1f} | {1000 * float(np.median(seconds)):.0f} |"
            )
    say("")


def negatives(
    cohort: EnrolledCohort,
    ours: pl.DataFrame,
    others: pl.DataFrame,
    fields: list[Field],
    by_name: dict[str, Field],
    count: int,
    say: Say,
) -> None:
    """Another cohort of the same dictionary, the cohort's own values shuffled, people drawn from a fit to it."""
    say("| who | accused | named | of | highest odds, decades |", "|---|---|---|---|---|")
    odds: dict[str, list[float]] = {"another cohort": [], "shuffled columns": [], "fitted to the cohort": []}
    for i in range(count):
        rng = np.random.default_rng(777_000 + i)
        rows, columns = SIZES[i % len(SIZES)]
        who = list(odds)[i // len(SIZES) % 3]
        if who == "another cohort":
            frame = find(others, fields, rows, columns, rng)
        elif who == "shuffled columns":
            frame = shuffled(find(ours, fields, rows, columns, rng), rng)
        else:
            frame = fitted(ours[:20_000].select(informative(fields, columns, rng)), rows, rng)
        change = list(CHANGES.values())[int(rng.integers(len(CHANGES)))]
        odds[who].append(ask(cohort, *change(frame, by_name))[0])
    for who, told in odds.items():
        accused, named = sum(one > PROBABLE for one in told), sum(one > POSSIBLE for one in told)
        say(f"| {who} | {accused} | {named} | {len(told):,} | {max(told, default=0.0):.1f} |")
    say("")


def peers(
    sources: dict[str, pl.DataFrame],
    unseen: pl.DataFrame,
    cohort: EnrolledCohort,
    fields: list[Field],
    by_name: dict[str, Field],
    tries: int,
    say: Say,
) -> None:
    """The same finds, rounded, given to others' tools, and as many of a like cohort that none of them knows."""
    built = [make(sources) for make in PEERS]
    say(
        "| tool | "
        + " | ".join(f"{r:,} × {c} found" for r, c in SIZES)
        + " | falsely named | build s | sketches MiB | ms |",
        "|---|" + "---|" * (len(SIZES) + 4),
    )
    cells_by_size = {
        (rows, columns): [
            (
                rounded(
                    find(sources["ours"], fields, rows, columns, np.random.default_rng(9_000 + rows + i)),
                    by_name,
                ),
                rounded(
                    find(unseen, fields, rows, columns, np.random.default_rng(8_000 + rows + i)), by_name
                ),
            )
            for i in range(tries)
        ]
        for rows, columns in SIZES
    }
    tools: list[tuple[str, Callable[[list[str], list[list[str]]], str | None], float, int]] = [
        ("cohortwatch", lambda n, c: "ours" if ask(cohort, n, c, True)[0] > PROBABLE else None, 0.0, 0),
        *((one.name, lambda _, c, one=one: one.ask(c), one.seconds, one.sketch_bytes) for one in built),  # type: ignore[misc]
    ]
    for tool, told, seconds, size in tools:
        found, false, started = [], 0, time.perf_counter()
        for cases in cells_by_size.values():
            found.append(sum(told(names, cells) == "ours" for (names, cells, _), _ in cases))
            false += sum(told(names, cells) is not None for _, (names, cells, _) in cases)
        took = 1000 * (time.perf_counter() - started) / (2 * tries * len(SIZES))
        counts = " | ".join(f"{one}/{tries}" for one in found)
        say(
            f"| {tool} | {counts} | {false}/{tries * len(SIZES)} | {seconds:.0f} | {size / 2**20:.1f} | {took:.0f} |"
        )


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
