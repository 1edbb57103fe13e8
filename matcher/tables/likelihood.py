"""How likely each column of the index is to be what a nameless find column was cut from, by its values alone.

A score is the natural log of a likelihood, so that the columns of the index can be ranked for a find column. Values
are counted at a resolution at which each is held by a fair number of records (COARSE_BITS), as a density per unit,
so that the centre and the spread of a distribution speak and not the luck of a value. On top of it, a column of fine
numbers should hold every one of the find's values exactly, and no column gives more decimals than it has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import log10

import numpy as np
import numpy.typing as npt

from matcher.tables.cells import DATE_TAG, MOST_DECIMALS, Column, Hashes32, short
from matcher.tables.linkage import Aligned, align
from matcher.tables.row_index import RowIndex, starts_of

_Asked = tuple[Hashes32, npt.NDArray[np.int32], list[npt.NDArray[np.int64]]]
"""Distinct values of some columns, where those of each slot begin, and by column where its cells stand among them."""

ROWS_ASKED = 48
MOST_FINDS = 200
"""Columns of a find that are aligned by values."""
COARSE_BITS = 9.0
FINE_BITS = 11.0
MANY_ROWS = 24
LIKELIEST_OF_MANY, LIKELIEST_OF_FEW = 16, 40
"""Candidates kept for a find column; few rows tell less."""
LEAST_BITS = 0.5
UNSEEN = 0.05
"""Records that hold a value nobody was seen to hold."""
HELD, NOT_HELD = 1.0, -2.0
"""What it speaks for a fine column, by row, that it holds the value, or does not."""
TOO_FINE = -2.0
"""What it speaks against a column, by row, that the find has more decimals than it."""
TEMPERED = 3.0
"""Likelihoods are of cells that depend on each other and of a cohort that is not quite the find's: they count less."""
ANY = 0.3
"""The weight that is spread over all columns alike."""


def rows_asked(columns: Sequence[Column]) -> npt.NDArray[np.int64]:
    """Some rows, those with most cells first."""
    if not columns:
        return np.zeros(0, dtype=np.int64)
    filled = np.sum([_any_filled(column) for column in columns], axis=0)
    spread = np.unique(np.linspace(0, filled.size - 1, min(4 * ROWS_ASKED, filled.size)).astype(np.int64))
    return np.asarray(spread[np.argsort(-filled[spread], kind="stable")][:ROWS_ASKED])


def cut_at(columns: Sequence[Column], rows: npt.NDArray[np.int64]) -> dict[tuple[int, int], Hashes32]:
    """The cells of these rows by find column and tag."""
    return {
        (i, tag): short(hashes[rows])
        for i, column in enumerate(columns)
        for tag, hashes in column.hashes.items()
    }


def finest_of(find: int, column: Column, at: int, price: float, index: RowIndex) -> Aligned | None:
    """A find column as one of the index, or None where they share no form or the column tells nothing."""
    one = align(find, column, at, index)
    return replace(one, price=price) if one is not None and one.bits > LEAST_BITS else None


def candidates_of(
    columns: Sequence[Column], cut: dict[tuple[int, int], Hashes32], index: RowIndex
) -> tuple[list[dict[int, float]], npt.NDArray[np.float64]]:
    """For each find column (`cut` is of `cut_at`) the index columns that it could be, likeliest first, each at a price.

    And by find column and index column the share of cells that a fine column holds, 1 for any other.

    The price is log10 of one over a column's weight; weights are of a find column's values alone, whatever rows they
    stand in, and add up to 1 over the whole index, so that rows that link may be paid for with them.
    """
    rows_count = next(iter(cut.values())).size
    of_fine_values, held = _fine_values(columns, cut, index)
    scores = _densities(columns, cut, index) + of_fine_values
    most = LIKELIEST_OF_MANY if rows_count >= MANY_ROWS else LIKELIEST_OF_FEW
    candidates = []
    for of_find in scores:
        usable = np.flatnonzero(np.isfinite(of_find))
        best = usable[np.argsort(-of_find[usable], kind="stable")]
        likelihoods = np.exp((of_find[best] - of_find[best].max(initial=-np.inf)) / TEMPERED)
        weights = (1 - ANY) * likelihoods / likelihoods.sum() + ANY / len(index.columns)
        candidates.append(
            {int(c): -log10(weight) for c, weight in zip(best[:most], weights[:most], strict=True)}
        )
    return candidates, held


