"""Frames pasted into programs: rows that pandas, R, NumPy and JSON wrote are found; code holds no tables."""

from __future__ import annotations

import io
import itertools
import json
import pprint
import random
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from matcher.contents import Limits, Opened, Table, Text, Unreadable
from matcher.examine import Examiner
from matcher.formats import plain_text, script_literals
from matcher.formats.literal_items import Scanner
from matcher.formats.script_literals import literal_tables
from matcher.reading import read_bytes
from matcher.sketches import EnrolledCohort
from tests.matcher.tables.made import KEYS, draw_ids, draw_people, enrol_cohort, pick, write_csv

ROOT = Path(__file__).parents[3]
PEOPLE = 5_000
FIELDS = (
    "34-0.0",
    "53-0.0",
    "50-0.0",
    "21002-0.0",
    "21001-0.0",
    "41270-0.0",
    "30600-0.0",
    "30610-0.0",
    "4100-0.0",
)
WORDS = ("53-0.0", "41270-0.0")
CODE = (ROOT / "matcher" / "examine.py").read_text(encoding="utf-8")


def tables(text: str, step: int = 0) -> list[Table]:
    """The tables of a text, given in pieces of so many letters."""
    if not step:
        return list(literal_tables("x", text, Limits()))
    literals = script_literals.Literals("x", Limits())
    found = [t for at in range(0, len(text), step) for t in literals.feed(text[at : at + step])]
    return found + list(literals.end())


def rows_of(found: list[Table]) -> list[list[str]]:
    return [list(row) for table in found for row in zip(*table.cells, strict=True)]


# --- frames of a cohort, as other programs write them --------------------------------------------------------------


@pytest.fixture(scope="module")
def examiner(tmp_path_factory: pytest.TempPathFactory) -> Examiner:
    folder = tmp_path_factory.mktemp("cohort")
    columns = {"eid": draw_ids(1, PEOPLE), **draw_people(2, PEOPLE)}
    enrol_cohort(folder / "c", [write_csv(folder / "c.csv", columns)], "eid", KEYS)
    return Examiner((EnrolledCohort("c", PEOPLE, folder / "c"),), KEYS)


def frame(seed: int = 2) -> pd.DataFrame:
    """60 people of the cohort (seed 2) or of nobody (another), without ids."""
    some = pick(draw_people(seed, PEOPLE), range(700, 760), FIELDS)
    return pd.DataFrame(
        {name: cells if name in WORDS else pd.to_numeric(pd.Series(cells)) for name, cells in some.items()}
    )


def by_r(script: str, data: pd.DataFrame) -> str:
    given = data.to_csv(index=False)
    script = f'd <- read.csv(file("stdin"), check.names = FALSE); {script}'
    return subprocess.run(
        ["Rscript", "-e", script], input=given, capture_output=True, text=True, check=True, timeout=60
    ).stdout


def vectors(data: pd.DataFrame, form: str, join: str) -> str:
    """Each column as an R vector."""
    return join.join(
        form.format(n=n, v=", ".join("NA" if one != one else repr(one) for one in data[name].tolist()))
        for n, name in enumerate(data)
    )


def with_stamps(data: pd.DataFrame) -> pd.DataFrame:
    return data.assign(**{"53-0.0": pd.to_datetime(data["53-0.0"])})


