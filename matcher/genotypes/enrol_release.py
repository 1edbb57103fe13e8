"""Enrols the genotypes of a release: which of its cohort's people and variants it held, and no calls, where that tells.

Provenance asks of a release only whom it held and at which sites. Where its people are told by their calls to be the
cohort's (`same_people`), or it was made here from a file whose people are, that is kept (`holdings`); of a
release of others, or at sites that the cohort lacks, the calls are kept as a cohort's are.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from matcher.contents import Genotypes
from matcher.genotypes.building import FOLDER, PROGRESS_FILE, file_mark
from matcher.genotypes.enrol import GenotypesEnrolled, enrol, parts_of, samples_of
from matcher.genotypes.found import FoundGenotypes, columns_of
from matcher.genotypes.holdings import Holding, write_holding
from matcher.genotypes.rows_in_place import RowsInPlace
from matcher.genotypes.same_people import ALIKE, same_people
from matcher.genotypes.sites import LEAST_FREQUENCY, FoundVariants, shared_sites
from matcher.genotypes.store import Store, open_store
from matcher.genotypes.variants import place_number
from matcher.sketches import MatchingKeys

SOURCES_FOLDER = "held"
"""The folder in the cohort's with what files that copies were made from held: one is read for the first copy only."""
_LOOKED_AT = 1 << 16
"""Common variants of the cohort at which a release's people are looked for."""
_COLUMNS = ("chromosomes", "positions", "names", "alleles_a", "alleles_b", "coding_known")

Numbers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Copied:
    """What a release's files were made from: the same variants, and of the same people nearly the same calls."""

    sources: tuple[Path, ...]
    """By file."""
    places: Numbers
    """Which sample of the sources each sample of the files is; -1 where it is none of theirs."""


@dataclass(frozen=True, slots=True)
class _Held:
    people: Numbers
    """Samples × ALIKE: who of the cohort each is."""
    sites: Flags

    def holding(self, store: Store) -> Holding:
        people = np.zeros(store.samples_count, np.bool_)
        people[self.people[self.people >= 0]] = True
        return Holding(people, self.sites)


def enrol_release(
    folder: Path, files: Sequence[Path], keys: MatchingKeys, cohort: Path, copied: Copied | None = None
) -> GenotypesEnrolled:
    """Writes under `folder` what a release of the cohort in the folder `cohort` held.

    Raises:
        BadSourceFile: a file cannot be read, holds no genotypes, or other samples than the one before.
    """
    # A killed run that had begun to copy is gone on with.
    store = None if (folder / FOLDER / PROGRESS_FILE).exists() else open_store(cohort, keys.genotypes)
    if store is not None:
        try:
            samples = samples_of(files[0])
            held = (
                _held(files, store) if copied is None else _held_by_copy(len(samples), copied, store, cohort)
            )
        except ValueError:
            held = None  # `enrol` meets it too, and says what is wrong
        if held is not None:
            write_holding(folder, samples, held.people, held.holding(store), keys.genotypes)
            return GenotypesEnrolled(samples, int(held.sites.sum()))
    return enrol(folder, files, keys)


def _held(files: Sequence[Path], store: Store) -> _Held | None:
    """What these files held, told by their calls; None where that cannot be told.

    Raises:
        ValueError: they hold other samples each.
    """
    looking = _Looking.at(store)
    for path in files:
        for part in parts_of(path):
            looking.add(part)
    people = same_people(looking.found, store)
    if people is None:
        return None
    sites = np.zeros(len(store.positions), np.bool_)
    sites[shared_sites(looking.variants(), store).known] = True
    return _Held(people, sites)


def _held_by_copy(samples_count: int, copied: Copied, store: Store, cohort: Path) -> _Held | None:
    sources = [_held_by_source(path, store, cohort) for path in copied.sources]
    known = [one for one in sources if one is not None]
    if len(known) < len(sources) or samples_count != len(copied.places):
        return None
    if any(not np.array_equal(one.people, known[0].people) for one in known[1:]):
        return None
    people = known[0].people[copied.places]
    people[copied.places < 0] = -1
    return _Held(people, np.logical_or.reduce([one.sites for one in known]))


def _held_by_source(path: Path, store: Store, cohort: Path) -> _Held | None:
    mark = file_mark(path)
    if isinstance(store.calls, RowsInPlace):
        listed = [(one.path, one.bytes, one.changed) for one in store.calls.sources]
        this = (mark["path"], mark["bytes"], mark["changed"])
        if this in listed:
            everybody = np.full((store.samples_count, ALIKE), -1, np.int64)
            everybody[:, 0] = np.arange(store.samples_count)
            return _Held(everybody, store.calls.files == listed.index(this))
    place = cohort / SOURCES_FOLDER / f"{hashlib.sha256(json.dumps(mark).encode()).hexdigest()}.npz"
    if place.exists():
        with np.load(place, allow_pickle=False) as columns:
            return _Held(columns["people"].astype(np.int64), columns["sites"])
    held = _held([path], store)
    if held is not None:
        place.parent.mkdir(exist_ok=True, mode=0o700)
        unfinished = place.with_name(f".{place.name}")
        np.savez_compressed(unfinished, people=held.people.astype(np.int32), sites=held.sites)
        unfinished.replace(place)
    return held


@dataclass(slots=True)
class _Looking:
    """What is kept of a release while it goes by: its variants, and calls at some that are common in the cohort."""

    places: Numbers
    names: Numbers
    found: FoundGenotypes = field(default_factory=FoundGenotypes)
    samples: tuple[str, ...] = ()
    columns: dict[str, list[npt.NDArray[Any]]] = field(default_factory=dict)

    @classmethod
    def at(cls, store: Store) -> _Looking:
        common = np.flatnonzero(np.minimum(store.frequencies, 1 - store.frequencies) >= LEAST_FREQUENCY)
        some = common[:: max(1, len(common) // _LOOKED_AT)]
        places = place_number(store.chromosomes[some], store.positions[some])
        return cls(places[places != 0], store.names[some][store.names[some] != 0])

    def add(self, part: Genotypes) -> None:
        self.samples = self.samples or part.samples
        if part.samples != self.samples:
            raise ValueError("all genotype files of a release must hold the same samples in the same order")
        columns = columns_of(part)
        for name in _COLUMNS:
            self.columns.setdefault(name, []).append(columns[name])
        wanted = np.isin(place_number(columns["chromosomes"], columns["positions"]), self.places)
        at = np.flatnonzero(wanted | np.isin(columns["names"], self.names))
        if len(at):
            self.found.add(_rows(part, at))

    def variants(self) -> FoundVariants:
        whole: dict[str, Any] = {name: np.concatenate(pieces) for name, pieces in self.columns.items()}
        return FoundVariants(**whole)


def _rows(part: Genotypes, rows: Numbers) -> Genotypes:
    """Some variants of a part."""

    def some(values: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(values[row] for row in rows.tolist())

    return replace(
        part,
        chromosomes=some(part.chromosomes),
        positions=part.positions[rows],
        names=some(part.names),
        alleles_a=some(part.alleles_a),
        alleles_b=some(part.alleles_b),
        dosages=part.dosages[rows],
    )
