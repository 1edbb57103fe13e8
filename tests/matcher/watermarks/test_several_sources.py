"""A cohort's genotypes in several files, one for each chromosome, and a find that holds calls of all of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from matcher.contents import Genotypes
from matcher.watermarks.align import NOBODY
from matcher.watermarks.genotype_source import GenotypeSource
from matcher.watermarks.mark import mark_release
from matcher.watermarks.read_genotypes import aligned, shared_variants
from matcher.watermarks.roster import Roster, sealing_key, source_file
from matcher.watermarks.sealed import SealedReader
from tests.matcher.watermarks.files import (
    CALLS,
    FIRST_ID,
    PEOPLE,
    accused,
    evidence,
    read_vcf,
    run,
    subset,
    write_vcf,
)
from tests.matcher.watermarks.made import MASTER


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("chromosomes")
    write_vcf(folder / "all.vcf", CALLS, [str(FIRST_ID + i) for i in range(PEOPLE)])
    for one in "12":
        run(folder, "bcftools", "view", "-t", one, "-o", f"chr{one}.vcf", "all.vcf")
    people = np.random.default_rng(1).permutation(PEOPLE)  # the second file has them in another order
    (folder / "order").write_text("".join(f"{FIRST_ID + i}\n" for i in people))
    run(folder, "bcftools", "view", "-S", "order", "-o", "chr2s.vcf", "chr2.vcf")
    for name in ("a", "b"):
        mark_release(
            cohort_folder=folder / "cohort",
            release=name,
            recipient=f"Institute of {name}",
            genotypes=[folder / "chr1.vcf", folder / "chr2s.vcf"],
            phenotypes=[],
            out=folder / name,
            key=MASTER,
        )
    return folder


def leak(folder: Path, seed: int) -> Genotypes:
    """Both chromosomes of some people, in one order."""
    one, two = read_vcf(folder / "a" / "chr1.vcf"), read_vcf(folder / "a" / "chr2s.vcf")
    place = {name: i for i, name in enumerate(two.samples)}
    two = subset(two, slice(None), np.array([place[name] for name in one.samples]))
    whole = replace(
        one,
        chromosomes=(*one.chromosomes, *two.chromosomes),
        positions=np.concatenate([one.positions, two.positions]),
        names=(*one.names, *two.names),
        alleles_a=(*one.alleles_a, *two.alleles_a),
        alleles_b=(*one.alleles_b, *two.alleles_b),
        dosages=np.concatenate([one.dosages, two.dosages]),
    )
    people = np.random.default_rng(seed).permutation(PEOPLE)[:200]
    return replace(subset(whole, slice(None), people), samples=tuple(f"s{i}" for i in range(200)))


def test_a_find_of_both_chromosomes_names_its_recipient(released: Path) -> None:
    assert accused(evidence(released / "cohort", ["a", "b"], leak(released, 2))) == {"a"}


def test_who_is_known_by_one_file_is_confirmed_in_the_next_and_whoever_is_not_is_looked_for(
    released: Path,
) -> None:
    found = leak(released, 3)
    folder, key = released / "cohort", sealing_key(MASTER)
    digests = SealedReader(folder / "marks" / "releases" / "a.sealed", key).json("release")["sources"]
    first, second = (GenotypeSource.open(source_file(folder, one), key) for one in digests)
    assert not np.array_equal(first.people, second.people)
    by_first = aligned(*shared_variants([found], first), first)
    assert (by_first != NOBODY).mean() > 0.9
    told = np.where(by_first != NOBODY, first.people[by_first], NOBODY)
    at, calls = shared_variants([found], second)
    plain = aligned(at, calls, second)
    assert np.array_equal(aligned(at, calls, second, told), plain)
    # a file that mixes two people's chromosomes, and people whom the source does not have
    told[:50] = told[:50][::-1].copy()
    told[50:60] = Roster.read(folder, MASTER).units.size + 5
    assert np.array_equal(aligned(at, calls, second, told), plain)