WRITTEN: dict[str, Callable[[pd.DataFrame], str]] = {
    "columns.py": lambda d: f"df = pd.DataFrame({d.to_dict('list')!r})\n",
    "by_row.py": lambda d: f"df = {d.to_dict()!r}",
    "split.py": lambda d: f"df = {d.to_dict('split')!r}",
    "by_index.py": lambda d: f"df = {d.to_dict('index')!r}",
    "records.py": lambda d: f"df = {d.to_dict('records')!r}",
    "stamps.py": lambda d: f"df = {with_stamps(d).to_dict('list')!r}",
    "pretty.py": lambda d: f"df = {pprint.pformat(d.to_dict('records'))}",
    "tuples.py": lambda d: f"rows = {list(d.itertuples(index=False, name=None))!r}\n",
    "named_tuples.py": lambda d: (
        f"rows = {list(d.rename(columns=lambda c: 'f' + c[:2]).itertuples(index=False))!r}\n"
    ),
    "in_code.py": lambda d: f"{CODE}\nrows = {list(d.itertuples(index=False, name=None))!r}\n{CODE}",
    "append.py": lambda d: "".join(f"rows.append({row!r})\n" for row in d.itertuples(index=False, name=None)),
    "array.py": lambda d: f"x = np.{d.drop(columns=list(WORDS)).to_numpy()!r}\n",
    "printed.txt": lambda d: f"Output:\n{d.drop(columns=list(WORDS)).to_numpy()}\nDone.\n",
    "rows.js": lambda d: f"const rows = {d.to_json(orient='values')};\nexport default rows;\n",
    "data.js": lambda d: f"window.data = {d.to_json(orient='records')};\n",
    "objects.js": lambda d: (
        "const a = [\n"
        + "".join(
            "  { " + ", ".join(f"v{n}: {json.dumps(v)}" for n, v in enumerate(row)) + " },\n"
            for row in json.loads(d.to_json(orient="values"))
        )
        + "];\n"
    ),
    "frame.R": lambda d: f"d <- data.frame({vectors(d, 'v{n} = c({v})', ', ')})\n",
    "skipped.R": lambda d: (
        f"d <- data.frame(a = 1:60, {vectors(d, 'v{n} = c({v}), r{n} = rep(1, 60)', ', ')})\n"
    ),
    "dollar.R": lambda d: vectors(d, "d$v{n} <- c({v})", "\n"),
    "rows.R": lambda d: (
        "d <- rbind("
        + ",\n".join(f"c{row!r}" for row in d.fillna(0).itertuples(index=False, name=None))
        + ")\n"
    ),
    "matrix.m": lambda d: (
        "x = ["
        + "; ".join(
            " ".join(map(str, row)) for row in d.drop(columns=list(WORDS)).to_numpy().tolist()
        ).replace("nan", "NaN")
        + "];\n"
    ),
    "frame.jl": lambda d: (
        "df = DataFrame("
        + ", ".join(
            f"v{n} = {json.dumps(json.loads(d[name].to_json(orient='values')))}".replace("null", "missing")
            for n, name in enumerate(d)
        )
        + ")\n"
    ),
}
BY_R: dict[str, str] = {
    "dput.R": "dput(d)",
    "factors.R": "d[[2]] <- as.Date(d[[2]]); d[[6]] <- factor(d[[6]]); dput(d)",
    "matrix.R": "dput(as.matrix(d[, -c(2, 6)]))",
    "tribble.R": (
        'cat("d <- tribble(", paste0("~`", names(d), "`", collapse = ", "), ",\n", '
        'paste(apply(d, 1, function(r) paste(sapply(r, deparse), collapse = ", ")), collapse = ",\n"), ")\n")'
    ),
}


def best_of(examiner: Examiner, name: str, text: str) -> str:
    (answer,) = examiner.content(name, text.encode())
    assert answer["skipped"] is None
    return str(answer["verdict"])


@pytest.mark.parametrize("name", WRITTEN)
def test_people_in_a_program_are_found(examiner: Examiner, name: str) -> None:
    assert best_of(examiner, name, WRITTEN[name](frame())) in ("probable", "confirmed")


@pytest.mark.skipif(shutil.which("Rscript") is None, reason="R is not installed")
@pytest.mark.parametrize("name", BY_R)
def test_people_that_r_wrote_out_are_found(examiner: Examiner, name: str) -> None:
    assert best_of(examiner, name, by_r(BY_R[name], frame())) in ("probable", "confirmed")


@pytest.mark.parametrize("name", WRITTEN)
def test_other_people_in_a_program_are_nobody(examiner: Examiner, name: str) -> None:
    assert best_of(examiner, name, WRITTEN[name](frame(seed=9))) == "none"


def test_people_in_a_cell_of_a_notebook_are_found(examiner: Examiner) -> None:
    source = WRITTEN["tuples.py"](frame()).splitlines(keepends=True)
    cell = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": source}
    text = json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    assert best_of(examiner, "n.ipynb", text) in ("probable", "confirmed")


