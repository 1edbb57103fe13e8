"""Tables inside running text: Markdown and reStructuredText, as other programs write them and as people do."""

from __future__ import annotations

import io
import re
import shutil
import sqlite3
import subprocess
from pathlib import Path
from unicodedata import east_asian_width

import polars as pl
import pytest
from markdown_it import MarkdownIt
from rich import box
from rich.console import Console
from rich.table import Table as RichTable

from matcher.contents import Limits, Table, Text
from matcher.formats import markdown_tables, rst_tables
from matcher.reading import read_path
from matcher.sniffing import format_of
from tests.matcher.formats.tables_made import COLUMNS, ended, found_rows, rows, same

HAS_SQLITE = shutil.which("sqlite3") is not None
PROSE = "# Thesis\n\nWe ran `zcat x | wc -l` | and more.\n\n"


def texts(path: Path) -> str:
    return "".join(event.text for event in read_path(path) if isinstance(event, Text))


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def by_polars(form: str) -> str:
    frame = pl.DataFrame(rows(), schema=list(COLUMNS), orient="row")
    with pl.Config(
        tbl_formatting=form,  # type: ignore[arg-type]
        tbl_rows=-1,
        tbl_cols=-1,
        tbl_width_chars=500,
        tbl_hide_dataframe_shape=True,
        tbl_hide_column_data_types=True,
        fmt_str_lengths=100,
    ):
        return f"{frame}\n"


def by_rich(form: box.Box) -> str:
    table = RichTable(*COLUMNS, box=form)
    for row in rows():
        table.add_row(*row)
    out = io.StringIO()
    Console(file=out, width=200, color_system=None).print(table)
    return out.getvalue()


def by_sqlite(mode: str) -> str:
    """What the shell of SQLite prints, which draws frames as MySQL's does."""
    base = sqlite3.connect(":memory:")
    base.execute(f"CREATE TABLE p ({', '.join(f'{name} TEXT' for name in COLUMNS)})")
    base.executemany("INSERT INTO p VALUES (?, ?, ?, ?)", rows())
    script = "\n".join(base.iterdump()) + f"\n.mode {mode}\nSELECT * FROM p;\n"
    return subprocess.run(["sqlite3"], input=script, capture_output=True, text=True, check=True).stdout


def simple(cells: list[list[str]], *, header: bool = True) -> str:
    """A simple table as docutils wants it, wide signs as wide as they are shown."""
    widths = [max(map(shown, column)) for column in zip(*cells, strict=True)]
    rule = "  ".join("=" * width for width in widths) + "\n"
    lines = [
        "  ".join(
            cell + " " * (width - shown(cell)) for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        + "\n"
        for row in cells
    ]
    return rule + (lines[0] + rule if header else "") + "".join(lines[header:]) + rule


def shown(cell: str) -> int:
    return len(cell) + sum(east_asian_width(sign) in "WF" for sign in cell)


def by_hand(form: str) -> str:
    body = [list(COLUMNS), ["---", ":--:", "--:", "-"], *rows()]
    bare = [" | ".join(row) + "\n" for row in body]
    return "".join(
        {"bare": one, "quoted": f"> | {one[:-1]} |\n", "listed": f"    |{one}"}[form] for one in bare
    )


PIPES = {
    "polars": by_polars("ASCII_MARKDOWN"),
    "rich": by_rich(box.MARKDOWN),
    **({"sqlite": by_sqlite("markdown")} if HAS_SQLITE else {}),
    **{form: by_hand(form) for form in ("bare", "quoted", "listed")},
}


@pytest.mark.parametrize("form", PIPES)
@pytest.mark.parametrize("name", ["README.md", "report.Rmd", "notes.txt", "x"])
def test_a_pipe_table_in_prose_is_a_table(form: str, name: str, tmp_path: Path) -> None:
    path = written(tmp_path / name, f"{PROSE}{PIPES[form]}\nThat is all.\n")
    end, tables = ended(path)
    assert (end.skipped, end.format) == (None, "markdown")
    assert all(table.columns == COLUMNS and table.has_header for table in tables)
    assert same(found_rows(tables), rows())
    around = texts(path)
    assert "zcat" in around
    assert "That is all." in around
    assert rows()[0][0] not in around


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "latin-1"])
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_encodings_and_ends_of_lines(encoding: str, ends: str, tmp_path: Path) -> None:
    text = f"Größe é à ü der Tabelle über Jahre\n\n{PIPES['rich']}".replace("\n", ends)
    (tmp_path / "x.md").write_bytes(text.encode(encoding))
    _, tables = ended(tmp_path / "x.md")
    assert tables[0].columns == COLUMNS
    assert same(found_rows(tables), rows())


