"""reStructuredText: grid tables and simple tables as tables; the rest, literal blocks too, as text.

What MySQL and PostgreSQL print in frames is read as grids as well: one block of rows without rules between them.
"""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Iterator
from itertools import chain
from unicodedata import east_asian_width

from matcher.contents import Limits, Opened, Table, Text
from matcher.formats.markdown_parts import (
    MOST_LINE,
    Begun,
    Lines,
    Rows,
    is_too_short,
    parts_between,
    surety,
)

FORMAT = "rst"
_SUFFIXES = (".rst", ".rest")
_LONGEST_ROW = 200
"""Lines of one row or header; more are rows of a line each."""
_CODE = re.compile(r"\s*\.\. (?:code|code-block|sourcecode|parsed-literal|prompt|ipython|raw)::")
_RUN = re.compile("=+")
_EMPTY = ("\\", "..")
"""How a simple table writes that the first cell of a row is empty."""


class Literals:
    """Follows literal blocks, which are indented behind a `::` or a directive for code."""

    def __init__(self) -> None:
        self._behind: int | None = None

    def __call__(self, line: str) -> bool:
        text = line.strip()
        if not text:
            return self._behind is not None
        indent = len(line) - len(line.lstrip())
        if self._behind is not None and indent > self._behind:
            return True
        begins = _CODE.match(line) or (text.endswith("::") and not text.startswith(".."))
        self._behind = indent if begins else None
        return False


def sniff(name: str, head: bytes) -> int:
    is_named = name.lower().endswith(_SUFFIXES)
    if not (is_named or b"--" in head or b"==" in head or b"\0" in head):
        return 0
    return surety(name, head, _SUFFIXES, rst_table, Literals())


def read(opened: Opened, limits: Limits) -> Iterator[Table | Text]:
    """Tables with their names of columns as they come, and the text round them."""
    yield from parts_between(opened, limits, rst_table, Literals())


def rst_table(line: str, lines: Lines) -> Begun | None:
    return grid_table(line, lines) or simple_table(line, lines)


def grid_table(line: str, lines: Lines) -> Begun | None:
    """A frame of `+---+` with bars between its cells; `=` in a rule says that names stand over it."""
    if not line.lstrip().startswith("+-") or not _is_rule(line):
        return None
    edges = [at for at, sign in enumerate(line.rstrip()) if sign == "+"]
    first, closing = _block(lines, edges)
    goes_on = _is_row(lines.peek())
    if goes_on and "=" in closing and first:
        return _grid_rows(_header(first, edges), lines, edges), True
    lines.put_back([*first, closing] if closing else first)
    # One frame of one column is a box; one with names and no rows says nothing.
    is_table = first and closing and "=" not in closing and (goes_on or len(edges) > 2)
    return (_grid_rows(None, lines, edges), None) if is_table else None


def _block(lines: Lines, edges: list[int]) -> tuple[list[str], str]:
    """The lines up to the next rule, and that rule; "" where there is none, or not for longer than a row is."""
    found: list[str] = []
    for line in lines:
        text = line.strip()
        if _is_rule(line):
            return found, line
        if not _is_row(line) or len(line) >= MOST_LINE or is_too_short(text.count("|"), len(edges)):
            lines.put_back([line])
            break
        found.append(line)
        if len(found) >= _LONGEST_ROW:
            break
    return found, ""


def _grid_rows(header: list[str] | None, lines: Lines, edges: list[int]) -> Rows:
    """The rows behind the header: one a block, or one a line where a single block has them all."""
    if header is not None:
        yield header
    each_line, number = False, 0 if header is None else 1
    while True:
        block, closing = _block(lines, edges)
        following = lines.peek()
        goes_on = _is_row(following) or (not closing and _is_rule(following))
        cells = [_grid_cells(one, edges) for one in block]
        if len(block) >= _LONGEST_ROW or (number <= 1 and not goes_on):
            each_line = len(block) >= _LONGEST_ROW or all(row[0] for row in cells)
        yield from cells if each_line else _joined(block, cells)
        number += 1
        if not goes_on:
            return


def _header(block: list[str], edges: list[int]) -> list[str]:
    """The names over a rule; below a line of dashes polars writes types, which are no names."""
    rows = [_grid_cells(one, edges) for one in block]
    end = next((at for at, row in enumerate(rows) if at and not "".join(row).strip("-")), len(rows))
    return _one_of(rows[:end])


def _joined(block: list[str], cells: list[list[str]]) -> Rows:
    """One row of several lines; a rule under some of its cells, which the others span, ends it too."""
    gathered: list[list[str]] = []
    for line, row in zip(block, cells, strict=True):
        is_ruled = "+-" in line or "-+" in line
        gathered.append([cell.strip("-+ ") for cell in row] if is_ruled else row)
        if is_ruled:
            yield _one_of(gathered)
            gathered = []
    if gathered:
        yield _one_of(gathered)


