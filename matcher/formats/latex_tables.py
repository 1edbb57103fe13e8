"""The tables of LaTeX: bodies of tabular, longtable, array and their kin, wherever they stand in a text.

Rules, comments and commands for looks are passed over, a cell that spans columns is followed by empty ones, and a table
inside a cell is that cell's text. The text comes in pieces; a table may cross them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from matcher.contents import Limits, Table
from matcher.formats.written_tables import WrittenTables

ENVIRONMENTS = frozenset(
    (
        "tabular", "tabular*", "tabularx", "tabulary", "longtable", "longtable*", "array", "tabu", "longtabu",
        "supertabular", "xltabular", "tblr", "longtblr", "NiceTabular", "xtabular",
    )
)  # fmt: skip
_MARGIN = 2_000
"""Longer than any sign that must not be cut where a piece ends."""
_MOST_CELL = 64 << 10
_MOST_WIDE = 4_000
_MOST_TABLES = 2_000
_BEGIN = "\\begin"
_TOKEN = re.compile(
    r"\\begin\s{0,9}\{(?P<begin>[A-Za-z]{1,30}\*?)\}|\\end\s{0,9}\{(?P<end>[A-Za-z]{1,30}\*?)\}|"
    r"(?P<row>\\\\\*?(?:\[[^\]\n]{0,30}\])?|\\tabularnewline\b|\\cr\b)|(?P<cell>&)|(?P<comment>%[^\n]{0,1000}+\n?)|\\[^A-Za-z]"
)
_GROUP = r"\{(?:[^{}]|\{(?:[^{}]|\{[^{}]{0,100}+\}){0,200}+\}){0,500}+\}"
_ARGUMENTS = re.compile(rf"(?:[ \t]{{0,9}}(?:\[[^\]\n]{{0,200}}\]|{_GROUP})){{0,4}}+")
_DROPPED = re.compile(
    r"\\(?:cline|cmidrule|rowcolor|cellcolor|color|label|caption|hspace|vspace|addlinespace|specialrule|rule|morecmidrules|"
    r"rowfont|SetCell|arrayrulecolor|Xhline|noalign|tablefootnote|footnote)\*?"
    r"(?:\([^()]{0,20}\)|\[[^\[\]]{0,40}\]|\{[^{}]{0,200}\}){0,4}"
)
_SPANNING = re.compile(rf"\\multicolumn\s*\{{\s*(\d{{1,3}})\s*\}}\s*{_GROUP}")
_MULTIROW = re.compile(
    rf"\\multirow\s*(?:\[[^\]]{{0,20}}\])?\{{[^{{}}]{{0,20}}\}}\s*(?:\[[^\]]{{0,20}}\])?{_GROUP}"
)
_COMMAND = re.compile(r"\\[A-Za-z]+\*?(?:\[[^\[\]]{0,40}\])?\s*(?=\{)|\\[A-Za-z]+\*?\s?")
_SIGNS = re.compile(r"\\([%_&#${}])|\\[,;:!() ]|[{}$]|(~)")


def mostly_latex(text: str) -> bool:
    """Whether half of the filled lines of a text stand in tables."""
    if _BEGIN not in text:
        return False
    rows = sum(table.rows_count for table in latex_tables("", text, Limits()))
    return 2 * rows > sum(map(bool, map(str.strip, text.splitlines())))


def latex_tables(name: str, text: str, limits: Limits) -> Iterator[Table]:
    """The tables of a text that is at hand."""
    tables = LatexTables(name, limits)
    yield from tables.feed(text)
    yield from tables.end()


@dataclass(slots=True)
class LatexTables:
    """The tables of one text, which comes in pieces."""

    name: str
    limits: Limits
    _tables: WrittenTables = field(init=False)
    _text: str = ""
    _depth: int = 0
    _cell: list[str] = field(default_factory=list)
    _held: int = 0
    """Letters of the cell that is read."""
    _row: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._tables = WrittenTables(self.name, "LaTeX", self.limits)

    def feed(self, piece: str) -> Iterator[Table]:
        """The tables that end in this piece."""
        self._text += piece
        if not self._depth and _BEGIN not in self._text:
            self._text = self._text[-_MARGIN:]
            return
        yield from self._read(len(self._text) - _MARGIN)

    def end(self) -> Iterator[Table]:
        """The table at the end of the text, closed or not."""
        yield from self._read(len(self._text))
        if self._depth:
            yield from self._close()

    def _read(self, until: int) -> Iterator[Table]:
        at = 0
        while at < until:
            if not self._depth:
                at = self._text.find(_BEGIN, at)
                if at < 0 or at >= until:
                    at = until
                    break
            found = _TOKEN.search(self._text, at)
            if found is None or found.start() >= until:
                self._add_text(self._text[at:until])
                at = until
                break
            self._add_text(self._text[at : found.start()])
            at = found.end()
            if found["begin"]:
                at = self._begin(found["begin"], at)
            elif self._depth:
                yield from self._take(found)
        self._text = self._text[max(0, at) :]

    def _begin(self, environment: str, at: int) -> int:
        if environment in ENVIRONMENTS and self._tables.count < _MOST_TABLES:
            self._depth += 1
            arguments = _ARGUMENTS.match(self._text, at)
            return arguments.end() if arguments else at
        return at

    def _take(self, found: re.Match[str]) -> Iterator[Table]:
        if found["end"]:
            if found["end"] in ENVIRONMENTS:
                self._depth -= 1
                if not self._depth:
                    yield from self._close()
        elif found["comment"]:
            return
        elif self._depth > 1:
            self._add_text(" " if found["row"] or found["cell"] else found[0])
        elif found["cell"]:
            self._end_cell()
        elif found["row"]:
            self._end_row()
            if self._tables.is_full:
                yield from self._tables.give()
        else:
            self._add_text(found[0])

    def _add_text(self, text: str) -> None:
        if self._depth and text:
            self._held += len(text)
            if self._held <= _MOST_CELL:
                self._cell.append(text)

    def _end_cell(self) -> None:
        if len(self._row) < _MOST_WIDE:
            self._row += _cells_of("".join(self._cell))
        self._cell, self._held = [], 0

    def _end_row(self) -> None:
        self._end_cell()
        row, self._row = self._row, []
        if sum(map(bool, row)) > 1 and not (
            self._tables.rows and row == self._tables.rows[0]
        ):  # headers stand again on each page
            self._tables.add(row)

    def _close(self) -> Iterator[Table]:
        self._end_row()
        yield from self._tables.close()
        self._depth = 0


def _cells_of(text: str) -> list[str]:
    """What a cell says, with an empty one for each further column that it spans."""
    if "\\" not in text:
        return [" ".join(_SIGNS.sub(_sign, text).split())]
    spanned = 0
    spanning = _SPANNING.search(text)
    if spanning is not None:
        spanned = min(int(spanning[1]), 200) - 1
        text = text[: spanning.start()] + text[spanning.end() :]
    text = _COMMAND.sub("", _DROPPED.sub("", _MULTIROW.sub("", text)))
    return [" ".join(_SIGNS.sub(_sign, text).split()), *[""] * max(0, spanned)]


def _sign(found: re.Match[str]) -> str:
    return found[1] or (" " if found[2] else "")