@pytest.mark.skipif(shutil.which("Rscript") is None, reason="R is not installed")
def test_what_r_says_of_days_and_levels_comes_back() -> None:
    wanted = frame()
    (table,) = tables(by_r("d[[2]] <- as.Date(d[[2]]); d[[6]] <- factor(d[[6]]); dput(d)", wanted))
    found = dict(zip(table.columns, table.cells, strict=True))
    assert list(table.columns) == list(FIELDS)
    for name in WORDS:
        assert list(found[name]) == wanted[name].tolist()


# --- what is told of them ------------------------------------------------------------------------------------------


def drawn(rows: int = 40, width: int = 6, seed: int = 1) -> list[list[float]]:
    of = random.Random(seed)
    return [[round(of.gauss(20, 5), 3) for _ in range(width)] for _ in range(rows)]


def written(rows: list[list[float]]) -> list[list[str]]:
    return [list(map(repr, row)) for row in rows]


def test_cells_of_every_way_to_write_a_scalar() -> None:
    dates = "Timestamp('2008-01-02 00:00:00'), np.float64(1.5), datetime.date(2020, 1, 2)"
    values = f"{dates}, 5L, 1_000, 'it\\'s', NA, -.5e3"
    (table,) = tables("x = [" + ", ".join(f"({values}, {n}.25, {n}1)" for n in range(8)) + "]")
    cells = ["2008-01-02", "1.5", "2020-01-02", "5", "1000", "it's", "", "-.5e3"]
    assert rows_of([table]) == [[*cells, f"{n}.25", f"{n}1"] for n in range(8)]


@pytest.mark.parametrize("step", [7, 1_000, 300_000])
def test_pieces_cut_no_table(step: int) -> None:
    rows = drawn(6_000 if step > 1_000 else 300)
    assert rows_of(tables(f"x = {rows!r}", step)) == written(rows)
    columns = {f"v{n}": [row[n] for row in rows] for n in range(6)}
    assert rows_of(tables(f"x = {columns!r}", step)) == written(rows)


def test_names_stand_over_rows_behind_or_before_them() -> None:
    rows = drawn(8, 4)
    for text in (
        f"pd.DataFrame({rows!r}, columns=['a', 'b', 'c', 'd'])",
        f"columns = ['a','b','c','d']\nx = {rows!r}",
    ):
        (table,) = tables(text)
        assert table.columns == ("a", "b", "c", "d")
        assert rows_of([table]) == written(rows)


def test_records_in_any_order_of_their_keys() -> None:
    text = ", ".join(
        "{"
        + ", ".join(
            f"{k}: {n}.{at}1" for at, k in (enumerate("abc") if n % 2 else reversed([*enumerate("abc")]))
        )
        + "}"
        for n in range(9)
    )
    (table,) = tables(f"[{text}]")
    assert set(table.columns) == set("abc")
    by_name = dict(zip(table.columns, table.cells, strict=True))
    assert list(by_name["b"]) == [f"{n}.11" for n in range(9)]


def test_ids_that_name_rows_are_kept_with_them() -> None:
    rows = drawn(9, 4)
    (table,) = tables("d = {" + ", ".join(f"'{1_000_123 + n}': {row!r}" for n, row in enumerate(rows)) + "}")
    assert rows_of([table]) == [[str(1_000_123 + n), *row] for n, row in enumerate(written(rows))]


def test_the_text_is_given_as_it_was() -> None:
    text = f"# ids: 1234567\nx = {drawn()!r}\n"
    parts = list(plain_text.read(Opened("x", io.BytesIO(text.encode()), len(text)), Limits()))
    assert "".join(part.text for part in parts if isinstance(part, Text)) == text
    assert sum(isinstance(part, Table) for part in parts) == 1


# --- what is no table ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "colours = [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [0, 1, 1], [1, 0, 1], [1, 1, 1], [0, 0, 0]]",
        "grid = {'depth': [1, 2, 3, 4, 5], 'rate': [0.1, 0.2, 0.5, 1, 2]}",
        "f(1:60, 2:61); f(x, y, z); [a, b, c], [d, e, f]",
        "names = [" + ", ".join(f"('{one}', '{one}a', '{one}b')" for one in "abcdefghijkl") + "]",
        "x = [" + ", ".join(f"[{n}, g({n}), x{n}]" for n in range(50)) + "]",
        "x = [" + ", ".join(f"[{n}.5, {n}.25" for n in range(50)),
    ],
)
def test_constants_calls_and_ranges_are_no_tables(text: str) -> None:
    assert tables(text) == []


