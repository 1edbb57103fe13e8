"""Matcher `id-set`: ids of a cohort or of its releases among the numbers and words of a find.

Null: the find's numbers have nothing to do with the cohort, and each hits a set of ids by chance, as often as that set
is dense at that place (`id_space`). As a release's ids are drawn anew, the same null holds for the ids of any other
release. Where two sets share more ids than chance lets them (releases that keep the cohort's own ids), an id that lies
in both speaks for neither. Numbers that run on evenly (row numbers, a range) are left out. Each column, the running
text and the path are weighed alone; the best is corrected for how many there were.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from math import log10
from pathlib import Path
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from matcher.contents import Genotypes, Part, Table, Text
from matcher.prf import subkey
from matcher.sketches import EnrolledCohort, Evidence, MatchingKeys, ReleaseEvidence
from matcher.tables.distinct import shift_of
from matcher.tables.enrol import HASHES_FILE, IDS_FOLDER
from matcher.tables.id_space import IdSpace, read_space
from matcher.tables.odds import log10_e_value
from matcher.tables.tokens import Tokens, joined, tokens_of, tokens_of_cells

NAME = "id-set"
VERSION = "2"

MOST_TOKENS = 4_000_000
"""Candidates kept of one column; a longer list says no more."""
RUN = 4
"""So many numbers at the same distance are counted, not drawn."""
LONGEST_STEP = 10
NAMED_AS_CANDIDATE = 0.001
"""log10 odds that list a release without speaking for it."""


@dataclass(slots=True)
class IdSketch:
    """The possible ids of one file by where they stand."""

    key: bytes
    places: dict[tuple[str, str], list[Tokens]] = field(default_factory=dict)

    def add(self, part: Part) -> None:
        if isinstance(part, Table):
            self._keep(("header", part.name), tokens_of(self.key, "\n".join(_first_row(part))))
            for name, cells in zip(part.columns, part.cells, strict=True):
                self._keep((part.name, name), tokens_of_cells(self.key, cells))
        elif isinstance(part, Genotypes):
            self._keep(("samples", ""), tokens_of_cells(self.key, part.samples))
        elif isinstance(part, Text):
            place = ("path", "") if part.name == "path" else ("text", "")
            self._keep(place, tokens_of(self.key, part.text))

    def _keep(self, place: tuple[str, str], tokens: Tokens) -> None:
        if not tokens.count:
            return
        kept = self.places.setdefault(place, [])
        if sum(one.count for one in kept) < MOST_TOKENS:
            kept.append(tokens)


@dataclass(frozen=True, slots=True)
class IdSet:
    """One enrolled set of ids."""

    hashes: npt.NDArray[np.uint64]
    folder: str
    written: int

    @property
    def space(self) -> IdSpace:
        """Read when it is first asked for: a find has ids of few of thousands of sets."""
        return _space_once(self.folder, self.written)

    def holds(self, hashes: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
        """A few are searched for; for many a sieve is worth its making, which reads the whole set."""
        is_worth_it = hashes.size >= self.hashes.size // SIEVED_FROM
        sieve = _sieve_once(self.folder, self.written) if is_worth_it else _NO_SIEVE
        held: npt.NDArray[np.bool_] = _held(self.hashes, sieve, hashes)
        return held


@dataclass(frozen=True, slots=True)
class _Weighed:
    """One place of a find against one set."""

    log10_odds: float
    hits: int
    tried: int


SIEVED_FROM = 64
"""A set this many times as large as what is asked of it is searched without a sieve."""
_NO_SIEVE = np.zeros(0, dtype=np.uint64)
_HEAD = 10
"""Bytes of an .npy before its header: what it is, and the header's length."""
_READ_WHOLE = 1 << 16


def _first_row(part: Table) -> Sequence[str]:
    """Where ids stand if a table has its participants in columns; numbers are taken for a row, not for a header."""
    if part.has_header:
        return part.columns
    return [cells[0] for cells in part.cells] if part.rows_count else []


def sketch(keys: MatchingKeys) -> IdSketch:
    """An empty sketch of one file."""
    return IdSketch(subkey(keys.ids, "ids"))


