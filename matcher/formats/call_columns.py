"""Matrices of calls whose columns have names of their own (Parquet, data frames of R): which they are, and their parts.

A table is one where nearly all columns are named after variants and hold numbers; the other columns come as a table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from matcher.contents import Genotypes, Limits
from matcher.formats.beside import SURE_WITHIN, variants_a_part
from matcher.formats.call_matrix import part_of
from matcher.formats.unpacking import round_dosages
from matcher.genotypes.naming import split_counted, variant_of

FEWEST = 24
MOST_PEOPLE = 1 << 20
_MOST_OTHERS = 40
_IDS = ("iid", "__index_level_0__", "row_name", "sample", "sample_id", "id", "fid")

Numbers = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class CallColumns:
    """The columns of a matrix: those of variants, and the others."""

    variants: tuple[str, ...]
    others: tuple[str, ...]

    def ids(self) -> str | None:
        """The column of the samples' names."""
        lower = {one.lower(): one for one in reversed(self.others)}
        return next((lower[one] for one in _IDS if one in lower), self.others[0] if self.others else None)


def call_columns_of(names: Sequence[str], is_number: Callable[[str], bool]) -> CallColumns | None:
    """The columns of a matrix of calls, None of any other table."""
    if len(names) < FEWEST or len(set(names)) < len(names):
        return None
    others = []
    for name in names:
        if variant_of(name) is None:
            others.append(name)
            if len(others) > max(_MOST_OTHERS, len(names) // 20):
                return None
    beside = frozenset(others)
    variants = tuple(name for name in names if name not in beside)
    fits = len(variants) >= max(FEWEST, len(others)) and all(map(is_number, variants))
    return CallColumns(variants, tuple(others)) if fits else None


def parts_of_columns(
    samples: tuple[str, ...],
    variants: Sequence[str],
    read: Callable[[Sequence[str]], Iterable[tuple[int, int, Any]]],
    limits: Limits,
) -> Iterator[Genotypes]:
    """Parts of some variants each.

    `read` gives pieces of columns: which of those asked for, from which sample on, and the numbers, NaN where missing.
    """
    step = variants_a_part(limits, len(samples))
    for start in range(0, len(variants), step):
        some = variants[start : start + step]
        calls = np.full((len(some), len(samples)), -1, np.int8)
        for at, first, values in read(some):
            numbers = np.ascontiguousarray(values, dtype=np.float32)
            round_dosages(numbers, SURE_WITHIN, calls[at, first : first + len(numbers)])
        yield part_of(samples, [split_counted(name) for name in some], calls)
