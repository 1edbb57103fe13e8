"""A cohort's or release's cells as keyed hashes, column by column.

`rows/columns.json` names the columns. Of column C, `codes_C.npy` holds a number for every cell in the order of the
records, 0 for an empty one, in as few bytes as its distinct values need; `counts_C.npy` says how many records have
each number, and `values_C_T.npy` 32 bits of the keyed hash behind it at tag T. So a coarse column takes a byte a cell
at all its tags, and how often values occur is told without a look at the records. Some columns of the source are read
at a time, so that memory stays bounded. It is participant-level data all the same: whoever holds the key can look up
values that are easily guessed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from matcher.tables.cells import DATE_TAG, Hashes32, read_column, short
from matcher.tables.sources import read_batches
from matcher.tables.spellings import read_name

CELLS_AT_ONCE = 60_000_000
SLOTS = 1 << 16
COLUMNS_KEPT = 48
"""Columns whose hashes are kept spread over the records, once asked for."""


@dataclass(frozen=True, slots=True)
class IndexedColumn:
    """One column of the index."""

    name: str
    kind: str
    tags: tuple[int, ...]
    bits: dict[int, float]
    """Information of one cell by tag: -log2 of the chance that two records agree, empty cells left out."""
    filled: float


@dataclass(frozen=True, slots=True)
class RowIndex:
    """An index opened for reading; cells are mapped, not loaded."""

    folder: Path
    written: int
    records_count: int
    columns: tuple[IndexedColumn, ...]
    by_name: dict[tuple[str, int, int], int]

    def cells(self, column: int, tag: int) -> Hashes32:
        """The hash of every record's cell; 0 where it is empty."""
        return _cells(str(self.folder), self.written, column, tag)

    def cells_at(self, column: int, tag: int, records: npt.NDArray[np.int64]) -> Hashes32:
        """The hashes of some records' cells."""
        codes, values = self.coded(column, tag)
        return np.asarray(values[codes[records]], dtype=np.uint32)

    def coded(self, column: int, tag: int) -> tuple[npt.NDArray[Any], Hashes32]:
        """The number of every record's cell, and the hash behind each number: what `cells` spreads out."""
        return (
            _mapped(f"{self.folder}/codes_{column}.npy", self.written),
            _mapped(f"{self.folder}/values_{column}_{tag}.npy", self.written),
        )

    def records_in(self, column: int, tag: int, slots: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        """The records whose cell begins with one of these 16 bits; `slots` says of each of 65,536 whether it does."""
        return np.asarray(_records_in(*self.coded(column, tag), slots), dtype=np.int64)

    def counts_of(
        self, column: int, tag: int, values: Hashes32, starts: npt.NDArray[np.int32] | None = None
    ) -> npt.NDArray[np.int64]:
        """How many records hold each of these hashes; they are in order, and none is 0. `starts` is of `starts_of`."""
        held = np.zeros(values.size, dtype=np.int64)
        own, counts = (
            _mapped(f"{self.folder}/{name}", self.written)
            for name in (f"values_{column}_{tag}.npy", f"counts_{column}.npy")
        )
        _count(own, counts, values, starts_of(values) if starts is None else starts, held)
        return held


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file to index: which columns, and which record each of its rows is."""

    path: Path
    columns: tuple[str, ...]
    records: npt.NDArray[np.int64]


def build(folder: Path, files: Sequence[SourceFile], records_count: int, key: bytes) -> None:
    """Writes the index of these files into `folder`."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    names = list(dict.fromkeys(name for file in files for name in file.columns))
    at_once = max(1, CELLS_AT_ONCE // max(1, records_count))
    described: list[dict[str, Any]] = []
    for start in range(0, len(names), at_once):
        group = names[start : start + at_once]
        for name, cells in _read(files, group, records_count).items():
            described.append(_write_column(folder, len(described), name, cells, key))
    _write_head(folder, {"records_count": records_count, "columns": described})


def withdraw(folder: Path, records: npt.NDArray[np.int64]) -> None:
    """Empties these records; what nobody else had is known no more.

    Every file is replaced as a whole, so that a process which has it mapped reads on as it was. An interruption
    leaves some columns emptied and the others as they were; the same withdrawal again finishes it.
    """
    head = json.loads((folder / "columns.json").read_text(encoding="utf-8"))
    for at, column in enumerate(head["columns"]):
        codes = np.load(folder / f"codes_{at}.npy", allow_pickle=False)
        distinct = np.load(folder / f"counts_{at}.npy", allow_pickle=False).size
        codes[records] = 0
        counts = np.bincount(codes, minlength=distinct)
        # Codes first: counts and values follow from them, now or when this is done again.
        _replace(folder / f"codes_{at}.npy", codes)
        _replace(folder / f"counts_{at}.npy", counts.astype(np.uint32))
        for tag in column["tags"]:
            path = folder / f"values_{at}_{tag}.npy"
            values = np.load(path, allow_pickle=False)
            values[counts == 0] = 0
            _replace(path, values)
    _write_head(folder, head)


def _replace(path: Path, array: npt.NDArray[Any]) -> None:
    unfinished = path.with_name(f".{path.name}")
    np.save(unfinished, array, allow_pickle=False)
    unfinished.replace(path)


def _write_head(folder: Path, head: dict[str, Any]) -> None:
    unfinished = folder / ".columns.json"
    unfinished.write_text(json.dumps(head), encoding="utf-8")
    unfinished.replace(folder / "columns.json")


def open_index(folder: Path) -> RowIndex | None:
    """The index in this folder, or None where there is none."""
    path = folder / "columns.json"
    return _opened(str(folder), path.stat().st_mtime_ns) if path.exists() else None


@lru_cache(maxsize=128)
def _opened(folder: str, written: int) -> RowIndex:
    head = json.loads((Path(folder) / "columns.json").read_text(encoding="utf-8"))
    columns = tuple(
        IndexedColumn(
            one["name"],
            one["kind"],
            tuple(one["tags"]),
            {int(tag): bits for tag, bits in one["bits"].items()},
            one["filled"],
        )
        for one in head["columns"]
    )
    by_name: dict[tuple[str, int, int], int] = {}
    for i, column in enumerate(columns):
        by_name.setdefault(read_name(column.name), i)
    return RowIndex(Path(folder), written, head["records_count"], columns, by_name)


@lru_cache(maxsize=4_000)  # the file itself is closed once it is mapped
def _mapped(path: str, _written: int) -> Any:
    return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))


