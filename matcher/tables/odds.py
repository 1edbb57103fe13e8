"""e-values for counting hits: how much better than chance, without saying beforehand what share of a find is a leak.

Null: each of n things hits by chance, on its own, with a probability of at most p (p may differ from thing to thing).
Alternative: a share f of them is the real thing and always hits, the rest is chance. The likelihood ratios for some f
between 2 and 100 % are averaged. Their mean under the null is at most 1, so that by Markov's inequality
10**-log10_e bounds the probability that chance gets so far.

And what tells two origins of a find apart, a release from another or from the cohort at large: what one held and the
other lacked, more often than slips explain.
"""

from __future__ import annotations

from math import log10

import numpy as np
import numpy.typing as npt

SHARES = np.array([0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.97, 0.999])
SLIPS = 0.02
"""How often what a release held fails to be found in it (a corrected value, a withdrawal, a register's fault)."""
FROM_SELECTION = 5.0
"""The most that weighs against the cohort at large, or for a draw: a find may be any part of a larger whole."""


def log10_e_value(hit_chances: npt.NDArray[np.float64], misses_count: int) -> float:
    """log10 of the e-value for hits whose chance probabilities are given, and a number of misses."""
    hits = np.clip(np.asarray(hit_chances, dtype=np.float64), 1e-12, 1.0)
    values, counts = np.unique(hits, return_counts=True)
    gains = np.log10(SHARES[:, None] + (1 - SHARES[:, None]) * values[None, :]) - np.log10(values)[None, :]
    logs = gains @ counts + misses_count * np.log10(1 - SHARES)
    peak = float(logs.max())
    return peak + log10(float(np.mean(10.0 ** (logs - peak))))


def log10_lacking(held: npt.NDArray[np.bool_], others: npt.NDArray[np.bool_]) -> float:
    """log10 of the e-value that more of the found than slips explain were held by one origin and not by the other.

    Among all that was found, so that the slips of a large find, which the larger origin always covers, say nothing.
    """
    only = int((held & ~others).sum())
    return max(0.0, log10_e_value(np.full(only, SLIPS), held.size - only))
