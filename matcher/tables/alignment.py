"""Which column of the index a find column is, where no name says so: told by rare cells that meet on the same records.

Every rare cell of some find rows is looked up in the whole index. A record that meets a find row in several columns
is a candidate for being its source; columns that keep meeting on candidates are aligned. The choice among all
columns is paid for by the caller, who takes the number of columns into the odds.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from matcher.tables.cells import Column, short
from matcher.tables.linkage import Aligned, align
from matcher.tables.row_index import RowIndex

ROWS_ASKED = 60
MEETINGS_OF_A_CELL = 1500
"""A cell that meets more records than this, over all columns, tells nothing."""
CANDIDATES = 3
"""Records kept for each find row."""


def align_by_values(columns: Sequence[Column], index: RowIndex) -> list[Aligned]:
    """The columns that rare cells align."""
    met = _meetings(columns, index)
    if met is None:
        return []
    rows, records, finds, at = met
    pairs = rows.astype(np.uint64) << np.uint64(32) | records.astype(np.uint64)
    best = _best_pairs(pairs, finds, at)
    if not best.size:
        return []
    return _refine(columns, index, best)


def _meetings(columns: Sequence[Column], index: RowIndex) -> tuple[npt.NDArray[np.int64], ...] | None:
    """Find row, record, find column and index column of every rare cell that both hold."""
    hashes, records, at = index.rare()
    if not hashes.size or not columns:
        return None
    rows_count = next(iter(columns[0].hashes.values())).size
    asked = np.unique(np.linspace(0, rows_count - 1, min(ROWS_ASKED, rows_count)).astype(np.int64))
    found: list[tuple[npt.NDArray[np.int64], ...]] = []
    for i, column in enumerate(columns):
        for cells in column.hashes.values():
            wanted = cells[asked]
            low, high = np.searchsorted(hashes, wanted), np.searchsorted(hashes, wanted, side="right")
            counts = np.where((wanted != 0) & (high - low <= MEETINGS_OF_A_CELL), high - low, 0)
            if not counts.any():
                continue
            places = np.repeat(low - np.r_[0, np.cumsum(counts)[:-1]], counts) + np.arange(counts.sum())
            columns_met = at[places].astype(np.int64)
            found.append(
                (
                    np.repeat(asked, counts),
                    records[places].astype(np.int64),
                    np.full(places.size, i, dtype=np.int64),
                    columns_met,
                )
            )
    if not found:
        return None
    return tuple(np.concatenate(part) for part in zip(*found, strict=True))


def _best_pairs(
    pairs: npt.NDArray[np.uint64],
    finds: npt.NDArray[np.int64],
    at: npt.NDArray[np.int64],
) -> npt.NDArray[np.int64]:
    """For every find row the records that meet it in most columns, at least two: rows of (find row, record)."""
    in_column = np.unique(np.column_stack([pairs, finds.astype(np.uint64)]), axis=0)
    by_pair, by_finds = np.unique(in_column[:, 0], return_counts=True)
    other_side = np.unique(np.column_stack([pairs, at.astype(np.uint64)]), axis=0)
    _, by_columns = np.unique(other_side[:, 0], return_counts=True)
    score = np.minimum(by_finds, by_columns)
    kept = score >= 2
    by_pair, score = by_pair[kept], score[kept]
    row = (by_pair >> np.uint64(32)).astype(np.int64)
    order = np.lexsort((-score, row))
    row, score, by_pair = row[order], score[order], by_pair[order]
    starts = np.searchsorted(row, row)
    kept = np.arange(row.size) - starts < CANDIDATES
    return np.column_stack([row[kept], (by_pair[kept] & np.uint64(0xFFFFFFFF)).astype(np.int64)])


def _refine(columns: Sequence[Column], index: RowIndex, pairs: npt.NDArray[np.int64]) -> list[Aligned]:
    """Each find column's best index column by how much oftener they agree on candidate pairs than on any others."""
    rows, records = pairs[:, 0], pairs[:, 1]
    strangers = np.roll(records, 1 + records.size // 2)
    scored: list[tuple[float, Aligned]] = []
    cut = {(i, tag): short(c.hashes[tag])[rows] for i, c in enumerate(columns) for tag in c.hashes}
    for c in range(len(index.columns)):
        for i, column in enumerate(columns):
            one = align(i, column, c, index)
            if one is None or one.bits <= 0.5:
                continue
            cells, source = cut[i, one.tag], index.cells(c, one.tag)
            agree = (cells == source[records]) & (cells != 0)
            by_row = np.unique(rows[agree]).size
            if by_row < 2:
                continue
            chance = np.unique(rows[(cells == source[strangers]) & (cells != 0)]).size
            scored.append(((by_row - chance) * one.bits, one))
    scored.sort(key=lambda item: -item[0])
    taken_finds: set[int] = set()
    taken: set[int] = set()
    aligned = []
    for score, one in scored:
        if score > 0 and one.find not in taken_finds and one.column not in taken:
            taken_finds.add(one.find)
            taken.add(one.column)
            aligned.append(one)
    return aligned
