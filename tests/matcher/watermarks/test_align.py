"""Nearest source samples: the same answer as by counting every mismatch of every pair."""

from __future__ import annotations

import numpy as np
import pytest

from matcher.watermarks.align import LEAST_SITES, MOST_WRONG, NOBODY, STRETCH, match_samples
from tests.matcher.watermarks.made import genotypes


def counted(found: np.ndarray, source: np.ndarray, margin: int = 3) -> np.ndarray:
    out = []
    for row in found.T:
        both = (row[:, None] >= 0) & (source >= 0)
        wrong = ((row[:, None] != source) & both).sum(axis=0)
        sites = both.sum(axis=0)
        wrong = np.where(sites >= LEAST_SITES, wrong, 1 << 30)
        at = int(np.argmin(wrong))
        good = wrong[at] <= MOST_WRONG * sites[at] and np.delete(wrong, at).min() - wrong[at] >= margin
        out.append(at if good else NOBODY)
    return np.array(out)


@pytest.mark.parametrize("sites", [30, 64, 100, 300])
@pytest.mark.parametrize("errors", [0.0, 0.05, 0.3])
@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_samples_are_matched_as_by_counting_all_mismatches(sites: int, errors: float, missing: float) -> None:
    rng = np.random.default_rng([sites, int(100 * errors), int(100 * missing)])
    source = genotypes(800, sites, seed=sites)
    source[:, 700:720] = source[:, 400:420]  # twins in the source are left out, not guessed
    found = source[:, 380:440].copy()
    strangers = genotypes(20, sites, seed=sites + 1)
    found = np.concatenate([found, strangers], axis=1)
    wrong = rng.random(found.shape) < errors
    found[wrong] = (found[wrong] + rng.integers(1, 3, int(wrong.sum()))) % 3
    found[rng.random(found.shape) < missing] = -1
    got = match_samples(found, source)
    assert np.array_equal(got, counted(found, source))
    assert (got[20:40] == NOBODY).all()


def test_a_cohort_of_several_stretches_is_searched_to_its_end() -> None:
    rng = np.random.default_rng(3)
    source = rng.binomial(2, 0.4, (200, STRETCH + 3_000)).astype(np.int8)
    people = np.array([0, 1_023, 1_024, STRETCH - 1, STRETCH, STRETCH + 2_999])
    source[:, 77] = source[:, STRETCH + 50]  # one person twice, far apart
    found = np.concatenate([source[:, people], source[:, 77:78], rng.binomial(2, 0.4, (200, 5))], axis=1)
    found[:64, 0] = -1  # nothing to go by at first sight
    found[:60, 1] = rng.integers(0, 3, 60)  # and what misleads there
    got = match_samples(found.astype(np.int8), source)
    assert got.tolist() == [*people.tolist(), *[NOBODY] * 6]
