"""How likely two people's calls are if they are one person, parent and child, full siblings, or strangers.

At one site the tables follow from Hardy-Weinberg proportions and identity by descent: IBD 2 (one person, or an
identical twin), IBD 1 (parent and child), IBD 0 (strangers); both calls are seen through one error model (right with
1 - e, else either of the other two). Siblings are one of these from stretch to stretch: a hidden Markov chain over
the two parents' sides, whose switches follow from the map distance (Haldane), so that a sibling who shares a whole
stretch is never taken for the person. The error rate is not known: every likelihood is the mean over a few, which
keeps odds against strangers an e-value (mean at most 1 for a stranger) whatever the true rate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit, prange

Array = npt.NDArray[np.float64]
Calls = npt.NDArray[np.int8]

ERRORS = (0.002, 0.01, 0.03, 0.08)
"""Error rates of a call that are weighed, each with the same weight."""
LEAST_FREQUENCY = 1e-3
DRIFTS = (0.01, 0.03, 0.06, 0.1, 0.15, 0.2)
"""How far (F of Balding and Nichols) a population may have drifted from the cohort: 0.15 parts continents."""


@dataclass(frozen=True, slots=True)
class Odds:
    """Natural log odds against strangers, one entry a pair."""

    same: Array
    parent: Array
    sibling: Array
    error: Array
    """The error rate of ERRORS that fits the pair best if they are one person."""

    @property
    def kin(self) -> Array:
        return np.maximum(self.parent, self.sibling)


def joint_chances(frequencies: Array, error: float) -> Array:
    """Chances of two calls: (sites, 3, 3, 3) for IBD 0, 1, 2, each indexed by the two calls.

    `frequencies` of the counted allele are held to 0.001 … 0.999.
    """
    p = np.clip(frequencies, LEAST_FREQUENCY, 1 - LEAST_FREQUENCY)
    q = 1 - p
    zero = np.zeros_like(p)
    alone = np.stack([q**2, 2 * p * q, p**2], axis=-1)
    ibd1 = np.stack(
        [
            np.stack([q**3, p * q**2, zero], axis=-1),
            np.stack([p * q**2, p * q, p**2 * q], axis=-1),
            np.stack([zero, p**2 * q, p**3], axis=-1),
        ],
        axis=1,
    )
    ibd2 = alone[:, :, None] * np.eye(3)
    ibd0 = alone[:, :, None] * alone[:, None, :]
    seen = _seen(error)
    return np.stack([np.einsum("vab,ac,bd->vcd", one, seen, seen) for one in (ibd0, ibd1, ibd2)], axis=1)


def _seen(error: float) -> Array:
    """The chance that a genotype (row) is called as another (column)."""
    return np.full((3, 3), error / 2) + (1 - 1.5 * error) * np.eye(3)


def drifted_chances(frequencies: Array, drift: float, error: float) -> Array:
    """Chances of the calls of two strangers from one population that drifted from the cohort: (sites, 3, 3).

    Their four alleles are drawn one after the other by the formula of Balding and Nichols (1994): what was drawn once
    is likelier the next time.
    """
    p = np.clip(frequencies, LEAST_FREQUENCY, 1 - LEAST_FREQUENCY)
    real = np.empty((len(p), 3, 3))
    for one in range(3):
        for other in range(3):
            chance, drawn = np.ones_like(p), [0, 0]
            for allele in [1] * (one + other) + [0] * (4 - one - other):
                share = p if allele else 1 - p
                chance = (
                    chance * (drawn[allele] * drift + (1 - drift) * share) / (1 + (sum(drawn) - 1) * drift)
                )
                drawn[allele] += 1
            real[:, one, other] = chance * (2 if one == 1 else 1) * (2 if other == 1 else 1)
    seen = _seen(error)
    both: Array = np.einsum("vab,ac,bd->vcd", real, seen, seen)
    return both


def heterozygosity_only(chances: Array) -> Array:
    """The same tables where only "heterozygous or not" is known: no swap of alleles and no other strand changes it.

    Still indexed by calls: 0 and 2 both stand for homozygous.
    """
    group = np.array([[1.0, 0, 1.0], [0, 1.0, 0], [1.0, 0, 1.0]])
    grouped: Array = np.einsum("vkab,ac,bd->vkcd", chances, group, group)
    return grouped


def switch_chances(chromosomes: npt.NDArray[Any], morgans: Array) -> Array:
    """The chance that one parent's side of two siblings changes between a site and the one before it.

    (1 - exp(-4 d)) / 2: four meioses' halves between sharing and not (Haldane); 0.5 on another chromosome. Sites must
    be in order of chromosome and place.
    """
    distance = np.maximum(0.0, np.diff(morgans))
    chance = (1 - np.exp(-4 * distance)) / 2
    return np.concatenate([[0.5], np.where(chromosomes[1:] == chromosomes[:-1], chance, 0.5)])


def odds_of_pairs(
    found: Calls,
    participants: Calls,
    frequencies: Array,
    switches: Array,
    *,
    only_heterozygosity: bool = False,
) -> Odds:
    """Log odds of each pair of columns of `found` and `participants` (both sites × pairs; negative is missing).

    Sites are in order of chromosome and place, and unlinked enough to count apart; `switches` of `switch_chances`.
    """
    pairs = found.shape[1]
    each = np.empty((len(ERRORS), 4, pairs))
    for number, error in enumerate(ERRORS):
        chances = joint_chances(frequencies, error)
        if only_heterozygosity:
            chances = heterozygosity_only(chances)
        _likelihoods(
            np.ascontiguousarray(found),
            np.ascontiguousarray(participants),
            np.ascontiguousarray(chances),
            switches,
            each[number],
        )
    strangers = _mean(each[:, 0])
    return Odds(
        same=_mean(each[:, 1]) - strangers,
        parent=_mean(each[:, 2]) - strangers,
        sibling=_mean(each[:, 3]) - strangers,
        error=np.array(ERRORS)[each[:, 1].argmax(axis=0)],
    )


def kin_odds_over_drift(kin: Array, found: Calls, participants: Calls, frequencies: Array) -> Array:
    """Log odds of kin against strangers of one population, however it drifted from the cohort: the least over DRIFTS.

    `kin` are the odds of the same pairs against strangers of the cohort's population (`Odds.kin`). Frequencies that
    are not theirs make strangers of one population look alike; these odds do not fall for that.
    """
    unlike = np.full(found.shape[1], -np.inf)
    for drift in DRIFTS:
        tables = [drifted_chances(frequencies, drift, error) for error in ERRORS]
        each = np.stack([_log_chances(found, participants, table) for table in tables])
        unlike = np.maximum(unlike, _mean(each))
    strangers = _strangers(found, participants, [joint_chances(frequencies, error) for error in ERRORS])
    against_drift: Array = kin + strangers - np.maximum(unlike, strangers)
    return against_drift


def kin_odds_over_second_degree(
    kin: Array, found: Calls, participants: Calls, frequencies: Array, switches: Array
) -> Array:
    """Log odds of a child, parent or full sibling against a grandparent, uncle, aunt or half sibling.

    Those share one haplotype along half of the genome, in stretches, where a child shares one everywhere and full
    siblings share two along a quarter. Whoever is that far from a participant is kin to a large part of a country.
    `kin` is as in `kin_odds_over_drift`; sites are in order of chromosome and place.
    """
    chances = [joint_chances(frequencies, error) for error in ERRORS]
    second = _mean(np.stack([_second_degree(found, participants, one, switches) for one in chances]))
    over_second: Array = kin + _strangers(found, participants, chances) - second
    return over_second


def _strangers(found: Calls, participants: Calls, chances: list[Array]) -> Array:
    """The log chance of each pair of columns if nothing is shared, over all rates of errors."""
    return _mean(np.stack([_log_chances(found, participants, one[:, 0]) for one in chances]))


def _second_degree(found: Calls, participants: Calls, chances: Array, switches: Array) -> Array:
    """The log chance of each pair of columns if one haplotype is shared along half of the genome, in stretches."""
    none, one = np.full(found.shape[1], 0.5), np.full(found.shape[1], 0.5)
    total = np.zeros(found.shape[1])
    for mine, theirs, table, switch in zip(found, participants, chances, switches, strict=True):
        called = (mine >= 0) & (theirs >= 0)
        seen = np.where(called, table[:2, np.maximum(mine, 0), np.maximum(theirs, 0)], 1.0)
        none, one = (
            (none * (1 - switch) + one * switch) * seen[0],
            (one * (1 - switch) + none * switch) * seen[1],
        )
        both = none + one
        total += np.log(both)
        none, one = none / both, one / both
    return total


def _log_chances(found: Calls, participants: Calls, table: Array) -> Array:
    """The log chance of each pair of columns at all sites, from a table (sites, 3, 3)."""
    sites = np.arange(len(found))[:, None]
    both = (found >= 0) & (participants >= 0)
    logs = np.log(table)[sites, np.maximum(found, 0), np.maximum(participants, 0)]
    total: Array = np.where(both, logs, 0.0).sum(axis=0)
    return total


def _mean(logs: Array) -> Array:
    """The log of the mean of likelihoods, over the first axis."""
    top = logs.max(axis=0)
    mean: Array = top + np.log(np.exp(logs - top).mean(axis=0))
    return mean


@njit(cache=True, parallel=True, nogil=True)  # type: ignore[untyped-decorator,unused-ignore]
def _likelihoods(found: Any, people: Any, chances: Any, switches: Any, out: Any) -> None:
    """Fills `out` (strangers, same, parent and child, siblings; × pairs) with natural log likelihoods."""
    sites = found.shape[0]
    for pair in prange(found.shape[1]):
        stranger, same, parent, sibling = 0.0, 0.0, 0.0, 0.0
        none, one, both = 0.25, 0.5, 0.25
        for site in range(sites):
            s = switches[site]
            stay = 1.0 - s
            # Each parent's side is shared or not, and switches on its own; `one` holds both mixed states.
            none, one, both = (
                none * stay * stay + one * s * stay + both * s * s,
                2 * none * s * stay + one * (stay * stay + s * s) + 2 * both * s * stay,
                none * s * s + one * s * stay + both * stay * stay,
            )
            a, b = found[site, pair], people[site, pair]
            if a < 0 or b < 0:
                continue
            apart, half, whole = chances[site, 0, a, b], chances[site, 1, a, b], chances[site, 2, a, b]
            stranger += np.log(apart)
            same += np.log(whole)
            parent += np.log(half)
            none, one, both = none * apart, one * half, both * whole
            total = none + one + both
            sibling += np.log(total)
            none, one, both = none / total, one / total, both / total
        out[0, pair], out[1, pair], out[2, pair], out[3, pair] = stranger, same, parent, sibling
