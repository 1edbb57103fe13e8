"""Reading canaries: e-values that rows, samples or ids of a found file are those of one release's canaries.

Null hypothesis: the release did not contribute, so the file knows nothing of the release's canary key. Then each
canary is one more draw of the generator that made it, and a likelihood ratio against the mean over that generator
has mean 1: for a sample the mean over all paths through the donors (forward algorithm), for a row over all offsets, for
ids over the space that they were drawn from. Over the rows of a file ratios are averaged, over canaries multiplied.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from matcher.contents import Genotypes
from matcher.watermarks.align import LEAST_SITES, NOBODY, match_rows, sorted_fields
from matcher.watermarks.canaries import SWITCHES, Donors, canary_calls, canary_key, read_donors
from matcher.watermarks.digits import MISSING_VALUE
from matcher.watermarks.found import Found, FoundTable
from matcher.watermarks.genotype_source import GenotypeSource
from matcher.watermarks.measures import in_the_sources_units
from matcher.watermarks.phenotypes import source_fields
from matcher.watermarks.pseudonyms import Design, space_of
from matcher.watermarks.read_digits import MOST_CANDIDATES, scaled_column, shared_columns
from matcher.watermarks.read_genotypes import aligned, shared_variants
from matcher.watermarks.roster import sealing_key, source_file
from matcher.watermarks.sealed import SealedReader
from matcher.watermarks.units import U64

Floats = npt.NDArray[np.float64]
SHARES = (0.02, 0.1, 0.5, 0.9)
"""How many of a release's canaries are in the file, under the alternative."""
ID_SHARES = tuple(10.0**-k for k in (0.05, 0.3, 1, 2, 3, 4, 5))
WRONG = 0.02
MOST_SAMPLES = 4_000
MOST_SITES = 20_000
LEAST_ALIKE = 0.8


def over_canaries(ratios: Floats) -> float:
    """log10 of the mean, over the share of canaries in the file, of the product over canaries (log10 ratios)."""
    if not ratios.size:
        return 0.0
    capped = np.clip(ratios, -300, 300)
    terms = np.array([np.log10(1 - share + share * 10.0**capped).sum() for share in SHARES])
    top = float(terms.max())
    return top + float(np.log10(np.mean(10.0 ** (terms - top))))


def ids_log10(found: Found, kept: Mapping[str, Any], design: Design) -> tuple[float, int]:
    """log10 e-value of the canaries' ids among those found, and how many there are."""
    ids = found.ids_of(design)
    canaries = [int(one) for one in kept["ids"]]
    space, each = space_of(design)
    lowest = int(kept["lowest"]) * each
    total, hits = 0.0, 0
    for some, low, high in ((canaries[:2], 0, lowest), (canaries[2:], lowest, space)):
        inside = sum(low <= one < high for one in ids)
        room = high - low - (int(kept["taken"]) if low else 0)
        here = sum(one in ids for one in some)
        if not some or room <= len(some) or not inside:
            continue
        chance = len(some) / room
        terms = np.array(
            [
                here * np.log10(share / chance) + (inside - here) * np.log10((1 - share) / (1 - chance))
                for share in ID_SHARES
                if share > chance
            ]
        )
        if terms.size:
            top = float(terms.max())
            total += top + float(np.log10(np.mean(10.0 ** (terms - top))))
        hits += here
    return total, hits


@dataclass(frozen=True, slots=True)
class StrangeRows:
    """Rows of a found table that are no participant's of one source, in units of its last places."""

    fields: tuple[str, ...]
    cells: npt.NDArray[np.int64]
    """Fields × rows."""
    loose: tuple[int, ...]
    """By field, how far digits that were rounded away may move a value."""


@dataclass(frozen=True, slots=True)
class StrangeSamples:
    """Samples of a found file that are no participant's of one source, at some of its variants."""

    at: npt.NDArray[np.int64]
    calls: npt.NDArray[np.int8]
    means: dict[tuple[str, int], float]
    """log10 chance of a sample under the generator, by donors and sample: the same for every release."""


