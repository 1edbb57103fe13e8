"""What the first rows of a table tell: whether they name columns, and how wide it is; no format of its own."""

from __future__ import annotations

import re
from collections import Counter

ROW_NAME = "row_name"
"""The name of a column that R gives none."""
_NUMBER = re.compile(r"[-+]?(\d[\d ,.]*|\.\d+)([eE][-+]?\d+)?%?")
_DATE = re.compile(r"\d{1,4}(?:([-/.])\d{1,2}\1|年\d{1,2}月)\d{1,4}日?([ T]\d{1,2}:\d{2}.*)?")
"""`34-0.0` is the name of a field."""
MISSING = {"", "na", "nan", "null", "none", "n/a", ".", "-"}


def is_header(rows: list[list[str]]) -> bool:
    """Whether the first row names columns: no cell of it looks like a value where those below do."""
    if len(rows) < 2:
        return bool(rows) and not any(is_value(cell) for cell in rows[0])
    first, below = rows[0], rows[1:]
    if any(is_value(cell) for cell in first if cell.strip()):
        # `31-0.0` and the like are names of fields, not numbers.
        return False
    columns = list(zip(*(row for row in below if len(row) == len(first)), strict=False))
    counts = Counter(cell.strip() for cell in first)
    for name, column in zip(first, columns, strict=False):
        # A name may come again over values; a row with cells that are empty or alike is no header.
        if counts[name.strip()] > 1 and bool(name.strip()) != bool(value_columns([[one] for one in column])):
            return False
    if not columns and len(counts) < len(first):
        return False
    if any(any(is_value(cell) for cell in column) for column in columns):
        return True
    # Only words: a header's words do not come again below.
    return not any(first[number] in column for number, column in enumerate(columns))


def is_value(cell: str) -> bool:
    """Whether a cell is a number or a date; what is missing is neither."""
    cell = cell.strip()
    return bool(cell.lower() not in MISSING and (_NUMBER.fullmatch(cell) or _DATE.fullmatch(cell)))


def value_columns(rows: list[list[str]]) -> int:
    """How many columns of rows hold numbers or dates wherever they hold anything, in at least two rows."""
    found = 0
    for column in zip(*rows, strict=False):
        told = [cell for cell in column if cell.strip().lower() not in MISSING]
        found += len(told) >= min(2, len(rows)) and sum(map(is_value, told)) >= 0.8 * len(told)
    return found


def head_of(rows: list[list[str]], has_header: bool | None = None) -> tuple[tuple[str, ...], bool, int]:
    """A table's columns, whether they are names that stand over it, and how many rows come before the first of values.

    R names rows and gives their column no name: its header is one cell shorter.
    """
    width = Counter(len(row) for row in rows).most_common(1)[0][0]
    start = first_of_width(rows, width)
    if is_header(rows[start:]) if has_header is None else has_header:
        return named(rows[start], width), True, start + 1
    above = rows[start - 1] if start and has_header is None else []
    if len(above) == width - 1 >= 2 and is_header([[ROW_NAME, *above], *rows[start:]]):
        return named([ROW_NAME, *above], width), True, start
    return numbered(width), False, start


def first_of_width(rows: list[list[str]], width: int) -> int:
    """Lines of a preamble are narrower than the table that they stand over."""
    return next((number for number, row in enumerate(rows) if len(row) == width), 0)


def named(first: list[str], width: int) -> tuple[str, ...]:
    names = (first + [""] * width)[:width]
    return tuple(
        name.strip().lstrip("\ufeff#").strip('"') or f"column_{number + 1}"
        for number, name in enumerate(names)
    )


def numbered(width: int) -> tuple[str, ...]:
    return tuple(f"column_{number + 1}" for number in range(width))
