"""From source files to marked copies and back to the recipient, in every format, through plink2 and bcftools."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from matcher.contents import Genotypes, Limits, Table
from matcher.errors import BadSourceFile
from matcher.reading import read_path
from matcher.sketches import EnrolledCohort, EnrolledRelease
from matcher.watermarks import marks
from matcher.watermarks.commitment import open_leaf
from matcher.watermarks.mark import MarkedRelease, mark_release
from matcher.watermarks.roster import digest_of, manifest_file
from matcher.watermarks.sealed import SealedReader, UnreadableMarks
from matcher.watermarks.verify_commitment import manifest_holds, opening_holds
from tests.matcher.watermarks.files import (
    CALLS,
    FIRST_ID,
    KEYS,
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

FORMATS = {
    "source.vcf": ["bcftools", "view", "-o", "back.vcf", "source.vcf"],
    "source.bcf": ["bcftools", "view", "-o", "back.vcf", "source.bcf"],
    "source.bed": ["plink2", "--bfile", "source", "--export", "vcf", "--out", "back"],
    "source.pgen": ["plink2", "--pfile", "source", "--export", "vcf", "--out", "back"],
    "source.bgen": [
        "plink2", "--bgen", "source.bgen", "ref-first", "--sample", "source.sample", "--export", "vcf", "--out", "back",
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sources")
    write_sources(folder)
    return folder


def mark(folder: Path, sources: Path, name: str, *files: str, **more: object) -> MarkedRelease:
    return mark_release(
        cohort_folder=folder / "cohort",
        release=name,
        recipient=f"Institute of {name}",
        genotypes=[sources / one for one in files if not one.endswith(".csv")],
        phenotypes=[sources / one for one in files if one.endswith(".csv")],
        out=folder / f"out-{name}",
        key=MASTER,
        **more,  # type: ignore[arg-type]
    )


@pytest.fixture(scope="module")
def released(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four releases of one source."""
    folder = tmp_path_factory.mktemp("released")
    for name in ("a", "b", "c", "d"):
        mark(folder, sources, name, "source.vcf", "phenotypes.csv")
    return folder


RELEASES = ["a", "b", "c", "d"]


@pytest.mark.parametrize("file", FORMATS)
def test_a_copy_in_each_format_is_read_by_the_fields_tools_and_names_its_recipient(
    file: str, sources: Path, tmp_path: Path
) -> None:
    made = mark(tmp_path, sources, "a", file)
    mark(tmp_path, sources, "b", file)
    run(tmp_path / "out-a", *FORMATS[file])
    back = read_vcf(tmp_path / "out-a" / "back.vcf")
    assert len(back.samples) == made.ids_count == PEOPLE
    assert not any(str(FIRST_ID + i) in back.samples for i in range(PEOPLE))
    straight = np.array(list(back.alleles_a)) == np.array([("A", "C", "G", "A")[v % 4] for v in range(500)])
    calls = np.where(straight[:, None], back.dosages, 2 - back.dosages)
    changed = (calls != CALLS).mean()
    assert 0 < changed <= 0.0013
    assert np.abs(calls.astype(int) - CALLS).max() == 1
    assert accused(evidence(tmp_path / "cohort", ["a", "b"], back)) == {"a"}


def test_a_few_rows_of_a_table_name_the_recipient_and_nobody_else(released: Path) -> None:
    table = read_table(released / "out-b" / "phenotypes.csv", slice(100, 140), ("bmi", "hdl", "glucose"))
    assert accused(evidence(released / "cohort", RELEASES, table)) == {"b"}


def test_only_measurements_are_changed_and_only_in_their_last_places(released: Path, sources: Path) -> None:
    before, after = read_table(sources / "phenotypes.csv"), read_table(released / "out-a" / "phenotypes.csv")
    for name, old, new in zip(before.columns, before.cells, after.cells, strict=True):
        if name in ("sex", "age", "date_attended", "insulin_dose"):
            assert old == new
        elif name != "eid":
            assert old != new
            assert max(abs(float(x) - float(y)) for x, y in zip(old, new, strict=True)) < 0.0101
            assert all(len(x) == len(y) for x, y in zip(old, new, strict=True))
            assert all(int(2 * float(x)) == int(2 * float(y)) for x, y in zip(old, new, strict=True))


