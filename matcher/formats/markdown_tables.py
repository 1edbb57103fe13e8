"""Markdown (.md, .Rmd, .qmd): pipe tables, and grid tables as pandoc draws them; the rest, fenced code too, as text.

A pipe table is a row of names over a rule of as many columns: prose, shell pipelines and code with bars have no such
rule.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from matcher.contents import Limits, Opened, Table, Text
from matcher.formats.markdown_parts import (
    MOST_LINE,
    Begun,
    Lines,
    Rows,
    fitted,
    is_too_short,
    parts_between,
    surety,
)
from matcher.formats.rst_tables import grid_table
from matcher.sniffing import HEAD_BYTES

FORMAT = "markdown"
_SUFFIXES = (".md", ".markdown", ".mdown", ".mkd", ".rmd", ".qmd", ".mdx")
_RULE_CELL = re.compile(r"\s*:?-+:?\s*")
_BAR = re.compile(r"(?<!\\)\|")
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
_HEADING = re.compile(r"#{1,6}\s")
_BEFORE = " \t>"
"""Indents and the marks of a quotation: a table in a list or a quotation is one too."""


class Fences:
    """Follows fenced code (``` or ~~~) line by line; one that is never closed runs to the end."""

    def __init__(self) -> None:
        self._open = ""

    def __call__(self, line: str) -> bool:
        text = line.strip(_BEFORE + "\r\n")
        if self._open:
            if text.startswith(self._open) and not text.strip(self._open[0]):
                self._open = ""
            return True
        if text.startswith(("```", "~~~")):
            rest = text.lstrip(text[0])
            if text[0] == "~" or "`" not in rest:
                self._open = text[: len(text) - len(rest)]
                return True
        return False


def sniff(name: str, head: bytes) -> int:
    is_named = name.lower().endswith(_SUFFIXES)
    if b"|" not in head and not (is_named and len(head) >= HEAD_BYTES):
        return 0
    return surety(name, head, _SUFFIXES, _table if is_named else _outside_grids, Fences())


def read(opened: Opened, limits: Limits) -> Iterator[Table | Text]:
    """Tables with their names of columns as they come, and the text round them."""
    yield from parts_between(opened, limits, _table, Fences())


def _table(line: str, lines: Lines) -> Begun | None:
    return pipe_table(line, lines) or grid_table(line, lines)


def _outside_grids(line: str, lines: Lines) -> Begun | None:
    """A pipe table; grids are passed over, which are reStructuredText's in a text of any other name."""
    grid = grid_table(line, lines)
    if grid is None:
        return pipe_table(line, lines)
    for _ in grid[0]:
        pass
    return None


def pipe_table(line: str, lines: Lines) -> Begun | None:
    """A line of names, a rule below it, and at least one row."""
    if "|" not in line or len(line) >= MOST_LINE:
        return None
    rule = lines.peek()
    width = _width_of(rule)
    if not width:
        return None
    names = cells_of(line)
    if len(names) != width:
        return None
    next(lines)
    if _row(lines.peek(), width) is None:
        lines.put_back([rule])
        return None
    return _rows(names, lines), True


def _rows(names: list[str], lines: Lines) -> Rows:
    yield names
    for line in lines:
        cells = _row(line, len(names))
        if cells is None:
            lines.put_back([line])
            return
        if not _width_of(line):  # rules between rows, as org-mode draws them
            yield fitted(cells, len(names))


def _row(line: str, width: int) -> list[str] | None:
    """The cells of a line that goes on with the table; None where it has ended."""
    text = line.lstrip(_BEFORE)
    if "|" not in text or len(line) >= MOST_LINE or text.startswith(("```", "~~~")) or _HEADING.match(text):
        return None
    cells = cells_of(line)
    return None if is_too_short(len(cells), width) else cells


def _width_of(line: str) -> int:
    """How many columns a rule of dashes has; 0 of any other line."""
    if "-" not in line or "|" not in line or line.strip(" \t>|:+-\r\n"):
        return 0
    text = line.strip(_BEFORE + "\r\n")
    cells = text.removeprefix("|").removesuffix("|").replace("+", "|").split("|")
    return len(cells) if all(_RULE_CELL.fullmatch(cell) for cell in cells) else 0


def cells_of(line: str) -> list[str]:
    """The cells between the bars, without the marks that only change how they look."""
    text = line.lstrip(_BEFORE).rstrip()
    text = text.removeprefix("|")
    if text.endswith("|") and not text.endswith("\\|"):
        text = text[:-1]
    return [_plain(cell) for cell in (_BAR.split(text) if "\\" in text else text.split("|"))]


def _plain(cell: str) -> str:
    cell = cell.strip()
    if "`" in cell and len(cell) > 2 and cell[0] == cell[-1] == "`":
        return cell.strip("`").strip().replace("\\|", "|")
    while len(cell) > 2 and cell[0] == cell[-1] == "*":
        cell = cell[1:-1].strip()
    if "\\" in cell:
        cell = _ESCAPED.sub(r"\1", cell)
    return html.unescape(cell) if "&" in cell else cell
