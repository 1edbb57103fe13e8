"""A cohort's or release's cells as keyed hashes, column by column.

`rows/columns.json` names the columns. Of column C, `codes_C.npy` holds a number for every cell in the order of the
records, 0 for an empty one, in as few bytes as its distinct values need; `counts_C.npy` says how many records have
each number, and `values_C_T.npy` 32 bits of the keyed hash behind it at tag T. So a coarse column takes a byte a cell
at all its tags, and how often values occur is told without a look at the records. Some columns of the source are read
at a time, so that memory stays bounded. A column that a release has from its cohort is kept once, with the cohort
(`shared_columns`). It is participant-level data all the same: whoever holds the key can look up values that are easily
guessed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numba
import numpy as np
import numpy.typing as npt

from matcher.errors import NotEnrolled
from matcher.tables.cells import Hashes32
from matcher.tables.coded_columns import code_column, empty_column, write_column
from matcher.tables.shared_columns import (
    RECORDS_FILE,
    STAMP_FILE,
    SharedColumn,
    codes_through,
    cohort_of,
    empty_apart,
    reference,
    unlink_records,
    values_with,
)
from matcher.tables.sources import read_batches
from matcher.tables.spellings import read_name

if TYPE_CHECKING:
    from matcher.tables.sharing import Sharing

CELLS_AT_ONCE = 60_000_000
SLOTS = 1 << 16
COLUMNS_KEPT = 48
"""Columns whose hashes are kept spread over the records, once asked for."""
SHARED_KEPT = 16
"""Shared columns whose numbers are kept in the order of the release's records."""


@dataclass(frozen=True, slots=True)
class IndexedColumn:
    """One column of the index."""

    name: str
    kind: str
    tags: tuple[int, ...]
    bits: dict[int, float]
    """Information of one cell by tag: -log2 of the chance that two records agree, empty cells left out."""
    filled: float
    shared: SharedColumn | None = None
    """Of a release: where in the cohort's index its cells are."""


