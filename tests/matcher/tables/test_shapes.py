"""Shapes that compiled loops tell from bytes are those that patterns over strings tell."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

import polars as pl
import pytest

from matcher.content import ContentSketch
from matcher.contents import Cells, Table, Text
from matcher.tables.cell_bytes import bytes_of, first_of, holds, id_lines, id_shapes, looks_of, small_counts
from matcher.watermarks.pseudonyms import coded_cells, coded_id

ID = re.compile(r"\d{5,12}(?:[_-]\d{5,12})?|(?=[A-Za-z]*\d)(?=\d*[A-Za-z])[A-Za-z0-9_-]{6,40}")
COUNTS = ("1", "2", "3", "4", "1.0", "2.0", "3.0", "4.0")
BLANKS = ("", "", "", " ", "\t ", "\x1c", "\v", "\x00")
STRANGE = ("\u00a0", "\u2003", "\x85", "é", "١٢٣٤٥", "𝟏")
BREAKS = ("\n", "\r\n", "\r", "\v", "\f", "\x1c", "\x1d", "\x1e", "\n\n", " \n\t")
PIECES = (
    "1",
    "4",
    "0",
    "5",
    ".0",
    "12345",
    "1234567",
    "abcdefgh",
    "x9",
    "A",
    "_",
    "-",
    "+",
    "i",
    "l1o",
    "HG00096",
)


def cell(rng: random.Random, *, strange: bool) -> str:
    kind = rng.randrange(6)
    if kind == 0:
        inside = rng.choice(COUNTS)
    elif kind == 1:
        inside = "".join(rng.choices("0123456789", k=rng.choice((4, 5, 7, 10, 12, 13))))
    elif kind == 2:
        inside = "".join(rng.choices("0123456789abcdefghjkmnpqrstvwxyz", k=rng.choice((6, 12, 40, 41))))
    else:
        inside = "".join(rng.choices(PIECES, k=rng.randrange(6)))
    odd = rng.choice(STRANGE) if strange and rng.random() < 0.2 else ""
    return rng.choice((odd, "")) + rng.choice(BLANKS) + inside + rng.choice(BLANKS) + odd


def columns(seed: int) -> list[list[str]]:
    rng = random.Random(seed)
    return [[cell(rng, strange=n % 4 == 0) for _ in range(rng.choice((0, 1, 30, 130)))] for n in range(200)]


def as_arrow(cells: Sequence[str]) -> Cells:
    """The same cells within a longer column, as a reader gives them."""
    return Cells(pl.Series(["before", *cells], dtype=pl.String).to_arrow())[1:]  # type: ignore[return-value]


@pytest.mark.parametrize("seed", range(4))
def test_small_counts_and_ids_are_those_of_the_patterns(seed: int) -> None:
    told = 0
    for cells in columns(seed):
        for held in (cells, as_arrow(cells)):
            filled = [one.strip() for one in cells if one.strip()]
            small, shapes = small_counts(held), id_shapes(held)
            told += shapes is not None
            assert small in (sum(one in COUNTS for one in filled), None)
            assert shapes in ((len(filled), sum(ID.fullmatch(one) is not None for one in filled)), None)
            if all(one.isascii() for one in cells):
                assert small is not None
                assert shapes is not None
            head = [one.strip() for one in cells[:100] if one.strip()]
            assert coded_cells(held, 100) == (len(head), sum(coded_id(one) is not None for one in head))
    assert told > 250


@pytest.mark.parametrize("seed", range(4))
def test_lines_that_are_ids_are_those_of_splitlines(seed: int) -> None:
    rng = random.Random(seed)
    for cells in columns(seed + 10):
        text = "".join(one + rng.choice(BREAKS) for one in cells) + rng.choice(("", "1234567"))
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        known = (len(lines), sum(ID.fullmatch(line) is not None for line in lines))
        assert id_lines(text) == (known if text.isascii() else None)


def test_the_first_cells_are_copied_and_hold_nothing_of_the_rest() -> None:
    for cells in columns(20):
        column = as_arrow(cells)
        for most in (0, 1, 17, 1000):
            first = first_of(column, most)
            assert first.strings() == cells[:most]
            data, ends = bytes_of(first)
            assert data.tobytes() == "".join(cells[:most]).encode()
            assert ends[0] == 0
            assert data.base is None
            assert looks_of(column, most) == looks_of(column[:most]) == looks_of(cells[:most])


def test_a_slice_of_a_column_has_the_bytes_of_its_cells() -> None:
    for cells in columns(21):
        column = as_arrow(cells)
        bytes_of(column)
        for at in (slice(0, 5), slice(3, None), slice(7, 2), slice(-4, None), slice(500, 900)):
            data, offsets = bytes_of(column[at])
            assert data[offsets[0] : offsets[-1]].tobytes() == "".join(cells[at]).encode()
            assert offsets.size == len(cells[at]) + 1


def test_a_text_is_held_where_one_cell_is_all_of_it() -> None:
    for held in (["ab", "", "c é"], as_arrow(["ab", "", "c é"])):
        assert all(holds(held, text) for text in ("ab", "", "c é"))
        assert not any(holds(held, text) for text in ("a", "b", "abc", "é", "\ud800", "x"))
    assert not holds(as_arrow([]), "")


@pytest.mark.parametrize("seed", range(6))
def test_a_file_is_the_same_whatever_holds_its_cells(seed: int) -> None:
    """Arrow text and tuples of strings; whole and in pieces; tables of few kinds of cells and of many."""
    rng = random.Random(seed)
    kinds = set()
    for made in columns(seed + 30):
        if not made:
            continue
        width = rng.randrange(1, 4)
        # columns of one kind: ids in many rows, then noise in some
        base = [f"{rng.randrange(10**6, 10**7)}" if rng.random() < 0.95 else one for one in made]
        cells = [base, made, ["1"] * len(made)][:width]
        names = tuple(rng.choice(("eid", "n_cases", "word", "N", "31-0.0")) + str(i) for i in range(width))
        if rng.random() < 0.5:
            names = tuple(one[:-1] for one in names)
        cut = rng.randrange(len(made) + 1)
        answers = []
        for hold in (tuple, as_arrow):
            sketch = ContentSketch()
            for part in (slice(0, cut), slice(cut, None)):
                sketch.add(Table("t", names, tuple(hold(one[part]) for one in cells)))
            answers.append((*sketch.kind("csv", "x.csv"), sketch.columns, sketch.few))
        assert answers[0] == answers[1]
        kinds.add(answers[0][0])
    assert {"identifiers", "individual-level"} <= kinds


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("1234567\r\n7654321\n\n 2345678 \n", "identifiers"),
        ("1234567\n7654321\n", "text"),
        ("1234567\n7654321\n2345678\u00a0", "identifiers"),
        ("\n".join(["1234567"] * 11 + ["é"]), "identifiers"),
        ("\n".join(["1234567"] * 9 + ["no"]), "text"),
        (" \u2003\n", "unknown"),
        ("x = 1\ny = 2\nz = 3\nw = 4\n\n", "code"),
        ("x = 1\ny = 2\nz = 3\n", "text"),
    ],
)
def test_text_is_ids_statements_or_prose(text: str, kind: str) -> None:
    sketch = ContentSketch()
    sketch.add(Text("x", text))
    assert sketch.kind("", "x")[0] == kind
