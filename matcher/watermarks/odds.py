"""Detection: from counted bits to an e-value for every recipient.

Null hypothesis: no copy of recipient j's marked data contributed to the found file. Then j's bits are independent of
everything that was found, each unit's bit is 1 with its known probability p, and for every hypothesis θ about how the
file was made

    r_θ(y | x) = q_x(y) / (p q_1(y) + (1 - p) q_0(y))

has mean 1 over x. Products over units and mixtures over θ keep the mean: E[e_j] = 1 for any file, attack, noise and
coalition without j, so P(e_j ≥ t) ≤ 1/t. Whatever is chosen by looking at the found file, the source and K0 (rows,
orientation, the rate of errors) is allowed; nothing may be chosen by looking at a recipient's bits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from matcher.watermarks.codes import NUIDA_BIASES
from matcher.watermarks.steps import steps_of, weights_of
from matcher.watermarks.units import counts_of_bits

Floats = npt.NDArray[np.float64]

CAP = 12.0
"""Decades beyond which the likelier error is one of procedure (a wrong key, a mix-up), not of chance."""
ERRORS = (0.001, 0.005, 0.02, 0.06, 0.15, 0.3)
COALITIONS = {1: 0.5, 2: 0.2, 3: 0.1, 4: 0.1, 5: 0.1}
TOWARDS_MARK = 0.6
"""The share of wrong calls that fall on the mark's value."""
CODED_LAYERS = len(NUIDA_BIASES)
_ODD = np.uint64(0x9E3779B97F4A7C15)
MOST_UNITS = 12_000
"""Units of the sparse layer that show no mark and are scored all the same; more of them say little."""


@dataclass(frozen=True, slots=True)
class Units:
    """What was read: units of one class of marks, aligned to the source, each counted once."""

    first: npt.NDArray[np.uint64]
    second: npt.NDArray[np.uint64]
    layer: npt.NDArray[np.int64]
    """0 the sparse layer, 1 to 3 a class of the coded layer, 4 and above the sparse layers of other densities."""
    found: npt.NDArray[np.int64]
    """1 where the mark's value was found, 0 where the source's."""

    def __len__(self) -> int:
        return int(self.first.size)

    def take(self, index: npt.NDArray[np.bool_] | npt.NDArray[np.int64]) -> Units:
        return Units(self.first[index], self.second[index], self.layer[index], self.found[index])


def together(parts: list[Units]) -> Units:
    """All units of some parts; the same unit read twice (a mirror, a repeated row) counts once, as first read."""
    if not parts:
        empty = np.zeros(0, dtype=np.uint64)
        return Units(empty, empty, np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))
    whole = Units(
        np.concatenate([one.first for one in parts]),
        np.concatenate([one.second for one in parts]),
        np.concatenate([one.layer for one in parts]),
        np.concatenate([one.found for one in parts]),
    )
    # one number for each pair is quickly sorted; only if two agree need pairs themselves be compared
    mixed = np.sort((whole.first * _ODD) ^ whole.second)
    if not (mixed[1:] == mixed[:-1]).any():
        return whole
    pairs = np.empty(len(whole), dtype=[("a", np.uint64), ("b", np.uint64)])
    pairs["a"], pairs["b"] = whole.first, whole.second
    _, index = np.unique(pairs, return_index=True)
    return whole.take(np.sort(index))


def chosen(units: Units, most: int = MOST_UNITS) -> Units:
    """All units that tell much, and some of the sparse ones without a mark; chosen by what was found, not by keys."""
    dull = np.flatnonzero(((units.layer == 0) | (units.layer > CODED_LAYERS)) & (units.found == 0))
    if dull.size <= most:
        return units
    keep = np.ones(len(units), dtype=bool)
    keep[dull] = False
    keep[dull[np.linspace(0, dull.size - 1, most).astype(np.int64)]] = True
    return units.take(keep)


def score(
    units: Units,
    keys: npt.NDArray[np.uint64],
    thresholds: npt.NDArray[np.uint64],
    errors: float | None = None,
    levels: tuple[float, ...] = (),
) -> Floats:
    """log10 e-value of every recipient; `thresholds` by layer, `errors` the rate seen at cells without marks.

    `levels` are the decades that decisions are taken at, where the committed analysis has steps (its version 2).
    """
    if not len(units) or not keys.shape[0]:
        return np.zeros(keys.shape[0])
    layers = thresholds.size
    seen = np.bincount(units.layer * 2 + units.found, minlength=2 * layers)
    units = chosen(units)
    cells = units.layer * 2 + units.found
    ones = counts_of_bits(keys, units.first, units.second, thresholds[units.layer], cells, 2 * layers)
    totals = np.bincount(cells, minlength=2 * layers)
    return log10_e(ones, totals, thresholds.astype(np.float64) / 2.0**64, errors, seen, levels)


