"""What a recipient may do to a copy before it leaks: the right release is accused, and no other.

Format changes go through plink2 and bcftools; everything else is done to what they wrote.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from matcher.contents import Genotypes, Table
from matcher.watermarks.mark import mark_release
from tests.matcher.watermarks.files import (
    PEOPLE,
    VARIANTS,
    accused,
    evidence,
    read_table,
    read_vcf,
    run,
    subset,
    write_sources,
)
from tests.matcher.watermarks.made import MASTER

RELEASES = ["a", "b", "c", "d", "e"]
GUILTY = "c"
ACCUSED_FROM = 7.7
"""Five releases at one false accusation in ten million."""
OTHER_STRAND = str.maketrans("ACGT", "TGCA")


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("attacked")
    write_sources(folder)
    for name in RELEASES:
        mark_release(
            cohort_folder=folder / "cohort",
            release=name,
            recipient=f"Institute of {name}",
            genotypes=[folder / "source.vcf"],
            phenotypes=[folder / "phenotypes.csv"],
            out=folder / name,
            key=MASTER,
        )
    return folder


@pytest.fixture(scope="module")
def calls(released: Path) -> Genotypes:
    return read_vcf(released / GUILTY / "source.vcf")


@pytest.fixture(scope="module")
def table(released: Path) -> Table:
    return read_table(released / GUILTY / "phenotypes.csv", columns=("bmi", "glucose", "hdl", "age", "sex"))


def names(folder: Path, *parts: Genotypes | Table) -> set[str]:
    return accused(evidence(folder / "cohort", RELEASES, *parts), ACCUSED_FROM)


# Through the field's own tools

TOOLS: dict[str, list[list[str]]] = {
    "plink1 and back": [
        ["plink2", "--vcf", "x.vcf", "--make-bed", "--out", "x"],
        ["plink2", "--bfile", "x", "--export", "vcf", "--out", "back"],
    ],
    "plink2, thinned, renamed and back": [
        ["plink2", "--vcf", "x.vcf", "--set-all-var-ids", "@:#", "--thin", "0.7", "--seed", "1", "--make-pgen",
         "--out", "x"],
        ["plink2", "--pfile", "x", "--maf", "0.05", "--export", "vcf", "--out", "back"],
    ],
    "bgen of 8 bits and back": [
        ["plink2", "--vcf", "x.vcf", "--export", "bgen-1.2", "bits=8", "ref-first", "--out", "x"],
        ["plink2", "--bgen", "x.bgen", "ref-first", "--sample", "x.sample", "--export", "vcf", "--out", "back"],
    ],
    "counted text of plink1 and back": [
        ["plink2", "--vcf", "x.vcf", "--make-bed", "--out", "x"],
        ["plink1.9", "--bfile", "x", "--recode", "--out", "y"],
        ["plink1.9", "--file", "y", "--recode", "vcf-iid", "--out", "back"],
    ],
    "bcf, sites filtered, sorted, and back": [
        ["bcftools", "view", "-q", "0.1:minor", "-Ob", "-o", "x.bcf", "x.vcf"],
        ["bcftools", "sort", "-Ov", "-o", "back.vcf", "x.bcf"],
    ],
    "half the participants, bcftools": [
        ["bash", "-c", "bcftools query -l x.vcf | sort -r | head -300 > half"],
        ["bcftools", "view", "-S", "half", "-o", "back.vcf", "x.vcf"],
    ],
}  # fmt: skip


@pytest.mark.parametrize("how", TOOLS)
def test_a_copy_that_went_through_other_programs_names_its_release(
    how: str, released: Path, tmp_path: Path
) -> None:
    (tmp_path / "x.vcf").write_bytes((released / GUILTY / "source.vcf").read_bytes())
    for command in TOOLS[how]:
        run(tmp_path, *command)
    assert names(released, read_vcf(tmp_path / "back.vcf")) == {GUILTY}


# Done to the calls

Attack = Callable[[Genotypes, np.random.Generator], Genotypes]


def dropped(part: Genotypes, rng: np.random.Generator) -> Genotypes:
    return subset(
        part,
        np.sort(rng.choice(VARIANTS, VARIANTS // 2, replace=False)),
        np.sort(rng.choice(PEOPLE, PEOPLE // 2, replace=False)),
    )


def shuffled(part: Genotypes, rng: np.random.Generator) -> Genotypes:
    return subset(part, rng.permutation(VARIANTS), rng.permutation(PEOPLE))


def sorted_by_carriers(part: Genotypes, rng: np.random.Generator) -> Genotypes:
    del rng
    return subset(part, np.argsort(part.dosages.sum(axis=1)), np.argsort(part.dosages.sum(axis=0)))


def renamed(part: Genotypes, rng: np.random.Generator) -> Genotypes:
    return replace(
        part,
        samples=tuple(f"person-{i}" for i in rng.permutation(PEOPLE)),
        names=tuple("." for _ in range(VARIANTS)),
        chromosomes=tuple(f"chr{one}" for one in part.chromosomes),
    )


def swapped(part: Genotypes, rng: np.random.Generator) -> Genotypes:
    which = rng.random(VARIANTS) < 0.5
    return replace(
        part,
        alleles_a=tuple(b if s else a for a, b, s in zip(part.alleles_a, part.alleles_b, which, strict=True)),
        alleles_b=tuple(a if s else b for a, b, s in zip(part.alleles_a, part.alleles_b, which, strict=True)),
        dosages=np.where(which[:, None] & (part.dosages >= 0), 2 - part.dosages, part.dosages).astype(
            np.int8
        ),
    )


def flipped(part: Genotypes, rng: np.random.Generator) -> Genotypes:
    which = rng.random(VARIANTS) < 0.5
    return replace(
        part,
        alleles_a=tuple(
            a.translate(OTHER_STRAND) if f else a for a, f in zip(part.alleles_a, which, strict=True)
        ),
        alleles_b=tuple(
            b.translate(OTHER_STRAND) if f else b for b, f in zip(part.alleles_b, which, strict=True)
        ),
    )


def lifted(part: Genotypes, rng: np.random.Generator) -> Genotypes:
    del rng
    return replace(part, positions=part.positions + 54_321)


def blanked(part: Genotypes, rng: np.random.Generator) -> Genotypes:
    return replace(
        part, dosages=np.where(rng.random(part.dosages.shape) < 0.3, -1, part.dosages).astype(np.int8)
    )


def noisy(share: float) -> Attack:
    def attack(part: Genotypes, rng: np.random.Generator) -> Genotypes:
        wrong = rng.random(part.dosages.shape) < share
        other = rng.integers(0, 3, part.dosages.shape)
        return replace(part, dosages=np.where(wrong, other, part.dosages).astype(np.int8))

    return attack


def everything(part: Genotypes, rng: np.random.Generator) -> Genotypes:
    for attack in (renamed, swapped, flipped, noisy(0.02), shuffled):
        part = attack(part, rng)
    return dropped(part, rng)


ATTACKS: dict[str, Attack] = {
    "half of sites and participants dropped": dropped,
    "shuffled": shuffled,
    "sorted by alleles carried": sorted_by_carriers,
    "participants and sites renamed": renamed,
    "alleles swapped": swapped,
    "strands flipped": flipped,
    "another build": lifted,
    "a third missing": blanked,
    "one call in twenty at random": noisy(0.05),
    "one call in five at random": noisy(0.2),
    "renamed, swapped, flipped, noisy, shuffled, halved": everything,
}


@pytest.mark.parametrize("how", ATTACKS)
def test_calls_that_were_tampered_with_name_their_release(how: str, released: Path, calls: Genotypes) -> None:
    attacked = ATTACKS[how](calls, np.random.default_rng(17))
    fields = ("samples", "chromosomes", "names", "alleles_a", "alleles_b")
    assert any(getattr(attacked, one) != getattr(calls, one) for one in fields) or not (
        np.array_equal(attacked.dosages, calls.dosages)
        and np.array_equal(attacked.positions, calls.positions)
    )
    assert names(released, attacked) == {GUILTY}


@pytest.mark.parametrize("how", ATTACKS)
def test_the_same_done_to_the_unmarked_source_accuses_nobody(how: str, released: Path) -> None:
    attacked = ATTACKS[how](read_vcf(released / "source.vcf"), np.random.default_rng(17))
    assert accused(evidence(released / "cohort", RELEASES, attacked), 3.0) == set()


def test_phase_neither_hides_a_mark_nor_makes_one(released: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    phased = [
        line
        if line.startswith("#")
        else "\t".join(
            cell
            if at < 9
            else (cell.replace("/", "|") if rng.random() < 0.5 else cell.replace("/", "|")[::-1])
            for at, cell in enumerate(line.split("\t"))
        )
        for line in (released / GUILTY / "source.vcf").read_text().splitlines()
    ]
    (tmp_path / "x.vcf").write_text("\n".join(phased) + "\n")
    run(tmp_path, "bcftools", "view", "-o", "back.vcf", "x.vcf")
    assert names(released, read_vcf(tmp_path / "back.vcf")) == {GUILTY}
    # marked as phased in the first place, and unphased by who leaks it
    source = (released / "source.vcf").read_text()
    (tmp_path / "phased.vcf").write_text(
        source.replace("0/0", "0|0").replace("0/1", "0|1").replace("1/1", "1|1")
    )
    for name in ("f", "g"):
        mark_release(
            cohort_folder=tmp_path / "cohort", release=name, recipient=f"Institute of {name}",
            genotypes=[tmp_path / "phased.vcf"], phenotypes=[], out=tmp_path / name, key=MASTER,
        )  # fmt: skip
    run(tmp_path, "plink2", "--vcf", "g/phased.vcf", "--make-pgen", "erase-phase", "--out", "g")
    run(tmp_path, "plink2", "--pfile", "g", "--export", "vcf", "--out", "g")
    assert accused(evidence(tmp_path / "cohort", ["f", "g"], read_vcf(tmp_path / "g.vcf"))) == {"g"}


# Done to the measurements

TableAttack = Callable[[Table, np.random.Generator], Table]


def written_with(places: tuple[int, ...]) -> TableAttack:
    def attack(part: Table, rng: np.random.Generator) -> Table:
        del rng
        cells = [
            tuple(f"{float(one):.{places[at]}f}" for one in column) if at < len(places) else column
            for at, column in enumerate(part.cells)
        ]
        return replace(part, cells=tuple(cells))

    return attack


def rows_of(part: Table, order: np.ndarray) -> Table:
    return replace(part, cells=tuple(tuple(column[int(r)] for r in order) for column in part.cells))


TABLE_ATTACKS: dict[str, TableAttack] = {
    "shuffled": lambda part, rng: rows_of(part, rng.permutation(PEOPLE)),
    "forty rows": lambda part, rng: rows_of(part, rng.choice(PEOPLE, 40, replace=False)),
    "sorted by a measurement": lambda part, _: rows_of(part, np.argsort([float(x) for x in part.cells[0]])),
    "one digit rounded away": written_with((3, 2, 2)),
    "columns turned round": lambda part, _: replace(part, columns=part.columns[::-1], cells=part.cells[::-1]),
    "noughts added": written_with((6, 6, 6)),
}


@pytest.mark.parametrize("how", TABLE_ATTACKS)
def test_measurements_that_were_tampered_with_name_their_release(
    how: str, released: Path, table: Table
) -> None:
    attacked = TABLE_ATTACKS[how](table, np.random.default_rng(3))
    assert attacked.cells != table.cells
    assert names(released, attacked) == {GUILTY}


@pytest.mark.parametrize("how", TABLE_ATTACKS)
def test_the_same_done_to_the_unmarked_table_accuses_nobody(how: str, released: Path, table: Table) -> None:
    source = read_table(released / "phenotypes.csv", columns=table.columns)
    attacked = TABLE_ATTACKS[how](source, np.random.default_rng(3))
    assert accused(evidence(released / "cohort", RELEASES, attacked), 3.0) == set()


MG_DL = {"glucose": 18.0156, "hdl": 38.67}


def in_mg_dl(part: Table, places: int) -> Table:
    cells = tuple(
        tuple(f"{float(one) * MG_DL[name]:.{places}f}" for one in part.cells[part.columns.index(name)])
        for name in MG_DL
    )
    return replace(part, columns=tuple(MG_DL), cells=cells)


@pytest.mark.parametrize("places", [2, 3])
def test_measurements_in_another_unit_name_their_release(places: int, released: Path, table: Table) -> None:
    assert names(released, in_mg_dl(table, places)) == {GUILTY}
    assert names(released, rows_of(in_mg_dl(table, places), np.arange(80))) == {GUILTY}


def test_unmarked_measurements_in_another_unit_accuse_nobody(released: Path, table: Table) -> None:
    source = read_table(released / "phenotypes.csv", columns=table.columns)
    for places in (0, 1, 2):
        assert accused(evidence(released / "cohort", RELEASES, in_mg_dl(source, places)), 3.0) == set()


# Several recipients


def test_two_releases_merged_name_both(released: Path) -> None:
    a, b = (read_vcf(released / one / "source.vcf") for one in "ab")
    rng = np.random.default_rng(4)
    rows = replace(a, dosages=np.where(rng.random(PEOPLE) < 0.5, a.dosages, b.dosages).astype(np.int8))
    assert names(released, rows) == {"a", "b"}
    cells = replace(
        a, dosages=np.where(rng.random(a.dosages.shape) < 0.5, a.dosages, b.dosages).astype(np.int8)
    )
    assert names(released, cells) == {"a", "b"}
    first, second = (
        read_table(released / one / "phenotypes.csv", columns=("bmi", "glucose", "hdl")) for one in "ab"
    )
    mixed = replace(
        first,
        cells=tuple(
            tuple(x if i % 2 else y for i, (x, y) in enumerate(zip(one, two, strict=True)))
            for one, two in zip(first.cells, second.cells, strict=True)
        ),
    )
    assert names(released, mixed) == {"a", "b"}


def test_three_releases_that_vote_name_one_of_the_three_by_their_measurements(released: Path) -> None:
    """The calls of a cohort this small hold too few shared marks; its measurements do not."""
    parts = [
        read_table(released / one / "phenotypes.csv", columns=("bmi", "glucose", "hdl")) for one in "abd"
    ]
    voted = replace(
        parts[0],
        cells=tuple(
            tuple(
                sorted(cells, key=float)[1] for cells in zip(*(part.cells[at] for part in parts), strict=True)
            )
            for at in range(3)
        ),
    )
    found = names(released, voted)
    assert found
    assert found <= {"a", "b", "d"}
    dosages = np.median([read_vcf(released / one / "source.vcf").dosages for one in "abd"], axis=0)
    calls = replace(read_vcf(released / "a" / "source.vcf"), dosages=dosages.astype(np.int8))
    assert names(released, calls) <= {"a", "b", "d"}
    assert not {"c", "e"} & accused(evidence(released / "cohort", RELEASES, calls, voted), 3.0)
