"""Weighs whether the rows of a find are rows of an index: a join on several columns at once, against two nulls.

Some find columns are joined together as one key with the columns of the index that they are thought to be. Each
distinct key of a row that is complete in them hits or misses. The chance of a hit by a stranger is taken from

- the twin rate: the share of the index's own records that another record equals in these columns, which prices in
  how coarse and how dependent the columns are; this is what another cohort of the same kind does;
- the find's own columns, shifted against each other: what rows with the same values, but of nobody, do (a
  column-shuffled twin, synthetic values, a constant column).

The larger is made larger still (RAISED): strangers are never quite like the cohort. The odds are an e-value (`odds`),
so that rows of strangers may be mixed in, corrected for every key that was tried and, where columns were aligned by
their values, for the columns that each could have been.

Few rows whose columns were shuffled can fall into place again: of three rows, two columns do so once in six times.
So the odds are also no higher than the number of ways to shuffle the rows that hit (`ways_to_shuffle`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import comb, log2, log10

import numpy as np
import numpy.typing as npt

from matcher.tables.cells import Column, Hashes32, short
from matcher.tables.odds import log10_e_value
from matcher.tables.row_index import RowIndex, slots_of
from matcher.tables.row_keys import Keys, is_among, keys_of, twin_rate
from matcher.tables.shuffling import SHIFTS, arrangements, rate_of_shifted, ways_to_shuffle

MOST_COLUMNS_IN_A_KEY = 8
STARTS = 4
"""Keys are grown from so many first columns, so that one recoded column spoils not all."""
LEAST_ROWS = 3
RAISED = 0.75
FIRST_SHIFTS = 3
"""Most keys of strangers are told by so few."""
FEW_ROWS = 12
"""As few rows are also joined each on the columns that it has, whatever it lacks."""
FEW_COLUMNS = 12
AGREEING = 0.5
SELDOM = 0.01
CERTAIN = 14.0
WIDENINGS = 8
TOGETHER = 0.2
RECORDS_LOOKED_AT = 1 << 16
STRETCH = 1 << 10
SURE_BITS = 8.0
"""Bits of a key beyond those that tell one record from all others, where it is not weighed but only applied."""
ENOUGH = 60.0
"""log10 odds beyond which no other key is tried."""
KEEPING = 0.8
COARSEST_KEY = 0.2
"""A key that strangers hit more often than this says nothing about single rows."""


@dataclass(frozen=True, slots=True)
class Aligned:
    """A find column and the index column at the tag that it is thought to be."""

    find: int
    column: int
    tag: int
    bits: float
    price: float = 0.0
    """log10 of one over the weight that this column had among all that the find column could have been."""


@dataclass(frozen=True, slots=True)
class Linked:
    """The outcome of the best key."""

    log10_odds: float
    keys_tried: int
    key: tuple[Aligned, ...]
    chance: float
    hits: npt.NDArray[np.bool_]
    """By find row: its key is in the index; False where the row is not complete."""
    matched: npt.NDArray[np.bool_]
    """By find row: some key of those tried found it, and strangers would seldom."""
    ways: float = 0.0
    """log10 of the ways to shuffle the rows that hit."""
    is_bound: bool = False
    """The odds are too high and the chance too low, but even so they are worth nothing."""


def align_by_name(
    columns: Sequence[Column], names: Sequence[tuple[str, int, int]], index: RowIndex
) -> list[Aligned]:
    """Columns whose names are spellings of one field."""
    aligned = []
    for i, (column, name) in enumerate(zip(columns, names, strict=True)):
        at = index.by_name.get(name)
        if at is None:
            continue
        one = align(i, column, at, index)
        if one is not None:
            aligned.append(one)
    return aligned


def align(find: int, column: Column, at: int, index: RowIndex) -> Aligned | None:
    """A find column with one column of the index, at the finest tag that both have."""
    tag = column.tag_shared_with(index.columns[at].tags)
    if tag is None:
        return None
    return Aligned(find, at, tag, index.columns[at].bits[tag])


def link(
    columns: Sequence[Column], aligned: Sequence[Aligned], index: RowIndex, left_out: int = 0
) -> Linked | None:
    """The best key of these columns, each at its price; `left_out` others were tried, and did not align."""
    choice = log10(comb(len(aligned) + left_out, left_out))
    usable = [one for one in aligned if one.bits > 0.5 and _filled(columns[one.find], one.tag).any()]
    usable.sort(key=lambda one: -one.bits * float(_filled(columns[one.find], one.tag).mean()))
    if len(usable) < 2:
        return None
    cut = {one: short(columns[one.find].hashes[one.tag]) for one in usable}
    found: list[Linked] = []
    seen: set[frozenset[Aligned]] = set()
    for start in range(min(STARTS, len(usable))):
        key: list[Aligned] = []
        for one in [*usable[start:], *usable[:start]]:
            if any(one.column == other.column for other in key):
                continue
            if not _enough(cut, [*key, one]):
                continue
            key.append(one)
            if len(key) < 2 or frozenset(key) in seen:
                continue
            seen.add(frozenset(key))
            found.append(_join(cut, key, index))
            certain = found[-1].chance <= _raised(3.5 / index.records_count) and found[-1].ways > CERTAIN
            if certain and found[-1].log10_odds > ENOUGH:
                return _widened(_best_of_all(found, choice, cut, index), cut, usable, index)
            if certain or len(key) == MOST_COLUMNS_IN_A_KEY:
                break
    rows_count = next(iter(cut.values())).size
    if rows_count <= FEW_ROWS:
        found += _join_few(cut, usable, index)
        return _best_of_all(found, choice, cut, index)
    return _widened(_best_of_all(found, choice, cut, index), cut, usable, index)


def _widened(
    best: Linked | None, cut: dict[Aligned, Hashes32], usable: Sequence[Aligned], index: RowIndex
) -> Linked | None:
    """The same odds, with the rows besides that other keys find, as they lack a cell of the best one."""
    if best is None or best.log10_odds <= 0:
        return best
    matched = best.matched.copy()
    for _ in range(WIDENINGS):
        left = np.flatnonzero(~matched)
        key = _key_for({one: cells[left] for one, cells in cut.items()}, usable, index)
        if len(key) < 2:
            break
        find = [cut[one][left] for one in key]
        records = index.records_in(key[0].column, key[0].tag, slots_of(find[0]))
        keys = keys_of([index.cells_at(one.column, one.tag, records) for one in key])
        new = is_among(keys_of(find), keys)
        if not new.any() or _raised(_rough_twin_rate(key, index)) > SELDOM:
            break
        matched[left[new]] = True
    return replace(best, matched=matched)


def _rough_twin_rate(key: Sequence[Aligned], index: RowIndex) -> float:
    """The rate of twins as a part of many records tells it, stretches from all over the index.

    Of a record's twins as small a part is in it as it is of all records. A rate of 0.2 % is known within a third.
    """
    parts = max(1, index.records_count // RECORDS_LOOKED_AT)
    return min(
        1.0, parts * twin_rate(keys_of([_stretches(index.cells(one.column, one.tag), parts) for one in key]))
    )


def _stretches(cells: Hashes32, parts: int) -> Hashes32:
    """Every so manieth stretch of these cells."""
    if parts == 1:
        return cells
    whole = cells[: cells.size - cells.size % (parts * STRETCH)]
    return np.ascontiguousarray(whole.reshape(-1, parts, STRETCH)[:, 0].reshape(-1))


def _key_for(cut: dict[Aligned, Hashes32], usable: Sequence[Aligned], index: RowIndex) -> list[Aligned]:
    """Telling columns that many of these rows have together."""
    rows_count = next(iter(cut.values())).size
    complete = np.ones(rows_count, dtype=bool)
    key: list[Aligned] = []
    for one in sorted(usable, key=lambda one: -one.bits * float((cut[one] != 0).sum())):
        filled = complete & (cut[one] != 0)
        taken = any(one.column == other.column or one.find == other.find for other in key)
        if taken or filled.sum() < max(1, TOGETHER * rows_count):
            continue
        key.append(one)
        complete = filled
        if len(key) > 1 and sum(column.bits for column in key) > log2(index.records_count) + SURE_BITS:
            return key
    return []


def _best_of_all(
    found: Sequence[Linked], choice: float, cut: dict[Aligned, Hashes32], index: RowIndex
) -> Linked | None:
    """The best of these keys; where it is worth something, all of them weighed in full, whose rows it may take."""
    best = _best(found, choice)
    if best is None or best.log10_odds <= 0:
        return best
    return _best([_join(cut, one.key, index, in_full=True) if one.is_bound else one for one in found], choice)


def _best(found: Sequence[Linked], choice: float) -> Linked | None:
    """The key that speaks most against strangers, its odds no higher than what speaks against shuffled columns."""
    if not found:
        return None

    def against_strangers(one: Linked) -> float:
        return one.log10_odds - sum(column.price for column in one.key)

    best = max(found, key=against_strangers)
    lengths = Counter(len(one.key) for one in found)
    shuffled = max(one.ways - log10(1.2 * lengths[len(one.key)]) for one in found)
    odds = min(against_strangers(best) - log10(len(found)), shuffled) - choice
    telling = [one.hits for one in found if one.chance <= max(SELDOM, best.chance)]
    matched = np.any(telling, axis=0)
    return replace(best, log10_odds=odds, keys_tried=len(found), matched=matched, ways=shuffled)


def hits_of(columns: Sequence[Column], key: Sequence[Aligned], index: RowIndex) -> npt.NDArray[np.bool_]:
    """By find row, whether its key is in an index."""
    find = keys_of([short(columns[one.find].hashes[one.tag]) for one in key])
    return is_among(find, keys_of([index.cells(one.column, one.tag) for one in key]))


def _join(
    cut: dict[Aligned, Hashes32], key: Sequence[Aligned], index: RowIndex, *, in_full: bool = False
) -> Linked:
    """One key weighed; not by the find's own columns where it is worth nothing without, unless `in_full`."""
    keys = keys_of([index.cells(one.column, one.tag) for one in key])
    find_columns = [cut[one] for one in key]
    find = keys_of(find_columns)
    complete = find != 0
    distinct, first, which = np.unique(find[complete], return_index=True, return_inverse=True)
    nobody = np.zeros(find.size, dtype=bool)
    if not distinct.size or not keys.any():
        return Linked(0.0, 1, tuple(key), 1.0, nobody, nobody)
    found = is_among(distinct, keys)
    hits = nobody.copy()
    hits[complete] = found[which]
    ways = ways_to_shuffle([one[np.flatnonzero(complete)[first][found]] for one in find_columns])
    rate = max(twin_rate(keys), 3.0 / index.records_count)
    filled = [one[complete] for one in find_columns]
    for shifts in (SHIFTS,) if in_full else (0, FIRST_SHIFTS, SHIFTS):
        chance = _raised(max(rate, rate_of_shifted(filled, keys, shifts)))
        odds = _odds_of(found, chance)
        if shifts < SHIFTS and ways <= CERTAIN and odds <= sum(one.price for one in key):
            return Linked(odds, 1, tuple(key), chance, hits, hits, ways, is_bound=True)
    return Linked(odds, 1, tuple(key), chance, hits, hits, ways)


