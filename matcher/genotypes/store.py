"""The cohort's genotypes variant by variant, two bits a call: a few hundred variants are read cheaply.

`variants.npz` holds places, names, alleles and frequencies, `samples.npy` keyed hashes of sample ids; no id is kept.
Calls are either a copy, encrypted (`encrypted_rows`; its keys are fresh for each store and wrapped by the
workspace's), or stay in the cohort's own .bed and .pgen (`rows_in_place`). Next door: `building` (writes a store),
`sites` (which variants two files share).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from matcher.contents import Genotypes
from matcher.genotypes.building import (
    FOLDER,
    KEY_FILE,
    SAMPLES_FILE,
    VARIANTS_FILE,
    Building,
    hashes_of,
    opened_secrets,
)
from matcher.genotypes.encrypted_rows import LINKAGE_SAMPLES, EncryptedRows
from matcher.genotypes.holdings import HELD_FILE, withdraw_from_holding
from matcher.genotypes.planes import unpacked
from matcher.genotypes.rows_in_place import SOURCES_FILE, RowsInPlace, read_sources

BUILDS = "builds"
"""The folder inside it with one file for every other build (see `builds`)."""

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Build:
    """Where the store's variants lie in another build of the genome; 0 where that is not known."""

    name: str
    chromosomes: npt.NDArray[np.uint8]
    positions: Numbers


@dataclass(frozen=True, slots=True)
class Store:
    """An opened store; arrays have one entry a variant, in the order in which they were enrolled."""

    calls: EncryptedRows | RowsInPlace
    samples_count: int
    chromosomes: npt.NDArray[np.uint8]
    positions: Numbers
    names: Numbers
    """`name_number` of the variant's name; 0 where it has none."""
    alleles_a: npt.NDArray[np.uint8]
    alleles_b: npt.NDArray[np.uint8]
    """`allele_code`s; calls count allele b."""
    frequencies: npt.NDArray[np.float64]
    """Frequency of allele b among called genotypes."""
    withdrawn: npt.NDArray[np.bool_]
    """Participants who have withdrawn: they are looked for no more."""
    other_builds: tuple[Build, ...] = ()

    def packed_rows(self, numbers: Numbers, people: range | None = None) -> npt.NDArray[np.uint8]:
        """The rows of these variants, two bits a call: variants × ceil(samples / 4).

        With `people` only of those; the first of them is a multiple of 64.
        """
        people = range(self.samples_count) if people is None else people
        return self.calls.packed(numbers, people.start, people.stop)

    def rows(self, numbers: Numbers) -> npt.NDArray[np.int8]:
        """Calls (variants × samples, -1 missing) of the variants with these numbers."""
        return unpacked(self.packed_rows(numbers), self.samples_count)

    def linkage_rows(self, numbers: Numbers) -> npt.NDArray[np.int8]:
        """Calls of the participants from whom linkage is told (variants × up to LINKAGE_SAMPLES)."""
        return unpacked(self.calls.linkage(numbers), min(LINKAGE_SAMPLES, self.samples_count))


def write_store(folder: Path, parts: Iterable[Genotypes], key: bytes) -> tuple[tuple[str, ...], int]:
    """Writes a store from one stream of calls; gives the samples' ids and the number of variants kept.

    Raises:
        ValueError: a part holds other samples than the first.
    """
    building = Building(folder / FOLDER, key)
    building.go_on(())
    building.add_file(parts, {})
    return building.samples, building.finish()


def withdraw(folder: Path, samples: Iterable[str], key: bytes) -> int:
    """Participants who are to be looked for no more; gives how many of these the store, or the holding, has.

    Raises:
        FileNotFoundError: there is neither in the folder.
    """
    place = folder / FOLDER
    if (place / HELD_FILE).exists():
        return withdraw_from_holding(folder, hashes_of(samples, key))
    known = np.load(place / SAMPLES_FILE, allow_pickle=False)
    gone = np.isin(known, hashes_of(samples, key))
    before = _withdrawn(place, len(known))
    unfinished = place / ".withdrawn.npy"
    np.save(unfinished, before | gone)
    unfinished.replace(place / "withdrawn.npy")
    return int(gone.sum())


def has_genotypes(folder: Path) -> bool:
    """Whether a cohort's or release's folder has a store, or a holding, from which people can be withdrawn."""
    return any((folder / FOLDER / name).exists() for name in (VARIANTS_FILE, HELD_FILE))


def open_store(folder: Path, key: bytes) -> Store | None:
    """The store in a cohort's or release's folder, or None; one that was opened and has not changed is kept."""
    place = folder / FOLDER
    try:
        changed = (place / KEY_FILE).stat().st_mtime_ns
    except FileNotFoundError:
        return None
    if not (place / VARIANTS_FILE).exists():
        return None
    beside = (place / "withdrawn.npy", place / BUILDS)
    return _open(place, key, (changed, *(one.stat().st_mtime_ns if one.exists() else 0 for one in beside)))


@lru_cache(maxsize=8)
def _open(place: Path, key: bytes, _changed: tuple[int, ...]) -> Store:
    secrets = opened_secrets(place, key)
    samples_count = len(np.load(place / SAMPLES_FILE, allow_pickle=False))
    with np.load(place / VARIANTS_FILE, allow_pickle=False) as columns:
        calls: EncryptedRows | RowsInPlace
        # Stores of before had one key and no column that says so.
        files = columns.get("files", np.zeros(len(columns["positions"]), np.uint16))
        if (place / SOURCES_FILE).exists():
            calls = RowsInPlace(place, read_sources(place), files, columns["file_rows"], samples_count)
        else:
            calls = EncryptedRows(place, secrets, files, samples_count)
        return Store(
            calls=calls,
            samples_count=samples_count,
            chromosomes=columns["chromosomes"],
            positions=columns["positions"],
            names=columns["names"],
            alleles_a=columns["alleles_a"],
            alleles_b=columns["alleles_b"],
            frequencies=columns["frequencies"],
            withdrawn=_withdrawn(place, samples_count),
            other_builds=tuple(_build(path) for path in sorted((place / BUILDS).glob("*.npz"))),
        )


def _build(path: Path) -> Build:
    with np.load(path, allow_pickle=False) as columns:
        return Build(path.stem, columns["chromosomes"], columns["positions"])


def _withdrawn(place: Path, samples_count: int) -> npt.NDArray[np.bool_]:
    marks = place / "withdrawn.npy"
    if not marks.exists():
        return np.zeros(samples_count, dtype=bool)
    loaded: npt.NDArray[np.bool_] = np.load(marks, allow_pickle=False)
    return loaded
