"""Mutants of genotype files through the limited child and the matcher, for so many CPU seconds a reader.

The seconds are those of the reading child and of this process, which mutates, starts it and compares what it read.

Run `python -m tests.bench.fuzz_readers [--seconds 600] [--reader x.bed]... [--seed N] [--keep DIR] [--out FILE]`. Files
and the lists beside them are mutated by bytes, lines, cells and numbers; a mutant that made the reader say something
new is mutated further. What must hold: the parent lives and stays small, every file ends in one of the contract's
words in time, and whatever was read goes through the matcher. A mutant that breaks this is kept with `--keep`.
"""

from __future__ import annotations

import argparse
import gzip
import os
import re
import resource
import shutil
import sys
import tempfile
import time
import zlib
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from matcher.contents import FileEnded, Limits
from matcher.genotypes import identity
from matcher.genotypes.enrol import enrol
from matcher.reading import read_path
from tests.matcher.formats.made import SAMPLES, run, truth, write_vcf
from tests.matcher.formats.test_eigenstrat_packed import write as write_packed
from tests.matcher.formats.test_hostile import SKIPPED, mutant
from tests.matcher.genotypes.people import KEYS, enrolled

BESIDE = {
    "x.bed": ("x.bim", "x.fam"),
    "x.pgen": ("x.pvar", "x.psam"),
    "x.ped": ("x.map",),
    "x.bgen": ("x.sample",),
    "text.geno": ("text.snp", "text.ind"),
    "packed.geno": ("packed.snp", "packed.ind"),
    "turned.geno": ("turned.snp", "turned.ind"),
}
READERS = (
    *("x.vcf", "x.vcf.gz", "x.bcf", "x.bed", "x.pgen", "x.ped", "x.raw", "x.traw", "x.bgen", "someone.txt"),
    *("matrix.csv", "text.geno", "packed.geno", "turned.geno"),
)
PACKED = ("x.vcf.gz", "x.bcf")
LIMITS = Limits(seconds=20)
MOST_PARENT = 1 << 30
MOST_KEPT = 200
_NUMBER = re.compile(rb"\d+")
_NUMBERS = (
    b"0",
    b"-1",
    b"1",
    b"255",
    b"65536",
    b"2147483648",
    b"4294967295",
    b"18446744073709551616",
    b"1e309",
)

Files = dict[str, bytes]


@dataclass
class Told:
    """What came of one reader's mutants."""

    mutants: int = 0
    endings: Counter[str] = field(default_factory=Counter)
    details: set[str] = field(default_factory=set)
    slowest: float = 0.0
    child_seconds: float = 0.0
    faults: list[str] = field(default_factory=list)


def sound_files(folder: Path) -> None:
    """One sound file for every reader, as other programs wrote it where they do."""
    of = truth()
    # Apart on the map, so that what is read is compared and not only counted.
    of = replace(of, positions=tuple(1 + 600_000 * (at % 90) for at in range(len(of.names))))
    vcf = write_vcf(folder / "x.vcf", of)
    run("bcftools", "view", "-Oz", "-o", folder / "x.vcf.gz", vcf)
    run("bcftools", "view", "-Ou", "-o", folder / "x.bcf", vcf)
    run("plink2", "--vcf", vcf, "--make-pgen", "--out", folder / "x")
    run("plink2", "--vcf", vcf, "--make-bed", "--out", folder / "x")
    run("plink1.9", "--bfile", folder / "x", "--recode", "--out", folder / "x")
    for form in ("A", "Av", "bgen-1.2"):
        run("plink2", "--pfile", folder / "x", "--export", form, "--out", folder / "x")
    for name, kind in (("text", ""), ("packed", "GENO"), ("turned", "TGENO")):
        (folder / f"{name}.ind").write_text("".join(f"{one} U C\n" for one in SAMPLES))
        places = zip(of.names, of.chromosomes, of.positions, of.references, of.alternates, strict=True)
        (folder / f"{name}.snp").write_text("".join(f"{n} {c} 0 {p} {a} {b}\n" for n, c, p, a, b in places))
        if kind:
            write_packed(folder / f"{name}.geno", of.dosages, kind)
    digits = np.where(of.dosages < 0, 9, 2 - of.dosages)
    (folder / "text.geno").write_text("".join("".join(map(str, row)) + "\n" for row in digits.tolist()))
    names = [f"{name}_{allele}" for name, allele in zip(of.names, of.alternates, strict=True)]
    rows = [",".join([one, *map(str, of.dosages[:, at].tolist())]) for at, one in enumerate(SAMPLES)]
    (folder / "matrix.csv").write_text("\n".join([",".join(["IID", *names]), *rows]) + "\n")
    lines = [f"{name}\t1\t{1000 + at}\tAC" for at, name in enumerate(of.names)]
    (folder / "someone.txt").write_text("# rsid\tchromosome\tposition\tgenotype\n" + "\n".join(lines) + "\n")


