"""The tables in what a pickle would build: frames, arrays, dictionaries of columns, lists of records, plain values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from matcher.contents import Limits, Table
from matcher.formats.delimited import parts_of, rows_under
from matcher.formats.pickle_values import Inert, Pairs
from matcher.formats.pickled_arrays import Cells, array_of, cells_of, written
from matcher.formats.pickled_frames import column_of, frame_of

_MOST_LOOKED_INTO = 200_000
_PLAIN = (str, int, float, bytes)


@dataclass(slots=True)
class PickledTables:
    """One file gone through; what stands in it several times is looked at once."""

    limits: Limits
    _seen: set[int] = field(default_factory=set)
    _kept: list[Any] = field(default_factory=list)
    """What was seen, so that no number of an object comes twice."""

    def within(self, name: str, value: Any) -> Iterator[Table]:
        """The tables in a value, and in what it holds."""
        waiting = [(name, value)]
        while waiting and len(self._seen) < _MOST_LOOKED_INTO:
            name, value = waiting.pop()
            if not isinstance(value, (Inert, Pairs, list, tuple)) or id(value) in self._seen:
                continue
            self._seen.add(id(value))
            self._kept.append(value)
            columns = _columns(value)
            if columns is not None:
                yield from self._table(name, columns)
                continue
            inner = _held(value)
            yield from self._plain(name, [one for one in inner if isinstance(one, _PLAIN)])
            waiting += [(f"{name} {number}", one) for number, one in enumerate(inner)][::-1]

    def _table(self, name: str, columns: Sequence[tuple[str, Cells]]) -> Iterator[Table]:
        rows = map(list, zip(*(cells_of(cells) for _, cells in columns), strict=False))
        if any(head for head, _ in columns):
            yield from rows_under([head for head, _ in columns], name, rows, self.limits)
        else:
            yield from parts_of(name, rows, self.limits, has_header=False)

    def _plain(self, name: str, values: Sequence[Any]) -> Iterator[Table]:
        """Plain values beside each other: a list of ids, the keys of a dictionary."""
        if len(values) > 1:
            yield from parts_of(name, ([written(one)] for one in values), self.limits, has_header=False)


def _columns(value: Any) -> list[tuple[str, Cells]] | None:
    """The columns of a value that is a table; those of an array have no names."""
    frame = frame_of(value)
    if frame is not None:
        return frame
    found = array_of(value)
    if found is not None:
        return _of_array(found)
    if isinstance(value, Pairs):
        return _of_columns(value)
    return _of_records(value) if isinstance(value, (list, tuple)) else None


def _of_array(found: Any) -> list[tuple[str, Cells]]:
    if found.dtype.names:
        return [(str(name), found[name].reshape(-1)) for name in found.dtype.names]
    if found.ndim < 2:
        return [("", found.reshape(-1))]
    flat = found.reshape(found.shape[0], -1)
    return [("", flat[:, at]) for at in range(flat.shape[1])]


def _of_columns(value: Pairs) -> list[tuple[str, Cells]] | None:
    """A dictionary of columns of one length."""
    columns = [(key, _column(one)) for key, one in value.pairs if isinstance(key, str)]
    lengths = {-1 if cells is None else len(cells) for _, cells in columns}
    fits = len(columns) > 1 and len(columns) == len(value.pairs) and len(lengths) == 1 and min(lengths) > 1
    return [(key, cells) for key, cells in columns if cells is not None] if fits else None


def _column(value: Any) -> Cells | None:
    if isinstance(value, (list, tuple)):
        return value if all(one is None or isinstance(one, _PLAIN) for one in value) else None
    return column_of(value)


def _of_records(value: Sequence[Any]) -> list[tuple[str, Cells]] | None:
    """A list of dictionaries with the same keys, or of rows of one width."""
    if len(value) < 2:
        return None
    if all(isinstance(one, Pairs) for one in value):
        heads = [key for key, _ in value[0].pairs]
        if heads and all([key for key, _ in one.pairs] == heads for one in value):
            return [(written(head), [one.pairs[at][1] for one in value]) for at, head in enumerate(heads)]
    if all(
        isinstance(one, (list, tuple)) and len(one) == len(value[0]) > 1 and _column(one) for one in value
    ):
        return [("", [one[at] for one in value]) for at in range(len(value[0]))]
    return None


def _held(value: Any) -> list[Any]:
    """What stands inside a value, its keys too."""
    if isinstance(value, Pairs):
        return [*(key for key, _ in value.pairs), *(one for _, one in value.pairs)]
    if isinstance(value, Inert):
        return [*value.given, value.state, *value.items, *(part for pair in value.pairs for part in pair)]
    return list(value)
