"""R's own files (`.rds`, `.RData`, `.RDataTmp`): frames, matrices and vectors, wherever they hang; R never runs.

A value is looked for in lists, in the slots of objects and in environments, such as a function or a formula keeps.
Columns or rows that are named after variants are calls. Of a file that breaks off, what stands before the damage is
given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import zip_longest
from math import isfinite, prod
from typing import Any

import numpy as np

from matcher.contents import Limits, Opened, Part, Table, Text, Unreadable
from matcher.formats.delimited import parts_of, rows_under
from matcher.formats.headers import ROW_NAME
from matcher.formats.numpy_array import text_of_float
from matcher.formats.r_calls import Cells, calls_in
from matcher.formats.r_stream import CODINGS, HEADS, Value, variables_of

FORMAT = "r-data"
_MOST_BYTES = 512 << 20
_DEEPEST = 40
_MISSING = -(1 << 31)
_MISSING_LONG = -(1 << 63)
_VECTORS = frozenset(("logical", "integer", "real", "complex", "text"))
_HOLDERS = frozenset(("list", "pairs", "environment", "s4"))
_PLAIN_ATTRIBUTES = frozenset(
    ("names", "class", "levels", "dim", "dimnames", "row.names", "tsp", "tzone", "units")
)
_FIRST_DAY, _FIRST_SECOND = date(1970, 1, 1), datetime(1970, 1, 1, tzinfo=UTC)
_MOST_DAYS = 2_900_000


def sniff(name: str, head: bytes) -> int:
    return 5 if head.startswith(HEADS + CODINGS) else 0


def read(opened: Opened, limits: Limits) -> Iterator[Part]:
    """Every frame, matrix and vector of the file, and the names of what it holds.

    Raises:
        Unreadable: it is damaged, or larger than may be held.
    """
    if opened.size > min(_MOST_BYTES, limits.file_bytes):
        raise Unreadable("too-large", "an R file of more than 512 MiB")
    search, broken = _Search(limits), None
    names = []
    variables = variables_of(opened.stream.read())
    while True:
        try:
            name, value = next(variables)
        except StopIteration:
            break
        except Unreadable as wrong:
            broken = wrong
            break
        names.append(name)
        part = f"{opened.name} {len(names)}" if name else opened.name
        yield from search.parts(part, value, 0)
    yield from search.names(opened.name, names)
    if broken is not None:
        raise broken
    if search.unread:
        raise Unreadable("unsupported", f"{search.unread} of its vectors are of a form that is not read")


@dataclass(slots=True)
class _Search:
    """One file gone through; what environments refer to each other is looked at once."""

    limits: Limits
    unread: int = 0
    _seen: set[int] = field(default_factory=set)
    _tables: dict[tuple[str, tuple[str, ...]], str] = field(default_factory=dict)
    """Names of tables by what holds them and their columns: those that were split are one again."""

    def parts(self, name: str, value: Value, depth: int) -> Iterator[Part]:
        if depth > _DEEPEST:
            raise Unreadable("bomb", "lists nested deeper than may be read")
        if value.kind == "environment":
            if id(value) in self._seen:
                return
            self._seen.add(id(value))
        if value.kind == "unread":
            self.unread += 1
        elif value.kind in _VECTORS:
            yield from self._vector(name, value)
        elif value.kind == "list":
            yield from self._list(name, value, depth)
        elif value.kind in ("pairs", "environment"):
            yield from self.names(name, [one for one, _ in value.content])
            for number, (_, one) in enumerate(value.content):
                yield from self.parts(f"{name} {number}", one, depth + 1)
        yield from self._hanging(name, value, depth)

    def names(self, name: str, names: Sequence[str]) -> Iterator[Table]:
        """Names of variables and of members may be participants' ids."""
        yield from parts_of(f"{name} names", ([one] for one in names if one), self.limits, has_header=False)

    def _hanging(self, name: str, value: Value, depth: int) -> Iterator[Part]:
        """What hangs on a value besides what R itself does there: slots of objects, data of a fit."""
        for number, (key, one) in enumerate(value.attributes.items()):
            is_slot = value.kind == "s4" and one.kind in _VECTORS
            if key not in _PLAIN_ATTRIBUTES and (is_slot or one.kind in _HOLDERS or one.attributes):
                yield from self.parts(f"{name} @{number}", one, depth + 1)

    def _list(self, name: str, value: Value, depth: int) -> Iterator[Part]:
        columns = value.content
        if _is_frame(value):
            yield from self._frame(name, value)
            inner = [one for one in columns if one.kind == "list"]
        elif records := _records(value):
            yield from self._table(name, records, _texts(value.attributes.get("names")))
            inner = []
        else:
            yield from self.names(name, _texts(value.attributes.get("names")))
            inner = columns
        for number, one in enumerate(inner):
            yield from self.parts(f"{name} {number}", one, depth + 1)

    def _frame(self, name: str, frame: Value) -> Iterator[Part]:
        heads = _texts(frame.attributes.get("names"))
        heads += [f"V{number}" for number in range(len(heads) + 1, len(frame.content) + 1)]
        columns: list[tuple[str, Cells]] = []
        for head, one in zip(heads, frame.content, strict=False):
            wide = _columns_of(one)
            columns += [(head if len(wide) == 1 else f"{head}.{part}", cells) for part, cells in wide]
        yield from self._table(name, columns, _row_names(frame.attributes.get("row.names")))

    def _vector(self, name: str, value: Value) -> Iterator[Part]:
        shape = _shape(value)
        if len(shape) > 1:
            row_names, *_ = (*_names_of_dimensions(value), [])
            yield from self._table(name, _columns_of(value), row_names)
            return
        names = _texts(value.attributes.get("names")) or (_names_of_dimensions(value) or [[]])[0]
        cells = _cells(value)
        if value.kind == "text" and len(value.content) == 1 and not names:
            yield Text(name, value.content[0] or "")
        elif any(names):
            yield from self._table(name, [("value", cells)], names)
        else:
            yield from parts_of(name, ([one] for one in cells()), self.limits, has_header=False)

    def _table(
        self, name: str, columns: Sequence[tuple[str, Cells]], row_names: Sequence[str]
    ) -> Iterator[Part]:
        """Columns beside each other; row names are often the participants, where they do not just count."""
        counts = list(row_names) == [str(at) for at in range(1, len(row_names) + 1)]
        named: list[tuple[str, Cells]] = [] if counts else [(ROW_NAME, lambda: iter(row_names))]
        found = calls_in(columns, () if counts else row_names, self.limits)
        if found is not None:
            columns, calls = found
            yield from calls
        every = [*named, *columns]
        if not every:
            return
        # of a frame that breaks off, the last columns are shorter
        rows = map(list, zip_longest(*(cells() for _, cells in every), fillvalue=""))
        heads = tuple(head for head, _ in every)
        name = self._tables.setdefault((name.rpartition(" ")[0], heads), name)
        yield from rows_under(heads, name, rows, self.limits)


