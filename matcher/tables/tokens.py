"""What may be an id, found in text and in cells: whole numbers, and words that mix letters with digits.

One pass over the bytes, compiled. Numbers are read as people and programs write them: `1234567`, `1,234,567`,
`1234567.0`, `1.234567e+06`; a number with a fraction is none. Words are also read across `-`, `_` and `.`, as one.
An id's canonical form is the number itself, or its letters and digits in lower case; only keyed hashes of
canonical forms are ever compared.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from matcher.prf import _halves, _sip, siphash24_words
from matcher.tables.cell_bytes import lines_of

LONGEST = 64
"""Letters and digits of the longest id."""
SMALLEST_NUMBER = 100
"""Smaller whole numbers are counts, codes and ages everywhere."""

_NO_LETTERS = bytes(byte for byte in range(256) if not (byte < 128 and chr(byte).isalnum()))
_WRITTEN_AS_FLOAT = re.compile(r"\d{1,18}\.0+|\d(?:\.\d{1,17})?[eE]\+?\d{1,2}")
_LARGEST = np.int64(10**18)


@dataclass(frozen=True, slots=True)
class Tokens:
    """Possible ids: their keyed hashes, and what is needed to say how likely chance is.

    `values` is the number, or -1 for a word; `shapes` and `literals` are unkeyed hashes of the pattern alone
    (`HG00096` has the shape `aaddddd` and the literal `hgddddd`), 0 for numbers.
    """

    hashes: npt.NDArray[np.uint64]
    values: npt.NDArray[np.int64]
    shapes: npt.NDArray[np.uint64]
    literals: npt.NDArray[np.uint64]

    @property
    def count(self) -> int:
        return int(self.hashes.size)

    def distinct(self) -> Tokens:
        _, first = np.unique(self.hashes, return_index=True)
        return self.take(first)

    def take(self, rows: npt.NDArray[Any]) -> Tokens:
        return Tokens(self.hashes[rows], self.values[rows], self.shapes[rows], self.literals[rows])


@dataclass(frozen=True, slots=True)
class Words:
    """Of every word among some ids: its characters, its letters, and its digits read as one number."""

    lengths: npt.NDArray[np.int64]
    letters: npt.NDArray[np.int64]
    counted: npt.NDArray[np.int64]


def none() -> Tokens:
    empty = np.zeros(0, dtype=np.uint64)
    return Tokens(empty, np.zeros(0, dtype=np.int64), empty, empty)


def joined(many: Iterable[Tokens]) -> Tokens:
    """All of several, each hash once."""
    parts = [one for one in many if one.count]
    if not parts:
        return none()
    return Tokens(
        np.concatenate([one.hashes for one in parts]),
        np.concatenate([one.values for one in parts]),
        np.concatenate([one.shapes for one in parts]),
        np.concatenate([one.literals for one in parts]),
    ).distinct()


def tokens_of(key: bytes, text: str | bytes) -> Tokens:
    """Every possible id in a running text, each once."""
    encoded = text if isinstance(text, bytes) else text.encode(errors="replace")
    return _tokens_in(key, np.frombuffer(encoded, dtype=np.uint8))


def tokens_of_cells(key: bytes, cells: Sequence[str]) -> Tokens:
    """Every possible id in the cells of one column, each once."""
    return _tokens_in(key, lines_of(cells))


def _tokens_in(key: bytes, data: npt.NDArray[np.uint8]) -> Tokens:
    if data.size == 0:
        return none()
    k0, k1 = _halves(key)
    numbers = np.empty(data.size // 3 + 2, dtype=np.int64)
    words = np.empty((data.size // 3 + 2, 3), dtype=np.uint64)
    counts = np.zeros(2, dtype=np.int64)
    _scan(k0, k1, data, numbers, words, counts)
    return _made(key, numbers[: counts[0]], words[: counts[1]])


def _made(key: bytes, numbers: npt.NDArray[np.int64], words: npt.NDArray[np.uint64]) -> Tokens:
    values = np.unique(numbers)
    if words.shape[0]:
        _, first = np.unique(words[:, 0], return_index=True)
        words = words[first]
    zeros = np.zeros(values.size, dtype=np.uint64)
    return Tokens(
        np.concatenate([siphash24_words(key, values.astype(np.uint64)), words[:, 0]]),
        np.concatenate([values, np.full(words.shape[0], -1, dtype=np.int64)]),
        np.concatenate([zeros, words[:, 1]]),
        np.concatenate([zeros, words[:, 2]]),
    )


@numba.njit(inline="always")  # type: ignore[untyped-decorator]
def _is_digit(byte: Any) -> Any:
    return 48 <= byte <= 57


@numba.njit(inline="always")  # type: ignore[untyped-decorator]
def _is_letter(byte: Any) -> Any:
    return 65 <= byte <= 90 or 97 <= byte <= 122


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _number(data: Any, at: Any) -> Any:  # noqa: C901 - one compiled pass
    """The whole number that starts at `at`, or -1, and where it ends."""
    size = data.shape[0]
    value = np.int64(0)
    digits = 0
    end = at
    while end < size and _is_digit(data[end]):
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
            and _is_digit(data[look + 1])
            and _is_digit(data[look + 2])
            and _is_digit(data[look + 3])
            and not (look + 4 < size and _is_digit(data[look + 4]))
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
    if end + 1 < size and data[end] == 46 and _is_digit(data[end + 1]):
        look = end + 1
        mantissa = value
        zeros = 0
        while look < size and _is_digit(data[look]):
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
        if look < size and _is_digit(data[look]):
            power = 0
            while look < size and _is_digit(data[look]):
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
    if end < size and _is_letter(data[end]):
        return np.int64(-1), end
    return value, end


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _word(k0: Any, k1: Any, data: Any, start: Any, end: Any, place: Any) -> Any:
    """Hash, shape and literal of the letters and digits between start and end; 0 where it is no id-like word."""
    canonical = np.empty(LONGEST, dtype=np.uint8)
    length = 0
    letters = 0
    shape = np.uint64(14695981039346656037)
    literal = np.uint64(14695981039346656037)
    prime = np.uint64(1099511628211)
    for i in range(start, end):
        byte = data[i]
        if _is_letter(byte):
            byte |= 32
            letters += 1
            shape = (shape ^ np.uint64(97)) * prime
            literal = (literal ^ np.uint64(byte)) * prime
        elif _is_digit(byte):
            shape = (shape ^ np.uint64(48)) * prime
            literal = (literal ^ np.uint64(48)) * prime
        else:
            continue
        if length == LONGEST:
            return 0
        canonical[length] = byte
        length += 1
    if length < 4 or letters == 0 or letters == length:
        return 0
    place[0] = _sip(k0, k1, canonical, np.int64(0), np.int64(length))
    place[1] = shape
    place[2] = literal
    return 1


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _scan(k0: Any, k1: Any, data: Any, numbers: Any, words: Any, counts: Any) -> None:  # noqa: C901 - one compiled pass
    size = data.shape[0]
    at = 0
    while at < size:
        byte = data[at]
        if not (_is_digit(byte) or _is_letter(byte)):
            at += 1
            continue
        # a word: letters, digits, and single -_. between them
        end = at
        digits = 0
        letters = 0
        pieces = 1
        while end < size:
            byte = data[end]
            if _is_digit(byte):
                digits += 1
            elif _is_letter(byte):
                letters += 1
            elif (
                (byte == 45 or byte == 95 or byte == 46)
                and end + 1 < size
                and (_is_digit(data[end + 1]) or _is_letter(data[end + 1]))
            ):
                pieces += 1
            else:
                break
            end += 1
        if digits == 0:
            at = end
            continue
        if letters > 0 and digits > 0 and end - at <= 2 * LONGEST and words.shape[0] > counts[1]:
            counts[1] += _word(k0, k1, data, at, end, words[counts[1]])
        # its pieces, each a number or a word of its own
        piece = at
        after_point = at > 0 and data[at - 1] == 46
        while piece < end:
            if _is_digit(data[piece]) and not after_point:
                value, stop = _number(data, piece)
                if value >= SMALLEST_NUMBER and numbers.shape[0] > counts[0]:
                    numbers[counts[0]] = value
                    counts[0] += 1
                if value >= 0 or (stop > piece and not (stop < size and _is_letter(data[stop]))):
                    piece = stop
                    if piece < end:
                        after_point = data[piece] == 46
                        if not (_is_digit(data[piece]) or _is_letter(data[piece])):
                            piece += 1
                    continue
            stop = piece
            mixed = 0
            plain = 0
            while stop < end and (_is_digit(data[stop]) or _is_letter(data[stop])):
                if _is_digit(data[stop]):
                    mixed += 1
                else:
                    plain += 1
                stop += 1
            if pieces > 1 and mixed > 0 and plain > 0 and words.shape[0] > counts[1]:
                counts[1] += _word(k0, k1, data, piece, stop, words[counts[1]])
            after_point = stop < end and data[stop] == 46 and plain == 0
            piece = stop + 1
        at = max(end, piece)


def canonical(cell: str) -> int | bytes | None:
    """An id's canonical form: a whole number, or the letters and digits of a word; None for what cannot be an id."""
    text = cell.strip()
    if text.isascii() and text.isdigit():
        return int(text) if len(text) <= 18 else None
    half = len(text) // 2
    if len(text) % 2 and text[half] in "_-: " and text[:half] == text[half + 1 :]:
        text = text[:half]  # PLINK's family and individual id in one
    if _WRITTEN_AS_FLOAT.fullmatch(text):
        number = float(text)
        return int(number) if number.is_integer() and number < 2**53 else None
    word = text.lower().encode(errors="replace").translate(None, _NO_LETTERS)
    digits = len(word) - len(word.translate(None, b"0123456789"))
    return word if 4 <= len(word) <= LONGEST and 0 < digits < len(word) else None