def test_cells_are_what_a_parser_of_markdown_says(tmp_path: Path) -> None:
    """markdown-it reads the same tables, with marks, escapes, entities, short and long rows."""
    text = (
        "text over it\n"
        "| eid | `a` | p31\\_i0 | **d** |\n|:--|:-:|--:|---|\n"
        "| 1000001 | x \\| y | &lt;5 | *z* |\n| 1000002 | `k` |\n| 1000003 | 1 | 2 | 3 |\n\nafter | it\n"
    )
    tokens = MarkdownIt().enable("table").parse(text)
    wanted: list[list[str]] = []
    for number, token in enumerate(tokens):
        if token.type == "tr_open":
            wanted.append([])
        if token.type in ("th_open", "td_open"):
            inner = tokens[number + 1].children or []
            wanted[-1].append("".join(one.content for one in inner))
    _, tables = ended(written(tmp_path / "x.md", text))
    assert [list(tables[0].columns), *found_rows(tables)] == wanted


def test_every_table_of_a_file_has_a_name_of_its_own(tmp_path: Path) -> None:
    other = "| code | label |\n|---|---|\n| 1 | male |\n| 0 | female |\n"
    _, tables = ended(written(tmp_path / "x.md", f"{PIPES['rich']}\nand\n\n{other}\nand\n\n{other}"))
    assert len({table.name for table in tables}) == 3
    assert [table.columns for table in tables] == [COLUMNS, ("code", "label"), ("code", "label")]


def test_org_mode_draws_a_rule_between_rows(tmp_path: Path) -> None:
    text = "* heading\n| eid | sex |\n|-----+-----|\n| 1000001 | 1 |\n|-----+-----|\n| 1000002 | 0 |\n"
    _, tables = ended(written(tmp_path / "x.org", text))
    assert tables[0].columns == ("eid", "sex")
    assert found_rows(tables) == [["1000001", "1"], ["1000002", "0"]]


def test_fenced_code_stays_text(tmp_path: Path) -> None:
    fenced = "\n".join(f"{mark}\n{PIPES['rich']}{mark}\n" for mark in ("```", "~~~~"))
    path = written(tmp_path / "x.md", f"{PROSE}{fenced}\n```{{r}}\nx | y\n```\n")
    end, tables = ended(path)
    assert (end.skipped, end.format, tables) == (None, "text", [])
    path = written(tmp_path / "x.md", f"{PROSE}{fenced}\n{PIPES['rich']}\n````\n{PIPES['rich']}")
    _, tables = ended(path)
    assert same(found_rows(tables), rows())  # once, not four times
    assert texts(path).count(rows()[0][0]) == 3


@pytest.mark.parametrize(
    "text",
    [
        "# A thesis\n\nIt has prose.\n\n---\n\n- and\n- lists\n",
        "Use a | b or a || b.\nThen x | y.\n---\nand so on | and on\n",
        "    ps aux | grep x\n    -----------\n    cat y | wc\n",
        "| a | b | c |\n|---|---|\n| 1 | 2 | 3 |\n",
        "| a | b |\n|---|---|\n\nA header without rows.\n",
        "x = a | b  # one\ny = c | d\n",
    ],
)
@pytest.mark.parametrize("name", ["README.md", "x.txt"])
def test_prose_and_code_with_bars_are_no_tables_of_markdown(text: str, name: str, tmp_path: Path) -> None:
    assert format_of(name, text.encode()) is not markdown_tables
    if name == "README.md":
        path = written(tmp_path / name, text)
        assert ended(path)[0].skipped is None


