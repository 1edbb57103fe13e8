"""Strangers of a population so small that many of them are distant kin of participants: nobody is called."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from config.demo.cohort import MadeCohort, make_cohort
from matcher.contents import Genotypes
from matcher.genotypes import identity
from matcher.genotypes.identity import identify
from matcher.genotypes.sites import choose, shared_sites
from matcher.genotypes.store import open_store, write_store
from tests.matcher.genotypes.people import KEYS


def part(cohort: MadeCohort, dosages: np.ndarray) -> Genotypes:
    sites = cohort.sites
    return Genotypes(
        samples=tuple(f"s{number}" for number in range(dosages.shape[1])),
        chromosomes=sites.chromosomes,
        positions=sites.positions,
        names=sites.names,
        alleles_a=tuple(one for one, _ in sites.alleles),
        alleles_b=tuple(other for _, other in sites.alleles),
        dosages=dosages,
    )


def test_strangers_of_the_demo_s_population_are_nobody_s_kin_and_participants_are_found(
    tmp_path: Path,
) -> None:
    """Five thousand participants of a population of a thousand (effective), as the demo has them."""
    cohort = make_cohort()
    write_store(tmp_path, [part(cohort, cohort.dosages)], KEYS.genotypes)
    store = open_store(tmp_path, KEYS.genotypes)
    assert store is not None
    found = identity.sketch(KEYS)
    found.add(part(cohort, np.concatenate([cohort.strangers, cohort.dosages[:, :20]], axis=1)))
    shared = shared_sites(found.variants(), store)
    answer = identify(found, store, shared, choose(shared, store, identity.WEIGHED_SITES))
    strangers = cohort.strangers.shape[1]
    called = answer.same | answer.same_or_sibling
    assert not (called | answer.relative)[:strangers].any()
    assert called[strangers:].all()
    assert (answer.participants[strangers:] == np.arange(20)).all()
