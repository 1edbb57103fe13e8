"""What divides the cells of a line: the usual signs, blanks, or any other that does so evenly; no format of its own."""

from __future__ import annotations

import csv
import itertools
from collections import Counter

from matcher.formats.headers import is_header, is_value, value_columns

DELIMITERS = (",", "\t", ";", "|")
_KNOWN = " " + "".join(DELIMITERS)
_NO_DELIMITERS = frozenset(" \"'-_./+\r\n\f\v\0\x85\xa0\ufeff").union(DELIMITERS)
LOOKED_AT = 60
_MOST_LINES = 5
"""Lines of a row that has line breaks in its cells."""


def delimiter_of(lines: list[str]) -> str | None:
    """The delimiter that divides the lines most evenly; a single blank stands for any run of blanks."""
    told = (line for line in lines if line.strip() and not line.startswith("##"))
    lines = list(itertools.islice(told, LOOKED_AT))
    if not lines:
        return None
    best: tuple[float, int, str] | None = None
    for delimiter in (*DELIMITERS, " "):
        if sum(delimiter in line for line in lines) < 0.6 * len(lines) and delimiter != " ":
            continue
        rows = whole_rows(lines, delimiter)
        counts = Counter(len(row) for row in rows)
        width, agreeing = max(counts.items(), key=lambda one: (one[1], one[0]))
        count = max(len(rows), len(lines) / _MOST_LINES)
        score = (agreeing / count, width, delimiter)
        if width >= 2 and agreeing >= 0.6 * count and (best is None or score[:2] > best[:2]):
            best = score
    known = best[2] if best else None
    rare = _rare_delimiter(lines, is_alone=known is None)
    return rare if rare and (known is None or _share(lines, rare) > _share(lines, known)) else known


def _rare_delimiter(lines: list[str], *, is_alone: bool) -> str | None:
    """Any other sign that divides every line into as many cells, if two columns of them are values.

    A colon stands in times of day, and `<` before values that were too small to tell: where another sign may divide
    the lines as well, cells do not begin or end with it.
    """
    best: tuple[int, str] | None = None
    for sign in set(lines[0]) - _NO_DELIMITERS if len(lines) >= 3 else ():
        if sign.isalnum() or len({one.count(sign) for one in lines}) > 1:
            continue
        rows = cells_of(lines, sign)
        width, values = len(rows[0]), value_columns(rows[1:])
        is_told = is_alone and _divides_no_times(rows) if sign == ":" else values >= 2
        if not is_alone and any(cell != cell.strip(_KNOWN) for row in rows for cell in row):
            continue
        if width >= 3 and is_told and all(len(row) == width for row in rows):
            best = max(best or (0, ""), (values, sign))
    return best[1] if best else None


def _divides_no_times(rows: list[list[str]]) -> bool:
    """Whether colons stand between the cells of a table, not in times of day, addresses or names of variants."""
    width, values = len(rows[0]), value_columns(rows[1:])
    is_long = any(len(cell) > 3 and is_value(cell) for cell in rows[1])
    return is_long and values >= 3 and (width >= 6 or (width >= 4 and is_header(rows)))


def _share(lines: list[str], delimiter: str) -> float:
    """The share of columns that are values."""
    rows = cells_of(lines, delimiter)
    return value_columns(rows[1:]) / max(1, min(map(len, rows), default=1))


def whole_rows(lines: list[str], delimiter: str) -> list[list[str]]:
    """The rows of some lines; the last is left out where rows have several lines, as it may be cut."""
    rows = cells_of(lines, delimiter)
    has_several = 2 < len(rows) < 0.9 * sum(map(bool, lines))
    return rows[:-1] if has_several else rows


def between_blanks(line: str) -> list[str]:
    """The cells of a line that runs of blanks part; one in quotes may hold some, as R's `write.table` writes it."""
    if '"' not in line or line.count('"') % 2:
        return line.split()
    return next(csv.reader([line.strip().replace("\t", " ")], delimiter=" ", skipinitialspace=True), [])


def cells_of(lines: list[str], delimiter: str) -> list[list[str]]:
    if delimiter == " ":
        return [between_blanks(line) for line in lines]
    try:
        return [row for row in csv.reader(lines, delimiter=delimiter) if row]
    except csv.Error:
        return [line.split(delimiter) for line in lines]