def _odds_of(found: npt.NDArray[np.bool_], chance: float) -> float:
    """log10 odds of distinct rows of which these are found, each by a chance of at most so much."""
    if found.size < LEAST_ROWS or chance > COARSEST_KEY:
        return 0.0
    hits_count = int(found.sum())
    return log10_e_value(np.full(hits_count, chance), int(found.size) - hits_count)


def _join_few(cut: dict[Aligned, Hashes32], usable: Sequence[Aligned], index: RowIndex) -> list[Linked]:
    """Joins of few rows, each on those of the columns that it has; empty cells of the find match anything."""
    order: list[Aligned] = []
    for one in usable:
        if all(one.column != other.column for other in order) and len(order) < FEW_COLUMNS:
            order.append(one)
    kept = _agreeing(cut, order, index)
    choice = 0.0 if len(kept) == len(order) else len(order) * log10(2)
    lengths = sorted({k for k in (2, 3, 4, 6, len(kept)) if 2 <= k <= len(kept)})
    return [_join_by_pattern(cut, kept[:k], order, index, choice) for k in lengths]


def _agreeing(cut: dict[Aligned, Hashes32], order: Sequence[Aligned], index: RowIndex) -> list[Aligned]:
    """The columns that agree on most rows with the record that each row is most like."""
    rows_count = cut[order[0]].size
    agreed = np.zeros((rows_count, len(order)))
    for row in range(rows_count):
        score = np.zeros(index.records_count, dtype=np.float32)
        agree = []
        for one in order:
            cell = cut[one][row]
            agree.append((index.cells(one.column, one.tag) == cell) if cell else None)
            if agree[-1] is not None:
                score += np.float32(one.bits) * agree[-1]
        record = int(score.argmax())
        agreed[row] = [np.nan if one is None else one[record] for one in agree]
    filled = ~np.isnan(agreed)
    share = np.nansum(agreed, axis=0) / np.maximum(1, filled.sum(axis=0))
    return [one for one, part in zip(order, share, strict=True) if part >= AGREEING]


