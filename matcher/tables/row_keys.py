"""Keys of rows over several columns, 64 bits a row, and hashes of ids: what is asked of a million of them at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

Keys = npt.NDArray[np.uint64]

FILTER_BITS = 18
"""By so many of its highest bits most keys are told to be none that is asked for; a byte each stays in the cache."""
PILES = 256
"""Keys are looked through for twins in so many piles, so that the table of each stays in the cache."""


def records_of(ids: Keys, known: Keys, behind: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The record behind each hash of an id, -1 where it is not known; `known` is in order, `behind` its records."""
    if not known.size:
        return np.full(ids.size, -1, dtype=np.int64)
    where = np.minimum(np.searchsorted(known, ids), known.size - 1)
    return np.where((known[where] == ids) & (ids != 0), behind[where], -1)


def keys_of(columns: Sequence[npt.NDArray[np.uint32]]) -> Keys:
    """One 64-bit key a row over several columns; 0 where one of them is empty."""
    keys = np.ones(columns[0].size, dtype=np.uint64)
    for cells in columns:
        _mix(keys, np.ascontiguousarray(cells))
    return keys


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _mix(keys: Any, cells: Any) -> None:
    for i in range(keys.shape[0]):  # without a branch, which empty cells would make hard to foresee
        key, cell = keys[i], np.uint64(cells[i])
        x = key * np.uint64(0x9E3779B97F4A7C15) + cell
        x ^= x >> np.uint64(30)
        x *= np.uint64(0xBF58476D1CE4E5B9)
        x ^= x >> np.uint64(27)
        x *= np.uint64(0x94D049BB133111EB)
        x ^= x >> np.uint64(31)
        keys[i] = max(x, np.uint64(1)) if (key != 0) & (cell != 0) else np.uint64(0)


def is_among(asked: Keys, keys: Keys) -> npt.NDArray[np.bool_]:
    """Whether each of these, which are few beside `keys`, is one of them; 0 is none. Both in any order."""
    distinct, which = np.unique(asked, return_inverse=True)
    bits = max(4, int(distinct.size).bit_length())
    edges = np.arange(1 << bits, dtype=np.uint64) << np.uint64(64 - bits)
    starts = np.r_[np.searchsorted(distinct, edges), distinct.size].astype(np.int64)
    begun = np.zeros(1 << FILTER_BITS, dtype=np.bool_)
    begun[distinct[distinct != 0] >> np.uint64(64 - FILTER_BITS)] = True
    held = np.zeros(distinct.size, dtype=np.bool_)
    _mark_held(keys, begun, distinct, starts, 64 - bits, held)
    return held[which]


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _mark_held(keys: Any, begun: Any, asked: Any, starts: Any, shift: int, held: Any) -> None:
    for i in range(keys.shape[0]):
        key = keys[i]
        if not begun[key >> np.uint64(64 - FILTER_BITS)] or key == 0:
            continue
        slot = np.int64(key >> np.uint64(shift))
        for at in range(starts[slot], starts[slot + 1]):
            if asked[at] == key:
                held[at] = True
                break


def twin_rate(keys: Keys) -> float:
    """The share of keys, 0 left out, that stand more than once."""
    piles, starts = _dealt(keys)
    most = 2 << int(np.diff(starts).max()).bit_length()
    twins = _twins_in(piles, starts, np.zeros(most, np.uint64), np.zeros(most, np.bool_))
    return float(twins / max(1, piles.size))


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _dealt(keys: Any) -> tuple[Any, Any]:
    """The keys that are not 0 in piles by their lowest bits, and where each pile starts."""
    kept, count = np.empty(keys.shape[0], np.uint64), 0
    for i in range(keys.shape[0]):  # without a branch, which empty cells would make hard to foresee
        kept[count] = keys[i]
        count += int(keys[i] != 0)
    starts = np.zeros(PILES + 1, np.int64)
    for i in range(count):
        starts[np.int64(kept[i] % np.uint64(PILES)) + 1] += 1
    starts = np.cumsum(starts)
    ends = starts.copy()
    piles = np.empty(count, np.uint64)
    for i in range(count):
        pile = np.int64(kept[i] % np.uint64(PILES))
        piles[ends[pile]] = kept[i]
        ends[pile] += 1
    return piles, starts


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _twins_in(piles: Any, starts: Any, table: Any, twice: Any) -> int:
    twins = 0
    for pile in range(PILES):
        size, shift = 2, 63
        while size < 2 * (starts[pile + 1] - starts[pile]):
            size, shift = 2 * size, shift - 1
        table[:size] = 0
        twice[:size] = False
        for i in range(starts[pile], starts[pile + 1]):
            key = piles[i]
            at = np.int64(key >> np.uint64(shift))
            while table[at] != 0 and table[at] != key:
                at = (at + 1) & (size - 1)
            if table[at] == key:
                twins += 1 if twice[at] else 2
                twice[at] = True
            else:
                table[at] = key
    return twins
