"""Any sign between cells, headers with names that come again, and what has such signs and is no table."""

from __future__ import annotations

import csv
import io
import random
import shutil
import sqlite3
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from matcher.contents import FileEnded, Limits, Table, Text
from matcher.formats import delimited
from matcher.formats.delimiters import delimiter_of
from matcher.formats.encodings import encoding_of
from matcher.formats.headers import is_header
from matcher.reading import read_bytes, read_path
from matcher.sniffing import format_of
from tests.matcher.formats.tables_made import COLUMNS, found_rows, rows

SIGNS = [*"^~:#!%&*@$=\\?<>`(}", "\x01", "\x02", "\x1c", "\x1e", "\x1f", "\x7f", "¦", "§", "，", "│", "•"]


def frame(count: int = 60) -> pd.DataFrame:
    return pd.DataFrame(rows(count), columns=list(COLUMNS))


def tables_of(data: bytes, name: str = "x.txt") -> list[Table]:
    return [one for one in read_bytes(name, data) if isinstance(one, Table)]


@pytest.mark.parametrize("sign", SIGNS)
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_any_sign_between_cells_is_told(sign: str, ends: str) -> None:
    text = frame().to_csv(sep=sign, index=False, lineterminator=ends)
    tables = tables_of(text.encode())
    assert tables[0].columns == COLUMNS
    assert found_rows(list(tables)) == rows()


@pytest.mark.parametrize("sign", [one for one in SIGNS if one != ":"])
def test_a_table_without_names_is_told_as_well(sign: str) -> None:
    tables = tables_of(frame().to_csv(sep=sign, index=False, header=False).encode())
    assert not tables[0].has_header
    assert found_rows(list(tables)) == rows()


@pytest.mark.parametrize(
    ("sign", "encoding"),
    [
        ("¦", "latin-1"),
        ("§", "latin-1"),
        ("^", "utf-16"),
        ("\x01", "utf-8-sig"),
        ("¬", "cp1252"),
        ("，", "utf-16"),
    ],
)
def test_in_other_encodings(sign: str, encoding: str) -> None:
    tables = tables_of(frame().to_csv(sep=sign, index=False).encode(encoding))
    assert tables[0].columns == COLUMNS
    assert found_rows(list(tables)) == rows()


def test_what_sqlite_ends_rows_with_in_ascii_mode(tmp_path: Path) -> None:
    """ASCII's own signs: \\x1f between cells, \\x1e behind rows, and no line anywhere."""
    if shutil.which("sqlite3") is None:
        pytest.skip("needs the shell of SQLite")
    base = sqlite3.connect(tmp_path / "d.db")
    frame(50_000).to_sql("p", base, index=False)
    base.close()
    command = ["sqlite3", "-header", str(tmp_path / "d.db"), ".mode ascii", "select * from p"]
    data = subprocess.run(command, check=True, capture_output=True).stdout
    assert b"\n" not in data
    tables = tables_of(data)
    assert tables[0].columns == COLUMNS
    assert [table.rows_count for table in tables] == [20_000, 20_000, 10_000]
    assert found_rows(list(tables)) == rows(50_000)


def test_decimal_commas_between_other_signs() -> None:
    text = frame().to_csv(sep="^", index=False).replace(".", ",")
    assert delimiter_of(text.splitlines()) == "^"
    assert delimiter_of(text.replace("^", ";").splitlines()) == ";"


def test_cells_of_several_lines() -> None:
    """As Python's csv module writes them: every row over three lines."""
    cells = [[one[0], f"first\nsecond {n}\nthird", *one[2:]] for n, one in enumerate(rows())]
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows([list(COLUMNS), *cells])
    tables = tables_of(out.getvalue().encode())
    assert tables[0].columns == COLUMNS
    assert found_rows(list(tables)) == cells


@pytest.mark.parametrize("trailing", [",", ";", "\t", "^"])
def test_rows_that_end_with_a_sign(trailing: str) -> None:
    text = frame().to_csv(sep=trailing, index=False).replace("\n", f"{trailing}\n")
    tables = tables_of(text.encode())
    assert tables[0].columns[:4] == COLUMNS
    assert [row[:4] for row in found_rows(list(tables))] == rows()


