"""Columns told by where they stand: what pandas, R, SQLite and PostgreSQL print, and what only looks like it."""

from __future__ import annotations

import io
import shutil
import sqlite3
import subprocess
from pathlib import Path
from typing import Any
from unicodedata import east_asian_width

import numpy as np
import pandas as pd
import polars as pl
import pytest
from rich.console import Console
from rich.table import Table as RichTable

from matcher.contents import FileEnded, Limits, Table, Text
from matcher.formats import delimited, fixed_width
from matcher.reading import read_bytes, read_path
from matcher.sniffing import format_of
from tests.matcher.formats.tables_made import ended, found_rows, same
from tests.matcher.research import KINDS

COLUMNS = ("eid", "34-0.0", "visit", "50-0.0", "icd", "30600-0.0", "place")
PLACES = ("Stoke on Trent", "Leeds", "", "Bury")


def rows(count: int = 60, seed: int = 3) -> list[list[str]]:
    """Rows of values, words and several words, with empty cells in most of them."""
    rng = np.random.default_rng(seed)
    made = []
    for number in range(count):
        row = [
            str(rng.integers(1_000_000, 6_000_000)),
            str(rng.integers(1937, 1970)),
            f"20{rng.integers(10, 20)}-05-{rng.integers(1, 28):02}",
            f"{rng.normal(168, 9):.1f}",
            f"{'CEI'[rng.integers(3)]}{rng.integers(100):02}.1",
            f"{rng.normal(40, 5):.3f}",
            PLACES[number % 4],
        ]
        empty = rng.random(len(row)) < 0.2
        made.append([cell if at == 0 or not empty[at] else "" for at, cell in enumerate(row)])
    return made


def frame(count: int = 60) -> pd.DataFrame:
    return pd.DataFrame(rows(count), columns=list(COLUMNS))


def by_r(tmp_path: Path, says: str, frame_of: pd.DataFrame | None = None) -> str:
    """What R prints of the rows."""
    if shutil.which("Rscript") is None:
        pytest.skip("needs R")
    (frame() if frame_of is None else frame_of).to_csv(tmp_path / "d.csv", index=False)
    program = (
        f'd <- read.csv("{tmp_path}/d.csv", check.names=FALSE, colClasses="character", na.strings=character());'
        f"options(max.print=1e7, width=200); {says}"
    )
    return subprocess.run(["Rscript", "-e", program], check=True, capture_output=True, text=True).stdout


def by_sqlite(tmp_path: Path, mode: str = "column") -> str:
    if shutil.which("sqlite3") is None:
        pytest.skip("needs the shell of SQLite")
    base = sqlite3.connect(tmp_path / "d.db")
    frame().to_sql("p", base, index=False)
    base.close()
    command = ["sqlite3", "-header", str(tmp_path / "d.db"), f".mode {mode}", "select * from p"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def by_rich() -> str:
    """A frame of heavy and light lines, as polars and DuckDB draw as well."""
    table = RichTable(*COLUMNS)
    for row in rows():
        table.add_row(*row)
    out = io.StringIO()
    Console(file=out, width=200, color_system=None).print(table)
    return out.getvalue()


def padded(cells: list[list[str]], gap: int = 2, *, left: bool = True) -> str:
    widths = [max(map(shown, column)) + gap for column in zip(*cells, strict=True)]
    lines = []
    for row in cells:
        fills = [
            " " * (width - shown(cell)) + cell if not left else cell + " " * (width - shown(cell))
            for cell, width in zip(row, widths, strict=True)
        ]
        lines.append("".join(fills).rstrip() + "\n")
    return "".join(lines)


def shown(cell: str) -> int:
    return len(cell) + sum(east_asian_width(sign) in "WF" for sign in cell)


def printed(form: str, tmp_path: Path) -> str:
    whole = frame()
    match form:
        case "pandas":
            return whole.to_string()
        case "pandas without index":
            return whole.to_string(index=False)
        case "pandas left":
            return whole.to_string(index=False, justify="left")
        case "R":
            return by_r(tmp_path, "print(d)")
        case "R left":
            return by_r(tmp_path, "print(d, right=FALSE)")
        case "R without names":
            return by_r(tmp_path, "print(d, row.names=FALSE)")
        case "R formatted":
            return by_r(
                tmp_path,
                "f <- rbind(names(d), as.matrix(d)); cat(apply(apply(f, 2, format, width=14), 1, paste,"
                " collapse=''), sep='\\n')",
            )
        case "sqlite":
            return by_sqlite(tmp_path)
        case "sqlite box":
            return by_sqlite(tmp_path, "box")
        case "rich":
            return by_rich()
        case "filled":
            return "".join("".join(cell.ljust(15) for cell in row) + "\n" for row in [list(COLUMNS), *rows()])
        case _:
            return padded([list(COLUMNS), *rows()], left=form == "left")


FORMS = ("pandas", "pandas without index", "pandas left", "R", "R left", "R without names", "R formatted", "sqlite",
         "sqlite box", "rich",
         "filled", "left", "right")  # fmt: skip


def of_columns(tables: list[Any], columns: tuple[str, ...]) -> list[list[str]]:
    """The rows of named columns; an index beside them is left out."""
    found: list[list[str]] = []
    for table in tables:
        cells = [table.cells[table.columns.index(name)] for name in columns]
        found += [list(row) for row in zip(*cells, strict=True)]
    return found


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["x.txt", "x.csv", "x"])
def test_what_programs_print_is_a_table(form: str, name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(printed(form, tmp_path))
    end, tables = ended(tmp_path / name)
    assert (end.skipped, end.format) == (None, "fixed-width")
    assert all(table.has_header for table in tables)
    assert same(of_columns(tables, COLUMNS), rows())


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "latin-1"])
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_encodings_and_ends_of_lines(encoding: str, ends: str) -> None:
    text = printed("left", Path()).replace("Stoke on", "Größe").replace("\n", ends)
    events = list(read_bytes("x.txt", text.encode(encoding)))
    tables = [one for one in events if isinstance(one, Table)]
    assert same(of_columns(tables, COLUMNS[:6]), [row[:6] for row in rows()])