def _one_of(lines: list[list[str]]) -> list[str]:
    return [" ".join(filter(None, column)) for column in zip(*lines, strict=True)]


def _grid_cells(line: str, edges: list[int]) -> list[str]:
    """The cells between bars; where a cell spans columns, or has a bar in it, between the edges of the frame."""
    cells = line.strip().removeprefix("|").removesuffix("|").split("|")
    if len(cells) == len(edges) - 1:
        return [cell.strip() for cell in cells]
    found: list[str] = []
    start, spanned = edges[0] + 1, 0
    for edge in edges[1:]:
        if edge == edges[-1] or line[edge : edge + 1] in ("|", "+"):
            found += [line[start:edge].strip(" \t|\r\n"), *[""] * spanned]
            start, spanned = edge + 1, 0
        else:
            spanned += 1
    return found


def _is_row(line: str) -> bool:
    text = line.strip()
    return len(text) > 2 and text[0] in "|+" and text[-1] in "|+" and "|" in text and not _is_rule(line)


def _is_rule(line: str) -> bool:
    text = line.strip()
    if text[:1] not in ("+", "|") or text[-1:] != text[:1] or text.strip("+|-=:"):
        return False
    return "--" in text or "==" in text


def simple_table(line: str, lines: Lines) -> Begun | None:
    """Rows under and over rules of `==== ====`, which say where columns begin; names stand between two rules."""
    if not _is_simple_rule(line):
        return None
    starts = [found.start() for found in _RUN.finditer(line)]
    first: list[str] = []
    while len(first) < _LONGEST_ROW and (one := lines.peek()).strip() and not _is_simple_rule(one):
        first.append(next(lines))
    closing = lines.peek()
    if not _is_simple_rule(closing):
        lines.put_back(first)
        is_table = len(first) > 1 and all(_fits(one, starts) and _is_filled(one, starts) for one in first)
        return (_simple_rows(lines, starts), None) if is_table else None
    if not first:
        return None
    next(lines)
    if not lines.peek().strip():  # only the last rule has nothing below it
        lines.put_back([*first, closing])
        return _simple_rows(lines, starts), None
    names = _one_of([_simple_cells(one, starts) for one in first if one.strip(" -\r\n")] or [[]])
    if not names:
        lines.put_back([*first, closing])
        return None
    return chain([names], _simple_rows(lines, starts)), True


def _simple_rows(lines: Lines, starts: list[int]) -> Rows:
    """The rows up to the last rule, or to a line that is none of the table's; a row without its first cell goes on."""
    row: list[list[str]] = []
    for line in lines:
        if _is_simple_rule(line):
            break
        following = line if line.strip() else lines.peek()
        if not _fits(following, starts) or not (line.strip() or _is_filled(following, starts)):
            lines.put_back([line])
            break
        if not line.strip(" -\r\n"):
            continue  # blank, or a rule under cells that span columns
        cells = _simple_cells(line, starts)
        if row and (cells[0] or len(row) >= _LONGEST_ROW):
            yield _whole(row)
            row = []
        row.append(cells)
    if row:
        yield _whole(row)


def _whole(lines: list[list[str]]) -> list[str]:
    first, *others = _one_of(lines)
    return ["" if first in _EMPTY else first, *others]


def _is_simple_rule(line: str) -> bool:
    text = line.strip()
    return text[:2] == "==" and " " in text and not text.strip("= ")


def _fits(line: str, starts: list[int]) -> bool:
    """Whether nothing stands right before a column begins."""
    text = _as_shown(line.rstrip())
    if len(line) >= MOST_LINE or text[: starts[0]].strip():
        return False
    if is_too_short(bisect(starts, len(text)), len(starts)):
        return False
    return all(text[start - 1 : start].strip() == "" for start in starts[1:])


def _is_filled(line: str, starts: list[int]) -> bool:
    """Whether more than the first column has something in it, which a line of prose may have too."""
    return len(_as_shown(line.rstrip())) > starts[1]


def _simple_cells(line: str, starts: list[int]) -> list[str]:
    text = _as_shown(line.rstrip())
    ends = [*starts[1:], len(text)]
    return [text[a:b].replace("\0", "").strip() for a, b in zip(starts, ends, strict=True)]


def _as_shown(line: str) -> str:
    """The line with a filler behind what is shown two columns wide, since a table is aligned as it is shown."""
    if line.isascii():
        return line
    return "".join(sign + "\0" if east_asian_width(sign) in "WF" else sign for sign in line)
