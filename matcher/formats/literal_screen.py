"""Where in a text flat lists of plain values stand close enough to be a table: one compiled pass over its bytes.

A screen for `literal_items`, which reads what is found: it may let through what is none, and ordinary code, whose
calls and short lists make no table, passes at the speed of memory.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

_LEAST_CELLS = 20
_NEAREST, _NEAR, _FAR = 60, 250, 4_000
"""Letters between lists of two cells, of a few, and of more, which are columns with something left out between."""
_BORDER = 9_000
"""Letters at either end of a piece of which everything is let through: a table may go on in the next."""
_MOST_REGIONS = 4_096
_LONGEST = 256
_LONGEST_STRING, _LONGEST_CALL, _LONGEST_COMMENT = 2_000, 120, 300
_LITERALS = (
    "NA", "NA_integer_", "NA_real_", "NA_character_", "NaN", "nan", "NaT", "None", "null", "NULL", "nil", "undefined",
    "missing", "nothing", "true", "false", "True", "False", "TRUE", "FALSE", "T", "F", "pd.NA", "pd.NaT", "np.nan",
    "np.NaN", "numpy.nan", "math.nan",
)  # fmt: skip

_OTHER, _BLANK, _COMMA, _OPENS, _CLOSES, _QUOTE, _NUMERIC, _LETTER, _COMMENT, _ASSIGNS, _TILDE = range(11)


def _kinds() -> npt.NDArray[np.uint8]:
    kinds = np.zeros(256, np.uint8)
    signs = {
        _BLANK: " \t\r\n\f",
        _COMMA: ",;",
        _OPENS: "[({",
        _CLOSES: "])}",
        _QUOTE: "\"'`",
        _COMMENT: "#%/",
    }
    signs |= {_NUMERIC: "0123456789+-.", _ASSIGNS: "=:>", _TILDE: "~", _LETTER: "_"}
    for kind, some in signs.items():
        kinds[[ord(sign) for sign in some]] = kind
    kinds[ord("A") : ord("Z") + 1] = kinds[ord("a") : ord("z") + 1] = _LETTER
    return kinds


def _mixed(word: bytes) -> int:
    mixed = 0
    for byte in word:
        mixed = (mixed * 131 + byte) & 0xFFFFFFFF
    return mixed


_KINDS = _kinds()
_WORDS = np.array(sorted(_mixed(word.encode()) for word in _LITERALS), np.uint32)
_BYTES = numba.types.Array(numba.uint8, 1, "C", readonly=True)
_INT = numba.int64


def regions_of(text: str, *, is_first: bool, is_last: bool) -> list[tuple[int, int]]:
    """Stretches of a piece that may hold a table; with its ends, where it is not the first or last of its text."""
    data = np.frombuffer(text.encode("latin-1", "replace"), np.uint8)  # a byte for each letter
    regions = np.zeros((_MOST_REGIONS, 2), np.int64)
    first = -1 if is_first else _BORDER
    last = data.size if is_last else data.size - _BORDER
    count = _screened(data, first, last, regions)
    return [(start, end) for start, end in regions[:count].tolist()]


@numba.njit(_INT(_BYTES, _INT, _INT), cache=True, nogil=True)  # type: ignore[untyped-decorator,unused-ignore]
def _behind_string(data: Any, at: int, end: int) -> int:
    """Where the string that begins at a quote ends; -1 where it does not on its line."""
    quote, at = data[at], at + 1
    stop = min(end, at + _LONGEST_STRING)
    while at < stop:
        if data[at] == quote:
            return at + 1
        if data[at] == 10:
            return -1
        at += 2 if data[at] == 92 else 1
    return -1


@numba.njit(_INT(_BYTES, _INT, _INT), cache=True, nogil=True)  # type: ignore[untyped-decorator,unused-ignore]
def _behind_word(data: Any, at: int, end: int) -> int:
    """Where a word or number ends that begins here."""
    stop = min(end, at + _LONGEST)
    while at < stop:
        kind = _KINDS[data[at]]
        if kind != _LETTER and kind != _NUMERIC:
            return at
        if (data[at] == 43 or data[at] == 45) and (data[at - 1] | 32) != 101:
            return at
        at += 1
    return at


@numba.njit(numba.boolean(_BYTES, _INT, _INT, _INT), cache=True, nogil=True)  # type: ignore[untyped-decorator,unused-ignore]
def _is_word_of_list(data: Any, start: int, behind: int, end: int) -> bool:
    """Whether a word is a literal, a key, or the name of a call that may wrap one."""
    mixed = np.uint32(0)
    for at in range(start, behind):
        mixed = np.uint32(mixed * np.uint32(131) + data[at])
    at = behind
    while at < end and at < behind + 20 and _KINDS[data[at]] == _BLANK:
        at += 1
    if at < end and (data[at] == 40 or _KINDS[data[at]] == _ASSIGNS):
        return True
    for word in _WORDS:  # noqa: SIM110 - compiled
        if word == mixed:
            return True
    return False


@numba.njit(  # type: ignore[untyped-decorator,unused-ignore]
    _INT(_INT, _INT, _INT, _INT[:, ::1], _INT[:, ::1], _INT, numba.boolean), cache=True, nogil=True
)
def _noted(start: int, end: int, cells: int, near: Any, regions: Any, count: int, is_at_border: bool) -> int:
    """Adds a list to those of its length; where they are a table's, its stretch to the regions."""
    if cells < 2:
        return count
    first = start
    if cells < _LONGEST:
        reach = max(_FAR, 16 * cells) if cells >= _LEAST_CELLS // 3 else _NEAR if cells > 2 else _NEAREST
        if start - near[cells, 1] > reach:
            near[cells, 0], near[cells, 2] = start, 0
        near[cells, 1] = end
        near[cells, 2] += cells
        if near[cells, 2] < _LEAST_CELLS and not is_at_border:
            return count
        first = near[cells, 0]
    while count and regions[count - 1, 1] >= first:
        count -= 1
        first = min(first, regions[count, 0])
    if count >= regions.shape[0]:
        count -= 1
        first = regions[count, 0]
    regions[count, 0], regions[count, 1] = first, end
    return count + 1


