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
COVERED = 0.5
MEETINGS_OF_A_ROW = 8
COLUMN_PAIRS = 12
"""One pair of columns alone gives candidates where it covers so many rows, at so few records each."""
ROUNDS = 2
CANDIDATES = 3
"""Records kept for each find row."""


def align_by_values(columns: Sequence[Column], index: RowIndex) -> list[Aligned]:
    """The columns that rare cells align."""
    met = _meetings(columns, index)
    if met is None:
        return []
    rows, records, finds, at = met
    pairs = rows.astype(np.uint64) << np.uint64(32) | records.astype(np.uint64)
    best = np.vstack([_best_pairs(pairs, finds, at), _pairs_of_one_column(rows, records, finds, at)])
    if not best.size:
        return []
    pairs_left = np.unique(best, axis=0)
    aligned = _refine(columns, index, pairs_left, least=0.0)
    for _ in range(ROUNDS):
        likeliest = _likeliest(columns, aligned, index, pairs_left)
        aligned = _refine(columns, index, likeliest, least=COVERED)
        if len(aligned) < 2:
            break
    return aligned


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


def _pairs_of_one_column(
    rows: npt.NDArray[np.int64],
    records: npt.NDArray[np.int64],
    finds: npt.NDArray[np.int64],
    at: npt.NDArray[np.int64],
) -> npt.NDArray[np.int64]:
    """Candidates by one fine column alone: most rows have its value in one column of the index, at few records."""
    columns = finds << 20 | at
    kinds, where, meetings = np.unique(columns, return_inverse=True, return_counts=True)
    met_rows = np.bincount(np.unique(np.column_stack([where, rows]), axis=0)[:, 0], minlength=kinds.size)
    by_find = np.unique(np.column_stack([finds, rows]), axis=0)[:, 0]
    asked = np.bincount(by_find, minlength=int(finds.max()) + 1)[kinds >> 20]
    good = (met_rows >= np.maximum(2, COVERED * asked)) & (meetings <= MEETINGS_OF_A_ROW * met_rows)
    best = np.flatnonzero(good)
    best = best[np.lexsort((meetings[best] / met_rows[best], -met_rows[best] / asked[best]))][:COLUMN_PAIRS]
    kept = np.isin(where, best)
    return np.column_stack([rows[kept], records[kept]])


def _likeliest(
    columns: Sequence[Column], aligned: Sequence[Aligned], index: RowIndex, pairs: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """For every find row the one record that agrees with it most, on what is aligned so far."""
    rows, records = pairs[:, 0], pairs[:, 1]
    score = np.zeros(rows.size)
    for one in aligned:
        cells = short(columns[one.find].hashes[one.tag])[rows]
        score += one.bits * ((cells == index.cells(one.column, one.tag)[records]) & (cells != 0))
    order = np.lexsort((-score, rows))
    _, first = np.unique(rows[order], return_index=True)
    return np.asarray(pairs[order[first]])


def _refine(
    columns: Sequence[Column], index: RowIndex, pairs: npt.NDArray[np.int64], least: float
) -> list[Aligned]:
    """Each find column's best index column: agreement on the candidate pairs far beyond that on any others.

    `least` is the share of the find's filled cells that must agree.
    """
    rows, records = pairs[:, 0], pairs[:, 1]
    strangers = np.roll(records, 1 + records.size // 2)
    cut = {(i, tag): short(c.hashes[tag])[rows] for i, c in enumerate(columns) for tag in c.hashes}
    filled = {at: np.unique(rows[cells != 0]).size for at, cells in cut.items()}
    scored: list[tuple[float, Aligned]] = []
    for c in range(len(index.columns)):
        for i, column in enumerate(columns):
            one = align(i, column, c, index)
            if one is None or one.bits <= 0.5:
                continue
            cells, source = cut[i, one.tag], index.cells(c, one.tag)
            agreed = np.unique(rows[(cells == source[records]) & (cells != 0)]).size
            if agreed < max(2, least * filled[i, one.tag]):
                continue
            chance = np.unique(rows[(cells == source[strangers]) & (cells != 0)]).size
            scored.append(((agreed - chance) / np.sqrt(chance + 1) * one.bits, one))
    return _one_to_one(scored)


def _one_to_one(scored: list[tuple[float, Aligned]]) -> list[Aligned]:
    """The best alignments first, each find column and each index column once."""
    finds: set[int] = set()
    columns: set[int] = set()
    aligned = []
    for score, one in sorted(scored, key=lambda item: -item[0]):
        if score > 0 and one.find not in finds and one.column not in columns:
            finds.add(one.find)
            columns.add(one.column)
            aligned.append(one)
    return aligned