@dataclass(frozen=True, slots=True, eq=False)
class RowIndex:
    """An index opened for reading; cells are mapped, not loaded."""

    folder: Path
    written: tuple[int, ...]
    """When its head was written, and that of the cohort that it shares with."""
    records_count: int
    columns: tuple[IndexedColumn, ...]
    by_name: dict[tuple[str, int, int], int]
    cohort: RowIndex | None = None

    def mapped(self, name: str) -> Any:
        """One of its arrays."""
        return _mapped(f"{self.folder}/{name}.npy", self.written)

    def cells(self, column: int, tag: int) -> Hashes32:
        """The hash of every record's cell; 0 where it is empty."""
        return _cells(self, column, tag)

    def cells_at(self, column: int, tag: int, records: npt.NDArray[np.int64]) -> Hashes32:
        """The hashes of some records' cells."""
        if self.columns[column].shared is not None:
            return _shared_cells(self, column, tag, records)
        codes, values = self.coded(column, tag)
        return np.asarray(values[codes[records]], dtype=np.uint32)

    def coded(self, column: int, tag: int) -> tuple[npt.NDArray[Any], Hashes32]:
        """The number of every record's cell, and the hash behind each number: what `cells` spreads out."""
        if self.columns[column].shared is not None:
            return _shared_codes(self, column)[0], _shared_values(self, column, tag)
        return self.mapped(f"codes_{column}"), self.mapped(f"values_{column}_{tag}")

    def records_in(self, column: int, tag: int, slots: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        """The records whose cell begins with one of these 16 bits; `slots` says of each of 65,536 whether it does."""
        return np.asarray(_records_in(*self.coded(column, tag), slots), dtype=np.int64)

    def counts_of(
        self, column: int, tag: int, values: Hashes32, starts: npt.NDArray[np.int32] | None = None
    ) -> npt.NDArray[np.int64]:
        """How many records hold each of these hashes; they are in order, and none is 0. `starts` is of `starts_of`."""
        held = np.zeros(values.size, dtype=np.int64)
        if self.columns[column].shared is not None:
            own, counts = _shared_values(self, column, tag), _shared_codes(self, column)[1]
        else:
            own, counts = self.mapped(f"values_{column}_{tag}"), self.mapped(f"counts_{column}")
        _count(own, counts, values, starts_of(values) if starts is None else starts, held)
        return held


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file to index: which columns, and which record each of its rows is."""

    path: Path
    columns: tuple[str, ...]
    records: npt.NDArray[np.int64]


def build(
    folder: Path, files: Sequence[SourceFile], records_count: int, key: bytes, sharing: Sharing | None = None
) -> None:
    """Writes the index of these files into `folder`; what is equal to the cohort's is shared, where `sharing` says."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for stale in (STAMP_FILE, RECORDS_FILE):  # releases that shared with what was here must not read on
        (folder / stale).unlink(missing_ok=True)
    described: list[dict[str, Any]] = []
    for name, cells in text_columns(files, records_count):
        column, at = code_column(name, cells, key), len(described)
        shared = sharing.found(column) if sharing is not None else None
        described.append(column.said() | ({"shared": shared.column} if shared is not None else {}))
        if shared is None:
            write_column(folder, at, column)
        elif shared.apart.size:
            np.save(folder / f"apart_{at}.npy", shared.apart, allow_pickle=False)
            write_column(folder, at, column.of(shared.apart))
            described[-1]["apart"] = True
    head: dict[str, Any] = {"records_count": records_count, "columns": described}
    if sharing is not None and any("shared" in one for one in described):
        np.save(folder / RECORDS_FILE, sharing.records, allow_pickle=False)
        head["cohort"] = reference(folder, sharing.index.folder)
    _write_head(folder, head)


def withdraw(folder: Path, records: npt.NDArray[np.int64]) -> None:
    """Empties these records; what nobody else had is known no more.

    Every file is replaced as a whole, so that a process which has it mapped reads on as it was. An interruption
    leaves some columns emptied and the others as they were; the same withdrawal again finishes it.
    """
    head = json.loads((folder / "columns.json").read_text(encoding="utf-8"))
    for at, column in enumerate(head["columns"]):
        if "shared" not in column:
            empty_column(folder, at, column["tags"], records)
        elif "apart" in column:
            empty_apart(folder, at, column["tags"], records)
    if "cohort" in head:
        unlink_records(folder, records)
    _write_head(folder, head)


def _write_head(folder: Path, head: dict[str, Any]) -> None:
    unfinished = folder / ".columns.json"
    unfinished.write_text(json.dumps(head), encoding="utf-8")
    unfinished.replace(folder / "columns.json")


def text_columns(files: Sequence[SourceFile], records_count: int) -> Iterator[tuple[str, Any]]:
    """Every column of these files with its text cells in the order of records; some are read at a time."""
    names = list(dict.fromkeys(name for file in files for name in file.columns))
    at_once = max(1, CELLS_AT_ONCE // max(1, records_count))
    for start in range(0, len(names), at_once):
        yield from _read(files, names[start : start + at_once], records_count).items()


def open_index(folder: Path) -> RowIndex | None:
    """The index in this folder, or None where there is none.

    Raises:
        NotEnrolled: it shares columns with a cohort's index that is not there any more.
    """
    path = folder / "columns.json"
    if not path.exists():
        return None
    written = path.stat().st_mtime_ns
    said = _head(str(folder), written).get("cohort")
    if said is None:
        return _opened(str(folder), (written,), None)
    cohort = cohort_of(folder, said)
    if cohort is None:
        raise NotEnrolled(
            f"release {folder.parent.name!r} shares its values with an enrolment of its cohort that is no more; "
            "add the release anew"
        )
    return _opened(str(folder), (written, (cohort / "columns.json").stat().st_mtime_ns), str(cohort))


def cohort_behind(folder: Path) -> Path | None:
    """The folder of the cohort's index that the one in this folder shares with; None if there is none, or no more."""
    said = _head(str(folder), (folder / "columns.json").stat().st_mtime_ns).get("cohort")
    return cohort_of(folder, said) if said is not None else None


@lru_cache(maxsize=128)
def _head(folder: str, _written: int) -> dict[str, Any]:
    return dict(json.loads((Path(folder) / "columns.json").read_text(encoding="utf-8")))


@lru_cache(maxsize=128)
def _opened(folder: str, written: tuple[int, ...], cohort: str | None) -> RowIndex:
    head = _head(folder, written[0])
    columns = tuple(
        IndexedColumn(
            one["name"],
            one["kind"],
            tuple(one["tags"]),
            {int(tag): bits for tag, bits in one["bits"].items()},
            one["filled"],
            SharedColumn(one["shared"], one.get("apart", False)) if "shared" in one else None,
        )
        for one in head["columns"]
    )
    by_name: dict[tuple[str, int, int], int] = {}
    for i, column in enumerate(columns):
        by_name.setdefault(read_name(column.name), i)
    of_cohort = _opened(cohort, written[1:], None) if cohort is not None else None
    return RowIndex(Path(folder), written, head["records_count"], columns, by_name, of_cohort)


@lru_cache(maxsize=4_000)  # the file itself is closed once it is mapped
def _mapped(path: str, _written: tuple[int, ...]) -> Any:
    return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))


