"""Loops over packed calls and over dosages, compiled."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Calls = npt.NDArray[np.int8]


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator,unused-ignore]
def one_missing(calls: Any) -> None:
    """Every number below 0 becomes -1; NumPy's own `maximum` of bytes takes ten times longer."""
    for row in range(calls.shape[0]):
        for sample in range(calls.shape[1]):
            calls[row, sample] = max(calls[row, sample], np.int8(-1))


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator,unused-ignore]
def _unpack_words(rows: Any, table: Any, out: Any) -> None:
    for row in range(out.shape[0]):
        for byte in range(out.shape[1]):
            out[row, byte] = table[rows[row, byte]]


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator,unused-ignore]
def _unpack_odd(rows: Any, table: Any, out: Any) -> None:
    whole = np.empty((out.shape[1] + 3) // 4, np.uint32)
    calls = whole.view(np.int8)
    for row in range(out.shape[0]):
        for byte in range(whole.size):
            whole[byte] = table[rows[row, byte]]
        for sample in range(out.shape[1]):
            out[row, sample] = calls[sample]


def unpack_bed(rows: Bytes, table: Calls, out: Calls) -> None:
    """The calls of a .bed's rows (variants × bytes); `table` is byte × 4 calls, which are written as one word."""
    words = np.ascontiguousarray(table).view(np.uint32)[:, 0]
    if out.shape[1] % 4 == 0:
        _unpack_words(rows, words, out.view(np.uint32))
    else:
        _unpack_odd(rows, words, out)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator,unused-ignore]
def round_dosages(dosages: Any, sure_within: float, out: Any) -> None:
    """Dosages from 0 to 2 as calls; what is between two calls, outside, or no number is missing."""
    for at in range(dosages.size):
        value = dosages[at]
        whole = np.floor(value + 0.5)
        is_call = (np.abs(value - whole) <= sure_within) & (whole >= 0) & (whole <= 2)
        out[at] = np.int8(whole if is_call else -1.0)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator,unused-ignore]
def whole_calls(numbers: Any, out: Any) -> None:
    """Whole numbers as calls; what is not 0, 1 or 2 is missing."""
    for at in range(numbers.size):
        out[at] = numbers[at] if 0 <= numbers[at] <= 2 else np.int8(-1)


def prepare() -> None:
    """Compiles every loop for the types that readers hand it."""
    calls = np.zeros((1, 4), np.int8)
    for width in (np.float32, np.float64):
        round_dosages(np.zeros(4, width), 0.25, calls[0])
    round_dosages(np.frombuffer(bytes(16), np.float32), 0.25, calls[0])
    for numbers in (calls[0], np.frombuffer(bytes(4), np.int8)):
        whole_calls(numbers, calls[0])
    table = np.zeros((256, 4), np.int8)
    for rows in (np.zeros((1, 1), np.uint8), np.frombuffer(b"\0", np.uint8).reshape(1, 1)):
        for people in (3, 4):
            unpack_bed(rows, table, np.zeros((1, people), np.int8))
    one_missing(calls)
