"""What is kept of a find's genotypes while it goes by: autosomal SNPs, two bits a call, thinned evenly when many.

A file of any size is held to a fixed number of calls. Variants are dropped by a hash of their place, the same in every
file, so that what is left is spread over the whole genome and two finds keep the same variants.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from matcher.contents import Genotypes, Part
from matcher.genotypes.planes import packed, unpacked
from matcher.genotypes.sites import FoundVariants
from matcher.genotypes.variants import UNSTATED, allele_code, chromosome_code, name_number

MOST_VARIANTS = 200_000
MOST_BYTES = 128 << 20
_EVERYTHING = 1 << 32
_COLUMNS = ("chromosomes", "positions", "names", "alleles_a", "alleles_b", "coding_known", "order", "rows")

Column = npt.NDArray[Any]


@dataclass(slots=True)
class FoundGenotypes:
    """The samples and SNPs of one find; parts with other samples than the first are counted and left out."""

    samples_count: int = 0
    variants_seen: int = 0
    parts_left_out: int = 0
    _kept: dict[str, list[Column]] = field(default_factory=lambda: {name: [] for name in _COLUMNS})
    _count: int = 0
    _below: int = _EVERYTHING

    def add(self, part: Part) -> None:
        if not isinstance(part, Genotypes) or not part.samples:
            return
        self.samples_count = self.samples_count or len(part.samples)
        if len(part.samples) != self.samples_count:
            self.parts_left_out += 1
            return
        self.variants_seen += len(part.positions)
        columns = columns_of(part)
        wanted = _usable(columns) & (columns["order"] < self._below)
        if not wanted.any():
            return
        for name, column in columns.items():
            self._kept[name].append(column[wanted])
        self._kept["rows"].append(packed(part.dosages[wanted]))
        self._count += int(wanted.sum())
        while self._count > 1 and (
            self._count > MOST_VARIANTS or self._count * self.samples_count > 4 * MOST_BYTES
        ):
            self._thin()

    def variants(self) -> FoundVariants:
        one = {name: self._joined(name) for name in _COLUMNS if name not in ("rows", "order")}
        return FoundVariants(**one)

    def calls(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int8]:
        """Calls (variants × samples, -1 missing) of these variants, as the find counts them."""
        whole: npt.NDArray[np.uint8] = self._joined("rows")
        return unpacked(whole[rows], self.samples_count)

    def __len__(self) -> int:
        return self._count

    def _joined(self, name: str) -> Column:
        pieces = self._kept[name]
        if len(pieces) > 1:
            pieces[:] = [np.concatenate(pieces)]
        return pieces[0]

    def _thin(self) -> None:
        """Drops half of the variants, by their hash."""
        self._below //= 2
        order: npt.NDArray[np.int64] = self._joined("order")
        wanted = order < self._below
        for name in _COLUMNS:
            self._kept[name][:] = [self._joined(name)[wanted]]
        self._count = int(wanted.sum())


def columns_of(part: Genotypes) -> dict[str, Column]:
    """The variants of a part as `FoundVariants` has them, and the order in which they are thinned."""
    count = len(part.positions)
    chromosomes = np.array([chromosome_code(one) for one in part.chromosomes], dtype=np.uint8)
    names = np.array([name_number(one) for one in part.names], dtype=np.int64)
    return {
        "chromosomes": chromosomes,
        "positions": part.positions.astype(np.int64),
        "names": names,
        "alleles_a": np.array([allele_code(one) for one in part.alleles_a], dtype=np.uint8),
        "alleles_b": np.array([allele_code(one) for one in part.alleles_b], dtype=np.uint8),
        "coding_known": np.full(count, part.coding_known),
        "order": _order(chromosomes.astype(np.int64), part.positions.astype(np.int64), names),
    }


def _usable(columns: dict[str, Column]) -> npt.NDArray[np.bool_]:
    """Autosomal SNPs with a place or a name (a name, where no chromosome is stated); an allele may be unstated."""
    chromosomes, names = columns["chromosomes"], columns["names"]
    a, b = columns["alleles_a"], columns["alleles_b"]
    known = (chromosomes <= 22) & ((names != 0) | ((chromosomes >= 1) & (columns["positions"] > 0)))
    usable: npt.NDArray[np.bool_] = known & (
        (a != b) | ((a == UNSTATED) & (b == UNSTATED) & ~columns["coding_known"])
    )
    return usable


def _order(
    chromosomes: npt.NDArray[np.int64], positions: npt.NDArray[np.int64], names: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """A hash of each variant's place (of its name where it has none), 0 … 2**32 - 1, even over the genome."""
    seed = np.where(positions > 0, (chromosomes << 40) | positions, names).astype(np.uint64)
    with np.errstate(over="ignore"):
        mixed = (seed ^ (seed >> np.uint64(31))) * np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
    return (mixed >> np.uint64(32)).astype(np.int64)
