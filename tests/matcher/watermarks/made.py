"""Made-up cohorts with linkage, by seed."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

MASTER = bytes(range(32))


def genotypes(people: int, variants: int, seed: int = 1, switch: float = 0.02) -> npt.NDArray[np.int8]:
    """Mosaics of forty ancestral haplotypes, variants × people."""
    rng = np.random.default_rng(seed)
    frequency = rng.beta(0.8, 0.8, variants)
    ancestors = (rng.random((40, variants)) < frequency).astype(np.int8)

    def mosaic(source: npt.NDArray[np.int8], count: int, switches: float) -> npt.NDArray[np.int8]:
        which = rng.integers(0, len(source), (count, variants))
        breaks = rng.random((count, variants)) < switches
        breaks[:, 0] = True
        last = np.maximum.accumulate(np.where(breaks, np.arange(variants), 0), axis=1)
        return source[np.take_along_axis(which, last, 1), np.arange(variants)]

    founders = mosaic(ancestors, 300, 0.1)
    haplotypes = mosaic(founders, 2 * people, switch)
    return np.ascontiguousarray((haplotypes[:people] + haplotypes[people:]).T)
