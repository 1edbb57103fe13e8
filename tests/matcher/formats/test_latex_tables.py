"""Tables of LaTeX: what pandas and R write comes back, in pieces and among prose; hostile sources cost their size."""

from __future__ import annotations

import io
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from matcher.contents import Limits, Opened, Table, Text
from matcher.examine import Examiner
from matcher.formats import plain_text
from matcher.formats.latex_tables import LatexTables, latex_tables
from matcher.sketches import EnrolledCohort
from tests.matcher.formats.tables_made import COLUMNS, rows
from tests.matcher.tables.made import KEYS, draw_ids, draw_people, enrol_cohort, pick, write_csv

PEOPLE = 5_000
FIELDS = ("34-0.0", "53-0.0", "50-0.0", "21002-0.0", "21001-0.0", "30600-0.0")


def tables(text: str, step: int = 0) -> list[Table]:
    if not step:
        return list(latex_tables("x", text, Limits()))
    finder = LatexTables("x", Limits())
    found = [t for at in range(0, len(text), step) for t in finder.feed(text[at : at + step])]
    return found + list(finder.end())


def rows_of(found: list[Table]) -> list[list[str]]:
    return [list(row) for table in found for row in zip(*table.cells, strict=True)]


def by_hand(environment: str = "tabular", spec: str = "{lrrr}") -> str:
    body = " \\\\\n".join(" & ".join(row) for row in rows())
    head = f"\\toprule\n{' & '.join(COLUMNS)} \\\\ \\midrule"
    return f"\\begin{{{environment}}}{spec}\n{head}\n{body} \\\\\n\\bottomrule\n\\end{{{environment}}}\n"


def test_what_pandas_writes_comes_back() -> None:
    text = pd.DataFrame(rows(), columns=list(COLUMNS)).style.hide(axis="index").to_latex(hrules=True)
    (table,) = tables(f"\\section{{A}} Prose \\& more.\n{text}\nAnd $x$.")
    assert table.columns == COLUMNS
    assert rows_of([table]) == rows()


@pytest.mark.skipif(shutil.which("Rscript") is None, reason="R is not installed")
def test_what_knitr_writes_comes_back() -> None:
    script = 'd <- read.csv(file("stdin"), colClasses = "character"); cat(knitr::kable(d, "latex", booktabs = TRUE))'
    asked = subprocess.run(
        ["Rscript", "-e", script],
        input=pd.DataFrame(rows(), columns=list(COLUMNS)).to_csv(index=False),
        capture_output=True,
        text=True,
        timeout=60,
    )
    if asked.returncode:
        pytest.skip("knitr is not installed")
    assert rows_of(tables(asked.stdout)) == rows()


@pytest.mark.parametrize(
    ("environment", "spec"),
    [
        ("tabular", "[t]{@{}l*{3}{r}@{}}"),
        ("tabular*", "{\\textwidth}{@{\\extracolsep{\\fill}}lrrr}"),
        ("tabularx", "{\\linewidth}{lXXX}"),
        ("longtable", "[c]{p{3cm}rrr}"),
        ("array", "{llll}"),
    ],
)
def test_every_environment_and_way_to_set_columns(environment: str, spec: str) -> None:
    (table,) = tables(by_hand(environment, spec))
    assert table.columns == COLUMNS
    assert rows_of([table]) == rows()


def test_looks_comments_and_spans_are_passed_over() -> None:
    body = "".join(
        f"\\bf {n} & $-{n}.5$ & \\multirow{{2}}{{*}}{{a\\_{n}}} & \\cellcolor{{red}}{n}\\% % a & b \n \\\\[2pt]\n"
        if n % 2
        else f"{n} & \\multicolumn{{2}}{{c}}{{\\emph{{both}} {n}}} & {{\\bf {n}}}~kg \\\\ \\cline{{2-3}}\n"
        for n in range(1, 9)
    )
    found = rows_of(tables(f"\\begin{{tabular}}{{llll}}{body}\\end{{tabular}}"))
    assert len(found) == 8
    assert found[0] == ["1", "-1.5", "a_1", "1%"]
    assert found[1] == ["2", "both 2", "", "2 kg"]


def test_a_header_that_stands_on_each_page_is_no_row() -> None:
    head = " & ".join(COLUMNS)
    body = " \\\\\n".join(" & ".join(row) for row in rows())
    heads = f"\\caption{{A \\& B}}\\\\\n{head} \\\\ \\endfirsthead\n{head} \\\\ \\endhead"
    text = f"\\begin{{longtable}}{{llll}}\n{heads}\n{body} \\\\\n\\end{{longtable}}"
    (table,) = tables(text)
    assert table.columns == COLUMNS
    assert rows_of([table]) == rows()


