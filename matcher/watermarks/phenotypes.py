"""Phenotype tables for marking: CSV, TSV (plain or gzipped) and Parquet, streamed."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import numpy.typing as npt

from matcher.errors import BadSourceFile
from matcher.watermarks.digits import MISSING_VALUE, Field, continuous, mark_values, scaled, written
from matcher.watermarks.roster import Roster, digest_of, plain_id, sealing_key, source_file
from matcher.watermarks.sealed import SealedReader, SealedWriter
from matcher.watermarks.units import cohort_key, field_unit, recipient_key

ID_COLUMNS = ("eid", "f.eid", "n_eid", "iid", "participant.eid", "participant", "participant_id", "sample_id")
FAMILY_COLUMNS = ("fid", "#fid")
ROWS = 20_000
KIND = "digits"
Batch = list[list[str]]
"""Columns of cells."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How a table is written, so that the copy is written the same way."""

    columns: tuple[str, ...]
    id_at: int
    family_at: int | None
    delimiter: str = ","
    newline: str = "\n"


def is_parquet(path: Path) -> bool:
    return path.suffix.lower() in (".parquet", ".pq")


@contextmanager
def _text(path: Path, mode: str) -> Iterator[TextIO]:
    opener: Callable[..., Any] = gzip.open if path.suffix.lower() == ".gz" else open
    with opener(path, mode + "t", encoding="utf-8", newline="") as file:
        yield file


def layout_of(path: Path, id_column: str | None) -> Layout:
    """Columns, ids' column and dialect of a table.

    Raises:
        BadSourceFile: no column of participants.
    """
    delimiter, newline = ",", "\n"
    if is_parquet(path):
        import pyarrow.parquet as pq

        columns = tuple(pq.read_schema(path).names)
    else:
        with _text(path, "r") as file:
            head = file.readline()
        newline = "\r\n" if head.endswith("\r\n") else "\n"
        delimiter = max(",\t;|", key=head.count)
        if not head.count(delimiter) and " " in head.strip():
            delimiter = " "
        columns = tuple(next(csv.reader([head.lstrip("\ufeff").strip("\r\n")], delimiter=delimiter)))
    lower = [one.lower() for one in columns]
    names = ID_COLUMNS if id_column is None else (id_column.lower(),)
    wanted = [one for one in names if one in lower]
    if not wanted:
        raise BadSourceFile(f"{path.name} has no column of participants; name it with --id-column")
    family = next((lower.index(one) for one in FAMILY_COLUMNS if one in lower), None)
    return Layout(columns, lower.index(wanted[0]), family, delimiter, newline)


def batches(path: Path, layout: Layout) -> Iterator[Batch]:
    """The cells of a table as text, column by column, so many rows at a time."""
    if is_parquet(path):
        import pyarrow.parquet as pq

        for one in pq.ParquetFile(path).iter_batches(batch_size=ROWS):
            yield [[_cell(value) for value in column.to_pylist()] for column in one.columns]
        return
    with _text(path, "r") as file:
        rows = csv.reader(file, delimiter=layout.delimiter)
        next(rows, None)
        held: list[list[str]] = []
        width = len(layout.columns)
        for row in rows:
            if len(row) != width:
                if not row:
                    continue
                raise BadSourceFile(
                    f"{path.name}: line {rows.line_num} has not {width} columns; mend the file"
                )
            held.append(row)
            if len(held) == ROWS:
                yield [list(column) for column in zip(*held, strict=True)]
                held = []
        if held:
            yield [list(column) for column in zip(*held, strict=True)]


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return "" if value != value else format(value, ".9f").rstrip("0").rstrip(".")
    return str(value)


def keep_source(cohort_folder: Path, path: Path, layout: Layout, roster: Roster) -> str:
    """Writes the values that marks are read against, unless they are kept already; answers the source's digest."""
    digest = digest_of(path)
    place = source_file(cohort_folder, digest)
    if place.exists():
        return digest
    fields: list[tuple[int, Field]] | None = None
    people: list[npt.NDArray[np.int64]] = []
    values: dict[int, list[npt.NDArray[np.int64]]] = {}
    for batch in batches(path, layout):
        if fields is None:
            fields = _fields(layout, batch)
        people.append(roster.numbers(batch[layout.id_at]))
        for at, field in fields:
            values.setdefault(at, []).append(scaled(batch[at], field.decimals))
    with SealedWriter(place, sealing_key(roster.master)) as out:
        out.array("people", np.concatenate(people) if people else np.zeros(0, dtype=np.int64))
        listed = fields or []
        out.json("fields", [{"name": field.name, "decimals": field.decimals} for _, field in listed])
        out.json("kind", "phenotypes")
        for at, field in listed:
            out.array(f"values/{field.name}", np.concatenate(values[at]))
    return digest


