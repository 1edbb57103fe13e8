"""How dense a set of ids lies among things that look like its ids; so how likely a stranger's number is one by chance.

Ids of a release are taken as drawn at random out of their space, which is what makes a hit tell something. Where they
are not (ids counted up from a start, ids that all end in 0), the density of just that part of the space is near 1, and
a hit there says nothing. Numbers: density by stretch of the space and by the last two digits, the product of both
(never under either). Words: density among words of the same shape, or of the same letters where many ids share
them (`HG00096`). Every density is taken too high rather than too low: by two standard errors of its count, and by a
quarter for candidates that are not spread like random numbers.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from matcher.tables.tokens import Tokens, Words

STRETCHES = 256
LEAST_IN_A_STRETCH = 40
"""Ids in a stretch on average, below which stretches are made longer."""
LEAST_CHANCE = 1e-5
"""No id is taken to be rarer: public ids of other studies get into cohorts' ids as well."""
SAFETY = 1.25
SHARED_LITERAL = 20
"""As many ids with the same letters at the same places are a numbering of their own."""

_MULTIPLIED = 2**63 // STRETCHES - 1
"""The longest span of which every part can be multiplied by the number of stretches."""


@dataclass(frozen=True, slots=True)
class IdSpace:
    """Counts of ids by stretch, last digits, shape and literal; no id can be read from it."""

    ids_count: int
    lowest: int
    highest: int
    """Round numbers outside of all ids."""
    stretches: npt.NDArray[np.float64]
    """Chance by stretch between lowest and highest."""
    endings: npt.NDArray[np.float64]
    """How much denser numbers with these last two digits are than the average, at least 1."""
    shapes: npt.NDArray[np.uint64]
    shape_chances: npt.NDArray[np.float64]
    literals: npt.NDArray[np.uint64]
    literal_chances: npt.NDArray[np.float64]

    def chances(self, tokens: Tokens) -> npt.NDArray[np.float64]:
        """The chance of each token to be one of these ids; 0 where it does not look like one at all."""
        chances: npt.NDArray[np.float64] = _chances(
            (tokens.values, tokens.shapes, tokens.literals),
            (self.lowest, self.highest, self.stretches, self.endings),
            (self.shapes, self.shape_chances),
            (self.literals, self.literal_chances),
        )
        return chances

    def save(self, folder: Path) -> None:
        (folder / "space.json").write_text(
            json.dumps({"ids_count": self.ids_count, "lowest": self.lowest, "highest": self.highest})
        )
        for name in _ARRAYS:
            np.save(folder / f"{name}.npy", getattr(self, name), allow_pickle=False)


_ARRAYS = ("stretches", "endings", "shapes", "shape_chances", "literals", "literal_chances")


def read_space(folder: Path) -> IdSpace:
    plain = json.loads((folder / "space.json").read_text())
    arrays = {name: np.load(folder / f"{name}.npy", allow_pickle=False) for name in _ARRAYS}
    return IdSpace(plain["ids_count"], plain["lowest"], plain["highest"], **arrays)


def measure(tokens: Tokens, words: Words) -> IdSpace:
    """The space of these distinct ids."""
    numbers = np.sort(tokens.values[tokens.values >= 0])
    lowest, highest, stretches, endings = _of_numbers(numbers)
    is_word = tokens.values < 0
    shapes, shape_chances = _by_shape(tokens.shapes[is_word], words)
    literals, literal_chances = _by_literal(tokens.literals[is_word], words)
    return IdSpace(
        tokens.count, lowest, highest, stretches, endings, shapes, shape_chances, literals, literal_chances
    )