def test_a_table_in_the_comments_of_a_script_is_left_there(tmp_path: Path) -> None:
    table = "\n".join(PIPES["bare"].splitlines()[:6])
    text = f'"""Doc.\n\n{table}\n"""\n\nimport os\n\nfor one in os.environ:\n    print(one)\n\nx = os.sep\n'
    assert ended(written(tmp_path / "x.py", text))[0].format == "text"


def test_a_table_behind_what_is_looked_at_is_found(tmp_path: Path) -> None:
    path = written(
        tmp_path / "README.md",
        "All of it is prose.\nNo row, and no table.\nAt all.\n" * 3_000 + PIPES["rich"],
    )
    end, tables = ended(path)
    assert (end.skipped, end.format) == (None, "markdown")
    assert same(found_rows(tables), rows())


def test_a_page_that_begins_with_html_is_markdown_by_its_table(tmp_path: Path) -> None:
    _, tables = ended(written(tmp_path / "README.md", f'<p align="center">x</p>\n\n{PIPES["rich"]}'))
    assert same(found_rows(tables), rows())


def test_a_long_table_comes_in_parts(tmp_path: Path) -> None:
    body = "".join(f"| {1_000_000 + n} | {n % 2} |\n" for n in range(45_000))
    _, tables = ended(written(tmp_path / "x.md", f"| eid | sex |\n|---|---|\n{body}"))
    assert [table.rows_count for table in tables] == [20_000, 20_000, 5_000]
    assert len({table.name for table in tables}) == 1


def test_a_row_of_100000_columns_is_read(tmp_path: Path) -> None:
    width = 100_000
    names = "|".join(f"c{n}" for n in range(width))
    values = "|".join(str(n % 7) for n in range(width))
    text = f"|{names}|\n|{'-|' * width}\n|{values}|\n"
    end, tables = ended(written(tmp_path / "x.md", text))
    assert end.skipped is None
    assert len(tables[0].columns) == width
    assert tables[0].cells[-1][0] == str((width - 1) % 7)


def test_short_rows_under_a_wide_header_do_not_unfold(tmp_path: Path) -> None:
    width = 100_000
    names = "|".join(f"c{n}" for n in range(width))
    path = written(tmp_path / "x.md", f"|{names}|\n|{'-|' * width}\n{'|1|' * width}\n" + "|1|\n" * 200_000)
    end, tables = ended(path, Limits(seconds=30))
    assert end.skipped is None
    assert sum(len(table.columns) * table.rows_count for table in tables) <= width
    assert texts(path).count("|1|\n") >= 200_000


@pytest.mark.parametrize(
    "text",
    [
        "| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4",  # cut
        "|" * 200_000 + "\n" + "|-" * 200_000 + "\n",
        "| " + "-" * 3_000_000 + " x\n" * 3,
        " " * 3_000_000 + "|-\n",
        "|a|\n|-|\n|1|\n\n" * 20_000,
        "```\n" + "| a | b |\n|---|---|\n| 1 | 2 |\n" * 1000,
        "> " * 300_000 + "| a |\n" + "> " * 300_000 + "|-|\n",
        "|\\|" * 300_000 + "\n" + "|-|" * 100 + "\n",
    ],
)
def test_hostile_markdown_is_read_to_its_end(text: str, tmp_path: Path) -> None:
    assert ended(written(tmp_path / "x.md", text), Limits(seconds=20))[0].skipped is None