def test_shuffled_swapped_flipped_renamed_and_noisy_calls_still_name_the_recipient(released: Path) -> None:
    rng = np.random.default_rng(2)
    whole = read_vcf(released / "out-c" / "source.vcf")
    part = subset(whole, rng.permutation(500)[:300], rng.permutation(PEOPLE)[:250])
    calls = part.dosages.copy()
    calls[rng.random(calls.shape) < 0.02] = -1
    wrong = rng.random(calls.shape) < 0.02
    calls[wrong] = rng.integers(0, 3, int(wrong.sum()))
    swap = rng.random(300) < 0.3
    calls[swap] = np.where(calls[swap] >= 0, 2 - calls[swap], -1)
    flip = str.maketrans("ACGT", "TGCA")
    first = [b if s else a for a, b, s in zip(part.alleles_a, part.alleles_b, swap, strict=True)]
    second = [a if s else b for a, b, s in zip(part.alleles_a, part.alleles_b, swap, strict=True)]
    turned = rng.random(300) < 0.3
    attacked = replace(
        part,
        samples=tuple(f"s{i}" for i in range(250)),
        alleles_a=tuple(a.translate(flip) if t else a for a, t in zip(first, turned, strict=True)),
        alleles_b=tuple(b.translate(flip) if t else b for b, t in zip(second, turned, strict=True)),
        dosages=calls,
    )
    assert accused(evidence(released / "cohort", RELEASES, attacked)) == {"c"}
    lifted = replace(attacked, positions=attacked.positions + 12_345)
    assert accused(evidence(released / "cohort", RELEASES, lifted)) == {"c"}


def test_merged_releases_name_both_and_a_vote_of_three_names_no_fourth(released: Path) -> None:
    a, b, c = (read_vcf(released / f"out-{one}" / "source.vcf") for one in "abc")
    half = PEOPLE // 2
    merged = replace(a, dosages=np.concatenate([a.dosages[:, :half], b.dosages[:, half:]], axis=1))
    assert accused(evidence(released / "cohort", RELEASES, merged)) == {"a", "b"}
    voted = replace(a, dosages=np.median([a.dosages, b.dosages, c.dosages], axis=0).astype(np.int8))
    assert "d" not in accused(evidence(released / "cohort", RELEASES, voted), 3.0)


def test_rounded_digits_of_many_rows_name_the_recipient(released: Path) -> None:
    table = read_table(released / "out-d" / "phenotypes.csv", slice(None), ("bmi", "hdl", "glucose"))
    cells = tuple(
        tuple(f"{float(cell):.{places}f}" for cell in column)
        for column, places in zip(table.cells, (3, 2, 2), strict=True)
    )
    assert accused(evidence(released / "cohort", RELEASES, replace(table, cells=cells))) == {"d"}


def test_the_unmarked_source_is_a_finding_and_accuses_nobody(released: Path, sources: Path) -> None:
    found = evidence(released / "cohort", RELEASES, read_vcf(sources / "source.vcf"))
    assert accused(found, 2.0) == set()
    assert found[0].why.startswith("unmarked")
    assert found[0].log10_odds == 0


def test_strangers_relatives_and_other_tables_accuse_nobody(released: Path, tmp_path: Path) -> None:
    write_vcf(tmp_path / "s.vcf", genotypes(300, 500, seed=9), [f"x{i}" for i in range(300)])
    assert accused(evidence(released / "cohort", RELEASES, read_vcf(tmp_path / "s.vcf")), 2.0) == set()
    write_phenotypes(tmp_path / "phenotypes.csv", 300, seed=9)
    assert (
        accused(evidence(released / "cohort", RELEASES, read_table(tmp_path / "phenotypes.csv")), 2.0)
        == set()
    )
    rng = np.random.default_rng(3)
    marked = read_vcf(released / "out-a" / "source.vcf")
    # a child of two marked participants: one allele of each
    mother, father = marked.dosages[:, :100], marked.dosages[:, 100:200]
    child = (rng.random(mother.shape) < mother / 2).astype(np.int8) + (rng.random(mother.shape) < father / 2)
    relatives = replace(marked, samples=tuple(f"k{i}" for i in range(100)), dosages=child.astype(np.int8))
    assert accused(evidence(released / "cohort", RELEASES, relatives)) <= {"a"}
    assert accused(evidence(released / "cohort", RELEASES, relatives), 2.0) <= {"a"}


def test_protected_sites_and_families_are_not_touched(sources: Path, tmp_path: Path) -> None:
    fam = [line.split() for line in (sources / "source.fam").read_text().splitlines()]
    for suffix in (".bed", ".bim"):
        (tmp_path / f"kin{suffix}").write_bytes((sources / f"source{suffix}").read_bytes())
    for child in range(0, 300, 3):
        fam[child][2:4] = [fam[child + 1][1], fam[child + 2][1]]
    (tmp_path / "kin.fam").write_text("\n".join("\t".join(row) for row in fam) + "\n")
    protected = [("chr1", 1000 + 3000 * v) for v in range(200)]
    mark(tmp_path, tmp_path, "a", "kin.bed", protected=protected)
    run(tmp_path / "out-a", "plink2", "--bfile", "kin", "--export", "vcf", "--out", "back")
    back = read_vcf(tmp_path / "out-a" / "back.vcf")
    changed = back.dosages != CALLS
    assert changed.any()
    assert not changed[:200].any()
    assert not changed[:, :300].any()