@pytest.mark.parametrize(
    ("first", "wanted"),
    [
        (["eid", "level", "level", "visit"], True),
        (["", "baseline", "baseline", "baseline"], True),
        (["34-0.0", "53-0.0", "50-0.0", "21002-0.0"], True),
        (["eid", "", "", ""], False),  # a title over the others, or a row with empty cells
        (["1234567", "1", "1", "2010-01-01"], False),
    ],
)
def test_names_that_come_again_are_names_over_values(first: list[str], wanted: bool) -> None:
    assert is_header([first, *rows()]) is wanted


def test_words_that_come_again_over_words_are_no_names() -> None:
    of = random.Random(3)
    words = [[of.choice("ab"), of.choice("ab"), of.choice("xy")] for _ in range(40)]
    assert not is_header([["a", "a", "x"], *words])


TEXTS = {
    "times": "".join(f"12:{n % 60:02}:01 step {n}\n" for n in range(60)),
    "bare times": "".join(f"{n % 24:02}:{n % 60:02}:{n * 7 % 60:02}\n" for n in range(60)),
    "timecodes": "".join(f"01:{n % 60:02}:{n * 7 % 60:02}:{n % 25:02}\n" for n in range(60)),
    "addresses": "".join(f"00:1b:{n % 90 + 10}:{n % 80 + 11}:33:45\n" for n in range(60)),
    "variants": "".join(f"{n % 22 + 1}:{n * 7919 + 10_000}:A:G\n" for n in range(60)),
    "settings": "".join(f"name{n}: value {n}: x\n" for n in range(60)),
    "stamps": "".join(f"2020-01-{n % 28 + 1:02}T12:{n % 60:02}:01Z {n} started\n" for n in range(60)),
    "calls": "".join(f"f(x{n})(y)(z{n})\n" for n in range(60)),
    "statements": "".join(f"a{n} = b = c = {n}\n" for n in range(60)),
    "matrix": "".join(f"a{n} & word & other \\\\\n" for n in range(60)),
    "prose": "Is it so? Yes? No? It is!\nAnd so? Why? When? He said!\n" * 30,
}


@pytest.mark.parametrize("kind", TEXTS)
def test_times_addresses_code_and_prose_are_divided_by_no_rare_sign(kind: str) -> None:
    lines = TEXTS[kind].splitlines()
    assert delimiter_of(lines) in (None, *delimited.DELIMITERS, " ")


@pytest.mark.parametrize("sign", [",", "\t", ";", "|", " "])
def test_signs_in_cells_do_not_divide_a_table(sign: str) -> None:
    cells = [
        [one[0], f"<{one[2]}", f"{n % 24:02}:{n % 60:02}:{n % 7:02}", f"{n}%", f"{n}^{n % 3}"]
        for n, one in enumerate(rows())
    ]
    assert delimiter_of([sign.join(row) for row in cells]) == sign


def test_bytes_with_control_signs_are_no_text() -> None:
    of = random.Random(4)
    small = bytes(of.choice([1, 2, 3, 65, 66]) for _ in range(20_000))
    ragged = b"\n".join(b"a\x01" * of.randint(3, 40) for _ in range(500))
    one = bytes(of.choice([1, 65, 66, 10]) for _ in range(20_000))
    assert [encoding_of(data) for data in (small, ragged, one)] == [None, None, None]


