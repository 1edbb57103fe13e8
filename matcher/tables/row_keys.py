"""Keys of rows over several columns, 64 bits a row, and hashes of ids: what is asked of a million of them at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

Keys = npt.NDArray[np.uint64]

MOST_FILTER_BITS = 22
"""By so many of its highest bits at most a key is told to be none that is asked for; a bit each stays in the cache."""
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


def keys_of_shifted(columns: Sequence[npt.NDArray[np.uint32]], steps: Sequence[int]) -> Keys:
    """One key a row, of each column's cell so many rows before it; each step is from 0 to fewer than the rows."""
    keys = np.ones(columns[0].size, dtype=np.uint64)
    for cells, step in zip(columns, steps, strict=True):
        _mix(keys[step:], np.ascontiguousarray(cells[: cells.size - step]))
        _mix(keys[:step], np.ascontiguousarray(cells[cells.size - step :]))
    return keys


def is_among(asked: Keys, keys: Keys) -> npt.NDArray[np.bool_]:
    """Whether each of these, which are few beside `keys`, is one of them; 0 is none. Both in any order."""
    size = 2 << max(3, int(asked.size).bit_length())
    table = np.zeros(size, dtype=np.uint64)
    places = np.empty(asked.size, dtype=np.int64)
    bits = min(MOST_FILTER_BITS, size.bit_length() + 4)
    begun = np.zeros(1 << bits - 3, dtype=np.uint8)
    _put(asked, table, begun, 64 - bits, places)
    held = np.zeros(size + 1, dtype=np.bool_)  # the last is of 0
    _mark_held(keys, begun, 64 - bits, table, held)
    return np.asarray(held[places])


@numba.njit(inline="always")  # type: ignore[untyped-decorator]
def _place(table: Any, key: Any) -> Any:
    """Where a key stands in an open table, or would; keys are evenly spread by their low bits as by their high."""
    last = np.uint64(table.shape[0] - 1)
    at = key & last
    while table[at] != 0 and table[at] != key:
        at = (at + np.uint64(1)) & last
    return at


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _put(asked: Any, table: Any, begun: Any, shift: int, places: Any) -> None:
    for i in range(asked.shape[0]):
        key = asked[i]
        if key == 0:
            places[i] = table.shape[0]
            continue
        at = _place(table, key)
        table[at] = key
        places[i] = at
        bit = key >> np.uint64(shift)
        begun[bit >> np.uint64(3)] |= np.uint8(1) << (bit & np.uint64(7))


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _mark_held(keys: Any, begun: Any, shift: int, table: Any, held: Any) -> None:
    for i in range(keys.shape[0]):
        key = keys[i]
        bit = key >> np.uint64(shift)
        if begun[bit >> np.uint64(3)] >> (bit & np.uint64(7)) & 1 and key != 0:
            at = _place(table, key)
            held[at] = table[at] == key


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