def test_more_tables_than_are_told_apart_stay_text(tmp_path: Path) -> None:
    path = written(tmp_path / "x.md", "".join(f"|a|\n|-|\n|{n + 1_000_000}|\n\n" for n in range(3_000)))
    events = list(read_path(path))
    tables = [event for event in events if isinstance(event, Table)]
    seen = {cell for table in tables for column in table.cells for cell in column}
    seen |= set(re.findall(r"\d{7}", texts(path)))
    assert len(tables) == 2_000
    assert len(seen) == 3_000


GRIDS = {
    "polars": by_polars("ASCII_FULL"),
    "polars condensed": by_polars("ASCII_FULL_CONDENSED"),
    "rich": by_rich(box.ASCII2),
    "rich double": by_rich(box.ASCII_DOUBLE_HEAD),
    **({"sqlite": by_sqlite("table")} if HAS_SQLITE else {}),
    "simple": simple([list(COLUMNS), *rows()]),
    "indented": "".join(f"   {line}\n" for line in simple([list(COLUMNS), *rows()]).splitlines()),
}


@pytest.mark.parametrize("form", GRIDS)
@pytest.mark.parametrize("name", ["README.rst", "notes.txt", "x"])
def test_a_grid_or_simple_table_in_prose_is_a_table(form: str, name: str, tmp_path: Path) -> None:
    path = written(tmp_path / name, f"Title\n=====\n\nSome prose.\n\n{GRIDS[form]}\nThat is all.\n")
    end, tables = ended(path)
    assert (end.skipped, end.format) == (None, "rst")
    assert all(table.columns == COLUMNS and table.has_header for table in tables)
    assert same(found_rows(tables), rows())
    assert texts(path) == "Title\n=====\n\nSome prose.\n\n\nThat is all.\n"


def test_a_grid_in_markdown_is_a_table_and_fenced_it_is_not(tmp_path: Path) -> None:
    for name in ("x.md", "x.Rmd"):
        text = f"# Title\n\n{GRIDS['rich double']}\n```\n{GRIDS['rich double']}```\n\n{PIPES['rich']}"
        end, tables = ended(written(tmp_path / name, text))
        assert (end.skipped, end.format) == (None, "markdown")
        assert same(found_rows(tables), [*rows(), *rows()])


def test_rows_of_several_lines_spans_and_bars_in_cells(tmp_path: Path) -> None:
    text = """\
+---------+-----+-----------+
| eid     | sex | visit     |
|         |     | date      |
+=========+=====+===========+
| 1000001 | 1   | 2010-05-  |
|         |     | 11        |
+---------+-----+-----------+
| 1000002 | a|b | 2011      |
+---------+-----+-----------+
| both of them  | 2012      |
+---------+-----+-----------+
| 1000003 | 0   | 2013      |
|         +-----+-----------+
|         | 1   | 2014      |
+---------+-----+-----------+
"""
    _, tables = ended(written(tmp_path / "x.rst", text))
    assert tables[0].columns == ("eid", "sex", "visit date")
    assert found_rows(tables) == [
        ["1000001", "1", "2010-05- 11"],
        ["1000002", "a|b", "2011"],
        ["both of them", "", "2012"],
        ["1000003", "0", "2013"],
        ["", "1", "2014"],
    ]


def test_a_simple_table_with_spans_rows_of_several_lines_and_wide_signs(tmp_path: Path) -> None:
    text = """\
=======  =====  =====
   who       what
--------------  -----
eid      sex    place
=======  =====  =====
1000001  1      北京
1000002  男     Hamburg and
                Bremen

..       0      x
=======  =====  =====

Behind   it.
"""
    path = written(tmp_path / "x.rst", text)
    _, tables = ended(path)
    assert tables[0].columns[0] == "who eid"
    assert found_rows(tables) == [
        ["1000001", "1", "北京"],
        ["1000002", "男", "Hamburg and Bremen"],
        ["", "0", "x"],
    ]
    assert texts(path) == "\nBehind   it.\n"