@lru_cache(maxsize=COLUMNS_KEPT)
def _cells(index: RowIndex, column: int, tag: int) -> Hashes32:
    codes, values = index.coded(column, tag)
    return np.asarray(np.take(values, codes), dtype=np.uint32)


@lru_cache(maxsize=SHARED_KEPT)
def _shared_codes(index: RowIndex, column: int) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
    """The number of every record's cell in a column that is the cohort's, and how many records have each."""
    described = index.columns[column]
    shared, cohort = described.shared, index.cohort
    if shared is None or cohort is None:
        raise ValueError(f"column {column} of {index.folder} is not shared")
    codes, values = cohort.coded(shared.column, described.tags[0])
    apart, own = None, 0
    if shared.has_apart:
        apart = (index.mapped(f"apart_{column}"), index.mapped(f"codes_{column}"))
        own = index.mapped(f"counts_{column}").size - 1
    through = codes_through(codes, values.size, index.mapped("records"), apart, own)
    return through, np.bincount(through, minlength=values.size + own)


def _shared_cells(index: RowIndex, column: int, tag: int, records: npt.NDArray[np.int64]) -> Hashes32:
    """The cells of some records alone, without a look at the others."""
    shared, cohort = index.columns[column].shared, index.cohort
    if shared is None or cohort is None:
        raise ValueError(f"column {column} of {index.folder} is not shared")
    behind = index.mapped("records")[records]
    cells = cohort.cells_at(shared.column, tag, np.maximum(behind, 0))
    cells[behind < 0] = 0
    if shared.has_apart:
        apart = index.mapped(f"apart_{column}")
        at = np.minimum(np.searchsorted(apart, records), apart.size - 1)
        held = apart[at] == records
        codes, values = index.mapped(f"codes_{column}"), index.mapped(f"values_{column}_{tag}")
        cells[held] = values[codes[at[held]]]
    return cells


def _shared_values(index: RowIndex, column: int, tag: int) -> Hashes32:
    shared, cohort = index.columns[column].shared, index.cohort
    if shared is None or cohort is None:
        raise ValueError(f"column {column} of {index.folder} is not shared")
    own = index.mapped(f"values_{column}_{tag}") if shared.has_apart else None
    return values_with(cohort.coded(shared.column, tag)[1], own)


def _read(files: Sequence[SourceFile], group: Sequence[str], records_count: int) -> dict[str, Any]:
    """Text cells by column in the order of records, put together from all files."""
    import pyarrow as pa
    import pyarrow.compute as pc

    read: dict[str, Any] = {}
    for file in files:
        wanted = [name for name in group if name in set(file.columns)]
        if not wanted:
            continue
        table = pa.Table.from_batches(list(read_batches(file.path, wanted)))
        where = np.full(records_count, -1, dtype=np.int64)
        rows = min(table.num_rows, file.records.size)
        where[file.records[:rows]] = np.arange(rows)
        places = pa.array(where, mask=where < 0)
        for name in wanted:
            cells = table.column(name).combine_chunks().take(places)
            before = read.get(name)
            read[name] = cells if before is None else pc.coalesce(before, cells)
    return {name: read[name] for name in group}


def starts_of(cells: Hashes32) -> npt.NDArray[np.int32]:
    """Where in sorted cells those of each slot begin, a slot being the highest 12 bits."""
    starts = np.empty((1 << 12) + 1, dtype=np.int32)
    _mark_starts(cells, starts)
    return starts


def slots_of(cells: Hashes32) -> npt.NDArray[np.bool_]:
    """The slots of `records_in` that these cells are in."""
    slots = np.zeros(SLOTS, dtype=np.bool_)
    slots[cells >> np.uint32(16)] = True
    return slots


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _mark_starts(cells: Any, starts: Any) -> None:
    at = 0
    for slot in range(starts.shape[0]):
        while at < cells.shape[0] and cells[at] >> 20 < slot:
            at += 1
        starts[slot] = at


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _records_in(codes: Any, values: Any, slots: Any) -> Any:
    wanted = np.empty(values.shape[0], np.bool_)
    for code in range(values.shape[0]):
        wanted[code] = slots[values[code] >> np.uint32(16)]
    count = 0
    for code in codes:  # gone through twice, since room for all records would cost more than a second look
        count += wanted[code]
    records, at = np.empty(count, np.int64), 0
    for record in range(codes.shape[0]):
        if wanted[codes[record]]:
            records[at] = record
            at += 1
    return records


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _count(own: Any, counts: Any, values: Any, starts: Any, held: Any) -> None:
    for code in range(own.shape[0]):
        cell = own[code]
        slot = np.uint64(cell) >> np.uint64(20)
        for at in range(starts[slot], starts[slot + np.uint64(1)]):
            if values[at] == cell:
                held[at] += counts[code]
                break
