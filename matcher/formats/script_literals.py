"""Frames that are written out in programs: lists and records of plain values side by side, as tables; never evaluated.

Rows are flat lists of one length, one behind the other; columns are named lists of one length; records have the same
keys; a matrix has `;` or lines between its rows, a tribble its names before its rows. Few cells, cells most of which
hold no digit, or a handful of values over and over are a program's own constants and no table. The text itself stays
text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from matcher.contents import WRITTEN_OUT, Cells, Limits, Table, Unreadable
from matcher.formats.arrow_tables import strings
from matcher.formats.delimited import MOST_CELLS, parts_of, rows_under
from matcher.formats.literal_items import LEAD, Item, Scanner

LEAST_ROWS, LEAST_CELLS = 3, 20
_LEAST_DISTINCT = 12
MOST_WIDE = 4_000
MOST_TABLES = 2_000
_MOST_HELD = 128 << 20
"""Bytes of columns that wait for others of their length; more are given as they are."""
_MOST_WAITING = 200_000
"""Cells of rows that wait for their names."""
_BETWEEN_COLUMNS = 4_000
_MOST_WORK, _WORK_OF_ITEM = 100_000_000, 5
"""Cells that are looked at in one text, where each list counts as some more: a minute or two."""
_LOOKED_AT = 400
_CALLS = r"(?:(?:new\s+)?[A-Za-z_][\w.:$]*\s*[\[({]\s*)*(?:new\s+)?(?:[A-Za-z_][\w.:]*\s*!?)?"
_NAMED = re.compile(
    r"(?:(?P<quote>[\"'`])(?P<quoted>[^\"'`\n]{1,200})(?P=quote)|(?P<bare>[A-Za-z_.][\w.]{0,200}|\d{1,20}))"
    rf"[\]\s]{{0,9}}(?:=>|:=|:|=|<-)\s*{_CALLS}\s*$"
)
_PASSED = re.compile(r"(?:#|//|%|\.\.\.)[^\n]*")
_NUMBERS = re.compile(r"\d+")
_BLANK = re.compile(r"\s+")
_OF_ITS_OWN = re.compile(r"""["'\d]|^-""")
_ID = re.compile(r"\d{6,20}")
_DIGITS = re.compile(r"\d+")
_DAYS = re.compile(r"""\s*,\s*(?:class\s*=\s*(?:c\()?"Date"|origin\s*=\s*["']1970-01-01["'])""")
_BY_COLUMN = re.compile(
    r"(?:cbind|data\.frame|DataFrame\.from_items|zip|column_stack|transpose|hcat)\s*\(\s*[\[({]?\s*c?\s*$"
)
_SHAPE = re.compile(
    r"[\s)\],]*(?:\.reshape\(\s*\(?\s*-?\d+\s*,\s*(?P<across>\d+)|dim\s*=\s*c(?:\(\s*(?P<down>\d+)|$)|"
    r"nrow?\s*=\s*(?P<rows>\d+)|ncol?\s*=\s*(?P<columns>\d+))"
)
_BY_ROW = re.compile(r"byrow\s*=\s*T")
_DIMNAMES = re.compile(r"dimnames\s*=\s*list\(\s*NULL\s*,\s*c\s*$")
_NAMES_OF_COLUMNS = frozenset(
    ("columns", "names", "colnames", "header", "headers", "schema", "fields", "col_names")
)
_LEVELS = frozenset(("levels", ".Label", "labels"))
_EPOCH = date(1970, 1, 1)
_MOST_DAYS = 60_000


class Literals:
    """The tables of one text, which comes in pieces."""

    def __init__(self, name: str, limits: Limits, *, is_strict: bool = False) -> None:
        """Strictly, nothing that says something else in each row may stand between rows."""
        self._scanner = Scanner()
        self._assembly = _Assembly(name, limits, is_strict)
        self._work = 0

    def feed(self, piece: str) -> Iterator[Table]:
        """The tables that are complete with this piece."""
        if self._work <= _MOST_WORK:
            yield from self._added(self._scanner.feed(piece))

    def end(self) -> Iterator[Table]:
        """The tables at the end of the text.

        Raises:
            Unreadable: it holds more lists than are looked at; those before were given.
        """
        if self._work <= _MOST_WORK:
            yield from self._added(self._scanner.end())
        yield from self._assembly.end()
        if self._work > _MOST_WORK:
            raise Unreadable("too-large", "more lists written out than are looked at; the others were read")

    def _added(self, items: Iterator[Item]) -> Iterator[Table]:
        for item in items:
            self._work += len(item.cells) + _WORK_OF_ITEM
            yield from self._assembly.add(item)


