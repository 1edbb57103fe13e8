"""Participants are told from kin and strangers, in files that other programs wrote."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from matcher.contents import FileEnded
from matcher.genotypes import identity
from matcher.genotypes.enrol import enrol
from matcher.reading import read_path
from matcher.sketches import EnrolledCohort, Evidence
from tests.matcher.genotypes.people import KEYS, enrolled, people, run, sibling, write_vcf

MEMBERS = 400
STRANGERS = 60


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> EnrolledCohort:
    folder = tmp_path_factory.mktemp("cohort")
    everyone = people(MEMBERS + STRANGERS)
    names = [f"P{number:04}" for number in range(MEMBERS)]
    vcf = write_vcf(folder / "c.vcf", everyone, everyone.dosages[:, :MEMBERS], names)
    run("bcftools", "view", "-Oz", "-o", folder / "c.vcf.gz", vcf)
    assert enrol(folder, [folder / "c.vcf.gz"], KEYS).samples_count == MEMBERS
    return enrolled(folder, MEMBERS)


def found(path: Path, cohort: EnrolledCohort) -> list[Evidence]:
    sketch = identity.sketch(KEYS)
    for event in read_path(path):
        if isinstance(event, FileEnded):
            assert event.skipped is None, (event.skipped, event.detail)
        else:
            sketch.add(event)
    assert len(sketch) or "few" in path.name
    return identity.compare(sketch, cohort, KEYS)


def members_file(path: Path, members: range, *, errors: float = 0.0, swap: bool = False) -> Path:
    everyone = people(MEMBERS + STRANGERS)
    dosages = everyone.dosages[:, members.start : members.stop].copy()
    generator = np.random.default_rng(3)
    wrong = generator.random(dosages.shape) < errors
    dosages[wrong] = generator.integers(0, 3, wrong.sum())
    return write_vcf(path, everyone, dosages, [f"X{one}" for one in range(dosages.shape[1])], swap=swap)


@pytest.mark.parametrize("form", ["vcf", "vcf.gz", "bcf", "bed", "swapped", "five-percent-errors"])
def test_participants_are_found_in_every_form(form: str, cohort: EnrolledCohort, tmp_path: Path) -> None:
    vcf = members_file(
        tmp_path / "leak.vcf", range(20, 50), errors=0.05 if "errors" in form else 0.0, swap=form == "swapped"
    )
    path = vcf
    if form == "vcf.gz":
        path = tmp_path / "leak.vcf.gz"
        run("bcftools", "view", "-Oz", "-o", path, vcf)
    elif form == "bcf":
        path = tmp_path / "leak.bcf"
        run("bcftools", "view", "-Ob", "-o", path, vcf)
    elif form == "bed":
        (tmp_path / "b").mkdir()
        run("plink1.9", "--vcf", vcf, "--make-bed", "--out", tmp_path / "b" / "leak")
        path = tmp_path / "b" / "leak.bed"
    (evidence,) = found(path, cohort)
    assert evidence.participants_matched == evidence.participants_examined == 30
    assert evidence.relation == "same"
    assert evidence.log10_odds > 20


def test_one_person_is_enough(cohort: EnrolledCohort, tmp_path: Path) -> None:
    (evidence,) = found(members_file(tmp_path / "one.vcf", range(7, 8)), cohort)
    assert (evidence.participants_matched, evidence.relation) == (1, "same")
    assert evidence.log10_odds > 9


def test_strangers_are_not_found(cohort: EnrolledCohort, tmp_path: Path) -> None:
    assert found(members_file(tmp_path / "s.vcf", range(MEMBERS, MEMBERS + STRANGERS)), cohort) == []


def test_children_of_participants_are_kin_and_never_the_same(cohort: EnrolledCohort, tmp_path: Path) -> None:
    everyone = people(MEMBERS + STRANGERS)
    children = np.stack([sibling(everyone, 2 * n, 2 * n + 1, seed=n) for n in range(20)], axis=1)
    path = write_vcf(tmp_path / "kin.vcf", everyone, children, [f"K{n}" for n in range(20)])
    (evidence,) = found(path, cohort)
    assert evidence.relation == "relative"
    assert evidence.participants_matched == 0


def test_too_few_sites_prove_nothing_and_are_told(cohort: EnrolledCohort, tmp_path: Path) -> None:
    whole = members_file(tmp_path / "all.vcf", range(30)).read_text().splitlines(keepends=True)
    head = [line for line in whole if line.startswith("#")]
    (tmp_path / "few.vcf").write_text("".join(head + whole[len(head) : len(head) + 15]))
    (evidence,) = found(tmp_path / "few.vcf", cohort)
    assert evidence.log10_odds == 0
    assert "more would do" in evidence.why


def test_no_id_and_no_genotype_can_be_read_from_the_index(cohort: EnrolledCohort) -> None:
    for path in cohort.folder.joinpath("genotypes").iterdir():
        assert b"P0001" not in path.read_bytes()
    calls = (cohort.folder / "genotypes" / "calls.bin").read_bytes()
    counts = np.bincount(np.frombuffer(calls, dtype=np.uint8), minlength=256)
    assert counts.max() < 1.2 * counts.mean(), "rows are not encrypted: byte values are not even"


@pytest.mark.parametrize("cut", [0.2, 0.5, 0.9])
def test_a_cut_bcf_is_told_as_damaged(cohort: EnrolledCohort, tmp_path: Path, cut: float) -> None:
    run("bcftools", "view", "-Ob", "-o", tmp_path / "x.bcf", members_file(tmp_path / "x.vcf", range(30)))
    data = (tmp_path / "x.bcf").read_bytes()
    (tmp_path / "cut.bcf").write_bytes(data[: int(len(data) * cut)])
    ends = [event for event in read_path(tmp_path / "cut.bcf") if hasattr(event, "skipped")]
    assert [end.skipped for end in ends] == ["damaged"]


def test_a_vcf_without_a_header_is_told_as_damaged(tmp_path: Path) -> None:
    (tmp_path / "x.vcf").write_text("1\t100\t.\tA\tC\t.\t.\t.\tGT\t0/1\n")
    (end,) = [event for event in read_path(tmp_path / "x.vcf") if hasattr(event, "skipped")]
    assert end.skipped == "damaged"
