"""Matcher: are the found samples participants of the cohort, their kin, or strangers?

Each found sample is compared with every participant at chosen sites (`sites`) by counting bits (`search`); those
nearest to it are weighed by likelihoods (`kinship`). Odds against a stranger have mean 1 for a stranger, so divided by
the number of participants they stay an e-value for the best of them. Null model: a stranger with the cohort's allele
frequencies in Hardy-Weinberg proportions. A sample is called a participant at odds over participants / 0.001 against
a stranger and over 1,000 against a sibling; with too little of the genome to tell, "same or sibling".
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256
from math import log, log10

import numpy as np
import numpy.typing as npt

from matcher.genotypes.found import FoundGenotypes
from matcher.genotypes.holdings import Holding, holding_bytes, read_holding
from matcher.genotypes.kinship import (
    Odds,
    kin_odds_over_drift,
    kin_odds_over_second_degree,
    odds_of_pairs,
    switch_chances,
)
from matcher.genotypes.partitions import calls_of, nearest_in_store
from matcher.genotypes.provenance import Find, Held, weigh, when_told, why_release, window, worth_telling
from matcher.genotypes.search import Nearest
from matcher.genotypes.sites import MORGANS_PER_BASE, Shared, choose, shared_sites, with_builds_of
from matcher.genotypes.store import Store, open_store
from matcher.sketches import EnrolledCohort, Evidence, MatchingKeys, Relation, ReleaseEvidence

NAME = "genotype-identity"
VERSION = "6"

FEWEST_SITES = 24
ENOUGH_SITES = 48
SEARCH_SITES = 128
WEIGHED_SITES = 256
KIN_SITES = 1_024
MANY_SITES = 5_000
"""A find with more than these shares more than a few with a cohort, if both are on one build."""
KIN_SAMPLES = 2_000
"""Samples that are no participants and are looked at for kin; more say nothing new of a file."""
FALSE_CALL = 1e-3
SIBLING_ODDS = log(1_000)
RELEASE_SAMPLES = 500
"""Samples that are participants and are looked for in every release; more say nothing new of where they come from."""
KIN_DECADES = 6.0
LEAST_KINSHIP = 0.15
"""KING-robust kinship of first-degree kin is 0.25; strangers of one small population stay below this."""
DOUBTFUL_KINSHIP = 0.09
"""Errors lower the kinship of kin too. Between this and that, somebody is kin who stands out: more than half of the
nearest participants look like strangers (where the cohort's frequencies do not fit, all look like kin), and
the odds hold against strangers of one population that drifted however far, of whom the cohort has but a few."""
MOST_DECADES = 60.0
"""Odds beyond this would rest on the model, not on the data."""

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Calls = npt.NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class Called:
    """What each found sample is; one entry a sample."""

    same: Flags
    """A participant, and no sibling of one."""
    same_or_sibling: Flags
    """A participant or a full sibling: too little of the genome to tell."""
    relative: Flags
    participants: npt.NDArray[np.int64]
    """The place of the participant that fits best; -1 where nobody does."""
    alike: Flags
    """Two participants fit: twins, or one person enrolled twice."""
    odds: Floats
    """Natural log odds of being that participant against a stranger, over the number of participants."""
    kin_odds: Floats
    """The same of being close kin of somebody; -inf where it was not looked at."""
    error: float
    """The error rate of a call among those who are called."""


def sketch(_keys: MatchingKeys) -> FoundGenotypes:
    return FoundGenotypes()


def compare(sketch: FoundGenotypes, cohort: EnrolledCohort, keys: MatchingKeys) -> list[Evidence]:
    if not len(sketch):
        return []
    store = open_store(cohort.folder, keys.genotypes)
    if store is None:
        return []
    shared = shared_sites(sketch.variants(), store)
    if not len(shared):
        return [_too_few(0, sketch)] if len(sketch) > MANY_SITES else []
    sites = _chosen(sketch, shared, store, WEIGHED_SITES)
    if len(sites) < FEWEST_SITES:
        return [_too_few(len(sites), sketch)]
    called = identify(sketch, store, shared, sites)
    evidence = _evidence(called, sketch, shared, len(sites), store)
    if not cohort.releases or not (called.same | called.same_or_sibling).any():
        return evidence
    people, held = _held_by_releases(sketch, called, cohort, store, shared, keys)
    fits = weigh(Find(people, shared.found), held, int((~store.withdrawn).sum()))
    releases = tuple(
        ReleaseEvidence(fit.release, odds, beyond_ids=True, why=why_release(fit, len(np.unique(people))))
        for fit, odds in worth_telling(fits)
    )
    when = when_told(window(people, held))
    return [replace(one, releases=releases, why=one.why + when) for one in evidence]


def identify(
    found: FoundGenotypes,
    store: Store,
    shared: Shared,
    sites: npt.NDArray[np.int64],
    *,
    kin: bool = True,
    only: npt.NDArray[np.int64] | None = None,
) -> Called:
    """Calls every found sample (or those of `only`) at these sites (places in `shared`, most informative first)."""
    calls = _turned(found, shared, sites)
    if only is not None:
        calls, kin = np.ascontiguousarray(calls[:, only]), False
    some, coding_known = sites[:SEARCH_SITES], shared.coding_known
    near = nearest_in_store(
        calls[:SEARCH_SITES], store, shared.known[some], coding_known=coding_known, kin=False
    )
    people, odds = _weighed(calls, near, store, shared, sites)
    participants, best, rival = _best(people, odds.same)
    at = np.arange(calls.shape[1])
    over = odds.same[best, at] - log(store.samples_count)
    known = participants >= 0
    against_kin = odds.same[best, at] - odds.kin[best, at]
    passes = known & (over > -log(FALSE_CALL)) & (against_kin > 0)
    same = passes & (against_kin > SIBLING_ODDS)
    alike = same & (rival > odds.same[best, at] - SIBLING_ODDS)
    kin_odds = np.full(len(over), -np.inf)
    if kin and not passes.all():
        _seek_kin(found, store, shared, np.flatnonzero(~passes), kin_odds)
    return Called(
        same=same,
        same_or_sibling=passes & ~same,
        relative=~passes & (kin_odds / log(10) - log10(max(1, len(over))) > KIN_DECADES),
        participants=np.where(passes, participants, -1),
        alike=alike,
        odds=np.where(known, over, -np.inf),
        kin_odds=kin_odds,
        error=float(np.median(odds.error[best, at][passes])) if passes.any() else 0.0,
    )


def _chosen(found: FoundGenotypes, shared: Shared, store: Store, most: int) -> npt.NDArray[np.int64]:
    """The sites to compare at: first without regard to missing calls, then among those that the find has calls for."""
    called = (found.calls(shared.found) >= 0).mean(axis=1) if found.samples_count < 4096 else None
    return choose(shared, store, most, called)


def _turned(found: FoundGenotypes, shared: Shared, sites: npt.NDArray[np.int64]) -> Calls:
    """The find's calls at these sites, counting the cohort's allele b."""
    calls = found.calls(shared.found[sites])
    turn = shared.swapped[sites]
    calls[turn] = np.where(calls[turn] >= 0, 2 - calls[turn], -1)
    return calls


def _weighed(
    calls: Calls,
    near: Nearest,
    store: Store,
    shared: Shared,
    sites: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.int64], Odds]:
    """The people near each sample (nearest × samples, -1 for nobody) and the log odds of each pair."""
    people = near[0].T
    people = np.where((people >= 0) & ~store.withdrawn[people], people, -1)
    # The chain over siblings' stretches wants the sites along the genome.
    along = np.lexsort((store.positions[shared.known[sites]], store.chromosomes[shared.known[sites]]))
    known = shared.known[sites[along]]
    theirs = calls_of(store, known, people.reshape(-1))
    mine = np.tile(calls[along], (1, len(people)))
    odds = odds_of_pairs(
        mine,
        theirs,
        store.frequencies[known],
        _switches(store, known),
        only_heterozygosity=not shared.coding_known,
    )
    shape = people.shape
    return people, Odds(
        *(getattr(odds, name).reshape(shape) for name in ("same", "parent", "sibling", "error"))
    )


def _best(
    people: npt.NDArray[np.int64], odds: Floats
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Floats]:
    """The participant whom each sample fits best, at which place, and the odds of the runner-up."""
    fits = np.where(people >= 0, odds, -np.inf)
    best = fits.argmax(axis=0)
    at = np.arange(people.shape[1])
    rest = fits.copy()
    rest[best, at] = -np.inf
    return people[best, at], best, rest.max(axis=0)


def _seek_kin(
    found: FoundGenotypes, store: Store, shared: Shared, unknown: npt.NDArray[np.int64], out: Floats
) -> None:
    """Fills the odds of close kinship, over the number of participants, for the samples `unknown`.

    Kinship (KING), which needs no frequencies, keeps strangers of one population apart.
    """
    if not shared.coding_known:
        return  # opposite homozygotes cannot be told, so neither can kin from people of one population
    sites = _chosen(found, shared, store, KIN_SITES)
    some = unknown[np.unique(np.linspace(0, len(unknown) - 1, KIN_SAMPLES).astype(np.int64))]
    calls = _turned(found, shared, sites)[:, some]
    known = shared.known[sites]
    near = nearest_in_store(calls, store, known, coding_known=True, kin=True)
    people, odds = _weighed(calls, near, store, shared, sites)
    likely = np.where(people >= 0, odds.kin, -np.inf)
    mine, theirs = np.tile(calls, (1, len(people))), calls_of(store, known, people.reshape(-1))
    close = _kinship(mine, theirs).reshape(people.shape)
    stands_out = np.sort(likely, axis=0)[len(people) // 2 - 1] < 0
    doubtful = (close <= LEAST_KINSHIP) & (close > DOUBTFUL_KINSHIP) & stands_out
    doubtful &= likely - log(store.samples_count) > KIN_DECADES * log(10)
    at = np.flatnonzero(doubtful)
    along = np.lexsort((store.positions[known], store.chromosomes[known]))
    frequencies, switches = store.frequencies[known[along]], _switches(store, known[along])

    def pairs(at: npt.NDArray[np.int64]) -> tuple[Floats, Calls, Calls, Floats]:
        return odds.kin.reshape(-1)[at], mine[np.ix_(along, at)], theirs[np.ix_(along, at)], frequencies

    over = kin_odds_over_drift(*pairs(at))
    is_kin = close > LEAST_KINSHIP
    is_kin.reshape(-1)[at] = over > log(store.samples_count / FALSE_CALL)
    at = np.flatnonzero(is_kin)
    is_kin.reshape(-1)[at] = kin_odds_over_second_degree(*pairs(at), switches) > -log(FALSE_CALL)
    out[some] = np.where(is_kin, likely, -np.inf).max(axis=0) - log(store.samples_count)


def _switches(store: Store, known: npt.NDArray[np.int64]) -> Floats:
    """Chances that siblings' sharing switches between these variants, which lie along the genome."""
    return switch_chances(
        store.chromosomes[known], MORGANS_PER_BASE * store.positions[known].astype(np.float64)
    )


def _kinship(found: Calls, participants: Calls) -> Floats:
    """KING-robust kinship between populations (Manichaikul 2010, equation 11): needs no frequencies."""
    both = (found >= 0) & (participants >= 0)
    het = ((found == 1) & (participants == 1)).sum(axis=0)
    opposite = (both & (np.abs(found - participants) == 2)).sum(axis=0)
    fewer = np.minimum(((found == 1) & both).sum(axis=0), ((participants == 1) & both).sum(axis=0))
    hets = ((found == 1) & both).sum(axis=0) + ((participants == 1) & both).sum(axis=0)
    wide = np.maximum(1, fewer)
    value: Floats = (het - 2 * opposite) / (2 * wide) + 0.5 - hets / (4 * wide)
    return np.where(fewer > 0, value, 0.0)


def file_decades(odds: Floats) -> float:
    """log10 odds that a file holds participants, from the e-value of each sample (natural logs).

    The mean over shares π of the product over samples of 1 - π + π e: an e-value, if strangers are independent,
    without choosing which samples count. Shares are a half, a tenth, and one sample of the file.
    """
    shares = (0.5, 0.1, 1 / (2 * len(odds)))
    held = np.minimum(odds, 700.0)
    logs = [float(np.logaddexp(log(1 - share), log(share) + held).sum()) for share in shares]
    return (max(logs) + log(sum(np.exp(one - max(logs)) for one in logs) / len(logs))) / log(10)


def _evidence(
    called: Called, found: FoundGenotypes, shared: Shared, sites_count: int, store: Store
) -> list[Evidence]:
    samples = len(called.same)
    passes = called.same | called.same_or_sibling
    how = _how(shared, sites_count)
    if passes.any():
        relation: Relation = "same" if 2 * called.same.sum() >= passes.sum() else "same-or-sibling"
        matched = len(np.unique(called.participants[passes]))
        why = f"{int(passes.sum()):,} of {samples:,} samples agree with one participant each {how}"
        if relation == "same-or-sibling":
            why += "; too little of the genome to tell a participant from a full sibling"
        if called.alike.any():
            why += f"; {int(called.alike.sum()):,} fit two participants alike (twins, or enrolled twice)"
        why += f"; about {max(0.2, 100 * called.error):.0f} % of calls differ"
        decades = min(MOST_DECADES, file_decades(called.odds))
        return [Evidence(NAME, "genotypes", decades, why, matched, samples, relation)]
    if called.relative.any():
        decades = float(called.kin_odds.max()) / log(10) - log10(samples)
        why = (
            f"{int(called.relative.sum()):,} of {samples:,} samples are close kin of participants, "
            f"not participants, {how}"
        )
        return [Evidence(NAME, "genotypes", min(MOST_DECADES, decades), why, 0, samples, "relative")]
    if sites_count < ENOUGH_SITES and store.samples_count:
        return [_too_few(sites_count, found)]
    return []


def _held_by_releases(
    found: FoundGenotypes,
    called: Called,
    cohort: EnrolledCohort,
    store: Store,
    shared: Shared,
    keys: MatchingKeys,
) -> tuple[npt.NDArray[np.int64], list[Held]]:
    """The called participants (or some of them), and which of them, and of the found sites, each release held."""
    samples = np.flatnonzero(called.same | called.same_or_sibling)
    samples = samples[np.unique(np.linspace(0, len(samples) - 1, RELEASE_SAMPLES).astype(np.int64))]
    people = called.participants[samples]
    kept: dict[bytes, Held] = {}  # thousands of releases held the same
    sites: dict[bytes, npt.NDArray[np.int64] | None] = {}
    releases = []
    for release in cohort.releases:
        written = holding_bytes(release.folder)
        if written is not None:
            one = sha256(written).digest()
            if one not in kept:
                kept[one] = _kept(read_holding(written), found, store, shared, people, sites)
            held = kept[one]
        else:
            own = open_store(release.folder, keys.genotypes)
            held = Held("")
            if own is not None:
                held = _held(found, with_builds_of(own, store), samples, people)
        releases.append(replace(held, name=release.name, handed_over=release.delivered))
    return people, releases


def _kept(
    holding: Holding,
    found: FoundGenotypes,
    store: Store,
    shared: Shared,
    people: npt.NDArray[np.int64],
    sites: dict[bytes, npt.NDArray[np.int64] | None],
) -> Held:
    """The same of a release of which no calls are kept, with no more told than its calls could have told.

    `sites` keeps the found rows of each selection of the shared sites; None where it is too few to tell people.
    """
    inside = holding.sites[shared.known]
    which = np.packbits(inside).tobytes()
    if which not in sites:
        own = replace(
            shared, found=shared.found[inside], known=shared.known[inside], swapped=shared.swapped[inside]
        )
        chosen = _chosen(found, own, store, WEIGHED_SITES) if len(own) else ()
        sites[which] = own.found if len(chosen) >= ENOUGH_SITES else None
    if sites[which] is None:
        return Held("")
    count = int((holding.people & ~store.withdrawn).sum())
    return Held("", people[holding.people[people]], count, sites[which])


def _held(
    found: FoundGenotypes,
    release: Store,
    samples: npt.NDArray[np.int64],
    people: npt.NDArray[np.int64],
) -> Held:
    """Which of these people a release held, told by its own genotypes; not known where it shares too few sites."""
    shared = shared_sites(found.variants(), release)
    sites = _chosen(found, shared, release, WEIGHED_SITES) if len(shared) else np.empty(0, np.int64)
    if len(sites) < ENOUGH_SITES:
        return Held("")
    called = identify(found, release, shared, sites, only=samples)
    held = called.same | called.same_or_sibling
    return Held("", people[held], release.samples_count, shared.found)


def _how(shared: Shared, sites_count: int) -> str:
    told = f"at {sites_count} unlinked sites (joined by {shared.by}"
    if shared.build:
        told += f" in {shared.build}"
    if not shared.coding_known:
        told += "; which allele is counted is not stated, so only heterozygous calls are compared"
    elif shared.swapped.any():
        told += f"; the other allele is counted at {100 * shared.swapped.mean():.0f} % of them"
    return told + ")"


def _too_few(sites_count: int, found: FoundGenotypes) -> Evidence:
    more = ENOUGH_SITES - sites_count
    why = f"too few sites to tell people apart: {sites_count} unlinked ones are shared, {more} more would do"
    if len(found) > MANY_SITES:
        why += (
            f"; it has {len(found):,} SNPs, so it may be on another build of the genome (see `cohort build`)"
        )
    return Evidence(NAME, "genotypes", 0.0, why)