def _is_frame(value: Value) -> bool:
    """By its class, or as a list of several columns of one length, such as a table whose class got lost.

    What breaks off has neither class nor names, and its last column is shorter.
    """
    if "data.frame" in _texts(value.attributes.get("class")):
        return True
    if len(value.content) < 2 or any(one.kind not in _VECTORS for one in value.content):
        return False
    *lengths, last = map(_rows, value.content)
    if "names" in value.attributes:
        return min(lengths) > 0 and {*lengths, last} == {lengths[0]}
    return min(lengths) > 1 and set(lengths) == {lengths[0]} and last <= lengths[0]


def _records(value: Value) -> list[tuple[str, Cells]]:
    """The columns of a list of records, which have the same names and a scalar under each."""
    heads = _texts(value.content[0].attributes.get("names")) if value.content else []
    for one in value.content:
        scalars = one.kind == "list" and all(
            cell.kind in _VECTORS and _rows(cell) == 1 for cell in one.content
        )
        if not heads or not scalars or _texts(one.attributes.get("names")) != heads:
            return []

    def cells(at: int) -> Cells:
        return lambda: (next(_cells(one.content[at])()) for one in value.content)

    return [(head, cells(at)) for at, head in enumerate(heads)]


def _rows(value: Value) -> int:
    shape = _shape(value)
    return shape[0] if shape else len(value.content) if value.content is not None else 0