def compare(sketch: IdSketch, cohort: EnrolledCohort, keys: MatchingKeys) -> list[Evidence]:  # noqa: ARG001
    """The odds for the cohort's own ids and for those of every release."""
    sets = id_sets(cohort) if sketch.places else {}
    if not sets:
        return []
    units = [_without_runs(joined(parts)) for parts in sketch.places.values()]
    every = np.concatenate([unit.hashes for unit in units])
    hit = {name: one for name, one in sets.items() if one.holds(every).any()}  # no odds without
    found = {name: [_weigh(unit, one) for unit in units] for name, one in hit.items()}
    strong = {name: rows for name, rows in found.items() if any(row.log10_odds > 0 for row in rows)}
    if not strong:
        return []
    evidence = {name: _best(rows) for name, rows in strong.items()}
    top = max(evidence.values(), key=lambda one: one.log10_odds)
    if top.log10_odds <= 0:
        return []
    releases = _releases(sets, {name for name in strong if evidence[name].log10_odds > 0}, units)
    why = (
        f"{top.hits:,} of {top.tried:,} id-like numbers or words are ids of the cohort or of a release of it"
    )
    odds = top.log10_odds - log10(len(sets))  # the best of so many sets
    return [
        Evidence(
            matcher=NAME,
            rests_on="ids",
            log10_odds=odds,
            why=why,
            participants_matched=top.hits,
            participants_examined=top.tried,
            releases=releases,
        )
    ]


def id_sets(cohort: EnrolledCohort) -> dict[str, IdSet]:
    """Every set of ids by release, the cohort's own under ""."""
    folders = {"": cohort.folder} | {one.name: one.folder for one in cohort.releases}
    sets = {name: _read(folder / IDS_FOLDER) for name, folder in folders.items()}
    return {name: one for name, one in sets.items() if one is not None}


def _read(folder: Path) -> IdSet | None:
    try:
        written = (folder / HASHES_FILE).stat().st_mtime_ns
    except FileNotFoundError:
        return None
    return _read_once(str(folder), written)


@lru_cache(maxsize=512)
def _read_once(folder: str, written: int) -> IdSet:
    return IdSet(_mapped(Path(folder, HASHES_FILE)), folder, written)


