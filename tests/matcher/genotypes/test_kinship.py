"""Kin are told from strangers of populations that the cohort's frequencies do not fit, at any rate of errors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from matcher.contents import Genotypes
from matcher.genotypes import identity
from matcher.genotypes.identity import Called, identify
from matcher.genotypes.kinship import DRIFTS, drifted_chances, joint_chances
from matcher.genotypes.sites import choose, shared_sites
from matcher.genotypes.store import open_store, write_store
from tests.matcher.genotypes.people import KEYS

SITES = 1_000
MAJORITY = 2_000
STRANGERS = 100


def part(calls: np.ndarray) -> Genotypes:
    """Unlinked sites, half a centimorgan and more apart."""
    rows = np.arange(SITES)
    return Genotypes(
        samples=tuple(f"s{number}" for number in range(calls.shape[1])),
        chromosomes=tuple(str(1 + row // 50) for row in rows),
        positions=(rows % 50) * 2_000_000 + 1,
        names=tuple(f"rs{row + 1}" for row in rows),
        alleles_a=("A",) * SITES,
        alleles_b=("G",) * SITES,
        dosages=calls.astype(np.int8),
    )


def called(folder: Path, cohort: np.ndarray, found: np.ndarray) -> Called:
    write_store(folder, [part(cohort)], KEYS.genotypes)
    sketch = identity.sketch(KEYS)
    sketch.add(part(found))
    store = open_store(folder, KEYS.genotypes)
    assert store is not None
    shared = shared_sites(sketch.variants(), store)
    return identify(sketch, store, shared, choose(shared, store, identity.WEIGHED_SITES))


def with_errors(calls: np.ndarray, errors: float, missing: float, rng: np.random.Generator) -> np.ndarray:
    out = calls.copy()
    wrong = rng.random(out.shape) < errors
    out[wrong] = (out[wrong] + rng.integers(1, 3, wrong.sum())) % 3
    out[rng.random(out.shape) < missing] = -1
    return out


@pytest.mark.parametrize("error", [0.0, 0.03])
def test_chances_of_drifted_strangers_are_chances(error: float) -> None:
    p = np.array([0.05, 0.3, 0.5, 0.9])
    for drift in DRIFTS:
        table = drifted_chances(p, drift, error)
        assert np.allclose(table.sum(axis=(1, 2)), 1)
        assert np.allclose(table, table.transpose(0, 2, 1))
    assert np.allclose(drifted_chances(p, 0.0, error), joint_chances(p, error)[:, 0])


def test_chances_of_drifted_strangers_are_those_of_a_drawing() -> None:
    rng = np.random.default_rng(8)
    p, drift = 0.3, 0.15
    drawn = rng.beta(p * (1 - drift) / drift, (1 - p) * (1 - drift) / drift, 400_000)
    one, other = rng.binomial(2, drawn), rng.binomial(2, drawn)
    seen = np.bincount(3 * one + other, minlength=9).reshape(3, 3) / len(one)
    assert np.abs(seen - drifted_chances(np.array([p]), drift, 0.0)[0]).max() < 0.004


@pytest.mark.parametrize("drift", [0.03, 0.15])
@pytest.mark.parametrize("members_of_it", [3, 300])
@pytest.mark.parametrize("errors", [0.0, 0.05])
def test_strangers_of_another_population_are_nobody_s_kin(
    drift: float, members_of_it: int, errors: float, tmp_path: Path
) -> None:
    rng = np.random.default_rng(int(1000 * drift) + members_of_it)
    p = rng.uniform(0.1, 0.9, SITES)
    theirs = rng.beta(p * (1 - drift) / drift, (1 - p) * (1 - drift) / drift)
    cohort = np.concatenate(
        [
            rng.binomial(2, p[:, None], (SITES, MAJORITY)),
            rng.binomial(2, theirs[:, None], (SITES, members_of_it)),
        ],
        axis=1,
    )
    strangers = rng.binomial(2, theirs[:, None], (SITES, STRANGERS))
    answer = called(tmp_path, cohort, with_errors(strangers, errors, 0.2, rng))
    assert not (answer.same | answer.same_or_sibling | answer.relative).any()


@pytest.mark.parametrize("errors", [0.0, 0.05])
def test_children_are_kin_with_many_errors_too(errors: float, tmp_path: Path) -> None:
    rng = np.random.default_rng(17)
    p = rng.uniform(0.1, 0.9, SITES)
    cohort = rng.binomial(2, p[:, None], (SITES, MAJORITY))
    handed = rng.random((SITES, STRANGERS)) < cohort[:, :STRANGERS] / 2
    children = handed + rng.binomial(1, p[:, None], (SITES, STRANGERS))
    answer = called(tmp_path, cohort, with_errors(children, errors, 0.2, rng))
    assert answer.relative.mean() >= 0.97
    assert not (answer.same | answer.same_or_sibling).any()


def gametes(one: np.ndarray, other: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One haplotype of each pair of haplotypes (sites × people): 50 sites a chromosome, two centimorgans apart."""
    switch = rng.random(one.shape) < 0.02
    switch[::50] = rng.random(switch[::50].shape) < 0.5
    return np.where(np.cumsum(switch, axis=0) % 2, one, other)


@pytest.mark.parametrize("errors", [0.0, 0.01, 0.05])
@pytest.mark.parametrize("relation", ["grandchild", "half sibling"])
def test_kin_of_the_second_degree_are_nobody_s_close_kin(
    relation: str, errors: float, tmp_path: Path
) -> None:
    """They share as much as strangers of one small population do, and are many: they accuse nobody."""
    rng = np.random.default_rng(23)
    p = rng.uniform(0.1, 0.9, SITES)[:, None]

    def haplotypes() -> np.ndarray:
        return rng.binomial(1, p, (SITES, STRANGERS))

    parents, mates = (haplotypes(), haplotypes()), (haplotypes(), haplotypes())
    if relation == "grandchild":
        found = gametes(gametes(*parents, rng), haplotypes(), rng) + haplotypes()
        members = parents[0] + parents[1]
    else:
        found = gametes(*parents, rng) + gametes(*mates, rng)
        members = gametes(*parents, rng) + haplotypes()
    cohort = np.concatenate([members, rng.binomial(2, p, (SITES, MAJORITY))], axis=1)
    answer = called(tmp_path / relation, cohort, with_errors(found, errors, 0.2, rng))
    assert answer.relative.mean() <= 0.02
    assert not (answer.same | answer.same_or_sibling).any()
    full = gametes(*parents, rng) + gametes(*mates, rng), gametes(*parents, rng) + gametes(*mates, rng)
    cohort = np.concatenate([full[0], rng.binomial(2, p, (SITES, MAJORITY))], axis=1)
    siblings = called(tmp_path / "siblings", cohort, with_errors(full[1], errors, 0.2, rng))
    assert siblings.relative.mean() >= 0.9
