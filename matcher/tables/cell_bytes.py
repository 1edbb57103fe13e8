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


def bytes_of(cells: Sequence[str], most: int | None = None) -> tuple[Bytes, Offsets]:
    """A column's bytes, and where each cell begins and the last one ends; what has no UTF-8 is a question mark.

    With `most` only the first so many cells are told of.
    """
    if isinstance(cells, Cells):
        if cells.window is None:
            offsets, data, _ = _buffers(cells.arrow)
            cells.window = _sealed(data, offsets)
        data, offsets = cells.window
        return data, offsets if most is None else offsets[: most + 1]
    encoded = [cell.encode(errors="replace") for cell in cells[:most]]
    offsets = np.zeros(len(encoded) + 1, dtype=np.int64)
    np.cumsum([len(cell) for cell in encoded], out=offsets[1:])
    return _sealed(np.frombuffer(b"".join(encoded), dtype=np.uint8), offsets)


def _sealed(data: Bytes, offsets: Offsets) -> tuple[Bytes, Offsets]:
    """Both as arrays that nobody writes to, wherever they come from: else each loop is compiled for either kind."""
    data.flags.writeable = offsets.flags.writeable = False
    return data, offsets


def picked(pieces: Sequence[Sequence[str]], first: int, step: int) -> Cells:
    """Every so many cells of a column that is in pieces, from the first on, as a column of its own."""
    read = [bytes_of(cells) for cells in pieces]
    if step == 1:
        return _joined(read, first)
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
    return _cells_of(room[: ends[-1]].copy(), ends)


def _joined(read: Sequence[tuple[Bytes, Offsets]], first: int) -> Cells:
    """The cells of some pieces from the first on, in blocks and not cell by cell."""
    data: list[Bytes] = [np.zeros(0, dtype=np.uint8)]
    ends: list[Offsets] = [np.zeros(1, dtype=np.int64)]
    size = 0
    for letters, offsets in read:
        kept = offsets[min(first, offsets.size - 1) :]
        first = max(0, first - offsets.size + 1)
        data.append(letters[kept[0] : kept[-1]])
        ends.append(kept[1:] + (size - kept[0]))
        size += data[-1].size
    return _cells_of(np.concatenate(data), np.concatenate(ends))


def first_of(cells: Sequence[str], most: int) -> Cells:
    """So many cells from the first on, copied, so that they hold nothing of the column that they are from."""
    data, offsets = bytes_of(cells, most)
    return _cells_of(data[offsets[0] : offsets[-1]].copy(), offsets - offsets[0])


def _cells_of(data: Bytes, ends: Offsets) -> Cells:
    import pyarrow as pa

    buffers = [None, pa.py_buffer(ends), pa.py_buffer(data)]
    cells = Cells(pa.Array.from_buffers(pa.large_string(), ends.size - 1, buffers))
    cells.window = _sealed(data, ends)
    return cells


def looks_of(cells: Sequence[str], most: int | None = None) -> Looks:
    """What the cells of a column could be, or the first so many of them."""
    data, offsets = bytes_of(cells, most)
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


def small_counts(cells: Sequence[str]) -> int | None:
    """Cells that are a count of 1 to 4; None where other blanks than ASCII's may stand around one."""
    data, offsets = bytes_of(cells)
    few = int(_few(data, offsets))
    return None if few < 0 else few


def id_shapes(cells: Sequence[str]) -> tuple[int, int] | None:
    """Cells that are not blank, and those of them that have the shape of an id; None where one is not ASCII.

    The shape: 5 to 12 digits, once or twice with a hyphen or underscore between; or 6 to 40 letters, digits,
    hyphens and underscores that begin with letters and then a digit, or with digits and then a letter.
    """
    return _id_shapes(*bytes_of(cells))


