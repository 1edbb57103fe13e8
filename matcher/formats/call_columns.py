"""Matrices of calls whose columns have names of their own (Parquet, data frames of R): which they are, and their parts.

A table is one where nearly all columns are named after variants and hold numbers; the other columns come as a table.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from matcher.contents import Genotypes, Limits
from matcher.formats.beside import SURE_WITHIN, variants_a_part
from matcher.formats.call_matrix import part_of
from matcher.formats.headers import ROW_NAME
from matcher.formats.unpacking import round_dosages, whole_calls
from matcher.genotypes.naming import split_counted, variant_of
from matcher.genotypes.variant_columns import FEWEST_VARIANTS

MOST_PEOPLE = 1 << 20
_MOST_OTHERS = 40
_PLAIN = re.compile(
    r"(rs\d{1,12}|(chr)?([1-9]|1\d|2[0-2]):\d{2,9}:[ACGT]{1,60}:[ACGT]{1,60})(_[ACGT]{1,60})?"
)
"""The commonest names of variants, told at a glance: `variant_of` takes ten times longer."""
_IDS = ("iid", "__index_level_0__", ROW_NAME, "sample", "sample_id", "id", "fid")


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
    if len(names) < FEWEST_VARIANTS or len(set(names)) < len(names):
        return None
    others = []
    for name in names:
        if _PLAIN.fullmatch(name) is None and variant_of(name) is None:
            others.append(name)
            if len(others) > max(_MOST_OTHERS, len(names) // 20):
                return None
    beside = frozenset(others)
    variants = tuple(name for name in names if name not in beside)
    fits = len(variants) >= max(FEWEST_VARIANTS, len(others)) and all(map(is_number, variants))
    return CallColumns(variants, tuple(others)) if fits else None


def parts_of_columns(
    samples: tuple[str, ...],
    variants: Sequence[str],
    read: Callable[[Sequence[str]], Iterable[tuple[int, int, Any]]],
    limits: Limits,
    calls_at_once: int = 0,
) -> Iterator[Genotypes]:
    """Parts of some variants each.

    `read` is asked for the columns of one part, or of as many as have `calls_at_once`. It gives pieces of them: which
    of those asked for, from which sample on, and an array of its numbers, NaN (of int8 -1) where missing; or one
    (columns × all samples) of several from that one on.
    """
    step = variants_a_part(limits, len(samples))
    columns = step * max(1, calls_at_once // (step * max(1, len(samples))))
    for start in range(0, len(variants), columns):
        some = variants[start : start + columns]
        calls = np.full((len(some), len(samples)), -1, np.int8)
        for at, first, values in read(some):
            if values.ndim == 2:
                _read_numbers(values.reshape(-1), calls[at : at + len(values)].reshape(-1))
            else:
                _read_numbers(values, calls[at, first : first + len(values)])
        for part in range(0, len(some), step):
            named = [split_counted(name) for name in some[part : part + step]]
            yield part_of(samples, named, calls[part : part + step])


def _read_numbers(values: Any, out: npt.NDArray[np.int8]) -> None:
    if values.dtype == np.int8:
        whole_calls(np.ascontiguousarray(values), out)
    else:
        round_dosages(np.ascontiguousarray(values, dtype=np.float32), SURE_WITHIN, out)
