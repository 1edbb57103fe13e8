"""Tables as text: comma, tab, semicolon, bar or blanks between cells, in any encoding, with a header or without."""

from __future__ import annotations

import csv
import itertools
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TextIO

from matcher.contents import Limits, Opened, Table
from matcher.formats.encodings import decoded, text_of

FORMAT = "csv"
DELIMITERS = (",", "\t", ";", "|")
LOOKED_AT = 60
_NUMBER = re.compile(r"[-+]?(\d[\d ,.]*|\.\d+)([eE][-+]?\d+)?%?")
_DATE = re.compile(r"\d{1,4}[-/.年]\d{1,2}[-/.月]\d{1,4}日?([ T]\d{1,2}:\d{2}.*)?")
_MISSING = {"", "na", "nan", "null", "none", "n/a", ".", "-"}
_MOST_CELL = 1 << 20


def sniff(name: str, head: bytes) -> int:
    """3 where the name says so and rows agree, 2 where only the rows do, 0 where they do not."""
    text = decoded(head)
    if text is None or text.lstrip()[:1] in ("{", "["):
        return 0
    lines = _whole_lines(text, len(head))
    delimiter = delimiter_of(lines)
    if delimiter is None:
        return 0
    named = name.lower().endswith((".csv", ".tsv", ".tab", ".psv"))
    if named:
        return 3
    rows = _cells(lines[:LOOKED_AT], delimiter)
    # Prose and code have commas too; a table has the same number of cells in nearly every row.
    counts = Counter(len(row) for row in rows)
    width, agreeing = counts.most_common(1)[0]
    return 2 if len(rows) >= 3 and width >= 2 and agreeing >= 0.95 * len(rows) else 0


def read(opened: Opened, limits: Limits) -> Iterator[Table]:
    """The rows in parts of `limits.rows_per_part`; short rows are filled, long ones kept to the header's width."""
    head = opened.stream.read(64 << 10)
    lines = _whole_lines(decoded(head) or "", len(head))
    delimiter = delimiter_of(lines) or ","
    with text_of(opened.stream, head) as text:
        rows = _rows(text, delimiter)
        yield from parts_of(opened.name, rows, limits)


def parts_of(
    name: str, rows: Iterable[list[str]], limits: Limits, has_header: bool | None = None
) -> Iterator[Table]:
    """Rows of cells as tables; whether the first is a header is told from the rows unless it is given."""
    every = iter(rows)
    first = list(itertools.islice(every, LOOKED_AT))
    if not first:
        return
    width = Counter(len(row) for row in first).most_common(1)[0][0]
    start = _first_of_width(first, width)
    first = first[start:]
    header = is_header(first) if has_header is None else has_header
    columns = _named(first[0], width) if header else tuple(f"column_{number + 1}" for number in range(width))
    body = itertools.chain(first[1:] if header else first, every)
    while chunk := list(itertools.islice(body, limits.rows_per_part)):
        filled = [row if len(row) == width else (row + [""] * width)[:width] for row in chunk]
        yield Table(name, columns, tuple(zip(*filled, strict=True)), header)


def delimiter_of(lines: list[str]) -> str | None:
    """The delimiter that divides the lines most evenly; a single blank stands for any run of blanks."""
    lines = [line for line in lines if line.strip() and not line.startswith("##")][:LOOKED_AT]
    if not lines:
        return None
    best: tuple[float, int, str] | None = None
    for delimiter in (*DELIMITERS, " "):
        if sum(delimiter in line for line in lines) < 0.6 * len(lines) and delimiter != " ":
            continue
        counts = Counter(len(row) for row in _cells(lines, delimiter))
        width, agreeing = max(counts.items(), key=lambda one: (one[1], one[0]))
        score = (agreeing / len(lines), width, delimiter)
        if width >= 2 and agreeing >= 0.6 * len(lines) and (best is None or score[:2] > best[:2]):
            best = score
    return best[2] if best else None


def is_header(rows: list[list[str]]) -> bool:
    """Whether the first row names columns: no cell of it looks like a value where those below do."""
    if len(rows) < 2:
        return bool(rows) and not any(_is_value(cell) for cell in rows[0])
    first, below = rows[0], rows[1:]
    if any(_is_value(cell) for cell in first if cell.strip()):
        # `31-0.0` and the like are names of fields, not numbers.
        return False
    if len({cell.strip() for cell in first}) < len(first):
        return False
    columns = list(zip(*(row for row in below if len(row) == len(first)), strict=False))
    if any(any(_is_value(cell) for cell in column) for column in columns):
        return True
    # Only words: a header's words do not come again below.
    return not any(first[number] in column for number, column in enumerate(columns))


def _is_value(cell: str) -> bool:
    cell = cell.strip()
    return bool(cell.lower() not in _MISSING and (_NUMBER.fullmatch(cell) or _DATE.fullmatch(cell)))


def _first_of_width(rows: list[list[str]], width: int) -> int:
    """Lines of a preamble are narrower than the table that they stand over."""
    return next((number for number, row in enumerate(rows) if len(row) == width), 0)


def _named(first: list[str], width: int) -> tuple[str, ...]:
    names = (first + [""] * width)[:width]
    return tuple(
        name.strip().lstrip("\ufeff#") or f"column_{number + 1}" for number, name in enumerate(names)
    )


def _whole_lines(text: str, head_length: int) -> list[str]:
    lines = text.splitlines()
    return lines[:-1] if head_length >= 64 << 10 and len(lines) > 1 else lines


def _cells(lines: list[str], delimiter: str) -> list[list[str]]:
    if delimiter == " ":
        return [line.split() for line in lines]
    try:
        return [row for row in csv.reader(lines, delimiter=delimiter) if row]
    except csv.Error:
        return [line.split(delimiter) for line in lines]


def _rows(text: TextIO, delimiter: str) -> Iterator[list[str]]:
    if delimiter == " ":
        yield from (cells for line in text if (cells := line.split()))
        return
    csv.field_size_limit(_MOST_CELL)
    reader = csv.reader((line.replace("\0", "") for line in text), delimiter=delimiter)
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error:
            continue
        if row and not row[0].startswith("##"):
            yield row
