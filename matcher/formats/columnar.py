"""Parquet, Feather, Arrow IPC and ORC through Arrow, batch by batch: what a footer claims of sizes is not believed.

A Parquet file whose columns are variants is read as genotypes, some columns at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from matcher.contents import Genotypes, Limits, Opened, Table, Unreadable
from matcher.formats.arrow_tables import tables_of, text_of
from matcher.formats.beside import real_path
from matcher.formats.call_columns import MOST_PEOPLE, CallColumns, call_columns_of, parts_of_columns

FORMAT = "columnar"
_PARQUET, _ARROW, _FEATHER1, _ORC = b"PAR1", b"ARROW1", b"FEA1", b"ORC"
_STREAM = b"\xff\xff\xff\xff"
_MOST_COLUMNS = 100_000
_MOST_BYTES = 256 << 20
"""Bytes of a file that polars may read in the memory of the child; a larger one is read by Arrow."""
_BYTES_AT_ONCE = 8 << 20
"""Bytes of calls that polars reads at once: it looks through all of the footer each time, and keeps what it held."""


def sniff(name: str, head: bytes) -> int:
    if head.startswith((_PARQUET, _ARROW, _FEATHER1)):
        return 5
    if head.startswith(_ORC) and b"\0" in head[:4096]:
        return 5
    is_stream = (
        head.startswith(_STREAM) and len(head) > 16 and 0 < int.from_bytes(head[4:8], "little") < 1 << 24
    )
    return 4 if is_stream else 0


def read(opened: Opened, limits: Limits) -> Iterator[Table | Genotypes]:
    """Rows in parts; batches are small, so that a column which unfolds a thousandfold is seen while it does.

    Raises:
        Unreadable: it is damaged, encrypted, or has more columns than any table.
    """
    import pyarrow as pa

    head = opened.stream.read(8)
    opened.stream.seek(0)
    try:
        file = pa.PythonFile(opened.stream, mode="r")
        found = _call_columns(file) if head.startswith(_PARQUET) else None
        if found is not None:
            yield from _genotypes(opened, *found, limits)
            return
        opened.stream.seek(0)
        for batch in _batches(file, head, limits):
            yield from tables_of(opened.name, batch, limits)
    except pa.ArrowNotImplementedError as wrong:
        raise Unreadable("unsupported", type(wrong).__name__) from None
    except (pa.ArrowException, OSError, ValueError, KeyError) as wrong:
        raise Unreadable(
            "encrypted" if "encrypt" in str(wrong).lower() else "damaged", type(wrong).__name__
        ) from None


def _call_columns(file: Any) -> tuple[Any, CallColumns, int] | None:
    """A Parquet file of calls, its columns, and the most bytes that a call takes; None of any other."""
    import pyarrow as pa
    from pyarrow import parquet as pq

    parquet = pq.ParquetFile(file, pre_buffer=False, buffer_size=1 << 16)
    schema = parquet.schema_arrow
    _refuse_width(schema)
    if not 0 < parquet.metadata.num_rows <= MOST_PEOPLE:
        return None
    kinds = dict(zip(schema.names, schema.types, strict=True))
    columns = call_columns_of(
        list(schema.names),
        lambda name: bool(pa.types.is_integer(kinds[name]) or pa.types.is_floating(kinds[name])),
    )
    if columns is None:
        return None
    return parquet, columns, max(kinds[name].bit_width for name in columns.variants) // 8


def _genotypes(
    opened: Opened, parquet: Any, columns: CallColumns, width: int, limits: Limits
) -> Iterator[Table | Genotypes]:
    """The calls of a Parquet file, and a table of its other columns."""
    rows = max(1, min(limits.rows_per_part, (4 << 20) // (1 + len(columns.others))))
    samples: list[str] = []
    if columns.others:
        ids = columns.others.index(columns.ids() or columns.others[0])
        for batch in parquet.iter_batches(rows, columns=list(columns.others), use_threads=False):
            yield from tables_of(opened.name, batch, limits)
            samples += text_of(batch.column(batch.schema.names.index(columns.others[ids]))).to_pylist()
    samples = samples or [str(number) for number in range(parquet.metadata.num_rows)]
    with _scanned(opened) as scan:

        def read(some: Sequence[str]) -> Iterator[tuple[int, int, Any]]:
            numbers = _numbers(scan, some)
            if numbers is None:
                yield from _numbers_by_arrow(parquet, some, len(samples))
                return
            if numbers.shape[1] != len(samples):
                raise Unreadable("damaged", "columns of different lengths")
            yield 0, 0, numbers

        at_once = _BYTES_AT_ONCE // width if scan is not None else 0
        yield from parts_of_columns(tuple(samples), columns.variants, read, limits, at_once)


@contextmanager
def _scanned(opened: Opened) -> Iterator[Any]:
    """The file as polars scans it, which unpacks columns three times faster than Arrow; None where it cannot."""
    if opened.size > _MOST_BYTES:
        yield None
        return
    import polars as pl

    with real_path(opened, ".parquet") as path:
        yield pl.scan_parquet(path, use_statistics=False, glob=False, hive_partitioning=False, cache=False)


def _numbers(scan: Any, some: Sequence[str]) -> Any:
    """These columns (columns × samples) as int8 or float32, -1 or NaN where missing.

    None where polars does not read them.
    """
    import polars as pl

    if scan is None:
        return None
    try:
        columns = scan.select(pl.col(some)).collect().get_columns()
        try:
            numbers = pl.concat(columns, rechunk=True)
        except pl.exceptions.SchemaError:  # of several types
            numbers = pl.concat([one.cast(pl.Float32, strict=False) for one in columns], rechunk=True)
        if numbers.dtype == pl.Int8:
            numbers = numbers.fill_null(-1)
        else:
            numbers = numbers.cast(pl.Float32, strict=False).fill_null(float("nan"))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError):
        return None  # Arrow says what is wrong with it, or reads it
    return numbers.to_numpy().reshape(len(some), -1)


def _numbers_by_arrow(parquet: Any, some: Sequence[str], samples: int) -> Iterator[tuple[int, int, Any]]:
    first = 0
    for batch in parquet.iter_batches(MOST_PEOPLE // len(some), columns=list(some), use_threads=False):
        if first + batch.num_rows > samples:
            raise Unreadable("damaged", "columns of different lengths")
        for at in range(len(some)):
            yield at, first, batch.column(at).to_numpy(zero_copy_only=False)
        first += batch.num_rows


def _batches(file: Any, head: bytes, limits: Limits) -> Iterator[Any]:
    from pyarrow import feather, ipc, orc
    from pyarrow import parquet as pq

    if head.startswith(_PARQUET):
        parquet = pq.ParquetFile(file, pre_buffer=False, buffer_size=1 << 20)
        _refuse_width(parquet.schema_arrow)
        rows = max(1, min(limits.rows_per_part, (4 << 20) // max(1, len(parquet.schema_arrow))))
        yield from parquet.iter_batches(batch_size=rows, use_threads=False)
    elif head.startswith(_ORC):
        table = orc.ORCFile(file)
        _refuse_width(table.schema)
        for stripe in range(table.nstripes):
            yield table.read_stripe(stripe)
    elif head.startswith(_FEATHER1):
        yield feather.read_table(file, use_threads=False)
    elif head.startswith(_ARROW):
        reader = ipc.open_file(file)
        _refuse_width(reader.schema)
        for number in range(reader.num_record_batches):
            yield reader.get_batch(number)
    else:
        stream = ipc.open_stream(file)
        _refuse_width(stream.schema)
        yield from stream


def _refuse_width(schema: Any) -> None:
    if len(schema) > _MOST_COLUMNS:
        raise Unreadable("bomb", "more columns than any table has")