def _of_numbers(
    numbers: npt.NDArray[np.int64],
) -> tuple[int, int, npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    endings = np.ones(100)
    if not numbers.size:
        return 0, -1, np.zeros(0), endings
    lowest, highest = int(numbers[0]), int(numbers[-1])
    count = int(np.clip(numbers.size // LEAST_IN_A_STRETCH, 1, min(STRETCHES, highest - lowest + 1)))
    grid = 10 ** max(1, int(np.log10(max(10.0, (highest - lowest + 1) / count / 10))))
    lowest, highest = (
        lowest // grid * grid,
        -(-(highest + 1) // grid) * grid - 1,
    )  # nobody's own numbers are kept
    span = highest - lowest + 1
    edges = lowest + (np.arange(count + 1, dtype=object) * span) // count  # whole numbers, no float rounding
    inside = _by_stretch(numbers, lowest, span, count)
    widths = np.maximum(1.0, np.diff(edges).astype(np.float64))
    stretches = np.minimum(1.0, (inside + 2 * np.sqrt(inside) + 1) / widths)
    by_ending = np.bincount(numbers % 100, minlength=100).astype(np.float64)
    average = numbers.size / 100
    # only what is more than chance unevenness counts
    surplus = by_ending - 4 * np.sqrt(average) - 4
    if span > 1000:
        endings = np.where(surplus > average, by_ending / average, 1.0)
    return lowest, highest, stretches, endings


def _by_shape(
    shapes: npt.NDArray[np.uint64], words: Words
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.float64]]:
    """Words of one shape among all words of it; six letters, as in hex, is the least an alphabet is taken to have."""
    if not shapes.size:
        return shapes, np.zeros(0)
    kinds, first, counts = np.unique(shapes, return_index=True, return_counts=True)
    digits = words.lengths[first] - words.letters[first]
    possible = 6.0 ** words.letters[first] * 10.0**digits
    return kinds, np.minimum(1.0, (counts + 2 * np.sqrt(counts) + 1) / possible)


def _by_literal(
    literals: npt.NDArray[np.uint64], words: Words
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.float64]]:
    """Words that differ in digits only are numbered: as dense as between the lowest and the highest of them."""
    if not literals.size:
        return literals, np.zeros(0)
    kinds, where, counts = np.unique(literals, return_inverse=True, return_counts=True)
    lowest = np.full(kinds.size, np.iinfo(np.int64).max)
    highest = np.zeros(kinds.size, dtype=np.int64)
    np.minimum.at(lowest, where, words.counted)
    np.maximum.at(highest, where, words.counted)
    shared = counts >= SHARED_LITERAL
    chances = np.minimum(1.0, (counts + 2 * np.sqrt(counts) + 1) / (highest - lowest + 1.0))
    return kinds[shared], chances[shared]


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _chances(tokens: Any, numbers: Any, by_shape: Any, by_literal: Any) -> Any:
    values, shapes, literals = tokens
    lowest, highest, stretches, endings = numbers
    chances = np.zeros(values.shape[0])
    span = max(1, highest - lowest + 1)
    for i in range(values.shape[0]):
        value = values[i]
        if value < 0:
            chance = max(_look_up(by_shape, shapes[i]), _look_up(by_literal, literals[i]))
        elif lowest <= value <= highest and stretches.shape[0]:
            where = _stretch(value - lowest, span, stretches.shape[0])
            chance = stretches[where] * endings[value % 100]
        else:
            chance = 0.0
        if chance > 0:
            chances[i] = min(max(chance * SAFETY, LEAST_CHANCE), 1.0)
    return chances


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _look_up(known: Any, asked: Any) -> Any:
    kinds, chances = known
    at = np.searchsorted(kinds, asked)
    return chances[at] if at < kinds.shape[0] and kinds[at] == asked else 0.0


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _stretch(above: Any, span: Any, count: Any) -> Any:
    """In which of `count` stretches a number lies that is so far above the lowest of `span`."""
    while span > _MULTIPLIED:
        above, span = above >> 1, span >> 1
    return min(above * count // span, count - 1)


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _by_stretch(numbers: Any, lowest: Any, span: Any, count: Any) -> Any:
    inside = np.zeros(count)
    for number in numbers:
        inside[_stretch(number - lowest, span, count)] += 1
    return inside