def literal_tables(name: str, text: str, limits: Limits, *, is_strict: bool = False) -> Iterator[Table]:
    """The tables of a text that is at hand."""
    literals = Literals(name, limits, is_strict=is_strict)
    yield from literals.feed(text)
    yield from literals.end()


def mostly_literals(text: str) -> bool:
    """Whether most commas of a text stand between the cells of tables."""
    commas = text.count(",")
    if commas < LEAST_CELLS - 1 or not any(sign in text for sign in "([{"):
        return False
    found = literal_tables("", text, Limits(), is_strict=True)
    return 2 * sum(table.rows_count * len(table.columns) for table in found) >= commas


@dataclass(slots=True)
class _Rows:
    """Rows of one length, one behind the other."""

    width: int
    gap: str = ""
    keys: tuple[str, ...] = ()
    header: Sequence[str] | None = None
    is_transposed: bool = False
    rows: list[list[str]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    """What stands before each row where that is an id."""

    def table(self) -> list[list[str]]:
        if self.is_transposed:
            return [list(row) for row in zip(*self.rows, strict=True)]
        if len(self.ids) == len(self.rows):
            return [[one, *row] for one, row in zip(self.ids, self.rows, strict=True)]
        return self.rows

    def names(self) -> Sequence[str]:
        if self.keys:
            return ["key", *self.keys] if len(self.ids) == len(self.rows) else self.keys
        return self.header or ()


@dataclass(slots=True)
class _Assembly:
    """What was found so far and waits for more of its kind."""

    name: str
    limits: Limits
    is_strict: bool = False
    tables: int = 0
    rows: _Rows | None = None
    columns: dict[int, dict[str, Any]] = field(default_factory=dict)
    """Columns by their length, as Arrow text."""
    held: int = 0
    last: tuple[str, list[str]] | None = None
    """The last column: what stands behind it may say what its numbers mean."""
    names: list[str] | None = None
    """A list of names of columns that has met no rows yet."""
    since_column: int = 0
    seen_columns: tuple[str, ...] = ()
    is_given: bool = False
    """Whether some of the rows were given already, under `seen_columns`."""

    def add(self, item: Item) -> Iterator[Table]:
        self.since_column += item.distance + sum(map(len, item.cells))
        yield from self._know_last(item)
        if not item.cells:
            return
        width = _tribble_width(item)
        if width or (not item.keys and item.width()):
            yield from self.end()
            rows = _Rows(width or item.width(), rows=_divided(item.cells, width or item.width()))
            if width:
                rows.header = [cell[1:] for cell in rows.rows.pop(0)]
            self.rows = rows
            yield from self._end_rows()
        elif item.keys and not all(map(_DIGITS.fullmatch, item.keys)):
            yield from self._add_row(item, tuple(item.keys), _name_of(item.lead))
        else:
            yield from self._add_list(item, _name_of(item.lead))

    def end(self) -> Iterator[Table]:
        yield from self._end_rows()
        yield from self._end_columns()

    def _add_list(self, item: Item, name: str) -> Iterator[Table]:
        if name in _NAMES_OF_COLUMNS or _DIMNAMES.search(item.lead):
            self._name_columns(item.cells)
        elif name in _LEVELS and self.last is not None:
            _label(self.last[1], item.cells)
        elif name and not _ID.fullmatch(name):
            if len(item.cells) >= LEAST_ROWS:
                yield from self._add_column(name, item.cells)
        else:
            yield from self._add_row(item, (), name)

    def _name_columns(self, cells: list[str]) -> None:
        if self.rows is not None and self.rows.header is None and self.rows.width == len(cells):
            self.rows.header = cells
        else:
            self.names = cells

    def _add_column(self, name: str, cells: list[str]) -> Iterator[Table]:
        if self.since_column - sum(map(len, cells)) > max(_BETWEEN_COLUMNS, 16 * len(cells)):
            yield from self._end_columns()
        self._keep_last()
        if name in self.columns.get(len(cells), ()) or self.held > _MOST_HELD:
            yield from self._end_columns()
        self.last = (name, cells)
        self.since_column = 0

    def _keep_last(self) -> None:
        if self.last is not None:
            name, cells = self.last
            packed = strings(cells)
            self.held += packed.nbytes
            self.columns.setdefault(len(cells), {})[name] = packed
            self.last = None

    def _know_last(self, item: Item) -> Iterator[Table]:
        """What stands behind a column may say that it is a matrix, or that its numbers are days."""
        cells = self._last_cells()
        if cells is None:
            return
        width, is_by_row = _shape_in(item, len(cells))
        if width:
            self.rows = self.last = None
            yield from self.end()
            rows = _divided(cells, width if is_by_row else len(cells) // width)
            self.rows = _Rows(
                width, rows=rows if is_by_row else [list(row) for row in zip(*rows, strict=True)]
            )
        elif self.last is not None and _DAYS.match(item.lead):
            cells[:] = map(_day, cells)

    def _last_cells(self) -> list[str] | None:
        """The last list, where it is a column or stands alone."""
        if self.last is not None:
            return self.last[1]
        alone = self.rows is not None and len(self.rows.rows) == 1 and not self.rows.keys
        return self.rows.rows[0] if alone and self.rows is not None else None

    def _end_columns(self) -> Iterator[Table]:
        self._keep_last()
        found, self.columns, self.held = self.columns, {}, 0
        for rows, columns in found.items():
            if not 1 < len(columns) <= MOST_WIDE or rows * len(columns) < LEAST_CELLS:
                continue
            some = [cell for column in columns.values() for cell in column.slice(0, 40).to_pylist()]
            if _are_data(some) and self._may_name():
                step = max(1, min(self.limits.rows_per_part, MOST_CELLS // len(columns)))
                for start in range(0, rows, step):
                    cells = tuple(Cells(column.slice(start, step)) for column in columns.values())
                    yield Table(self._named(), tuple(columns), cells)

    def _add_row(self, item: Item, keys: tuple[str, ...], name: str) -> Iterator[Table]:
        gap = _gap_of(item.lead)
        if self.is_strict and _OF_ITS_OWN.search(gap):
            yield from self._end_rows()
        rows = self.rows
        cells = item.cells
        if len(cells) > MOST_WIDE or len(set(keys)) < len(keys):
            yield from self._end_rows()
            if not keys:
                yield from self._add_column("", cells)  # what stands behind may say that it is a matrix
            return
        if rows is not None and item.distance <= LEAD and len(cells) == rows.width:
            if keys and rows.keys and set(keys) == set(rows.keys):
                by_key = dict(zip(keys, cells, strict=True))
                cells = cells if keys == rows.keys else [by_key[key] for key in rows.keys]
                yield from self._append(rows, cells, name)
                return
            if not keys and not rows.keys and (gap == "," or len(rows.rows) == 1 or gap == rows.gap):
                rows.gap = rows.gap or gap if gap == "," else gap
                yield from self._append(rows, cells, name)
                return
        yield from self._end_rows()
        self.rows = _Rows(len(cells), keys=keys)
        if self._began_with_last(item, keys, gap) and self.last is not None:
            self.rows.rows.append(self.last[1])
            self.last = None
        if self.names is not None and len(self.names) == len(cells) and not keys:
            self.rows.header, self.names = self.names, None
        self.rows.is_transposed = not keys and _BY_COLUMN.search(item.lead) is not None
        yield from self._append(self.rows, cells, name)

    def _began_with_last(self, item: Item, keys: tuple[str, ...], gap: str) -> bool:
        """Whether the column before was the first of rows: in `x = rbind(c(1, 2), c(3, 4))` only that has a name."""
        if self.last is None or keys or gap != "," or len(item.cells) in self.columns:
            return False
        is_next = self.since_column == item.distance + sum(map(len, item.cells))
        return is_next and len(self.last[1]) == len(item.cells)

    def _append(self, rows: _Rows, cells: list[str], name: str) -> Iterator[Table]:
        rows.rows.append(cells)
        if _ID.fullmatch(name):
            rows.ids.append(name)
        if len(rows.rows) * rows.width >= _MOST_WAITING and not rows.is_transposed:
            yield from self._give(rows)
            rows.rows, rows.ids = [], []

    def _end_rows(self) -> Iterator[Table]:
        rows, self.rows = self.rows, None
        if rows is not None and (self.is_given or len(rows.rows) >= LEAST_ROWS):
            yield from self._give(rows)
        self.is_given = False

    def _give(self, rows: _Rows) -> Iterator[Table]:
        """The rows that wait, as a table, or as more of the one that was given last."""
        table = rows.table()
        if self.is_given:
            yield from rows_under(self.seen_columns, self._named(), table, self.limits)
            return
        some = [cell for row in table[:_LOOKED_AT] for cell in row]
        if len(table) * rows.width < LEAST_CELLS or not _are_data(some) or not self._may_name():
            return
        names = rows.names()
        for part in (
            rows_under(names, self._named(), table, self.limits)
            if len(names) == len(table[0])
            else parts_of(self._named(), table, self.limits)
        ):
            self.seen_columns, self.is_given = part.columns, True
            yield part

    def _may_name(self) -> bool:
        self.tables += 1
        return self.tables <= MOST_TABLES

    def _named(self) -> str:
        return f"{self.name}{WRITTEN_OUT}{self.tables}"


def _shape_in(item: Item, count: int) -> tuple[int, bool]:
    """How many columns a list of so many cells has by what stands behind it (0 where it is none), and if row by row."""
    found = _SHAPE.match(item.lead)
    if found is None:
        return 0, False
    down = found["down"] or found["rows"] or (item.cells[0] if item.cells and not found["columns"] else "")
    across = found["across"] or found["columns"] or ""
    if not across and down.isdecimal() and int(down) > 0 and count % int(down) == 0:
        across = str(count // int(down))
    width = int(across) if across.isdecimal() else 0
    is_by_row = found["across"] is not None or _BY_ROW.search(item.lead[:120]) is not None
    return (width, is_by_row) if 1 < width < count and count % width == 0 else (0, False)


def _tribble_width(item: Item) -> int:
    """How many names of columns, as `~name`, a list begins with; 0 where no whole rows follow."""
    cells = item.cells
    width = next((at for at, cell in enumerate(cells) if not cell.startswith("~")), 0)
    return width if width > 1 and len(cells) % width == 0 and len(cells) > 2 * width else 0


def _divided(cells: list[str], width: int) -> list[list[str]]:
    return [cells[at : at + width] for at in range(0, len(cells), width)]


def _name_of(lead: str) -> str:
    found = _NAMED.search(lead[-200:])
    if found is None:
        return ""
    return str(found["quoted"] or found["bare"]).strip()


def _gap_of(lead: str) -> str:
    """What stands between two rows, up to numbers, blanks and comments; "," where that is nothing of its own."""
    gap = _BLANK.sub("", _NUMBERS.sub("0", _PASSED.sub("", lead)))
    return "," if gap in ("", ",", ",c", ",list", ",tuple", ";") else gap


def _are_data(cells: list[str]) -> bool:
    """Whether most cells that are filled hold a digit, and enough of them differ."""
    filled = [cell for cell in cells if cell]
    if len(set(filled)) < min(_LEAST_DISTINCT, 0.4 * len(filled)):
        return False
    return 2 * sum(any(map(str.isdigit, cell)) for cell in filled) > len(filled)


def _label(cells: list[str], labels: list[str]) -> None:
    """The labels of a factor in the place of its codes, which count from 1."""
    if all(not cell or (cell.isdecimal() and 0 < int(cell) <= len(labels)) for cell in cells):
        cells[:] = [labels[int(cell) - 1] if cell else "" for cell in cells]


def _day(cell: str) -> str:
    try:
        days = int(float(cell))
    except ValueError:
        return cell
    return (_EPOCH + timedelta(days)).isoformat() if abs(days) < _MOST_DAYS else cell
