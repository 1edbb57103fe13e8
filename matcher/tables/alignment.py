"""Which column of the index a find column is, where no name says so: told by values that meet on the same records.

First each find column gets candidates: the index columns under which its values are likeliest, each at a price
(`likelihood`). Then anchors are tried: one find column, or two, each taken for one of its candidates that holds
enough of its values, gives for every find row the few records that it could be. Where an anchor is right, the other
find columns agree with those records in one of their candidates far more often than with records of others; where it
is wrong they agree as chance does. The best anchor's columns are refined on the likeliest record of each row.

The choice is paid for in `linkage`: by the price that every `Aligned` carries, and by the number of find columns that
were tried and did not align, which is given beside them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, combinations, islice, product
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from matcher.tables.cells import Column, Hashes32
from matcher.tables.likelihood import MANY_ROWS, candidates_of, cut_at, finest_of, rows_asked
from matcher.tables.linkage import Aligned
from matcher.tables.row_index import RowIndex

Numbers = npt.NDArray[np.int64]

FEW_RECORDS = 300.0
"""An anchor column gives at most so many records a row; coarser ones are tried two at a time."""
MOST_PAIRS = 6_000
"""Pairs of a find row and a record that one anchor is judged by."""
LEAST_HELD = 0.25
SINGLE_ANCHORS, DOUBLE_ANCHORS = 96, 160
SINGLE_OF_MANY, DOUBLE_OF_MANY = 40, 40
"""Anchors that are tried, of few rows and of many, which tell better what a column is."""
ANCHOR_COLUMNS = 8
CANDIDATES_OF_TWO = 4
CERTAIN = 80.0
"""An anchor for which its partners speak so much (natural log) ends the search."""
PLAUSIBLE = 6.0
SHARES = (0.95, 0.6, 0.3)
"""Shares of rows that are the cohort's, where others are mixed in."""
ROUNDS = 2
SLOTS = 1 << 12


class _Find:
    """Some rows of the find, and what every column of it could be."""

    def __init__(self, columns: Sequence[Column], rows: Numbers, index: RowIndex) -> None:
        self.rows = rows
        self._cells = cut_at(columns, rows)
        self.room = np.empty(4 * MOST_PAIRS, np.int64), np.empty(4 * MOST_PAIRS, np.int64)
        """Where the pairs of one anchor after the other are put: room that is new costs more than filling it."""
        candidates, self._held = candidates_of(columns, self._cells, index)
        self.could_be: list[list[Aligned]] = [
            [one for c, price in prices.items() if (one := finest_of(i, columns[i], c, price, index))]
            for i, prices in enumerate(candidates)
        ]
        """By find column, the columns of the index that it could be, the likeliest first."""
        wanted = {(one.column, one.tag) for could_be in self.could_be for one in could_be}
        self._coded = {at: index.coded(*at) for at in wanted}

    def cells(self, one: Aligned) -> Hashes32:
        return self._cells[one.find, one.tag]

    def held(self, column: int, tag: int, records: Numbers) -> Hashes32:
        """What some records hold in a column that one of the find's could be."""
        codes, values = self._coded[column, tag]
        return np.asarray(values[codes[records]])

    def holds_enough(self, one: Aligned) -> bool:
        """Whether the index column holds enough of the find column's values to start from."""
        return bool(self._held[one.find, one.column] >= LEAST_HELD)


@dataclass(frozen=True, slots=True)
class _Pairs:
    """A row of `_Find.rows` by its number, and a record that it could be."""

    rows: Numbers
    records: Numbers


def align_by_values(columns: Sequence[Column], index: RowIndex) -> tuple[list[Aligned], int]:
    """The find columns that could be aligned, each with one column of the index, and how many could not."""
    rows = rows_asked(columns)
    if rows.size < 2:
        return [], 0
    find = _Find(columns, rows, index)
    best: tuple[float, list[Aligned], _Pairs] | None = None
    for anchors in (_single_anchors(find, index), _double_anchors(find, index)):
        for anchor in anchors:
            pairs = _pairs(find, anchor, index)
            if pairs.rows.size < 2:
                continue
            score, aligned = _partners(find, anchor, pairs)
            if best is None or score > best[0]:
                best = score, [*anchor, *aligned], pairs
            if best[0] > CERTAIN:
                break
        if best is not None and best[0] > PLAUSIBLE:
            break
    if best is None or best[0] <= 0:
        return [], 0
    _, aligned, pairs = best
    for _ in range(ROUNDS):
        likeliest = _likeliest(find, aligned, index, pairs)
        score, refined = _partners(find, (), likeliest)
        if len(refined) < 2:
            break
        aligned = refined
    tried = [some for some in find.could_be if some and (find.cells(some[0]) != 0).sum() >= 2]
    return aligned, max(0, len(tried) - len(aligned))


