"""The exact tail: what a small find is worth when only the threshold counts.

A likelihood ratio wastes what it has above a threshold. The best test at a level is a step: with an integer
statistic T of a recipient's bits, chosen without looking at anyone's, and the exact chance P0(T ≥ t) under innocence,
the value 1{T ≥ t} / P0(T ≥ t) has mean 1, so it is an e-value like any other and may be mixed with the likelihood
ratio. Steps are set at the two levels that a decision is taken at, which are committed to before the release.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

STEPS_PER_DECADE = 16
"""Weights of T are whole numbers of sixteenths of a decade, so that T is an integer and its chances are exact."""
SHARES = (0.55, 0.10)
"""The shares of the mixture that go to the steps at `accuse` and `investigate`; the rest is the likelihood ratio's."""
MOST_UNITS = 20_000
"""Larger finds are far beyond any threshold or have nothing to say; their likelihood ratio is taken as it is."""
NEGLIGIBLE = 1e-24


def levels_of(releases: int) -> tuple[float, float]:
    """log10 of what is needed to accuse and to investigate among so many releases."""
    return (float(np.log10(max(1, releases))) + 6.0, float(np.log10(max(1, releases))) + 3.0)


@dataclass(frozen=True, slots=True)
class Step:
    """One step: recipients whose T is `at` or more get 10^`height`, all others nothing."""

    share: float
    at: int
    height: float


def weights_of(of_one: Floats, of_zero: Floats) -> Ints:
    """The weight of a bit of 1 in every cell of the statistic, from log10 of r under one hypothesis."""
    return np.rint((of_one - of_zero) * STEPS_PER_DECADE).astype(np.int64)


def steps_of(weights: Ints, totals: Ints, p: Floats, levels: tuple[float, ...]) -> list[Step]:
    """The lowest steps that reach each level; a level that this find cannot reach has none.

    `totals[2 k + y]` units of class k, whose bits are 1 with probability `p[k]` each.
    """
    if not levels or totals.sum() > MOST_UNITS:
        return []
    lowest, chances, beyond = _chances(weights, totals, p)
    tail = np.cumsum(chances[::-1])[::-1] + beyond
    out = []
    for share, level in zip(SHARES, levels, strict=True):
        reached = np.flatnonzero((tail <= share * 10.0**-level) & (chances > 0))
        if reached.size:
            at = int(reached[0])
            out.append(Step(share, lowest + at, float(-np.log10(tail[at]))))
    return out


def _chances(weights: Ints, totals: Ints, p: Floats) -> tuple[int, Floats, float]:
    """(lowest value, chance of each value from there, bound on what was cut off) of Σ weights × bits."""
    chances, lowest, beyond = np.ones(1), 0, 0.0
    for cell, (weight, total) in enumerate(zip(weights.tolist(), totals.tolist(), strict=True)):
        if not weight or not total:
            continue
        counts, cut = binomial(total, float(p[cell // 2]))
        beyond += cut
        spread = np.zeros(chances.size + abs(weight) * (counts.size - 1))
        for k, chance in enumerate(counts):
            at = k * weight if weight > 0 else (counts.size - 1 - k) * -weight
            spread[at : at + chances.size] += chance * chances
        lowest += min(0, weight * (counts.size - 1))
        chances = spread
    return lowest, chances, beyond


def binomial(total: int, p: float) -> tuple[Floats, float]:
    """Chances of 0, 1, … ones up to where the rest is negligible, and a bound on that rest."""
    k = np.arange(total)
    logs = np.cumsum(np.log((total - k) / (k + 1.0)) + np.log(p) - np.log1p(-p))
    out = np.exp(np.concatenate([[0.0], logs]) + total * np.log1p(-p))
    falling = (total - k) * p / ((k + 1.0) * (1 - p))
    ends = np.flatnonzero((falling < 0.5) & (out[1:] < NEGLIGIBLE))
    if not ends.size:
        return out, 0.0
    last = int(ends[0]) + 1
    return out[:last], float(2 * out[last])
