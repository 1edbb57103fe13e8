"""The lines of a long table that are kept: all lines of some keys, since every so many lines would be parts of rows.

Which keys is told by a keyed hash of the key's cell, so that lines of one key are kept wherever they stand; when there
are too many lines, half of the keys are let go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from matcher.contents import Cells
from matcher.prf import siphash24_many
from matcher.tables.cell_bytes import picked
from matcher.tables.line_codes import occurrences
from matcher.tables.shapes import FEW_COLUMNS, long_roles

MOST_LINES = 200_000
MOST_VARIABLES = 10_000
LINES_A_VARIABLE = 50
"""At least so many of the first lines are of one variable, where a table is in blocks."""


@dataclass(slots=True)
class LongLines:
    """All lines of some keys of one table."""

    hash_key: bytes
    column: int
    """The one that holds the key, or the variable where lines have no key."""
    lines_most: int
    parts: list[list[Cells]]
    """By column, its kept cells in pieces."""
    passed: dict[str, int] | None = None
    """Where lines have no key, by variable how many went by: a line's number among those of its variable is its key."""
    hashes: list[npt.NDArray[np.uint64]] = field(default_factory=list)
    halvings: int = 0
    held: int = 0

    def add(self, cells: Sequence[Sequence[str]]) -> None:
        """Keeps those of some lines whose key is kept."""
        columns = [one if isinstance(one, Cells) else picked([one], 0, 1) for one in cells]
        if self.passed is None:
            hashes = siphash24_many(self.hash_key, columns[self.column].arrow)
        elif len(self.passed) <= MOST_VARIABLES:
            hashes = self._numbered(columns[self.column], self.passed)
        else:
            return
        self._keep(columns, hashes)
        while self.held > self.lines_most and self.halvings < 63:
            self.halvings += 1
            columns, hashes = self.cells(), np.concatenate(self.hashes)
            self.parts, self.hashes, self.held = [[] for _ in self.parts], [], 0
            self._keep(columns, hashes)

    def cells(self) -> list[Cells]:
        """Every column of the kept lines."""
        return [picked(pieces, 0, 1) for pieces in self.parts]

    def _numbered(self, variables: Cells, passed: dict[str, int]) -> npt.NDArray[np.uint64]:
        encoded = variables.arrow.dictionary_encode()
        codes = np.from_dlpack(encoded.indices).astype(np.int64)
        texts = encoded.dictionary.to_pylist()
        before = np.array([passed.get(text, 0) for text in texts], dtype=np.int64)
        for text, count in zip(texts, np.bincount(codes, minlength=len(texts)).tolist(), strict=True):
            passed[text] = passed.get(text, 0) + count
        numbers: npt.NDArray[np.uint64] = codes.astype(np.uint64)
        if codes.size:
            numbers = (occurrences(codes) + before[codes]).astype(np.uint64)
        return numbers

    def _keep(self, columns: Sequence[Cells], hashes: npt.NDArray[np.uint64]) -> None:
        import pyarrow as pa

        chosen = (hashes & np.uint64((1 << self.halvings) - 1)) == 0
        if not chosen.any():
            return
        whole = bool(chosen.all())
        for pieces, cells in zip(self.parts, columns, strict=True):
            some = cells if whole else Cells(cells.arrow.filter(pa.array(chosen)))
            pieces.append(picked([some], 0, 1))
        self.hashes.append(hashes[chosen])
        self.held += int(chosen.sum())


def long_lines(hash_key: bytes, columns: Sequence[Cells], cells_most: int) -> LongLines | None:
    """The first lines of a table that is long, or may turn out to be, kept by their key; None for any other.

    A table that is sorted by its variable may begin with lines of one variable only: then the key is taken to be the
    first column in which hardly a cell comes twice, and of two columns the number of the line in its block.
    """
    told = _key_column(columns)
    if told is None:
        return None
    column, is_key = told
    most = min(MOST_LINES, cells_most // len(columns))
    kept = LongLines(hash_key, column, most, [[] for _ in columns], None if is_key else {})
    kept.add(columns)
    return kept


def _key_column(columns: Sequence[Cells]) -> tuple[int, bool] | None:
    """The column of the key and True, or of the variable and False; None where lines are not of a long table."""
    roles = long_roles(columns)
    if roles is not None:
        return (roles.variables[0], False) if roles.key is None else (roles.key, True)
    if not 2 <= len(columns) <= FEW_COLUMNS:
        return None
    encoded = [one.arrow.dictionary_encode() for one in columns]
    lines = len(columns[0])
    in_blocks = [
        i
        for i, one in enumerate(encoded)
        if len(one.dictionary) <= lines / LINES_A_VARIABLE and len(one.dictionary) == _runs(one.indices)
    ]
    if not in_blocks:
        return None
    if len(columns) == 2:
        return in_blocks[0], False
    distinct = [i for i, one in enumerate(encoded) if len(one.dictionary) >= 0.99 * lines]
    return (distinct[0], True) if distinct else None


def _runs(codes: Any) -> int:
    """How often a column's cells change, and one."""
    return 1 + int(np.count_nonzero(np.diff(np.from_dlpack(codes))))