def _single_anchors(find: _Find, index: RowIndex) -> Iterator[tuple[Aligned, ...]]:
    """Fine columns, the likeliest candidates of each first."""
    ranked = []
    for could_be in find.could_be:
        for rank, one in enumerate(could_be):
            if _records_a_row(index, one) <= FEW_RECORDS and find.holds_enough(one):
                ranked.append((rank, -one.bits, one))
    ranked.sort(key=lambda item: item[:2])
    most = SINGLE_OF_MANY if find.rows.size >= MANY_ROWS else SINGLE_ANCHORS
    return islice(((one,) for _, _, one in ranked), most)


def _double_anchors(find: _Find, index: RowIndex) -> Iterator[tuple[Aligned, ...]]:
    """Two columns together, where one alone would be too coarse."""
    bits = {}
    for i, could_be in enumerate(find.could_be):
        likeliest = [one for one in could_be if find.holds_enough(one)][:CANDIDATES_OF_TWO]
        if likeliest:
            bits[i] = (max(one.bits for one in likeliest), likeliest)
    finest = sorted(bits, key=lambda i: -bits[i][0])[:ANCHOR_COLUMNS]
    ranked = []
    for i, j in combinations(finest, 2):
        for (a, one), (b, other) in product(enumerate(bits[i][1]), enumerate(bits[j][1])):
            together = _records_a_row(index, one) * 2.0**-other.bits
            if one.column != other.column and together <= FEW_RECORDS:
                ranked.append((a + b, -one.bits - other.bits, (one, other)))
    ranked.sort(key=lambda item: item[:2])
    most = DOUBLE_OF_MANY if find.rows.size >= MANY_ROWS else DOUBLE_ANCHORS
    return islice((pair for _, _, pair in ranked), most)


def _records_a_row(index: RowIndex, one: Aligned) -> float:
    return float(index.records_count * index.columns[one.column].filled * 2.0**-one.bits)


def _pairs(find: _Find, anchor: Sequence[Aligned], index: RowIndex) -> _Pairs:
    """The records that each row could be by its cells in the anchor's columns; rows in turn, up to MOST_PAIRS."""
    two = anchor[-1]
    expected = _records_a_row(index, anchor[0]) * (2.0**-two.bits if len(anchor) == 2 else 1.0)
    most_rows = int(np.clip(MOST_PAIRS / max(expected, 1e-9), 6, find.rows.size))
    own = index.cells(anchor[0].column, anchor[0].tag)
    other = own if two is anchor[0] else index.cells(two.column, two.tag)
    rows, records = find.room
    count = _meet(own, other, find.cells(anchor[0])[:most_rows], find.cells(two), rows, records)
    return _Pairs(rows[:count].copy(), records[:count].copy())


def _partners(find: _Find, anchor: Sequence[Aligned], pairs: _Pairs) -> tuple[float, list[Aligned]]:
    """The alignments of all other find columns that agree on these pairs beyond chance, and how much they speak."""
    taken_finds, taken = {one.find for one in anchor}, {one.column for one in anchor}
    last_seen = np.empty(find.rows.size, np.int8)
    scored: list[tuple[float, Aligned]] = []
    held: dict[tuple[int, int], Hashes32] = {}
    for one in chain.from_iterable(find.could_be):
        if one.find in taken_finds or one.column in taken:
            continue
        at = one.column, one.tag
        if at not in held:
            held[at] = find.held(*at, pairs.records)
        asked, agreed, by_chance = _agreements(pairs.rows, held[at], find.cells(one), last_seen)
        if agreed >= 2 and asked >= 2:
            scored.append((_log_ratio(agreed, asked, by_chance), one))
    return _one_to_one(scored)


