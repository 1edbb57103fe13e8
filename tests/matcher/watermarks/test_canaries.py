"""Canary participants: made from donors, in every format, told as evidence of one release, in no count."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from matcher.contents import Genotypes, Table
from matcher.errors import BadSourceFile
from matcher.sketches import Evidence
from matcher.watermarks.canaries import LEAST_DONORS
from matcher.watermarks.mark import MarkedRelease, mark_release
from matcher.watermarks.pseudonyms import coded_id
from tests.matcher.watermarks.files import (
    CALLS,
    PEOPLE,
    accused,
    evidence,
    read_table,
    read_vcf,
    run,
    subset,
    write_phenotypes,
    write_sources,
    write_vcf,
)
from tests.matcher.watermarks.made import MASTER, genotypes

CANARIES = 12
DONORS = genotypes(PEOPLE + 60, 500)[:, PEOPLE:]


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sources")
    write_sources(folder)
    write_vcf(folder / "donors.vcf", DONORS, [f"held{i}" for i in range(60)])
    return folder


def mark(folder: Path, sources: Path, name: str, *files: str, **more: object) -> MarkedRelease:
    given = {"canaries": CANARIES, "donors": sources / "donors.vcf"} | more
    return mark_release(
        cohort_folder=folder / "cohort",
        release=name,
        recipient=f"Institute of {name}",
        genotypes=[sources / one for one in files if not one.endswith(".csv")],
        phenotypes=[sources / one for one in files if one.endswith(".csv")],
        out=folder / f"out-{name}",
        key=MASTER,
        **given,  # type: ignore[arg-type]
    )


@pytest.fixture(scope="module")
def released(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("released")
    for name in ("a", "b"):
        mark(folder, sources, name, "source.vcf", "phenotypes.csv")
    return folder


def canaries_of(folder: Path, name: str) -> list[str]:
    """The ids in a copy that stand for no participant."""
    ids = (folder / "cohort" / "marks" / "releases" / f"{name}.ids.csv").read_text().splitlines()[1:]
    known = {line.split(",")[1] for line in ids}
    return [one for one in read_vcf(folder / f"out-{name}" / "source.vcf").samples if one not in known]


def of_samples(part: Genotypes, names: list[str]) -> Genotypes:
    at = np.array([part.samples.index(one) for one in names])
    return subset(part, slice(None), at)


def standing(found: list[Evidence], beyond_ids: bool, at_least: float = 6.0) -> set[str]:
    return {
        r.release
        for e in found
        for r in e.releases
        if r.beyond_ids == beyond_ids and r.log10_odds >= at_least
    }


def test_canaries_stand_among_the_participants_and_two_have_the_smallest_ids(released: Path) -> None:
    whole = read_vcf(released / "out-a" / "source.vcf")
    table = read_table(released / "out-a" / "phenotypes.csv")
    made = canaries_of(released, "a")
    assert len(made) == CANARIES
    assert len(set(whole.samples)) == PEOPLE + CANARIES
    assert set(table.cells[0]) == set(whole.samples)
    assert set(sorted(whole.samples)[:2]) <= set(made)
    assert set(sorted(table.cells[0])[:2]) == set(table.cells[0][:2]) == set(sorted(made)[:2])
    assert all(coded_id(one) is not None for one in made)
    assert not set(made) & set(canaries_of(released, "b"))


def test_a_canary_is_made_of_long_pieces_of_donors_and_of_nobody_in_the_release(released: Path) -> None:
    whole = read_vcf(released / "out-a" / "source.vcf")
    part = of_samples(whole, canaries_of(released, "a"))
    half = 250  # one chromosome
    for k in range(CANARIES):
        for start in (0, half):
            mine = part.dosages[start : start + half, k][:, None]
            assert (mine == DONORS[start : start + half]).mean(axis=0).max() > 0.9
            assert (mine == CALLS[start : start + half]).mean(axis=0).max() < 0.9


@pytest.mark.parametrize(
    ("file", "back"),
    [
        ("source.bed", ["plink2", "--bfile", "source", "--export", "vcf", "--out", "back"]),
        ("source.pgen", ["plink2", "--pfile", "source", "--export", "vcf", "--out", "back"]),
        ("source.bcf", ["bcftools", "view", "-o", "back.vcf", "source.bcf"]),
        (
            "source.bgen",
            ["plink2", "--bgen", "source.bgen", "ref-first", "--sample", "source.sample", "--export", "vcf",
             "--out", "back"],
        ),
    ],
)  # fmt: skip
def test_every_format_holds_canaries_that_its_tools_read_and_that_name_the_release(
    file: str, back: list[str], sources: Path, tmp_path: Path
) -> None:
    for name in ("a", "b"):
        made = mark(tmp_path, sources, name, file)
        assert made.ids_count == PEOPLE
    run(tmp_path / "out-a", *back)
    whole = read_vcf(tmp_path / "out-a" / "back.vcf")
    assert len(whole.samples) == PEOPLE + CANARIES
    ids = (tmp_path / "cohort" / "marks" / "releases" / "a.ids.csv").read_text()
    only = of_samples(whole, [one for one in whole.samples if one not in ids])
    unnamed = replace(only, samples=tuple(f"s{i}" for i in range(CANARIES)))
    assert standing(evidence(tmp_path / "cohort", ["a", "b"], unnamed), beyond_ids=True) == {"a"}


def test_calls_of_canaries_among_strangers_name_their_release_without_ids(released: Path) -> None:
    only = of_samples(read_vcf(released / "out-b" / "source.vcf"), canaries_of(released, "b")[:9])
    strangers = genotypes(100, 500, seed=77)
    mixed = replace(
        only,
        samples=tuple(f"x{i}" for i in range(109)),
        dosages=np.ascontiguousarray(np.concatenate([only.dosages, strangers], axis=1)),
    )
    assert standing(evidence(released / "cohort", ["a", "b"], mixed), beyond_ids=True, at_least=5) == {"b"}


def test_donors_themselves_strangers_and_the_source_name_no_release(released: Path, sources: Path) -> None:
    whole = read_vcf(sources / "donors.vcf")
    for seed in (1, 2, 3):
        stranger = replace(
            whole, samples=tuple(f"x{i}" for i in range(60)), dosages=genotypes(60, 500, seed=50 + seed)
        )
        assert accused(evidence(released / "cohort", ["a", "b"], stranger), 2.0) == set()
    assert accused(evidence(released / "cohort", ["a", "b"], whole), 2.0) == set()
    source = read_vcf(sources / "source.vcf")
    assert accused(evidence(released / "cohort", ["a", "b"], source), 2.0) == set()


def head(table: Table, rows: int, columns: tuple[str, ...]) -> Table:
    keep = [table.columns.index(one) for one in columns]
    order = np.argsort(np.array(table.cells[0]))[:rows]
    return Table(table.name, columns, tuple(tuple(table.cells[at][int(r)] for r in order) for at in keep))


def test_the_head_of_a_sorted_file_shows_two_canaries_by_their_ids_alone(released: Path) -> None:
    shown = head(read_table(released / "out-a" / "phenotypes.csv"), 5, ("eid", "sex", "age"))
    found = evidence(released / "cohort", ["a", "b"], shown)
    assert standing(found, beyond_ids=False, at_least=4.0) == {"a"}
    assert standing(found, beyond_ids=True, at_least=1.0) == set()
    other = replace(shown, cells=(("1234567890", "2234567890", "3234567890", "4", "5"), *shown.cells[1:]))
    assert evidence(released / "cohort", ["a", "b"], other) == []


def test_rows_of_canaries_without_ids_name_the_release_and_rounding_weakens_them(released: Path) -> None:
    table = read_table(released / "out-a" / "phenotypes.csv")
    made = set(canaries_of(released, "a"))
    rows = [r for r, one in enumerate(table.cells[0]) if one in made]
    at = [table.columns.index(one) for one in ("bmi", "glucose", "hdl")]
    only = Table(
        "x.csv", ("bmi", "glucose", "hdl"), tuple(tuple(table.cells[c][r] for r in rows) for c in at)
    )
    assert standing(evidence(released / "cohort", ["a", "b"], only), beyond_ids=True) == {"a"}
    rounded = replace(only, cells=tuple(tuple(f"{float(x):.1f}" for x in column) for column in only.cells))
    assert accused(evidence(released / "cohort", ["a", "b"], rounded), 6.0) == set()


def test_measurements_of_canaries_look_like_those_of_participants(released: Path, sources: Path) -> None:
    table, before = (
        read_table(released / "out-a" / "phenotypes.csv"),
        read_table(sources / "phenotypes.csv"),
    )
    made = set(canaries_of(released, "a"))
    rows = [r for r, one in enumerate(table.cells[0]) if one in made]
    for name in ("bmi", "glucose", "hdl", "age"):
        at = table.columns.index(name)
        real = np.array([float(one) for one in before.cells[at]])
        mine = np.array([float(table.cells[at][r]) for r in rows])
        assert real.min() <= mine.min() <= mine.max() <= real.max() * 1.05
        assert abs(mine.mean() - real.mean()) < 1.2 * real.std()
        assert {len(table.cells[at][r].split(".")[-1]) for r in rows} <= {
            len(x.split(".")[-1]) for x in before.cells[at]
        }


def test_canaries_are_in_no_count(released: Path, sources: Path, tmp_path: Path) -> None:
    made = mark(tmp_path, sources, "a", "source.vcf", "phenotypes.csv")
    assert made.ids_count == PEOPLE
    assert {one.rows_count for one in made.files} == {PEOPLE, len(CALLS)}
    found = evidence(released / "cohort", ["a", "b"], read_vcf(released / "out-a" / "source.vcf"))
    assert found[0].participants_matched == PEOPLE
    assert accused(found) == {"a"}


def test_an_independent_draw_of_the_generator_names_nobody(
    sources: Path, released: Path, tmp_path: Path
) -> None:
    """Canaries of another key from the same donors: what a release's canaries look like to who has no key."""
    mark(tmp_path, sources, "z", "source.vcf", "phenotypes.csv")
    other = mark_release(
        cohort_folder=tmp_path / "other", release="a", recipient="Institute of a",
        genotypes=[sources / "source.vcf"], phenotypes=[], out=tmp_path / "x", key=bytes(32),
        canaries=40, donors=sources / "donors.vcf",
    )  # fmt: skip
    ids = other.ids_file.read_text()
    whole = read_vcf(tmp_path / "x" / "source.vcf")
    only = of_samples(whole, [one for one in whole.samples if one not in ids])
    assert accused(evidence(released / "cohort", ["a", "b"], only), 2.0) == set()


