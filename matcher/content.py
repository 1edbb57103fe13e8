"""What a file is, with the reason: rows about people, summary statistics, a dictionary, ids, code or text.

Judged by what its parts hold; the format and the name only settle what they leave open. Also keeps the columns' names,
for the answer, where they are names: the first row of a table without a header is somebody's data and
is never shown.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Literal

from matcher.contents import WRITTEN_OUT, Cells, Genotypes, Part, Table, Text
from matcher.tables.cell_bytes import first_of, holds, id_lines, id_shapes, picked, small_counts
from matcher.tables.shapes import long_roles
from matcher.tables.spellings import headings, is_field, is_id_name, plain

Content = Literal["individual-level", "aggregate", "documentation", "identifiers", "code", "text", "unknown"]

MOST_COLUMNS = 5_000
LONGEST_NAME = 120
ROWS_LOOKED_AT = 500
ROWS_OF_A_PROGRAM = 20
"""Rows from which values in a program are rows about people where no id and no field says so; tests have fewer."""

CODE_FORMATS = frozenset({"notebook", "script", "code"})


_VALUE = re.compile(
    r"[-+]?[\d.,\s]*\d[\d.,\s]*(?:e[-+]?\d+)?%?|\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}.*|.*@.*|", re.IGNORECASE
)
_FEW = frozenset(("1", "2", "3", "4", "1.0", "2.0", "3.0", "4.0"))
_LONG_NUMBER = re.compile(r"\d{5,}")
_ID = re.compile(r"\d{5,12}(?:[_-]\d{5,12})?|(?=[A-Za-z]*\d)(?=\d*[A-Za-z])[A-Za-z0-9_-]{6,40}")
_ASSIGNMENT = re.compile(
    r"^\s*(?:import |from \w+ import|library\(|#!|def |function|for |if |\w+\s*(?:<-|=)\s*\S)", re.MULTILINE
)


@dataclass(slots=True)
class _Seen:
    """What is kept of one table."""

    columns: tuple[str, ...]
    has_header: bool
    cells: list[list[Sequence[str]]]
    """The first cells of each column, in pieces."""
    rows: int = 0
    is_written_out: bool = False
    """In a program, as lists of values."""

    def column(self, at: int) -> list[str]:
        return [cell for piece in self.cells[at] for cell in piece]


@dataclass(slots=True)
class ContentSketch:
    """What goes by of one file, for `kind`."""

    columns: tuple[str, ...] = ()
    """Names of columns; `column_1` and so on where the file has none that are names."""
    tables: dict[tuple[str, tuple[str, ...]], _Seen] = field(default_factory=dict)
    samples: int = 0
    variants: int = 0
    text: str = ""
    few: int = 0
    """Cells of 1 to 4 in columns of counts."""

    def add(self, part: Part) -> None:
        if isinstance(part, Table):
            self._add_table(part)
        elif isinstance(part, Genotypes):
            self.samples = max(self.samples, len(part.samples))
            self.variants += len(part.positions)
        elif isinstance(part, Text) and len(self.text) < 100_000:
            self.text += part.text[:100_000] + "\n"

    def _add_table(self, part: Table) -> None:
        name = (part.name, part.columns)
        seen = self.tables.get(name)
        if seen is None:
            part = _with_names(part)
        room = ROWS_LOOKED_AT - (seen.rows if seen else 0)
        first = _first(part, room) if room > 0 else []
        if seen is None:
            has_header = part.has_header and _is_header(part.columns, first)
            seen = _Seen(part.columns, has_header, [[] for _ in part.columns])
            seen.is_written_out = WRITTEN_OUT in part.name
            self.tables[name] = seen
            shown = shown_names(part.columns) if has_header else _numbered(len(part.columns))
            self.columns = tuple(dict.fromkeys([*self.columns, *shown]))[:MOST_COLUMNS]
        seen.rows += part.rows_count
        if seen.has_header:
            self.few += sum(
                _few(cells) for name, cells in zip(part.columns, part.cells, strict=False) if _counts(name)
            )
        for kept, cells in zip(seen.cells, first, strict=False):
            kept.append(cells)

    def kind(self, format: str, name: str) -> tuple[Content, str]:  # noqa: A002 - the contract's word
        """The contract's word for what the file is, and why."""
        if self.samples:
            return "individual-level", f"genotypes of {self.samples:,} samples"
        if self.variants:
            return "aggregate", "variants without samples"
        kinds = [_kind_of(seen) for seen in self.tables.values()]
        for word in ("individual-level", "identifiers", "aggregate", "documentation"):
            for found, reason in kinds:
                if found == word:
                    return found, reason
        return self._without_tables(format, name)

    def small_cells(self, kind: Content) -> int:
        """Counts under 5 in a table of counts: they may tell of single participants. 0 in any other file."""
        return self.few if kind == "aggregate" else 0

    def _without_tables(self, format_: str, name: str) -> tuple[Content, str]:
        ending = PurePosixPath(name.rpartition(":")[2]).suffix.lower()
        if _are_ids(self.text):
            return "identifiers", "lines that each hold one id"
        if format_ in CODE_FORMATS or ending in headings("code_endings"):
            return "code", f"a script or notebook ({format_})" if format_ else "a script"
        statements = len(_ASSIGNMENT.findall(self.text))
        if statements > 3 and statements > sum(map(bool, map(str.strip, self.text.splitlines()))) // 4:
            return "code", "lines that are statements"
        if self.text and not self.text.isspace():
            return "text", "running text"
        return "unknown", "nothing that was recognised"


