"""Whole numbers read from bytes as people and programs write them: with marks of thousands, a point, an exponent."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

_LARGEST = np.int64(10**18)


@numba.njit(inline="always")  # type: ignore[untyped-decorator]
def is_digit(byte: Any) -> Any:
    return 48 <= byte <= 57


@numba.njit(inline="always")  # type: ignore[untyped-decorator]
def is_letter(byte: Any) -> Any:
    return 65 <= byte <= 90 or 97 <= byte <= 122


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def written_number(data: Any, at: Any, size: Any) -> Any:  # noqa: C901 - one compiled pass
    """The whole number that starts at `at`, or -1, and where it ends."""
    value = np.int64(0)
    digits = 0
    end = at
    while end < size and is_digit(data[end]):
        if digits < 18:
            value = value * 10 + (data[end] - 48)
        digits += 1
        end += 1
    # thousands: one to three digits, then groups of exactly three after a comma or an apostrophe
    if digits <= 3 and end < size and (data[end] == 44 or data[end] == 39):
        mark = data[end]
        look, whole, groups = end, value, 0
        while (
            look + 3 < size
            and data[look] == mark
            and is_digit(data[look + 1])
            and is_digit(data[look + 2])
            and is_digit(data[look + 3])
            and not (look + 4 < size and is_digit(data[look + 4]))
            and groups < 5
        ):
            whole = whole * 1000 + (
                (data[look + 1] - 48) * 100 + (data[look + 2] - 48) * 10 + (data[look + 3] - 48)
            )
            groups += 1
            look += 4
        if groups >= 1:
            value, end, digits = whole, look, digits + 3 * groups
    decimals = 0  # digits after the point up to the last that is not zero
    places = 0
    if end + 1 < size and data[end] == 46 and is_digit(data[end + 1]):
        look = end + 1
        mantissa = value
        zeros = 0
        while look < size and is_digit(data[look]):
            places += 1
            if data[look] == 48:
                zeros += 1
            else:
                zeros = 0
            if digits + places <= 18:
                mantissa = mantissa * 10 + (data[look] - 48)
            look += 1
        end = look
        decimals = places - zeros
        if digits + places > 18 and decimals > 0:
            return np.int64(-1), end
        if decimals > 0:
            value = mantissa
            for _ in range(zeros):
                value //= 10
    if end < size and (data[end] == 101 or data[end] == 69):
        look = end + 1
        sign = 1
        if look < size and (data[look] == 43 or data[look] == 45):
            sign = -1 if data[look] == 45 else 1
            look += 1
        if look < size and is_digit(data[look]):
            power = 0
            while look < size and is_digit(data[look]):
                power = min(power * 10 + (data[look] - 48), 99)
                look += 1
            end = look
            power = sign * power - decimals
            if power < 0:
                return np.int64(-1), end
            for _ in range(power):
                if value > _LARGEST // 10:
                    return np.int64(-1), end
                value *= 10
            decimals = 0
    if decimals > 0 or digits > 18:
        return np.int64(-1), end
    if end < size and is_letter(data[end]):
        is_last = end + 1 == size or not (is_letter(data[end + 1]) or is_digit(data[end + 1]))
        if data[end] == 76 and is_last:  # L: R says that it is a whole number
            return value, end + 1
        return np.int64(-1), end
    return value, end