def by_lines(data: bytes, rng: np.random.Generator) -> bytes:
    """Lines or cells dropped, doubled, exchanged, or numbers in them made hostile."""
    lines = data.split(b"\n")
    for _ in range(int(rng.integers(1, 5))):
        at, other = (int(one) for one in rng.integers(len(lines), size=2))
        match int(rng.integers(5)):
            case 0:
                lines[at] = lines[other]
            case 1:
                lines[at:at] = [lines[other]] * int(rng.integers(1, 30))
            case 2 if len(lines) > 2:
                del lines[at]
            case 3:
                cells = re.split(rb"([\t ,:/|]+)", lines[at])
                cells[int(rng.integers(len(cells)))] = cells[int(rng.integers(len(cells)))]
                lines[at] = b"".join(cells)
            case _:
                numbers = list(_NUMBER.finditer(lines[at]))
                if numbers:
                    one = numbers[int(rng.integers(len(numbers)))]
                    new = _NUMBERS[int(rng.integers(len(_NUMBERS)))]
                    lines[at] = lines[at][: one.start()] + new + lines[at][one.end() :]
    return b"\n".join(lines)


def mutated(files: Files, name: str, rng: np.random.Generator) -> Files:
    """One or more of the files changed; what is packed is unpacked first, most of the time."""
    out = dict(files)
    names = list(files)
    chosen = [name] if rng.random() < 0.6 else [names[int(rng.integers(len(names)))]]
    if rng.random() < 0.15:
        chosen = names
    for one in chosen:
        data = out[one]
        inside = one in PACKED and rng.random() < 0.7
        if inside:
            try:
                data = gzip.decompress(data)
            except (OSError, EOFError, ValueError, zlib.error):
                inside = False
        changed = by_lines(data, rng) if rng.random() < 0.5 else mutant(data, rng)
        out[one] = gzip.compress(changed, 1) if inside else changed
    return out


def fuzz(name: str, sound: Path, cohort: Path, seconds: float, seed: int, keep: Path | None) -> Told:
    rng, told = np.random.default_rng(seed), Told()
    names = (name, *(one for one in BESIDE.get(name, ()) if (sound / one).exists()))
    corpus = [{one: (sound / one).read_bytes() for one in names}]
    place = Path(tempfile.mkdtemp(prefix="fuzz-"))
    before, own = cpu_of_children(), time.process_time()
    while cpu_of_children() - before + time.process_time() - own < seconds:
        files = mutated(corpus[int(rng.integers(len(corpus)))], name, rng)
        for one, data in files.items():
            (place / one).write_bytes(data)
        start = time.monotonic()
        said, fault = one_mutant(place / name, cohort, told)
        took = time.monotonic() - start
        told.mutants += 1
        told.slowest = max(told.slowest, took)
        told.endings[said.split(":")[0]] += 1
        fault = fault or ("too slow" if took > LIMITS.seconds + 15 else "")
        if said not in told.details and len(corpus) < MOST_KEPT:
            told.details.add(said)
            corpus.append(files)
        if fault:
            told.faults.append(f"mutant {told.mutants} of seed {seed}: {fault}")
            print(name, told.faults[-1], flush=True)
            if keep is not None:
                shutil.copytree(place, keep / f"{name}-{seed}-{told.mutants}")
    told.child_seconds = cpu_of_children() - before
    shutil.rmtree(place)
    return told


