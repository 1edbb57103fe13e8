"""What was released by version 1 (one density of marks, no steps) and is found years later.

`version_1/` was written by the program as it was before marks were spread by variant: the sealed source of 300 people
and 240 variants, two releases with their manifests, and the first one's copy, made a BCF by bcftools.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from matcher.sketches import EnrolledCohort, EnrolledRelease
from matcher.watermarks import marks, verify_commitment
from matcher.watermarks.explain import explain_release
from matcher.watermarks.mark import mark_release
from tests.matcher.watermarks.files import (
    FIRST_ID,
    KEYS,
    accused,
    evidence,
    read_vcf,
    subset,
    write_vcf,
)
from tests.matcher.watermarks.made import MASTER, genotypes

KEPT = Path(__file__).parent / "version_1"


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    shutil.copytree(KEPT / "marks", tmp_path / "cohort" / "marks")
    return tmp_path


def test_a_copy_that_version_1_released_still_names_its_recipient(workspace: Path) -> None:
    found = read_vcf(KEPT / "a.bcf")
    assert accused(evidence(workspace / "cohort", ["a", "b"], found)) == {"a"}
    # half of its people, shuffled
    people = np.random.default_rng(4).permutation(300)[:150]
    assert accused(evidence(workspace / "cohort", ["a", "b"], subset(found, slice(None), people))) == {"a"}


def test_its_source_names_nobody(workspace: Path, tmp_path: Path) -> None:
    write_vcf(tmp_path / "source.vcf", genotypes(300, 240, seed=3), [str(FIRST_ID + i) for i in range(300)])
    assert accused(evidence(workspace / "cohort", ["a", "b"], read_vcf(tmp_path / "source.vcf"))) == set()


def test_it_is_scored_by_the_analysis_that_was_committed_to(workspace: Path) -> None:
    """A manifest of version 1 promises the plain mixture, and the verifier holds a report to that."""
    found = marks.sketch(KEYS)
    found.add(read_vcf(KEPT / "a.bcf"))
    cohort = EnrolledCohort(
        "cohort",
        300,
        workspace / "cohort",
        tuple(EnrolledRelease(one, f"Institute of {one}", workspace) for one in "ab"),
    )
    told = explain_release(found, cohort, "a", MASTER, [])
    report = json.loads(told.files["genotypes.report.json"])
    assert report["levels"] == []
    signed = json.loads(told.files["manifest.json"])
    assert signed["manifest"]["analysis"]["version"] == 1
    assert verify_commitment.analysis_holds(signed, report)
    assert not verify_commitment.analysis_holds(signed, {**report, "levels": [10.0, 7.0]})


def test_a_new_release_of_an_old_source_is_made_and_found_by_its_old_rates(workspace: Path) -> None:
    write_vcf(workspace / "source.vcf", genotypes(300, 240, seed=3), [str(FIRST_ID + i) for i in range(300)])
    made = mark_release(
        cohort_folder=workspace / "cohort",
        release="c",
        recipient="Institute of c",
        genotypes=[workspace / "source.vcf"],
        phenotypes=[],
        out=workspace / "c",
        key=MASTER,
    )
    assert made.manifest["marks_version"] == 2
    answer = evidence(workspace / "cohort", ["a", "b", "c"], read_vcf(workspace / "c" / "source.vcf"))
    assert accused(answer) == {"c"}
