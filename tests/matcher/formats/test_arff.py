"""ARFF: what SciPy reads of a file, we read of it; names with blanks, quotes, missing cells, sparse rows."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.io import arff as scipy_arff

from matcher.contents import Limits, Opened, Table, Unreadable
from matcher.examine import Examiner
from matcher.formats import arff
from matcher.sketches import EnrolledCohort
from matcher.sniffing import format_of
from tests.matcher.tables.made import KEYS, draw_ids, draw_people, enrol_cohort, pick, write_csv

PEOPLE = 5_000
FIELDS = ("34-0.0", "53-0.0", "50-0.0", "21002-0.0", "21001-0.0", "30600-0.0")


def read(text: str) -> Table:
    (table,) = arff.read(Opened("x.arff", io.BytesIO(text.encode()), len(text)), Limits())
    return table


def rows_of(table: Table) -> list[list[str]]:
    return [list(row) for row in zip(*table.cells, strict=True)]


def drawn() -> str:
    of = np.random.default_rng(4)
    lines = [f"{of.normal():.6f},{of.choice(['yes', 'no'])},{of.integers(100)}" for _ in range(50)]
    names = "@ATTRIBUTE 'body mass' REAL\n@ATTRIBUTE smokes {yes, no}\n@attribute n integer\n"
    return f"% made up\n@RELATION some\n\n{names}" + "@DATA\n" + "\n".join(lines) + "\n"


def test_the_same_as_scipy_reads() -> None:
    data, meta = scipy_arff.loadarff(io.StringIO(drawn()))
    table = read(drawn())
    assert list(table.columns) == [name.strip("'") for name in meta.names()]
    assert [[float(a), b, float(c)] for a, b, c in rows_of(table)] == [
        [a, b.decode(), c] for a, b, c in data.tolist()
    ]


def test_quotes_commas_and_missing_cells() -> None:
    text = """@relation 'a b'
@attribute "with ""blank" string
@attribute 'it\\'s' {'x, y', z}
@attribute day date "yyyy-MM-dd"
@data
% a comment
'one, two', 'x, y', "2008-01-02"
?, z, ?
'it\\'s', z, 2009-03-04, {5}
"""
    table = read(text.replace('"with ""blank"', '"with blank"'))
    assert table.columns == ("with blank", "it's", "day")
    assert rows_of(table) == [["one, two", "x, y", "2008-01-02"], ["", "z", ""], ["it's", "z", "2009-03-04"]]


def test_sparse_rows_hold_what_they_leave_out() -> None:
    head = "@relation x\n@attribute a numeric\n@attribute b {red, green}\n@attribute c numeric\n@data\n"
    assert rows_of(read(head + "{0 1.5, 1 green}\n{}\n{2 ?, 99 4, x 3}\n")) == [
        ["1.5", "green", "0"],
        ["0", "red", "0"],
        ["0", "red", ""],
    ]


@pytest.mark.parametrize(
    "text",
    [
        "a,b\n1,2\n3,4\n5,6\n",
        "@article{a,\n title={b}}\n",
        "hello @relation\n@attribute\n",
        "@relation x\n",
        "@media {}\n",
    ],
)
def test_other_texts_are_not_its(text: str) -> None:
    assert arff.sniff("x.arff", text.encode()) == 0


def test_told_by_content() -> None:
    assert format_of("data.txt", drawn().encode()) is arff


@pytest.mark.parametrize("text", ["@relation x\n@attribute a numeric\n", "@relation x\n@data\n1,2\n"])
def test_one_without_columns_or_rows_is_damaged(text: str) -> None:
    with pytest.raises(Unreadable, match="damaged"):
        read(text)


HOSTILE: dict[str, Callable[[], str]] = {
    "quotes": lambda: "'" * 100_000,
    "braces": lambda: "{" * 100_000,
    "numbers": lambda: "{" + "9" * 100_000 + " 1}",
    "signs": lambda: "\\" * 99_999 + "'\"",
    "zeros": lambda: "1,\0,2",
    "row": lambda: "1," * 100_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_rows_are_rows(name: str) -> None:
    table = read(f"@relation x\n@attribute a string\n@attribute b string\n@data\n{HOSTILE[name]()}\n1,2\n")
    assert rows_of(table)[-1] == ["1", "2"]


def test_people_are_found(tmp_path: Path) -> None:
    source = write_csv(tmp_path / "c.csv", {"eid": draw_ids(1, PEOPLE), **draw_people(2, PEOPLE)})
    enrol_cohort(tmp_path / "c", [source], "eid", KEYS)
    examiner = Examiner((EnrolledCohort("c", PEOPLE, tmp_path / "c"),), KEYS)
    for seed, verdicts in ((2, ("probable", "confirmed")), (9, ("none",))):
        columns = pick(draw_people(seed, PEOPLE), range(300, 340), FIELDS)
        names = "".join(f"@attribute v{n} string\n" for n in range(len(columns)))
        body = "\n".join(",".join(cell or "?" for cell in row) for row in zip(*columns.values(), strict=True))
        (answer,) = examiner.content("x.arff", f"@relation x\n{names}@data\n{body}\n".encode())
        assert answer["format"] == "arff"
        assert answer["verdict"] in verdicts
