"""The attacks of two published schemes, run on our marks: `python tests/bench/watermark.py --published`.

Ji, Ayday, Yilmaz and Li (Bioinformatics 2022, arXiv 2204.01801): a database of 1,500 people (500 trios) × 156 variants;
random flips, subsets, and correlation attacks along the rows (Mendel's law) and the columns (linkage).
Öksüz, Ayday and Güdükbay (Bioinformatics 37:2668, 2021): one person's sequence to several service providers, of whom
one leaks and modifies, or half collude and vote. Their attacks are rewritten here from the descriptions, at the shares
of changed cells that they state; their code and data are not run.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from matcher.watermarks.codes import NUIDA_BIASES, Rates, rates
from matcher.watermarks.odds import score
from matcher.watermarks.plausible import Model
from matcher.watermarks.units import U64
from tests.bench.watermark import (
    ACCUSE,
    KEYS,
    LEVELS,
    PEOPLE,
    RECIPIENTS,
    SEED,
    STRATEGIES,
    VARIANTS,
    Calls,
    Cohort,
    founders,
    noisy,
    reverted,
    say,
)

TRIOS, SITES = 500, 156
SHARES = (0.01, 0.06, 0.14, 0.24, 0.5)


def published(calls: Calls, models: list[Model], given: Rates, variants: U64) -> None:
    """Both papers' attacks."""
    rng = np.random.default_rng([SEED, 21])
    names = rng.integers(0, 2**63, 3 * TRIOS).astype(np.uint64)
    ji(Cohort(trios(rng), models, given, 0.0, variants, names), rng)
    people = rng.integers(0, 2**63, PEOPLE).astype(np.uint64)
    oksuz(Cohort(calls, models, given, 0.0, variants, people), rng)


def trios(rng: np.random.Generator) -> Calls:
    """Fathers, mothers and children (in this order), variants × people, with linkage and crossovers."""
    source = founders()

    def mosaics(count: int) -> Calls:
        now = rng.integers(0, source.shape[1], count)
        out = np.empty((VARIANTS, count), dtype=np.int8)
        for v in range(VARIANTS):
            jump = rng.random(count) < 0.0003
            now[jump] = rng.integers(0, source.shape[1], int(jump.sum()))
            out[v] = source[v, now]
        return out

    parents = [(mosaics(TRIOS), mosaics(TRIOS)) for _ in range(2)]
    child = np.zeros((VARIANTS, TRIOS), dtype=np.int8)
    for one, other in parents:
        strand = rng.integers(0, 2, TRIOS) ^ (np.cumsum(rng.random((VARIANTS, TRIOS)) < 1e-4, axis=0) & 1)
        child += np.where(strand == 0, one, other)
    return np.concatenate([parents[0][0] + parents[0][1], parents[1][0] + parents[1][1], child], axis=1)


def mended(copy: Calls) -> Calls:
    """Row-wise: a child's call that its parents cannot have given becomes the nearest that they can."""
    father, mother, child = (copy[:, i * TRIOS : (i + 1) * TRIOS] for i in range(3))
    least = (father == 2).astype(np.int8) + (mother == 2)
    most = (father > 0).astype(np.int8) + (mother > 0)
    out = copy.copy()
    out[:, 2 * TRIOS :] = np.clip(child, least, most)
    return out


