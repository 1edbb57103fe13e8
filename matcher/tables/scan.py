"""Numbers, and words that mix letters with digits, found in bytes and hashed: one pass, compiled.

Numbers are read as people and programs write them: `1234567`, `1,234,567`, `1234567.0`, `1.234567e+06`; a number with a
fraction is none. Words are also read across `-`, `_` and `.`, as one. A number that some letters stand right before
(`ukb1234567`) or that R wrote as a whole one (`1234567L`) is both. Each is kept once, and hashed once, at the end.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from matcher.prf import _sip, _sip_number
from matcher.tables.distinct import (
    NUMBERS,
    NUMBERS_WAIT,
    SMALLEST,
    WAITING_NUMBERS,
    WAITING_WORDS,
    WORDS,
    WORDS_WAIT,
    keep_numbers,
    keep_words,
    listed_numbers,
    new_numbers,
    new_words,
    spread_word,
    wider_numbers,
    wider_words,
)
from matcher.tables.written_numbers import is_digit, is_letter, written_number

LONGEST = 64
"""Letters and digits of the longest id."""
SMALLEST_NUMBER = 100
"""Smaller whole numbers are counts, codes and ages everywhere."""

MOST_LETTERS_BEFORE = 8
FEWEST_DIGITS_BEHIND = 5
"""A number right behind some letters has so many digits; `rs` before it names a variant, a 0 at its start a gene."""

_DIGIT, _LETTER, _JOINER, _MARK = 1, 2, 4, 8
_DIGIT_OR_LETTER = _DIGIT | _LETTER


def _kinds() -> npt.NDArray[np.uint8]:
    """What every byte is: nothing, a digit, a letter, what joins the pieces of a word, a mark of thousands."""
    kinds = np.zeros(256, dtype=np.uint8)
    for bytes_, kind in ((b"0123456789", _DIGIT), (b"-_.", _JOINER), (b",'", _MARK)):
        kinds[list(bytes_)] = kind
    for byte in range(26):
        kinds[[65 + byte, 97 + byte]] = _LETTER
    return kinds


_KINDS = _kinds()
_LOWER = np.where(_KINDS == _LETTER, np.arange(256) | 32, np.where(_KINDS == _DIGIT, np.arange(256), 0))
_LOWER = _LOWER.astype(np.uint8)
"""Letters in lower case and digits; 0 for every other byte."""


@numba.njit(forceinline=True, nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _number_behind_letters(data: Any, begin: Any, stop: Any) -> Any:
    """The number of a piece that is some letters and then digits, or -1."""
    at = begin
    while at < stop and _KINDS[data[np.uint64(at)]] == _LETTER:
        at += 1
    letters, digits = at - begin, stop - at
    if not (1 <= letters <= MOST_LETTERS_BEFORE and FEWEST_DIGITS_BEHIND <= digits <= 18):
        return np.int64(-1)
    is_variant = (
        letters == 2 and data[np.uint64(begin)] | 32 == 114 and data[np.uint64(begin + 1)] | 32 == 115
    )
    if is_variant or data[np.uint64(at)] == 48:
        return np.int64(-1)
    value = np.int64(0)
    while at < stop:
        if _KINDS[data[np.uint64(at)]] != _DIGIT:
            return np.int64(-1)
        value = value * 10 + (data[np.uint64(at)] - 48)
        at += 1
    return value


@numba.njit(forceinline=True, nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _plain_number(data: Any, at: Any, size: Any) -> Any:
    """The whole number of digits alone, -1 with a fraction, and its end: `at` where it must be read with care."""
    end = at
    value = np.int64(0)
    while end < size and _KINDS[data[np.uint64(end)]] == _DIGIT:
        value = value * 10 + (data[np.uint64(end)] - 48)
        end += 1
    if end - at > 18:
        value = np.int64(-1)
    if end + 1 < size and data[np.uint64(end)] == 46:
        digits = end + 1
        end += 1
        while end < size and _KINDS[data[np.uint64(end)]] == _DIGIT:
            if data[np.uint64(end)] != 48:
                value = np.int64(-1)
            end += 1
        if end == digits or (end < size and _KINDS[data[np.uint64(end)]] & (_LETTER | _JOINER)):
            return value, at
    elif end < size and _KINDS[data[np.uint64(end)]]:
        if _KINDS[data[np.uint64(end)]] != _MARK:
            return value, at
        # thousands need three digits behind the mark
        if (
            end - at <= 3
            and end + 3 < size
            and is_digit(data[np.uint64(end + 1)])
            and is_digit(data[np.uint64(end + 2)])
            and is_digit(data[np.uint64(end + 3)])
        ):
            return value, at
    return value, end


@numba.njit(forceinline=True, nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _next_digit(data: Any, at: Any, size: Any) -> Any:
    """Where the next digit stands, `size` where there is none."""
    while at + 16 <= size:
        any_digit: Any = False
        for i in range(16):  # compiled to a few instructions for all of them
            any_digit |= np.uint8(data[np.uint64(at + i)] - np.uint8(48)) < np.uint8(10)
        if any_digit:
            break
        at += 16
    while at < size and _KINDS[data[np.uint64(at)]] != _DIGIT:
        at += 1
    return at


@numba.njit(forceinline=True, nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _start_of_word(data: Any, at: Any, first: Any) -> Any:
    """Where the word that goes on at `at` starts, from `first` on."""
    while at > first:
        kind = _KINDS[data[np.uint64(at - 1)]]
        if not (
            kind & _DIGIT_OR_LETTER
            or (kind == _JOINER and at - 1 > first and _KINDS[data[np.uint64(at - 2)]] & _DIGIT_OR_LETTER)
        ):
            break
        at -= 1
    return at


@numba.njit(forceinline=True, nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _canonical(data: Any, start: Any, end: Any, word: Any) -> Any:
    """Puts letters in lower case and digits into `word`, eight to a uint64; how many, 0 where too many or too few."""
    length = 0
    eight = np.uint64(0)
    for i in range(start, end):
        byte = np.uint64(_LOWER[data[np.uint64(i)]])
        if byte:
            eight |= byte << np.uint64(8 * (length & 7))
            length += 1
            if length & 7 == 0:
                word[np.uint64((length >> 3) - 1)] = eight
                eight = np.uint64(0)
    word[np.uint64(length >> 3)] = eight
    return length if 4 <= length <= LONGEST else 0


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _patterns(word: Any, start: Any, length: Any) -> Any:
    """Shape and literal of a canonical word."""
    shape = np.uint64(14695981039346656037)
    literal = shape
    prime = np.uint64(1099511628211)
    for i in range(start, start + length):
        byte = np.uint64(word[i])
        is_letter = byte > 57
        shape = (shape ^ np.uint64(97 if is_letter else 48)) * prime
        literal = (literal ^ (byte if is_letter else np.uint64(48))) * prime
    return shape, literal


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def scan(k0: Any, k1: Any, data: Any, offsets: Any) -> Any:
    """Hashes, values, shapes and literals of the possible ids between any two offsets, each once."""
    factor = _sip_number(k0, k1, np.uint64(1)) | np.uint64(1)
    size = SMALLEST
    while 64 * size < offsets[-1] - offsets[0]:
        size *= 2
    numbers = new_numbers(size)
    slots, places, letters = new_words(size)
    numbers_wait = np.empty(NUMBERS_WAIT, dtype=np.int64)
    words_wait = np.empty((WORDS_WAIT, 2 * LONGEST // 8 + 3), dtype=np.uint64)
    counts = np.zeros(6, dtype=np.int64)
    part, at = 0, offsets[0]
    while True:
        part, at = _scan_on(
            data, offsets, part, at, factor, numbers_wait, words_wait, numbers, slots, places, letters, counts
        )
        if not keep_numbers(numbers, numbers_wait, factor, counts):
            numbers = wider_numbers(numbers, factor)
            keep_numbers(numbers, numbers_wait, factor, counts)
        if not keep_words(words_wait, slots, places, letters, counts):
            slots, places, letters = wider_words(slots, places, letters, counts)
            keep_words(words_wait, slots, places, letters, counts)
        if part == offsets.shape[0] - 1:
            break
    listed = listed_numbers(numbers, counts[NUMBERS])
    return hashed(k0, k1, listed, places[: counts[WORDS]], letters.view(np.uint8))


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _scan_on(  # noqa: C901 - one compiled pass
    data: Any, offsets: Any, part: Any, at: Any, factor: Any, numbers_wait: Any, words_wait: Any,
    numbers: Any, slots: Any, places: Any, letters: Any, counts: Any,
) -> Any:  # fmt: skip
    """Goes on in a part at `at`, until the last part's end or until a table is full; answers where to go on then.

    That is the start of a word, some of whose pieces may be in the tables already; they are put there once only.
    """
    first, size = offsets[part], offsets[part + 1]
    while True:
        # what may be an id has a digit
        digit = _next_digit(data, at, size)
        if digit >= size:
            part += 1
            if part + 1 == offsets.shape[0]:
                return part, size
            first, size = offsets[part], offsets[part + 1]
            at = first
            continue
        before = _KINDS[data[np.uint64(digit - 1)]] if digit > first else _KINDS[0]
        if before == 0 or before == _MARK:
            value, end = _plain_number(data, digit, size)
            if end > digit:
                if value >= SMALLEST_NUMBER:
                    if counts[WAITING_NUMBERS] == NUMBERS_WAIT and not keep_numbers(
                        numbers, numbers_wait, factor, counts
                    ):
                        return part, digit
                    numbers_wait[counts[WAITING_NUMBERS]] = value
                    counts[WAITING_NUMBERS] += 1
                at = end
                continue
        start = _start_of_word(data, digit, at)
        after_point = start > first and data[np.uint64(start - 1)] == 46
        # a word: letters, digits, and single -_. between them
        end, seen = start, _KINDS[0]
        while end < size:
            kind = _KINDS[data[np.uint64(end)]]
            if not kind & _DIGIT_OR_LETTER and (
                kind != _JOINER or end + 1 >= size or not _KINDS[data[np.uint64(end + 1)]] & _DIGIT_OR_LETTER
            ):
                break
            seen |= kind
            end += 1
        # itself, then its pieces, each a number or a word of its own
        begin, stop, piece = start, end, start
        is_word = bool(seen & _LETTER) and end - start <= 2 * LONGEST
        has_joiners = bool(seen & _JOINER)
        while True:
            if is_word:
                if counts[WAITING_WORDS] == WORDS_WAIT and not keep_words(
                    words_wait, slots, places, letters, counts
                ):
                    return part, start
                word = words_wait[counts[WAITING_WORDS]]
                behind = _number_behind_letters(data, begin, stop)
                if behind >= 0:
                    if counts[WAITING_NUMBERS] == NUMBERS_WAIT and not keep_numbers(
                        numbers, numbers_wait, factor, counts
                    ):
                        return part, start
                    numbers_wait[counts[WAITING_NUMBERS]] = behind
                    counts[WAITING_NUMBERS] += 1
                length = _canonical(data, begin, stop, word[2:])
                if length:
                    word[0] = spread_word(word[2:], length, factor)
                    word[1] = length
                    counts[WAITING_WORDS] += 1
            if piece >= end or not (has_joiners or start == digit):
                break
            is_word = False
            if _KINDS[data[np.uint64(piece)]] == _DIGIT and not after_point:
                value, stop = written_number(data, piece, size)
                if value >= SMALLEST_NUMBER:
                    if counts[WAITING_NUMBERS] == NUMBERS_WAIT and not keep_numbers(
                        numbers, numbers_wait, factor, counts
                    ):
                        return part, start
                    numbers_wait[counts[WAITING_NUMBERS]] = value
                    counts[WAITING_NUMBERS] += 1
                if value >= 0 or (stop > piece and not (stop < size and is_letter(data[stop]))):
                    piece = stop
                    if piece < end:
                        after_point = data[np.uint64(piece)] == 46
                        piece += 0 if _KINDS[data[np.uint64(piece)]] & _DIGIT_OR_LETTER else 1
                    continue
            begin = stop = piece
            seen = _KINDS[0]
            while stop < end and _KINDS[data[np.uint64(stop)]] & _DIGIT_OR_LETTER:
                seen |= _KINDS[data[np.uint64(stop)]]
                stop += 1
            is_word = has_joiners and seen == _DIGIT_OR_LETTER and stop - begin <= LONGEST
            after_point = stop < end and data[np.uint64(stop)] == 46 and not seen & _LETTER
            piece = stop + 1
        at = max(end, piece)


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def hashed(k0: Any, k1: Any, numbers: Any, places: Any, letters: Any) -> Any:
    """Hashes, values, shapes and literals of numbers and, behind them, of words."""
    first = numbers.shape[0]
    count = first + places.shape[0]
    hashes, values = np.empty(count, np.uint64), np.empty(count, np.int64)
    shapes, literals = np.empty(count, np.uint64), np.empty(count, np.uint64)
    for i in range(first):
        hashes[i] = _sip_number(k0, k1, np.uint64(numbers[i]))
        values[i], shapes[i], literals[i] = numbers[i], 0, 0
    for i in range(first, count):
        begin, length = places[i - first, 0], places[i - first, 1]
        hashes[i] = _sip(k0, k1, letters, begin, length)
        values[i] = -1
        shapes[i], literals[i] = _patterns(letters, begin, length)
    return hashes, values, shapes, literals
