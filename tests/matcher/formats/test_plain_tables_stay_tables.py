"""No reader takes a plain table of participants for something else: ids and values come out, whatever the columns."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from matcher.contents import FileEnded, Table, Text
from matcher.reading import read_bytes

TABLES = 160
ENDINGS = ("csv", "txt", "dat", "tsv", "ped", "raw", "geno", "phe", "")

KINDS: dict[str, Callable[[random.Random], str]] = {
    "score": lambda of: f"{of.uniform(1, 30):.1f}",
    "litres": lambda of: f"{of.uniform(1, 6):.2f}",
    "residual": lambda of: f"{of.gauss(0, 1):.3f}",
    "component": lambda of: f"{of.gauss(0, 0.01):.6f}",
    "share": lambda of: f"{of.uniform(0, 2):.3f}",
    "yes": lambda of: str(of.randint(0, 1)),
    "level": lambda of: str(of.randint(0, 2)),
    "answer": lambda of: str(of.randint(1, 4)),
    "coded": lambda of: str(of.choice([-9, -3, -1, 0, 1, 2])),
    "constant": lambda _: "0",
    "age": lambda of: str(of.randint(40, 99)),
    "count": lambda of: str(of.randint(1_000, 99_999)),
    "day": lambda of: f"{of.randint(1940, 2020)}-{of.randint(1, 12):02}-{of.randint(1, 28):02}",
    "time": lambda of: f"{of.randint(7, 19)}:{of.randint(0, 59):02}",
    "month": lambda of: f"{of.randint(1, 12)}-{of.randint(1990, 2020)}",
    "tube": lambda of: f"{of.randint(1, 20)}_{of.randint(10_000, 99_999)}",
    "word": lambda of: of.choice(["yes", "no", "never", "A", "C", "G", "T"]),
    "blood": lambda of: of.choice(["AA", "AG", "GG"]),
    "icd": lambda of: f"{of.choice('ABCDEI')}{of.randint(0, 99):02}.{of.randint(0, 9)}",
}


def drawn(seed: int) -> tuple[str, str, set[str], set[str]]:
    """A table by seed: its name, its text, its ids and its values."""
    of = random.Random(seed)
    rows, width = of.choice([5, 20, 80, 200]), of.choice([1, 3, 4, 5, 6, 8, 12, 30, 60])
    pool = of.sample(sorted(KINDS), of.choice([1, 2, 3, 6]))
    kinds = [of.choice(pool) for _ in range(width)]
    if of.random() < 0.5:
        kinds.sort()
    delimiter = of.choice([",", "\t", ";", " "])
    missing = "NA" if delimiter == " " else ""
    gaps = of.choice([0.0, 0.0, 0.03])
    columns = [[KINDS[kind](of) if of.random() >= gaps else missing for _ in range(rows)] for kind in kinds]
    ids = [str(of.randint(1_000_000, 6_000_000)) for _ in range(rows)]
    at = of.choice([0, 0, 0, width])
    columns.insert(at, ids)
    names = {
        "words": [f"{kind}_{number}" for number, kind in enumerate(kinds)],
        "fields": [f"{of.randint(3, 30_000)}-0.0" for _ in kinds],
        "none": [],
    }[of.choice(["words", "fields", "none"])]
    lines = [delimiter.join(row) for row in zip(*columns, strict=True)]
    if names:
        lines.insert(0, delimiter.join([*names[:at], "eid", *names[at:]]))
    values = {cell for column in columns for cell in column if cell}
    return f"x.{of.choice(ENDINGS)}".rstrip("."), "\n".join(lines) + "\n", set(ids), values


@pytest.mark.parametrize("seed", range(TABLES))
def test_ids_and_values_of_a_plain_table_come_out(seed: int) -> None:
    name, text, ids, values = drawn(seed)
    seen: set[str] = set()
    for event in read_bytes(name, text.encode()):
        if isinstance(event, Table):
            seen.update(event.columns, *event.cells)
        elif isinstance(event, Text):  # a list of one column
            seen.update(event.text.split())
        elif isinstance(event, FileEnded):
            assert event.skipped is None
    assert ids <= seen
    assert len(values - seen) <= 0.02 * len(values)


@pytest.mark.parametrize(
    "columns",
    [
        ("litres", "score", "yes", "level", "answer"),
        ("time", "level", "yes", "constant"),
        ("month", "yes", "level", "constant"),
        ("tube", "yes", "level", "constant"),
    ],
)
def test_values_that_look_like_places_make_no_genotypes(columns: tuple[str, ...]) -> None:
    """`4.61` is no base of chromosome 4, and three columns of answers behind it are no samples."""
    of = random.Random(7)
    rows = [
        ",".join([str(1_000_000 + 37 * number), *(KINDS[one](of) for one in columns)])
        for number in range(200)
    ]
    events = list(read_bytes("x.csv", "\n".join([",".join(["eid", *columns]), *rows]).encode()))
    tables = [one for one in events if isinstance(one, Table)]
    assert [one.columns for one in tables] == [("eid", *columns)]
    assert tables[0].rows_count == 200


def test_a_table_that_its_own_reader_cannot_take_apart_is_read_as_a_table() -> None:
    """Its name says .ped and its cells could be alleles, but no .map stands beside it."""
    of = random.Random(8)
    ids = [str(1_000_000 + 37 * number) for number in range(60)]
    rows = [" ".join([one, *(str(of.randint(0, 2)) for _ in range(11))]) for one in ids]
    events = list(read_bytes("phenotypes.ped", ("\n".join(rows) + "\n").encode()))
    assert isinstance(events[-1], FileEnded)
    assert events[-1].skipped == "damaged"
    (table,) = [one for one in events if isinstance(one, Table)]
    assert list(table.cells[0]) == ids
    assert len(table.cells) == 12
