"""Matcher: are the found samples participants of the cohort, their kin, or strangers?

Each found sample is compared with every participant at chosen sites: common, spread over the genome, and pruned
so that linkage does not count one thing twice. The log-likelihood ratio against a stranger is an e-value (its mean is
1 for a stranger), so odds corrected for participants × samples bound the chance of a false match. Null model: a
stranger with the cohort's allele frequencies in Hardy-Weinberg proportions.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import log, log10

import numpy as np
import numpy.typing as npt

from matcher.contents import Genotypes, Part
from matcher.genotypes.kinship import chance_of_identical_sibling, log_odds
from matcher.genotypes.store import Store, open_store
from matcher.genotypes.variants import chromosome_name, is_snp, orientation
from matcher.sketches import EnrolledCohort, Evidence, MatchingKeys, Relation

NAME = "genotype-identity"
VERSION = "1"

FEWEST_SITES = 24
MOST_SITES = 256
MOST_VARIANTS_KEPT = 40_000
MOST_CELLS_KEPT = 400_000_000
ERROR = 0.02
LEAST_FREQUENCY = 0.1
MOST_R2 = 0.05
LINKED_WITHIN = 2_000_000
MORGANS_PER_BASE = 1e-8
SIBLING_CHANCE = 1e-3
KIN_DECADES = 6.0
MOST_DECADES = 60.0
"""Odds beyond this would rest on the model, not on the data."""

Dosages = npt.NDArray[np.int8]


@dataclass(slots=True)
class FoundGenotypes:
    """The SNPs of one find, as they stand in it."""

    samples_count: int = 0
    chromosomes: list[str] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    alleles: list[tuple[str, str]] = field(default_factory=list)
    dosages: list[Dosages] = field(default_factory=list)

    def add(self, part: Part) -> None:
        if not isinstance(part, Genotypes) or not part.coding_known:
            return
        self.samples_count = self.samples_count or len(part.samples)
        if len(part.samples) != self.samples_count:
            return
        for number, (a, b) in enumerate(zip(part.alleles_a, part.alleles_b, strict=True)):
            if (
                len(self.alleles) >= MOST_VARIANTS_KEPT
                or len(self.alleles) * self.samples_count > MOST_CELLS_KEPT
            ):
                return
            if is_snp(a, b):
                self.chromosomes.append(chromosome_name(part.chromosomes[number]))
                self.positions.append(int(part.positions[number]))
                self.names.append(part.names[number])
                self.alleles.append((a, b))
                self.dosages.append(part.dosages[number])


def sketch(_keys: MatchingKeys) -> FoundGenotypes:
    return FoundGenotypes()


def compare(sketch: FoundGenotypes, cohort: EnrolledCohort, keys: MatchingKeys) -> list[Evidence]:
    if not sketch.alleles:
        return []
    store = open_store(cohort.folder, keys.genotypes)
    if store is None:
        return []
    found_rows, known_rows, swapped = shared_sites(sketch, store)
    if len(found_rows) < FEWEST_SITES:
        return []
    chosen, known = _spread(store, known_rows)
    if len(chosen) < FEWEST_SITES:
        return []
    found = np.stack([sketch.dosages[found_rows[one]] for one in chosen])
    turn = swapped[chosen]
    found[turn] = np.where(found[turn] >= 0, 2 - found[turn], -1)
    sites = known_rows[chosen]
    same, kin = _best_odds(found, known, store.frequencies[sites])
    spans = _spans(store.chromosomes[sites], store.positions[sites])
    return _evidence(same, kin, spans, len(chosen), store.samples_count)


def shared_sites(
    found: FoundGenotypes, store: Store
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Rows of the find, rows of the store, and whether they count the other allele; by position, else by name."""
    by_place = {
        (chromosome, position): number
        for number, (chromosome, position) in enumerate(
            zip(store.chromosomes.tolist(), store.positions.tolist(), strict=True)
        )
    }
    by_name = {name: number for number, name in enumerate(store.names.tolist()) if name}
    best: tuple[list[int], list[int], list[bool]] = ([], [], [])
    for use_names in (False, True):
        rows: tuple[list[int], list[int], list[bool]] = ([], [], [])
        for number, alleles in enumerate(found.alleles):
            place = (found.chromosomes[number], found.positions[number])
            known = by_name.get(found.names[number]) if use_names else by_place.get(place)
            if known is None:
                continue
            turned = orientation(alleles, (str(store.alleles_a[known]), str(store.alleles_b[known])))
            if turned is not None:
                rows[0].append(number)
                rows[1].append(known)
                rows[2].append(turned == "swapped")
        if len(rows[0]) > len(best[0]):
            best = rows
    return np.array(best[0], np.int64), np.array(best[1], np.int64), np.array(best[2], bool)


