"""The codes: how often a unit is marked, in which layer, for whom.

Two layers. The sparse layer marks few units of the recipient's own, each worth two decades: it names single leakers
from small leaks, and dies when three copies are voted. The coded layer sits at positions that are the same for all
recipients, with Nuida's discrete biases for coalitions of up to five: each position is worth a fifth of a
decade, and no vote removes it.

Nuida et al., "An improvement of discrete Tardos fingerprinting codes", Des. Codes Cryptogr. 52 (2009): for c = 5, 6
the biases are the Gauss-Legendre points below.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

NUIDA_BIASES = (0.13820, 0.5, 0.86180)
NUIDA_WEIGHTS = (0.33199, 0.33602, 0.33199)


@dataclass(frozen=True, slots=True)
class Rates:
    """Shares of eligible units, as 64-bit integers: what marker and detector must agree on."""

    coded: int
    """A unit is in the coded layer where its K0 draw lies under this."""
    sparse: int
    """The threshold of a recipient's draw in the sparse layer."""
    biases: tuple[int, ...]
    """Thresholds of a recipient's draw in the coded layer, by class."""
    splits: tuple[int, ...]
    """Upper ends, within `coded`, of the classes of the coded layer."""
    others: tuple[tuple[int, tuple[int, ...]], ...] = ()
    """`sparse` and `splits` of density 1, 2, …, where marks are spread by variant; the fields above are density 0's."""

    @property
    def thresholds(self) -> npt.NDArray[np.uint64]:
        """By layer: 0 is sparse, then the coded ones, then the sparse layers of the other densities."""
        return np.array((self.sparse, *self.biases, *(one[0] for one in self.others)), dtype=np.uint64)

    @property
    def ladder(self) -> npt.NDArray[np.uint64]:
        """`splits` by density."""
        return np.array((self.splits, *(one[1] for one in self.others)), dtype=np.uint64)

    def as_json(self) -> dict[str, object]:
        return {
            "coded": self.coded,
            "sparse": self.sparse,
            "biases": list(self.biases),
            "splits": list(self.splits),
            "others": [[one[0], list(one[1])] for one in self.others],
        }

    @classmethod
    def from_json(cls, given: dict[str, object]) -> Rates:
        def whole(name: str) -> int:
            return int(str(given[name]))

        def several(name: str) -> tuple[int, ...]:
            values = given[name]
            assert isinstance(values, list)
            return tuple(int(one) for one in values)

        others = given.get("others", [])  # releases of version 1 have one density
        assert isinstance(others, list)
        return cls(
            whole("coded"),
            whole("sparse"),
            several("biases"),
            several("splits"),
            tuple((int(one[0]), tuple(int(end) for end in one[1])) for one in others),
        )


def rates(
    sparse: float,
    coded: float,
    biases: tuple[float, ...] = NUIDA_BIASES,
    weights: tuple[float, ...] = NUIDA_WEIGHTS,
) -> Rates:
    """Rates from shares of the eligible units."""
    ends = np.cumsum(np.array(weights) / sum(weights))
    scale = min(2**64 - 1, int(coded * 2**64))
    splits = [int(scale * float(end)) for end in ends]
    splits[-1] = scale
    return Rates(
        coded=scale,
        sparse=int(sparse * 2**64),
        biases=tuple(int(one * 2**64) for one in biases),
        splits=tuple(splits),
    )


CHANGE_WEIGHTS = (0.36, 0.42, 0.22)
"""Nuida's biases weighed by what a changed call costs: a unit of the highest is changed in six copies of seven, and
tells no more against a majority than one of the lowest; it is there against those who keep what their copies share."""
CODED_CHANGES = 0.07
"""The share of the changed cells that the coded layer has; it has some two positions for each."""


def genotype_rates(densities: Sequence[float]) -> Rates:
    """Rates that change these shares of the eligible units, one for each density of variants."""
    changed = float(np.dot(NUIDA_BIASES, CHANGE_WEIGHTS))
    by_density = []
    for density in densities:
        coded = CODED_CHANGES * density / changed
        sparse = (1 - CODED_CHANGES) * density / (1 - coded)
        by_density.append(rates(sparse, coded, weights=CHANGE_WEIGHTS))
    return replace(by_density[0], others=tuple((one.sparse, one.splits) for one in by_density[1:]))


def ambiguous_rates(ambiguous_share: float, mean_harm: float = 0.17) -> Rates:
    """Rates for imputed calls that are nearly even: a swap errs only by the difference of the two probabilities.

    The budget is expected true error, 0.1 % of all cells, not changed cells.
    """
    density = min(0.2, 0.001 / max(ambiguous_share * mean_harm, 1e-9))
    return rates(density, 0.1)


DIGIT_RATES = rates(0.5, 0.5)
"""Last digits: half of the cells fair coins, half with Nuida's biases for coalitions."""