@pytest.mark.parametrize("is_shown", [True, False])
def test_wide_signs_are_aligned_as_they_are_shown_or_as_they_are_counted(is_shown: bool) -> None:
    places = ("北京", "深圳市", "", "Leeds")
    cells = [[*row[:3], places[n % 4], *row[3:]] for n, row in enumerate(rows())]
    header = [*COLUMNS[:3], "住所", *COLUMNS[3:]]
    if is_shown:
        text = padded([header, *cells])
    else:
        text = "".join("".join(cell.ljust(15) for cell in row) + "\n" for row in [header, *cells])
    tables = [one for one in read_bytes("x.txt", text.encode()) if isinstance(one, Table)]
    assert same(of_columns(tables, tuple(header)), cells)


def test_blocks_of_a_wide_frame_are_tables_of_their_own(tmp_path: Path) -> None:
    for text in (frame().to_string(line_width=40), by_r(tmp_path, "options(width=40); print(d)")):
        tables = [one for one in read_bytes("x.txt", text.encode()) if isinstance(one, Table)]
        assert len(tables) > 1
        assert [name for table in tables for name in table.columns[1:]] == list(COLUMNS)
        for table in tables:
            wanted = [[row[COLUMNS.index(name)] for name in table.columns[1:]] for row in rows()]
            assert same(of_columns([table], table.columns[1:]), wanted)


def test_a_frame_cut_in_the_middle_is_a_table_with_what_it_shows() -> None:
    with pd.option_context(
        "display.max_rows", 20, "display.min_rows", 20, "display.width", 200, "display.max_columns", 5
    ):
        text = repr(frame())
    events = list(read_bytes("x.txt", text.encode()))
    tables = [one for one in events if isinstance(one, Table)]
    shown_rows = [row for n, row in enumerate(rows()) if n < 10 or n >= 50]
    eids = [row[0] for row in of_columns(tables, ("eid",))]
    assert [one for one in eids if one.strip(".")] == [row[0] for row in shown_rows]
    assert "60 rows x 7 columns" in "".join(one.text for one in events if isinstance(one, Text))


@pytest.mark.parametrize("style", ["border 0", "linestyle unicode"])
def test_what_psql_prints_is_a_table(style: str, postgresql_server: Any) -> None:
    values = ", ".join(f"({', '.join(repr(cell) for cell in row)})" for row in rows())
    names = ", ".join(f'"{name}"' for name in COLUMNS)
    text = postgresql_server.psql(f"\\pset {style}\nSELECT * FROM (VALUES {values}) AS p ({names});\n")
    events = list(read_bytes("x.txt", text.encode()))
    tables = [one for one in events if isinstance(one, Table)]
    assert same(of_columns(tables, COLUMNS), rows())
    assert "(60 rows)" in "".join(one.text for one in events if isinstance(one, Text))


