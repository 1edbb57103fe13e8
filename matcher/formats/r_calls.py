"""Frames and matrices of R that hold calls: variants as named columns, or as named rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np

from matcher.contents import Genotypes, Limits
from matcher.formats.call_columns import call_columns_of, parts_of_columns
from matcher.formats.call_matrix import MOST_CALLS

Cells = Callable[[], Iterator[str]]
"""The cells of a column, from the start each time."""
Columns = Sequence[tuple[str, Cells]]
LOOKED_AT = 50


def calls_in(
    columns: Columns, row_names: Sequence[str], limits: Limits
) -> tuple[Columns, Iterator[Genotypes]] | None:
    """The columns that are no variants, and the calls of the others; None of any other table."""
    return _in_columns(columns, row_names, limits) or _in_rows(columns, row_names, limits)


def _in_columns(
    columns: Columns, row_names: Sequence[str], limits: Limits
) -> tuple[Columns, Iterator[Genotypes]] | None:
    by_name = dict(columns)
    found = call_columns_of([head for head, _ in columns], lambda head: _are_numbers(by_name[head]))
    if found is None:
        return None
    ids = found.ids()
    samples = tuple(row_names or (by_name[ids]() if ids else ()))
    if not samples:
        samples = tuple(str(at) for at, _ in enumerate(by_name[found.variants[0]](), start=1))

    def read(some: Sequence[str]) -> Iterator[tuple[int, int, Any]]:
        for at, head in enumerate(some):
            yield at, 0, _numbers(by_name[head], len(samples))

    others = [(head, by_name[head]) for head in found.others]
    return others, parts_of_columns(samples, found.variants, read, limits)


def _in_rows(
    columns: Columns, row_names: Sequence[str], limits: Limits
) -> tuple[Columns, Iterator[Genotypes]] | None:
    fits = columns and len(row_names) * len(columns) <= MOST_CALLS
    found = call_columns_of(row_names, lambda _: True) if fits else None
    if found is None or not all(_are_numbers(cells) for _, cells in columns):
        return None
    place = {name: at for at, name in enumerate(row_names)}
    calls = np.stack([_numbers(cells, len(row_names)) for _, cells in columns])

    def read(some: Sequence[str]) -> Iterator[tuple[int, int, Any]]:
        for at, name in enumerate(some):
            yield at, 0, calls[:, place[name]]

    return [], parts_of_columns(tuple(head for head, _ in columns), found.variants, read, limits)


def _are_numbers(cells: Cells) -> bool:
    return all(_number(one) is not None for one in islice(cells(), LOOKED_AT))


def _numbers(cells: Cells, count: int) -> Any:
    """So many cells as numbers; what is none is missing."""
    found = np.full(count, np.nan, np.float32)
    for at, one in enumerate(islice(cells(), count)):
        found[at] = _number(one)
    return found


def _number(cell: str) -> float | None:
    try:
        return float(cell) if cell else float("nan")
    except ValueError:
        return None
