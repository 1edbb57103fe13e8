"""Loops over the bytes of lists of variants and of people, compiled."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

_TAB, _SPACE = 9, 32
_ZERO, _NINE = 48, 57


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator,unused-ignore]
def scan_columns(data: Any, delimiter: int, slots: Any, out: Any, ends: Any) -> int:  # noqa: C901 - as above
    """Copies the cells of some columns, each ended by a line feed; gives how many lines there are.

    `slots[c]` is the row of `out` that gets column c, or -1; `ends` gets how much of each row is filled. A blank as
    the delimiter stands for any run of blanks and tabs. Gives -1 where a line has fewer cells than `slots`, or a byte
    that is not plain ASCII text: such lines are a slower reader's work.
    """
    at, lines, size, blank = 0, 0, data.size, delimiter == _SPACE
    while at < size:
        column = 0
        while True:
            while blank and at < size and (data[at] == _SPACE or data[at] == _TAB or data[at] == 13):
                at += 1
            if at == size or (data[at] == 10 and (blank or column == 0)):
                break
            start = at
            while at < size and 32 < data[at] < 127:
                at += 1
            if column < slots.size and slots[column] >= 0:
                slot = slots[column]
                end = ends[slot]
                for one in range(start, at):
                    out[slot, end] = data[one]
                    end += 1
                out[slot, end] = 10
                ends[slot] = end + 1
            column += 1
            if blank:
                if (
                    at < size
                    and data[at] != 10
                    and data[at] != _SPACE
                    and data[at] != _TAB
                    and data[at] != 13
                ):
                    return -1
                continue
            if at < size and data[at] == 13 and (at + 1 == size or data[at + 1] == 10):
                at += 1
            if at == size or data[at] == 10:
                break
            if data[at] != _TAB:
                return -1
            at += 1
            if at == size:  # an empty cell ends the block: rare enough
                return -1
        if column and column < slots.size:
            return -1
        lines += column > 0
        at += 1
    return lines


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator,unused-ignore]
def count_lines(data: Any) -> int:
    """How many lines have more than blanks in them."""
    count, is_empty = 0, True
    for at in range(data.size):
        byte = data[at]
        if byte == 10:
            count += not is_empty
            is_empty = True
        elif byte != _SPACE and byte != _TAB and byte != 13 and byte != 0:
            is_empty = False
    return count + (not is_empty)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator,unused-ignore]
def scan_positions(data: Any, out: Any) -> None:
    """The numbers of lines of digits; 0 of a line of anything else, and of one with more than 12 digits."""
    value, digits, fits, line = 0, 0, True, 0
    for at in range(data.size):
        byte = data[at]
        if byte == 10:
            out[line] = value if fits and 0 < digits <= 12 else 0
            value, digits, fits = 0, 0, True
            line += 1
        elif _ZERO <= byte <= _NINE:
            digits += 1
            value = value * 10 + byte - _ZERO if digits <= 12 else 0
        else:
            fits = False


def prepare() -> None:
    """Compiles every loop for the types that readers hand it."""
    data = np.frombuffer(b"0\t1\n", np.uint8)
    scan_columns(data, _TAB, np.array([0, -1]), np.zeros((1, 8), np.uint8), np.zeros(1, np.int64))
    count_lines(data)
    scan_positions(data, np.zeros(1, np.int64))
