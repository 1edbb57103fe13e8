"""Bench of genotype formats: every format × every distortion, whether participants are still named, and reading speed.

Run `python tests/bench/genotype_formats.py [--out FILE]`. A cohort of 600 × 6,000; finds of 40 of its participants are
written as VCF, distorted, and turned into every format by bcftools, plink1.9 and plink2. Prints Markdown.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

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
        "matrix": folder / "m.csv",
        "23andMe (one)": folder / "someone.txt",
    }


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
        lines.append(f"| {change} | " + " | ".join(named(path, cohort) for path in files.values()) + " |")
        print(lines[-1], flush=True)
    return lines


def reading(folder: Path) -> list[str]:
    """Millions of calls a CPU second: our readers, and the fastest public reader of the same file."""
    samples, variants = 5_000, 4_000
    run("plink2", "--dummy", str(samples), str(variants), "--make-pgen", "--out", "d", cwd=folder)
    run("plink2", "--pfile", "d", "--make-bed", "--out", "d", cwd=folder)
    for form, extra in (("vcf", ()), ("bgen-1.2", ("bits=8",)), ("A", ()), ("Av", ())):
        run("plink2", "--pfile", "d", "--export", form, *extra, "--out", "d", cwd=folder)
    lines = ["| file | ours | public reader | ratio |", "|---|---|---|---|"]
    for name, (ours, theirs, whose) in {
        "d.pgen": ("plink2", _pgenlib, "pgenlib"),
        "d.bed": ("plink1", _pgenlib, "pgenlib"),
        "d.vcf": ("vcf", _pysam, "pysam, text of records"),
        "d.bgen": ("bgen_file", _bgen, "bgen"),
        "d.raw": ("dosage_matrix", _arrow, "Arrow's CSV reader"),
        "d.traw": ("dosage_matrix", _arrow, "Arrow's CSV reader"),
    }.items():
        million = samples * variants / 1e6
        mine = million / _cpu(lambda ours=ours, name=name: _read(ours, folder / name))  # type: ignore[misc]
        other = million / _cpu(lambda theirs=theirs, name=name: theirs(folder / name, samples, variants))  # type: ignore[misc]
        lines.append(f"| {name} | {mine:,.0f} | {other:,.0f} ({whose}) | {mine / other:.2f} |")
        print(lines[-1], flush=True)
    return lines


def _cpu(work: Callable[[], object]) -> float:
    work()
    start = time.process_time()
    work()
    return time.process_time() - start


def _read(module: str, path: Path) -> None:
    import importlib

    from matcher.contents import Limits, Opened

    def beside(suffix: str) -> object:
        other = path.with_suffix(suffix)
        return other.open("rb") if other.is_file() else None

    reader = importlib.import_module(f"matcher.formats.{module}")
    with path.open("rb") as stream:
        for _ in reader.read(Opened(path.name, stream, path.stat().st_size, beside), Limits()):  # type: ignore[arg-type]
            pass


def _pgenlib(path: Path, samples: int, variants: int) -> None:
    import pgenlib

    out = np.empty((200, samples), np.int8)
    reader = pgenlib.PgenReader(str(path).encode(), raw_sample_ct=samples, variant_ct=variants)
    for start in range(0, variants, 200):
        reader.read_range(start, start + 200, out)
    reader.close()


def _pysam(path: Path, samples: int, variants: int) -> None:
    import pysam

    with pysam.VariantFile(str(path)) as file:
        for record in file:
            cells = np.frombuffer(str(record).split("\tGT\t")[1].rstrip().encode(), np.uint8)
            (cells[0::4] - 48) + (cells[2::4] - 48)


def _bgen(path: Path, samples: int, variants: int) -> None:
    from bgen import BgenReader

    with BgenReader(str(path), delay_parsing=True) as file:
        for one in file:
            np.rint(one.alt_dosage)


def _arrow(path: Path, samples: int, variants: int) -> None:
    from pyarrow import csv

    csv.read_csv(
        path, csv.ReadOptions(use_threads=False, block_size=64 << 20), csv.ParseOptions(delimiter="\t")
    )


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
        (folder / "reading").mkdir()
        lines += ["", *reading(folder / "reading")]
    if asked.out:
        asked.out.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
