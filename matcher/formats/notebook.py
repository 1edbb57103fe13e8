"""Jupyter notebooks, read as JSON and never run: sources and printed outputs as text, tables in both as tables.

With `limits.ocr` the pictures in outputs are read for their words.
"""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Iterator
from typing import Any

from matcher.contents import Limits, Opened, Table, Text, Unreadable
from matcher.formats.delimited import parts_of
from matcher.formats.picture import words_in
from matcher.formats.tables_in_text import tables_of_text

FORMAT = "notebook"
_MOST_BYTES = 256 << 20
_MOST_PICTURES = 100
_WIDE_BREAK = re.compile(r"\s*\\?\s*$")


def sniff(name: str, head: bytes) -> int:
    start = head.lstrip()[:1]
    if start != b"{":
        return 0
    return 4 if name.lower().endswith(".ipynb") or (b'"cells"' in head and b'"cell_type"' in head) else 0


def read(opened: Opened, limits: Limits) -> Iterator[Table | Text]:
    if opened.size > _MOST_BYTES:
        raise Unreadable("too-large", "a notebook of more than 256 MiB")
    try:
        notebook = json.loads(opened.stream.read())
        cells = notebook.get("cells") or [
            cell for sheet in notebook.get("worksheets", []) for cell in sheet["cells"]
        ]
    except (ValueError, AttributeError, KeyError, TypeError, RecursionError) as wrong:
        raise Unreadable("damaged", type(wrong).__name__) from None
    left = _MOST_PICTURES if limits.ocr else 0
    unread: Unreadable | None = None
    for cell in cells:
        if not isinstance(cell, dict):
            continue
        source = _joined(cell.get("source") or cell.get("input"))
        if source:
            name = f"{cell.get('cell_type', 'cell')} source"
            yield Text(name, source)
            yield from tables_of_text(name, source, limits)
        for output in cell.get("outputs") or []:
            if isinstance(output, dict):
                yield from _output(output, limits)
                for number, picture in enumerate(_pictures(output)[:left]):
                    left -= 1
                    try:
                        yield from words_in(io.BytesIO(picture), f"output picture {number}", limits)
                    except Unreadable as wrong:
                        unread = unread or wrong
    if unread is not None:
        raise unread  # what else the notebook holds was read


def _output(output: dict[str, Any], limits: Limits) -> Iterator[Table | Text]:
    data = output.get("data") if isinstance(output.get("data"), dict) else {}
    plain = _joined(output.get("text")) or _joined((data or {}).get("text/plain"))
    tables = list(html_tables(_joined((data or {}).get("text/html")), limits))
    if not tables and plain:
        tables = list(printed_table(plain, limits))
    yield from tables
    if plain:
        yield Text("output", plain)
    traceback = _joined(output.get("traceback"))
    if traceback:
        yield Text("output", traceback)


def _pictures(output: dict[str, Any]) -> list[bytes]:
    """The pictures of an output, which stand in base 64."""
    data = output.get("data")
    if not isinstance(data, dict):
        return []
    texts = [_joined(data.get(kind)) for kind in ("image/png", "image/jpeg", "image/webp")]
    try:
        return [base64.b64decode(text) for text in texts if text]
    except ValueError:
        return [b""]  # told as damaged by who reads it


def html_tables(html: str, limits: Limits) -> Iterator[Table]:
    """The tables of an HTML output; pandas writes its index as leading header cells, which are left out."""
    if "<table" not in html.lower():
        return
    from lxml import html as parser

    try:
        root = parser.fromstring(html)
    except (ValueError, SyntaxError):
        return
    for table in root.iter("table"):
        rows = [
            [
                " ".join("".join(str(piece) for piece in cell.itertext()).split())
                for cell in row.iter("td", "th")
            ]
            for row in table.iter("tr")
        ]
        head_rows = [row for row in table.iter("tr") if row.find("th") is not None and row.find("td") is None]
        has_index = all(row.find("td") is None or row.find("th") is not None for row in table.iter("tr"))
        if has_index and any(row.find("td") is not None for row in table.iter("tr")):
            rows = [row[1:] for row in rows]
        rows = [row for row in rows if row]
        yield from parts_of("html table", rows, limits, has_header=bool(head_rows) or None)


def printed_table(text: str, limits: Limits) -> Iterator[Table]:
    """A data frame as pandas or R prints it: names over columns, an index before the rows, broken where it is wide."""
    blocks = re.split(r"\n\s*\n", text)
    for block in blocks:
        lines = [
            line for line in block.splitlines() if line.strip() and not line.lstrip().startswith(("[", "..."))
        ]
        lines = [_WIDE_BREAK.sub("", line) for line in lines]
        if len(lines) < 2:
            continue
        names, rows = lines[0].split(), [line.split() for line in lines[1:]]
        if len(names) < 2 or any(len(row) != len(names) + 1 for row in rows):
            continue
        if not all(re.fullmatch(r"\d+|\[\d+,\]", row[0]) for row in rows):
            continue
        yield from parts_of("printed table", [names, *[row[1:] for row in rows]], limits, has_header=True)


def _joined(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "".join(piece for piece in value if isinstance(piece, str))
    return ""
