"""Bench of genotypes: who is named rightly, who wrongly, how fast, against bcftools gtcheck and plink2.

Run `python -m tests.bench.genotypes [--quick] [--part truth|peers|speed|limits|dask|index] [--out FILE]`. Everything is
synthetic and drawn by seed; times of our own are wall seconds on both cores and CPU seconds (user and system).
"""

from __future__ import annotations

import argparse
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from matcher.contents import Genotypes
from matcher.genotypes import identity
from matcher.genotypes.identity import Called, identify
from matcher.genotypes.planes import from_calls
from matcher.genotypes.search import nearest
from matcher.genotypes.sites import choose, shared_sites
from matcher.genotypes.store import open_store, write_store
from tests.bench.genotype_people import (
    Matrix,
    Panel,
    dosages_of,
    gamete,
    haplotypes_of,
    imputed,
    panel,
    with_errors,
)
from tests.bench.genotype_speed import KEY, PARTS, cpu, part_lines

MEMBERS, STRANGERS, KIN = 1_000, 200, 50
Lines = list[str]


@dataclass(frozen=True)
class Truth:
    """A cohort and the people of a find: members first, then strangers, children, siblings."""

    founders: Panel
    cohort: Matrix
    haplotypes: Matrix
    """Of the people of the find: variants × 2 people."""
    members: np.ndarray

    @property
    def people(self) -> Matrix:
        return dosages_of(self.haplotypes)


def truth(participants: int, variants: int, seed: int = 5) -> Truth:
    rng = np.random.default_rng(seed)
    founders = panel(variants, seed)
    haplotypes = haplotypes_of(founders, 2 * participants, seed + 1)
    members = rng.choice(participants, MEMBERS, replace=False)
    kin = []
    for number in range(KIN):
        one, other = int(members[2 * number]), int(members[2 * number + 1])
        kin += [gamete(founders, haplotypes, parent, rng) for parent in (one, other)]
        if number % 2:  # a full sibling: its brother or sister takes a participant's place
            for side, parent in enumerate((one, other)):
                handed = gamete(founders, haplotypes, parent, rng)
                haplotypes[:, 2 * int(members[-1 - number]) + side] = handed
    sides = np.stack([2 * members, 2 * members + 1], axis=1).ravel()
    strangers = haplotypes_of(founders, 2 * STRANGERS, seed + 2)
    found = np.concatenate([haplotypes[:, sides], strangers, np.stack(kin, axis=1)], axis=1)
    return Truth(founders, dosages_of(haplotypes), found, members)


def part_of(
    founders: Panel, rows: np.ndarray, calls: Matrix, *, swap: np.ndarray, flip: np.ndarray, lifted: bool
) -> Genotypes:
    complement = {"A": "T", "T": "A", "C": "G", "G": "C"}
    alleles = [founders.alleles(int(row)) for row in rows]
    alleles = [(b, a) if turned else (a, b) for (a, b), turned in zip(alleles, swap, strict=True)]
    alleles = [
        (complement[a], complement[b]) if other else (a, b)
        for (a, b), other in zip(alleles, flip, strict=True)
    ]
    calls = np.where(swap[:, None] & (calls >= 0), 2 - calls, calls).astype(np.int8)
    return Genotypes(
        samples=tuple(f"s{number}" for number in range(calls.shape[1])),
        chromosomes=tuple(str(founders.chromosomes[row]) for row in rows),
        positions=founders.positions[rows] + (12_345 if lifted else 0),
        names=tuple(f"rs{1000 + row}" for row in rows),
        alleles_a=tuple(a for a, _ in alleles),
        alleles_b=tuple(b for _, b in alleles),
        dosages=calls,
    )


def cohort_parts(founders: Panel, calls: Matrix, step: int = 500) -> Iterator[Genotypes]:
    for start in range(0, len(calls), step):
        rows = np.arange(start, min(start + step, len(calls)))
        still = np.zeros(len(rows), bool)
        yield part_of(founders, rows, calls[rows], swap=still, flip=still, lifted=False)


def called(folder: Path, part: Genotypes) -> tuple[Called, float]:
    found = identity.sketch(None)  # type: ignore[arg-type]
    found.add(part)
    store = open_store(folder, KEY)
    assert store is not None
    start = time.perf_counter()
    shared = shared_sites(found.variants(), store)
    result = identify(found, store, shared, choose(shared, store, identity.WEIGHED_SITES))
    return result, time.perf_counter() - start


def imputed_calls(of: Truth, wrong: float) -> Matrix:
    """The calls of the find's people from an array with a fifth of the sites, the rest imputed and rounded."""
    typed = np.random.default_rng(41).random(len(of.haplotypes)) < 0.2
    calls = dosages_of(imputed(of.founders, of.haplotypes, typed, wrong, seed=42))
    known = of.people
    right = [np.corrcoef(calls[row], known[row])[0, 1] ** 2 for row in np.flatnonzero(~typed)]
    share = (calls != known)[~typed].mean()
    print(f"imputed: r² {np.mean(right):.2f} in the mean, {share:.1%} of imputed calls wrong", flush=True)
    return calls