HOSTILE = {
    "one row": "\x01" * 3_000_000,
    "no end of a row": "1\x1f2\x1f" * 5_000_000,
    "many columns": ("1^" * 300_000 + "\n") * 5,
    "many signs": "".join(map(chr, range(33, 127))) * 2_000 + "\n" + "x\n" * 100,
    "quotes": '"' * 3_000_000 + "\n" + '"a"^"b\n' * 100_000,
    "rows of many lines": ('"1","' + "x\n" * 5_000 + '"\n') * 300,
    "uneven behind the beginning": "1^2^3\n" * 5_000 + "^" * 3_000_000 + "\n1\n",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_texts_are_read_to_their_end(kind: str, tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_bytes(HOSTILE[kind].encode())
    ends = [one for one in read_path(tmp_path / "x.txt", Limits(seconds=30)) if isinstance(one, FileEnded)]
    assert len(ends) == 1
    assert ends[0].skipped in (None, "unsupported")


def test_a_row_of_200_mb_is_read_or_told(tmp_path: Path) -> None:
    with (tmp_path / "x.txt").open("w") as file:
        file.write("\n".join("^".join(row) for row in [list(COLUMNS), *rows()]) + "\n")
        for _ in range(200):
            file.write("1234567^x" * 116_509)
        file.write("\n")
        file.write("\n".join("^".join(row) for row in rows()))
    events = list(read_path(tmp_path / "x.txt", Limits(seconds=60)))
    tables = [one for one in events if isinstance(one, Table)]
    assert found_rows(list(tables))[:60] == rows()
    assert next(one.skipped for one in events if isinstance(one, FileEnded)) in (None, "too-large", "bomb")


def test_text_stays_text() -> None:
    for kind in ("times", "timecodes", "addresses", "calls", "statements"):
        events = list(read_bytes("x.txt", TEXTS[kind].encode()))
        reader = format_of("x.txt", TEXTS[kind].encode())
        assert reader is not None
        if reader is not delimited:
            assert any(isinstance(one, Text) for one in events)


@pytest.mark.parametrize("quote", ["TRUE", "FALSE"])
def test_the_header_that_r_writes_one_cell_short_names_the_columns(quote: str, tmp_path: Path) -> None:
    program = (
        'd <- data.frame(eid = 1000001:1000080, "f.31" = rep(0:1, 40), bmi = seq(20, 30, length.out = 80)); '
        f'write.table(d, "{tmp_path}/r.txt", quote = {quote})'
    )
    subprocess.run(["Rscript", "-e", program], check=True, capture_output=True)
    (table,) = [
        one for one in read_bytes("r.txt", (tmp_path / "r.txt").read_bytes()) if isinstance(one, Table)
    ]
    assert table.columns == ("row_name", "eid", "f.31", "bmi")
    assert list(table.cells[1]) == [str(1_000_001 + number) for number in range(80)]


def test_what_stands_over_a_table_is_text_and_not_lost() -> None:
    rows = "".join(f"{1_000_001 + number},{number % 2},{20 + number / 8}\n" for number in range(60))
    data = ("Exported for Dr Example\nstudy 4711, not 2345678\neid,sex,bmi\n" + rows).encode()
    events = list(read_bytes("x.csv", data))
    (text,) = [one for one in events if isinstance(one, Text)]
    assert "2345678" in text.text
    (table,) = [one for one in events if isinstance(one, Table)]
    assert table.columns == ("eid", "sex", "bmi")
    assert table.rows_count == 60


def test_runs_of_blanks_that_make_rows_as_wide_as_the_header_by_chance() -> None:
    """A tab and a doubled blank in each row: five pieces to whoever splits at each blank, and five columns in truth."""
    rows = "".join(f"F{n}\tS{n} rs{n}  A G\n" for n in range(60))
    events = list(read_bytes("x.txt", ("FID IID SNP A1 A2\n" + rows).encode()))
    (table,) = [one for one in events if isinstance(one, Table)]
    assert table.columns == ("FID", "IID", "SNP", "A1", "A2")
    assert [cells[7] for cells in table.cells] == ["F7", "S7", "rs7", "A", "G"]


def test_constants_of_a_program_are_no_table() -> None:
    code = "".join(
        f"{name} = {number}\n" for number, name in enumerate(("SUCCESS", "ERROR", "UNKNOWN", "NONE", "LOST"))
    )
    assert not [one for one in read_bytes("codes.py", code.encode()) if isinstance(one, Table)]
