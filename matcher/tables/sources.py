"""The cohort's own phenotype files, read as text cells in batches.

CSV or TSV with any delimiter, also compressed, and Parquet. Only for enrolment, on files of the institution itself;
what is found elsewhere is read by `matcher.reading`.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from matcher.errors import BadSourceFile

ID_COLUMNS = ("eid", "f.eid", "n_eid", "IID", "participant.eid")
DELIMITERS = ",\t;| "
_HEAD_BYTES = 1 << 20


def read_columns(path: Path) -> tuple[str, ...]:
    """The names of a file's columns.

    Raises:
        BadSourceFile: it cannot be read as a table, or two columns have one name.
    """
    try:
        names = _names(path)
    except (OSError, ValueError, EOFError) as error:
        raise _unreadable(path, error) from error
    twice = next((name for name, count in Counter(names).items() if name and count > 1), None)
    if twice is not None:
        raise BadSourceFile(f"{path.name} has several columns named {twice!r}; give each a name of its own")
    return names


def _names(path: Path) -> tuple[str, ...]:
    if _is_parquet(path):
        import pyarrow.parquet as pq

        return tuple(pq.read_schema(path).names)
    return tuple(_head(path)[0])


def id_column_of(columns: Sequence[str], asked: str | None) -> str | None:
    """The participants' column among these: the one asked for, else the first of the usual names."""
    if asked is not None:
        return asked if asked in columns else None
    by_name = {name.strip().lower(): name for name in reversed(columns)}
    return next((by_name[name.lower()] for name in ID_COLUMNS if name.lower() in by_name), None)


def read_batches(path: Path, columns: Sequence[str]) -> Iterator[Any]:
    """Record batches of these columns, every cell as a string; a null is an empty cell.

    Raises:
        BadSourceFile: the file breaks off or is no table.
    """
    try:
        yield from _parquet(path, columns) if _is_parquet(path) else _delimited(path, columns)
    except (OSError, ValueError, EOFError) as error:
        raise _unreadable(path, error) from error


def _is_parquet(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(4) == b"PAR1"


def _unreadable(path: Path, error: Exception) -> BadSourceFile:
    reason = type(error).__name__  # its message may quote a row
    return BadSourceFile(
        f"{path.name} cannot be read as a table ({reason}); give CSV, TSV or Parquet with a header"
    )


def _parquet(path: Path, columns: Sequence[str]) -> Iterator[Any]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=50_000, columns=list(columns)):
            by_name = dict(zip(batch.schema.names, batch.columns, strict=True))
            yield pa.record_batch([_text(by_name[name]) for name in columns], names=list(columns))


def _text(array: Any) -> Any:
    import pyarrow as pa

    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if pa.types.is_floating(array.type):  # as people write them: 23.1, not 23.100000000000001
        import polars as pl

        numbers = pl.Series(array)
        return numbers.cast(pl.String).fill_null("").replace("NaN", "").to_arrow().cast(pa.large_string())
    return array.cast(pa.large_string())


def _delimited(path: Path, columns: Sequence[str]) -> Iterator[Any]:
    import pyarrow as pa
    import pyarrow.csv as pacsv

    names, delimiter, encoding, quoted = _head(path)
    uneven: list[int] = []

    def noted(row: Any) -> str:  # Arrow's own words would quote the row
        uneven.append(row.actual_columns)
        return "skip"

    unique = [f"{i}" for i in range(len(names))]
    wanted = [unique[names.index(name)] for name in columns]
    with pa.input_stream(str(path), compression="detect") as stream:
        reader = pacsv.open_csv(
            stream,
            read_options=pacsv.ReadOptions(
                block_size=16 << 20, column_names=unique, skip_rows=1, encoding=encoding
            ),
            parse_options=pacsv.ParseOptions(
                delimiter=delimiter,
                quote_char='"' if quoted else False,
                newlines_in_values=quoted,
                invalid_row_handler=noted,
            ),
            convert_options=pacsv.ConvertOptions(
                include_columns=wanted,
                column_types=dict.fromkeys(wanted, pa.large_string()),
                strings_can_be_null=False,
            ),
        )
        for batch in reader:
            if uneven:
                raise _uneven(path, uneven[0], len(names))
            yield batch.rename_columns(list(columns))
        if uneven:
            raise _uneven(path, uneven[0], len(names))


def _uneven(path: Path, cells: int, names: int) -> BadSourceFile:
    """A row left out would be a participant whom nobody watches for."""
    return BadSourceFile(
        f"{path.name} has a row of {cells:,} cells under a header of {names:,}; "
        "give every row as many cells as the header"
    )


def _head(path: Path) -> tuple[list[str], str, str, bool]:
    """Names, delimiter, encoding, and whether cells are quoted."""
    import pyarrow as pa

    with pa.input_stream(str(path), compression="detect") as stream:
        start = stream.read(_HEAD_BYTES)
    encoding = "utf8"
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encoding = "utf16"
    try:
        text = start.decode("utf-16" if encoding == "utf16" else "utf-8-sig")
    except UnicodeDecodeError as error:
        if encoding == "utf8" and error.start < len(start) - 4:
            encoding = "latin1"
        text = start.decode("utf-16" if encoding == "utf16" else "latin-1", errors="replace")
    line = text.splitlines()[0] if text.strip() else ""
    if not line.strip():
        raise ValueError("no header")
    delimiter = max(DELIMITERS, key=lambda mark: (line.count(mark), -DELIMITERS.index(mark)))
    names = next(csv.reader([line], delimiter=delimiter))
    return [name.strip() for name in names], delimiter, encoding, '"' in text
