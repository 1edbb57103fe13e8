"""Canaries' e-values for releases that did not contribute: the tail stays under the bound, whatever was found."""

from __future__ import annotations

import numpy as np

from matcher.watermarks.canaries import Donors, canary_calls
from matcher.watermarks.found import Found
from matcher.watermarks.genotype_source import GenotypeSource
from matcher.watermarks.read_canaries import (
    StrangeRows,
    StrangeSamples,
    ids_log10,
    over_canaries,
    rows_log10,
    samples_log10,
)
from tests.matcher.watermarks.made import genotypes

RUNS = 2_000


def under_the_bound(log10_e: np.ndarray) -> None:
    for bound in (3, 10, 100):
        share = (log10_e >= np.log10(bound)).mean()
        assert share <= 1 / bound + 3 * np.sqrt(1 / bound / log10_e.size), bound
    assert (10.0**log10_e).mean() < 1.6


def test_rows_right_beside_what_canaries_were_made_of_accuse_no_more_often_than_the_bound() -> None:
    """The attacker even has the rows that canaries were drawn near, and guesses the offsets."""
    rng = np.random.default_rng(1)
    base = rng.integers(10_000, 20_000, (3, 4))
    reach = 20
    found = np.repeat(base, 5, axis=1) + rng.integers(-reach, reach + 1, (3, 20))
    rows = StrangeRows(("x", "y", "z"), found, (0, 0, 0))
    odds = []
    for _ in range(RUNS):
        value = base + rng.integers(-reach, reach + 1, base.shape)
        record = {
            name: [[int(value[f, k]), int(base[f, k]), reach] for k in range(4)]
            for f, name in enumerate("xyz")
        }
        odds.append(over_canaries(rows_log10(rows, record)))
    under_the_bound(np.array(odds))
    record = {
        name: [[int(found[f, 5 * k]), int(base[f, k]), reach] for k in range(4)]
        for f, name in enumerate("xyz")
    }
    assert over_canaries(rows_log10(rows, record)) > 6


class Source(GenotypeSource):
    """Variants of one chromosome, a megabase apart, so that canaries change donors now and then."""

    def __init__(self, units: np.ndarray) -> None:
        self.units = units

    def places(self) -> list[tuple[str, int, str, str, str]]:
        return [("1", 1_000_000 * (v + 1), f"rs{v}", "A", "G") for v in range(self.units.size)]


def test_donors_and_other_draws_of_them_accuse_no_more_often_than_the_bound() -> None:
    rng = np.random.default_rng(2)
    source = Source(rng.integers(0, 2**63, 80).astype(np.uint64))
    donors = Donors(genotypes(12, 80, seed=3), "d")
    other = canary_calls(np.array([8, 9], dtype=np.uint64), 6, source.units, source.places(), donors)
    samples = StrangeSamples(np.arange(80), np.concatenate([donors.calls, other], axis=1), {})
    odds = [
        over_canaries(samples_log10(samples, source, donors, rng.integers(0, 2**63, 2).astype(np.uint64), 3))
        for _ in range(RUNS // 2)
    ]
    under_the_bound(np.array(odds))
    mine = samples_log10(samples, source, donors, np.array([8, 9], dtype=np.uint64), 6)
    assert over_canaries(mine) > 4


def test_other_ids_accuse_no_more_often_than_the_bound() -> None:
    rng = np.random.default_rng(4)
    odds, lowest, space = [], 200, 5_000_000
    found = Found(ids={"7-digit": set(range(400)) | {int(one) for one in rng.integers(0, space, 5_000)}})
    for _ in range(RUNS):
        heads, rest = rng.choice(lowest, 2, replace=False), rng.integers(lowest, space, 20)
        kept = {"ids": [str(one) for one in [*heads, *rest]], "lowest": lowest, "taken": 0}
        odds.append(ids_log10(found, kept, "7-digit")[0])
    under_the_bound(np.array(odds))
    kept = {"ids": ["3", "9"], "lowest": 200, "taken": 0}
    assert ids_log10(Found(ids={"7-digit": {3, 9, 700}}), kept, "7-digit")[0] > 2