def test_this_program_holds_few_tables() -> None:
    files = [
        file
        for folder in ("matcher", "crawler", "takedown", "tests")
        for file in ROOT.glob(f"{folder}/**/*.py")
    ]
    with_tables = sum(bool(tables(file.read_text(encoding="utf-8"))) for file in files)
    assert len(files) > 300
    assert with_tables * 50 < len(files)


def test_a_table_with_brackets_stays_a_delimited_one() -> None:
    text = "a,b,c\n" + "".join(f'{n},"({n}, {n + 1})",{n * 7}.5\n' for n in range(80))
    assert plain_text.sniff("x.txt", text.encode()) == 1
    assert plain_text.sniff("x.py", f"rows = {drawn()!r}".encode()) == 3


# --- hostile texts -------------------------------------------------------------------------------------------------

HOSTILE: dict[str, Callable[[int], str]] = {
    "open brackets": lambda size: "[" * size,
    "nested lists": lambda size: "[1," * (size // 3),
    "nested and closed": lambda size: ("[" * 1000 + "]" * 1000) * (size // 2000),
    "empty lists": lambda size: "[]," * (size // 3),
    "unterminated strings": lambda size: '["a' * (size // 3),
    "unterminated strings on lines": lambda size: '["a,\n' * (size // 5),
    "escapes": lambda size: "['a\\" * (size // 4),
    "open list": lambda size: "x = [" + "1.25, " * (size // 6),
    "list of everything": lambda size: "x = [" + "1.25, " * (size // 6) + "x]",
    "keys": lambda size: "{a:1," * (size // 5),
    "pairs": lambda size: "[1.5, 2.5]," * (size // 11),
    "one name": lambda size: "x = [1, 2, 3, 4, 5, 6.5]\n" * (size // 25),
    "many names": lambda size: "".join(f"x{n} = [1.5, 2, 3, 4, 5, {n}]\n" for n in range(size // 32)),
    "wide records": lambda size: ("{" + ",".join(f"k{n}:{n}" for n in range(3000)) + "},") * (size // 27_000),
    "blanks": lambda size: ("[1" + " " * 600) * (size // 602),
    "comments": lambda size: "[1,#\n" * (size // 5),
    "calls": lambda size: "[date(" * (size // 6),
    "signs": lambda size: "".join(random.Random(1).choices("[](){}\"',;: \n1aN=.-~`\\#/", k=size)),
}


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_texts_come_to_an_end(name: str) -> None:
    """Work by the square of their size would not."""
    assert len(list(itertools.islice(tables(HOSTILE[name](1 << 21), 1 << 17), 10))) <= 10


@pytest.mark.timeout(120)
def test_fifty_million_brackets() -> None:
    data = b"[" * 50_000_000
    parts = list(plain_text.read(Opened("x", io.BytesIO(data), len(data)), Limits()))
    assert not any(isinstance(part, Table) for part in parts)


def test_a_list_that_never_ends_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("matcher.formats.literal_items.MOST_CELLS", 10_000)
    scanner = Scanner()
    for _ in range(20):
        assert list(scanner.feed("[" + "1.5, " * 60_000)) == []
    assert [item.cells for item in scanner.end()] == [[]]


def test_more_lists_than_are_looked_at_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(script_literals, "_MOST_WORK", 1_000)
    text = f"x = {drawn(400)!r}".encode()
    given: list[Table | Text] = []
    with pytest.raises(Unreadable, match="too-large"):
        given.extend(plain_text.read(Opened("x", io.BytesIO(text), len(text)), Limits()))


def test_numbers_of_numpy_stay_as_printed() -> None:
    with np.printoptions(threshold=10**6, linewidth=200):
        (table,) = tables(str(np.array(drawn())))
    assert len(table.columns) == 6
    assert table.rows_count == 40


def test_a_frame_in_the_code_of_a_report_is_a_table_beside_those_that_are_drawn() -> None:
    rows = ", ".join(f"({1_000_001 + number}, {number % 2}, {20 + number / 8})" for number in range(40))
    report = f"# Report\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```python\nrows = [{rows}]\n```\n"
    tables = [one for one in read_bytes("report.md", report.encode()) if isinstance(one, Table)]
    assert [one.rows_count for one in tables] == [1, 40]
