"""A table of calls that is given as a cohort's genotypes is refused with the command that makes a source of it."""

from __future__ import annotations

import shlex
from pathlib import Path

import polars as pl
import pytest

from matcher.errors import BadSourceFile
from matcher.genotypes.enrol import enrol
from tests.matcher.formats.made import SAMPLES, Truth, run, truth, write_vcf
from tests.matcher.genotypes.people import KEYS
from tests.matcher.genotypes.test_called_tables import (
    by_sample,
    by_variant,
    csv,
    in_parquet,
    lettered,
    written,
)


@pytest.fixture(scope="module")
def of() -> Truth:
    return truth(missing=0.0)


def refused(folder: Path, path: Path) -> str:
    """What is said of a file, in one line that names it and no sample."""
    with pytest.raises(BadSourceFile) as wrong:
        enrol(folder / "c", [path], KEYS)
    said = str(wrong.value)
    assert path.name in said
    assert "\n" not in said
    assert not any(one in said for one in SAMPLES)
    return said


def variants_of(of: Truth) -> int:
    """Those that an index keeps: of C and G the strand is not told."""
    return sum({a, b} != {"C", "G"} for a, b in zip(of.references, of.alternates, strict=True))


def command(said: str) -> list[str]:
    return shlex.split(said.split("`")[1])


@pytest.mark.parametrize(
    ("form", "beside"), [("tped", "y.tfam"), ("gen", "y.sample"), ("haps", "y.sample"), ("lgen", "")]
)
def test_the_command_that_is_told_makes_a_source(form: str, beside: str, of: Truth, tmp_path: Path) -> None:
    data = written(form, of, tmp_path)
    path = tmp_path / f"given.{form}"
    path.write_bytes(data)
    words = command(refused(tmp_path, path))
    given = {"FILE": path, "FAM": tmp_path / beside, "SAMPLES": tmp_path / beside}
    given |= {"STEM": tmp_path / "y", "NEW": tmp_path / "new"}
    program, *rest = [str(given.get(word, word)) for word in words]
    run(f"{program}1.9" if program == "plink" else program, *rest)
    made = tmp_path / ("new.bed" if program == "plink" else "new.pgen")
    enrolled = enrol(tmp_path / "d", [made], KEYS)
    assert enrolled.samples_count == len(SAMPLES)
    assert enrolled.variants_count == variants_of(of)


def report(of: Truth) -> bytes:
    """Illumina's, a line for each call."""
    lines = ["SNP Name\tSample ID\tAllele1 - Forward\tAllele2 - Forward"]
    for at, one in enumerate(SAMPLES):
        lines += [
            "\t".join((name, one, *lettered(of, site, int(of.dosages[site, at]))))
            for site, name in enumerate(of.names)
        ]
    return ("[Header]\nGSGT Version\t2.0.4\n[Data]\n" + "\n".join(lines) + "\n").encode()


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda of, _: csv(by_sample(of)), ".ped"),
        (lambda of, _: csv(by_variant(of), "\t"), "VCF"),
        (lambda of, _: in_parquet(by_sample(of)), ".ped"),
        (lambda of, folder: written("beagle", of, folder), "VCF"),
        (lambda of, _: report(of), "--lfile"),
    ],
)  # fmt: skip
def test_other_tables_are_told_what_to_be_written_as(
    make: object, word: str, of: Truth, tmp_path: Path
) -> None:
    assert callable(make)
    path = tmp_path / "given"
    path.write_bytes(make(of, tmp_path))
    assert word in refused(tmp_path, path)


def test_what_holds_no_calls_is_no_table_of_them(tmp_path: Path) -> None:
    for name, data in (
        ("notes.txt", b"nothing here\n"),
        ("people.csv", pl.DataFrame({"eid": range(90), "age": range(90)}).write_csv().encode()),
    ):
        (tmp_path / name).write_bytes(data)
        assert "is no file of genotypes" in refused(tmp_path, tmp_path / name)


def test_a_vcf_without_variants_beside_others_is_let_pass(of: Truth, tmp_path: Path) -> None:
    full = write_vcf(tmp_path / "full.vcf", of)
    empty = tmp_path / "empty.vcf"
    empty.write_text("".join(line + "\n" for line in full.read_text().splitlines() if line.startswith("#")))
    assert enrol(tmp_path / "c", [full, empty], KEYS).variants_count == variants_of(of)
