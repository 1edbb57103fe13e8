"""Spreadsheets that others wrote, with sheets that lie of their size."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from tests.matcher.formats.tables_made import COLUMNS, ended, found_rows, rows, same

_TYPES = (
    '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>'
    '<Override PartName="/xl/worksheets/sheet1.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>'
)
_REL = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_RELS = (
    '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    f'<Relationship Id="r1" Type="{_REL}/%s" Target="%s"/></Relationships>'
)
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def workbook(path: Path, cells: str) -> Path:
    """The smallest xlsx with these cells."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", _TYPES)
        archive.writestr("_rels/.rels", _RELS % ("officeDocument", "xl/workbook.xml"))
        archive.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{_MAIN}" xmlns:r="{_REL}"><sheets>'
            '<sheet name="a" sheetId="1" r:id="r1"/></sheets></workbook>',
        )
        archive.writestr("xl/_rels/workbook.xml.rels", _RELS % ("worksheet", "worksheets/sheet1.xml"))
        archive.writestr(
            "xl/worksheets/sheet1.xml",
            f'<worksheet xmlns="{_MAIN}"><sheetData>{cells}</sheetData></worksheet>',
        )
    return path


def cells_of(table: list[list[str]]) -> str:
    out = []
    for number, row in enumerate(table, 1):
        inner = "".join(
            f'<c r="{chr(65 + at)}{number}"><v>{cell}</v></c>'
            if cell.replace(".", "").isdigit()
            else f'<c r="{chr(65 + at)}{number}" t="inlineStr"><is><t>{cell}</t></is></c>'
            for at, cell in enumerate(row)
        )
        out.append(f'<row r="{number}">{inner}</row>')
    return "".join(out)


def test_a_sheet_gives_its_rows(tmp_path: Path) -> None:
    end, tables = ended(workbook(tmp_path / "x.xlsx", cells_of([list(COLUMNS), *rows()])))
    assert (end.skipped, end.format) == (None, "spreadsheet")
    assert tables[0].columns == COLUMNS
    assert same(found_rows(tables), rows())


def test_the_content_tells_and_not_the_name(tmp_path: Path) -> None:
    path = workbook(tmp_path / "notes.dat", cells_of([list(COLUMNS), *rows()]))
    end, tables = ended(path)
    assert end.format == "spreadsheet"
    assert same(found_rows(tables), rows())


def test_a_sheet_with_one_cell_at_the_far_end_is_a_bomb_and_kills_nobody(tmp_path: Path) -> None:
    cells = '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    end, _ = ended(workbook(tmp_path / "x.xlsx", cells))
    assert end.skipped == "bomb"


@pytest.mark.parametrize("cut", [0.2, 0.6, 0.95])
def test_a_cut_spreadsheet_is_told_as_damaged(cut: float, tmp_path: Path) -> None:
    path = workbook(tmp_path / "x.xlsx", cells_of([list(COLUMNS), *rows()]))
    path.write_bytes(path.read_bytes()[: int(cut * path.stat().st_size)])
    assert ended(path)[0].skipped == "damaged"


def test_an_archive_that_only_begins_like_an_office_file_is_an_archive(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("data.csv", "\n".join(",".join(row) for row in [list(COLUMNS), *rows()]))
    _, tables = ended(tmp_path / "x.zip")
    assert same(found_rows([one for one in tables if one.columns == COLUMNS]), rows())