def _shape(value: Value) -> tuple[int, ...]:
    """Its dimensions where they fit what is there, else none."""
    dim = value.attributes.get("dim")
    shape = (
        tuple(int(one) for one in dim.content) if dim is not None and dim.kind in ("integer", "real") else ()
    )
    return shape if shape and min(shape) > 0 and prod(shape) == len(value.content) else ()


def _columns_of(value: Value) -> list[tuple[str, Cells]]:
    """A column of a frame; of one that is a matrix itself, every column with its name. Dimensions past two lie flat."""
    shape = _shape(value)
    if len(shape) < 2:
        return [("", _cells(value))]
    names = [*_names_of_dimensions(value), [], []][1] if len(shape) == 2 else []
    count = prod(shape[1:])
    heads = names if len(names) == count else [f"V{at + 1}" for at in range(count)]
    return [(head, _cells(value, at * shape[0], (at + 1) * shape[0])) for at, head in enumerate(heads)]


def _names_of_dimensions(value: Value) -> list[list[str]]:
    given = value.attributes.get("dimnames")
    return [_texts(one) for one in given.content] if given is not None and given.kind == "list" else []


def _row_names(value: Value | None) -> list[str]:
    """Names of rows, which R does not write out where they only count."""
    is_count = value is not None and value.kind == "integer" and list(value.content[:1]) == [_MISSING]
    return [] if is_count else _texts(value)


def _texts(value: Value | None) -> list[str]:
    if value is None or value.kind not in _VECTORS:
        return []
    return list(_cells(value)())


def _cells(value: Value, start: int = 0, end: int | None = None) -> Cells:
    """The cells of a vector from `start` on; of a list one for each member."""
    some = value.content[start:end] if value.content is not None else ()
    if value.kind == "list":
        return lambda: (" ".join(_cells(one)()) if one.kind in _VECTORS else "" for one in some)
    if value.kind not in _VECTORS:
        return lambda: iter(())
    written = _written(value)
    values = some.tolist() if isinstance(some, np.ndarray) and "integer64" not in _classes(value) else some
    if isinstance(values, np.ndarray):
        values = np.ascontiguousarray(values).view(np.int64).tolist()
    return lambda: map(written, values)


def _classes(value: Value) -> Sequence[str]:
    given = value.attributes.get("class")
    return given.content if given is not None and given.kind == "text" else ()


def _written(value: Value) -> Callable[[Any], str]:
    """How R would write such a value."""
    classes = _classes(value)
    levels = value.attributes.get("levels")
    if value.kind == "integer" and levels is not None and levels.kind == "text":
        labels = levels.content
        return lambda one: (labels[one - 1] or "") if 0 < one <= len(labels) else ""
    if value.kind in ("integer", "real"):
        if "Date" in classes:
            return _day
        if "POSIXct" in classes:
            return _moment
        if "integer64" in classes:
            return lambda one: "" if one == _MISSING_LONG else str(one)
    if value.kind == "logical":
        return lambda one: "" if one == _MISSING else "TRUE" if one else "FALSE"
    if value.kind == "integer":
        return lambda one: "" if one == _MISSING else str(one)
    if value.kind == "real":
        return text_of_float
    return lambda one: "" if one is None else str(one)


def _day(value: float) -> str:
    if not isfinite(value) or value == _MISSING:
        return ""
    return (
        (_FIRST_DAY + timedelta(days=int(value // 1))).isoformat()
        if abs(value) < 700_000
        else text_of_float(float(value))
    )


def _moment(value: float) -> str:
    if not isfinite(value) or value == _MISSING:
        return ""
    if abs(value) > 6e10:
        return text_of_float(float(value))
    return (_FIRST_SECOND + timedelta(seconds=value)).strftime("%Y-%m-%d %H:%M:%S")
