"""Numbers, words and hashes, each kept once, in open-addressing tables that grow with what they hold; compiled.

Where something stands in a table hangs on the key, so that nobody can write a file whose numbers all fall on one place.
Words are told apart by their bytes, never by a hash alone. Every call has tables of its own: threads share none.

A table of numbers is an array of int64, -1 where nothing stands. A table of words is three arrays: `slots` (uint64: the
upper half of a word's spread bits, and its number plus one; 0 where nothing stands), `places` (the byte of `letters` at
which a word begins, and its length) and `letters` (the bytes of all words, eight to a uint64, each from a new one on).
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

SMALLEST = 1024
"""Places in a new table: cleared within a fraction of a microsecond, enough for most columns."""
NUMBERS, WORDS, LETTERS, WAITING_NUMBERS, WAITING_WORDS, TOUCHED = range(6)
"""Where it is counted what stands in the tables, how much of `letters` the words take, and what waits."""
NUMBERS_WAIT = 256
WORDS_WAIT = 64
"""So many wait until they are put into tables together: memory is asked for all of their places at once."""
_LOWER_HALF = np.uint64(0xFFFFFFFF)
_SPREAD = np.uint64(0x9E3779B97F4A7C15)


def first_of_each(hashes: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    """Where each distinct one of some keyed hashes stands first, in the order in which they stand."""
    first: npt.NDArray[np.int64] = _first_of_each(hashes)
    return first


@numba.njit(forceinline=True, nogil=True, cache=True)  # type: ignore[untyped-decorator]
def shift_of(size: Any) -> Any:
    """How far 64 bits are shifted to give a place in a table of this size, a power of two."""
    shift = 64
    while size > 1:
        size >>= 1
        shift -= 1
    return np.uint64(shift)


@numba.njit(forceinline=True, nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _spread(bits: Any, factor: Any) -> Any:
    """Every bit of the outcome hangs on every bit given and on the factor, which is odd and comes from the key."""
    bits *= factor
    bits ^= bits >> np.uint64(32)
    bits *= factor ^ (_SPREAD << np.uint64(1))
    return bits ^ (bits >> np.uint64(29))


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def new_numbers(size: Any) -> Any:
    return np.full(size, np.int64(-1), np.int64)


@numba.njit(forceinline=True, nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _put_number(numbers: Any, number: Any, factor: Any, shift: Any) -> Any:
    """Puts a number that is not negative into a table that is not full; 1 where it is new, else 0."""
    last = np.uint64(numbers.shape[0] - 1)
    at = _spread(np.uint64(number), factor) >> shift
    while numbers[at] >= 0:
        if numbers[at] == number:
            return 0
        at = (at + np.uint64(1)) & last
    numbers[at] = number
    return 1


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def keep_numbers(numbers: Any, waiting: Any, factor: Any, counts: Any) -> Any:
    """Puts the numbers that wait into the table; False where it has no room for as many as may wait."""
    if 2 * (counts[NUMBERS] + NUMBERS_WAIT) > numbers.shape[0]:
        return False
    shift = shift_of(numbers.shape[0])
    touched = np.int64(0)
    for i in range(counts[WAITING_NUMBERS]):
        touched ^= numbers[_spread(np.uint64(waiting[i]), factor) >> shift]
    counts[TOUCHED] = touched
    for i in range(counts[WAITING_NUMBERS]):
        counts[NUMBERS] += _put_number(numbers, waiting[i], factor, shift)
    counts[WAITING_NUMBERS] = 0
    return True


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def wider_numbers(numbers: Any, factor: Any) -> Any:
    """A table of four times the size with the same numbers."""
    wider = new_numbers(4 * numbers.shape[0])
    shift = shift_of(wider.shape[0])
    for i in range(numbers.shape[0]):
        if numbers[i] >= 0:
            _put_number(wider, numbers[i], factor, shift)
    return wider


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def listed_numbers(numbers: Any, count: Any) -> Any:
    """The numbers of a table that holds `count`, in the order of their places."""
    listed = np.empty(count, np.int64)
    at = 0
    for i in range(numbers.shape[0]):
        if numbers[i] >= 0:
            listed[at] = numbers[i]
            at += 1
    return listed


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def new_words(size: Any) -> Any:
    """The slots, places and letters of a table of words."""
    return np.zeros(size, np.uint64), np.empty((size // 2, 2), np.int64), np.empty(size, np.uint64)


@numba.njit(forceinline=True, nogil=True, cache=True)  # type: ignore[untyped-decorator]
def spread_word(word: Any, length: Any, factor: Any) -> Any:
    """Bits of a word whose bytes stand eight to a uint64, zeros behind the last."""
    bits = factor
    for i in range((length + 7) >> 3):
        bits = _spread(bits ^ word[np.uint64(i)], factor)
    return bits


@numba.njit(forceinline=True, nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _stands_at(word: Any, bits: Any, length: Any, shift: Any, slots: Any, places: Any, letters: Any) -> Any:
    """The slot of a word, or the empty one that it would take, and whether it is the word's."""
    last = np.uint64(slots.shape[0] - 1)
    at = bits >> shift
    while slots[at]:
        if (slots[at] ^ bits) <= _LOWER_HALF:
            known = (slots[at] & _LOWER_HALF) - np.uint64(1)
            begin = places[known, 0] >> 3
            is_same = places[known, 1] == length
            for i in range((length + 7) >> 3):
                is_same &= letters[np.uint64(begin + i)] == word[np.uint64(i)]
            if is_same:
                return at, True
        at = (at + np.uint64(1)) & last
    return at, False


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def keep_words(waiting: Any, slots: Any, places: Any, letters: Any, counts: Any) -> Any:
    """Puts the words that wait into their tables; False where these have no room for as many as may wait.

    `waiting` has of each its bits, its length and its bytes.
    """
    count, used = counts[WORDS], counts[LETTERS]
    if 2 * (count + WORDS_WAIT) > slots.shape[0] or used + 8 * WORDS_WAIT > letters.shape[0]:
        return False
    shift = shift_of(slots.shape[0])
    touched = np.uint64(0)
    for i in range(counts[WAITING_WORDS]):
        touched ^= slots[waiting[i, 0] >> shift]
    counts[TOUCHED] = np.int64(touched >> np.uint64(1))
    for i in range(counts[WAITING_WORDS]):
        bits, length, word = waiting[i, 0], np.int64(waiting[i, 1]), waiting[i, 2:]
        at, is_known = _stands_at(word, bits, length, shift, slots, places, letters)
        if is_known:
            continue
        slots[at] = (bits & ~_LOWER_HALF) | np.uint64(count + 1)
        places[count, 0] = 8 * used
        places[count, 1] = length
        for k in range((length + 7) >> 3):
            letters[np.uint64(used + k)] = word[np.uint64(k)]
        count += 1
        used += (length + 7) >> 3
    counts[WORDS], counts[LETTERS], counts[WAITING_WORDS] = count, used, 0
    return True


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def wider_words(slots: Any, places: Any, letters: Any, counts: Any) -> Any:
    """The same words in tables that have room for all that may wait."""
    count, used = counts[WORDS], counts[LETTERS]
    if 2 * (count + WORDS_WAIT) > slots.shape[0]:
        wider = np.zeros(4 * slots.shape[0], np.uint64)
        shift = shift_of(wider.shape[0])
        last = np.uint64(wider.shape[0] - 1)
        for i in range(slots.shape[0]):
            if slots[i]:
                at = slots[i] >> shift
                while wider[at]:
                    at = (at + np.uint64(1)) & last
                wider[at] = slots[i]
        slots = wider
        roomier = np.empty((wider.shape[0] // 2, 2), np.int64)
        roomier[:count] = places[:count]
        places = roomier
    if used + 8 * WORDS_WAIT > letters.shape[0]:
        longer = np.empty(2 * letters.shape[0], np.uint64)
        longer[:used] = letters[:used]
        letters = longer
    return slots, places, letters


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _first_of_each(hashes: Any) -> Any:
    size = SMALLEST
    while size < 2 * hashes.shape[0]:
        size *= 2
    slots = np.zeros(size, np.int64)
    first = np.empty(hashes.shape[0], np.int64)
    shift, last = shift_of(size), np.uint64(size - 1)
    count = 0
    for i in range(hashes.shape[0]):
        at = hashes[i] >> shift
        while slots[at] and hashes[slots[at] - 1] != hashes[i]:
            at = (at + np.uint64(1)) & last
        if not slots[at]:
            slots[at] = i + 1
            first[count] = i
            count += 1
    return first[:count]
