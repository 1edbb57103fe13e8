"""The cells of a column as bytes, looked at in compiled loops: no Python string is made for any of them.

`Looks` says what a column's cells could be, in counts that are never too low. So a pattern need only be tried where
enough cells could be of it, and what is found stays the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from matcher.contents import Cells
from matcher.prf import _buffers

Bytes = npt.NDArray[np.uint8]
Offsets = npt.NDArray[np.int64]

_FILLED, _STRANGE, _AT, _POSTCODE, _TEN_DIGITS, _DIALLED, _NUMBERS, _POINTS = range(8)


@dataclass(frozen=True, slots=True)
class Looks:
    """How many cells of a column look like something; what holds other letters than ASCII counts as everything."""

    filled: int
    """Cells that are not empty."""
    at_signs: int
    postcodes: int
    ten_digits: int
    dialled: int
    """Digits with what stands between those of a telephone number, 9 to 21 characters."""
    numbers: int
    """Cells that are surely a number below 10**12: digits, a sign before them, and one point at the most."""
    points: int
    """Cells that hold a point."""


def bytes_of(cells: Sequence[str]) -> tuple[Bytes, Offsets]:
    """A column's bytes, and where each cell begins and the last one ends; what has no UTF-8 is a question mark."""
    if isinstance(cells, Cells):
        offsets, data, _ = _buffers(cells.arrow)
        return data, offsets
    encoded = [cell.encode(errors="replace") for cell in cells]
    offsets = np.zeros(len(encoded) + 1, dtype=np.int64)
    np.cumsum([len(cell) for cell in encoded], out=offsets[1:])
    return np.frombuffer(b"".join(encoded), dtype=np.uint8), offsets


def lines_of(cells: Sequence[str]) -> Bytes:
    """A column's bytes with a line break between cells."""
    data, offsets = bytes_of(cells)
    if offsets.size < 2:
        return np.zeros(0, dtype=np.uint8)
    lines = np.empty(int(offsets[-1] - offsets[0]) + offsets.size - 2, dtype=np.uint8)
    _in_lines(data, offsets, lines)
    return lines


def picked(pieces: Sequence[Sequence[str]], first: int, step: int) -> Cells:
    """Every so many cells of a column that is in pieces, from the first on, as a column of its own."""
    read = [bytes_of(cells) for cells in pieces]
    count = sum(offsets.size - 1 for _, offsets in read)
    ends = np.zeros(len(range(first, count, step)) + 1, dtype=np.int64)
    room = np.empty(sum(int(offsets[-1] - offsets[0]) for _, offsets in read), dtype=np.uint8)
    passed, kept = 0, 0
    for data, offsets in read:
        kept = _pick(
            data,
            offsets,
            max(0, first - passed) if passed <= first else (first - passed) % step,
            step,
            ends,
            kept,
            room,
        )
        passed += offsets.size - 1
    import pyarrow as pa

    used = room[: ends[-1]].copy()
    buffers = [None, pa.py_buffer(ends), pa.py_buffer(used)]
    return Cells(pa.Array.from_buffers(pa.large_string(), ends.size - 1, buffers))


def looks_of(cells: Sequence[str]) -> Looks:
    """What the cells of a column could be."""
    data, offsets = bytes_of(cells)
    counts = np.zeros(8, dtype=np.int64)
    _look(data, offsets, counts)
    strange = counts[_STRANGE]
    return Looks(
        filled=int(counts[_FILLED]),
        at_signs=int(counts[_AT] + strange),
        postcodes=int(counts[_POSTCODE] + strange),
        ten_digits=int(counts[_TEN_DIGITS] + strange),
        dialled=int(counts[_DIALLED] + strange),
        numbers=int(counts[_NUMBERS]),
        points=int(counts[_POINTS]),
    )


@numba.njit(inline="always")  # type: ignore[untyped-decorator]
def is_blank(byte: Any) -> Any:
    """Whether `str.strip` takes it away, among ASCII."""
    return byte == 32 or 9 <= byte <= 13 or 28 <= byte <= 31


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _in_lines(data: Any, offsets: Any, lines: Any) -> None:
    at = 0
    for i in range(offsets.shape[0] - 1):
        if i:
            lines[at] = 10
            at += 1
        for k in range(offsets[i], offsets[i + 1]):
            lines[at] = data[k]
            at += 1


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _pick(data: Any, offsets: Any, first: Any, step: Any, ends: Any, kept: Any, room: Any) -> Any:
    """Copies some cells behind those that are kept already; answers how many are kept now."""
    at = ends[kept]
    for i in range(first, offsets.shape[0] - 1, step):
        for k in range(offsets[i], offsets[i + 1]):
            room[at] = data[k]
            at += 1
        kept += 1
        ends[kept] = at
    return kept


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _look(data: Any, offsets: Any, counts: Any) -> None:  # noqa: C901 - one compiled pass
    for i in range(offsets.shape[0] - 1):
        start, end = offsets[i], offsets[i + 1]
        if start == end:
            continue
        counts[_FILLED] += 1
        digits = signs = points = at_signs = 0
        strange = False
        for k in range(start, end):
            byte = data[k]
            if 48 <= byte <= 57:
                digits += 1
            elif byte >= 128:
                strange = True
            elif byte == 46:
                points += 1
            elif byte == 32 or byte == 40 or byte == 41 or byte == 43 or byte == 45:
                signs += 1
            elif byte == 64:
                at_signs += 1
        if points:
            counts[_POINTS] += 1
        if strange:
            counts[_STRANGE] += 1
            continue
        if at_signs:
            counts[_AT] += 1
        while start < end and is_blank(data[start]):
            start += 1
        while end > start and is_blank(data[end - 1]):
            end -= 1
        size = end - start
        if size < 1:
            continue
        if 5 <= size <= 8 and 65 <= data[end - 1] <= 90 and 65 <= data[end - 2] <= 90:
            counts[_POSTCODE] += 1
        if digits == 10 and size <= 12:
            counts[_TEN_DIGITS] += 1
        # blanks around the cell may be among the signs: the count is high then, never low
        if 9 <= size <= 21 and digits >= 2 and digits + points + signs >= size:
            counts[_DIALLED] += 1
        lead = 1 if data[start] == 45 or data[start] == 43 else 0
        if digits >= 1 and digits + points + lead == size and points <= 1 and size <= 12:
            counts[_NUMBERS] += 1
