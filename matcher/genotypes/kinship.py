"""How likely two genotypes are of one person, of kin, or of strangers, at one site.

Tables follow from Hardy-Weinberg proportions and identity by descent: IBD 2 (one person), IBD 1 (parent and
child), a quarter of each end and a half between for full siblings, IBD 0 (strangers); both genotypes are seen through
the same error model (right with 1 - e, else either of the other two).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def log_odds(frequencies: Array, error: float) -> tuple[Array, Array]:
    """Natural log odds against strangers, of one person and of full siblings.

    `frequencies` (sites) of the counted allele, in (0, 1); both results are (sites, 3, 3), indexed by the two
    dosages. Siblings here stand for all first-degree kin.
    """
    p = np.clip(frequencies, 1e-3, 1 - 1e-3)
    q = 1 - p
    zero = np.zeros_like(p)
    alone = np.stack([q**2, 2 * p * q, p**2], axis=-1)
    ibd2 = alone[:, :, None] * np.eye(3)
    ibd1 = np.stack(
        [
            np.stack([q**3, p * q**2, zero], axis=-1),
            np.stack([p * q**2, p * q, p**2 * q], axis=-1),
            np.stack([zero, p**2 * q, p**3], axis=-1),
        ],
        axis=1,
    )
    seen = np.full((3, 3), error / 2) + (1 - 1.5 * error) * np.eye(3)
    blurred_alone = alone @ seen
    strangers = blurred_alone[:, :, None] * blurred_alone[:, None, :]

    def blurred(joint: Array) -> Array:
        through: Array = np.einsum("vab,ac,bd->vcd", joint, seen, seen)
        return through

    same = blurred(ibd2)
    kin = 0.25 * same + 0.5 * blurred(ibd1) + 0.25 * strangers
    return np.log(same / strangers), np.log(kin / strangers)


def chance_of_identical_sibling(spans_in_morgans: Array) -> float:
    """The chance that a full sibling shares both haplotypes over all these stretches: .25 exp(-4 L) each."""
    return float(np.prod(0.25 * np.exp(-4.0 * spans_in_morgans)))