def write_imputed(path: Path) -> None:
    """A BGEN file in which one call in fifteen is nearly even."""
    import bgen

    rng = np.random.default_rng(6)
    even = rng.random(CALLS.shape) < 0.07
    with bgen.BgenWriter(str(path), PEOPLE, samples=[str(FIRST_ID + i) for i in range(PEOPLE)]) as file:
        for v, row in enumerate(CALLS):
            sure = np.full((PEOPLE, 3), 0.03)
            sure[np.arange(PEOPLE), row] = 0.94
            at = np.flatnonzero(even[v])
            step = np.where(row[at] == 0, 1, np.where(row[at] == 2, -1, rng.choice([-1, 1], at.size)))
            sure[at] = 0.04
            sure[at, row[at]], sure[at, row[at] + step] = 0.55, 0.41
            chromosome = str(1 + 2 * v // len(CALLS))
            file.add_variant(
                f"rs{v}", f"rs{v}", chromosome, 1000 + 3000 * v, list("ACGA"[v % 4] + "GTAC"[v % 4]), sure
            )


def test_imputed_calls_are_marked_where_they_are_ambiguous_and_few_rows_suffice(tmp_path: Path) -> None:
    write_imputed(tmp_path / "imputed.bgen")
    made = mark(tmp_path, tmp_path, "a", "imputed.bgen")
    mark(tmp_path, tmp_path, "b", "imputed.bgen")
    assert 0.0015 < made.files[0].changed_count / CALLS.size < 0.02
    (tmp_path / "out-a").joinpath("s.sample").write_text("")
    run(tmp_path / "out-a", "plink2", "--bgen", "imputed.bgen", "ref-first", "--hard-call-threshold", "0.499999",
        "--export", "vcf", "--out", "back")  # fmt: skip
    back = read_vcf(tmp_path / "out-a" / "back.vcf")
    rng = np.random.default_rng(1)
    few = subset(back, np.sort(rng.choice(500, 150, replace=False)), rng.choice(PEOPLE, 60, replace=False))
    assert accused(evidence(tmp_path / "cohort", ["a", "b"], few)) == {"a"}


def test_a_refresh_carries_the_same_marks_under_new_ids(
    released: Path, sources: Path, tmp_path: Path
) -> None:
    first = mark_release(
        cohort_folder=tmp_path / "cohort", release="one", recipient="I", genotypes=[sources / "source.vcf"],
        phenotypes=[], out=tmp_path / "one", key=MASTER,
    )  # fmt: skip
    mark_release(
        cohort_folder=tmp_path / "cohort", release="two", recipient="I", genotypes=[sources / "source.vcf"],
        phenotypes=[], out=tmp_path / "two", key=MASTER,
    )  # fmt: skip
    one, two = read_vcf(tmp_path / "one" / "source.vcf"), read_vcf(tmp_path / "two" / "source.vcf")
    assert np.array_equal(one.dosages, two.dosages)
    assert not set(one.samples) & set(two.samples)
    first.forget_ids()
    assert not first.ids_file.exists()


def test_what_is_kept_holds_no_id_and_opens_only_with_the_key(released: Path) -> None:
    kept = list((released / "cohort").rglob("*.sealed"))
    assert kept
    for path in kept:
        data = path.read_bytes()
        assert str(FIRST_ID).encode() not in data
        assert b"Institute" not in data
        with pytest.raises(UnreadableMarks):
            SealedReader(path, bytes(32))


def test_the_commitment_of_a_release_is_signed_before_it_leaves(released: Path) -> None:
    signed = json.loads(manifest_file(released / "cohort", "a").read_text())
    assert manifest_holds(signed)
    files = {one["name"]: one["sha256"] for one in signed["manifest"]["files"]}
    assert files["source.vcf"] == digest_of(released / "out-a" / "source.vcf")
    assert opening_holds(signed, open_leaf(MASTER, "a", "Institute of a", "recipient/genotypes"))


def test_the_marks_are_read_through_the_products_own_reader(released: Path) -> None:
    for name in ("source.vcf", "phenotypes.csv"):
        sketch = marks.sketch(KEYS)
        for event in read_path(released / "out-b" / name, Limits()):
            if isinstance(event, Table | Genotypes):
                sketch.add(event)
        releases = tuple(EnrolledRelease(one, f"Institute of {one}", released) for one in RELEASES)
        found = marks.compare(sketch, EnrolledCohort("made", PEOPLE, released / "cohort", releases), KEYS)
        assert accused(found) == {"b"}
        assert found[0].participants_matched == PEOPLE


def test_wrong_use_is_told_in_one_line(sources: Path, tmp_path: Path) -> None:
    (tmp_path / "out-a").mkdir()
    (tmp_path / "out-a" / "x").write_text("here")
    with pytest.raises(BadSourceFile, match="not an empty folder"):
        mark(tmp_path, sources, "a", "source.vcf")
    with pytest.raises(BadSourceFile, match="nothing to mark"):
        mark(tmp_path, sources, "b")
    (tmp_path / "no.csv").write_text("name,bmi\nx,1.5\n")
    with pytest.raises(BadSourceFile, match="--id-column"):
        mark(tmp_path, tmp_path, "c", "no.csv")
