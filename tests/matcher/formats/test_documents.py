"""HTML, XML, Word and PDF, as browsers and offices write them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import docx
import pandas as pd
import pytest

from config.browser import find_browser
from matcher.contents import Text
from matcher.reading import read_path
from tests.matcher.formats.tables_made import COLUMNS, ended, found_rows, rows, same


def frame() -> pd.DataFrame:
    return pd.DataFrame(rows(), columns=list(COLUMNS))


@pytest.mark.parametrize("name", ["x.html", "x"])
def test_tables_of_a_page_are_read(name: str, tmp_path: Path) -> None:
    page = f"<!DOCTYPE html><html><body><h1>Data</h1>{frame().to_html(index=False)}<p>See below</p></body></html>"
    (tmp_path / name).write_text(page)
    end, tables = ended(tmp_path / name)
    assert (end.skipped, end.format) == (None, "markup")
    assert same(found_rows(tables), rows())
    texts = [event.text for event in read_path(tmp_path / name) if isinstance(event, Text)]
    assert any("See below" in text for text in texts)


def test_repeated_elements_of_xml_are_rows(tmp_path: Path) -> None:
    body = "".join(
        f'<participant eid="{a}"><sex>{b}</sex><bmi>{c}</bmi><visit>{d}</visit></participant>'
        for a, b, c, d in rows()
    )
    (tmp_path / "x.xml").write_text(f'<?xml version="1.0"?><export><people>{body}</people></export>')
    _, tables = ended(tmp_path / "x.xml")
    assert same(found_rows([table for table in tables if table.columns == COLUMNS]), rows())


def test_xml_that_unfolds_entities_is_a_bomb(tmp_path: Path) -> None:
    entities = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10 if n else "x" * 10}">' for n in range(12))
    (tmp_path / "x.xml").write_text(f'<?xml version="1.0"?><!DOCTYPE r [{entities}]><r>&a11;</r>')
    assert ended(tmp_path / "x.xml")[0].skipped == "bomb"


def test_xml_that_names_another_file_does_not_get_it(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("4123457")
    (tmp_path / "x.xml").write_text(
        f'<?xml version="1.0"?><!DOCTYPE r [<!ENTITY e SYSTEM "file://{tmp_path}/secret">]><r>&e;</r>'
    )
    events = list(read_path(tmp_path / "x.xml"))
    assert not any(
        isinstance(event, Text) and "&" not in event.text and "4123457" in event.text for event in events
    )


def test_tables_of_a_word_document_are_read(tmp_path: Path) -> None:
    document = docx.Document()
    document.add_paragraph("Participants of northmoor")
    table = document.add_table(rows=0, cols=4)
    for row in [list(COLUMNS), *rows()]:
        for cell, text in zip(table.add_row().cells, row, strict=True):
            cell.text = text
    document.save(str(tmp_path / "x.docx"))
    end, tables = ended(tmp_path / "x.docx")
    assert (end.skipped, end.format) == (None, "docx")
    assert same(found_rows(tables), rows())


@pytest.fixture(scope="module")
def pdf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table that a browser printed."""
    folder = tmp_path_factory.mktemp("pdf")
    style = "<style>td,th{border:1px solid black}</style>"
    (folder / "x.html").write_text(f"<html><body>{style}{frame().to_html(index=False)}</body></html>")
    browser = find_browser()
    assert browser is not None
    options = ("--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder}/profile")
    subprocess.run(
        [str(browser), *options, f"--print-to-pdf={folder}/x.pdf", f"file://{folder}/x.html"],
        check=True,
        capture_output=True,
        timeout=60,
    )
    return folder / "x.pdf"


def test_tables_of_a_pdf_are_read(pdf: Path) -> None:
    end, tables = ended(pdf)
    assert (end.skipped, end.format) == (None, "pdf")
    cells = {cell for table in tables for column in table.cells for cell in column}
    assert {row[0] for row in rows()} <= cells | set(tables[-1].columns)


@pytest.mark.parametrize("cut", [0.2, 0.7])
def test_a_cut_document_is_told(cut: float, pdf: Path, tmp_path: Path) -> None:
    (tmp_path / "x.pdf").write_bytes(pdf.read_bytes()[: int(cut * pdf.stat().st_size)])
    end, tables = ended(tmp_path / "x.pdf")
    assert end.skipped == "damaged" or not tables
