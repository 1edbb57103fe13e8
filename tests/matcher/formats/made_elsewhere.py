"""Files by other programs than the libraries that read them here: xlwt, odfpy, h5py, R's haven, Polars, pandas.

No free program writes xlsb, so its records are put together here as [MS-XLSB] states them.
"""

from __future__ import annotations

import struct
import subprocess
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import xlwt
from odf import table as ods
from odf.opendocument import OpenDocumentSpreadsheet
from odf.text import P

Rows = list[list[str]]
_MAIN = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def value(cell: str) -> float | str:
    try:
        return float(cell)
    except ValueError:
        return cell


def write_xls(path: Path, rows: Rows) -> None:
    book = xlwt.Workbook()
    sheet = book.add_sheet("people")
    for at, row in enumerate(rows):
        for column, cell in enumerate(row):
            sheet.write(at, column, value(cell))
    book.save(str(path))


def write_ods(path: Path, rows: Rows, repeated: int = 1) -> None:
    """A sheet; `repeated` is how often its last row says that it stands there."""
    document = OpenDocumentSpreadsheet()
    sheet = ods.Table(name="people")
    for at, row in enumerate(rows):
        is_last = at == len(rows) - 1
        line = ods.TableRow(**({"numberrowsrepeated": repeated} if is_last and repeated > 1 else {}))
        for cell in row:
            shown = value(cell)
            kind = (
                {"valuetype": "string"} if isinstance(shown, str) else {"valuetype": "float", "value": cell}
            )
            element = ods.TableCell(**kind)
            element.addElement(P(text=cell))
            line.addElement(element)
        sheet.addElement(line)
    document.spreadsheet.addElement(sheet)
    document.save(str(path))


def _record(number: int, data: bytes = b"") -> bytes:
    name = bytes([number]) if number < 128 else bytes([number & 127 | 128, number >> 7])
    size, out = len(data), b""
    while size > 127:
        out, size = out + bytes([size & 127 | 128]), size >> 7
    return name + out + bytes([size]) + data


def _wide(text: str) -> bytes:
    return struct.pack("<I", len(text)) + text.encode("utf-16-le")


def write_xlsb(path: Path, cells: Iterable[tuple[int, int, float | str]]) -> None:
    """A binary workbook with these cells (row, column, value), row by row."""
    book = _record(131) + _record(143)
    book += (
        _record(156, struct.pack("<II", 0, 1) + _wide("rId1") + _wide("people")) + _record(144) + _record(132)
    )
    placed = list(cells)
    last = max(row for row, _, _ in placed), max(column for _, column, _ in placed)
    sheet = [_record(129), _record(148, struct.pack("<IIII", 0, last[0], 0, last[1])), _record(145)]
    current = -1
    for row, column, shown in placed:
        if row != current:
            sheet.append(_record(0, struct.pack("<II", row, 0) + bytes(9)))
            current = row
        place = struct.pack("<II", column, 0)
        if isinstance(shown, str):
            sheet.append(_record(6, place + _wide(shown)))
        else:
            sheet.append(_record(5, place + struct.pack("<d", shown)))
    sheet += [_record(146), _record(130)]
    types = "".join(
        f'<Override PartName="/xl/{name}.bin" ContentType="application/vnd.ms-excel.{kind}"/>'
        for name, kind in (("workbook", "sheet.binary.macroEnabled.main"), ("worksheets/sheet1", "worksheet"))
    )
    rels = (
        '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        f'<Relationship Id="rId1" Type="{_MAIN}/%s" Target="%s"/></Relationships>'
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(
            "[Content_Types].xml",
            '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
            '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            f"{types}</Types>",
        )
        archive.writestr("_rels/.rels", rels % ("officeDocument", "xl/workbook.bin"))
        archive.writestr("xl/workbook.bin", book)
        archive.writestr("xl/_rels/workbook.bin.rels", rels % ("worksheet", "worksheets/sheet1.bin"))
        archive.writestr("xl/worksheets/sheet1.bin", b"".join(sheet))


def xlsb_cells(rows: Rows) -> Iterable[tuple[int, int, float | str]]:
    return ((at, column, value(cell)) for at, row in enumerate(rows) for column, cell in enumerate(row))


def write_h5ad(path: Path, columns: tuple[str, ...], rows: Rows) -> None:
    """The layout that AnnData writes: a matrix, and one row a cell or person in `obs`, labels as codes."""
    names = list(zip(*rows, strict=True))
    with h5py.File(path, "w") as file:
        file.attrs["encoding-type"] = "anndata"
        file.create_dataset("X", data=np.zeros((len(rows), 3), np.float32), compression="gzip")
        obs = file.create_group("obs")
        obs.attrs.update({"encoding-type": "dataframe", "_index": columns[0]})
        text: Any = h5py.string_dtype()
        for name, cells in zip(columns, names, strict=True):
            if name == "sex":
                labels, codes = np.unique(cells, return_inverse=True)
                group = obs.create_group(name)
                group.attrs["encoding-type"] = "categorical"
                group.create_dataset("codes", data=codes.astype(np.int8))
                group.create_dataset("categories", data=labels.astype(object), dtype=text)
            elif name == "bmi":
                obs.create_dataset(name, data=np.array(cells, float), compression="gzip")
            else:
                obs.create_dataset(name, data=np.array(cells, object), dtype=text)


def in_r(program: str) -> str:
    """What R says to a program; what went wrong where it fails."""
    done = subprocess.run(["Rscript", "-e", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def has_haven() -> bool:
    return in_r('cat(requireNamespace("haven", quietly = TRUE))') == "TRUE"
