"""NumPy's .npy (an .npz is a zip of them): numbers and strings as rows; objects are pickles, described and not loaded.

A header may claim any shape, so it is held against the size of the file before anything is read.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from matcher.contents import Limits, Opened, Table, Text, Unreadable
from matcher.formats.delimited import MOST_CELLS, parts_of

FORMAT = "numpy"
_MAGIC = b"\x93NUMPY"


def sniff(name: str, head: bytes) -> int:
    return 5 if head.startswith(_MAGIC) else 0


def read(opened: Opened, limits: Limits) -> Iterator[Table | Text]:
    """Rows of a plain array; a structured one with its names.

    Raises:
        Unreadable: it is damaged, or claims another size than it has.
    """
    try:
        version = np.lib.format.read_magic(opened.stream)
        header = (
            np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        )
        shape, by_column, kind = header(opened.stream)
    except (ValueError, EOFError, OSError, SyntaxError) as wrong:
        raise Unreadable("damaged", type(wrong).__name__) from None
    if kind.hasobject:
        from matcher.formats import pickled

        yield from pickled.described(opened.name, opened.stream, limits)
        return
    count = int(np.prod(shape, dtype=object)) if shape else 1
    if count < 0 or count * kind.itemsize > opened.size - opened.stream.tell() or not kind.itemsize:
        raise Unreadable("damaged", "a header that claims more than the file holds")
    if len(shape) > 1 and by_column:  # a row of it stands all over the file
        flat = np.frombuffer(opened.stream.read(count * kind.itemsize), dtype=kind)
        yield from tables_of_array(opened.name, flat.reshape(shape, order="F"), limits)
        return
    width = max(1, count // max(1, shape[0])) if shape else 1
    step = max(1, MOST_CELLS // width) * width
    for start in range(0, count, step):
        flat = np.frombuffer(opened.stream.read(min(step, count - start) * kind.itemsize), dtype=kind)
        yield from tables_of_array(opened.name, flat.reshape(-1, *shape[1:]) if shape else flat, limits)


def tables_of_array(name: str, array: npt.NDArray[Any], limits: Limits) -> Iterator[Table]:
    """An array as rows: one dimension is a column, more than two are laid flat behind the first."""
    if array.dtype.names:
        yield from _structured(name, array.reshape(-1), limits)
        return
    if not array.size:
        return
    two = array.reshape(len(array), -1) if array.ndim > 1 else array.reshape(-1, 1)
    step = max(1, MOST_CELLS // two.shape[1])
    for start in range(0, len(two), step):
        rows = ([text_of_value(value) for value in row] for row in two[start : start + step].tolist())
        yield from parts_of(name, rows, limits, has_header=False)


def _structured(name: str, flat: npt.NDArray[Any], limits: Limits) -> Iterator[Table]:
    """A structured array by its fields; a field of several values is as many columns."""
    columns: dict[str, list[Any]] = {}
    for field in flat.dtype.names or ():
        values = flat[field].reshape(len(flat), -1)
        for at in range(values.shape[1]):
            columns[field if values.shape[1] == 1 else f"{field}_{at}"] = values[:, at].tolist()
    rows = ([text_of_value(one) for one in row] for row in zip(*columns.values(), strict=True))
    yield from parts_of(name, chain([list(columns)], rows), limits, has_header=True)


def text_of_value(value: object) -> str:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return text_of_float(value) if isinstance(value, float) else str(value)


def text_of_float(value: float) -> str:
    """A number as it is written; a whole one without a point, what is none empty."""
    if value != value:
        return ""
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else str(value)