def truth_table(folder: Path, of: Truth, sizes: tuple[int, ...]) -> Lines:
    lines = [
        "| sites | errors | missing | distortion | participants named rightly | wrong person | strangers called"
        " | kin called same | kin called relative | seconds |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    cells = [(size, e, m, "none") for size in sizes for e in (0.0, 0.01, 0.05) for m in (0.02, 0.2)]
    cells += [(size, 0.01, 0.02, how) for size in (100, 1000) for how in ("swapped", "flipped", "lifted")]
    drawn = {"imputed, r² 0.9": imputed_calls(of, 0.05), "imputed, r² 0.7": imputed_calls(of, 0.16)}
    cells += [(size, 0.01, 0.02, how) for how in drawn for size in sizes]
    people = of.people
    for number, (size, errors, missing, how) in enumerate(cells):
        rng = np.random.default_rng(900 + number)
        rows = np.sort(rng.choice(len(of.founders.positions), size, replace=False))
        order = rng.permutation(people.shape[1])
        calls = with_errors(drawn.get(how, people)[np.ix_(rows, order)], errors, missing, rng)
        some = rng.random(size) < 0.3
        none = np.zeros(size, bool)
        part = part_of(
            of.founders,
            rows,
            calls,
            swap=some if how == "swapped" else none,
            flip=some if how == "flipped" else none,
            lifted=how == "lifted",
        )
        result, seconds = called(folder, part)
        back = np.argsort(order)
        passes, same = (result.same | result.same_or_sibling)[back], result.same[back]
        right = (result.participants[back][:MEMBERS] == of.members) & passes[:MEMBERS]
        wrong = passes[:MEMBERS] & ~right
        kin = slice(MEMBERS + STRANGERS, None)
        lines.append(
            f"| {size:,} | {errors:.0%} | {missing:.0%} | {how} | {right.mean():.4f} | {int(wrong.sum())} "
            f"| {int((passes | result.relative[back])[MEMBERS : MEMBERS + STRANGERS].sum())} "
            f"| {int(same[kin].sum())} | {result.relative[back][kin].mean():.2f} | {seconds:.2f} |"
        )
        print(lines[-1], flush=True)
    return lines


def children_cpu(*command: str | Path, cwd: Path) -> tuple[float, float, str]:
    """Wall and CPU seconds of a program, and what it printed."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        [str(word) for word in command], cwd=cwd, capture_output=True, text=True, check=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - start, spent, done.stdout


def peers_table(of: Truth, work: Path, sites: int) -> Lines:
    """Peers on the same people, sites and errors: files made ready for them, as they need."""
    rng = np.random.default_rng(77)
    rows = np.sort(rng.choice(len(of.founders.positions), sites, replace=False))
    calls = with_errors(dosages_of(of.haplotypes[rows]), 0.01, 0.02, rng)
    both = np.concatenate([of.cohort[rows], calls], axis=1)
    names = [f"c{number}" for number in range(of.cohort.shape[1])] + [
        f"q{number}" for number in range(calls.shape[1])
    ]
    _write_vcf(work / "all.vcf", of.founders, rows, both, names)
    (work / "q.txt").write_text("\n".join(names[of.cohort.shape[1] :]) + "\n")
    (work / "c.txt").write_text("\n".join(names[: of.cohort.shape[1]]) + "\n")

    def run(*words: str) -> None:
        subprocess.run(words, cwd=work, check=True, capture_output=True)

    run("plink2", "--vcf", "all.vcf", "--make-pgen", "--out", "all", "--allow-extra-chr")
    pairs = calls.shape[1] * of.cohort.shape[1]
    out = []
    wall, spent, _ = children_cpu(
        *("plink2", "--pfile", "all", "--make-king-table", "--king-table-filter", "0.354"),
        *("--memory", "12000", "--threads", "2", "--out", "king"),
        cwd=work,
    )
    king = [line.split() for line in (work / "king.kin0").read_text().splitlines()[1:]]
    sides = [sorted((line[-6], line[-5])) if len(line) == 6 else sorted((line[1], line[3])) for line in king]
    hits = {(found, known) for known, found in sides if known[0] == "c" and found[0] == "q"}
    out.append(
        (
            "plink2 --make-king-table, kinship over 0.354 (all pairs: this version knows no other way)",
            wall,
            spent,
            *_scored(hits, of),
        )
    )
    run("bcftools", "view", "-Ob", "-S", "q.txt", "-o", "q.bcf", "all.vcf")
    run("bcftools", "view", "-Ob", "-S", "c.txt", "-o", "c.bcf", "all.vcf")
    for name in ("q.bcf", "c.bcf"):
        run("bcftools", "index", name)
    wall, spent, printed = children_cpu(
        "bcftools", "gtcheck", "-e", "0", "--no-HWE-prob", "-u", "GT,GT", "-g", "c.bcf", "q.bcf", cwd=work
    )
    hits = set()
    for line in printed.splitlines():
        if line.startswith(("DC\t", "DCv2\t")):
            _, q, c, differ, _, compared = line.split("\t")[:6]
            if int(compared) and float(differ) / int(compared) <= 0.10:
                hits.add((q, c))
    out.append(("bcftools gtcheck, at most a tenth differs", wall, spent, *_scored(hits, of)))
    still = np.zeros(sites, bool)
    folder = work / "ours"
    folder.mkdir()
    write_store(folder, cohort_parts(of.founders, of.cohort), KEY)
    part = part_of(of.founders, rows, calls, swap=still, flip=still, lifted=False)
    called(folder, part)
    kept: list[Called] = []
    kept_places: list[np.ndarray] = []
    wall, spent = cpu(lambda: kept.append(called(folder, part)[0]))
    passes = kept[0].same | kept[0].same_or_sibling
    hits = {(f"q{number}", f"c{kept[0].participants[number]}") for number in np.flatnonzero(passes)}
    out.append(("cohortwatch, whole answer with kin", wall, spent, *_scored(hits, of)))
    some = min(sites, identity.SEARCH_SITES)
    planes = from_calls(calls[:some]), from_calls(of.cohort[rows[:some]])
    wall, spent = cpu(lambda: kept_places.append(nearest(*planes)[0][:, 0]))
    hits = {(f"q{number}", f"c{place}") for number, place in enumerate(kept_places[0][:MEMBERS])}
    out.append(
        (f"cohortwatch, the search alone at {some} sites (members only)", wall, spent, *_scored(hits, of))
    )
    lines = [
        f"{calls.shape[1]:,} × {of.cohort.shape[1]:,} at {sites:,} sites, 1 % errors, 2 % missing, the peers' files "
        "made ready before:",
        "",
        "| tool | wall s | CPU s | pairs a CPU second | members found | wrong or stranger | kin taken for a member |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, wall, spent, right, wrong, kin in out:
        lines.append(
            f"| {name} | {wall:.1f} | {spent:.1f} | {pairs / max(spent, 1e-3):.2e} | {right} | {wrong} | {kin} |"
        )
        print(lines[-1], flush=True)
    return lines


def _scored(hits: set[tuple[str, str]], of: Truth) -> tuple[int, int, int]:
    right = {(f"q{number}", f"c{member}") for number, member in enumerate(of.members)}
    kin = {f"q{number}" for number in range(MEMBERS + STRANGERS, MEMBERS + STRANGERS + KIN)}
    return (
        len(hits & right),
        len({h for h in hits - right if h[0] not in kin}),
        len({h for h in hits if h[0] in kin}),
    )


def _write_vcf(path: Path, founders: Panel, rows: np.ndarray, calls: Matrix, names: list[str]) -> None:
    cells = np.array([b"0/0", b"0/1", b"1/1", b"./."])
    with path.open("wb") as file:
        file.write(b'##fileformat=VCFv4.2\n##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n')
        for chromosome in range(1, 23):
            file.write(b"##contig=<ID=%d,length=200000000>\n" % chromosome)
        file.write(
            b"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t" + "\t".join(names).encode() + b"\n"
        )
        for number, row in enumerate(rows):
            a, b = founders.alleles(int(row))
            place = f"{founders.chromosomes[row]}\t{founders.positions[row]}\trs{1000 + row}\t{a}\t{b}\t.\t.\t.\tGT\t"
            file.write(place.encode() + b"\t".join(cells[calls[number]]) + b"\n")


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--quick", action="store_true", help="a cohort of 4,000 and fewer sites")
    words.add_argument("--part", choices=("truth", "peers", *PARTS), action="append")
    words.add_argument("--out", type=Path)
    asked = words.parse_args()
    parts = asked.part or ["truth", "peers", *PARTS]
    participants, variants = (4_000, 6_000) if asked.quick else (20_000, 20_000)
    lines: Lines = []
    work = Path(tempfile.mkdtemp(prefix="bench-genotypes-"))
    try:
        if {"truth", "peers"} & set(parts):
            of = truth(participants, variants)
            print(f"cohort of {of.cohort.shape[1]:,} × {of.cohort.shape[0]:,} is made", flush=True)
            if "truth" in parts:
                (work / "truth").mkdir()
                write_store(work / "truth", cohort_parts(of.founders, of.cohort), KEY)
                lines += [
                    *truth_table(work / "truth", of, (100, 300, 1_000, min(10_000, len(of.cohort)))),
                    "",
                ]
            if "peers" in parts:
                for sites in (100, 1_000):
                    (work / f"peers{sites}").mkdir()
                    lines += [*peers_table(of, work / f"peers{sites}", sites), ""]
            del of
        for part in parts:
            if part in PARTS:
                lines += [*part_lines(part, work, quick=asked.quick), ""]
    finally:
        shutil.rmtree(work)
    if asked.out:
        asked.out.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
