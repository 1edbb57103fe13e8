"""Arrow batches as tables of text cells, for every reader whose library gives typed columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from matcher.contents import Cells, Limits, Table
from matcher.formats.delimited import MOST_CELLS

Labels = tuple[tuple[str, tuple[tuple[str, str], ...]], ...]


def tables_of(name: str, batch: Any, limits: Limits, labels: Labels = ()) -> Iterator[Table]:
    """A RecordBatch or Table in parts; a missing value is an empty cell, a nested one its text."""
    columns = tuple(str(one) or f"column_{number + 1}" for number, one in enumerate(batch.schema.names))
    if not columns:
        return
    step = max(1, min(limits.rows_per_part, MOST_CELLS // len(columns)))
    for start in range(0, batch.num_rows, step):
        part = batch.slice(start, step)
        yield Table(name, columns, tuple(Cells(text_of(column)) for column in part.columns), True, labels)


def text_of(column: Any) -> Any:
    """A column as one Arrow array of strings."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
        if isinstance(column, pa.ChunkedArray):  # of no chunks
            column = pa.array([], column.type)
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_nested(column.type) or pa.types.is_null(column.type):
        return pa.array(["" if one is None else str(one) for one in column.to_pylist()], pa.string())
    try:
        text = pc.cast(column, pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        shown = column.to_pylist()
        text = pa.array(
            [one.hex() if isinstance(one, bytes) else one and str(one) for one in shown], pa.string()
        )
    return pc.fill_null(text, "")


def strings(cells: Sequence[str]) -> Any:
    """Cells of less than 2 GiB as Arrow strings; `pa.array` would load pandas first."""
    import pyarrow as pa

    encoded = [cell.encode("utf-8", "replace") for cell in cells]
    offsets = np.zeros(len(encoded) + 1, dtype=np.int32)
    np.cumsum([len(one) for one in encoded], out=offsets[1:])
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(b"".join(encoded))]
    return pa.Array.from_buffers(pa.string(), len(encoded), buffers)