@pytest.mark.parametrize("form", ["simple", "grid"])
def test_a_table_without_names(form: str, tmp_path: Path) -> None:
    text = simple(rows(), header=False)
    if form == "grid":
        rule = "+" + "+".join("-" * 14 for _ in COLUMNS) + "+\n"
        text = rule + "".join("".join(f"| {cell:12} " for cell in row) + f"|\n{rule}" for row in rows())
    _, tables = ended(written(tmp_path / "x.rst", f"{text}\n"))
    assert not tables[0].has_header
    assert same(found_rows(tables), rows())


@pytest.mark.parametrize("opener", ["Like this::", ".. code-block:: text", "   .. parsed-literal::"])
def test_literal_blocks_stay_text(opener: str, tmp_path: Path) -> None:
    block = "".join(f"      {line}\n" for line in GRIDS["simple"].splitlines())
    path = written(tmp_path / "x.rst", f"{opener}\n\n{block}\nand\n\n{GRIDS['simple']}")
    _, tables = ended(path)
    assert same(found_rows(tables), rows())
    assert texts(path).count(rows()[0][0]) == 1


@pytest.mark.parametrize(
    "text",
    [
        "=====\nTitle\n=====\n\nProse.\n",
        "===== =====\n\nA rule, and prose.\n\n===== =====\n",
        "===== =====\nWords that go over the gap\nof the columns\n",
        "+-----+     +-----+\n| box | --> | box |\n+-----+     +-----+\n",
        "+-----+\n| box |\n+-----+\n   |\n",
        "+-----+-----+\nno bars\n",
        "+ a list\n+ of plusses | and bars\n\n+-- x\n",
        "| line blocks\n| of verse\n\n-----\n\nand so on\n",
    ],
)
@pytest.mark.parametrize("name", ["x.rst", "x.txt", "x.md"])
def test_titles_boxes_and_verse_are_no_tables(text: str, name: str, tmp_path: Path) -> None:
    assert format_of(name, text.encode()) not in (rst_tables, markdown_tables)


@pytest.mark.parametrize("form", ["grid", "printed", "simple"])
def test_long_grids_come_in_parts(form: str, tmp_path: Path) -> None:
    body = [[str(1_000_000 + n), str(n % 2)] for n in range(45_000)]
    rule = "+---------+-----+\n"
    between = rule if form == "grid" else ""
    text = f"{rule}| eid     | sex |\n{rule.replace('-', '=') if form == 'grid' else rule}"
    text += "".join(f"| {a} | {b}   |\n{between}" for a, b in body) + (rule if not between else "")
    if form == "simple":
        text = simple([["eid", "sex"], *body])
    _, tables = ended(written(tmp_path / "x.rst", text))
    assert [table.rows_count for table in tables] == [20_000, 20_000, 5_000]
    assert found_rows(tables)[-1] == body[-1]


@pytest.mark.parametrize(
    "text",
    [
        "+---+---+\n| 1 | 2 |\n",  # never closed
        "+---+---+\n| a | b |\n+===+===+\n| 1 | 2 |\n| 3 ",
        "=== ===\na   b\n=== ===\n1   2\n3   4",
        "== ==\n" * 100_000,
        "+-+-+\n" * 100_000,
        "+--+--+\n" + "| 1| 2|\n" * 199,
        "+-" * 30_000 + "+\n" + "| " * 30_000 + "|\n" + "+=" * 30_000 + "+\n" + "|1|\n" * 100_000,
        "== " * 20_000 + "\n" + "a  " * 20_000 + "\n" + "== " * 20_000 + "\n" + "1\n" * 100_000 + "== ==\n",
        "=== ===\na   b\n=== ===\n1   2\n" + "    x\n" * 100_000,
    ],
)
def test_hostile_grids_are_read_to_their_end(text: str, tmp_path: Path) -> None:
    assert ended(written(tmp_path / "x.rst", text), Limits(seconds=20))[0].skipped is None