def _counts(name: str) -> bool:
    return plain(name) in headings("counts_of_people")


def _few(cells: Sequence[str]) -> int:
    few = small_counts(cells) if isinstance(cells, Cells) else None
    if few is not None:
        return few
    counted = Counter(cells)  # most cells of a column of counts stand in it again and again
    return sum(count for cell, count in counted.items() if cell.strip() in _FEW)


def shown_names(names: Sequence[str]) -> tuple[str, ...]:
    """Names that may be shown: one that could be somebody's id or value is replaced by its number."""
    return tuple(
        name[:LONGEST_NAME] if _may_be_shown(name) else f"column_{i}" for i, name in enumerate(names, start=1)
    )


def _may_be_shown(name: str) -> bool:
    if is_field(name):
        return True
    return not (_VALUE.fullmatch(name.strip()) or _LONG_NUMBER.search(name) or "@" in name)


def _numbered(count: int) -> tuple[str, ...]:
    return tuple(f"column_{i}" for i in range(1, count + 1))


def _with_names(part: Table) -> Table:
    """The table with its first row as names where those are fields' or a participants' column's."""
    if part.has_header:
        return part
    first = [cells[0] for cells in part.cells if cells]
    named = any(is_id_name(name) for name in first) or sum(map(is_field, first)) > len(first) / 2
    if len(first) != len(part.cells) or not named:
        return part
    return Table(part.name, tuple(first), tuple(cells[1:] for cells in part.cells))


def _first(part: Table, most: int) -> list[Sequence[str]]:
    """The first cells of each column, so that no more than these is held of what an Arrow column holds."""
    return [first_of(cells, most) if isinstance(cells, Cells) else cells[:most] for cells in part.cells]


def _is_header(columns: Sequence[str], cells: Sequence[Sequence[str]]) -> bool:
    """Whether the names are names: no bare value among them, and not words that stand in their own columns again."""
    named = [name.strip() for name in columns]
    if any(is_id_name(name) for name in named):
        return True
    bare = sum(not is_field(name) and _VALUE.fullmatch(name) is not None for name in named if name)
    if bare > len(named) // 10 and not _are_counted_on(named):
        return False
    again = sum(holds(column, name) for name, column in zip(named, cells, strict=False) if name and column)
    return again == 0 or again < len(named) / 10


def _are_counted_on(names: Sequence[str]) -> bool:
    """0, 1, 2 … as programs number columns without names."""
    numbers = [name for name in names if name.isdigit()]
    return len(numbers) > 1 and [int(n) for n in numbers] in (
        list(range(len(numbers))),
        list(range(1, len(numbers) + 1)),
    )


