"""Synthetic cohorts for the bench of genotypes: mosaics of coalescent haplotypes, with children and siblings, by seed.

Twenty chromosomes of one Morgan; a base pair of the simulation stands for twenty, so that positions run to 100 Mb.
"""

from __future__ import annotations

from dataclasses import dataclass

import msprime
import numpy as np
import numpy.typing as npt

CHROMOSOMES = 20
FOUNDERS = 2_000
TRACT_MORGANS = 0.01
Matrix = npt.NDArray[np.int8]


@dataclass(frozen=True)
class Panel:
    """Founder haplotypes (variants × 2 founders) and where their variants lie; positions are 1-based."""

    haplotypes: Matrix
    chromosomes: npt.NDArray[np.int64]
    positions: npt.NDArray[np.int64]

    def alleles(self, row: int) -> tuple[str, str]:
        return (("A", "C"), ("A", "G"), ("T", "C"), ("T", "G"))[row % 4]


def panel(variants: int, seed: int = 11, founders: int = FOUNDERS) -> Panel:
    """About `variants` common variants (5 % and more) of an out-of-equilibrium-free constant population."""
    rng = np.random.default_rng(seed)
    each = -(-variants // CHROMOSOMES)
    haplotypes, chromosomes, positions = [], [], []
    for chromosome in range(1, CHROMOSOMES + 1):
        trees = msprime.sim_ancestry(
            founders,
            population_size=10_000,
            sequence_length=5e6,
            recombination_rate=1e-8,
            random_seed=seed * 100 + chromosome,
        )
        mutated = msprime.sim_mutations(trees, rate=4e-9, random_seed=seed * 100 + chromosome)
        kept, at = [], []
        for variant in mutated.variants():
            share = variant.genotypes.mean()
            if 0.05 < share < 0.95 and variant.genotypes.max() == 1:
                kept.append(variant.genotypes.astype(np.int8))
                at.append(int(variant.site.position))
        chosen = np.sort(rng.choice(len(kept), min(each, len(kept)), replace=False))
        places = np.maximum(1, np.array(at)[chosen] * 20 + 1)
        _, first = np.unique(places, return_index=True)
        haplotypes.append(np.stack(kept)[chosen][first])
        chromosomes.append(np.full(len(first), chromosome))
        positions.append(places[first])
    return Panel(np.concatenate(haplotypes), np.concatenate(chromosomes), np.concatenate(positions))


def haplotypes_of(founders: Panel, count: int, seed: int) -> Matrix:
    """`count` new haplotypes (variants × count): mosaics of the founders' with tracts of a centimorgan in the mean."""
    rng = np.random.default_rng(seed)
    out = np.empty((len(founders.positions), count), np.int8)
    morgans = founders.positions * 1e-8
    for chromosome in range(1, CHROMOSOMES + 1):
        on = np.flatnonzero(founders.chromosomes == chromosome)
        gaps = np.diff(morgans[on], prepend=morgans[on[0]])
        source = rng.integers(founders.haplotypes.shape[1], size=count)
        for row, gap in zip(on, gaps, strict=True):
            switch = rng.random(count) < 1 - np.exp(-gap / TRACT_MORGANS)
            source = np.where(switch, rng.integers(founders.haplotypes.shape[1], size=count), source)
            out[row] = founders.haplotypes[row, source]
    return out


def gamete(founders: Panel, haplotypes: Matrix, person: int, rng: np.random.Generator) -> Matrix:
    """What a person hands on: crossings-over as a Poisson process of one a Morgan."""
    out = np.empty(len(founders.positions), np.int8)
    for chromosome in range(1, CHROMOSOMES + 1):
        on = np.flatnonzero(founders.chromosomes == chromosome)
        cuts = np.sort(rng.random(rng.poisson(1.0))) * 1e8
        side = (np.searchsorted(cuts, founders.positions[on]) + rng.integers(2)) % 2
        out[on] = haplotypes[on, 2 * person + side]
    return out


def dosages_of(haplotypes: Matrix) -> Matrix:
    return haplotypes[:, 0::2] + haplotypes[:, 1::2]


def with_errors(calls: Matrix, errors: float, missing: float, rng: np.random.Generator) -> Matrix:
    """Calls of which a share is replaced by another call, and a share is missing."""
    out = calls.copy()
    wrong = rng.random(out.shape) < errors
    out[wrong] = (out[wrong] + rng.integers(1, 3, wrong.sum())) % 3
    out[rng.random(out.shape) < missing] = -1
    return out


def imputed(
    founders: Panel, haplotypes: Matrix, typed: npt.NDArray[np.bool_], wrong: float, seed: int
) -> Matrix:
    """Haplotypes of which only some variants are typed, the rest filled by copying from other people's.

    Along that share `wrong` of each haplotype, in stretches of a centimorgan, the copied one is not the right one; so
    r² of what is filled is about (1 - wrong)². Typed variants stay as they are.
    """
    rng = np.random.default_rng(seed)
    out, other = haplotypes.copy(), haplotypes_of(founders, haplotypes.shape[1], seed + 1)
    gaps = np.diff(founders.positions, prepend=0) * 1e-8
    astray = rng.random(haplotypes.shape[1]) < wrong
    for row, gap in enumerate(gaps):
        anew = rng.random(haplotypes.shape[1]) < (1 - np.exp(-gap / TRACT_MORGANS) if gap > 0 else 1.0)
        astray = np.where(anew, rng.random(haplotypes.shape[1]) < wrong, astray)
        if not typed[row]:
            out[row, astray] = other[row, astray]
    return out