def _join_by_pattern(
    cut: dict[Aligned, Hashes32],
    key: Sequence[Aligned],
    order: Sequence[Aligned],
    index: RowIndex,
    choice: float,
) -> Linked:
    columns = [cut[one] for one in key]
    records = np.full(columns[0].size, -1, dtype=np.int64)
    filled = np.column_stack([one != 0 for one in columns])
    hits = np.zeros(filled.shape[0], dtype=bool)
    chances = np.ones(filled.shape[0])
    seen: set[int] = set()
    for pattern in np.unique(filled, axis=0):
        if pattern.sum() < 2:
            continue
        chosen = [int(i) for i in np.flatnonzero(pattern)]
        rows = np.flatnonzero((filled == pattern).all(axis=1))
        keys = keys_of([index.cells(key[i].column, key[i].tag) for i in chosen])
        if not keys.any():
            continue
        find = keys_of([columns[i][rows] for i in chosen])
        new = _first_seen(find, seen)
        found = is_among(find, keys)
        rate = max(twin_rate(keys), 3.0 / index.records_count)
        if rows.size > 2:
            complete = filled[:, chosen].all(axis=1)
            rate = max(rate, rate_of_shifted([columns[i][complete] for i in chosen], keys))
        chances[rows] = _raised(rate)
        hits[rows] = found & new
        records[rows] = [int((keys == one).argmax()) for one in find]
    usable = chances <= COARSEST_KEY
    counted = hits & usable
    odds = 0.0
    if int(usable.sum()) >= LEAST_ROWS:
        odds = log10_e_value(chances[counted], int((usable & ~hits).sum())) - choice
    held = np.flatnonzero(counted)
    ways = _ways_of_few(cut, key, order, held, records[held], index) - choice
    worst = float(chances[counted].max(initial=0.0))
    return Linked(odds, 1, tuple(key), worst, counted, counted, ways)


