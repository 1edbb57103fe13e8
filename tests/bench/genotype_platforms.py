"""Bench of two arrays: participants genotyped again on another array, in positions of GRCh36, GRCh37 or GRCh38.

Run `python -m tests.bench.genotype_platforms [--quick] [--part grid|files] [--out FILE]`. The cohort's array (20,000
sites on GRCh38) and the other (20,000, of which a fifth are the cohort's) err on their own; the other states TOP
alleles or the other strand, and counts either allele. Builds are made by seed: stretches with gaps between them, some
on the other strand, along chromosomes of the builds' real lengths, written as chain files. `files` has bcftools and
plink make the finds, and runs `cohort add`, `cohort build` and `examine` on them.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from matcher.contents import Genotypes
from matcher.genotypes import identity
from matcher.genotypes.builds import add_build
from matcher.genotypes.chains import _LENGTHS, Chains, read_chains
from matcher.genotypes.identity import Called, identify
from matcher.genotypes.sites import Shared, shared_sites
from matcher.genotypes.store import open_store, write_store
from tests.bench.genotype_people import Matrix, Panel, dosages_of, imputed, with_errors
from tests.bench.genotype_speed import KEY
from tests.bench.genotypes import MEMBERS, STRANGERS, Lines, Truth, cohort_parts, truth

SHARED = 0.2
"""Of the other array's sites, those that the cohort's has too."""
BAD_SITES, BAD_ERRORS = 0.01, 0.2
"""Sites of the other array whose probes read the wrong thing, and how often."""
WAYS = (
    ("GRCh38", "names and positions"),
    ("GRCh37", "names, no chain file"),
    ("GRCh37", "positions alone"),
    ("GRCh36", "names, no chain file"),
    ("GRCh36", "positions alone"),
)
RENAMED = {"GRCh38": 0.0, "GRCh37": 0.03, "GRCh36": 0.08}
"""Names that have been merged into others since, or are the array maker's own."""
MISNAMED = 0.005
"""Names that are another site's."""
STEP = {"GRCh37": ("GRCh38", "GRCh37"), "GRCh36": ("GRCh37", "GRCh36")}


def chain_text(source: str, target: str, seed: int) -> str:
    """A chain file between two builds: some forty stretches a chromosome, a twentieth of them on the other strand."""
    rng, lines = np.random.default_rng(seed), []
    for number in range(20):
        ends = _LENGTHS[source][number], _LENGTHS[target][number]
        left, right, last = 10_000, 10_000, min(ends) - 400_000
        while left < last and right < last:
            sizes = rng.geometric(1 / 600_000, 5)
            gaps = np.where(rng.random((2, 4)) < 0.6, rng.geometric(1 / 800, (2, 4)), 0)
            span, reach = int(sizes.sum() + gaps[0].sum()), int(sizes.sum() + gaps[1].sum())
            if left + span > last or right + reach > last:
                sizes, gaps = np.array([last - max(left, right)]), gaps[:, :0]
                if sizes[0] <= 0:
                    break
                span = reach = int(sizes[0])
            forward = rng.random() > 0.05
            low = right if forward else ends[1] - right - reach
            lines.append(
                f"chain {len(lines) + 1000} chr{number + 1} {ends[0]} + {left} {left + span} "
                f"chr{number + 1} {ends[1]} {'+' if forward else '-'} {low} {low + reach} {len(lines)}"
            )
            lines += [f"{size} {a} {b}" for size, a, b in zip(sizes, *gaps, strict=False)]
            lines += [str(sizes[-1]), ""]
            left += span + int(rng.geometric(1 / 6_000))
            right += reach + int(rng.geometric(1 / 6_000))
    return "\n".join(lines)


