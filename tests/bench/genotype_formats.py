"""Bench of genotype formats: every format × every distortion, and whether participants are still named.

Run `python tests/bench/genotype_formats.py [--out FILE]`. A cohort of 600 × 6,000; finds of 40 of its participants are
written as VCF, distorted, and turned into every format by bcftools, plink1.9, plink2, polars and R. Prints Markdown.
Next door: `genotype_reading` (how fast they are read).
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import polars as pl

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from matcher.contents import FileEnded, Genotypes
from matcher.genotypes import identity
from matcher.genotypes.store import write_store
from matcher.reading import read_path
from matcher.sketches import EnrolledCohort, MatchingKeys
from tests.bench.genotype_people import Matrix, Panel, dosages_of, haplotypes_of, panel, with_errors
from tests.bench.genotypes import KEY, cohort_parts

KEYS = MatchingKeys(ids=b"i" * 32, values=b"v" * 32, genotypes=KEY, texts=b"t" * 32, marks=b"m" * 32)
PARTICIPANTS, VARIANTS, FOUND = 600, 6_000, 40
_COMPLEMENT = {"A": "T", "T": "A", "C": "G", "G": "C"}
_IN_R = """d <- read.csv("m.csv", row.names = 1, check.names = FALSE)
write.table(as.matrix(d), "w.txt"); saveRDS(as.matrix(d), "w.rds")"""
CHANGES = (
    "as it is",
    "5 % errors",
    "swapped",
    "flipped",
    "names alone",
    "positions alone",
    "tenth of the sites",
    "haploid calls",
    "20 % missing",
)


def run(*words: str | Path, cwd: Path) -> None:
    subprocess.run([str(one) for one in words], cwd=cwd, check=True, capture_output=True)


def write_vcf(path: Path, of: Panel, calls: Matrix, change: str) -> None:
    """The find as a VCF, distorted."""
    rng = np.random.default_rng(CHANGES.index(change))
    rows = np.arange(len(calls))
    if change == "tenth of the sites":
        rows = np.sort(rng.choice(rows, len(rows) // 10, replace=False))
    calls = with_errors(
        calls[rows], 0.05 if "errors" in change else 0.005, 0.2 if "missing" in change else 0.01, rng
    )
    cells = np.array(
        ["0|0", "0|1", "1|1", ".|."] if change == "positions alone" else ["0/0", "0/1", "1/1", "./."]
    )
    turn = rng.random(len(rows)) < (0.3 if change == "swapped" else 0.0)
    flip = rng.random(len(rows)) < (0.3 if change == "flipped" else 0.0)
    with path.open("w") as file:
        file.write('##fileformat=VCFv4.2\n##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n')
        for chromosome in range(1, 23):
            file.write(f"##contig=<ID={chromosome},length=200000000>\n")
        names = "\t".join(f"q{number}" for number in range(calls.shape[1]))
        file.write(f"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{names}\n")
        for at, row in enumerate(rows.tolist()):
            a, b = of.alleles(row)
            here = calls[at]
            if turn[at]:
                a, b, here = b, a, np.where(here >= 0, 2 - here, -1)
            if flip[at]:
                a, b = _COMPLEMENT[a], _COMPLEMENT[b]
            if change == "haploid calls":
                here = np.where(here == 1, -1, here)
            name = "." if change == "positions alone" else f"rs{1000 + row}"
            position = of.positions[row] + (777 if change == "names alone" else 0)
            text = "\t".join(cells[here])
            file.write(f"{of.chromosomes[row]}\t{position}\t{name}\t{a}\t{b}\t.\t.\t.\tGT\t{text}\n")


def made(folder: Path) -> dict[str, Path]:
    """The find in every format, by other programs from the VCF."""
    run("bcftools", "view", "-Oz", "-o", "x.vcf.gz", "x.vcf", cwd=folder)
    run("bcftools", "view", "-Ob", "-o", "x.bcf", "x.vcf", cwd=folder)
    run("plink2", "--vcf", "x.vcf", "--set-missing-var-ids", "@:#", "--make-pgen", "--out", "p", cwd=folder)
    run("plink2", "--pfile", "p", "--make-bed", "--out", "b", cwd=folder)
    run("plink1.9", "--bfile", "b", "--keep-allele-order", "--recode", "--out", "e", cwd=folder)
    for form, name in (("A", "r"), ("Av", "t"), ("bgen-1.2", "g"), ("vcf-4.2", "v")):
        extra = ("bits=8",) if form == "bgen-1.2" else ()
        run("plink2", "--pfile", "p", "--export", form, *extra, "--out", name, cwd=folder)
    _consumer(folder / "v.vcf", folder / "someone.txt")
    _matrix(folder / "v.vcf", folder / "m.csv")
    _eigenstrat(folder / "v.vcf", folder / "i.geno")
    pl.read_csv(folder / "m.csv", null_values="NA").write_parquet(folder / "m.parquet")
    run("Rscript", "-e", _IN_R, cwd=folder)
    return {
        "VCF": folder / "x.vcf",
        "vcf.gz": folder / "x.vcf.gz",
        "BCF": folder / "x.bcf",
        "bed": folder / "b.bed",
        "pgen": folder / "p.pgen",
        "ped": folder / "e.ped",
        "raw": folder / "r.raw",
        "traw": folder / "t.traw",
        "BGEN": folder / "g.bgen",
        "EIGENSTRAT": folder / "i.geno",
        "matrix": folder / "m.csv",
        "Parquet": folder / "m.parquet",
        "R's write.table": folder / "w.txt",
        "R's saveRDS": folder / "w.rds",
        "23andMe (one)": folder / "someone.txt",
    }


def _eigenstrat(vcf: Path, out: Path) -> None:
    records = _records(vcf)
    out.with_suffix(".ind").write_text("".join(f"q{one} U Case\n" for one in range(FOUND)))
    listed = (
        f"{name if name != '.' else f'{c}_{p}'}\t{c}\t0.0\t{p}\t{a}\t{b}\n"
        for c, p, name, a, b, *_ in records
    )
    out.with_suffix(".snp").write_text("".join(listed))
    digits = ("".join("9" if "." in call else str(call.count("0")) for call in one[9:]) for one in records)
    out.write_text("\n".join(digits) + "\n")


def _records(vcf: Path) -> list[list[str]]:
    return [line.split("\t") for line in vcf.read_text().splitlines() if not line.startswith("#")]


def _consumer(vcf: Path, out: Path) -> None:
    lines = ["# rsid\tchromosome\tposition\tgenotype"]
    for c, p, name, a, b, _, _, _, _, call, *_ in _records(vcf):
        letters = "".join({"0": a, "1": b, ".": "-"}[one] for one in (call[0], call[-1]))
        lines.append(f"{name if name.startswith('rs') else f'i{p}'}\t{c}\t{p}\t{letters}")
    out.write_text("\n".join(lines) + "\n")


def _matrix(vcf: Path, out: Path) -> None:
    records = _records(vcf)
    names = [f"{name}_{b}" if name != "." else f"{c}:{p}:{a}:{b}" for c, p, name, a, b, *_ in records]
    rows = [["person", *names]]
    for sample in range(FOUND):
        calls = [one[9 + sample] for one in records]
        rows.append([f"q{sample}", *("NA" if "." in call else str(call.count("1")) for call in calls)])
    out.write_text("\n".join(",".join(row) for row in rows) + "\n")


def named(path: Path, cohort: EnrolledCohort) -> str:
    sketch, skipped = identity.sketch(KEYS), None
    for event in read_path(path):
        if isinstance(event, Genotypes):
            sketch.add(event)
        elif isinstance(event, FileEnded):
            skipped = skipped or event.skipped
    evidence = identity.compare(sketch, cohort, KEYS)
    if not evidence:
        return skipped or "nobody"
    one = evidence[0]
    return f"{one.participants_matched or 0}/{sketch.samples_count}" + (
        "" if one.relation == "same" else f" {one.relation}"
    )


def distortions(of: Panel, calls: Matrix, cohort: EnrolledCohort, folder: Path) -> list[str]:
    lines: list[str] = []
    for change in CHANGES:
        here = folder / change.replace(" ", "-")
        here.mkdir()
        write_vcf(here / "x.vcf", of, calls, change)
        files = made(here)
        if not lines:
            lines += ["| | " + " | ".join(files) + " |", "|---" * (1 + len(files)) + "|"]
            print("\n".join(lines))
        lines.append(f"| {change} | " + " | ".join(named(path, cohort) for path in files.values()) + " |")
        print(lines[-1], flush=True)
    return lines


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--out", type=Path)
    asked = words.parse_args()
    founders = panel(VARIANTS, 21)
    cohort_calls = dosages_of(haplotypes_of(founders, 2 * PARTICIPANTS, 22))
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "c").mkdir()
        write_store(folder / "c", cohort_parts(founders, cohort_calls), KEY)
        cohort = EnrolledCohort("c", PARTICIPANTS, folder / "c")
        lines = distortions(founders, cohort_calls[:, 100 : 100 + FOUND], cohort, folder)
    if asked.out:
        asked.out.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
