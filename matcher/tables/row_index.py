"""A cohort's or release's cells as keyed hashes: column by column to join on, and the rare ones to be looked up.

`rows/columns.json` names the columns; `rows/cells_C_T.npy` holds 32 bits of every cell of column C at tag T, in the
order of the records; `rows/rare_*.npy` the cells that few records share, sorted by hash. One file of the source at a
time, some columns at a time, so that memory stays bounded. It is participant-level data all the same: whoever holds
the key can look up values that are easily guessed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from matcher.tables.cells import Hashes32, read_column, short
from matcher.tables.sources import read_batches
from matcher.tables.spellings import read_name

RARE = 50
"""A value of more records than this is not looked up; it still counts when rows are compared."""
CELLS_AT_ONCE = 20_000_000


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
    records_count: int
    columns: tuple[IndexedColumn, ...]
    by_name: dict[tuple[str, int, int], int]

    def cells(self, column: int, tag: int) -> Hashes32:
        cells: Hashes32 = _mapped(str(self.folder / f"cells_{column}_{tag}.npy"))
        return cells

    def rare(self) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint32], npt.NDArray[np.uint16]]:
        """Hashes in order, and the record and column of each."""
        hashes, records, columns = (
            _mapped(str(self.folder / f"rare_{part}.npy")) for part in ("hashes", "records", "columns")
        )
        return hashes, records, columns


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
    rare: list[tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint32], npt.NDArray[np.uint16]]] = []
    for start in range(0, len(names), at_once):
        group = names[start : start + at_once]
        for name, cells in _read(files, group, records_count).items():
            described.append(_write_column(folder, len(described), name, cells, key, rare))
    _write_rare(folder, rare)
    head = {"records_count": records_count, "columns": described}
    (folder / "columns.json").write_text(json.dumps(head), encoding="utf-8")


def open_index(folder: Path) -> RowIndex | None:
    """The index in this folder, or None where there is none."""
    path = folder / "columns.json"
    return _opened(str(folder), path.stat().st_mtime_ns) if path.exists() else None


@lru_cache(maxsize=128)
def _opened(folder: str, _written: int) -> RowIndex:
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
    return RowIndex(Path(folder), head["records_count"], columns, by_name)


@lru_cache(maxsize=400)  # each holds a file descriptor
def _mapped(path: str) -> Any:
    return np.load(path, mmap_mode="r", allow_pickle=False)


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


def _write_column(
    folder: Path, at: int, name: str, cells: Any, key: bytes, rare: list[Any]
) -> dict[str, Any]:
    import polars as pl

    column = read_column(key, pl.Series(cells, dtype=pl.String))
    bits: dict[str, float] = {}
    filled = 0.0
    for tag, hashes in column.hashes.items():
        np.save(folder / f"cells_{at}_{tag}.npy", short(hashes), allow_pickle=False)
        records = np.flatnonzero(hashes)
        filled = records.size / max(1, hashes.size)
        order = np.argsort(hashes[records], kind="stable")
        ordered = hashes[records][order]
        starts = (
            np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
            if ordered.size
            else np.zeros(0, dtype=int)
        )
        counts = np.diff(np.r_[starts, ordered.size])
        agree = float(np.sum((counts / max(1, ordered.size)) ** 2)) if counts.size else 1.0
        bits[str(tag)] = float(-np.log2(max(agree, 1e-12)))
        kept = np.repeat(counts <= RARE, counts)
        rare.append(
            (
                ordered[kept],
                records[order][kept].astype(np.uint32),
                np.full(int(kept.sum()), at, dtype=np.uint16),
            )
        )
    return {
        "name": name,
        "kind": column.kind,
        "tags": sorted(column.hashes, reverse=True),
        "bits": bits,
        "filled": filled,
    }


def _write_rare(folder: Path, rare: Sequence[Any]) -> None:
    hashes, records, columns = (np.concatenate([one[i] for one in rare]) for i in range(3))
    order = np.argsort(hashes, kind="stable")
    for name, values in (("hashes", hashes), ("records", records), ("columns", columns)):
        np.save(folder / f"rare_{name}.npy", values[order], allow_pickle=False)
