"""A find made on another build is joined by a chain file or by a table; those who withdrew are found no more."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from matcher.errors import BadSourceFile
from matcher.genotypes import identity
from matcher.genotypes.builds import add_build
from matcher.genotypes.enrol import enrol
from matcher.genotypes.store import withdraw
from matcher.reading import read_path
from matcher.sketches import EnrolledCohort, Evidence
from tests.matcher.genotypes.people import CHROMOSOMES, KEYS, People, enrolled, people, run, write_vcf

MEMBERS = 120
SHIFT = 54_321
LENGTH = 100_000_000


@pytest.fixture
def cohort(tmp_path: Path) -> EnrolledCohort:
    everyone = people(MEMBERS)
    names = [f"P{number:04}" for number in range(MEMBERS)]
    (tmp_path / "c").mkdir()
    enrol(tmp_path / "c", [write_vcf(tmp_path / "c.vcf", everyone, everyone.dosages, names)], KEYS)
    return enrolled(tmp_path / "c", MEMBERS)


def leak(path: Path, of: People, members: range) -> Path:
    """Members on another build, without names."""
    moved = replace(of, positions=of.positions + SHIFT)
    write_vcf(path, moved, of.dosages[:, members.start : members.stop], [f"x{n}" for n in members])
    lines = path.read_text().splitlines()
    path.write_text(
        "\n".join(
            line if line.startswith("#") else "\t".join([*line.split("\t")[:2], ".", *line.split("\t")[3:]])
            for line in lines
        )
        + "\n"
    )
    return path


def found(path: Path, cohort: EnrolledCohort) -> list[Evidence]:
    sketch = identity.sketch(KEYS)
    for event in read_path(path):
        sketch.add(event)
    return identity.compare(sketch, cohort, KEYS)


def chain(path: Path) -> Path:
    blocks = [
        f"chain 1000 chr{n} {LENGTH} + 0 {LENGTH - SHIFT} chr{n} {LENGTH} + {SHIFT} {LENGTH} {n}\n{LENGTH - SHIFT}\n"
        for n in range(1, CHROMOSOMES + 1)
    ]
    path.write_text("\n".join(blocks))
    return path


def table(path: Path) -> Path:
    of = people(MEMBERS)
    rows = zip(of.chromosomes.tolist(), (of.positions + SHIFT).tolist(), strict=True)
    path.write_text(
        "name\tchromosome\tposition\n" + "".join(f"rs{row}\tchr{c}\t{p}\n" for row, (c, p) in enumerate(rows))
    )
    return path


@pytest.mark.parametrize("how", [chain, table])
def test_another_build_is_joined(how: object, cohort: EnrolledCohort, tmp_path: Path) -> None:
    path = leak(tmp_path / "x.vcf", people(MEMBERS), range(5, 25))
    assert not any(one.participants_matched for one in found(path, cohort)), "positions alone say nothing"
    assert add_build(cohort.folder, KEYS.genotypes, "GRCh38", how(tmp_path / "build")) > 1000  # type: ignore[operator]
    (evidence,) = found(path, cohort)
    assert (evidence.participants_matched, evidence.relation) == (20, "same")
    assert "lifted position" in evidence.why


@pytest.mark.parametrize(
    "content", ["", "nonsense\n", "name\tchromosome\tposition\nrs0\t1\tabc\n", "chain 1 x\n"]
)
def test_a_file_that_is_neither_is_told_in_one_line(
    content: str, cohort: EnrolledCohort, tmp_path: Path
) -> None:
    (tmp_path / "b").write_text(content)
    with pytest.raises(BadSourceFile):
        add_build(cohort.folder, KEYS.genotypes, "GRCh38", tmp_path / "b")


def test_who_withdrew_is_found_no_more_and_others_are(cohort: EnrolledCohort, tmp_path: Path) -> None:
    of = people(MEMBERS)
    path = write_vcf(tmp_path / "x.vcf", of, of.dosages[:, 5:25], [f"x{n}" for n in range(20)])
    assert withdraw(cohort.folder, [f"P{n:04}" for n in range(5, 15)], KEYS.genotypes) == 10
    (evidence,) = found(path, cohort)
    assert evidence.participants_matched == 10
    withdraw(cohort.folder, [f"P{n:04}" for n in range(15, 25)], KEYS.genotypes)
    assert not any(one.participants_matched for one in found(path, cohort))


def test_a_find_that_does_not_say_which_allele_is_counted_is_still_matched(
    cohort: EnrolledCohort, tmp_path: Path
) -> None:
    of = people(MEMBERS)
    calls = of.dosages[:, 30:50]
    swap = np.random.default_rng(2).random(len(calls)) < 0.4
    calls = np.where(swap[:, None], 2 - calls, calls)
    header = ",".join(["person", *[f"rs{n}" for n in range(len(calls))]])
    lines = [",".join([f"x{n}", *map(str, calls[:, n].tolist())]) for n in range(20)]
    (tmp_path / "m.csv").write_text("\n".join([header, *lines]) + "\n")
    (evidence,) = found(tmp_path / "m.csv", cohort)
    assert (evidence.participants_matched, evidence.relation) == (20, "same")
    assert "only heterozygous" in evidence.why


def test_names_join_where_chromosomes_are_stated_and_positions_are_not(
    cohort: EnrolledCohort, tmp_path: Path
) -> None:
    """PLINK's lists state a place that is not known as 0."""
    of = people(MEMBERS)
    path = write_vcf(tmp_path / "x.vcf", of, of.dosages[:, 5:25], [f"x{n}" for n in range(20)])
    run("plink2", "--vcf", path, "--make-bed", "--out", tmp_path / "x")
    rows = [line.split("\t") for line in (tmp_path / "x.bim").read_text().splitlines()]
    (tmp_path / "x.bim").write_text("".join("\t".join([*row[:3], "0", *row[4:]]) + "\n" for row in rows))
    (evidence,) = found(tmp_path / "x.bed", cohort)
    assert evidence.participants_matched == 20
    assert "joined by name" in evidence.why


def test_a_find_of_many_sites_that_shares_few_is_told_to_be_on_another_build(
    cohort: EnrolledCohort, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identity, "MANY_SITES", 1_000)
    (evidence,) = found(leak(tmp_path / "x.vcf", people(MEMBERS), range(5, 25)), cohort)
    assert (evidence.log10_odds, evidence.participants_matched) == (0.0, None)
    assert "may be on another build" in evidence.why