def _log_ratio(agreed: int, asked: int, by_chance: int) -> float:
    """ln of how much likelier so many agreements are if the columns are the same, for the likeliest share of rows."""
    chance = min(0.98, (by_chance + 0.5) / (asked + 1))
    best = 0.0
    for share in SHARES:
        hit = share + (1 - share) * chance
        best = max(
            best,
            float(agreed * np.log(hit / chance) + (asked - agreed) * np.log((1 - hit) / (1 - chance))),
        )
    return best


def _one_to_one(scored: list[tuple[float, Aligned]]) -> tuple[float, list[Aligned]]:
    """The best alignments first, each find column and each index column once."""
    finds: set[int] = set()
    columns: set[int] = set()
    total, aligned = 0.0, []
    for score, one in sorted(scored, key=lambda item: -item[0]):
        if score > 0 and one.find not in finds and one.column not in columns:
            finds.add(one.find)
            columns.add(one.column)
            aligned.append(one)
            total += score
    return total, aligned


def _likeliest(find: _Find, aligned: Sequence[Aligned], index: RowIndex, pairs: _Pairs) -> _Pairs:
    """For every find row the one record that agrees with it most, on what is aligned so far."""
    score = np.zeros(pairs.rows.size)
    for one in aligned:
        cells = find.cells(one)[pairs.rows]
        score += one.bits * ((cells == index.cells_at(one.column, one.tag, pairs.records)) & (cells != 0))
    order = np.lexsort((-score, pairs.rows))
    _, first = np.unique(pairs.rows[order], return_index=True)
    return _Pairs(pairs.rows[order[first]], pairs.records[order[first]])


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _agreements(rows: Any, held: Any, cells: Any, seen: Any) -> tuple[int, int, int]:
    """Rows that have a cell and a pair; those of them that agree with a record; and as many with strangers' records.

    A row's strangers are the records of pairs half of all pairs away. `seen` is room for a note on every row.
    """
    asked, agreed, by_chance = 0, 0, 0
    seen[:] = 0
    pairs, away = rows.shape[0], 1 + rows.shape[0] // 2
    for i in range(pairs):
        row = rows[i]
        cell = cells[row]
        if cell == 0:
            continue
        if seen[row] == 0:
            asked += 1
            seen[row] = 1
        if seen[row] & 2 == 0 and held[i] == cell:
            agreed += 1
            seen[row] |= 2
        if seen[row] & 4 == 0 and held[(i - away) % pairs] == cell:
            by_chance += 1
            seen[row] |= 4
    return asked, agreed, by_chance


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _meet(own: Any, other: Any, first: Any, second: Any, rows: Any, records: Any) -> int:
    """Every record whose two cells are those of one of the rows of `first`; as many pairs as `rows` has room for.

    Rows are dealt by both their cells into slots, so few that they stay in the cache while all records go by.
    """
    starts = np.zeros(SLOTS + 1, np.int64)
    for row in range(first.shape[0]):
        if first[row] != 0:
            starts[_slot(first[row], second[row]) + np.uint64(1)] += 1
    begun = starts[1:] > 0
    starts = np.cumsum(starts)
    order, ends = np.empty(first.shape[0], np.int64), starts.copy()
    for row in range(first.shape[0]):
        if first[row] != 0:
            slot = _slot(first[row], second[row])
            order[ends[slot]] = row
            ends[slot] += 1
    count = 0
    for record in range(own.shape[0]):
        slot = _slot(own[record], other[record])
        if not begun[slot]:
            continue
        for at in range(starts[slot], starts[slot + np.uint64(1)]):
            row = order[at]
            if first[row] == own[record] and second[row] == other[record]:
                if count == rows.shape[0]:
                    return count
                rows[count] = row
                records[count] = record
                count += 1
    return count


@numba.njit(inline="always")  # type: ignore[untyped-decorator]
def _slot(one: Any, two: Any) -> Any:
    return (np.uint64(one) + np.uint64(3) * np.uint64(two)) >> np.uint64(20) & np.uint64(SLOTS - 1)
