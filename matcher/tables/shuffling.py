"""The columns of a find shifted and shuffled against each other: rows with the same values, but of nobody."""

from __future__ import annotations

from collections.abc import Sequence
from math import lgamma, log

import numpy as np

from matcher.tables.cells import Hashes32
from matcher.tables.row_keys import Keys, is_among, keys_of, keys_of_shifted

SHIFTS = 16


def rate_of_shifted(columns: Sequence[Hashes32], keys: Keys, shifts: int = SHIFTS) -> float:
    """How often keys of these columns, shifted against each other, are in the index; 1 for a single row.

    Of fewer shifts than SHIFTS, how often they would be at least if no other shift gave any.
    """
    rows = columns[0].size
    if rows < 2:
        return 1.0
    steps = np.random.default_rng(rows).permutation(rows - 1)[:SHIFTS] + 1
    own, asked = keys_of(columns), [np.zeros(0, dtype=np.uint64)]
    for step in steps[:shifts].tolist():
        shifted = keys_of_shifted(columns, [step * i % rows for i in range(len(columns))])
        # a shift by a multiple of the rows gives a row back to itself where columns are many; others count
        asked.append(shifted[(shifted != 0) & (shifted != own)])
    together = np.concatenate(asked)
    held = int(is_among(together, keys).sum()) if together.size else 0
    return held / max(1, together.size + rows * steps[shifts:].size)


def arrangements(cells: Hashes32) -> float:
    """log10 of the orders in which these cells can stand."""
    _, counts = np.unique(cells, return_counts=True)
    return float((lgamma(cells.size + 1) - sum(lgamma(int(n) + 1) for n in counts)) / log(10))


def ways_to_shuffle(columns: Sequence[Hashes32]) -> float:
    """log10 of the ways to put a table's columns together, its most telling column held still."""
    ways = [arrangements(cells) for cells in columns]
    return sum(ways) - max(ways)
