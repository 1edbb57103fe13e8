"""What may be an id, found in text and in cells: whole numbers, and words that mix letters with digits.

How they are written in bytes is in `scan`. An id's canonical form is the number itself, or its letters and digits in
lower case; only keyed hashes of canonical forms are ever compared.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from matcher.prf import _halves
from matcher.tables.cell_bytes import bytes_of
from matcher.tables.distinct import first_of_each
from matcher.tables.scan import LONGEST, hashed, scan

_NO_LETTERS = bytes(byte for byte in range(256) if not (byte < 128 and chr(byte).isalnum()))
_WRITTEN_AS_FLOAT = re.compile(r"\d{1,18}\.0+|\d(?:\.\d{1,17})?[eE]\+?\d{1,2}")


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
        return self.take(first_of_each(self.hashes))

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
    """All of several, each of which has every hash once; so have they all."""
    parts = [one for one in many if one.count]
    if len(parts) < 2:
        return parts[0] if parts else none()
    return Tokens(
        np.concatenate([one.hashes for one in parts]),
        np.concatenate([one.values for one in parts]),
        np.concatenate([one.shapes for one in parts]),
        np.concatenate([one.literals for one in parts]),
    ).distinct()


def tokens_of(key: bytes, text: str | bytes) -> Tokens:
    """Every possible id in a running text, each once, in no particular order."""
    encoded = text if isinstance(text, bytes) else text.encode(errors="replace")
    data = np.frombuffer(encoded, dtype=np.uint8)
    return _tokens_in(key, data, np.array([0, data.size], dtype=np.int64))


def tokens_of_cells(key: bytes, cells: Sequence[str]) -> Tokens:
    """Every possible id in the cells of one column, each once, in no particular order."""
    return _tokens_in(key, *bytes_of(cells))


def _tokens_in(key: bytes, data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64]) -> Tokens:
    if data.size == 0 or offsets.size < 2:
        return none()
    data, offsets = data.view(), offsets.view()
    data.flags.writeable = offsets.flags.writeable = False  # some are already: compiled for one kind only
    return Tokens(*scan(*_halves(key), data, offsets))


def canonical(cell: str) -> int | bytes | None:
    """An id's canonical form: a whole number, or the letters and digits of a word; None for what cannot be an id."""
    text = cell.strip()
    half = len(text) // 2
    if len(text) % 2 and text[half] in "_-: " and text[:half] == text[half + 1 :]:
        text = text[:half]  # PLINK's family and individual id in one
    if text.isascii() and text.isdigit():
        return int(text) if len(text) <= 18 else None
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
    lengths = np.array([len(word) for word in listed], dtype=np.int64)
    letters = np.array([sum(byte > 57 for byte in word) for word in listed], dtype=np.int64)
    values = np.array(sorted(numbers), dtype=np.int64)
    places = np.stack([np.cumsum(lengths) - lengths, lengths], axis=1)
    every = np.frombuffer(b"".join(listed), dtype=np.uint8).copy()
    tokens = Tokens(*hashed(*_halves(key), values, places, every))
    counted = [bytes(byte for byte in word if byte < 58)[-18:] for word in listed]
    return tokens, Words(lengths, letters, np.array([int(one) for one in counted], dtype=np.int64))
