"""Watermarks: power, false accusations, attacks, utility and speed. Run: `python tests/bench/watermark.py`.

`--seed N` draws another cohort, other leaks and other keys; `--cheap` leaves out coalitions, majorities and innocents;
`--utility` runs that part alone, `--published` the attacks of Ji et al. and Öksüz et al.; a number is how many
innocent scores are wanted.

A cohort with linkage (mosaics of simulated haplotypes), 10,000 registered recipients with real keys, and leaks that are
made by the marker's own code, attacked, and scored by the detector's own code. Prints Markdown.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from matcher.watermarks.align import match_samples
from matcher.watermarks.budget import spread_marks
from matcher.watermarks.codes import DIGIT_RATES, Rates, ambiguous_rates
from matcher.watermarks.digits import Field, mark_values, read_units
from matcher.watermarks.genotype_marks import (
    NO_UNIT,
    mark_block,
    mark_seconds,
    units_of_block,
    units_of_seconds,
)
from matcher.watermarks.odds import Units, score, together
from matcher.watermarks.plausible import HALO, Model, eligible_shares, predict, train
from matcher.watermarks.pseudonyms import density, ids_log10_e
from matcher.watermarks.steps import levels_of
from matcher.watermarks.units import U64, cohort_key, field_unit, recipient_keys

SEED = int(sys.argv[sys.argv.index("--seed") + 1]) if "--seed" in sys.argv else 0
CHEAP = "--cheap" in sys.argv
MASTER = bytes((one + SEED) % 256 for one in range(32))
PEOPLE, VARIANTS, BLOCK = 5_000, 12_000, 500
RECIPIENTS = 10_000
LEVELS = ACCUSE, INVESTIGATE = levels_of(RECIPIENTS)
Calls = npt.NDArray[np.int8]
Floats = npt.NDArray[np.float64]
Combine = Callable[[Calls, Calls, np.random.Generator], Calls]
KEY0 = cohort_key(MASTER, "genotypes")
KEYS = recipient_keys(MASTER, [f"recipient {i}" for i in range(RECIPIENTS)], "genotypes")
DIGIT_KEYS = recipient_keys(MASTER, [f"recipient {i}" for i in range(RECIPIENTS)], "digits")


def say(line: str = "") -> None:
    print(line, flush=True)


@dataclass
class Cohort:
    calls: Calls
    models: list[Model]
    rates: Rates
    share: float
    variants: U64
    people: U64

    def window(self, block: int, people: npt.NDArray[np.int64]) -> tuple[Calls, int]:
        low = max(0, block * BLOCK - HALO)
        high = min(VARIANTS, (block + 1) * BLOCK + HALO)
        return np.ascontiguousarray(self.calls[low:high][:, people]), block * BLOCK - low

    def names(self, block: int) -> U64:
        return self.variants[block * BLOCK : (block + 1) * BLOCK]

    def copies(self, people: npt.NDArray[np.int64], keys: U64) -> Calls:
        """What each of some recipients got of some people: keys × variants × people."""
        out = np.empty((len(keys), VARIANTS, people.size), dtype=np.int8)
        for b, model in enumerate(self.models):
            calls, first = self.window(b, people)
            for j, key in enumerate(keys):
                out[j, b * BLOCK : (b + 1) * BLOCK] = mark_block(
                    calls, first, model, self.names(b), self.people[people], KEY0, key, self.rates
                )[0]
        return out

    def layers(self, people: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.uint8], Calls]:
        parts = []
        for b, model in enumerate(self.models):
            calls, first = self.window(b, people)
            parts.append(
                units_of_block(calls, first, model, self.names(b), self.people[people], KEY0, self.rates)
            )
        return np.concatenate([one[0] for one in parts]), np.concatenate([one[1] for one in parts])

    def read(
        self, found: Calls, people: npt.NDArray[np.int64], sites: npt.NDArray[np.int64]
    ) -> tuple[Units, float]:
        """Units of a found matrix (all variants × people; only `sites` were leaked) and the errors beside them."""
        layers, marks = self.layers(people)
        layers, marks, truth = layers[sites], marks[sites], self.calls[sites][:, people]
        seen = found[sites]
        told = (layers != NO_UNIT) & ((seen == truth) | (seen == marks))
        v, s = np.nonzero(told)
        beside = layers == NO_UNIT
        units = Units(
            self.variants[sites][v],
            self.people[people][s],
            layers[v, s].astype(np.int64),
            (seen[v, s] == marks[v, s]).astype(np.int64),
        )
        errors = float((seen != truth)[beside].mean()) if beside.sum() > 500 else None
        return units, max(errors, 1 / beside.sum()) if errors is not None else None  # type: ignore[return-value]


def founders() -> Calls:
    """1,600 coalescent haplotypes at array density, variants × haplotypes."""
    import msprime

    parts, seed = [], 1 + 1_000 * SEED
    while sum(one.shape[0] for one in parts) < VARIANTS:
        trees = msprime.sim_ancestry(
            800, population_size=12_000, recombination_rate=1.2e-8, sequence_length=15e6, random_seed=seed
        )
        mutated = msprime.sim_mutations(trees, rate=1.3e-8, random_seed=seed)
        haplotypes = mutated.genotype_matrix().astype(np.int8)
        haplotypes = haplotypes[(haplotypes.max(axis=1) == 1)]
        frequency = haplotypes.mean(axis=1)
        common = np.flatnonzero(np.minimum(frequency, 1 - frequency) > 0.01)
        rng = np.random.default_rng([SEED, seed])
        parts.append(haplotypes[np.sort(rng.choice(common, 5_000, replace=False))])
        seed += 1
    return np.concatenate(parts)[:VARIANTS]


def simulate() -> Calls:
    """Mosaics (3 switches a Morgan times a hundred) of the founders."""
    source = founders()
    rng = np.random.default_rng([SEED, 0])
    out = np.zeros((VARIANTS, PEOPLE), dtype=np.int8)
    for _ in range(2):
        now = rng.integers(0, source.shape[1], PEOPLE)
        for v in range(VARIANTS):
            jump = rng.random(PEOPLE) < 0.0003
            now[jump] = rng.integers(0, source.shape[1], int(jump.sum()))
            out[v] += source[v, now]
    return out


def make_cohort() -> Cohort:
    calls = simulate()
    models, counted = [], []
    for b in range(VARIANTS // BLOCK):
        low, high = max(0, b * BLOCK - HALO), min(VARIANTS, (b + 1) * BLOCK + HALO)
        first = b * BLOCK - low
        model = train(
            np.ascontiguousarray(calls[low:high, :4_000]), first, first + BLOCK, np.zeros(BLOCK, dtype=bool)
        )
        models.append(model)
        counted.append(eligible_shares(calls[low:high], first, model))
    eligible, frequency = (np.concatenate(one) for one in zip(*counted, strict=True))
    rates, densities, _ = spread_marks(eligible, frequency, calls.size)
    models = [replace(one, densities=densities[b * BLOCK : (b + 1) * BLOCK]) for b, one in enumerate(models)]
    share = float(eligible.mean())
    rng = np.random.default_rng([SEED, 7])
    names = rng.integers(0, 2**63, VARIANTS + PEOPLE).astype(np.uint64)
    return Cohort(calls, models, rates, share, names[:VARIANTS], names[VARIANTS:])


def noisy(calls: Calls, rate: float, rng: np.random.Generator) -> Calls:
    out = calls.copy()
    wrong = rng.random(out.shape) < rate
    out[wrong] = (out[wrong] + rng.integers(1, 3, int(wrong.sum()))) % 3
    return out


def interleave(copies: Calls, _: Calls, rng: np.random.Generator) -> Calls:
    which = rng.integers(0, len(copies), copies.shape[1:])
    return np.take_along_axis(copies, which[None], 0)[0]


def row_mix(copies: Calls, _: Calls, rng: np.random.Generator) -> Calls:
    which = np.broadcast_to(rng.integers(0, len(copies), copies.shape[2]), copies.shape[1:])
    return np.take_along_axis(copies, which[None], 0)[0]


def by_count(rule: str) -> Combine:
    """The colluders see where their copies differ; which of the two values is the mark, they may even know."""

    def combine(copies: Calls, source: Calls, rng: np.random.Generator) -> Calls:
        c = len(copies)
        differ = copies != source
        held = differ.sum(axis=0)
        mark = np.where(differ, copies, 0).max(axis=0)
        coin = rng.random(held.shape) < 0.5
        shown = {
            "majority": (2 * held > c) | ((2 * held == c) & coin),
            "minority": (held == c) | ((held > 0) & ((2 * held < c) | ((2 * held == c) & coin))),
            "all-0": held == c,
            "all-1": held > 0,
        }[rule]
        return np.where(shown, mark, source).astype(np.int8)

    return combine


STRATEGIES: dict[str, Combine] = {
    "interleaving": interleave,
    "row mix": row_mix,
    **{rule: by_count(rule) for rule in ("majority", "minority", "all-0", "all-1")},
}


def leaks_of_one(cohort: Cohort) -> None:
    say("| leak of one recipient | errors | runs | accused rightly | investigate | median decades |")
    say("|---|---|---|---|---|---|")
    worst = 0.0
    for people_count, sites_count, errors, runs in (
        (100, 100, 0.01, 400),
        (200, 100, 0.01, 100),
        (50, 1_000, 0.05, 60),
        (1, 10_000, 0.01, 100),
        (50, 100, 0.01, 100),
    ):
        odds = []
        for r in range(runs):
            rng = np.random.default_rng([SEED, people_count, sites_count, r])
            people = rng.choice(PEOPLE, people_count, replace=False)
            sites = np.sort(rng.choice(VARIANTS, sites_count, replace=False))
            j = int(rng.integers(RECIPIENTS))
            found = noisy(cohort.copies(people, KEYS[j : j + 1])[0], errors, rng)
            units, seen = cohort.read(found, people, sites)
            whole = r < 5  # all 10,000 recipients in the first runs, 200 of them in the others
            others = np.setdiff1d(np.arange(RECIPIENTS) if whole else rng.choice(RECIPIENTS, 200), [j])
            scores = score(units, KEYS[np.concatenate([[j], others])], cohort.rates.thresholds, seen, LEVELS)
            odds.append(scores[0])
            worst = max(worst, float(scores[1:].max()))
        given = np.array(odds)
        say(
            f"| {people_count:,} × {sites_count:,} | {errors:.0%} | {runs} | {(given >= ACCUSE).mean():.3f} "
            f"| {(given >= INVESTIGATE).mean():.3f} | {np.median(given):.1f} |"
        )
    say(f"\nThe highest innocent score of these runs: 10^{worst:.2f}.\n")


def coalitions(cohort: Cohort, runs: int = 3) -> None:
    say("| coalition, 1 % errors | leak | runs | one accused | everyone accused | median, weakest member |")
    say("|---|---|---|---|---|---|")
    cases = [(1, "interleaving", VARIANTS)] + [
        (c, name, VARIANTS) for c in (2, 3, 4, 5) for name in STRATEGIES
    ]
    cases.append((3, "majority", 1_000))
    for c, name, sites_count in cases:
        one = everyone = 0
        weakest = []
        many = 20 if sites_count == 1_000 else runs
        for r in range(many):
            rng = np.random.default_rng([SEED, c, sites_count, r, len(name)])
            people = rng.choice(PEOPLE, 1_000, replace=False)
            sites = np.sort(rng.choice(VARIANTS, sites_count, replace=False))
            members = rng.choice(RECIPIENTS, c, replace=False)
            source = cohort.calls[:, people]
            found = noisy(STRATEGIES[name](cohort.copies(people, KEYS[members]), source, rng), 0.01, rng)
            units, seen = cohort.read(found, people, sites)
            odds = score(units, KEYS[members], cohort.rates.thresholds, seen, LEVELS)
            one += bool((odds >= ACCUSE).any())
            everyone += bool((odds >= ACCUSE).all())
            weakest.append(float(odds.min()))
        say(
            f"| {c}, {name} | 1,000 × {sites_count:,} | {many} | {one / many:.2f} | {everyone / many:.2f} "
            f"| {np.median(weakest):.1f} |"
        )
    say()


def phenotypes() -> None:
    say("| phenotypes | digits lost | runs | accused rightly | investigate | median decades |")
    say("|---|---|---|---|---|---|")
    for rows, fields, lost in ((20, 3, 0), (100, 8, 1), (1_000, 8, 2), (50, 3, 1)):
        odds = []
        for r in range(200):
            rng = np.random.default_rng([SEED, rows, fields, lost, r])
            j = int(rng.integers(RECIPIENTS))
            odds.append(
                score(
                    digits_of(rows, fields, lost, j, rng),
                    DIGIT_KEYS[j : j + 1],
                    DIGIT_RATES.thresholds,
                    0.001,
                )[0]
            )
        given = np.array(odds)
        say(
            f"| {rows:,} rows × {fields} fields | {lost} | 200 | {(given >= ACCUSE).mean():.3f} "
            f"| {(given >= INVESTIGATE).mean():.3f} | {np.median(given):.1f} |"
        )
    say()


def digits_of(rows: int, fields: int, lost: int, j: int, rng: np.random.Generator) -> Units:
    people = rng.integers(0, 2**63, rows).astype(np.uint64)
    key0 = cohort_key(MASTER, "digits")
    parts = []
    for f in range(fields):
        field = Field(f"f{f}", 3 + f % 2, field_unit(f"f{f}"))
        values = np.rint(rng.normal(27, 4, rows) * 10**field.decimals).astype(np.int64)
        marked = mark_values(values, field, people, key0, DIGIT_KEYS[j])
        places = field.decimals - lost
        found = np.round(marked / 10**field.decimals, places)
        parts.append(read_units(found, places, values, field, people, key0)[0])
    return together(parts)


def imputed() -> None:
    """Best-guess calls of which 3.63 % are nearly even, as the study measured for imputed arrays."""
    even = 0.0363
    rate = ambiguous_rates(even)
    odds = []
    for r in range(200):
        rng = np.random.default_rng([SEED, 50, 100, r])
        calls = rng.integers(0, 3, (100, 50)).astype(np.int8)
        second = np.where(calls == 0, 1, np.where(calls == 2, 1, 2)).astype(np.int8)
        seconds = np.where(rng.random(calls.shape) < even, second, -1).astype(np.int8)
        variants, people = (rng.integers(0, 2**63, n).astype(np.uint64) for n in calls.shape)
        j = int(rng.integers(RECIPIENTS))
        found = noisy(mark_seconds(calls, seconds, variants, people, KEY0, KEYS[j], rate)[0], 0.05, rng)
        layers, marks = units_of_seconds(seconds, variants, people, KEY0, rate)
        v, s = np.nonzero((layers != NO_UNIT) & ((found == calls) | (found == marks)))
        units = Units(
            variants[v],
            people[s],
            layers[v, s].astype(np.int64),
            (found[v, s] == marks[v, s]).astype(np.int64),
        )
        odds.append(score(units, KEYS[j : j + 1], rate.thresholds, 0.05, LEVELS)[0])
    given = np.array(odds)
    say(
        f"50 × 100 imputed calls, 5 % errors: accused rightly {(given >= ACCUSE).mean():.3f} of 200 runs, "
        f"median {np.median(given):.1f} decades.\n"
    )


def ids() -> None:
    say("| ids | design | found | log10 e | investigate |")
    say("|---|---|---|---|---|")
    for design, inside, outside in (
        ("7-digit", 11, 0),
        ("7-digit", 35, 35),
        ("10-digit", 3, 0),
        ("10-digit", 7, 6),
    ):
        odds = ids_log10_e(inside, outside, density(design, 500_000))  # type: ignore[arg-type]
        say(
            f"| {inside + outside} | {design} | {outside} foreign | {odds:.1f} "
            f"| {'yes' if odds >= INVESTIGATE else 'no'} |"
        )
    say()


def mixed(cohort: Cohort) -> None:
    """50 people × 100 sites with three rounded phenotypes and no ids."""
    odds = []
    for r in range(200):
        rng = np.random.default_rng([SEED, 77, r])
        people = rng.choice(PEOPLE, 50, replace=False)
        sites = np.sort(rng.choice(VARIANTS, 100, replace=False))
        j = int(rng.integers(RECIPIENTS))
        found = noisy(cohort.copies(people, KEYS[j : j + 1])[0], 0.01, rng)
        units, seen = cohort.read(found, people, sites)
        odds.append(
            score(units, KEYS[j : j + 1], cohort.rates.thresholds, seen, LEVELS)[0]
            + score(digits_of(50, 3, 1, j, rng), DIGIT_KEYS[j : j + 1], DIGIT_RATES.thresholds, 0.001)[0]
        )
    given = np.array(odds)
    say(
        f"50 × 100 at 1 % with 3 phenotypes that lost a digit, no ids: accuse {(given >= ACCUSE).mean():.2f}, "
        f"investigate {(given >= INVESTIGATE).mean():.2f} of 200 runs, median {np.median(given):.1f} decades.\n"
    )


def correlation_attack(cohort: Cohort) -> None:
    """Revert what is improbable given its neighbours, by a model learnt from the marked copy itself."""
    rng = np.random.default_rng([SEED, 5])
    key = KEYS[42:43]
    everyone = np.arange(PEOPLE)
    copy = cohort.copies(everyone, key)[0]
    attacked = reverted(copy, 0.05)
    marks = copy != cohort.calls
    lost = (attacked == cohort.calls)[marks].mean()
    odds = []
    for _ in range(20):
        people = rng.choice(PEOPLE, 1_000, replace=False)
        sites = np.sort(rng.choice(VARIANTS, 1_000, replace=False))
        units, seen_errors = cohort.read(attacked[:, people], people, sites)
        odds.append(score(units, key, cohort.rates.thresholds, seen_errors, LEVELS)[0])
    say(
        f"Correlation attack, cells under P = 0.05 reverted: {(attacked != copy).mean():.3%} of cells changed, "
        f"{lost:.1%} of the marks lost; 1,000 × 1,000 accused rightly {np.mean(np.array(odds) >= ACCUSE):.2f} "
        f"of 20, median {np.median(odds):.0f} decades.\n"
    )


def reverted(copy: Calls, below: float) -> Calls:
    """A copy in which every call under this chance is the likeliest one, by a model learnt from the copy itself."""
    attacked = copy.copy()
    for b in range(VARIANTS // BLOCK):
        low, high = max(0, b * BLOCK - HALO), min(VARIANTS, (b + 1) * BLOCK + HALO)
        first = b * BLOCK - low
        window = np.ascontiguousarray(copy[low:high])
        model = train(window, first, first + BLOCK, np.zeros(BLOCK, dtype=bool))
        bins = np.empty((BLOCK, copy.shape[1]), dtype=np.uint8)
        predict(window, first, model.offsets, model.weights, model.means, bins)
        seen = np.zeros((BLOCK, 32, 3))
        mine = copy[b * BLOCK : (b + 1) * BLOCK]
        for g in range(3):
            v, s = np.nonzero(mine == g)
            np.add.at(seen[:, :, g], (v, bins[v, s]), 1)
        row = np.arange(BLOCK)[:, None]
        chance = seen[row, bins, mine] / seen[row, bins].sum(axis=2)
        likeliest = seen.argmax(axis=2)[row, bins]
        attacked[b * BLOCK : (b + 1) * BLOCK] = np.where(chance < below, likeliest, mine)
    return attacked


def innocents(cohort: Cohort, wanted: int = 10_000_000) -> None:
    """Real keys against leaks of others: noise, subsets, coalitions, the unmarked source, relatives, mirrors."""
    rng = np.random.default_rng([SEED, 11])
    tail = np.zeros(6)
    scores, worst = 0, 0.0
    kinds = ["one", "source", "majority", "all-1", "interleaving", "relatives", "mirrors"]
    batch = 100_000
    while scores < wanted:
        kind = kinds[(scores // batch) % len(kinds)]
        people = rng.choice(PEOPLE, 60, replace=False)
        sites = np.sort(rng.choice(VARIANTS, 100, replace=False))
        keys = recipient_keys(MASTER, [f"guilty {scores} {i}" for i in range(3)], "genotypes")
        copies = cohort.copies(people, keys)
        source = cohort.calls[:, people]
        if kind in STRATEGIES:
            found = STRATEGIES[kind](copies, source, rng)
        else:
            found = source if kind == "source" else copies[0]
        if kind == "relatives":
            other = copies[0][:, rng.permutation(people.size)]
            found = (
                (rng.random(source.shape) < copies[0] / 2)
                + (rng.random(source.shape) < other / 2).astype(np.int8)
            ).astype(np.int8)
        units, seen = cohort.read(noisy(found, 0.01, rng), people, sites)
        if kind == "mirrors":
            units = together([units] * 10)
        strangers = rng.integers(0, 2**64, (batch, 2), dtype=np.uint64)
        odds = score(units, strangers, cohort.rates.thresholds, seen, LEVELS)
        worst = max(worst, float(odds.max()))
        tail += [(odds >= t).sum() for t in range(6)]
        scores += batch
    say(
        f"Innocent scores: {scores:,}; the highest 10^{worst:.2f}; above 1e7: 0.\n"
        if worst < 7
        else f"ABOVE THE BOUND: 10^{worst:.2f}"
    )
    say("| t | share of innocents with e ≥ t | bound 1/t |\n|---|---|---|")
    for t in range(1, 6):
        say(f"| 1e{t} | {tail[t] / scores:.2e} | {10.0**-t:.0e} |")
    say()


def utility(cohort: Cohort, batches: int = 20) -> None:
    """r², PRS and GWAS at the whole share of marks and at parts of it; hits protected; twenty times as many people."""
    from scipy.stats import norm

    rng = np.random.default_rng([SEED, 3])
    frequency = cohort.calls.mean(axis=1) / 2
    common = np.flatnonzero(np.minimum(frequency, 1 - frequency) >= 0.05)
    rare = np.flatnonzero(np.minimum(frequency, 1 - frequency) < 0.05)
    some = common[:: max(1, common.size // 3_000)]
    causal = rng.choice(common, 200, replace=False)
    effect = rng.normal(0, 1, 200)
    before = effect @ cohort.calls[causal]
    own, whole = cohort.people, cohort.rates

    def gwas(part: float, people: int) -> None:
        cohort.rates = replace(
            whole,
            sparse=int(whole.sparse * part),
            coded=int(whole.coded * part),
            splits=tuple(int(one * part) for one in whole.splits),
            others=tuple(
                (int(one * part), tuple(int(end * part) for end in ends)) for one, ends in whole.others
            ),
        )
        sums: tuple[list[Floats], list[Floats]] = ([], [])
        draw = np.random.default_rng([SEED, 4])
        for batch in range(people // PEOPLE):
            cohort.people = own ^ np.uint64(batch)  # the same genotypes, but other participants to the marker
            copy = cohort.copies(np.arange(PEOPLE), KEYS[1:2])[0]
            trait = before + draw.normal(0, before.std(), PEOPLE)
            for calls, out in zip((cohort.calls, copy), sums, strict=True):
                out.append(_sums(calls[some].astype(np.float32), trait))
            if batch == 0 and people == PEOPLE:
                r2 = [np.corrcoef(cohort.calls[v], copy[v])[0, 1] ** 2 for v in common]
                after = effect @ copy[causal]
                heavy = np.abs(effect) >= np.quantile(np.abs(effect), 0.75)
                spared = after + effect[heavy] @ (cohort.calls[causal[heavy]] - copy[causal[heavy]])
                say(
                    f"{part:.0%} of the marks: {(copy != cohort.calls).mean():.4%} of cells changed; r² of common "
                    f"variants {np.mean(r2):.5f}; variants under 5 % changed: "
                    f"{(copy[rare] != cohort.calls[rare]).sum()}; PRS r {np.corrcoef(before, after)[0, 1]:.5f}, "
                    f"{np.corrcoef(before, spared)[0, 1]:.5f} with the heaviest quarter of its weights protected."
                )
        cohort.people, cohort.rates = own, whole
        first, second = (-(np.log(2) + norm.logsf(np.sqrt(_chi2(one, people)))) for one in sums)
        hits = first > -np.log(1e-5)
        kept = np.where(hits, first, second)
        beside = np.corrcoef(first[~hits], second[~hits])[0, 1]
        say(
            f"{part:.0%}: GWAS of {people:,} people, {some.size:,} variants, {hits.sum():,} with p < 1e-5: log p "
            f"correlation {np.corrcoef(first, second)[0, 1]:.5f}; with those protected "
            f"{np.corrcoef(first, kept)[0, 1]:.5f}; among the others {beside:.5f}."
        )

    for part in (1.0, 0.5, 0.2):
        gwas(part, PEOPLE)
    gwas(1.0, PEOPLE * batches)
    spread = 2 * frequency * (1 - frequency)
    weight = 0.000979 / (spread * (np.minimum(frequency, 1 - frequency) >= 0.05)).mean()
    say(
        f"Bounds. A PRS of random common variants loses changed cells / 2p(1 - p) in the mean wherever the marks are: "
        f"r {1 - weight / 2:.5f} is to be expected. Variants without association at a given r²: "
        + ", ".join(
            f"{r2}: log p correlation {null_correlation(r2):.5f}" for r2 in (0.9961, 0.999, 0.9995, 0.9999)
        )
    )
    say()


def null_correlation(r2: float) -> float:
    """The correlation of log p of two traits' tests of no association, of variants correlated by √r²."""
    from scipy.stats import norm

    one, other = np.random.default_rng([SEED, 6]).normal(size=(2, 2_000_000))
    pair = (one, np.sqrt(r2) * one + np.sqrt(1 - r2) * other)
    return float(np.corrcoef(*(-norm.logsf(np.abs(z)) for z in pair))[0, 1])


