"""The budget: how many cells of each variant are changed, by what a change costs there and what it gives.

A change of c of a variant's cells costs about c / 2p(1 - p) of its r². A mark tells the more the thinner it is spread
over cells that may be changed, and a find of a few sites is named the more surely the more evenly sites carry marks. So
marks go to variants by the square root of their eligible share and by what is over of 1 - h / 2p(1 - p), with the least
h that keeps the mean cost to common variants under its limit; no variant is meant to pay more than 0.008 of its r².
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from matcher.watermarks.codes import Rates, genotype_rates

Floats = npt.NDArray[np.float64]

MOST_CHANGED = 0.000995
"""The share of all cells that no copy exceeds: the budget stays four standard deviations of chance below it."""
LEAST_CHANGED = 0.0005
"""The budget of files so small that four standard deviations would leave less."""
MOST_COST = 0.0039
"""Mean loss of r² over common variants; 0.004 is promised."""
MOST_COST_OF_ONE = 0.008
DENSEST = 0.06
COMMON = 0.05
LADDER = 1.35
"""Densities of variants differ by this factor; each becomes a layer of its own."""
RUNGS = 14
NO_MARKS = 255


def spread_marks(
    eligible: Floats, frequency: Floats, cells_count: int
) -> tuple[Rates, npt.NDArray[np.uint8], float]:
    """(rates, the density of every variant or NO_MARKS, share of cells expected to change).

    `eligible` is the share of each variant's cells that may be changed, `frequency` its allele frequency.
    """
    densities, share = changes(eligible, frequency, cells_count)
    classes = np.full(eligible.size, NO_MARKS, dtype=np.uint8)
    marked = np.flatnonzero(densities > 0)
    if not marked.size:
        return genotype_rates([1e-9]), classes, 0.0
    rungs = np.rint(np.log(DENSEST / densities[marked]) / np.log(LADDER)).astype(np.int64)
    kept, classes[marked] = np.unique(np.minimum(rungs, RUNGS), return_inverse=True)
    # the mean over a density's cells, so that as many are changed as if every variant had its own
    cells = eligible[marked]
    levels = [
        float(np.average(densities[marked][classes[marked] == k], weights=cells[classes[marked] == k]))
        for k in range(kept.size)
    ]
    return genotype_rates(levels), classes, share


def changes(eligible: Floats, frequency: Floats, cells_count: int) -> tuple[Floats, float]:
    """The share of each variant's eligible cells to change, and the share of all cells that this makes."""
    spread = np.maximum(2 * frequency * (1 - frequency), 1e-9)
    common = np.minimum(frequency, 1 - frequency) >= COMMON
    if not (common & (eligible > 0)).any():
        return np.zeros(eligible.size), 0.0
    total = max(LEAST_CHANGED, MOST_CHANGED - 4 * np.sqrt(0.001 / max(1, cells_count)))
    limit = np.where(common, np.minimum(DENSEST * eligible, MOST_COST_OF_ONE * spread), 0.0)
    for least in np.arange(0.10, 0.45, 0.02):
        shape = np.sqrt(eligible) * np.maximum(0.0, 1 - least / spread)
        changed = filled(shape, limit, total)
        if np.mean((changed / spread)[common]) <= MOST_COST:
            break
    cost = float(np.mean((changed / spread)[common]))
    changed *= min(1.0, MOST_COST / max(cost, 1e-12))
    return changed / np.maximum(eligible, 1e-9), float(changed.mean())


def filled(shape: Floats, limit: Floats, total: float) -> Floats:
    """min(limit, factor × shape) with the factor that makes the mean `total`, or as near as the limits allow."""
    low, high = -12.0, 6.0
    for _ in range(80):
        middle = (low + high) / 2
        if np.minimum(limit, 10.0**middle * shape).mean() < total:
            low = middle
        else:
            high = middle
    return np.asarray(np.minimum(limit, 10.0**low * shape))
