"""Reading phenotype marks: a found table's columns and rows aligned to a sealed source, then its units."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from matcher.watermarks.align import NOBODY, match_rows, sorted_fields
from matcher.watermarks.digits import MISSING_VALUE, Field, read_units
from matcher.watermarks.found import FoundColumn, FoundTable
from matcher.watermarks.measures import in_the_sources_units
from matcher.watermarks.odds import Units, together
from matcher.watermarks.phenotypes import KIND, field_word, source_fields
from matcher.watermarks.sealed import SealedReader
from matcher.watermarks.units import cohort_key

MOST_CANDIDATES = 200_000
LOOSE_FIFTHS = 3
"""Fields that agree where two of a table's may have changed names."""
MOST_REPLACED = 0.5
"""Of a field with more cells that are neither value nor mark digits were replaced: they would drown the others'."""
MOST_ROWS = 20_000
"""Rows of a table that are aligned, spread over it: enough to name anyone, and a bound on time."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Units of one class, how many rows or samples were aligned, and the rate of errors seen beside the marks."""

    units: Units
    aligned_count: int
    errors: float | None


def read_table(
    table: FoundTable, reader: SealedReader, roster_units: npt.NDArray[np.uint64], master: bytes
) -> Reading | None:
    """The units of one found table against one source; None where they share nothing."""
    pairs = shared_columns(table, source_fields(reader))
    if len(pairs) < 2 or table.rows_count == 0:
        return None
    table = in_the_sources_units(table, pairs, reader)
    found = [_some(np.concatenate(table.numeric[at].values)) for at, _ in pairs]
    values = np.stack([reader.array(f"values/{field.name}") for _, field in pairs])
    if not values.shape[1]:
        return None
    scaled = np.stack([_in_last_places(one, field) for one, (_, field) in zip(found, pairs, strict=True)])
    lost = [max(0, field.decimals - table.numeric[at].decimals) for at, field in pairs]
    tolerances = np.array([12 + (10**one + 1) // 2 for one in lost], dtype=np.int64)
    rows, kept = _rows_of(scaled, values, tolerances)
    pairs, found, values = [pairs[f] for f in kept], [found[f] for f in kept], values[kept]
    return units_of_rows(table, pairs, found, rows, values, reader.array("people"), roster_units, master)


def _rows_of(
    found: npt.NDArray[np.int64], values: npt.NDArray[np.int64], tolerances: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], list[int]]:
    """The source row of every found row, and the fields that count: without those that bear another's name."""
    order, anchors = sorted_fields(values)
    every = list(range(len(found)))
    rows = match_rows(found, values, order, anchors, tolerances, MOST_CANDIDATES)
    if 2 * (rows != NOBODY).sum() >= rows.size:
        return rows, every
    loose = match_rows(found, values, order, anchors, tolerances, MOST_CANDIDATES, LOOSE_FIFTHS)
    hit = loose != NOBODY
    both = (found[:, hit] != MISSING_VALUE) & (values[:, loose[hit]] != MISSING_VALUE)
    agree = both & (np.abs(found[:, hit] - values[:, loose[hit]]) <= tolerances[:, None])
    kept = np.flatnonzero(2 * agree.sum(axis=1) >= np.maximum(1, both.sum(axis=1))).tolist()
    if not 2 <= len(kept) < len(every):
        return rows, every
    again = match_rows(
        found[kept], values[kept], order[kept], anchors[kept], tolerances[kept], MOST_CANDIDATES
    )
    return (again, kept) if (again != NOBODY).sum() > (rows != NOBODY).sum() else (rows, every)


def units_of_rows(
    table: FoundTable,
    pairs: list[tuple[int, Field]],
    found: list[npt.NDArray[np.float64]],
    rows: npt.NDArray[np.int64],
    values: npt.NDArray[np.int64],
    people: npt.NDArray[np.int64],
    roster_units: npt.NDArray[np.uint64],
    master: bytes,
) -> Reading | None:
    hit = rows != NOBODY
    if not hit.any():
        return None
    key0 = cohort_key(master, KIND)
    participants = roster_units[people[rows[hit]]]
    parts, read, neither = [], 0, 0
    for f, (at, field) in enumerate(pairs):
        units, cells, wrong = read_units(
            found[f][hit], table.numeric[at].decimals, values[f, rows[hit]], field, participants, key0
        )
        if wrong > MOST_REPLACED * cells:
            continue
        parts.append(units)
        read += cells
        neither += wrong
    if not parts:
        return None
    # what is neither value nor mark is noise; as much again may have fallen on one of the two
    errors = min(0.45, 2 * neither / max(1, read) + 1 / (read + 20))
    return Reading(together(parts), int(np.unique(participants).size), errors)


def shared_columns(table: FoundTable, fields: list[Field]) -> list[tuple[int, Field]]:
    by_word = {field_word(field.name): field for field in fields}
    pairs, used = [], set()
    for at in table.decimal_columns():
        field = by_word.get(field_word(table.columns[at]))
        if field is not None and field.name not in used:
            used.add(field.name)
            pairs.append((at, field))
    return pairs


def _some(column: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    if column.size <= MOST_ROWS:
        return column
    return np.asarray(column[np.linspace(0, column.size - 1, MOST_ROWS).astype(np.int64)])


def scaled_column(column: FoundColumn, field: Field) -> npt.NDArray[np.int64]:
    """A found column in units of the source's last place, as many rows as are aligned."""
    return _in_last_places(_some(np.concatenate(column.values)), field)


def _in_last_places(found: npt.NDArray[np.float64], field: Field) -> npt.NDArray[np.int64]:
    whole = np.isfinite(found)
    out = np.full(found.size, MISSING_VALUE, dtype=np.int64)
    out[whole] = np.rint(found[whole] * 10.0**field.decimals).astype(np.int64)
    return out
