"""Reading genotype marks: a found file's variants and samples aligned to a sealed source, then its units."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from matcher.contents import Genotypes
from matcher.genotypes.planes import counts
from matcher.watermarks.align import LEAST_SITES, MOST_WRONG, NOBODY, SITES, match_packed
from matcher.watermarks.genotype_marks import NO_UNIT, units_of_block, units_of_seconds
from matcher.watermarks.genotype_source import GenotypeSource
from matcher.watermarks.odds import Units, together
from matcher.watermarks.plausible import narrowed
from matcher.watermarks.read_digits import Reading
from matcher.watermarks.units import chromosome_word, cohort_key

Dosages = npt.NDArray[np.int8]
_OTHER_STRAND = str.maketrans("ACGT", "TGCA")
COLUMNS = 20_000
"""Aligned samples read at a time."""


Known = dict[tuple[str, ...], npt.NDArray[np.int64]]
"""By a found matrix's samples: each one's number in the roster as far as it was told in some source, else NOBODY."""


def read_calls(
    parts: Sequence[Genotypes],
    source: GenotypeSource,
    roster_units: npt.NDArray[np.uint64],
    master: bytes,
    known: Known,
) -> Reading | None:
    """The units of a found matrix against one source; None where they share nothing.

    `known` holds who the samples are by the cohort's other sources (one for each chromosome, say), and is added to.
    """
    at, calls = shared_variants(parts, source)
    if at.size < LEAST_SITES:
        return None
    told = known.setdefault(parts[0].samples, np.full(calls.shape[1], NOBODY))
    samples = aligned(at, calls, source, told)
    told[samples != NOBODY] = source.people[samples[samples != NOBODY]]
    hit = np.flatnonzero(samples != NOBODY)
    if not hit.size:
        return None
    # each participant once: a second copy of a sample is a mirror
    _, once = np.unique(samples[hit], return_index=True)
    hit = hit[np.sort(once)][:COLUMNS]
    columns = samples[hit]
    people = roster_units[source.people[columns]]
    key0 = cohort_key(master, "genotypes")
    units: list[Units] = []
    read = wrong = 0
    which = np.searchsorted(source.starts, at, side="right") - 1
    for block in np.unique(which).tolist():
        rows = np.flatnonzero(which == block)
        truth, layers, marks = _source_units(source, block, at[rows], columns, people, key0)
        seen = _oriented(calls[rows][:, hit], truth)
        part, cells, errors = _units(seen, truth, layers, marks, source.units[at[rows]], people)
        units.append(part)
        read += cells
        wrong += errors
    rate = wrong / read if read > 500 else None
    return Reading(together(units), int(columns.size), None if rate is None else max(rate, 1 / read))


def aligned(
    at: npt.NDArray[np.int64],
    calls: Dosages,
    source: GenotypeSource,
    told: npt.NDArray[np.int64] | None = None,
) -> npt.NDArray[np.int64]:
    """The source's sample of every found one, or NOBODY; `at` and `calls` are those of `shared_variants`.

    Who is known by another source (`told`) is looked at here, and not looked for, if the calls agree.
    """
    sites = informative(at, calls)
    samples = np.full(calls.shape[1], NOBODY)
    if told is not None and (told != NOBODY).any():
        samples = _confirmed(at[sites], calls[sites], source, told)
    rest = np.flatnonzero(samples == NOBODY)
    if rest.size:
        theirs = source.packed_rows(at[sites])
        mine = _turned(calls[sites], theirs, source.people.size)
        samples[rest] = match_packed(np.ascontiguousarray(mine[:, rest]), theirs, source.people.size)
    return samples


def _confirmed(
    at: npt.NDArray[np.int64], calls: Dosages, source: GenotypeSource, told: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """The source's samples who are known by another source, where these calls agree as a participant's own do."""
    out = np.full(told.size, NOBODY)
    order = np.argsort(source.people)
    place = np.minimum(np.searchsorted(source.people[order], told), order.size - 1)
    here = np.flatnonzero((told != NOBODY) & (source.people[order[place]] == told))
    columns = order[place[here]]
    truth = source.calls(at, columns)
    mine = _oriented(calls[:, here], truth)
    both = (mine >= 0) & (truth >= 0)
    wrong, sites = ((mine != truth) & both).sum(axis=0), both.sum(axis=0)
    good = (sites >= LEAST_SITES) & (wrong <= MOST_WRONG * sites)
    out[here[good]] = columns[good]
    return out


def _source_units(
    source: GenotypeSource,
    block: int,
    at: npt.NDArray[np.int64],
    columns: npt.NDArray[np.int64],
    people: npt.NDArray[np.uint64],
    key0: npt.NDArray[np.uint64],
) -> tuple[Dosages, npt.NDArray[np.uint8], Dosages]:
    """Calls, layers and marks of some variants of one block for some samples; only rows that matter are read."""
    names = source.units[at]
    if source.imputed:
        seconds = source.calls(at, columns, "seconds")
        return source.calls(at, columns), *units_of_seconds(seconds, names, people, key0, source.rates)
    before = source.before(block)
    rows, model = narrowed(source.model(block), before, at - source.starts[block])
    dosages = source.calls(source.starts[block] - before + rows, columns)
    kin = source.kin[columns]
    return dosages[: at.size], *units_of_block(dosages, 0, model, names, people, key0, source.rates, kin)


def _units(
    seen: Dosages,
    truth: Dosages,
    layers: npt.NDArray[np.uint8],
    marks: Dosages,
    names: npt.NDArray[np.uint64],
    people: npt.NDArray[np.uint64],
) -> tuple[Units, int, int]:
    """Units of a piece, and how many cells without a unit were read and were wrong: the noise beside the marks."""
    both = (seen >= 0) & (truth >= 0)
    beside = both & (layers == NO_UNIT)
    told = both & (layers != NO_UNIT) & ((seen == truth) | (seen == marks))
    v, s = np.nonzero(told)
    units = Units(
        names[v],
        people[s],
        layers[v, s].astype(np.int64),
        (seen[v, s] == marks[v, s]).astype(np.int64),
    )
    return units, int(beside.sum()), int((beside & (seen != truth)).sum())


def shared_variants(
    parts: Sequence[Genotypes], source: GenotypeSource
) -> tuple[npt.NDArray[np.int64], Dosages]:
    """Source indices of the found variants that the source has, in its order, and their calls in its coding.

    By position and alleles, on either strand, with alleles in any order; else by name (another build, no
    alleles), where the coding is settled by comparing with the source later.
    """
    by_place: dict[tuple[str, int], list[int]] = {}
    by_name: dict[str, int] = {}
    places = source.places()
    for i, (chromosome, position, name, _, _) in enumerate(places):
        by_place.setdefault((chromosome_word(chromosome), position), []).append(i)
        if name not in (".", ""):
            by_name[name] = i
    at: dict[int, npt.NDArray[np.int8]] = {}
    for part in parts:
        for v in range(len(part.names)):
            pair = (part.alleles_a[v].upper(), part.alleles_b[v].upper())
            index, swap = _which(part, v, pair, places, by_place, by_name)
            if index is None or index in at:
                continue
            row = part.dosages[v]
            at[index] = np.where(row >= 0, 2 - row, row) if swap else row
    order = sorted(at)
    if not order:
        return np.zeros(0, dtype=np.int64), np.zeros((0, 0), dtype=np.int8)
    return np.array(order, dtype=np.int64), np.stack([at[i] for i in order]).astype(np.int8)


def _which(
    part: Genotypes,
    v: int,
    pair: tuple[str, str],
    places: list[tuple[str, int, str, str, str]],
    by_place: dict[tuple[str, int], list[int]],
    by_name: dict[str, int],
) -> tuple[int | None, bool]:
    here = by_place.get((chromosome_word(part.chromosomes[v]), int(part.positions[v])), [])
    named = by_name.get(part.names[v])
    turned = (pair[0].translate(_OTHER_STRAND), pair[1].translate(_OTHER_STRAND))
    for i in [*here, *([] if named is None else [named])]:
        low, high = places[i][3], places[i][4]
        for one in (pair, turned):
            if one == (low, high):
                return i, False
            if one == (high, low):
                return i, True
        if "" in pair or named == i:
            return i, False
    return None, False


def informative(at: npt.NDArray[np.int64], calls: Dosages) -> npt.NDArray[np.int64]:
    """Some hundred variants to tell participants apart by: common ones, spread over all that were found."""
    if at.size <= SITES:
        return np.arange(at.size)
    present = calls >= 0
    frequency = np.where(present, calls, 0).sum(axis=1) / np.maximum(1, 2 * present.sum(axis=1))
    spread = frequency * (1 - frequency) * present.mean(axis=1)
    groups = np.array_split(np.arange(at.size), SITES)
    return np.array([group[int(np.argmax(spread[group]))] for group in groups], dtype=np.int64)


def _turned(calls: Dosages, rows: npt.NDArray[np.uint8], people: int) -> Dosages:
    """Calls with alleles turned where the other coding fits the source's frequencies clearly better."""
    if calls.shape[1] < 20:
        return calls
    seen = counts(rows, people)
    known = (seen[:, 1] + 2 * seen[:, 2]) / np.maximum(1, 2 * seen[:, :3].sum(axis=1))
    found = _frequency(calls)
    return _with_turned(calls, np.abs(found - known) > 0.15 + np.abs(1 - found - known))


def _oriented(calls: Dosages, truth: Dosages) -> Dosages:
    """Calls with alleles turned where the other coding fits the same people's in the source clearly better."""
    both = (calls >= 0) & (truth >= 0)
    straight = np.where(both, np.abs(calls - truth), 0).sum(axis=1)
    turned = np.where(both, np.abs(2 - calls - truth), 0).sum(axis=1)
    return _with_turned(calls, turned * 2 < straight)


def _with_turned(calls: Dosages, turn: npt.NDArray[np.bool_]) -> Dosages:
    out = calls.copy()
    part = out[turn]
    out[turn] = np.where(part >= 0, 2 - part, part)
    return out


def _frequency(calls: Dosages) -> npt.NDArray[np.float64]:
    present = calls >= 0
    return np.asarray(np.where(present, calls, 0).sum(axis=1) / np.maximum(1, 2 * present.sum(axis=1)))
