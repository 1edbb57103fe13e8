"""A made-up source cohort as files of every format, written by plink2 and bcftools, and how tests read files back."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import numpy.typing as npt

from matcher.contents import Genotypes, Table
from matcher.sketches import EnrolledCohort, EnrolledRelease, Evidence, MatchingKeys
from matcher.watermarks import marks
from tests.matcher.watermarks.made import MASTER, genotypes

PEOPLE, VARIANTS = 600, 500
CALLS = genotypes(PEOPLE, VARIANTS)
KEYS = MatchingKeys(MASTER, MASTER, MASTER, MASTER, MASTER)
ALLELES = (("A", "G"), ("C", "T"), ("G", "A"), ("A", "C"))
FIRST_ID = 5_000_000


def run(folder: Path, *command: str) -> None:
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


def write_vcf(path: Path, calls: npt.NDArray[np.int8], ids: list[str]) -> None:
    words = np.array(["0/0", "0/1", "1/1", "./."])
    with path.open("w") as file:
        file.write("##fileformat=VCFv4.2\n##contig=<ID=1>\n##contig=<ID=2>\n")
        file.write('##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n')
        columns = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", *ids]
        file.write("\t".join(columns) + "\n")
        for v, row in enumerate(calls):
            a, b = ALLELES[v % 4]
            where = [str(1 + 2 * v // len(calls)), str(1000 + 3000 * v), f"rs{v}", a, b, ".", ".", ".", "GT"]
            file.write("\t".join([*where, *words[row]]) + "\n")


def write_phenotypes(path: Path, people: int = PEOPLE, seed: int = 0) -> None:
    rng = np.random.default_rng(seed)
    with path.open("w") as file:
        file.write("eid,sex,bmi,glucose,hdl,age,date_attended,insulin_dose\n")
        for i in range(people):
            cells = [
                f"{rng.normal(27, 4):.4f}",
                f"{rng.normal(5, 1):.3f}",
                f"{rng.lognormal(0, 0.3):.3f}",
                str(rng.integers(40, 70)),
                f"20{rng.integers(10, 20)}-01-0{rng.integers(1, 9)}",
                f"{rng.uniform(0, 50):.2f}",
            ]
            file.write(",".join([str(FIRST_ID + i), str(i % 2), *cells]) + "\n")


def write_sources(folder: Path) -> None:
    """source.vcf, .bcf, .bed, .pgen, .bgen and phenotypes.csv of the same people."""
    write_vcf(folder / "source.vcf", CALLS, [str(FIRST_ID + i) for i in range(PEOPLE)])
    write_phenotypes(folder / "phenotypes.csv")
    run(folder, "bcftools", "view", "-Ob", "-o", "source.bcf", "source.vcf")
    for words in ("--make-bed", "--make-pgen"):
        run(folder, "plink2", "--vcf", "source.vcf", words, "--out", "source")
    run(
        folder,
        "plink2",
        "--vcf",
        "source.vcf",
        "--export",
        "bgen-1.2",
        "bits=8",
        "ref-first",
        "--out",
        "source",
    )


def read_vcf(path: Path) -> Genotypes:
    """With bcftools, so that a file that it cannot read fails."""
    query = ["bcftools", "query", "-f", "%CHROM\t%POS\t%ID\t%REF\t%ALT[\t%GT]\n", str(path)]
    answer = subprocess.run(query, check=True, capture_output=True, text=True).stdout
    names = subprocess.run(["bcftools", "query", "-l", str(path)], check=True, capture_output=True, text=True)
    rows = [line.split("\t") for line in answer.splitlines()]
    known = {"0/0": 0, "0/1": 1, "1/0": 1, "1/1": 2, "0|0": 0, "0|1": 1, "1|0": 1, "1|1": 2}
    return Genotypes(
        tuple(names.stdout.split()),
        tuple(row[0] for row in rows),
        np.array([int(row[1]) for row in rows]),
        tuple(row[2] for row in rows),
        tuple(row[3] for row in rows),
        tuple(row[4] for row in rows),
        np.array([[known.get(cell, -1) for cell in row[5:]] for row in rows], dtype=np.int8),
    )


def read_table(path: Path, rows: slice = slice(None), columns: tuple[str, ...] | None = None) -> Table:
    lines = [line.split(",") for line in path.read_text().splitlines()]
    keep = range(len(lines[0])) if columns is None else [lines[0].index(one) for one in columns]
    body = lines[1:][rows]
    return Table(
        path.name, tuple(lines[0][at] for at in keep), tuple(tuple(row[at] for row in body) for at in keep)
    )


Index = npt.NDArray[np.int64] | slice


def subset(part: Genotypes, variants: Index, samples: Index) -> Genotypes:
    def some(words: tuple[str, ...], index: Index) -> tuple[str, ...]:
        return tuple(np.array(words, dtype=object)[index].tolist())

    return Genotypes(
        some(part.samples, samples),
        some(part.chromosomes, variants),
        part.positions[variants],
        some(part.names, variants),
        some(part.alleles_a, variants),
        some(part.alleles_b, variants),
        np.ascontiguousarray(part.dosages[variants][:, samples]),
    )


def evidence(folder: Path, releases: list[str], *parts: Genotypes | Table) -> list[Evidence]:
    return evidence_with(KEYS, folder, releases, *parts)


def evidence_with(
    keys: MatchingKeys, folder: Path, releases: list[str], *parts: Genotypes | Table
) -> list[Evidence]:
    sketch = marks.sketch(keys)
    for part in parts:
        sketch.add(part)
    cohort = EnrolledCohort(
        "made",
        PEOPLE,
        folder,
        tuple(EnrolledRelease(one, f"Institute of {one}", folder / "releases" / one) for one in releases),
    )
    return marks.compare(sketch, cohort, keys)


def accused(found: list[Evidence], at_least: float = 8.0) -> set[str]:
    return {one.release for e in found for one in e.releases if one.log10_odds >= at_least}