def one_mutant(path: Path, cohort: Path, told: Told) -> tuple[str, str]:
    """What the reader said, in words that are the same for like mutants; and what is wrong with that, or "".

    What was read is compared with the cohort where the reader said something new, and of every tenth mutant.
    """
    sketch, parts, ended = identity.sketch(KEYS), 0, None
    try:
        for event in read_path(path, LIMITS):
            if isinstance(event, FileEnded):
                ended = event if ended is None or event.skipped else ended
            else:
                parts += 1
                sketch.add(event)
        said = _said(ended, parts, len(sketch))
        if said not in told.details or told.mutants % 10 == 0:
            identity.compare(sketch, enrolled(cohort, len(SAMPLES)), KEYS)
    except Exception as wrong:  # noqa: BLE001 - whatever comes up in the parent is a finding
        return "raised", f"{type(wrong).__name__} in the parent: {str(wrong)[:200]}"
    if ended is None:
        return "nothing", "the file has no end"
    if ended.skipped not in SKIPPED:
        return "word", f"{ended.skipped!r} is no word of the contract"
    if resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10 > MOST_PARENT:
        return "memory", "the parent grew beyond its bound"
    return said, ""


def _said(ended: FileEnded | None, parts: int, variants: int) -> str:
    if ended is None:
        return ""
    detail = re.sub(r"\d+", "0", ended.detail or "")
    return f"{ended.skipped}: {ended.format} {detail} {min(parts, 9)} {variants // 20}"


def cpu_of_children() -> float:
    """CPU seconds of all children of this process, those that live too."""
    gone = resource.getrusage(resource.RUSAGE_CHILDREN)
    total, tick = gone.ru_utime + gone.ru_stime, os.sysconf("SC_CLK_TCK")
    for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split():
        try:
            words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += (int(words[11]) + int(words[12])) / tick
    return total


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument(
        "--seconds", type=float, default=20.0, help="CPU seconds a reader, of the child and of this process"
    )
    words.add_argument("--reader", choices=READERS, action="append")
    words.add_argument("--seed", type=int, default=1)
    words.add_argument("--keep", type=Path)
    words.add_argument("--out", type=Path)
    asked = words.parse_args()
    lines = [
        f"{asked.seconds:.0f} CPU seconds a reader, seed {asked.seed}:",
        "",
        "| file | child's s | mutants | read whole | damaged | other words | things said | slowest s | faults |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    print("\n".join(lines), flush=True)
    faults = 0
    with tempfile.TemporaryDirectory() as folder:
        sound, cohort = Path(folder, "sound"), Path(folder, "cohort")
        sound.mkdir()
        sound_files(sound)
        enrol(cohort, [sound / "x.vcf"], KEYS)
        for name in asked.reader or READERS:
            told = fuzz(name, sound, cohort, asked.seconds, asked.seed, asked.keep)
            others = {word: count for word, count in told.endings.items() if word not in ("None", "damaged")}
            lines.append(
                f"| {name} | {told.child_seconds:.0f} | {told.mutants:,} "
                f"| {told.endings['None']:,} | {told.endings['damaged']:,} "
                f"| {', '.join(f'{word} {count}' for word, count in others.items()) or '–'} "
                f"| {len(told.details)} | {told.slowest:.1f} | {len(told.faults)} |"
            )
            faults += len(told.faults)
            print(lines[-1], flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    lines.append(f"\nThe parent's peak: {peak:.2f} GiB. Faults: {faults}.")
    print(lines[-1])
    if asked.out:
        asked.out.write_text("\n".join(lines) + "\n")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
