"""Found columns in another unit than the source's, brought back before marks are read.

Known conversions only (glucose in mg/dl, weight in pounds, …), chosen by comparing the middles and spreads of the two
columns. The exact factor is the one near it under which most values fall on the source's grid of last places. Only the
source and the found file are looked at, so a wrong choice costs power and never validity.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from matcher.watermarks.digits import MISSING_VALUE, Field
from matcher.watermarks.found import FoundColumn, FoundTable
from matcher.watermarks.sealed import SealedReader

Floats = npt.NDArray[np.float64]
FACTORS = (
    18.0182,  # glucose, mmol/l to mg/dl
    38.67,  # cholesterol
    88.57,  # triglycerides
    88.42,  # creatinine, µmol/l from mg/dl
    59.48,  # urate
    17.1,  # bilirubin
    4.008,  # calcium
    2.8011,  # urea nitrogen
    3.0969,  # phosphate
    2.496,  # vitamin D
    2.20462,  # kg to pounds
    2.54,  # inches
    7.50062,  # kPa to mmHg
    4.184,  # kcal
    10.0,
    100.0,
    1000.0,
)
OFFSETS = ((1.8, 32.0), (0.09148, 2.152))
"""Celsius to Fahrenheit; HbA1c from mmol/mol to per cent."""
NEAR = 0.25
SAMPLE = 400
LEAST_VALUES = 30
NO_GRID = 0.25
"""Mean distance from the grid where there is none, in last places; a grid is seen six standard errors under it."""
SEARCHED = 0.003


def in_the_sources_units(
    table: FoundTable, pairs: list[tuple[int, Field]], reader: SealedReader
) -> FoundTable:
    """The table with every column of `pairs` in its source's unit."""
    numeric = dict(table.numeric)
    for at, field in pairs:
        source = reader.array(f"values/{field.name}")
        known = source[source != MISSING_VALUE] / 10.0**field.decimals
        column = _converted(table.numeric[at], known, field)
        if column is not None:
            numeric[at] = column
    return replace(table, known=numeric)


def _converted(column: FoundColumn, known: Floats, field: Field) -> FoundColumn | None:
    values = np.concatenate(column.values)
    found = values[np.isfinite(values)]
    if found.size < LEAST_VALUES or known.size < LEAST_VALUES:
        return None
    middles, spreads = (np.median(found), np.median(known)), (_spread(found), _spread(known))
    if not spreads[0] or not spreads[1] or _near(spreads[0], spreads[1]) or _near(middles[0], middles[1]):
        return None
    listed = [(f, 0.0) for one in FACTORS for f in (one, 1 / one)]
    listed += [pair for f, o in OFFSETS for pair in ((f, o), (1 / f, -o / f))]
    fits = [
        one
        for one in listed
        if _near(spreads[0], one[0] * spreads[1]) and _near(middles[0], one[0] * middles[1] + one[1])
    ]
    best: tuple[float, float, float] | None = None
    for factor, offset in fits:
        told = _on_grid(found, column.decimals, factor, offset, field)
        if told is not None and (best is None or told[0] < best[0]):
            best = (told[0], told[1], offset)
    if best is not None:
        plain = np.round((values - best[2]) / best[1], field.decimals)
        return FoundColumn([plain], field.decimals)
    if len(fits) != 1:
        return None
    # too few digits to see the grid: the factor as it is listed, and the digits that are left
    factor, offset = fits[0]
    left = int(np.floor(column.decimals + np.log10(factor)))
    if left < 0:
        return None
    return FoundColumn([np.round((values - offset) / factor, left)], min(left, field.decimals))


def _near(one: float, other: float) -> bool:
    return bool(other and abs(one / other - 1) < NEAR)


def _spread(values: Floats) -> float:
    low, high = np.quantile(values, (0.1, 0.9))
    return float(high - low)


def _on_grid(
    found: Floats, decimals: int, factor: float, offset: float, field: Field
) -> tuple[float, float] | None:
    """How far values lie from the source's grid at best, and under which factor; None where no grid is to be seen."""
    places = 10.0**field.decimals
    if places * 10.0**-decimals / factor > 0.7:
        return None
    some = found[np.linspace(0, found.size - 1, min(SAMPLE, found.size)).astype(np.int64)]
    steps = (some - offset) * places / factor
    fine = 0.1 / max(1.0, float(np.quantile(np.abs(steps), 0.9)))
    tried = min(40_000, int(SEARCHED / fine))
    best = (1.0, factor)
    shift = np.arange(-tried, tried + 1) * fine
    for part in np.array_split(shift, max(1, shift.size // 2_000)):
        moved = steps[None, :] / (1 + part)[:, None]
        away = np.abs(moved - np.rint(moved)).mean(axis=1)
        i = int(np.argmin(away))
        if away[i] < best[0]:
            best = (float(away[i]), factor * (1 + float(part[i])))
    return best if best[0] < NO_GRID - 6 * 0.1443 / np.sqrt(some.size) else None
