"""One column of an index: a number for every cell, how many cells have each number, and the hashes behind it by tag.

What `row_index` says of `codes_C.npy`, `counts_C.npy` and `values_C_T.npy` is written, cut to some records, and
emptied here. 0 is the number, the count's first place and the hash of an empty cell.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from matcher.tables.cells import DATE_TAG, Hashes32, read_column, short

Codes = npt.NDArray[np.unsignedinteger[Any]]


@dataclass(frozen=True, slots=True)
class CodedColumn:
    """A column as it is written, still in memory."""

    name: str
    kind: str
    codes: Codes
    counts: npt.NDArray[np.uint32]
    values: dict[int, Hashes32]
    """By tag, the finest first: the hash behind each number."""

    def cells(self, tag: int) -> Hashes32:
        """The hash of every record's cell."""
        return np.asarray(np.take(self.values[tag], self.codes), dtype=np.uint32)

    def said(self) -> dict[str, Any]:
        """What the index tells of it without a look at its files."""
        filled = float(self.counts[1:].sum() / max(1, self.counts.sum()))
        bits = {str(tag): _bits(values, self.counts) for tag, values in self.values.items()}
        return {
            "name": self.name,
            "kind": self.kind,
            "tags": list(self.values),
            "bits": bits,
            "filled": filled,
        }

    def of(self, records: npt.NDArray[np.int64]) -> CodedColumn:
        """The cells of these records alone, numbered anew."""
        kept, codes = np.unique(np.r_[0, self.codes[records]], return_inverse=True)
        counts = np.bincount(codes[1:], minlength=kept.size).astype(np.uint32)
        values = {tag: own[kept] for tag, own in self.values.items()}
        return CodedColumn(self.name, self.kind, codes[1:].astype(narrowest(kept.size)), counts, values)


def code_column(name: str, cells: Any, key: bytes) -> CodedColumn:
    """Reads, hashes and numbers one column of text cells."""
    import polars as pl

    column = read_column(key, pl.Series(cells, dtype=pl.String))
    tags = sorted(column.hashes, reverse=True)
    finest = next((tag for tag in tags if tag < DATE_TAG), tags[0])
    own, first, codes, counts = np.unique(
        short(column.hashes[finest]), return_index=True, return_inverse=True, return_counts=True
    )
    if not own.size or own[0] != 0:  # nobody's cell is empty; 0 is the empty cell's number all the same
        codes, counts = codes + 1, np.r_[0, counts]
    values = {}
    for tag in tags:
        behind = short(column.hashes[tag])[first]
        behind = behind if behind.size == counts.size else np.r_[np.zeros(1, np.uint32), behind]
        behind[0] = 0
        values[tag] = behind
    return CodedColumn(
        name, column.kind, codes.astype(narrowest(counts.size)), counts.astype(np.uint32), values
    )


def write_column(folder: Path, at: int, column: CodedColumn) -> None:
    """Writes the files of column `at`."""
    np.save(folder / f"codes_{at}.npy", column.codes, allow_pickle=False)
    np.save(folder / f"counts_{at}.npy", column.counts, allow_pickle=False)
    for tag, values in column.values.items():
        np.save(folder / f"values_{at}_{tag}.npy", values, allow_pickle=False)


def empty_column(folder: Path, at: int, tags: list[int], places: npt.NDArray[np.int64]) -> None:
    """Empties the cells at these places of column `at`; what nobody else had is known no more."""
    codes = np.load(folder / f"codes_{at}.npy", allow_pickle=False)
    distinct = np.load(folder / f"counts_{at}.npy", allow_pickle=False).size
    codes[places] = 0
    counts = np.bincount(codes, minlength=distinct)
    # Codes first: counts and values follow from them, now or when this is done again.
    replace_array(folder / f"codes_{at}.npy", codes)
    replace_array(folder / f"counts_{at}.npy", counts.astype(np.uint32))
    for tag in tags:
        path = folder / f"values_{at}_{tag}.npy"
        values = np.load(path, allow_pickle=False)
        values[counts == 0] = 0
        replace_array(path, values)


def replace_array(path: Path, array: npt.NDArray[Any]) -> None:
    """Puts an array in a file's place as a whole: who has the old one mapped reads on."""
    unfinished = path.with_name(f".{path.name}")
    np.save(unfinished, array, allow_pickle=False)
    unfinished.replace(path)


def narrowest(distinct: int) -> type[np.unsignedinteger[Any]]:
    """The type in which so many numbers take least room."""
    return np.uint8 if distinct <= 1 << 8 else np.uint16 if distinct <= 1 << 16 else np.uint32


def _bits(values: Hashes32, counts: npt.NDArray[np.uint32]) -> float:
    """-log2 of the chance that two records with a cell agree."""
    filled = values != 0
    _, which = np.unique(values[filled], return_inverse=True)
    together = np.bincount(which, weights=counts[filled])
    agree = float(np.sum((together / max(1.0, together.sum())) ** 2)) if together.size else 1.0
    return float(-np.log2(max(agree, 1e-12)))
