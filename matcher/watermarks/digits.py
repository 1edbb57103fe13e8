"""Phenotype marks: the last digits of continuous values.

A field is marked where it is a measurement with decimals; never codes, dates, counts, doses, ages or whole numbers, and
never across a diagnostic threshold. Every markable cell is a unit, with one of these moves, drawn by K0 and the value:

- boundary: last digit 4 ↔ 6 (or last two 49 ↔ 51), so that the mark is still there when digits are rounded away;
- second-last: ten units of the last place, on one cell in 25, which survives one lost digit;
- last: one unit of the last place, everywhere else.

Values are integers in units of the last released place throughout, so marker and detector agree exactly.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from matcher.watermarks.codes import DIGIT_RATES
from matcher.watermarks.odds import Units
from matcher.watermarks.units import draws

Ints = npt.NDArray[np.int64]
MISSING_VALUE = np.iinfo(np.int64).min
MOST_DECIMALS = 9
LEAST_DISTINCT = 50
NEVER = re.compile(
    r"(^|[^a-z])(e?id|iid|fid|eids?|date|dob|birth|year|month|day|time|age|code|icd\d*|opcs|diag\w*|dose|dosage|count"
    r"|number|num|batch|centre|center|visit|sex|status|event|latitude|longitude|postcode|freetext)([^a-z]|$)",
    re.IGNORECASE,
)
THRESHOLDS = (
    5.5,
    5.6,
    5.7,
    6.1,
    6.4,
    6.9,
    7.8,
    11.1,
    1.8,
    2.3,
    3.4,
    4.1,
    4.9,
    2.6,
    3.9,
    0.45,
    1.2,
    1.3,
    1.7,
    2.2,
    0.9,
)
"""Cut-offs of diagnosis that are not multiples of a half (glucose, HbA1c, lipids, calcium); multiples of a half are all
kept apart too, which covers body-mass index, blood pressure, eGFR and the rest."""
_NUMBER = re.compile(r"[+-]?\d{1,12}(?:\.(\d+))?")


@dataclass(frozen=True, slots=True)
class Field:
    """A marked column: its name in the source and the decimals that it is released with."""

    name: str
    decimals: int
    unit: int


def decimals_of(cell: str) -> int:
    """Decimals as written; -1 where the cell is no plain number."""
    match = _NUMBER.fullmatch(cell.strip())
    return -1 if match is None else len(match.group(1) or "")


def continuous(name: str, cells: Sequence[str]) -> int | None:
    """The decimals of a column that may be marked, from a sample of its cells; None where it may not."""
    if NEVER.search(name.replace("_", " ")):
        return None
    filled = [cell for cell in cells if cell.strip() not in ("", "NA", "NaN", "nan", "null", "None", ".")]
    places = np.array([decimals_of(cell) for cell in filled])
    if len(filled) < 20 or (places < 0).mean() > 0.05:
        return None
    most = int(np.quantile(places[places >= 0], 0.98))
    if not 1 <= most <= MOST_DECIMALS or (places >= most - 1).mean() < 0.9:
        return None
    return most if len(set(filled)) >= min(LEAST_DISTINCT, len(filled) // 2) else None


def scaled(cells: Sequence[str], decimals: int) -> Ints:
    """Cells as integers in units of the last place; a cell written with far fewer decimals, or more, is left out."""
    out = np.full(len(cells), MISSING_VALUE, dtype=np.int64)
    for i, cell in enumerate(cells):
        places = decimals_of(cell)
        if max(1, decimals - 2) <= places <= decimals:
            out[i] = int(cell.strip().replace(".", "")) * 10 ** (decimals - places)
    return out


def written(value: int, decimals: int, like: str) -> str:
    """A marked value as the source writes its own: as many decimals, zeros dropped where it drops them."""
    sign, digits = ("-" if value < 0 else ""), str(abs(value)).rjust(decimals + 1, "0")
    text = f"{sign}{digits[:-decimals]}.{digits[-decimals:]}"
    if decimals_of(like) < decimals or like.endswith("0"):
        return text if like.endswith("0") and decimals_of(like) == decimals else text.rstrip("0").rstrip(".")
    return text


def moves(
    values: Ints, field: Field, participants: npt.NDArray[np.uint64], key0: npt.NDArray[np.uint64]
) -> tuple[Ints, Ints]:
    """Layer of every cell (-1: no unit) and the value that its mark has."""
    drawn = draws(key0, np.full(values.size, field.unit, dtype=np.uint64), participants)
    here = values != MISSING_VALUE
    size = np.abs(np.where(here, values, 0))
    up = np.where((drawn & np.uint64(1)) == 1, 1, -1).astype(np.int64)
    step = up.copy()
    if field.decimals >= 2:
        second = (drawn >> np.uint64(1)) % np.uint64(25) == 0
        step = np.where(second, 10 * up, step)
        last, two = size % 10, size % 100
        away = np.sign(np.where(here, values, 0))
        step = np.where(~second & (last == 4), 2 * away, step)
        step = np.where(~second & (last == 6), -2 * away, step)
        if field.decimals >= 3:
            step = np.where(~second & (two == 49), 2 * away, step)
            step = np.where(~second & (two == 51), -2 * away, step)
    else:
        # one decimal is near the measurement's own error: one cell in 25
        here = here & ((drawn >> np.uint64(1)) % np.uint64(25) == 0)
    marks = np.where(here, values + step, values)
    bad = _crosses(values, marks, field.decimals, here)
    marks = np.where(bad & here, values - step, marks)
    here = here & ~(bad & _crosses(values, marks, field.decimals, here))
    coded = drawn < np.uint64(DIGIT_RATES.coded)
    layer = np.zeros(values.size, dtype=np.int64)
    ends = np.array(DIGIT_RATES.splits, dtype=np.uint64)
    layer[coded] = 1 + np.minimum(np.searchsorted(ends, drawn[coded], side="right"), ends.size - 1)
    return np.where(here, layer, -1), np.where(here, marks, values)


def _crosses(values: Ints, marks: Ints, decimals: int, here: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """True where a threshold lies between value and mark, or on one of them, or the sign changes."""
    one = 10**decimals
    low = np.where(here, np.minimum(values, marks), 1)
    high = np.where(here, np.maximum(values, marks), 1)
    half = one // 2
    bad = (low - 1) // half != high // half
    for cut in THRESHOLDS:
        at = round(cut * one)
        bad |= (low <= at) & (at <= high)
    return np.asarray(bad | (np.sign(low) != np.sign(high)))


def mark_values(
    values: Ints,
    field: Field,
    participants: npt.NDArray[np.uint64],
    key0: npt.NDArray[np.uint64],
    key: npt.NDArray[np.uint64],
) -> Ints:
    """The values as the recipient gets them."""
    layer, marks = moves(values, field, participants, key0)
    drawn = draws(key, np.full(values.size, field.unit, dtype=np.uint64), participants)
    bit = (layer >= 0) & (drawn < DIGIT_RATES.thresholds[np.maximum(layer, 0)])
    return np.where(bit, marks, values)


def read_units(
    found: npt.NDArray[np.float64],
    found_decimals: int,
    values: Ints,
    field: Field,
    participants: npt.NDArray[np.uint64],
    key0: npt.NDArray[np.uint64],
) -> tuple[Units, int, int]:
    """Units of one column of aligned cells; also how many cells were read and how many are neither value nor mark."""
    layer, marks = moves(values, field, participants, key0)
    lost = max(0, field.decimals - found_decimals)
    with np.errstate(invalid="ignore"):
        seen = np.rint(np.where(np.isfinite(found), found, 0) * 10.0 ** (field.decimals - lost)).astype(
            np.int64
        )
    plain, marked = rounded(values, lost), rounded(marks, lost)
    near_plain, near_marked = np.abs(seen - plain), np.abs(seen - marked)
    usable = np.isfinite(found) & (values != MISSING_VALUE)
    close = usable & (np.minimum(near_plain, near_marked) <= 15)
    told = close & (layer >= 0) & (near_plain != near_marked)
    units = Units(
        np.full(int(told.sum()), field.unit, dtype=np.uint64),
        participants[told],
        layer[told],
        (near_marked < near_plain)[told].astype(np.int64),
    )
    neither = int((usable & (near_plain > 0) & (near_marked > 0)).sum())
    return units, int(usable.sum()), neither


def rounded(values: Ints, lost: int) -> Ints:
    """Values with `lost` last digits rounded away, halves away from zero."""
    if not lost:
        return values
    unit = 10**lost
    safe = np.where(values == MISSING_VALUE, 0, values)
    return np.asarray(np.sign(safe) * ((np.abs(safe) + unit // 2) // unit))