def test_donors_must_be_in_no_release_enough_and_typed_at_the_same_sites(
    sources: Path, tmp_path: Path
) -> None:
    with pytest.raises(BadSourceFile, match="--donors"):
        mark(tmp_path, sources, "a", "source.vcf", donors=None)
    with pytest.raises(BadSourceFile, match="must be in none"):
        mark(tmp_path, sources, "b", "source.vcf", donors=sources / "source.vcf")
    write_vcf(tmp_path / "few.vcf", DONORS[:, : LEAST_DONORS - 1], [f"h{i}" for i in range(LEAST_DONORS - 1)])
    with pytest.raises(BadSourceFile, match="fewer than"):
        mark(tmp_path, sources, "c", "source.vcf", donors=tmp_path / "few.vcf")
    write_vcf(tmp_path / "short.vcf", DONORS[:200], [f"h{i}" for i in range(60)])
    with pytest.raises(BadSourceFile, match="variants"):
        mark(tmp_path, sources, "d", "source.vcf", donors=tmp_path / "short.vcf")


def test_a_table_alone_gets_canaries_too(tmp_path: Path) -> None:
    write_phenotypes(tmp_path / "phenotypes.csv", 300)
    mark(tmp_path, tmp_path, "a", "phenotypes.csv", donors=None)
    table = read_table(tmp_path / "out-a" / "phenotypes.csv")
    assert len(table.cells[0]) == 300 + CANARIES
