"""A JSON object that is too large to be held, member by member: columns by name, records by key, lists of records.

Columns wait for one another, packed as Arrow text, until the object ends; where they would take too much they are
given as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from matcher.contents import Limits, Table, Text
from matcher.formats.arrow_tables import strings, tables_of
from matcher.formats.json_stream import BATCH, Streamed, StreamedList, StreamedObject
from matcher.formats.json_tables import TEXT_PIECE, PartsOf, Records, cell, is_container

_MOST_HELD = 448 << 20
_MOST_COLUMNS = 20_000
_LONG = 1_000
"""An object of more plain values is a column by row, or a list of keys and values."""


def parts_of_stream(
    name: str, value: StreamedObject, limits: Limits, depth: int, parts_of: PartsOf
) -> Iterator[Table | Text]:
    """Tables and text of an object, in the order in which they can be known."""
    members = _Members(name, limits, depth, parts_of)
    for key, one in value:
        yield from members.add(key, one)
    yield from members.end()


@dataclass(slots=True)
class _Members:
    name: str
    limits: Limits
    depth: int
    parts_of: PartsOf
    columns: dict[str, list[Any]] = field(default_factory=dict)
    """Pieces of Arrow text by column."""
    held: int = 0
    number: int = 0
    plain: list[str] = field(default_factory=list)
    plain_length: int = 0
    header: Any = None
    row_names: str | None = None
    """The first column by row whose rows have names."""
    waiting: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    waiting_size: int = 0
    keyed: Records | None = None

    def add(self, key: str, one: Any) -> Iterator[Table | Text]:
        if isinstance(one, StreamedList | StreamedObject):
            yield from self._stream(key, one)
        elif isinstance(one, dict):
            yield from self._record(key, one)
        elif isinstance(one, list) and one and not any(map(is_container, one)):
            self.header = one if key == "columns" else self.header
            yield from self._column(key, list(map(cell, one)))
        elif isinstance(one, list):
            yield from self._list(key, [one])
        else:
            self.plain.append(f"{key}: {cell(one)}")
            self.plain_length += len(self.plain[-1])
            if self.plain_length > TEXT_PIECE:
                yield from self._text()

    def end(self) -> Iterator[Table | Text]:
        yield from self._text()
        yield from self._columns_held()
        if self.keyed is None and len(self.waiting) <= 3:
            for _, one in self.waiting:
                self.number += 1
                yield from self.parts_of(f"{self.name} {self.number}", one, self.limits, self.depth + 1)
        else:
            yield from self._records()

    def _record(self, key: str, one: dict[str, Any]) -> Iterator[Table | Text]:
        is_plain = not any(map(is_container, one.values()))
        if is_plain and _is_by_row(one):
            yield from self._by_row(key, {name: cell(value) for name, value in one.items()})
            return
        self.waiting.append((key, one))
        self.waiting_size += 1 + len(one)
        if self.waiting_size > 8 * BATCH:
            yield from self._records()

    def _records(self) -> Iterator[Table | Text]:
        """Keyed by participant: the keys are a column of their own."""
        if self.keyed is None:
            self.keyed = Records(f"{self.name} keyed", self.limits, self.parts_of, self.depth)
        batch: list[Any] = [{"key": key, **one} for key, one in self.waiting]
        self.waiting, self.waiting_size = [], 0
        yield from self.keyed.parts(batch)

    def _stream(self, key: str, one: Streamed) -> Iterator[Table | Text]:
        if isinstance(one, StreamedList):
            yield from self._list(key, one.batches())
            return
        self.number += 1
        inner = _Members(f"{self.name} {self.number}", self.limits, self.depth + 1, self.parts_of)
        plain: dict[str, str] = {}
        for name, value in one:
            if value is None or isinstance(value, str | int | float):
                plain[name] = cell(value)
                if len(plain) >= BATCH:
                    yield from self._by_row(key, plain)
                    plain = {}
            else:
                yield from inner.add(name, value)
        if _is_by_row(plain) or key in self.columns:
            yield from self._by_row(key, plain)
        else:
            inner.plain = [f"{name}: {shown}" for name, shown in plain.items()]
        yield from inner.end()

    def _by_row(self, key: str, values: dict[str, str]) -> Iterator[Table]:
        """A column as pandas writes it; where its rows have names, the first such column brings them along."""
        if self.row_names in (None, key) and not (self.row_names is None and list(values)[:2] == ["0", "1"]):
            self.row_names = key
            yield from self._column("key", list(values))
        yield from self._column(key, list(values.values()))

    def _list(self, key: str, batches: Any) -> Iterator[Table | Text]:
        """A list of records, or of plain values that are a column."""
        header = self.header if key == "data" else None
        self.number += 1
        shown = f"{self.name} {self.number}"
        records = Records(shown, self.limits, self.parts_of, self.depth + 1, header=header)
        for batch in batches:
            if isinstance(batch, list) and not any(map(is_container, batch)):
                yield from self._column(key, list(map(cell, batch)))
            else:
                yield from records.parts(batch)

    def _text(self) -> Iterator[Text]:
        if self.plain:
            yield Text(self.name, "\n".join(self.plain))
        self.plain, self.plain_length = [], 0

    def _column(self, key: str, cells: list[str]) -> Iterator[Table]:
        piece = strings(cells)
        self.columns.setdefault(key, []).append(piece)
        self.held += piece.nbytes
        if self.held > _MOST_HELD or len(self.columns) > _MOST_COLUMNS:
            yield from self._columns_held()

    def _columns_held(self) -> Iterator[Table]:
        """Columns of one length side by side; each other one alone."""
        import pyarrow as pa

        by_length: dict[int, dict[str, Any]] = {}
        for key, pieces in self.columns.items():
            whole = pa.chunked_array(pieces)
            by_length.setdefault(len(whole), {})[key] = whole
        self.columns, self.held = {}, 0
        for columns in by_length.values():
            self.number += 1
            beside = pa.table(list(columns.values()), names=list(columns))
            yield from tables_of(f"{self.name} {self.number}", beside, self.limits)


def _is_by_row(values: dict[str, Any]) -> bool:
    """Whether it is a column as pandas writes it, value by row."""
    return len(values) > _LONG or list(values)[:2] == ["0", "1"]
