"""ARFF, which Weka reads: names and kinds of columns over rows of cells, of all of them or (sparse) those not 0."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from matcher.contents import Limits, Opened, Table, Unreadable
from matcher.formats.delimited import rows_under
from matcher.formats.encodings import decoded, text_of
from matcher.sniffing import HEAD_BYTES

FORMAT = "arff"
_ATTRIBUTE = re.compile(
    r"\s*@attribute\s+(?:'(?P<single>(?:[^'\\]|\\.)*+)'|\"(?P<double>(?:[^\"\\]|\\.)*+)\"|(?P<bare>[^\s{]+))\s*(?P<kind>.*)",
    re.IGNORECASE,
)
_DATA = re.compile(r"\s*@data\b", re.IGNORECASE)
_ESCAPED = re.compile(r"\\(.)")
_QUOTED = r"[ \t]*+(?:'((?:[^'\\]|\\.)*+)'[ \t]*+|\"((?:[^\"\\]|\\.)*+)\"[ \t]*+|"
_CELL, _TABBED = (
    re.compile(_QUOTED + "([^,]*)),"),
    re.compile(_QUOTED.replace(r"[ \t]", "[ ]") + "([^\t]*))\t"),
)
_WEIGHT = re.compile(r",\s*\{[^{}]*\}\s*$")
_MOST_LINE = 16 << 20
_MOST_ATTRIBUTES = 200_000


def sniff(name: str, head: bytes) -> int:
    if b"@" not in head:
        return 0
    text = decoded(head)
    if text is None:
        return 0
    begins = next(
        (line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("%")), ""
    )
    if not begins.lstrip().lower().startswith(("@relation", "@attribute")):
        return 0
    return 4 if any(map(_ATTRIBUTE.match, text.splitlines())) else 0


def read(opened: Opened, limits: Limits) -> Iterator[Table]:
    """The rows, under the names that the header gives.

    Raises:
        Unreadable: it has no columns, more than can be, or no rows section.
    """
    head = opened.stream.read(HEAD_BYTES)
    with text_of(opened.stream, head) as text:
        lines = iter(lambda: text.readline(_MOST_LINE), "")
        names, first = _header(lines)
        if not names:
            raise Unreadable("damaged", "an ARFF without attributes or without rows")
        yield from rows_under(names, opened.name, _rows(lines, first), limits)


def _header(lines: Iterable[str]) -> tuple[list[str], list[str]]:
    """Names of columns, and what a sparse row means that leaves one out; none of them where no rows follow."""
    names: list[str] = []
    omitted: list[str] = []
    for line in lines:
        if _DATA.match(line):
            return names, omitted
        found = _ATTRIBUTE.match(line)
        if found is None:
            continue
        if len(names) >= _MOST_ATTRIBUTES:
            raise Unreadable("too-large", "an ARFF with more attributes than are read")
        quoted = found["single"] or found["double"]
        names.append(_ESCAPED.sub(r"\1", quoted) if quoted else found["bare"] or f"column_{len(names) + 1}")
        kind = found["kind"].strip()
        omitted.append(_cells(kind.strip("{} "))[0] if kind.startswith("{") else "0")
    return [], []


def _rows(lines: Iterable[str], omitted: list[str]) -> Iterator[list[str]]:
    for line in map(str.strip, lines):
        if not line or line.startswith("%"):
            continue
        if line.startswith("{"):
            yield _sparse(line, omitted)
        else:
            yield _cells(_WEIGHT.sub("", line) if line.endswith("}") else line)


def _cells(line: str) -> list[str]:
    if "'" not in line and '"' not in line:
        return ["" if cell.strip() == "?" else cell.strip() for cell in line.split(_delimiter(line))]
    cells = []
    for found in (_CELL if _delimiter(line) == "," else _TABBED).finditer(line + _delimiter(line)):
        quoted = found[1] if found[1] is not None else found[2]
        cells.append(found[3].strip() if quoted is None else _ESCAPED.sub(r"\1", quoted))
    return ["" if cell == "?" else cell for cell in cells]


def _delimiter(line: str) -> str:
    return "\t" if "\t" in line and "," not in line else ","


def _sparse(line: str, omitted: list[str]) -> list[str]:
    """A row that states columns by their number, counted from 0."""
    row = omitted.copy()
    for stated in _cells(line[1 : line.rfind("}")] if "}" in line else line[1:]):
        number, _, value = stated.partition(" ")
        if number.isdecimal() and len(number) < 9 and int(number) < len(row):
            value = value.strip().strip("'\"")
            row[int(number)] = "" if value == "?" else value
    return row