def test_what_polars_prints_is_a_table() -> None:
    with pl.Config(tbl_rows=20, tbl_cols=-1, tbl_width_chars=300):
        text = f"{pl.from_pandas(frame(20))}\n"
    events = list(read_bytes("x.txt", text.encode()))
    tables = [one for one in events if isinstance(one, Table)]
    wanted = rows(20)
    assert [row for row in of_columns(tables, COLUMNS) if row[0].isdigit()] == wanted
    assert "shape: (20, 7)" in "".join(one.text for one in events if isinstance(one, Text))


def test_a_frame_whose_index_has_a_name() -> None:
    text = frame().set_index("eid").to_string()
    tables = [one for one in read_bytes("x.txt", text.encode()) if isinstance(one, Table)]
    assert tables[0].columns[1:] == COLUMNS[1:]
    assert same([row for row in found_rows(tables) if any(row[1:])], [row for row in rows() if any(row[1:])])


def test_titles_rules_pages_and_footers() -> None:
    """As SQL*Plus prints: names and rules again on every page, blank lines between, a count at the end."""
    lines = padded([list(COLUMNS), *rows()]).splitlines(keepends=True)
    width = [max(len(row[at]) for row in [list(COLUMNS), *rows()]) for at in range(len(COLUMNS))]
    rule = "  ".join("-" * one for one in width) + "\n"
    pages = "\n".join(lines[0] + rule + "".join(lines[at : at + 20]) for at in (1, 21, 41))
    text = f"Supplementary Table 3\nMeasurements at the first visit\n\n{pages}\n(60 rows)\n"
    events = list(read_bytes("x.lst", text.encode()))
    tables = [one for one in events if isinstance(one, Table)]
    around = "".join(one.text for one in events if isinstance(one, Text))
    assert same(of_columns(tables, COLUMNS), rows())
    assert "Table 3" in around
    assert "(60 rows)" in around
    assert len({table.name for table in tables}) == 1


def test_two_tables_between_the_lines_of_a_session() -> None:
    """An R session's log: commands right over and right under what they print."""
    frames = frame(30).to_string(), frame(50).iloc[:, :4].to_string()
    text = f"> d <- read(x)\n> print(d)\n{frames[0]}\n> e <- d[, 1:4]\n> e\n{frames[1]}\n> q()\n"
    events = list(read_bytes("x.Rout", text.encode()))
    tables = [one for one in events if isinstance(one, Table)]
    assert [table.columns[1:] for table in tables] == [COLUMNS, COLUMNS[:4]]
    assert same(of_columns(tables[:1], COLUMNS), rows(30))
    assert same(of_columns(tables[1:], COLUMNS[:4]), [row[:4] for row in rows(50)])
    assert "q()" in "".join(one.text for one in events if isinstance(one, Text))


@pytest.mark.parametrize("left", [True, False])
def test_cells_that_are_longer_than_the_first_ones(left: bool) -> None:
    """Behind the lines that tell the columns, cells reach into the gaps between them."""
    longer = [
        ["123456789", *row[1:5], f"10{row[5] or '0'}", "Newcastle upon Tyne"] for row in rows(5, seed=9)
    ]
    cells = [list(COLUMNS), *rows(80), *longer]
    text = padded(cells, 1, left=left)
    tables = [one for one in read_bytes("x.txt", text.encode()) if isinstance(one, Table)]
    assert same(of_columns(tables, COLUMNS), cells[1:])


def test_a_line_that_does_not_fit_loses_nothing() -> None:
    lines = padded([list(COLUMNS), *rows()]).splitlines(keepends=True)
    lines.insert(40, "9999999 word.that.goes.over.many.columns 1950 word.that.goes.over.columns.as.well x\n")
    events = list(read_bytes("x.txt", "".join(lines).encode()))
    tables = [one for one in events if isinstance(one, Table)]
    assert sum(table.rows_count for table in tables) == 61
    seen = " ".join(cell for table in tables for column in table.cells for cell in column)
    assert all(word in seen.split() for word in lines[40].split())


def test_a_long_table_comes_in_parts(tmp_path: Path) -> None:
    many = rows(45_000)
    (tmp_path / "x.txt").write_text(padded([list(COLUMNS), *many]))
    _, tables = ended(tmp_path / "x.txt")
    assert [table.rows_count for table in tables] == [20_000, 20_000, 5_000]
    assert len({table.name for table in tables}) == 1
    assert found_rows(tables) == many


