"""Spreadsheets (xlsx, xlsm, xlsb, xls, ods), sheet by sheet, through calamine; formulas are never worked out.

A sheet may claim a size that it does not have, for which calamine takes all memory and aborts: so the dimensions that
an xlsx states are read first, and the process around the reader is limited.
"""

from __future__ import annotations

import datetime as dt
import io
import re
import zipfile
from collections.abc import Iterator
from typing import Any

from matcher.contents import Limits, Opened, Table, Unreadable
from matcher.formats.delimited import parts_of

FORMAT = "spreadsheet"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ZIP = b"PK\x03\x04"
_WORKBOOK = (b"xl/", b"[Content_Types].xml", b"_rels/.rels", b"docProps/")
_ODS = b"mimetypeapplication/vnd.oasis.opendocument.spreadsheet"
_SUFFIXES = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
_MOST_BYTES = 256 << 20
_MOST_CLAIMED = 40_000_000
"""Cells of one sheet: a claim beyond this is a bomb or nothing that a spreadsheet opens."""
_ROW = re.compile(rb'<(?:\w+:)?c [^>]*?r="([A-Z]{1,3})(\d{1,7})"')


def sniff(name: str, head: bytes) -> int:
    if head.startswith(_OLE):
        return 5 if b"W\0o\0r\0k\0b\0o\0o\0k" in head or name.lower().endswith(_SUFFIXES) else 0
    if not head.startswith(_ZIP):
        return 0
    if _ODS in head[:200]:
        return 6
    first = head[30 : 30 + int.from_bytes(head[26:28], "little")]
    if first.startswith(b"xl/"):
        return 6
    return 5 if first.startswith(_WORKBOOK) and (name.lower().endswith(_SUFFIXES) or b"xl/" in head) else 0


def read(opened: Opened, limits: Limits) -> Iterator[Table]:
    """Every sheet as a table named by its place, not by its title.

    Raises:
        Unreadable: it is damaged, encrypted, larger than may be read, or claims a size that no sheet has.
    """
    if opened.size > _MOST_BYTES:
        raise Unreadable("too-large", "a spreadsheet of more than 256 MiB")
    data = opened.stream.read()
    if data.startswith(_OLE) and b"E\0n\0c\0r\0y\0p\0t\0e\0d\0P\0a\0c\0k\0a\0g\0e" in data:
        raise Unreadable("encrypted", "a spreadsheet with a password")
    if data.startswith(_ZIP):
        _refuse_claims(data, limits)
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(data))
        for number, title in enumerate(book.sheet_names):
            rows = book.get_sheet_by_name(title).iter_rows()
            shown = opened.name if number == 0 else f"{opened.name} sheet {number + 1}"
            yield from parts_of(shown, _as_text(rows), limits)
    except CalamineError as wrong:
        said = str(wrong).lower()
        raise Unreadable("encrypted" if "password" in said else "damaged", type(wrong).__name__) from None


def _as_text(rows: Iterator[list[Any]]) -> Iterator[list[str]]:
    for row in rows:
        cells = [_cell(value) for value in row]
        if any(cells):
            yield cells


def _cell(value: Any) -> str:
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, dt.datetime) and value.time() == dt.time():
        return value.date().isoformat()
    return "" if value is None else str(value)


def _refuse_claims(data: bytes, limits: Limits) -> None:
    """Refuses what unfolds beyond the limits, and a sheet that puts a cell where no table reaches."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            total = sum(entry.file_size for entry in entries)
            if total > max(256 << 20, limits.ratio * len(data)) or len(entries) > 10_000:
                raise Unreadable("bomb", "far more comes out than went in")
            for entry in entries:
                if "worksheets/" in entry.filename and entry.filename.endswith(".xml"):
                    with archive.open(entry) as sheet:
                        _refuse_dimensions(sheet)
    except (zipfile.BadZipFile, RuntimeError, ValueError, EOFError, OSError) as wrong:
        raise Unreadable("damaged", type(wrong).__name__) from None


def _refuse_dimensions(sheet: Any) -> None:
    """Looks at where the first and the last cells of a sheet claim to stand: the area between is what is held."""
    rest, lowest, highest, columns = b"", 1 << 40, 0, 1
    while block := sheet.read(1 << 20):
        piece = rest + block
        for found in _ROW.finditer(piece):
            row = int(found[2])
            lowest, highest = min(lowest, row), max(highest, row)
            columns = max(columns, _column(found[1]))
        rest = piece[-256:]
    if highest and (highest - lowest + 1) * columns > _MOST_CLAIMED:
        raise Unreadable("bomb", "a sheet that claims more cells than any table has")


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = 26 * number + letter - 64
    return number