@dataclass(frozen=True)
class World:
    """The people, the cohort's sites on GRCh38, and the chain files between the builds."""

    of: Truth
    chains: dict[str, Path]

    def placed(self, build: str, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Chromosomes and positions of these sites in the build, 0 where it has none, and whether the strand turned."""
        codes, places = self.of.founders.chromosomes[rows].astype(np.uint8), self.of.founders.positions[rows]
        turned = np.zeros(len(rows), bool)
        for step in {"GRCh38": (), "GRCh37": ("GRCh37",), "GRCh36": ("GRCh37", "GRCh36")}[build]:
            chains = _read(self.chains[step])
            beside = chains.lifted(codes, places + 1)[1]
            codes, places = chains.lifted(codes, places)
            turned ^= beside == places - 1
        return codes, places, turned


def _read(path: Path) -> Chains:
    with path.open("rb") as stream:
        return read_chains(stream)


def on_real_chromosomes(founders: Panel) -> Panel:
    """The same sites spread over the lengths of GRCh38's chromosomes."""
    positions = founders.positions.astype(np.float64)
    for number in range(20):
        on = founders.chromosomes == number + 1
        positions[on] = 200_000 + positions[on] / 1e8 * (_LENGTHS["GRCh38"][number] - 800_000)
    whole = positions.astype(np.int64)
    # Two sites that fall on one base would be one.
    same = np.flatnonzero((np.diff(whole) == 0) & (np.diff(founders.chromosomes) == 0))
    whole[same + 1] += 1
    return replace(founders, positions=whole)


def made(participants: int, variants: int, work: Path) -> World:
    of = truth(participants, variants)
    of = replace(of, founders=on_real_chromosomes(of.founders))
    chains = {}
    for seed, (build, (source, target)) in enumerate(STEP.items()):
        chains[build] = work / f"{source}To{target}.over.chain"
        chains[build].write_text(chain_text(source, target, 70 + seed))
    return World(of, chains)


def second_array(world: World, build: str, by: str, count: int, errors: float, seed: int) -> Genotypes:
    """What the other array made of the find's people; `count` of its sites are the cohort's (0: a fifth of all)."""
    rng = np.random.default_rng(seed)
    founders = world.of.founders
    total = len(founders.positions)
    rows = np.sort(rng.choice(total, count or int(SHARED * total), replace=False))
    codes, places, turned = world.placed(build, rows)
    kept = places > 0
    rows, codes, places, turned = rows[kept], codes[kept], places[kept], turned[kept]
    calls = with_errors(dosages_of(world.of.haplotypes[rows]), errors, 0.02, rng)
    bad = rng.random(len(rows)) < BAD_SITES
    calls[bad] = with_errors(calls[bad].clip(0), BAD_ERRORS, 0.1, rng)
    alleles = [founders.alleles(int(row)) for row in rows]
    letters, calls = _as_stated(alleles, calls, turned, rng)
    names = [f"rs{1000 + row}" for row in rows]
    for at in np.flatnonzero(rng.random(len(rows)) < RENAMED[build]):
        names[at] = f"rs{50_000_000 + rows[at]}" if at % 2 else f"exm{rows[at]}"
    for at in np.flatnonzero(rng.random(len(rows)) < MISNAMED):
        names[at] = f"rs{1000 + rng.integers(total)}"
    others = int((1 - SHARED) * total) if not count else 4 * count
    chances = rng.uniform(0.05, 0.95, (others, 1))
    chromosomes = np.concatenate([codes, rng.integers(1, 21, others)])
    order = rng.permutation(len(chromosomes))
    pairs = (("A", "G"), ("T", "C"), ("A", "T"), ("C", "G"), ("A", "C"))
    letters += [pairs[one] for one in rng.integers(len(pairs), size=others)]
    names += [f"rs{90_000_000 + number}" for number in range(others)]
    elsewhere = (rng.random(others) * (np.array(_LENGTHS[build])[chromosomes[len(rows) :] - 1] - 1)).astype(
        int
    ) + 1
    positions = np.concatenate([places, elsewhere])
    calls = np.concatenate([calls, rng.binomial(2, chances, (others, calls.shape[1])).astype(np.int8)])
    return Genotypes(
        samples=tuple(f"s{number}" for number in range(calls.shape[1])),
        chromosomes=tuple(str(chromosomes[at]) for at in order),
        positions=positions[order],
        names=tuple("." if by == "positions alone" else names[at] for at in order),
        alleles_a=tuple(letters[at][0] for at in order),
        alleles_b=tuple(letters[at][1] for at in order),
        dosages=np.ascontiguousarray(calls[order]),
    )


def _as_stated(
    alleles: list[tuple[str, str]], calls: Matrix, turned: np.ndarray, rng: np.random.Generator
) -> tuple[list[tuple[str, str]], Matrix]:
    """Half of the sites in Illumina's TOP letters (A first), half forward with either allele counted."""
    complement = {"A": "T", "T": "A", "C": "G", "G": "C"}
    out, calls = [], calls.copy()
    top, swap = rng.random(len(alleles)) < 0.5, rng.random(len(alleles)) < 0.5
    for at, (a, b) in enumerate(alleles):
        turn = swap[at]
        first, second = (complement[a], complement[b]) if turned[at] else (a, b)
        if top[at]:
            first, second = (
                (first, second) if "A" in (first, second) else (complement[first], complement[second])
            )
            turn = first != "A"
        if turn:
            first, second = second, first
            calls[at] = np.where(calls[at] >= 0, 2 - calls[at], -1)
        out.append((first, second))
    return out, calls


def called(folder: Path, part: Genotypes) -> tuple[Called, Shared, int]:
    found = identity.sketch(None)  # type: ignore[arg-type]
    found.add(part)
    store = open_store(folder, KEY)
    assert store is not None
    shared = shared_sites(found.variants(), store)
    sites = identity._chosen(found, shared, store, identity.WEIGHED_SITES)
    return identify(found, store, shared, sites), shared, len(sites)


def grid(world: World, folder: Path) -> Lines:
    lines = [
        "| the find's build | it has | cohort's sites on it | errors | joined by | sites joined · weighed "
        "| named rightly | wrong person | strangers called | kin called same | kin called relative |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    cells = [(*way, count, 0.01) for count in (64, 128, 256, 0) for way in WAYS]
    cells += [(*way, 128, 0.002) for way in WAYS]
    for number, (build, by, count, errors) in enumerate(cells):
        part = second_array(world, build, by, count, errors, 500 + number)
        result, shared, sites = called(folder / ("plain" if "no chain" in by else "built"), part)
        passes = result.same | result.same_or_sibling
        right = (result.participants[:MEMBERS] == world.of.members) & passes[:MEMBERS]
        strangers, kin = slice(MEMBERS, MEMBERS + STRANGERS), slice(MEMBERS + STRANGERS, None)
        lines.append(
            f"| {build} | {by} | {count or 'a fifth of all'} | {errors:.1%} "
            f"| {shared.by}{' in ' * bool(shared.build) + shared.build} | {len(shared):,} · {sites} "
            f"| {right.mean():.4f} | {int((passes[:MEMBERS] & ~right).sum())} "
            f"| {int((passes | result.relative)[strangers].sum())} | {int(result.same[kin].sum())} "
            f"| {result.relative[kin].mean():.2f} |"
        )
        print(lines[-1], flush=True)
    return lines


def enrolled(world: World, folder: Path) -> Path:
    """The cohort on its own array, which errs too: `plain`, and `built` with both other builds given by chain files."""
    rng = np.random.default_rng(61)
    seen = with_errors(world.of.cohort, 0.003, 0.01, rng)
    for name in ("plain", "built"):
        (folder / name).mkdir(parents=True)
        write_store(folder / name, cohort_parts(world.of.founders, seen), KEY)
    for build, path in world.chains.items():
        known = add_build(folder / "built", KEY, build, path)
        print(f"{build}: {known:,} of {len(seen):,} sites are placed by {path.name}", flush=True)
    return folder


def _write_vcf(path: Path, part: Genotypes, build: str) -> None:
    cells = np.array([b"0/0", b"0/1", b"1/1", b"./."])
    places = [(int(part.chromosomes[at]), int(part.positions[at]), at) for at in range(len(part.positions))]
    with path.open("wb") as file:
        file.write(b'##fileformat=VCFv4.2\n##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n')
        for number in range(20):
            file.write(b"##contig=<ID=%d,length=%d>\n" % (number + 1, _LENGTHS[build][number]))
        names = "\t".join(part.samples)
        file.write(f"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{names}\n".encode())
        for chromosome, position, at in sorted(places):
            letters = f"{part.alleles_a[at]}\t{part.alleles_b[at]}"
            file.write(f"{chromosome}\t{position}\t{part.names[at]}\t{letters}\t.\t.\t.\tGT\t".encode())
            file.write(b"\t".join(cells[part.dosages[at]]) + b"\n")


def files(world: World, work: Path) -> Lines:
    """Files that other programs made, through the command line from end to end."""
    environment = {**os.environ, "COHORTWATCH_HOME": str(work / "home"), "HOME": str(work)}

    def run(*words: str | Path, ok: tuple[int, ...] = (0,)) -> str:
        done = subprocess.run(
            [str(word) for word in words],
            cwd=work,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode not in ok:
            raise RuntimeError(f"{words[0]} ended with {done.returncode}: {done.stderr[-600:]}")
        return done.stdout

    def ours(*words: str | Path, ok: tuple[int, ...] = (0,)) -> str:
        return run(Path(sys.executable).with_name("cohortwatch"), *words, ok=ok)

    rng = np.random.default_rng(62)
    parts = cohort_parts(world.of.founders, with_errors(world.of.cohort, 0.003, 0.01, rng), step=1 << 20)
    _write_vcf(work / "cohort.vcf", next(parts), "GRCh38")
    run("plink2", "--vcf", "cohort.vcf", "--make-bed", "--out", "cohort")
    ours("init")
    ours("cohort", "add", "ours", "--genotypes", "cohort.bed")
    for build, path in world.chains.items():
        ours("cohort", "build", "ours", build, "--positions", path)
    lines = ["| file | made by | what the answer says |", "|---|---|---|"]
    finds = [
        ("GRCh37", "positions alone", "bed"),
        ("GRCh36", "positions alone", "vcf.gz"),
        ("GRCh36", "names and positions", "bcf"),
        ("GRCh38", "names and positions", "pgen"),
        ("GRCh38", "imputed, phased", "vcf.gz"),
        ("GRCh38", "imputed, phased", "pgen"),
        ("GRCh38", "imputed", "bgen"),
    ]
    for number, (build, by, kind) in enumerate(finds):
        name = f"{build}-{number}"
        if "imputed" in by:
            _write_imputed(work / f"{name}.vcf", world.of)
        else:
            _write_vcf(work / f"{name}.vcf", second_array(world, build, by, 0, 0.01, 800 + number), build)
        run(*_maker(name, kind, "imputed" in by))
        folder = work / f"find{number}"
        folder.mkdir()
        for one in work.glob(f"{name}.*"):
            if one.suffix not in (".vcf", ".log", ".nosex"):
                one.rename(folder / one.name)
        said = ours("examine", folder, "--json", ok=(0, 1))
        whys = [_why(json.loads(line)) for line in said.splitlines() if line.startswith("{")]
        maker = _maker(name, kind, False)[0]
        lines.append(f"| {build}, {by}, {kind} | {maker} | {' '.join(filter(None, whys)) or 'nothing'} |")
        print(lines[-1], flush=True)
    return lines


def _maker(name: str, kind: str, has_dosages: bool) -> tuple[str, ...]:
    """The command that makes this kind of file of a VCF."""
    if kind == "bed":
        # plink 1.9 counts the rarer allele of the find as it goes.
        return ("plink1.9", "--vcf", f"{name}.vcf", "--double-id", "--make-bed", "--out", name)
    if kind in ("pgen", "bgen"):
        made_as = ("--make-pgen",) if kind == "pgen" else ("--export", "bgen-1.2", "bits=8")
        return (
            "plink2",
            "--vcf",
            f"{name}.vcf",
            *(["dosage=DS"] if has_dosages else []),
            *made_as,
            "--out",
            name,
        )
    return ("bcftools", "view", "-Oz" if kind == "vcf.gz" else "-Ob", "-o", f"{name}.{kind}", f"{name}.vcf")


def _write_imputed(path: Path, of: Truth, sites: int = 2_000) -> None:
    """Sites of which a fifth are typed: phased calls of one imputing, and as dosages the mean of four."""
    rng = np.random.default_rng(63)
    rows = np.sort(rng.choice(len(of.haplotypes), sites, replace=False))
    typed = rng.random(len(of.haplotypes)) < 0.2
    draws = [imputed(of.founders, of.haplotypes, typed, 0.08, seed=90 + 2 * one)[rows] for one in range(4)]
    dosages = sum(dosages_of(one).astype(np.float64) for one in draws) / len(draws)
    with path.open("w") as file:
        file.write('##fileformat=VCFv4.2\n##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n')
        file.write('##FORMAT=<ID=DS,Number=1,Type=Float,Description="Dosage">\n')
        for number in range(20):
            file.write(f"##contig=<ID={number + 1},length={_LENGTHS['GRCh38'][number]}>\n")
        names = "\t".join(f"s{number}" for number in range(dosages.shape[1]))
        file.write(f"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{names}\n")
        for at, row in enumerate(rows.tolist()):
            place = f"{of.founders.chromosomes[row]}\t{of.founders.positions[row]}\trs{1000 + row}"
            sides = zip(draws[0][at, 0::2], draws[0][at, 1::2], dosages[at], strict=True)
            cells = "\t".join(f"{one}|{other}:{dosage:.2f}" for one, other, dosage in sides)
            letters = "\t".join(of.founders.alleles(row))
            file.write(f"{place}\t{letters}\t.\t.\t.\tGT:DS\t{cells}\n")


def _why(said: object) -> str:
    """Every reason by genotypes in an answer."""
    if isinstance(said, dict):
        if said.get("method") == identity.NAME or said.get("matcher") == identity.NAME:
            return str(said.get("why"))
        return " ".join(filter(None, (_why(one) for one in said.values())))
    if isinstance(said, list):
        return " ".join(filter(None, (_why(one) for one in said)))
    return ""


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--quick", action="store_true", help="a cohort of 3,000 × 6,000")
    words.add_argument("--part", choices=("grid", "files"), action="append")
    words.add_argument("--out", type=Path)
    asked = words.parse_args()
    parts = asked.part or ["grid", "files"]
    work, lines = Path(tempfile.mkdtemp(prefix="bench-platforms-")), []
    try:
        if "grid" in parts:
            world = made(*((3_000, 6_000) if asked.quick else (20_000, 20_000)), work)
            lines += [*grid(world, enrolled(world, work / "cohort")), ""]
            del world
        if "files" in parts:
            lines += files(made(3_000, 10_000, work), work)
    finally:
        shutil.rmtree(work)
    if asked.out:
        asked.out.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
