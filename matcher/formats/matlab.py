"""MATLAB's `.mat` up to version 7: matrices, cells, structures and texts. (Version 7.3 is HDF5, and is read as that.)

SciPy parses it and runs nothing of it. Objects of MATLAB's own classes (`table`, `datetime`) are opaque to others:
they are told as unread.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from matcher.contents import Limits, Opened, Table, Text, Unreadable
from matcher.formats.delimited import parts_of, rows_under
from matcher.formats.numpy_array import text_of_float

FORMAT = "matlab"
_MAGIC = b"MATLAB 5.0 MAT-file"
_MOST_BYTES = 256 << 20
_DEEPEST = 20


def sniff(name: str, head: bytes) -> int:
    return 5 if head.startswith(_MAGIC) and head[126:128] in (b"IM", b"MI") else 0


def read(opened: Opened, limits: Limits) -> Iterator[Table | Text]:
    """Every matrix, and every structure whose fields are columns of one length.

    Raises:
        Unreadable: it is damaged, too large to be held, or holds objects of MATLAB's own classes.
    """
    import scipy.io

    if opened.size > min(_MOST_BYTES, limits.file_bytes):
        raise Unreadable("too-large", "a .mat of more than 256 MiB")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            variables = scipy.io.loadmat(opened.stream, chars_as_strings=True, mat_dtype=False)
    except MemoryError:
        raise
    except RecursionError:
        raise Unreadable("bomb", "structures nested deeper than may be read") from None
    except Exception as wrong:  # noqa: BLE001 - the parser raises what it likes on a hostile stream
        raise Unreadable("damaged", type(wrong).__name__) from None
    search = _Search(limits)
    yield from search.holder(
        opened.name, {name: one for name, one in variables.items() if name[:2] != "__"}, 0
    )
    if search.unread:
        raise Unreadable("unsupported", f"{search.unread} of its values are objects of MATLAB's own classes")


@dataclass(slots=True)
class _Search:
    """One file gone through."""

    limits: Limits
    unread: int = 0

    def holder(self, name: str, members: Mapping[str, Any], depth: int) -> Iterator[Table | Text]:
        """Members of a structure, or variables of the file: side by side where they are columns of one length."""
        columns = {head: _column(one) for head, one in members.items()}
        lengths = {len(one) for one in columns.values() if one is not None}
        if len(columns) > 1 and None not in columns.values() and len(lengths) == 1:
            rows = map(list, zip(*(one or () for one in columns.values()), strict=True))
            yield from rows_under(list(columns), name, rows, self.limits)
            return
        yield from parts_of(f"{name} names", ([one] for one in members), self.limits, has_header=False)
        for number, one in enumerate(members.values()):
            yield from self.parts(f"{name} {number}", one, depth + 1)

    def parts(self, name: str, value: Any, depth: int) -> Iterator[Table | Text]:
        if depth > _DEEPEST:
            raise Unreadable("bomb", "structures nested deeper than may be read")
        if hasattr(value, "tocoo"):  # sparse: what is there, by row and column
            one = value.tocoo()
            triples = zip(one.row.tolist(), one.col.tolist(), one.data.tolist(), strict=True)
            found = (list(map(_written, row)) for row in triples)
            yield from rows_under(("row", "column", "value"), name, found, self.limits)
            return
        if not isinstance(value, np.ndarray) or _is_opaque(value):
            self.unread += 1
        elif value.dtype.names:
            yield from self._structures(name, value, depth)
        elif value.dtype == object:
            yield from self._cells(name, value, depth)
        elif value.dtype.kind == "U" and value.size == 1:
            yield Text(name, str(value.reshape(-1)[0]))
        elif value.size:
            flat = value.reshape(value.shape[0], -1) if value.ndim > 1 else value.reshape(-1, 1)
            flat = flat.T if flat.shape[0] == 1 else flat
            rows = (list(map(_written, row)) for row in flat.tolist())
            yield from parts_of(name, rows, self.limits, has_header=False)

    def _structures(self, name: str, value: Any, depth: int) -> Iterator[Table | Text]:
        heads = value.dtype.names
        every = value.reshape(-1)
        if len(every) == 1:
            yield from self.holder(name, {head: every[0][head] for head in heads}, depth)
            return
        rows = ([_cell(one[head]) for head in heads] for one in every)
        yield from rows_under(heads, name, rows, self.limits)

    def _cells(self, name: str, value: Any, depth: int) -> Iterator[Table | Text]:
        """Cells of one value each are a table; of others, each is looked into."""
        grid = value.reshape(value.shape[0], -1)
        if all(_is_single(one) for one in value.reshape(-1)):
            grid = grid.T if grid.shape[0] == 1 else grid
            yield from parts_of(name, ([_cell(one) for one in row] for row in grid), self.limits)
            return
        for number, one in enumerate(value.reshape(-1)):
            yield from self.parts(f"{name} {number}", one, depth + 1)


def _is_opaque(value: Any) -> bool:
    import scipy.io.matlab as matlab

    return isinstance(value, (matlab.MatlabOpaque, matlab.MatlabFunction, matlab.MatlabObject))


def _column(value: Any) -> list[str] | None:
    """The cells of a vector, or of a column of cells; None of anything else."""
    if (
        not isinstance(value, np.ndarray)
        or value.dtype.names
        or _is_opaque(value)
        or max(value.shape, default=0) < value.size
    ):
        return None
    if value.dtype == object:
        flat = value.reshape(-1)
        return [_cell(one) for one in flat] if all(map(_is_single, flat)) else None
    return list(map(_written, value.reshape(-1).tolist()))


def _is_single(value: Any) -> bool:
    return (
        isinstance(value, np.ndarray) and value.size <= 1 and value.dtype != object and not value.dtype.names
    )


def _cell(value: Any) -> str:
    """What stands in one cell or field; of several values all, with blanks between."""
    flat: Iterable[Any] = (
        value.reshape(-1).tolist() if isinstance(value, np.ndarray) and not value.dtype.names else ()
    )
    return " ".join(map(_written, flat))


def _written(value: Any) -> str:
    if isinstance(value, float):
        return text_of_float(value)
    return str(value) if isinstance(value, (str, int, complex)) else ""