def id_lines(text: str) -> tuple[int, int] | None:
    """The same of the lines of a text."""
    if not text.isascii():
        return None
    data = np.frombuffer(text.encode(), dtype=np.uint8)
    # all that ends a line is a blank, so it may stand at the beginning of the next one
    controls = np.flatnonzero(data < 31)
    breaks = controls[(data[controls] >= 28) | ((data[controls] >= 10) & (data[controls] <= 13))]
    return _id_shapes(*_sealed(data, np.concatenate([[0], breaks, [data.size]])))


def _id_shapes(data: Bytes, offsets: Offsets) -> tuple[int, int] | None:
    counts = np.zeros(2, dtype=np.int64)
    return (int(counts[0]), int(counts[1])) if _count_ids(data, offsets, counts) else None


def holds(cells: Sequence[str], text: str) -> bool:
    """Whether one of the cells is this text; strings are made only where its bytes stand somewhere among theirs."""
    data, offsets = bytes_of(cells)
    window = data[offsets[0] : offsets[-1]].tobytes()
    return text.encode(errors="replace") in window and text in cells


@numba.njit(inline="always")  # type: ignore[untyped-decorator]
def is_blank(byte: Any) -> Any:
    """Whether `str.strip` takes it away, among ASCII."""
    return byte == 32 or 9 <= byte <= 13 or 28 <= byte <= 31


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def trimmed(data: Any, start: Any, end: Any) -> Any:
    """Where a cell begins and ends without the blanks round it."""
    while start < end and is_blank(data[start]):
        start += 1
    while end > start and is_blank(data[end - 1]):
        end -= 1
    return start, end


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
        start, end = trimmed(data, start, end)
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


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _few(data: Any, offsets: Any) -> Any:
    """Cells of `1` to `4`, also with `.0` behind; -1 where one may have strange blanks around it."""
    few = 0
    for i in range(offsets.shape[0] - 1):
        start, end = offsets[i], offsets[i + 1]
        start, end = trimmed(data, start, end)
        if start == end:
            continue
        if data[start] >= 128 or data[end - 1] >= 128:
            return -1
        if end - start == 3 and data[start + 1] == 46 and data[start + 2] == 48:
            end -= 2
        if end - start == 1 and 49 <= data[start] <= 52:
            few += 1
    return few


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _count_ids(data: Any, offsets: Any, counts: Any) -> Any:
    """Counts cells that are not blank and those like an id; False where one is not ASCII."""
    for i in range(offsets.shape[0] - 1):
        start, end = offsets[i], offsets[i + 1]
        for k in range(start, end):
            if data[k] >= 128:
                return False
        start, end = trimmed(data, start, end)
        if start < end:
            counts[0] += 1
            counts[1] += 1 if _is_id(data, start, end) else 0
    return True


@numba.njit(inline="always")  # type: ignore[untyped-decorator]
def _kind_of_byte(byte: Any) -> Any:
    """1 a digit, 2 a letter, 3 what may stand between them, 0 anything else."""
    if 48 <= byte <= 57:
        return 1
    if 65 <= byte <= 90 or 97 <= byte <= 122:
        return 2
    return 3 if byte == 45 or byte == 95 else 0


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _is_id(data: Any, start: Any, end: Any) -> Any:
    first = _kind_of_byte(data[start])
    if end - start > 40 or first == 0 or first == 3:
        return False
    run = start
    while run < end and _kind_of_byte(data[run]) == first:
        run += 1
    if first == 1 and 5 <= run - start <= 12:
        if run == end:
            return True
        # 12345_67890: digits, one sign, digits to the end
        if _kind_of_byte(data[run]) == 3 and 5 <= end - run - 1 <= 12:
            others = 0
            for k in range(run + 1, end):
                others += 0 if _kind_of_byte(data[k]) == 1 else 1
            if not others:
                return True
    if run == end or _kind_of_byte(data[run]) != 3 - first or end - start < 6:
        return False
    others = 0
    for k in range(run, end):
        others += 1 if _kind_of_byte(data[k]) == 0 else 0
    return others == 0