@numba.njit(_INT(_BYTES, _INT, _INT, _INT[:, ::1]), cache=True, nogil=True)  # type: ignore[untyped-decorator,unused-ignore]
def _screened(data: Any, first: int, last: int, regions: Any) -> int:  # noqa: C901 - one pass over bytes, compiled
    near = np.full((_LONGEST, 3), -(1 << 40), np.int64)
    count, at, end = 0, 0, data.size
    start, cells, is_live = 0, 0, False
    outer, outer_cells, has_outer = 0, 0, False
    while at < end:
        if not is_live:
            while at < end and _KINDS[data[at]] != _OPENS:
                at += 1
            if at == end:
                break
        kind = _KINDS[data[at]]
        if kind == _OPENS:
            before = _KINDS[data[at - 1]] if at > 0 else _OTHER
            has_outer = is_live and data[at] == 40 and before in (_LETTER, _NUMERIC)
            if has_outer:
                outer, outer_cells = start, cells
            start, cells, is_live = at, 0, True
            at += 1
        elif kind in (_BLANK, _COMMA):
            at += 1
        elif kind == _CLOSES:
            is_at_border = start < first or at > last
            count = _noted(start, at + 1, cells, near, regions, count, is_at_border)
            is_live = has_outer and at - start < _LONGEST_CALL
            start, cells, has_outer = outer, outer_cells + 1, False
            at += 1
        elif kind == _QUOTE:
            behind = _behind_string(data, at, end)
            is_live = behind > 0
            cells += 1
            at = behind if is_live else at + 1
        elif kind == _NUMERIC:
            behind = max(at + 1, _behind_word(data, at + 1, end))
            is_dots = data[at] == 46 and behind - at == 3
            is_live = is_dots or behind - at > 1 or 48 <= data[at] <= 57
            cells += not is_dots
            at = behind
        elif kind in (_LETTER, _TILDE):
            if kind == _TILDE and at + 1 < end and data[at + 1] == 96:
                at += 1  # a name in backticks is read as a string
                continue
            behind = max(at + 1, _behind_word(data, at + 1, end))
            is_live = kind == _TILDE or _is_word_of_list(data, at, behind, end)
            is_call = behind < end and data[behind] == 40
            cells += not is_call
            at = behind
        elif kind == _ASSIGNS:
            is_live = not (data[at] == 61 and at + 1 < end and data[at + 1] == 61)
            cells -= data[at] != 62
            at += 1
        elif kind == _COMMENT:
            is_live = data[at] != 47 or (at + 1 < end and data[at + 1] == 47)
            stop = min(end, at + _LONGEST_COMMENT)
            while is_live and at < stop and data[at] != 10:
                at += 1
            at += not is_live
        else:
            is_live = False
    if is_live:
        count = _noted(start, end, max(cells, 2), near, regions, count, True)
    return count
