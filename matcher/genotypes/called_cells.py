"""Cells of a table as calls: `AG`, `A/G`, `0|1:35`, `2`, `1.98`; one compiled pass over a column's bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from matcher.tables.cell_bytes import bytes_of

Codes = npt.NDArray[np.uint8]

MISSING = 255
ODD = 254
"""What is no call."""
NONE_HERE = 253
"""The second allele of a cell that holds one."""
NUMBERED = 16
"""Allele numbers, 0 to 9, stand this far above the letters, 0 to 3."""


def alleles_of(cells: Sequence[str]) -> Codes:
    """The two alleles of every cell (cells × 2): 0…3 for A, C, G, T, `NUMBERED` and more for numbers."""
    data, offsets = bytes_of(cells)
    out = np.empty((offsets.size - 1, 2), np.uint8)
    _read_alleles(data, offsets, out)
    return out


def dosages_of(cells: Sequence[str], within: float) -> npt.NDArray[np.int8]:
    """Every cell as a count from 0 to 2; -1 where missing, -2 where no call, -3 where not within so much of one."""
    data, offsets = bytes_of(cells)
    out = np.empty(offsets.size - 1, np.int8)
    _read_dosages(data, offsets, within, out)
    return out


@numba.njit(inline="always")  # type: ignore[untyped-decorator]
def _allele(byte: Any) -> Any:
    """The code of one sign of a call."""
    letter = byte & 0xDF
    if letter == 65:
        return 0
    if letter == 67:
        return 1
    if letter == 71:
        return 2
    if letter == 84:
        return 3
    if 48 <= byte <= 57:
        return 16 + byte - 48
    if byte == 46 or byte == 45 or byte == 63 or letter == 78:  # . - ? N
        return 255
    return 254


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _bounds_of_call(data: Any, start: Any, end: Any) -> tuple[Any, Any]:
    """Without blanks, quotes and whatever a VCF says behind a colon."""
    for at in range(start, end):
        if data[at] == 58:
            end = at
            break
    while start < end and (data[start] <= 32 or data[start] == 34):
        start += 1
    while end > start and (data[end - 1] <= 32 or data[end - 1] == 34):
        end -= 1
    return start, end


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _read_alleles(data: Any, offsets: Any, out: Any) -> None:
    for i in range(out.shape[0]):
        start, end = _bounds_of_call(data, offsets[i], offsets[i + 1])
        one, other = 254, 254
        size = end - start
        if size == 0:
            one, other = 255, 255
        elif size == 1:
            one, other = _allele(data[start]), 253
        elif size == 2:
            one, other = _allele(data[start]), _allele(data[start + 1])
            is_na = data[start] & 0xDF == 78 and data[start + 1] & 0xDF == 65
            if is_na or (data[start] == 48 and data[start + 1] == 48):  # NA, 00
                one, other = 255, 255
            elif (16 <= one < 32) or (16 <= other < 32):  # a number of two digits, -9
                one, other = (255, 255) if data[start] == 45 else (254, 254)
        elif size == 3:
            between = data[start + 1]
            if between == 47 or between == 124 or between == 32 or between == 45 or between == 95:
                one, other = _allele(data[start]), _allele(data[start + 2])
        if one == 254 or other == 254:
            one, other = 254, 254
        elif one == 255 and other != 253:
            other = 255
        elif other == 255:
            one = 255
        out[i, 0], out[i, 1] = one, other


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _read_dosages(data: Any, offsets: Any, within: float, out: Any) -> None:
    for i in range(out.shape[0]):
        start, end = _bounds_of_call(data, offsets[i], offsets[i + 1])
        if (
            start == end
            or data[start] == 45
            or data[start] & 0xDF == 78
            or (end - start == 1 and data[start] == 46)
        ):
            out[i] = -1 if end - start <= 4 else -2  # empty, -9, NA, NaN, None, .
            continue
        value, scale, digits, at, is_fraction = 0.0, 1.0, 0, start, False
        while at < end and digits < 15:
            byte = data[at]
            if 48 <= byte <= 57:
                digits += 1
                value = value * 10.0 + (byte - 48)
                if is_fraction:
                    scale *= 10.0
            elif byte == 46 and not is_fraction:
                is_fraction = True
            else:
                break
            at += 1
        value /= scale
        if digits == 0 or at < end or value > 2.0:
            out[i] = -2
            continue
        nearest = np.rint(value)
        out[i] = np.int8(nearest) if abs(value - nearest) <= within else -3