def ji(cohort: Cohort, rng: np.random.Generator) -> None:
    say(
        "| attack of Ji et al., 1,500 × 156 leaked | cells changed | marks lost | accused rightly | median decades |"
    )
    say("|---|---|---|---|---|")
    members = rng.choice(RECIPIENTS, 2, replace=False)
    everyone = np.arange(3 * TRIOS)
    copies = [cohort.copies(everyone, KEYS[j : j + 1])[0] for j in members]
    half = np.sort(rng.choice(everyone, everyone.size // 2, replace=False))

    def attack(
        name: str, found: list[Calls], people: npt.NDArray[np.int64] = everyone, sites: int = SITES
    ) -> None:
        odds, changed, lost = [], [], []
        for j, copy, one in zip(members, copies, found, strict=True):
            marks = copy != cohort.calls
            changed.append((one != copy).mean())
            lost.append((one != copy)[marks].mean())
            for _ in range(10):
                at = np.sort(rng.choice(VARIANTS, sites, replace=False))
                units, seen = cohort.read(one[:, people], people, at)
                odds.append(score(units, KEYS[j : j + 1], cohort.rates.thresholds, seen, LEVELS)[0])
        say(
            f"| {name} | {np.mean(changed):.2%} | {np.mean(lost):.1%} | {np.mean(np.array(odds) >= ACCUSE):.2f} of "
            f"{len(odds)} | {np.median(odds):.1f} |"
        )

    attack("none", copies)
    for share in SHARES:
        attack("random flips", [noisy(one, share, rng) for one in copies])
    attack("half of the people dropped", copies, half)
    attack("half of the people and of the variants dropped", copies, half, SITES // 2)
    attack("rows: Mendel's law", [mended(one) for one in copies])
    for below in (0.05, 0.2, 1.1):
        word = f"under P = {below}" if below <= 1 else "all that are not the likeliest"
        attack(f"columns: linkage, {word}", [reverted(one, below) for one in copies])
    both = [reverted(mended(one), 0.2) for one in copies]
    attack("rows and columns (P = 0.2)", both)
    attack("rows, columns and random flips", [noisy(one, 0.22, rng) for one in both])
    wrong = [np.mean(copy[:, 2 * TRIOS :] != mended(copy)[:, 2 * TRIOS :]) for copy in copies]
    say(
        f"\nImpossible children in a copy whose trios were not declared: {np.mean(wrong):.4%} of children's cells.\n"
    )


def all_coded(eligible: float, length: float) -> Rates:
    """A watermark of this length, as a share of all points, all of it in the code against coalitions."""
    return rates(1e-9, min(1.0, length / eligible))


def oksuz(cohort: Cohort, rng: np.random.Generator) -> None:
    """One person × 12,000 points; ten providers, a colluder's score the highest, and above 10 / 1e-6."""
    cohort = replace(
        cohort, models=[replace(one, densities=np.zeros_like(one.densities)) for one in cohort.models]
    )
    eligible = float((cohort.layers(np.arange(200))[0] != 255).mean())
    say(
        "| attack of Öksüz et al., 1 × 12,000, 10 providers | points marked | runs | a colluder ranks first | accused |"
    )
    say("|---|---|---|---|---|")
    for length in (0.03, 0.05, 0.10):
        own = replace(cohort, rates=all_coded(eligible, length))
        for c, name in (
            (1, "modify 3 %"),
            *((5, rule) for rule in ("majority", "interleaving", "all-0", "minority")),
        ):
            first = accused = 0
            for _ in range(100):
                people = rng.choice(PEOPLE, 1)
                members = rng.choice(RECIPIENTS, 10, replace=False)
                copies = own.copies(people, KEYS[members[:c]])
                source = own.calls[:, people]
                found = noisy(copies[0], 0.03, rng) if c == 1 else STRATEGIES[name](copies, source, rng)
                units, seen = own.read(found, people, np.arange(VARIANTS))
                odds = score(units, KEYS[members], own.rates.thresholds, seen, (7.0, 4.0))
                first += bool(int(np.argmax(odds)) < c)
                accused += bool((odds[:c] >= 7).any())
            what = "one leaks, modifies 3 %" if c == 1 else f"5 of 10 collude, {name}"
            say(f"| {what} | {length:.0%} | 100 | {first / 100:.2f} | {accused / 100:.2f} |")
    say(f"\n{eligible:.1%} of the points may be marked; biases {NUIDA_BIASES}.\n")
