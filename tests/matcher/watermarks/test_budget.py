"""Where marks go: never over the whole's cap, never more than a variant or the common ones can bear."""

from __future__ import annotations

import numpy as np
import pytest

from matcher.watermarks.budget import (
    COMMON,
    DENSEST,
    MOST_CHANGED,
    MOST_COST,
    MOST_COST_OF_ONE,
    NO_MARKS,
    changes,
    spread_marks,
)
from matcher.watermarks.codes import NUIDA_BIASES, Rates


def made(seed: int, count: int = 4_000) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.beta(0.5, 2.0, count), rng.beta(0.6, 1.2, count)


@pytest.mark.parametrize("seed", range(6))
def test_no_cohort_pays_more_than_the_limits(seed: int) -> None:
    eligible, frequency = made(seed)
    densities, share = changes(eligible, frequency, 10**8)
    spread = 2 * frequency * (1 - frequency)
    common = np.minimum(frequency, 1 - frequency) >= COMMON
    changed = densities * eligible
    assert changed.mean() == pytest.approx(share)
    assert 0.0003 < share <= MOST_CHANGED
    assert densities.max() <= DENSEST + 1e-9
    assert not changed[~common].any()
    assert (changed / spread)[common].mean() <= MOST_COST + 1e-9
    assert (changed / spread).max() <= MOST_COST_OF_ONE + 1e-9


@pytest.mark.parametrize("seed", range(3))
def test_rates_and_densities_change_as_many_cells_as_was_planned(seed: int) -> None:
    eligible, frequency = made(seed)
    rates, classes, share = spread_marks(eligible, frequency, 10**8)
    p = rates.thresholds.astype(float) / 2.0**64
    sparse = np.concatenate([p[:1], p[4:]])
    coded = rates.ladder[:, -1].astype(float) / 2.0**64
    ends = np.diff(rates.ladder.astype(float) / 2.0**64, axis=1, prepend=0.0)
    expected = np.append(sparse * (1 - coded) + ends @ np.array(NUIDA_BIASES), 0.0)
    which = np.where(classes == NO_MARKS, -1, classes.astype(int))
    assert (eligible * expected[which]).mean() == pytest.approx(share, rel=1e-3)
    assert Rates.from_json(rates.as_json()) == rates


def test_small_files_stay_further_below_the_cap() -> None:
    eligible, frequency = made(9)
    small, large = (changes(eligible, frequency, cells)[1] for cells in (10**6, 10**10))
    assert small < large
    assert small + 4 * np.sqrt(0.001 / 10**6) <= 0.001


@pytest.mark.parametrize("eligible", [np.zeros(5), np.zeros(0)])
def test_nothing_is_marked_where_nothing_may_be(eligible: np.ndarray) -> None:
    rates, classes, share = spread_marks(eligible, np.full(eligible.size, 0.3), 1_000)
    assert share == 0
    assert (classes == NO_MARKS).all()
    assert rates.thresholds[0] < 2**40
