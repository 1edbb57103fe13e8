"""Columns of lines as numbers of their distinct cells, for telling which of them repeat and which say the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from matcher.contents import Cells

Codes = npt.NDArray[np.int64]

REPEATS = 8
"""Fewer pairs of equal cells than these, among those that are drawn, are not half of all cells."""


@dataclass(frozen=True, slots=True)
class CodedLines:
    """A column as numbers of its distinct cells."""

    codes: Codes
    counts: Codes
    texts: Any
    """Its distinct cells, as Arrow text."""

    @property
    def distinct(self) -> int:
        return int(self.counts.size)


class Coding(Sequence[CodedLines]):
    """The columns of a table as numbers, each once it is asked for: of most tables a look at some lines is enough."""

    def __init__(self, columns: Sequence[Cells]) -> None:
        self._columns = columns
        self._coded: dict[int, CodedLines] = {}

    def __len__(self) -> int:
        return len(self._columns)

    def __getitem__(self, at: Any) -> Any:
        if at not in self._coded:
            self._coded[at] = coded_lines(self._columns[at])
        return self._coded[at]


def coded_lines(cells: Cells) -> CodedLines:
    encoded = cells.arrow.dictionary_encode()
    codes = np.from_dlpack(encoded.indices).astype(np.int64)  # `to_numpy` would load pandas, half a second
    return CodedLines(codes, np.bincount(codes, minlength=len(encoded.dictionary)), encoded.dictionary)


def seldom_repeats(cells: Cells) -> bool:
    """Whether surely more than half of these are distinct, by as many of them, drawn anywhere, as tell that."""
    drawn = _drawn(len(cells))
    if 4 * len(drawn) > len(cells):
        return False
    return bool(len(drawn) - len(cells.arrow.take(drawn).unique()) < REPEATS)


@lru_cache(maxsize=64)
def _drawn(lines: int) -> Any:
    """Some lines of so many as Arrow numbers, in no order that a file could have.

    Were half of n cells the most that are distinct, m²/2n pairs of m drawn ones would be equal: 30 of about 8 √n, and
    fewer than 8 in one of ten million draws.
    """
    rows = np.unique(np.random.default_rng(lines).integers(0, lines, int(8 * lines**0.5)))
    return pa.Array.from_buffers(pa.int64(), rows.size, [None, pa.py_buffer(rows)])


def together(coded: Sequence[CodedLines], columns: Sequence[int]) -> CodedLines:
    """Several columns as one; its texts are those of none."""
    codes = np.zeros_like(coded[columns[0]].codes)
    for i in columns:
        codes = codes * coded[i].distinct + coded[i].codes
    _, codes, counts = np.unique(codes, return_inverse=True, return_counts=True)
    return CodedLines(codes, counts, None)


def empty_count(one: CodedLines) -> int:
    return int(one.counts[np.from_dlpack(pc.binary_length(one.texts)) == 0].sum())


def depends(coded: Sequence[CodedLines], column: int, on: Codes) -> bool:
    """Whether a column says the same, and something, wherever these codes are the same."""
    one = coded[column]
    own = np.unique(on).size
    return one.distinct > 1 and np.unique(on * one.distinct + one.codes).size <= 1.02 * own + 1


def occurrences(codes: Codes) -> Codes:
    """By line, how many lines of the same code stand before it."""
    order = np.argsort(codes, kind="stable")
    counts = np.bincount(codes)
    before = np.empty_like(codes)
    before[order] = np.arange(codes.size) - np.repeat(np.cumsum(counts) - counts, counts)
    return before