def _sums(x: npt.NDArray[np.float32], trait: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Σx, Σx², Σxy by variant, and Σy, Σy² of the trait."""
    ones = np.ones(x.shape[0])
    return np.stack(
        [x.sum(axis=1), (x**2).sum(axis=1), x @ trait, ones * trait.sum(), ones * (trait**2).sum()]
    )


def _chi2(batches: list[npt.NDArray[np.float64]], n: int) -> npt.NDArray[np.float64]:
    sx, sxx, sxy, sy, syy = np.sum(batches, axis=0)
    covariance = sxy - sx * sy / n
    return np.asarray(n * covariance**2 / ((sxx - sx**2 / n) * (syy - sy**2 / n)))


def speed(cohort: Cohort) -> None:
    calls, first = cohort.window(2, np.arange(PEOPLE))
    arguments = (calls, first, cohort.models[2], cohort.names(2), cohort.people, KEY0, KEYS[0], cohort.rates)
    mark_block(*arguments)
    start = time.process_time()
    for _ in range(5):
        mark_block(*arguments)
    seconds = (time.process_time() - start) / 5
    say(f"Marking: {BLOCK * PEOPLE / seconds / 1e6:.1f} million genotypes a second a core.")
    rng = np.random.default_rng([SEED, 9])
    people = rng.choice(PEOPLE, 1_000, replace=False)
    sites = np.sort(rng.choice(VARIANTS, 1_000, replace=False))
    found = noisy(cohort.copies(people, KEYS[8:9])[0], 0.01, rng)
    crowd = rng.integers(0, 3, (512, 500_000), dtype=np.int8)
    crowd[:, :PEOPLE] = cohort.calls[np.linspace(0, VARIANTS - 1, 512).astype(int)]
    mine = noisy(crowd[:, people], 0.01, rng)
    match_samples(mine[:, :2], crowd[:, :100])
    start, worked = time.perf_counter(), time.process_time()
    matched = match_samples(mine, crowd)
    aligned, aligned_cpu = time.perf_counter() - start, time.process_time() - worked
    start, worked = time.perf_counter(), time.process_time()
    units, seen = cohort.read(found, people, sites)
    odds = score(units, KEYS, cohort.rates.thresholds, seen, LEVELS)
    scored, scored_cpu = time.perf_counter() - start, time.process_time() - worked
    say(
        f"Detection of 1,000 × 1,000 against {RECIPIENTS:,} releases: {scored:.1f} s ({scored_cpu:.1f} s of "
        f"CPU) to read and score, {aligned:.1f} s ({aligned_cpu:.1f} s of CPU) to align with 500,000 participants ("
        f"{(matched == people).mean():.1%} right); guilty 10^{odds[8]:.0f}, highest "
        f"innocent 10^{np.delete(odds, 8).max():.2f}."
    )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    say(f"Peak memory of the whole bench: {peak:.2f} GiB.\n")


def main() -> None:
    start = time.perf_counter()
    cohort = make_cohort()
    say(
        f"Cohort: {PEOPLE:,} mosaics × {VARIANTS:,} typed variants; {cohort.share:.1%} of cells eligible; "
        f"{RECIPIENTS:,} recipients; made in {time.perf_counter() - start:.0f} s.\n"
    )
    if "--published" in sys.argv:
        from tests.bench.watermark_published import published

        published(cohort.calls, cohort.models, cohort.rates, cohort.variants)
        return
    if "--utility" in sys.argv:
        utility(cohort)
        return
    phenotypes()
    ids()
    imputed()
    leaks_of_one(cohort)
    utility(cohort)
    speed(cohort)
    if not CHEAP:
        mixed(cohort)
        correlation_attack(cohort)
        coalitions(cohort)
        numbers = [int(one) for one in sys.argv[1:] if one.isdigit() and one != str(SEED)]
        innocents(cohort, numbers[0] if numbers else 10_000_000)
    say(f"The whole bench took {time.perf_counter() - start:.0f} s.")


if __name__ == "__main__":
    main()
