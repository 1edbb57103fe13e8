"""The tables of MediaWiki, from `{|` to `|}`, wherever they stand in a text.

What only changes how a cell looks is left out; a cell that spans columns is followed by empty ones, and a table inside
a cell is passed over. The text comes in pieces; a table may cross them.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from matcher.contents import Limits, Table
from matcher.formats.written_tables import WrittenTables

_MOST_CELL = 64 << 10
_MOST_WIDE = 4_000
_MOST_SPAN = 200
_MOST_TABLES = 2_000
_MOST_LINE = 1 << 20
_BEGIN = "{|"
_BEFORE = " \t:"
"""Indents, as blanks and as MediaWiki writes them."""
_BEGINS = re.compile(r"\n[ \t:]*+\{\|")
_LOOKS = re.compile(
    r"\s*+(?:[\w-]{1,40}+\s*+=\s*+(?:\"[^\"]{0,500}+\"|'[^']{0,500}+'|[^\s|\"']{1,100}+)\s*+)++\|(?!\|)"
)
_SPAN = re.compile(r"colspan\s*=\s*[\"']?\s*(\d{1,4})", re.IGNORECASE)
_REMARK = re.compile(r"<!--.{0,2000}?-->|<ref\b[^<>]{0,200}/>|<ref\b[^<>/]{0,200}>.{0,2000}?</ref>")
_TAG = re.compile(r"</?[A-Za-z][^<>]{0,200}>")
_LINK = re.compile(r"\[\[(?:[^\[\]|]{0,300}\|)?([^\[\]|]{0,300})\]\]")
_STRESS = re.compile("'{2,5}")


def has_mediawiki_table(text: str) -> bool:
    """Whether a table stands in a text."""
    return next(mediawiki_tables("", text, Limits()), None) is not None


def mediawiki_tables(name: str, text: str, limits: Limits) -> Iterator[Table]:
    """The tables of a text that is at hand."""
    tables = MediaWikiTables(name, limits)
    yield from tables.feed(text)
    yield from tables.end()


@dataclass(slots=True)
class MediaWikiTables:
    """The tables of one text, which comes in pieces."""

    name: str
    limits: Limits
    _tables: WrittenTables = field(init=False)
    _rest: str = ""
    _depth: int = 0
    _is_caption: bool = False
    _row: list[str] = field(default_factory=list)
    """Cells as they are written."""
    _heads: int = 0
    """Cells of the row that are a header's."""
    _has_header: bool | None = None

    def __post_init__(self) -> None:
        self._tables = WrittenTables(self.name, "MediaWiki", self.limits)

    def feed(self, piece: str) -> Iterator[Table]:
        """The tables that end in this piece."""
        text = f"\n{self._rest}{piece}"
        at, last = 0, text.rfind("\n")
        self._rest = text[last + 1 :][:_MOST_LINE]
        while at < last:
            if not self._depth:
                begun = _BEGINS.search(text, at, last)
                if begun is None:
                    break
                at = begun.start()
            start, at = at + 1, text.find("\n", at + 1)
            yield from self._take(text[start:at].strip(_BEFORE + "\r"))

    def end(self) -> Iterator[Table]:
        """The table at the end of the text, closed or not."""
        yield from self._take(self._rest.strip(_BEFORE + "\r"))
        if self._depth:
            yield from self._close()

    def _take(self, line: str) -> Iterator[Table]:
        if line.startswith(_BEGIN):
            self._depth += self._tables.count < _MOST_TABLES
        elif not self._depth:
            return
        elif line.startswith("|}"):
            self._depth -= 1
            if not self._depth:
                yield from self._close()
        elif self._depth > 1:
            return
        elif line.startswith("|-"):
            yield from self._end_row()
        elif line.startswith("|+"):
            self._is_caption = True
        elif line.startswith(("|", "!")):
            self._is_caption = False
            self._add_cells(line)
        elif self._row and line and not self._is_caption and len(self._row[-1]) < _MOST_CELL:
            self._row[-1] += " " + line

    def _add_cells(self, line: str) -> None:
        cells = line[1:].split("||")
        if line[0] == "!":
            cells = [one for cell in cells for one in cell.split("!!")]
            self._heads += len(cells)
        if len(self._row) < _MOST_WIDE:
            self._row += [cell[:_MOST_CELL] for cell in cells[:_MOST_WIDE]]

    def _end_row(self) -> Iterator[Table]:
        self._is_caption = False
        row = [cell for written in self._row for cell in _cells_of(written)]
        is_header = 0 < len(self._row) == self._heads
        self._row, self._heads = [], 0
        if sum(map(bool, row)) < 2:
            return
        if not self._tables.rows and not self._tables.given:
            self._has_header = is_header or None
        self._tables.add(row)
        if self._tables.is_full:
            yield from self._tables.give(self._has_header)

    def _close(self) -> Iterator[Table]:
        yield from self._end_row()
        yield from self._tables.close(self._has_header)
        self._depth = 0


def _cells_of(written: str) -> list[str]:
    """What a cell says, with an empty one for each further column that it spans."""
    spanned = 0
    looks = _LOOKS.match(written) if "=" in written else None
    if looks is not None:
        span = _SPAN.search(looks[0])
        spanned = max(1, min(int(span[1]), _MOST_SPAN)) - 1 if span else 0
        written = written[looks.end() :]
    return [_plain(written), *[""] * spanned]


def _plain(cell: str) -> str:
    if "<" in cell:
        cell = _TAG.sub(" ", _REMARK.sub("", cell))
    if "[[" in cell:
        cell = _LINK.sub(r"\1", cell)
    if "''" in cell:
        cell = _STRESS.sub("", cell)
    return " ".join((html.unescape(cell) if "&" in cell else cell).split())
