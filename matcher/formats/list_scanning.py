"""Loops over the bytes of lists of variants and of people, and of one person's arrays, compiled."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

_TAB, _SPACE = 9, 32
_ZERO, _NINE, _QUOTE = 48, 57, 34
_WORD = np.array([chr(byte).isalnum() or chr(byte) in "_.:-" for byte in range(128)] + [False] * 128)
"""Bytes of a variant's name."""
_BETWEEN = np.isin(np.arange(256), (44, _TAB, _SPACE))
_BASES = np.full(256, -1, np.int16)
"""0…3 for A, C, G, T; 255 for the marks of a missing call, -1 for anything else."""
_BASES[[65, 67, 71, 84, 68, 73, 48, 45]] = [0, 1, 2, 3, 255, 255, 255, 255]


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
            slot = slots[column] if column < slots.size else -1
            if slot < 0:
                while at < size and 32 < data[at] < 127:
                    at += 1
            else:
                end = ends[slot]
                while at < size and 32 < data[at] < 127:
                    out[slot, end] = data[at]
                    end += 1
                    at += 1
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
                while column == slots.size and at < size and data[at] != 10:
                    at += 1
                continue
            if at < size and data[at] == 13 and (at + 1 == size or data[at + 1] == 10):
                at += 1
            if at == size or data[at] == 10:
                break
            if data[at] != _TAB:
                return -1
            if column == slots.size:
                while at < size and data[at] != 10:
                    at += 1
                break
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


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator,unused-ignore]
def _chromosome(data: Any, start: int, end: int) -> int:
    """Of `9` its number, of `09` 10 more; 110… for X, Y, XY, M, MT and PAR; -1 of anything else."""
    one = int(data[start]) if start < end else 0
    two = int(data[start + 1]) if start + 1 < end else 0
    if end - start == 1:
        if _ZERO <= one <= _NINE:
            return one - _ZERO
        return 110 if one == 88 else 111 if one == 89 else 113 if one == 77 else -1
    if end - start == 2:
        if _ZERO <= one <= _NINE and _ZERO <= two <= _NINE:
            return 10 + 10 * (one - _ZERO) + two - _ZERO
        return 112 if one == 88 and two == 89 else 114 if one == 77 and two == 84 else -1
    is_par = end - start == 3 and one == 80 and two == 65 and data[start + 2] == 82
    return 115 if is_par else -1


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator,unused-ignore]
def _scan_call(data: Any, at: int) -> tuple[int, int]:
    """The two letters behind a position, one standing for both; -1 where it is something else."""
    at += data[at] == _QUOTE
    first = _BASES[data[at]]
    at += first >= 0
    at += data[at] == _QUOTE
    behind, second = at, first
    behind += _BETWEEN[data[behind]]
    behind += data[behind] == _QUOTE
    if _BASES[data[behind]] >= 0:
        second = _BASES[data[behind]]
        at = behind + 1
        at += data[at] == _QUOTE
    while data[at] == _SPACE or data[at] == _TAB or 11 <= data[at] <= 13:
        at += 1
    return (first, second) if data[at] == 10 and first >= 0 else (-1, -1)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator,unused-ignore]
def scan_person(
    data: Any, names: Any, chromosomes: Any, positions: Any, alleles: Any, calls: Any
) -> tuple[int, int]:
    """The variants of one person's array, a line each, all ended: name, chromosome, position, one or two letters.

    Gives how many there are and how much of `names` is filled (each ended by a line feed); lines of another kind, and
    those without a letter, are passed over. `chromosomes` gets codes of `_chromosome`, `alleles` (2 × variants) 0…3
    for A, C, G, T and 4 for none, `calls` counts of the second allele. Every line's end stops every loop.
    """
    count, filled, at = 0, 0, 0
    while at < data.size:
        while data[at] == _SPACE or data[at] == 13:
            at += 1
        at += data[at] == _QUOTE
        name, end = at, filled
        while _WORD[data[at]]:
            names[end] = data[at]
            end += 1
            at += 1
        low = high = -1
        chromosome, position, digits = -1, 0, 0
        at += data[at] == _QUOTE
        if _BETWEEN[data[at]] and 2 <= end - filled <= 41 and 97 <= data[name] | 32 <= 122:
            at += 1
            at += data[at] == _QUOTE
            cell = at
            while _WORD[data[at]]:
                at += 1
            chromosome = _chromosome(data, cell, at)
            at += data[at] == _QUOTE
        if chromosome >= 0 and _BETWEEN[data[at]]:
            at += 1
            at += data[at] == _QUOTE
            while _ZERO <= data[at] <= _NINE and digits < 11:
                position = position * 10 + data[at] - _ZERO
                at += 1
                digits += 1
            at += data[at] == _QUOTE
            if 1 <= digits <= 10 and _BETWEEN[data[at]]:
                low, high = _scan_call(data, at + 1)
        while data[at] != 10:
            at += 1
        at += 1
        if low > high:
            low, high = high, low
        if low < 0 or low == 255:
            continue
        is_two = low < high < 255
        names[end] = 10
        filled = end + 1
        chromosomes[count], positions[count] = chromosome, position
        alleles[0, count], alleles[1, count] = low, high if is_two else 4
        calls[count] = 1 if is_two else 0 if low == high else -1
        count += 1
    return count, filled


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator,unused-ignore]
def scan_digits(rows: Any, out: Any) -> bool:
    """Digits of a .geno (variants × people and what ends the line) as calls; False where a line ends elsewhere."""
    people = out.shape[1]
    for row in range(out.shape[0]):
        odd = 0
        for one in range(people):
            byte = rows[row, one]
            odd |= (byte == 10) | (byte == 13)
            out[row, one] = np.int8(byte - _ZERO) if _ZERO <= byte <= 50 else np.int8(-1)
        if odd or rows[row, rows.shape[1] - 1] != 10:
            return False
    return True


def prepare() -> None:
    """Compiles every loop for the types that readers hand it."""
    data = np.frombuffer(b"0\t1\n", np.uint8)
    scan_columns(data, _TAB, np.array([0, -1]), np.zeros((1, 8), np.uint8), np.zeros(1, np.int64))
    count_lines(data)
    scan_positions(data, np.zeros(1, np.int64))
    places, calls = np.zeros(1, np.int64), np.zeros(1, np.int8)
    scan_person(data, np.zeros(8, np.uint8), np.zeros(1, np.uint8), places, np.zeros((2, 1), np.uint8), calls)
    scan_digits(data.reshape(1, 4), np.zeros((1, 3), np.int8))