@lru_cache(maxsize=COLUMNS_KEPT)
def _cells(folder: str, written: int, column: int, tag: int) -> Hashes32:
    codes = _mapped(f"{folder}/codes_{column}.npy", written)
    values: Hashes32 = _mapped(f"{folder}/values_{column}_{tag}.npy", written)
    return np.asarray(np.take(values, codes), dtype=np.uint32)


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


def _write_column(folder: Path, at: int, name: str, cells: Any, key: bytes) -> dict[str, Any]:
    import polars as pl

    column = read_column(key, pl.Series(cells, dtype=pl.String))
    tags = sorted(column.hashes, reverse=True)
    finest = next((tag for tag in tags if tag < DATE_TAG), tags[0])
    own, first, codes, counts = np.unique(
        short(column.hashes[finest]), return_index=True, return_inverse=True, return_counts=True
    )
    if not own.size or own[0] != 0:  # nobody's cell is empty; 0 is the empty cell's number all the same
        codes, counts = codes + 1, np.r_[0, counts]
    np.save(folder / f"codes_{at}.npy", codes.astype(_narrowest(counts.size)), allow_pickle=False)
    np.save(folder / f"counts_{at}.npy", counts.astype(np.uint32), allow_pickle=False)
    bits = {}
    for tag in tags:
        values = short(column.hashes[tag])[first]
        values = values if values.size == counts.size else np.r_[np.zeros(1, np.uint32), values]
        values[0] = 0
        np.save(folder / f"values_{at}_{tag}.npy", values, allow_pickle=False)
        bits[str(tag)] = _bits(values, counts)
    filled = float(counts[1:].sum() / max(1, counts.sum()))
    return {"name": name, "kind": column.kind, "tags": tags, "bits": bits, "filled": filled}


def _narrowest(distinct: int) -> type[np.unsignedinteger[Any]]:
    return np.uint8 if distinct <= 1 << 8 else np.uint16 if distinct <= 1 << 16 else np.uint32


def _bits(values: Hashes32, counts: npt.NDArray[np.int64]) -> float:
    """-log2 of the chance that two records with a cell agree."""
    filled = values != 0
    _, which = np.unique(values[filled], return_inverse=True)
    together = np.bincount(which, weights=counts[filled])
    agree = float(np.sum((together / max(1.0, together.sum())) ** 2)) if together.size else 1.0
    return float(-np.log2(max(agree, 1e-12)))


def starts_of(cells: Hashes32) -> npt.NDArray[np.int32]:
    """Where in sorted cells those of each slot begin, a slot being the highest 12 bits."""
    edges = np.arange((1 << 12) + 1, dtype=np.uint64) << np.uint64(20)
    return np.searchsorted(cells.astype(np.uint64), edges).astype(np.int32)


def slots_of(cells: Hashes32) -> npt.NDArray[np.bool_]:
    """The slots of `records_in` that these cells are in."""
    slots = np.zeros(SLOTS, dtype=np.bool_)
    slots[cells >> np.uint32(16)] = True
    return slots


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
        slot = cell >> 20
        for at in range(starts[slot], starts[slot + 1]):
            if values[at] == cell:
                held[at] += counts[code]
                break
