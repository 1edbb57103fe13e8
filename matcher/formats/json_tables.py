"""Records of JSON as tables, batch by batch: objects as rows by their names, lists as rows, plain values as a column.

A name that first comes late widens the table, which goes on under another name; lists of records inside records are
tables of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from matcher.contents import Limits, Table, Text
from matcher.formats.delimited import MOST_CELLS, parts_of, rows_under
from matcher.formats.json_stream import Streamed, StreamedList, StreamedObject

TEXT_PIECE = 1 << 20
_MOST_LISTS = 50
_LEAST_FILLED = 0.05
_MOST_SPARSE = 1 << 16
_PLAIN = frozenset({str, int, float, bool, type(None)})
PartsOf = Callable[[str, Any, Limits, int], Iterator[Table | Text]]


@dataclass(slots=True)
class Records:
    """One list of records, of which batch after batch comes."""

    name: str
    limits: Limits
    parts_of: PartsOf
    """Gives what a value of any kind holds."""
    depth: int = 0
    header: Any = None
    """The names of rows that are lists, where they stand elsewhere."""
    _columns: dict[str, None] = field(default_factory=dict)
    _renewed: int = 0
    _rows_under: tuple[tuple[str, ...], bool] | None = None
    _inside: dict[str, Records] = field(default_factory=dict)

    def parts(self, batch: list[Any] | Streamed) -> Iterator[Table | Text]:
        """Tables of a batch; a value too large to be held is gone into."""
        if isinstance(batch, StreamedList | StreamedObject):
            yield from self.parts_of(f"{self.name} inside", batch, self.limits, self.depth + 1)
        elif any(isinstance(one, dict) for one in batch):
            yield from self._objects(batch)
        elif any(isinstance(one, list) for one in batch):
            yield from self._lists(batch)
        elif batch:
            yield from parts_of(self.name, ([cell(one)] for one in batch), self.limits, has_header=False)

    def _objects(self, batch: list[Any]) -> Iterator[Table | Text]:
        lists: dict[str, list[Any]] = {}
        flats = [_flat(one if isinstance(one, dict) else {"value": one}, lists) for one in batch]
        yield from self._flats(flats)
        for key, values in lists.items():
            yield from self._inner(key).parts(values)

    def _flats(self, flats: list[Mapping[str, Any]]) -> Iterator[Table]:
        names = dict.fromkeys(key for one in flats for key in one)
        cells = len(names) * len(flats)
        if cells > _MOST_SPARSE and sum(map(len, flats)) < _LEAST_FILLED * cells and len(flats) > 1:
            # Names that hardly any two share: fewer records at once, or most of what is given is empty.
            yield from self._flats(flats[: len(flats) // 2])
            yield from self._flats(flats[len(flats) // 2 :])
            return
        new = [key for key in names if key not in self._columns]
        if new and self._columns:
            self._renewed += 1
            self._columns = names if 2 * len(new) > len(self._columns) else {**self._columns, **names}
        elif new:
            self._columns = names
        shown = f"{self.name} wider {self._renewed}" if self._renewed else self.name
        columns = tuple(self._columns)
        step = max(1, min(self.limits.rows_per_part, MOST_CELLS // max(1, len(columns))))
        for start in range(0, len(flats), step):
            some = flats[start : start + step]
            yield Table(shown, columns, tuple(_cells([one.get(key) for one in some]) for key in columns))

    def _inner(self, key: str) -> Records:
        """The lists of that name inside all the records; of too many names, together."""
        key = key if key in self._inside or len(self._inside) < _MOST_LISTS else ""
        if key not in self._inside:
            shown = f"{self.name} inside {len(self._inside) + 1}"
            self._inside[key] = Records(shown, self.limits, self.parts_of, self.depth + 1)
        return self._inside[key]

    def _lists(self, batch: list[Any]) -> Iterator[Table]:
        rows = [[cell(x) for x in one] if isinstance(one, list) else [cell(one)] for one in batch]
        if self._rows_under is None and isinstance(self.header, list) and len(self.header) == len(rows[0]):
            self._rows_under = tuple(map(cell, self.header)), True
        if self._rows_under is not None:
            columns, has_header = self._rows_under
            yield from rows_under(columns, self.name, rows, self.limits, has_header=has_header)
            return
        for table in parts_of(self.name, rows, self.limits):
            self._rows_under = table.columns, table.has_header
            yield table


def is_container(value: Any) -> bool:
    return isinstance(value, dict | list)


def _flat(
    value: Mapping[str, Any], lists: dict[str, list[Any]], before: str = "", depth: int = 0
) -> Mapping[str, Any]:
    """An object's plain values, nested ones by dotted names; lists of records go to `lists`."""
    if not before and _PLAIN.issuperset(map(type, value.values())):
        return value
    out: dict[str, Any] = {}
    for name, one in value.items():
        key = before + name
        if isinstance(one, dict) and depth < 4:
            out |= _flat(one, lists, f"{key}.", depth + 1)
        elif isinstance(one, list) and one and is_container(one[0]):
            lists.setdefault(key, []).extend(one)
        else:
            out[key] = one
    return out


def _cells(column: list[Any]) -> list[str]:
    kinds = set(map(type, column))
    if kinds == {str}:
        return column
    return list(map(str if kinds == {int} else cell, column))


def cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)