def _spread(store: Store, rows: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], Dosages]:
    """Which of the shared sites to use (places in `rows`), and the cohort's dosages there.

    The most informative first; one that is linked (r² over 0.05 within 2 Mb) with one already chosen is left out.
    """
    frequency = store.frequencies[rows]
    common = np.flatnonzero(np.minimum(frequency, 1 - frequency) >= LEAST_FREQUENCY)
    order = common[np.argsort(-np.minimum(frequency[common], 1 - frequency[common]), kind="stable")]
    chosen: list[int] = []
    kept: list[Dosages] = []
    standard: list[npt.NDArray[np.float32]] = []
    for place in order[: MOST_SITES * 16].tolist():
        row = rows[place]
        dosages = store.rows(np.array([row]))[0]
        score = _standardised(dosages[:4000])
        near = [
            other
            for other, taken in enumerate(chosen)
            if store.chromosomes[rows[taken]] == store.chromosomes[row]
            and abs(int(store.positions[rows[taken]]) - int(store.positions[row])) < LINKED_WITHIN
        ]
        if any(float(np.mean(standard[other] * score)) ** 2 > MOST_R2 for other in near):
            continue
        chosen.append(place)
        kept.append(dosages)
        standard.append(score)
        if len(chosen) >= MOST_SITES:
            break
    empty = np.empty((0, store.samples_count), np.int8)
    return np.array(chosen, np.int64), np.stack(kept) if kept else empty


def _standardised(dosages: Dosages) -> npt.NDArray[np.float32]:
    values = dosages.astype(np.float32)
    values[dosages < 0] = np.nan
    mean, spread = np.nanmean(values), np.nanstd(values)
    return np.nan_to_num((values - mean) / max(float(spread), 1e-6)).astype(np.float32)


def _best_odds(
    found: Dosages, known: Dosages, frequencies: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """For each found sample the best log odds (natural) of identity and of kinship over all participants.

    `found` is sites × samples, `known` sites × participants. The best kin is sought apart from the best self.
    """
    tables = [table.astype(np.float32) for table in log_odds(frequencies, ERROR)]
    indicators = [(known == dosage).astype(np.float32) for dosage in range(3)]
    best = [np.full(found.shape[1], -np.inf), np.full(found.shape[1], -np.inf)]
    for start in range(0, found.shape[1], 512):
        block = found[:, start : start + 512]
        present = (block >= 0).T
        at = np.clip(block, 0, 2).astype(np.int64)
        for which, table in enumerate(tables):
            total = np.zeros((block.shape[1], known.shape[1]), dtype=np.float32)
            for dosage, indicator in enumerate(indicators):
                weights = table[np.arange(len(block))[:, None], at, dosage].T * present
                total += weights @ indicator
            best[which][start : start + 512] = total.max(axis=1)
    return best[0], best[1]


def _spans(chromosomes: npt.NDArray[np.str_], positions: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    lengths = [
        (positions[chromosomes == one].max() - positions[chromosomes == one].min()) * MORGANS_PER_BASE
        for one in np.unique(chromosomes)
    ]
    return np.array(lengths, dtype=np.float64)


def _evidence(
    same: npt.NDArray[np.float64],
    kin: npt.NDArray[np.float64],
    spans: npt.NDArray[np.float64],
    sites_count: int,
    participants: int,
) -> list[Evidence]:
    tried = log10(max(1, participants)) + log10(max(1, len(same)))
    decades = same / log(10) - tried
    kin_decades = kin / log(10) - tried
    is_same = (decades > 3) & (same - kin > log(1000))
    is_kin = ~is_same & (kin_decades > KIN_DECADES)
    if is_same.any():
        sibling = chance_of_identical_sibling(spans)
        relation: Relation = "same" if sibling < SIBLING_CHANCE else "same-or-sibling"
        odds = float(min(MOST_DECADES, decades[is_same].sum()))
        count = int(is_same.sum())
        why = f"{count:,} of {len(same):,} samples agree with one participant each at {sites_count} unlinked sites"
        return [Evidence(NAME, "genotypes", odds, why, count, len(same), relation)]
    if is_kin.any():
        odds = float(min(MOST_DECADES, kin_decades[is_kin].max()))
        why = (
            f"{int(is_kin.sum()):,} of {len(same):,} samples are close kin of participants, not participants"
        )
        return [Evidence(NAME, "genotypes", odds, why, 0, len(same), "relative")]
    return []