TEXTS = {
    "prose": "It was in 1999 that 12 of us  went to 3 towns.\nWe came back in 2003, all  14 of us.\n" * 30,
    "verse": "    Shall I compare thee\n      to a summer's day?\n    Thou art more lovely\n" * 9,
    "contents": "".join(f"{n // 5 + 1}.{n % 5 + 1}  The {'long ' * (n % 4)}story of {n} {'. ' * (20 - n % 7)} {n * 3}\n"
                        for n in range(40)),
    "contents without dots": "".join(f"{n + 1:>3}  {'The story of others' if n % 3 else 'Me':30} {n * 7:>4}\n"
                                     for n in range(40)),
    "log": "".join(f"2021-03-{n % 28 + 1:02} 12:{n % 60:02}:01,{n:03}  {'INFO' if n % 3 else 'WARNING':8} "
                   f"{'step done' if n % 2 else 'could not read chunk 12 of 30'} ({n})\n" for n in range(60)),
    "options": "".join(f"  --{'x' * (3 + n % 9):14} {'how many threads to use, 4' if n % 2 else 'verbose'}\n"
                       for n in range(30)),
    "make": "all:  main.o util.o\n\tcc -o x  main.o\n\nmain.o:  main.c 1 2\n\tcc -c  main.c\n" * 10,
    "assembly": "".join(f"{'loop:' if n % 7 == 0 else '':8}{'mov' if n % 2 else 'addq':8}%rax, ${n}   # {n} times\n"
                        for n in range(60)),
    "settings": "".join(f"{'key' + str(n):20} = {n if n % 2 else 'word and word'}\n" for n in range(30)),
    "box": "  +----+     +----+\n  | a  | --> | b  |\n  +----+     +----+\n     |          2 3\n     v   1 2 3\n" * 3,
}  # fmt: skip


@pytest.mark.parametrize("kind", TEXTS)
@pytest.mark.parametrize("name", ["x.txt", "x", "x.log"])
def test_prose_verse_code_logs_and_contents_are_no_tables(kind: str, name: str) -> None:
    assert format_of(name, TEXTS[kind].encode()) is not fixed_width


@pytest.mark.parametrize("kind", KINDS)
def test_what_public_repositories_hold_is_not_taken(kind: str) -> None:
    for seed in range(4):
        data = KINDS[kind](np.random.default_rng(seed), 6_000)
        assert format_of(kind, data) is not fixed_width
        assert format_of("x", data) is not fixed_width


def test_scripts_with_printed_frames_are_scripts() -> None:
    assert format_of("x.py", frame().to_string().encode()) is not fixed_width


def test_what_a_blank_divides_evenly_stays_with_that_reader() -> None:
    full = [[cell or "0" for cell in row[:6]] for row in rows()]
    assert format_of("x.txt", padded([list(COLUMNS[:6]), *full]).encode()) is delimited


HOSTILE = {
    "one line": "1 2 " * 5_000_000,
    "many columns": "a  " * 300_000 + "\n" + ("1  " * 300_000 + "\n") * 4,
    "short rows under many": "a12345  " * 8_000 + "\n" + ("1234567 " * 8_000 + "\n") * 8 + "1\n" * 500_000,
    "rules": "a  b\n-- --\n1  2\n" * 50_000,
    "rule of many": "a " * 30_000
    + "\n"
    + "- " * 30_000
    + "\n"
    + ("1 " * 30_000 + "\n") * 3
    + "1 2\n" * 100_000,
    "blocks": "   a  b  \\\n0  1  2\n1  3\n2  5  6\n\n" * 30_000,
    "blank lines": "a    b    c\n" + "1    2    3\n" * 5 + "\n" * 3_000_000 + "1    2    3\n",
    "blanks": "a" + " " * 5_000_000 + "b\n" + ("1" + " " * 60_000 + "2  3\n") * 5,
    "rows and none": "1 2  3\nx  y\n" * 200_000,
    "rule of dashes": "a b\n" + "- " * 1_000_000 + "=\n",
    "odd rows": padded([list(COLUMNS), *rows()]) + ("x" * 200 + "\n" + "1234567  1950\n") * 50_000,
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_texts_are_read_to_their_end(kind: str, tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text(HOSTILE[kind])
    ends = [one for one in read_path(tmp_path / "x.txt", Limits(seconds=30)) if isinstance(one, FileEnded)]
    assert [one.skipped for one in ends] == [None]


def test_a_line_of_200_mb_under_a_table_is_read(tmp_path: Path) -> None:
    with (tmp_path / "x.txt").open("w") as file:
        file.write(padded([list(COLUMNS), *rows()]))
        for _ in range(200):
            file.write("1234567  " * 116_509)
    end, tables = ended(tmp_path / "x.txt")
    assert (end.skipped, end.format) == (None, "fixed-width")
    assert same(of_columns(tables[:1], COLUMNS), rows())