def log10_e(
    ones: npt.NDArray[np.int64],
    totals: npt.NDArray[np.int64],
    p: Floats,
    errors: float | None = None,
    seen: npt.NDArray[np.int64] | None = None,
    levels: tuple[float, ...] = (),
) -> Floats:
    """The mixture e-value from counts: `ones[j, 2 k + y]` bits of 1 among `totals[2 k + y]` units of class k.

    `seen` are the totals before any unit was left out. How many marks are shown in each class tells how many
    copies were combined and how, whoever's they are: hypotheses are weighed by it. It holds no
    bit of anyone, so the mean stays 1. With `levels` part of the mixture goes to steps under the likeliest hypothesis.
    """
    prior, of_one, of_zero, of_found = _ratios(p, errors)
    likely = of_found @ (totals if seen is None else seen) + np.log10(prior)
    best = int(np.argmax(likely))
    whole = weights_of(of_one[best], of_zero[best])
    steps = steps_of(whole, totals, p, levels)
    exponent = ones @ of_one.T + (totals[None, :] - ones) @ of_zero.T + np.log10(_weighed(prior, likely))
    exponent += np.log10(1 - sum(one.share for one in steps))
    reached = [np.where(ones @ whole >= one.at, one.height + np.log10(one.share), -np.inf) for one in steps]
    terms = np.column_stack([exponent, *reached])
    top = terms.max(axis=1)
    return np.asarray(top + np.log10(np.power(10.0, terms - top[:, None]).sum(axis=1)))


KEPT_PRIOR = 0.3
"""The share of the weight that stays where it was put beforehand, should the find be unlike all hypotheses."""


def _weighed(prior: Floats, likely: Floats) -> Floats:
    posterior = np.power(10.0, likely - likely.max())
    return np.asarray(KEPT_PRIOR * prior / prior.sum() + (1 - KEPT_PRIOR) * posterior / posterior.sum())


def _ratios(p: Floats, errors: float | None) -> tuple[Floats, Floats, Floats, Floats]:
    """Prior weights of the hypotheses; by hypothesis and cell (class × found), log10 of r and of the chance of y.

    r for a bit of 1, r for a bit of 0, and the chance of what was found whatever the bit.
    """
    weights, ones, zeros, found = [], [], [], []
    for how, weight in _hypotheses():
        z0, z1 = how(p)
        for error, share in _error_weights(errors):
            q0 = z0 * (1 - error) + (1 - z0) * TOWARDS_MARK * error
            q1 = z1 * (1 - error) + (1 - z1) * TOWARDS_MARK * error
            mean = p * q1 + (1 - p) * q0
            weights.append(weight * share)
            ones.append(np.stack([np.log10((1 - q1) / (1 - mean)), np.log10(q1 / mean)], axis=1).ravel())
            zeros.append(np.stack([np.log10((1 - q0) / (1 - mean)), np.log10(q0 / mean)], axis=1).ravel())
            found.append(np.stack([np.log10(1 - mean), np.log10(mean)], axis=1).ravel())
    return np.array(weights), np.array(ones), np.array(zeros), np.array(found)


def _error_weights(errors: float | None) -> list[tuple[float, float]]:
    if errors is None:
        return [(one, 1 / len(ERRORS)) for one in ERRORS]
    near = min(max(errors, 0.0005), 0.45)
    seen = [(near, 0.7), (min(0.45, near * 2.5), 0.1), (max(0.0005, near / 2.5), 0.05)]
    return seen + [(one, 0.15 / len(ERRORS)) for one in ERRORS]


Shown = Callable[[Floats], tuple[Floats, Floats]]


def _hypotheses() -> Iterator[tuple[Shown, float]]:
    """(how a coalition of c, one of them j, chose each value; weight); answers P(mark shown | j's bit is 0, is 1)."""
    from math import comb

    rules: dict[str, Callable[[int, int], float]] = {
        "interleave": lambda k, c: k / c,
        "majority": lambda k, c: 1.0 if 2 * k > c else 0.5 if 2 * k == c else 0.0,
        "minority": lambda k, c: (
            0.0 if k == 0 else 1.0 if k == c or 2 * k < c else 0.5 if 2 * k == c else 0.0
        ),
        "all0": lambda k, c: 1.0 if k == c else 0.0,
        "all1": lambda k, c: min(1.0, k * c),
    }

    def shown(rule: Callable[[int, int], float], c: int) -> Shown:
        def of(p: Floats) -> tuple[Floats, Floats]:
            others = [comb(c - 1, k) * p**k * (1 - p) ** (c - 1 - k) for k in range(c)]
            z0 = np.sum([b * rule(k, c) for k, b in enumerate(others)], axis=0)
            z1 = np.sum([b * rule(k + 1, c) for k, b in enumerate(others)], axis=0)
            return np.asarray(z0), np.asarray(z1)

        return of

    yield shown(rules["interleave"], 1), COALITIONS[1]
    for c in (2, 3, 4, 5):
        names = ["interleave", "all0", "all1"] if c == 2 else list(rules)
        for name in names:
            yield shown(rules[name], c), COALITIONS[c] / len(names)
