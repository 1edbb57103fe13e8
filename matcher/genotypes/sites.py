"""Which variants a find and a cohort share, under which positions, and which of them to compare at.

Variants are joined by position or by name; positions of other builds come with the store (`builds`). Sites are chosen
common, called in the find, apart on the map, and unlinked among the cohort's own people, so that none counts twice.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from matcher.genotypes.store import Build, Store
from matcher.genotypes.variants import OTHER, SWAPPED, Codes, orientations, place_number

Numbers = npt.NDArray[np.int64]
Joined = Literal["position", "name", "lifted position"]

MORGANS_PER_BASE = 1e-8
LEAST_FREQUENCY = 0.05
APART = 200_000
"""Bases between chosen sites of one chromosome; nearer ones are not even tried."""
LINKED_WITHIN = 3_000_000
MOST_R2 = 0.05
_TRIED_PER_SITE = 12


@dataclass(frozen=True, slots=True)
class FoundVariants:
    """The variants of one find, in its own words; arrays have one entry a variant."""

    chromosomes: Codes
    positions: Numbers
    names: Numbers
    alleles_a: Codes
    alleles_b: Codes
    coding_known: npt.NDArray[np.bool_]
    """False where the find does not say which allele its calls count."""

    def __len__(self) -> int:
        return len(self.positions)


@dataclass(frozen=True, slots=True)
class Shared:
    """Variants of a find that a cohort has too, in the cohort's order along the genome."""

    found: Numbers
    """Rows of the find."""
    known: Numbers
    """Rows of the store."""
    swapped: npt.NDArray[np.bool_]
    """True where the find counts the cohort's other allele."""
    coding_known: bool
    by: Joined
    build: str
    """The build of the positions that joined them; "" for the cohort's own and for names."""
    left_out: int
    """Variants at the same place or of the same name whose alleles are not the cohort's."""

    def __len__(self) -> int:
        return len(self.found)


def shared_sites(found: FoundVariants, store: Store) -> Shared:
    """The way of joining that agrees at the most variants: by position, by name, by positions of another build."""
    places = place_number(found.chromosomes, found.positions)
    ways: list[tuple[Joined, str, Numbers]] = [
        ("position", "", _joined(places, place_number(store.chromosomes, store.positions))),
        ("name", "", _joined(found.names, store.names)),
    ]
    for build in store.other_builds:
        known = place_number(build.chromosomes, build.positions)
        ways.append(("lifted position", build.name, _joined(places, known)))
    return max((_oriented(found, store, *way) for way in ways), key=len)


def with_builds_of(store: Store, other: Store) -> Store:
    """The store with what another of the same build (a release with its cohort) knows of its variants' places."""
    at = _joined(
        place_number(store.chromosomes, store.positions), place_number(other.chromosomes, other.positions)
    )
    builds = tuple(
        Build(
            one.name,
            np.where(at >= 0, one.chromosomes[at], np.uint8(0)),
            np.where(at >= 0, one.positions[at], 0),
        )
        for one in (other.other_builds if len(other.positions) else ())
    )
    return replace(store, other_builds=store.other_builds + builds)


def _joined(wanted: Numbers, known: Numbers) -> Numbers:
    """For each number of `wanted` the row of `known` that has it, else -1; 0 stands for none."""
    if not len(known):
        return np.full(len(wanted), -1, np.int64)
    order = np.argsort(known, kind="stable")
    at = np.minimum(np.searchsorted(known, wanted, sorter=order), len(known) - 1)
    rows = order[at]
    return np.where((known[rows] == wanted) & (wanted != 0), rows, -1)


def _oriented(found: FoundVariants, store: Store, by: Joined, build: str, at: Numbers) -> Shared:
    rows = np.flatnonzero(at >= 0)
    known = at[rows]
    stands = orientations(
        found.alleles_a[rows], found.alleles_b[rows], store.alleles_a[known], store.alleles_b[known]
    )
    is_coded = found.coding_known[rows] & (stands != OTHER)
    # Where no letter is stated the variant is taken for the cohort's, and only heterozygosity is compared.
    unstated = ~found.coding_known[rows]
    if unstated.sum() > is_coded.sum():
        fits, coding_known = unstated, False
    else:
        fits, coding_known = is_coded, True
    rows, known, stands = rows[fits], known[fits], stands[fits]
    _, first = np.unique(known, return_index=True)  # a find that repeats a site counts it once
    rows, known, stands = rows[first], known[first], stands[first]
    order = np.lexsort((store.positions[known], store.chromosomes[known]))
    swapped = (stands == SWAPPED) if coding_known else np.zeros(len(rows), dtype=bool)
    left_out = int((~fits).sum())
    return Shared(rows[order], known[order], swapped[order], coding_known, by, build, left_out)


def choose(shared: Shared, store: Store, most: int, called: npt.NDArray[np.float64] | None = None) -> Numbers:
    """Places in `shared` of up to `most` sites to compare at, the most informative first.

    Informative is what is common among the cohort and, with `called` (share of samples with a call, one entry a
    shared site), called in the find. Sites too near one chosen before, or linked with it (r² over 0.05 within 3 Mb
    among the cohort's own), are passed over.
    """
    frequency = store.frequencies[shared.known]
    minor = np.minimum(frequency, 1 - frequency)
    worth = 2 * minor * (1 - minor) * (called if called is not None else 1.0)
    order = np.flatnonzero((minor >= LEAST_FREQUENCY) & (worth > 0))
    order = order[np.argsort(-worth[order], kind="stable")]
    # A find with far more sites than are needed is thinned by place first, so that all the genome has its say.
    order = order[: max(most * _TRIED_PER_SITE, most)]
    if not len(order):
        return np.empty(0, np.int64)
    chromosomes = store.chromosomes[shared.known]
    positions = store.positions[shared.known]
    linkage = _standardised(store.linkage_rows(shared.known[order]))
    chosen: list[int] = []
    kept: dict[int, list[int]] = {}
    for number, place in enumerate(order.tolist()):
        beside = kept.setdefault(int(chromosomes[place]), [])
        distance = np.abs(positions[order[beside]] - positions[place])
        if (distance < APART).any():
            continue
        near = np.array(beside, np.int64)[distance < LINKED_WITHIN]
        if len(near) and float(((linkage[near] @ linkage[number]) ** 2).max()) > MOST_R2:
            continue
        beside.append(number)
        chosen.append(place)
        if len(chosen) >= most:
            break
    return np.array(chosen, np.int64)


def _standardised(calls: npt.NDArray[np.int8]) -> npt.NDArray[np.float32]:
    """Rows of mean 0 and length 1; a missing call counts as the mean."""
    missing = calls < 0
    values = np.where(missing, 0, calls).astype(np.float32)
    mean = values.sum(axis=1, keepdims=True) / np.maximum(1, (~missing).sum(axis=1, keepdims=True))
    values = np.where(missing, 0, values - mean)
    length = np.sqrt((values**2).sum(axis=1, keepdims=True))
    scaled: npt.NDArray[np.float32] = (values / np.maximum(length, 1e-6)).astype(np.float32)
    return scaled
