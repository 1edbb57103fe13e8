"""Columns of a find as hashes, straight from their bytes: what `cells.read_column` makes of them, without its strings.

Nearly every column of a find is plain numbers or plain words. Those are read here in one compiled pass, to the very
hashes that `read_column` gives; dates, other alphabets, and cells written in any unusual way are left to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from matcher.contents import Cells
from matcher.prf import _V0, _V1, _V2, _V3, _compress, _finish, _halves, _sip
from matcher.tables.cell_bytes import Bytes, Offsets, bytes_of
from matcher.tables.cells import EMPTY, MOST_DECIMALS, MOSTLY, WORD_TAG, Column, read_column

SAMPLED = 400
"""Filled cells by which `read_column` tells dates; of days run together it looks at half as many."""
LONGEST_WORD = 256
_MOST_DIGITS = 15
"""Digits that a float holds exactly; of more, Python reads the number."""
_TENS = 10.0 ** np.arange(23)
_LARGEST_UNIT = float(2**62)
_EMPTY_WORDS = np.array(
    sorted(int.from_bytes(one.encode(), "little") for one in EMPTY if one), dtype=np.uint64
)

_FILLED, _PLAIN, _LONG, _NUMERIC, _DATED, _RUN_DAYS, _STRANGE = range(7)


def read_found_column(key: bytes, cells: Sequence[str]) -> Column:
    """A find's column as `read_column` reads it at every level."""
    data, offsets = bytes_of(cells)
    rows = offsets.size - 1
    values, places = np.full(rows, np.nan), np.zeros(rows, dtype=np.int64)
    seen = np.zeros(7, dtype=np.int64)
    long = np.zeros(rows, dtype=np.bool_)
    _read_numbers(data, offsets, _EMPTY_WORDS, _TENS, values, places, long, seen)
    filled = int(seen[_FILLED])
    if filled and seen[_PLAIN] == filled and seen[_RUN_DAYS] < MOSTLY * min(filled, SAMPLED // 2):
        for i in np.flatnonzero(long).tolist():
            values[i] = float(data[offsets[i] : offsets[i + 1]].tobytes())
        if np.isfinite(values).sum() == filled:
            return _numbers(key, values, places)
    is_words = (
        seen[_STRANGE] == 0
        and seen[_NUMERIC] < MOSTLY * filled
        and seen[_DATED] < MOSTLY * min(filled, SAMPLED)
    )
    if is_words or (not filled and seen[_STRANGE] == 0):
        return Column("word", 0, {WORD_TAG: _words(key, data, offsets)})
    return read_column(key, cells.arrow if isinstance(cells, Cells) else cells, every_level=True)


def _numbers(key: bytes, values: npt.NDArray[np.float64], places: npt.NDArray[np.int64]) -> Column:
    used = places[places > 0]
    decimals = int(np.quantile(used, 0.98, method="higher")) if used.size > max(1, 0.002 * places.size) else 0
    levels = range(min(decimals, MOST_DECIMALS), -1, -1)
    k0, k1 = _halves(key)
    hashes = {}
    for level in levels:
        own = np.zeros(values.size, dtype=np.uint64)
        _hash_numbers(k0, k1, values, 10.0**level, np.uint64(level), own)
        hashes[level] = own
    return Column("number", decimals, hashes)


def _words(key: bytes, data: Bytes, offsets: Offsets) -> npt.NDArray[np.uint64]:
    k0, k1 = _halves(key)
    hashes = np.zeros(offsets.size - 1, dtype=np.uint64)
    _hash_words(k0, k1, data, offsets, _EMPTY_WORDS, hashes)
    return hashes


@numba.njit(inline="always")  # type: ignore[untyped-decorator]
def _is_blank(byte: Any) -> Any:
    return byte == 32 or 9 <= byte <= 13


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _bounds(data: Any, start: Any, end: Any) -> tuple[Any, Any]:
    while start < end and _is_blank(data[start]):
        start += 1
    while end > start and _is_blank(data[end - 1]):
        end -= 1
    return start, end


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _is_empty(data: Any, start: Any, end: Any, empty: Any) -> bool:
    if start == end:
        return True
    if end - start > 7:
        return False
    packed = np.uint64(0)
    for k in range(start, end):
        byte = data[k]
        if 65 <= byte <= 90:
            byte |= 32
        packed |= np.uint64(byte) << np.uint64(8 * (k - start))
    is_known = False
    for one in empty:
        is_known = is_known or one == packed
    return is_known


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _read_numbers(  # noqa: C901 - one compiled pass
    data: Any, offsets: Any, empty: Any, tens: Any, values: Any, places: Any, long: Any, seen: Any
) -> None:
    """Values of plain numbers and their decimals; what the other cells could be is counted, never too low."""
    for i in range(offsets.shape[0] - 1):
        start, end = _bounds(data, offsets[i], offsets[i + 1])
        if _is_empty(data, start, end, empty):
            continue
        seen[_FILLED] += 1
        at = start
        if data[at] == 45:
            at += 1
        mantissa, digits, fraction, zeros = np.int64(0), 0, 0, 0
        first = at
        while at < end and 48 <= data[at] <= 57:
            if digits < 18:
                mantissa = mantissa * 10 + (data[at] - 48)
            digits += 1 if mantissa else 0
            at += 1
        whole = at - first
        is_plain = whole > 0
        if is_plain and at < end and data[at] == 46:
            at += 1
            while at < end and 48 <= data[at] <= 57:
                if digits < 18:
                    mantissa = mantissa * 10 + (data[at] - 48)
                digits += 1 if mantissa else 0
                zeros = zeros + 1 if data[at] == 48 else 0
                fraction += 1
                at += 1
            is_plain = fraction > 0
        power, is_negative = 0, False
        if is_plain and at + 1 < end and (data[at] == 101 or data[at] == 69):
            at += 1
            if data[at] == 45 or data[at] == 43:
                is_negative = data[at] == 45
                at += 1
            first = at
            while at < end and 48 <= data[at] <= 57 and at - first < 3:
                power = power * 10 + (data[at] - 48)
                at += 1
            is_plain = at > first
        if is_plain and at == end:
            power = -power if is_negative else power
            seen[_PLAIN] += 1
            seen[_NUMERIC] += 1
            places[i] = min(30, max(0, fraction - zeros - power))
            shift = power - fraction
            if digits <= _MOST_DIGITS and -22 <= shift <= 22:
                value = np.float64(mantissa)
                value = value / tens[-shift] if shift < 0 else value * tens[shift]
                values[i] = -value if data[start] == 45 else value
            else:
                long[i] = True
            is_day = end - start == 8 and whole == 8 and 19000101 <= mantissa <= 20991231
            if is_day and seen[_FILLED] <= SAMPLED // 2:
                seen[_RUN_DAYS] += 1
            continue
        digits, blanks = 0, 0
        for k in range(start, end):
            byte = data[k]
            if byte >= 128 or byte < 9 or 13 < byte < 32 or byte == 127:
                seen[_STRANGE] += 1
            digits += 1 if 48 <= byte <= 57 else 0
            blanks += 1 if _is_blank(byte) else 0
        byte = data[start]
        # digits, signs, a point, and what `inf` and `nan` begin with
        if 48 <= byte <= 57 or byte == 43 or byte == 45 or byte == 46 or byte | 32 == 105 or byte | 32 == 110:
            seen[_NUMERIC] += 1
        if digits >= 5 and (48 <= byte <= 57 or blanks > 0) and seen[_FILLED] <= SAMPLED:
            seen[_DATED] += 1


@numba.njit(inline="always")  # type: ignore[untyped-decorator]
def _sip_pair(k0: Any, k1: Any, one: Any, two: Any) -> Any:
    v0, v1, v2, v3 = _V0 ^ k0, _V1 ^ k1, _V2 ^ k0, _V3 ^ k1
    v0, v1, v2, v3 = _compress(v0, v1, v2, v3, one)
    v0, v1, v2, v3 = _compress(v0, v1, v2, v3, two)
    v0, v1, v2, v3 = _compress(v0, v1, v2, v3, np.uint64(16) << np.uint64(56))
    return _finish(v0, v1, v2, v3)


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _hash_numbers(k0: Any, k1: Any, values: Any, unit: Any, tag: Any, hashes: Any) -> None:
    for i in range(values.shape[0]):
        scaled = np.rint(values[i] * unit)
        if np.isnan(scaled) or np.abs(scaled) > _LARGEST_UNIT:
            continue
        own = _sip_pair(k0, k1, tag, np.uint64(np.int64(scaled)))
        hashes[i] = own if own != 0 else np.uint64(1)


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _hash_words(k0: Any, k1: Any, data: Any, offsets: Any, empty: Any, hashes: Any) -> None:
    room = np.empty(LONGEST_WORD, dtype=np.uint8)
    for i in range(hashes.shape[0]):
        start, end = _bounds(data, offsets[i], offsets[i + 1])
        if _is_empty(data, start, end, empty):
            continue
        if end - start > room.shape[0]:
            room = np.empty(2 * (end - start), dtype=np.uint8)
        for k in range(start, end):
            byte = data[k]
            room[k - start] = byte | 32 if 65 <= byte <= 90 else byte
        own = _sip(k0, k1, room, np.int64(0), np.int64(end - start))
        own = _sip_pair(k0, k1, np.uint64(WORD_TAG), own)
        hashes[i] = own if own != 0 else np.uint64(1)