def _fields(layout: Layout, batch: Batch) -> list[tuple[int, Field]]:
    found = []
    for at, name in enumerate(layout.columns):
        if at in (layout.id_at, layout.family_at):
            continue
        decimals = continuous(name, batch[at])
        if decimals is not None:
            found.append((at, Field(name, decimals, field_unit(field_word(name)))))
    return found


def field_word(name: str) -> str:
    """One spelling for the many of a column: `p21001_i0`, `21001-0.0` and `f.21001.0.0` are one field."""
    import re

    numbers = re.fullmatch(
        r"(?:participant\.)?[a-z]{0,2}[._ ]?(\d{1,6})(?:[-._]i?(\d+))?(?:[._]a?(\d+))?", name.strip().lower()
    )
    if numbers:
        return ".".join(one or "0" for one in numbers.groups())
    return re.sub(r"[^a-z0-9]+", "_", name.strip().lower()).strip("_")


def source_fields(reader: SealedReader) -> list[Field]:
    return [
        Field(one["name"], int(one["decimals"]), field_unit(field_word(one["name"])))
        for one in reader.json("fields")
    ]


def write_marked(
    path: Path,
    out: Path,
    layout: Layout,
    *,
    fields: Sequence[Field],
    roster: Roster,
    recipient: str,
    new_ids: Callable[[npt.NDArray[np.int64]], list[str]],
    extra: Batch | None = None,
    where: npt.NDArray[np.int64] | None = None,
) -> tuple[int, int]:
    """The marked copy of one table; answers rows and changed cells.

    `extra` rows (canaries, with their ids) come before the rows at `where`; they are not counted.
    """
    key0, key = cohort_key(roster.master, KIND), recipient_key(roster.master, recipient, KIND)
    at_of = {name: at for at, name in enumerate(layout.columns)}
    rows = changed = 0
    with _writer(path, out, layout) as write:
        for batch in batches(path, layout):
            numbers = roster.numbers(batch[layout.id_at])
            for field in fields:
                column = batch[at_of[field.name]]
                values = scaled(column, field.decimals)
                marked = mark_values(values, field, roster.units[numbers], key0, key)
                for r in np.flatnonzero((marked != values) & (values != MISSING_VALUE)):
                    column[r] = written(int(marked[r]), field.decimals, column[r])
                    changed += 1
            ids = new_ids(numbers)
            if layout.family_at is not None:
                batch[layout.family_at] = ids
            batch[layout.id_at] = ids
            if extra is not None and where is not None:
                write(_with_rows(batch, extra, where, rows))
            else:
                write(batch)
            rows += len(ids)
    return rows, changed


def _with_rows(batch: Batch, extra: Batch, where: npt.NDArray[np.int64], start: int) -> Batch:
    """The batch, which begins at row `start` of the table, with those extra rows that belong in it."""
    here = np.flatnonzero((where >= start) & (where < start + len(batch[0])))
    if not here.size:
        return batch
    out = []
    for column, more in zip(batch, extra, strict=True):
        added = [more[int(k)] for k in here]
        cells = np.insert(np.array(column, dtype=object), where[here] - start, np.array(added, dtype=object))
        out.append(cells.tolist())
    return out


@contextmanager
def _writer(path: Path, out: Path, layout: Layout) -> Iterator[Callable[[Batch], None]]:
    if is_parquet(path):
        with _parquet_writer(path, out, layout) as write:
            yield write
        return
    with _text(out, "w") as file:
        rows = csv.writer(file, delimiter=layout.delimiter, lineterminator=layout.newline)
        rows.writerow(layout.columns)

        def write_rows(batch: Batch) -> None:
            rows.writerows(zip(*batch, strict=True))

        yield write_rows


@contextmanager
def _parquet_writer(path: Path, out: Path, layout: Layout) -> Iterator[Callable[[Batch], None]]:
    import pyarrow as pa
    import pyarrow.csv as pc
    import pyarrow.parquet as pq

    schema = pq.read_schema(path)
    id_name = layout.columns[layout.id_at]
    if not pa.types.is_string(schema.field(id_name).type):
        kind = pa.int64() if pa.types.is_integer(schema.field(id_name).type) else pa.string()
        schema = schema.set(layout.id_at, pa.field(id_name, kind))
    options = pc.ConvertOptions(column_types=schema, strings_can_be_null=True)
    with pq.ParquetWriter(out, schema) as file:

        def write(batch: Batch) -> None:
            text = io.StringIO()
            rows = csv.writer(text)
            rows.writerow(layout.columns)
            rows.writerows(zip(*batch, strict=True))
            table = pc.read_csv(io.BytesIO(text.getvalue().encode()), convert_options=options)
            file.write_table(table.cast(schema))

        yield write


def plain_ids(batch: Batch, layout: Layout) -> list[str]:
    return [plain_id(one) for one in batch[layout.id_at]]