class FoundStrangers:
    """What a find holds beside participants, by source: worked out once, whatever the number of releases."""

    def __init__(self, found: Found, folder: Path, master: bytes) -> None:
        self.found, self.folder, self.master = found, folder, master
        self._rows: dict[str, StrangeRows | None] = {}
        self._samples: dict[str, StrangeSamples | None] = {}

    def rows(self, digest: str) -> StrangeRows | None:
        """The largest found table that shares two fields with the source."""
        if digest not in self._rows:
            reader = SealedReader(source_file(self.folder, digest), sealing_key(self.master))
            tables = sorted(self.found.tables.values(), key=lambda one: -one.rows_count)
            self._rows[digest] = next(
                (one for one in (_strange_rows(table, reader) for table in tables) if one), None
            )
        return self._rows[digest]

    def samples(self, digest: str, source: GenotypeSource) -> StrangeSamples | None:
        if digest not in self._samples:
            parts = self.found.genotypes.values()
            self._samples[digest] = next(
                (one for one in (_strange_samples(some, source) for some in parts) if one), None
            )
        return self._samples[digest]


def _strange_rows(table: FoundTable, reader: SealedReader) -> StrangeRows | None:
    pairs = shared_columns(table, source_fields(reader))
    if len(pairs) < 2 or not table.rows_count:
        return None
    table = in_the_sources_units(table, pairs, reader)
    found = np.stack([scaled_column(table.numeric[at], field) for at, field in pairs])
    lost = [max(0, field.decimals - table.numeric[at].decimals) for at, field in pairs]
    values = np.stack([reader.array(f"values/{field.name}") for _, field in pairs])
    if values.shape[1]:  # participants' own rows are no canaries: told by the source alone
        order, anchors = sorted_fields(values)
        tolerances = np.array([12 + (10**one + 1) // 2 for one in lost], dtype=np.int64)
        found = found[:, match_rows(found, values, order, anchors, tolerances, MOST_CANDIDATES) == NOBODY]
    loose = tuple(0 if not one else (10**one + 1) // 2 for one in lost)
    return StrangeRows(tuple(field.name for _, field in pairs), found, loose)


def _strange_samples(parts: Sequence[Genotypes], source: GenotypeSource) -> StrangeSamples | None:
    at, calls = shared_variants(parts, source)
    if at.size < LEAST_SITES:
        return None
    strangers = np.flatnonzero(aligned(at, calls, source) == NOBODY)
    if strangers.size > MOST_SAMPLES:
        strangers = strangers[np.linspace(0, strangers.size - 1, MOST_SAMPLES).astype(np.int64)]
    if at.size > MOST_SITES:
        some = np.linspace(0, at.size - 1, MOST_SITES).astype(np.int64)
        at, calls = at[some], calls[some]
    return StrangeSamples(at, np.ascontiguousarray(calls[:, strangers]), {})


def rows_log10(rows: StrangeRows, record: Mapping[str, Sequence[Sequence[int]]]) -> Floats:
    """log10 ratios of every canary whose row may be among these."""
    at = [f for f, name in enumerate(rows.fields) if name in record]
    count = len(record[rows.fields[at[0]]]) if at else 0
    out = np.zeros(count)
    for k in range(count):
        ratios = np.ones(rows.cells.shape[1])
        near = np.ones(rows.cells.shape[1], dtype=bool)
        shared = np.zeros(rows.cells.shape[1], dtype=np.int64)
        for f in at:
            cell = record[rows.fields[f]][k]
            if not cell:
                continue
            value, base, reach = cell
            known = rows.cells[f] != MISSING_VALUE
            inside = known & (np.abs(rows.cells[f] - base) <= reach + rows.loose[f])
            hit = known & (np.abs(rows.cells[f] - value) <= rows.loose[f])
            near &= inside | ~known
            shared += known
            room = max(1.0, (2 * reach + 1) / (2 * rows.loose[f] + 1))
            ratios *= np.where(inside, 0.1 + 0.9 * room * hit, 1.0)
        # which rows come into question follows from the file and from what the offset was added to
        near &= shared >= 2
        if near.any():
            out[k] = float(np.log10(ratios[near].mean()))
    return out


def samples_log10(
    samples: StrangeSamples, source: GenotypeSource, donors: Donors, key: U64, count: int
) -> Floats:
    """log10 ratios of every canary against these samples."""
    rows = samples.calls
    if not rows.shape[1]:
        return np.zeros(count)
    places = source.places()
    canaries = canary_calls(key, count, source.units, places, donors)[samples.at]
    changes: Floats | None = None
    out = np.zeros(count)
    for k in range(count):
        likely = np.zeros(rows.shape[1])
        for s in np.flatnonzero(_alike(rows, canaries[:, k]) >= LEAST_ALIKE).tolist():
            if (donors.digest, s) not in samples.means:
                changes = _changes(places, samples.at) if changes is None else changes
                mean = _mean_over_paths(rows[:, s], donors.calls[samples.at], changes, WRONG)
                samples.means[donors.digest, s] = float(mean)
            ratio = float(_along(rows[:, s], canaries[:, k], WRONG)) - samples.means[donors.digest, s]
            likely[s] = 10.0 ** min(300.0, ratio)
        # a sample that was passed over counts less than its ratio, so the mean stays under 1
        out[k] = float(np.log10(max(1e-12, likely.mean())))
    return out


def _alike(rows: npt.NDArray[np.int8], canary: npt.NDArray[np.int8]) -> Floats:
    both = (rows >= 0) & (canary >= 0)[:, None]
    return np.asarray(((rows == canary[:, None]) & both).sum(axis=0) / np.maximum(1, both.sum(axis=0)))


def _changes(places: Sequence[tuple[str, int, str, str, str]], at: npt.NDArray[np.int64]) -> Floats:
    """The chance of a change of donor before each site: 1 where a chromosome begins."""
    out = np.ones(at.size)
    for i in range(1, at.size):
        here, before = places[int(at[i])], places[int(at[i - 1])]
        if here[0] == before[0]:
            out[i] = 1 - np.exp(-abs(here[1] - before[1]) * SWITCHES / 1e8)
    return out


@njit(cache=True)  # type: ignore[untyped-decorator, unused-ignore]
def _along(sample, canary, wrong):  # type: ignore[no-untyped-def]
    total = 0.0
    for v in range(sample.size):
        if sample[v] >= 0 and canary[v] >= 0:
            total += np.log10(1 - wrong) if sample[v] == canary[v] else np.log10(wrong / 2)
    return total


@njit(cache=True)  # type: ignore[untyped-decorator, unused-ignore]
def _mean_over_paths(sample, donors, changes, wrong):  # type: ignore[no-untyped-def]
    """log10 of the chance of a sample under the generator: the forward algorithm over donors."""
    count = donors.shape[1]
    state = np.full(count, 1.0 / count)
    total = 0.0
    for v in range(sample.size):
        mean = state.sum() / count
        scale = 0.0
        for d in range(count):
            x = (1 - changes[v]) * state[d] + changes[v] * mean
            if sample[v] >= 0 and donors[v, d] >= 0:
                x *= 1 - wrong if sample[v] == donors[v, d] else wrong / 2
            state[d] = x
            scale += x
        total += np.log10(scale)
        for d in range(count):
            state[d] /= scale
    return total


def release_canaries(
    strangers: FoundStrangers, name: str, kept: Mapping[str, Any]
) -> tuple[float, float, int]:
    """log10 e-values of one release's canaries: by calls and rows, by ids, and how many ids were seen."""
    record = kept.get("canaries")
    if not record or not record.get("ids"):
        return 0.0, 0.0, 0
    folder, master = strangers.folder, strangers.master
    key = canary_key(master, name, str(kept["recipient"]))
    total = 0.0
    # one source speaks for each kind: the first that can
    for digest, cells in sorted(record["tables"].items()):
        rows = strangers.rows(digest)
        if rows is not None:
            total += over_canaries(rows_log10(rows, cells))
            break
    for digest, donors in sorted(record["donors"].items()):
        source = GenotypeSource.open(source_file(folder, digest), sealing_key(master))
        samples = strangers.samples(digest, source)
        if samples is not None:
            given = read_donors(folder, donors, master)
            total += over_canaries(samples_log10(samples, source, given, key, len(record["ids"])))
            break
    ids, hits = ids_log10(strangers.found, record, kept["design"])
    return total, ids, hits
