"""The e-value: mean 1 for the innocent whatever was done, and the power that it promises."""

from __future__ import annotations

from itertools import product

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import binom

from matcher.watermarks.codes import NUIDA_BIASES, Rates, rates
from matcher.watermarks.odds import Units, log10_e, score, together
from matcher.watermarks.units import draws, recipient_keys
from tests.matcher.watermarks.made import MASTER

FLAT = rates(0.003, 0.002)


def leak(count: int, rate: Rates, seed: int, holders: list[npt.NDArray[np.uint64]], rule: str) -> Units:
    """Units as a coalition leaves them."""
    rng = np.random.default_rng(seed)
    first, second = rng.integers(0, 2**63, (2, count)).astype(np.uint64)
    layer = np.where(rng.random(count) < 0.1, rng.integers(1, 4, count), 0)
    bits = np.array([draws(key, first, second) < rate.thresholds[layer] for key in holders])
    held = bits.sum(axis=0)
    found = {
        "majority": 2 * held > len(holders),
        "all0": held == len(holders),
        "all1": held > 0,
        "interleave": bits[rng.integers(0, len(holders), count), np.arange(count)],
    }[rule]
    wrong = rng.random(count) < 0.01
    return Units(first, second, layer.astype(np.int64), (found ^ wrong).astype(np.int64))


def test_the_keyed_function_is_siphash_2_4_by_its_published_vector() -> None:
    words = np.frombuffer(bytes(range(16)), dtype="<u8").astype(np.uint64)
    assert int(draws(words, words[:1], words[1:])[0]) == 0x3F2ACC7F57C29BDB


def test_an_innocent_e_value_has_mean_one_exactly() -> None:
    """All bit patterns of four units, weighted by their chance."""
    p = np.array([0.01, *NUIDA_BIASES])
    for found in range(16):
        y = np.array([(found >> k) & 1 for k in range(4)])
        totals = np.zeros(8, dtype=np.int64)
        totals[np.arange(4) * 2 + y] = 1
        mean = 0.0
        for pattern in range(16):
            x = np.array([(pattern >> k) & 1 for k in range(4)])
            ones = np.zeros((1, 8), dtype=np.int64)
            ones[0, np.arange(4) * 2 + y] = x
            chance = float(np.prod(np.where(x, p, 1 - p)))
            mean += chance * 10 ** log10_e(ones, totals, p, 0.01)[0]
        assert mean == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize("levels", [(10.0, 7.0), (3.0, 1.0), (0.6, 0.3)])
def test_steps_at_the_levels_keep_the_mean_whatever_was_found(levels: tuple[float, float]) -> None:
    """All bit counts of nine units in three classes, weighted by their chance, for every found pattern."""
    p = np.array([0.02, 0.3, 0.7])
    sizes = (4, 3, 2)
    stepped = 0
    for shown in product(*(range(size + 1) for size in sizes)):
        totals = np.array([[size - y, y] for size, y in zip(sizes, shown, strict=True)]).ravel()
        ones = np.array(list(product(*(range(total + 1) for total in totals))))
        chance = np.prod([binom.pmf(ones[:, cell], totals[cell], p[cell // 2]) for cell in range(6)], axis=0)
        plain = log10_e(ones, totals, p, 0.01)
        given = log10_e(ones, totals, p, 0.01, None, levels)
        stepped += not np.allclose(plain, given)
        assert float(chance @ 10**given) == pytest.approx(1.0, abs=1e-9)
    assert stepped or levels[0] > 5


def test_a_find_too_small_for_the_ratio_reaches_its_level_by_the_exact_tail() -> None:
    """Five marks of five among 1,240 cells, nine of them wrong: the tail accuses, the ratio does not."""
    totals = np.array([1226, 14] + [0] * 6)
    ones = np.array([[0, 5, 0, 0, 0, 0, 0, 0], [0, 3, 0, 0, 0, 0, 0, 0]])
    p = np.array([0.007, *NUIDA_BIASES])
    ratio = log10_e(ones, totals, p, 0.01)
    stepped = log10_e(ones, totals, p, 0.01, None, (10.0, 7.0))
    assert ratio[0] < 10 <= stepped[0]
    assert stepped[1] < 7


@pytest.mark.parametrize("rule", ["majority", "all0", "all1", "interleave"])
def test_each_of_three_colluders_is_named_and_no_innocent(rule: str) -> None:
    keys = recipient_keys(MASTER, [f"r{i}" for i in range(1003)], "test")
    units = leak(60_000, FLAT, 3, [keys[i] for i in range(3)], rule)
    odds = score(units, keys, FLAT.thresholds, 0.01)
    assert odds[:3].min() > 10
    assert odds[3:].max() < 4


def test_innocents_stay_under_the_bound_at_every_decade() -> None:
    keys = recipient_keys(MASTER, [f"r{i}" for i in range(20_001)], "test")
    for seed, size in enumerate((50, 500, 3_000)):
        units = leak(size, FLAT, seed, [keys[-1]], "interleave")
        odds = score(units, keys[:-1], FLAT.thresholds, 0.01)
        for decade in (1, 2, 3, 4):
            assert (odds >= decade).mean() <= 10.0**-decade
        assert odds.max() < 7


def test_a_unit_counts_once_however_often_it_was_found() -> None:
    keys = recipient_keys(MASTER, ["a", "b"], "test")
    units = leak(2_000, FLAT, 4, [keys[0]], "interleave")
    mirrored = together([units] * 10)
    assert len(mirrored) == len(units)
    assert np.array_equal(score(mirrored, keys, FLAT.thresholds), score(units, keys, FLAT.thresholds))


def test_nothing_read_says_nothing() -> None:
    keys = recipient_keys(MASTER, ["a"], "test")
    assert score(together([]), keys, FLAT.thresholds).tolist() == [0.0]


def test_keys_of_other_recipients_and_other_classes_are_other_keys() -> None:
    one = recipient_keys(MASTER, ["a", "b"], "genotypes")
    other = recipient_keys(MASTER, ["a", "b"], "digits")
    assert len({tuple(row) for row in np.vstack([one, other]).tolist()}) == 4