def tokens_of_ids(key: bytes, ids: Iterable[str]) -> tuple[Tokens, Words]:
    """Ids as tokens, each once, with what is needed to measure how densely the words among them lie.

    What is neither a whole number nor a word of letters and digits cannot be told from other text and is left out.
    """
    numbers: set[int] = set()
    words: set[bytes] = set()
    for one in ids:
        form = canonical(one)
        if isinstance(form, int):
            numbers.add(form)
        elif form is not None:
            words.add(form)
    listed = sorted(words)
    places = np.zeros((len(listed), 3), dtype=np.uint64)
    k0, k1 = _halves(key)
    for i, word in enumerate(listed):
        _word(k0, k1, np.frombuffer(word, dtype=np.uint8), 0, len(word), places[i])
    lengths = np.array([len(word) for word in listed], dtype=np.int64)
    letters = np.array([sum(byte > 57 for byte in word) for word in listed], dtype=np.int64)
    values = np.array(sorted(numbers), dtype=np.int64)
    zeros = np.zeros(values.size, dtype=np.uint64)
    tokens = Tokens(
        np.concatenate([siphash24_words(key, values.astype(np.uint64)), places[:, 0]]),
        np.concatenate([values, np.full(len(listed), -1, dtype=np.int64)]),
        np.concatenate([zeros, places[:, 1]]),
        np.concatenate([zeros, places[:, 2]]),
    )
    counted = [bytes(byte for byte in word if byte < 58)[-18:] for word in listed]
    return tokens, Words(lengths, letters, np.array([int(one) for one in counted], dtype=np.int64))
