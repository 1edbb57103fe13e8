"""Rows of canaries in a table: each cell comes from one of the rows that resemble a real one most.

Measurements get a keyed offset of up to `REACH` units of the last place (a fiftieth of the field's spread): the
detector knows it, and nobody else can tell it from the measurement's own digits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from matcher.watermarks.canaries import drawn
from matcher.watermarks.digits import MISSING_VALUE, Field, scaled, written
from matcher.watermarks.phenotypes import Batch, Layout, batches
from matcher.watermarks.units import U64, field_unit

POOL = 2_000
NEAREST = 8
REACH = 500
SPREAD_SHARE = 50
_ROW, _CELL, _OFFSET, _POOLED = 5, 6, 7, 8


@dataclass(frozen=True, slots=True)
class CanaryRows:
    """The rows as they are written (ids left open), and what the detector keeps of them."""

    cells: Batch
    record: dict[str, list[list[int]]] = field(default_factory=dict)
    """By field, for each canary: [value, base, reach] in units of the last place; missing values are left out."""


def canary_rows(
    path: Path, layout: Layout, fields: Sequence[Field], key: U64, count: int, rows: int
) -> CanaryRows:
    """Rows for `count` canaries like those of a table of so many `rows`."""
    pool = _pool(path, layout, key, rows)
    size = len(pool[0]) if pool else 0
    if not size:
        return CanaryRows([[] for _ in layout.columns])
    close = _nearest(pool, (layout.id_at, layout.family_at))
    every = np.arange(len(layout.columns), dtype=np.uint64)
    cells: Batch = [[] for _ in layout.columns]
    for k in range(count):
        like = close[int(drawn(key, _ROW, k, every[:1])[0]) % size]
        picks = drawn(key, _CELL, k, every) % np.uint64(like.size)
        for at, column in enumerate(pool):
            cells[at].append(column[like[int(picks[at])]])
    record: dict[str, list[list[int]]] = {}
    for one in fields:
        at = layout.columns.index(one.name)
        values = scaled(pool[at], one.decimals)
        known = values[values != MISSING_VALUE]
        if not known.size:
            continue
        reach = int(np.clip(known.std() / SPREAD_SHARE, 2, REACH))
        record[one.name] = _offset(cells[at], one, key, reach, int(known.min()))
    return CanaryRows(cells, record)


def _offset(column: list[str], one: Field, key: U64, reach: int, least: int) -> list[list[int]]:
    """Moves a column's values in place."""
    out: list[list[int]] = []
    for k, found in enumerate(scaled(column, one.decimals).tolist()):
        if found == MISSING_VALUE:
            out.append([])
            continue
        base = max(found, least + reach)  # nothing under what people have
        move = int(drawn(key, _OFFSET, k, np.array([field_unit(one.name)], dtype=np.uint64))[0]) % (
            2 * reach + 1
        )
        value = base + move - reach
        column[k] = written(value, one.decimals, column[k])
        out.append([value, base, reach])
    return out


def _pool(path: Path, layout: Layout, key: U64, rows: int) -> Batch:
    """Some rows of the table, drawn by key."""
    wanted = np.arange(rows)
    if rows > POOL:
        wanted = np.sort(
            np.argsort(drawn(key, _POOLED, 0, np.arange(rows, dtype=np.uint64)), kind="stable")[:POOL]
        )
    pool: Batch = [[] for _ in layout.columns]
    start = 0
    for batch in batches(path, layout):
        end = start + len(batch[0])
        for r in wanted[(wanted >= start) & (wanted < end)] - start:
            for at, column in enumerate(batch):
                pool[at].append(column[r])
        start = end
    return pool


def _nearest(pool: Batch, leave_out: tuple[int | None, ...]) -> npt.NDArray[np.int64]:
    """For each row of the pool the rows nearest to it in all numeric columns, itself not among them."""
    columns = []
    for at, column in enumerate(pool):
        values = None if at in leave_out else _numbers(column)
        if values is not None:
            columns.append(values)
    size = len(pool[0])
    if not columns or size < 3:
        return np.tile(np.arange(size), (size, 1))
    space = np.stack(columns, axis=1)
    apart = (space**2).sum(axis=1)[:, None] + (space**2).sum(axis=1)[None, :] - 2 * space @ space.T
    np.fill_diagonal(apart, np.inf)
    return np.asarray(np.argsort(apart, axis=1, kind="stable")[:, : min(NEAREST, size - 1)])


def _numbers(column: list[str]) -> npt.NDArray[np.float64] | None:
    """Standardised values, the mean where one is missing; None where a column has no numbers."""
    values = np.full(len(column), np.nan)
    for i, cell in enumerate(column):
        try:
            values[i] = float(cell)
        except ValueError:
            continue
    known = np.isfinite(values)
    if known.mean() < 0.5 or values[known].std() == 0:
        return None
    out = (values - values[known].mean()) / values[known].std()
    return np.where(known, out, 0.0)