def test_a_table_inside_a_cell_is_its_text() -> None:
    inner = "\\begin{tabular}[c]{@{}l@{}}%d\\\\ cm\\end{tabular}"
    body = "".join(f"{n} & {inner % n} & {n}.5 \\\\\n" for n in range(8))
    assert rows_of(tables(f"\\begin{{tabular}}{{lll}}\n{body}\\end{{tabular}}"))[3] == ["3", "3 cm", "3.5"]


@pytest.mark.parametrize("step", [11, 1_000, 5_000])
def test_pieces_cut_no_table(step: int) -> None:
    text = "Prose.\n" * 500 + by_hand() + "More.\n" * 500 + by_hand("longtable")
    found = tables(text, step)
    assert [table.columns for table in found] == [COLUMNS, COLUMNS]
    assert rows_of(found) == [*rows(), *rows()]


@pytest.mark.parametrize(
    "text",
    [
        "\\begin{tabular}{ll} a & b \\\\ c & d \\\\ \\end{tabular}",
        "\\begin{align} x &= 1 \\\\ y &= 2 \\\\ z &= 3 \\\\ w &= 4 \\\\ v &= 5 \\\\ u &= 6 \\\\ t &= 7 \\end{align}",
        "int x = a && b; // \\\\ " * 50,
        "\\begin{itemize} \\item A & B \\end{itemize}" * 20,
    ],
)
def test_prose_formulas_and_small_tables_are_none(text: str) -> None:
    assert tables(text) == []


def test_people_in_a_thesis_are_found(tmp_path: Path) -> None:
    columns = draw_people(2, PEOPLE)
    source = write_csv(tmp_path / "c.csv", {"eid": draw_ids(1, PEOPLE), **columns})
    enrol_cohort(tmp_path / "c", [source], "eid", KEYS)
    examiner = Examiner((EnrolledCohort("c", PEOPLE, tmp_path / "c"),), KEYS)
    for seed, verdicts in ((2, ("probable", "confirmed")), (9, ("none",))):
        frame = pd.DataFrame(pick(draw_people(seed, PEOPLE), range(300, 340), FIELDS))
        text = f"\\documentclass{{article}}\n\\begin{{document}}\nWe.\n{frame.style.to_latex()}\n\\end{{document}}\n"
        (answer,) = examiner.content("thesis.tex", text.encode())
        assert answer["verdict"] in verdicts


def test_the_text_is_given_as_it_was() -> None:
    text = f"Prose.\n{by_hand()}More.\n"
    parts = list(plain_text.read(Opened("x", io.BytesIO(text.encode()), len(text)), Limits()))
    assert "".join(part.text for part in parts if isinstance(part, Text)) == text
    assert sum(isinstance(part, Table) for part in parts) == 1


HOSTILE: dict[str, Callable[[int], str]] = {
    "begun again and again": lambda size: "\\begin{tabular}" * (size // 15),
    "columns never closed": lambda size: "\\begin{tabular}{" * (size // 16),
    "one row": lambda size: "\\begin{tabular}{l}" + "a&" * (size // 2),
    "rows without an end": lambda size: "\\begin{tabular}{l}" + "1&2\\\\\n" * (size // 6),
    "one cell": lambda size: "\\begin{tabular}{l}" + "x" * size,
    "groups": lambda size: "\\begin{tabular}{l}" + "{" * size + "&",
    "commands": lambda size: "\\begin{tabular}{l}" + ("\\a" * 30_000 + "&") * (size // 60_001),
    "spans": lambda size: "\\begin{tabular}{l}" + "\\multicolumn{200}{c}{x}&" * (size // 24),
    "rows of spans": lambda size: "\\begin{tabular}{l}" + "1&\\multicolumn{200}{c}{x}\\\\\n" * (size // 28),
    "comments": lambda size: "\\begin{tabular}{l}" + "%" * size,
    "small tables": lambda size: ("\\begin{tabular}{ll}" + "1&2\\\\" * 9 + "\\end{tabular}") * (size // 86),
}


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_sources_come_to_an_end(name: str) -> None:
    """Work by the square of their size would not."""
    assert all(table.rows_count for table in tables(HOSTILE[name](1 << 21), 1 << 17))