def _first_seen(keys: Keys, seen: set[int]) -> npt.NDArray[np.bool_]:
    """True where a key comes for the first time; a row that is repeated counts once."""
    new = np.zeros(keys.size, dtype=bool)
    for i, key in enumerate(keys.tolist()):
        new[i] = key not in seen
        seen.add(key)
    return new


def _ways_of_few(
    cut: dict[Aligned, Hashes32],
    key: Sequence[Aligned],
    order: Sequence[Aligned],
    rows: npt.NDArray[np.int64],
    records: npt.NDArray[np.int64],
    index: RowIndex,
) -> float:
    """The ways to shuffle rows whose records are known; cells that are empty in both agree as well.

    Columns outside the key were not chosen for agreeing: each gives an e-value, KEEPING of it staked on the column
    agreeing on all rows.
    """
    ways, most = 0.0, 0.0
    for one in order:
        cells = cut[one][rows]
        agrees = bool((cells == index.cells_at(one.column, one.tag, records)).all())
        own = arrangements(cells if agrees else cells[cells != 0])
        if one in key:
            ways += own
            most = max(most, own)
        else:
            ways += log10(1 - KEEPING + KEEPING * agrees * 10.0**own)
    return ways - most


def _raised(rate: float) -> float:
    return float(min(1.0, max(3 * rate, rate**RAISED)))


def _enough(cut: dict[Aligned, Hashes32], key: Sequence[Aligned]) -> bool:
    """Whether enough rows are complete in these columns: at least a third of what the fullest has."""
    complete = np.ones(cut[key[0]].size, dtype=bool)
    for one in key:
        complete &= cut[one] != 0
    return int(complete.sum()) >= max(LEAST_ROWS, complete.size // 8 if complete.size > 60 else LEAST_ROWS)


def _filled(column: Column, tag: int) -> npt.NDArray[np.bool_]:
    return np.asarray(column.hashes[tag] != 0)
