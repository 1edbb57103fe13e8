"""Cells read as ids, each one as a whole, in one compiled pass: what `tokens.canonical` says of them, hashed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from matcher.prf import _halves, _sip, _sip_number, siphash24
from matcher.tables.cell_bytes import bytes_of, trimmed
from matcher.tables.scan import LONGEST, SMALLEST_NUMBER
from matcher.tables.tokens import canonical
from matcher.tables.written_numbers import is_digit, is_letter


def hashes_of_cells(key: bytes, cells: Sequence[str]) -> npt.NDArray[np.uint64]:
    """The keyed hash of every cell read as one id, 0 where it cannot be one."""
    return _read_as_ids(key, cells)[0]


def share_of_ids(cells: Sequence[str]) -> float:
    """The share of cells that are in the form of an id."""
    _, forms = _read_as_ids(bytes(16), cells)
    return float(forms.sum()) / max(1, len(cells))


def _read_as_ids(key: bytes, cells: Sequence[str]) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.bool_]]:
    """The hash of every cell as one id, and whether it is in the form of one; `canonical` reads what is odd."""
    data, offsets = bytes_of(cells)
    hashes = np.zeros(offsets.size - 1, dtype=np.uint64)
    forms, odd = np.zeros(hashes.size, dtype=np.bool_), np.zeros(hashes.size, dtype=np.bool_)
    k0, k1 = _halves(key)
    _hash_ids(k0, k1, data, offsets, hashes, forms, odd)
    for i in np.flatnonzero(odd).tolist():
        form = canonical(data[offsets[i] : offsets[i + 1]].tobytes().decode("utf-8", "replace"))
        forms[i] = form is not None
        if isinstance(form, bytes):
            hashes[i] = siphash24(key, form)
        elif form is not None and form >= SMALLEST_NUMBER:
            hashes[i] = siphash24(key, form.to_bytes(8, "little"))
    return hashes, forms


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _hash_ids(  # noqa: C901 - one compiled pass
    k0: Any, k1: Any, data: Any, offsets: Any, hashes: Any, forms: Any, odd: Any
) -> None:
    """What `canonical` makes of each cell, hashed; `odd` are other letters than ASCII, and powers of ten."""
    word = np.empty(LONGEST, dtype=np.uint8)
    for i in range(hashes.shape[0]):
        start, end = offsets[i], offsets[i + 1]
        start, end = trimmed(data, start, end)
        half = (end - start) // 2
        middle = data[start + half] if end > start else 0
        if (end - start) % 2 and (middle == 95 or middle == 45 or middle == 58 or middle == 32):
            is_twice = half > 0
            for k in range(half):
                is_twice = is_twice and data[start + k] == data[start + half + 1 + k]
            end = start + half if is_twice else end
        digits = letters = others = points = pluses = 0
        powers, strange = False, False
        for k in range(start, end):
            byte = data[k]
            if is_digit(byte):
                digits += 1
            elif is_letter(byte):
                letters += 1
                powers = powers or byte | 32 == 101
            else:
                others += 1
                points += 1 if byte == 46 else 0
                pluses += 1 if byte == 43 else 0
                strange = strange or byte >= 128
        may_be_power = powers and letters == 1 and digits >= 2 and others == points + pluses
        if strange or (may_be_power and is_digit(data[start])):
            odd[i] = True
            continue
        if digits and letters == 0:
            # a whole number, perhaps with zeros behind its point
            whole = 0
            value = np.int64(0)
            while start + whole < end and is_digit(data[start + whole]):
                value = value * 10 + (data[start + whole] - 48) if whole < 18 else value
                whole += 1
            is_number = bool(others == 0)
            if others == 1 and points == 1 and 0 < whole < digits:
                is_number = bool(value < 2**53)
                for k in range(start + whole + 1, end):
                    if data[k] != 48:
                        is_number = False
            if is_number and whole <= 18:
                forms[i] = True
                if value >= SMALLEST_NUMBER:
                    hashes[i] = _sip_number(k0, k1, np.uint64(value))
            continue
        length = digits + letters
        if 4 <= length <= LONGEST and 0 < digits < length:
            at = 0
            for k in range(start, end):
                byte = data[k]
                if is_digit(byte) or is_letter(byte):
                    word[at] = byte | 32 if is_letter(byte) else byte
                    at += 1
            forms[i] = True
            hashes[i] = _sip(k0, k1, word, np.int64(0), np.int64(length))
