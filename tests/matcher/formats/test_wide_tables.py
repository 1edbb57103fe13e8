"""Tables of thousands of columns, upright or on their side, are told by content and read in full, in little memory."""

from __future__ import annotations

import json
import random

import pytest

from matcher.contents import FileEnded, Table, Text
from matcher.formats import delimited
from matcher.reading import read_bytes

COUNT = 12
WORDS = ("the", "of", "people", "who", "were", "seen", "at", "home")


def upright(width: int, rows: int) -> list[list[str]]:
    of = random.Random(width)
    names = ["eid", *(f"{20_000 + n}-0.0" for n in range(width))]
    ids = [str(1_000_000 + 7 * n) for n in range(rows)]
    return [
        names,
        *([one, *(f"{of.gauss(27, 4):.2f}" if n % 9 else "" for n in range(width))] for one in ids),
    ]


def on_its_side(width: int, *, named: bool = True) -> list[list[str]]:
    rows = [list(row) for row in zip(*upright(COUNT, width), strict=True)]
    return rows if named else [row[1:] for row in rows[1:]]


def text(rows: list[list[str]], delimiter: str = ",") -> bytes:
    return "".join(delimiter.join(row) + "\n" for row in rows).encode()


def read(data: bytes, name: str = "x") -> tuple[FileEnded, list[Table]]:
    events = list(read_bytes(name, data))
    ended = events[-1]
    assert isinstance(ended, FileEnded)
    return ended, [one for one in events if isinstance(one, Table)]


def rows_of(found: list[Table]) -> list[list[str]]:
    body = [list(row) for table in found for row in zip(*table.cells, strict=True)]
    return [list(found[0].columns), *body] if found[0].has_header else body


@pytest.mark.parametrize("width", [5_000, 9_000, 40_000])
@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
@pytest.mark.parametrize("name", ["x", "x.csv"])
def test_a_table_on_its_side_is_told_by_content(width: int, delimiter: str, name: str) -> None:
    rows = on_its_side(width)
    ended, found = read(text(rows, delimiter), name)
    assert (ended.format, ended.skipped) == ("csv", None)
    assert rows_of(found) == rows


def test_one_without_names_is_told_too() -> None:
    rows = on_its_side(20_000, named=False)
    ended, found = read(text(rows))
    assert (ended.format, ended.skipped) == ("csv", None)
    assert rows_of(found) == rows


@pytest.mark.parametrize("name", ["x", "x.csv"])
@pytest.mark.parametrize(("width", "count"), [(300, 6_000), (1_500, 700), (3_000, 100), (9_000, 60)])
def test_an_upright_table_of_many_columns_is_read_in_full(width: int, count: int, name: str) -> None:
    rows = upright(width, count)
    ended, found = read(text(rows), name)
    assert (ended.format, ended.skipped) == ("csv", None)
    assert {table.columns for table in found} == {tuple(rows[0])}
    assert rows_of(found) == rows


@pytest.mark.parametrize(
    "data",
    [
        ",".join(str(1_000_000 + 7 * n) for n in range(40_000)).encode(),  # ids in one line
        ("var a=" + ",".join(f"function(b){{return {n}}}" for n in range(9_000)) + "\n").encode() * 3,
        (" ".join(random.Random(1).choices(WORDS, k=40_000)) + "\n").encode() * 3,
        (", ".join(random.Random(1).choices(WORDS, k=40_000)) + "\n").encode() * 3,
        ("AGCT" * 40_000 + "\n").encode() * 3,
        json.dumps({"a": list(range(40_000))}).encode(),
    ],
)  # fmt: skip
def test_long_lines_of_other_things_are_no_table(data: bytes) -> None:
    ended, found = read(data)
    assert ended.skipped is None
    assert ended.format == "json" or found == []


def test_ids_in_one_line_stay_text_to_the_last() -> None:
    ids = [str(1_000_000 + 7 * n) for n in range(40_000)]
    texts = [one.text for one in read_bytes("x", ",".join(ids).encode()) if isinstance(one, Text)]
    assert "".join(texts[-1:]).endswith(ids[-1])


def test_a_line_that_never_ends_is_read_as_text() -> None:
    ended, found = read(b"1," * (10 << 20))
    assert found == []
    assert ended.skipped is None


def test_a_recogniser_that_is_surer_is_not_outdone() -> None:
    head = text(on_its_side(9_000))[: 64 << 10]
    assert delimited.sniff("x", head) == 1
    assert delimited.sniff("x", b"a b c\n" + b"x" * (70 << 10)) == 0


@pytest.mark.parametrize("width", [3, 300])
def test_cells_in_quotes_between_blanks_stay_whole(width: int) -> None:
    """As R's `write.table` writes names of rows and words."""
    of = random.Random(width)
    names = " ".join(f'"V{n}"' for n in range(width))
    rows = [
        f'"P {n}" "not known" ' + " ".join(f"{of.gauss(27, 4):.2f}" for _ in range(width - 1))
        for n in range(40)
    ]
    _, tables = read("\n".join([names, *rows]).encode())
    assert [cell for one in tables for cell in one.cells[0]] == [f"P {n}" for n in range(40)]
    assert {cell for one in tables for cell in one.cells[1]} == {"not known"}
    assert tables[0].columns[1:3] == ("V0", "V1")