def _kind_of(seen: _Seen) -> tuple[Content, str]:
    words = [plain(name) for name in seen.columns] if seen.has_header else []
    if not seen.rows:
        return ("documentation", "a header without rows") if words else ("unknown", "an empty table")
    effects, sites = sum(w in headings("effects") for w in words), sum(w in headings("sites") for w in words)
    if effects >= 1 and sites >= 1 and effects + sites >= 3:
        return "aggregate", "columns of summary statistics (effect, error, p-value by variant)"
    has_people = any(is_id_name(name) for name in seen.columns) and seen.has_header
    fields = sum(is_field(name) for name in seen.columns)
    documented = sum(w in headings("dictionary") for w in words)
    if documented >= 2 and documented * 2 >= len(words) and not has_people:
        if long_roles([picked(pieces, 0, 1) for pieces in seen.cells]) is not None:
            return "individual-level", f"{seen.rows:,} lines, one a value of a person"
        return "documentation", "columns of a data dictionary or code list"
    if 0 < len(seen.columns) <= 2 and all(_are_distinct_ids(seen, at) for at in range(len(seen.columns))):
        return "identifiers", f"{seen.rows:,} ids and nothing else"
    if any(w in headings("counts") for w in words) and not has_people and not fields:
        return "aggregate", "columns of counts or averages"
    if has_people and len(seen.columns) == 1:
        return "identifiers", f"{seen.rows:,} ids and nothing else"
    if has_people or fields >= 2 or any(_are_distinct_ids(seen, at) for at in range(len(seen.columns))):
        return "individual-level", f"{seen.rows:,} rows, one a person, in {len(seen.columns):,} columns"
    fewest = ROWS_OF_A_PROGRAM if seen.is_written_out else 3
    if len(seen.columns) >= 3 and seen.rows >= fewest and _differ(seen):
        return "individual-level", f"{seen.rows:,} rows that differ, in {len(seen.columns):,} columns"
    return "unknown", "a table of no known kind"


def _are_distinct_ids(seen: _Seen, at: int) -> bool:
    """Whether nearly all cells of a column are ids, each another."""
    shapes = [id_shapes(piece) for piece in seen.cells[at]]
    known = [one for one in shapes if one is not None]
    if len(known) == len(shapes):
        filled, ids = sum(one[0] for one in known), sum(one[1] for one in known)
        if not filled or _too_many(filled - ids, filled):
            return False
    filled_cells = [cell.strip() for cell in seen.column(at) if cell.strip()]
    return (
        filled_cells != []
        and len(set(filled_cells)) > 0.9 * len(filled_cells)
        and (len(known) == len(shapes) or _nearly_all(filled_cells, _ID))
    )


def _differ(seen: _Seen) -> bool:
    """Whether nearly all rows differ; those do where one column does."""
    columns: list[list[str]] = []
    for at in range(len(seen.cells)):
        columns.append(seen.column(at))
        if len(set(columns[-1])) > 0.9 * len(columns[-1]):
            return True
    rows = list(zip(*columns, strict=False))
    return len(set(rows)) > 0.9 * len(rows)


def _are_ids(text: str) -> bool:
    """Whether three lines or more are not blank and more than nine tenths of those are ids."""
    shapes = id_lines(text)
    if shapes is not None:
        filled, ids = shapes
        return filled >= 3 and not _too_many(filled - ids, filled)
    lines = [line for line in map(str.strip, text.splitlines()) if line]
    return len(lines) >= 3 and _nearly_all(lines, _ID)


def _nearly_all(cells: Sequence[str], pattern: re.Pattern[str]) -> bool:
    """Whether more than nine tenths are of the pattern; it stops where too many are not."""
    others = 0
    for cell in cells:
        others += pattern.fullmatch(cell) is None
        if _too_many(others, len(cells)):
            return False
    return True


def _too_many(others: int, cells: int) -> bool:
    return others > 0 and 10 * others >= cells