def _mapped(path: Path) -> npt.NDArray[np.uint64]:
    """The hashes that `enrol_ids` wrote; `np.load` takes longer to read a header than a small set takes to search."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
        start = _HEAD + int.from_bytes(head[8:_HEAD], "little")
        if os.fstat(file.fileno()).st_size <= _READ_WHOLE:
            return np.frombuffer(file.read()[start - _HEAD :], dtype="<u8")
    return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))


@lru_cache(maxsize=512)
def _space_once(folder: str, _written: int) -> IdSpace:
    return read_space(Path(folder))


@lru_cache(maxsize=512)
def _sieve_once(folder: str, written: int) -> npt.NDArray[np.uint64]:
    sieve: npt.NDArray[np.uint64] = _sieve(_read_once(folder, written).hashes)
    return sieve


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _sieve(known: Any) -> Any:
    """A bit for every stretch of hashes, 16 to 32 times as many as there are of them: set where one lies in it."""
    size = 64
    while size < 16 * known.shape[0]:
        size *= 2
    shift = shift_of(size)
    sieve = np.zeros(size // 64, np.uint64)
    for one in known:
        where = one >> shift
        sieve[where >> np.uint64(6)] |= np.uint64(1) << (where & np.uint64(63))
    return sieve


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _held(known: Any, sieve: Any, hashes: Any) -> Any:
    """Which hashes are among the known ones, which are in order; without a sieve all are searched for."""
    held = np.zeros(hashes.shape[0], np.bool_)
    shift = shift_of(max(1, 64 * sieve.shape[0]))
    for i in range(hashes.shape[0]):
        if sieve.shape[0]:
            where = hashes[i] >> shift
            if not (sieve[where >> np.uint64(6)] >> (where & np.uint64(63))) & np.uint64(1):
                continue
        at = np.searchsorted(known, hashes[i])
        held[i] = at < known.shape[0] and known[at] == hashes[i]
    return held


def _without_runs(tokens: Tokens) -> Tokens:
    """Leaves out numbers that stand in even rows of at least RUN, steps of up to LONGEST_STEP."""
    runs = _runs(np.sort(tokens.values))
    if not runs.size:
        return tokens
    return tokens.take(np.flatnonzero(_outside(tokens.values, runs)))


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _runs(values: Any) -> Any:
    """The first and the last number of every even row among distinct values in order; -1 stands for words."""
    runs = np.empty((values.shape[0] // (RUN - 1) + 1, 2), np.int64)
    count = 0
    start = np.searchsorted(values, 0)
    while start + RUN <= values.shape[0]:
        step = values[start + 1] - values[start]
        end = start + 1
        while end + 1 < values.shape[0] and values[end + 1] - values[end] == step:
            end += 1
        if step <= LONGEST_STEP and end - start + 1 >= RUN:
            runs[count, 0], runs[count, 1] = values[start], values[end]
            count += 1
        start = end
    return runs[:count]


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _outside(values: Any, runs: Any) -> Any:
    """Which values lie in none of the runs, which are in order; two may share an end."""
    outside = np.ones(values.shape[0], np.bool_)
    for i in range(values.shape[0]):
        low, high = 0, runs.shape[0]
        while low < high:
            middle = (low + high) // 2
            if runs[middle, 1] < values[i]:
                low = middle + 1
            else:
                high = middle
        outside[i] = low == runs.shape[0] or values[i] < runs[low, 0]
    return outside


def _weigh(
    unit: Tokens,
    ids: IdSet,
    shared: npt.NDArray[np.bool_] | None = None,
) -> _Weighed:
    """One place of the find against one set; `shared` marks tokens that say nothing, as another set explains them."""
    chances = ids.space.chances(unit)
    looks = chances > 0
    if not looks.any():
        return _Weighed(0.0, 0, 0)
    hits = ids.holds(unit.hashes) & looks
    counted = looks if shared is None else looks & ~shared
    odds = log10_e_value(chances[hits & counted], int((counted & ~hits).sum())) if counted.any() else 0.0
    return _Weighed(odds, int(hits.sum()), int(looks.sum()))


def _best(rows: Sequence[_Weighed]) -> _Weighed:
    """The best place, corrected for how many places had anything that looks like an id."""
    tried = max(1, sum(row.tried > 0 for row in rows))
    top = max(rows, key=lambda row: row.log10_odds)
    return _Weighed(top.log10_odds - log10(tried), top.hits, top.tried)


def _releases(
    sets: dict[str, IdSet], strong: set[str], units: Sequence[Tokens]
) -> tuple[ReleaseEvidence, ...]:
    """What the ids say of each release, beyond what any set that shares its ids explains as well."""
    related = {name: [o for o in strong if o != name and _share(sets[name], sets[o])] for name in strong}
    evidence = []
    for name in sorted(strong - {""}):
        rows = []
        for unit in units:
            shared: npt.NDArray[Any] = np.zeros(unit.count, dtype=bool)
            for other in related[name]:
                shared |= sets[other].holds(unit.hashes)
            rows.append(_weigh(unit, sets[name], shared))
        best = _best(rows)
        odds = best.log10_odds if best.log10_odds > 0 else NAMED_AS_CANDIDATE
        evidence.append(
            ReleaseEvidence(
                release=name,
                log10_odds=odds,
                beyond_ids=False,
                why=f"{best.hits:,} of {best.tried:,} candidates are ids of this release",
            )
        )
    return tuple(evidence)


def _share(one: IdSet, other: IdSet) -> bool:
    """Whether two sets of ids have more in common than chance: drawn from each other, not anew."""
    small, large = sorted((one, other), key=lambda ids: ids.hashes.size)
    both = int(large.holds(np.asarray(small.hashes)).sum())
    return both > 3 + 2 * small.hashes.size * _density(large)


def _density(ids: IdSet) -> float:
    """The chance of one of its own kind of ids to be in the set, over all of its space."""
    space = ids.space
    if not space.stretches.size:
        return float(space.shape_chances.max(initial=0.0))
    return float(space.stretches.mean() * space.endings.max())