def _any_filled(column: Column) -> npt.NDArray[np.bool_]:
    return np.asarray(next(iter(column.hashes.values())) != 0)


def _densities(
    columns: Sequence[Column], cut: dict[tuple[int, int], Hashes32], index: RowIndex
) -> npt.NDArray[np.float64]:
    """ln likelihood by find column and index column, per unit of the value; -inf where they share no form."""
    scores = np.full((len(columns), len(index.columns)), -np.inf)
    asked: dict[tuple[int, ...], _Asked] = {}
    for c, described in enumerate(index.columns):
        by_tag: dict[int, list[int]] = {}
        for i, column in enumerate(columns[:MOST_FINDS]):
            tag = _coarse(set(described.tags) & set(column.hashes), described.bits)
            if tag is not None:
                by_tag.setdefault(tag, []).append(i)
        for tag, finds in by_tag.items():
            if (tag, *finds) not in asked:
                asked[tag, *finds] = _asked([cut[i, tag] for i in finds])
            values, starts, places = asked[tag, *finds]
            total = index.records_count * described.filled + 1.0
            logs = np.log((index.counts_of(c, tag, values, starts) + UNSEEN) / total)
            per_unit = tag * np.log(10) if described.kind == "number" and tag < DATE_TAG else 0.0
            for i, cells in zip(finds, places, strict=True):
                if cells.size:
                    scores[i, c] = float(logs[cells].sum() + cells.size * per_unit)
    return scores


def _asked(columns: Sequence[Hashes32]) -> _Asked:
    values = np.unique(np.concatenate(columns))
    values = values[values != 0]
    return values, starts_of(values), [np.searchsorted(values, cells[cells != 0]) for cells in columns]


def _coarse(shared: set[int], bits: dict[int, float]) -> int | None:
    """The finest tag at which values are held by many."""
    telling = [tag for tag in shared if bits[tag] > LEAST_BITS]
    if not telling:
        return None
    return max((tag for tag in telling if bits[tag] <= COARSE_BITS), default=min(telling))


def _fine_values(
    columns: Sequence[Column], cut: dict[tuple[int, int], Hashes32], index: RowIndex
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """What exact values and decimals speak, by find column and index column, and the share of cells that are held."""
    rows_count = next(iter(cut.values())).size
    scores = np.zeros((len(columns), len(index.columns)))
    shares = np.ones_like(scores)
    for i, column in enumerate(columns[:MOST_FINDS]):
        fine: dict[int, list[int]] = {}
        for c, one in enumerate(index.columns):
            tag = column.tag_shared_with(one.tags)
            if tag is not None and one.bits[tag] >= FINE_BITS:
                fine.setdefault(tag, []).append(c)
        for tag, of_index in fine.items():
            cells = cut[i, tag]
            values, rows_with = np.unique(cells[cells != 0], return_counts=True)
            if not values.size:
                continue
            starts, asked = starts_of(values), int(rows_with.sum())
            for c in of_index:
                held = int(rows_with[index.counts_of(c, tag, values, starts) > 0].sum())
                scores[i, c] += HELD * held + NOT_HELD * (asked - held)
                shares[i, c] = held / asked
        if column.kind == "number" and 0 < column.decimals < MOST_DECIMALS:
            finest = np.array(
                [max(one.tags) if one.kind == "number" else MOST_DECIMALS for one in index.columns]
            )
            scores[i, finest < column.decimals] += TOO_FINE * rows_count
    return scores, shares
