"""Genotype files as marking meets them: blocks of variants read, the same blocks written with other calls.

A `GenotypeFile` names samples and kin, streams `Block`s, and opens a writer in its own format.
Formats: `vcf_files` (VCF, BCF), `plink_files` (PLINK 1 and 2), `bgen_files`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from numba import njit, prange

from matcher.errors import BadSourceFile
from matcher.watermarks.units import chromosome_word, variant_unit

BLOCK_CELLS = 24_000_000
AUTOSOMES = frozenset(str(one) for one in range(1, 23))


@dataclass(slots=True)
class Variant:
    """One variant; `dosages` of its block count allele b."""

    chromosome: str
    position: int
    name: str
    a: str
    b: str

    @property
    def unit(self) -> int:
        return variant_unit(self.chromosome, self.position, self.a, self.b, self.name)

    @property
    def counts_larger(self) -> bool:
        """True where the counted allele is the later one in order, which is how dosages are kept."""
        return self.b.upper() > self.a.upper()

    @property
    def autosomal(self) -> bool:
        return chromosome_word(self.chromosome) in AUTOSOMES


@dataclass(slots=True)
class Block:
    """Some consecutive variants: calls (variants × samples, -1 missing) and what the writer needs beside them."""

    variants: list[Variant]
    dosages: npt.NDArray[np.int8]
    payload: Any = None
    seconds: npt.NDArray[np.int8] | None = None
    """For imputed data: the second call, one allele step away, where it is nearly as probable; else -1."""


class BlockWriter(Protocol):
    def write(self, block: Block, marked: npt.NDArray[np.int8]) -> None: ...


class GenotypeFile(Protocol):
    path: Path
    samples: Sequence[str]
    kin: npt.NDArray[np.bool_]
    """Samples with a parent or child in the file: left alone, so that no family becomes impossible."""

    def blocks(self, variants_per_block: int) -> Iterator[Block]: ...

    def writer(self, out: Path, ids: Sequence[str]) -> AbstractContextManager[BlockWriter]: ...

    def parts(self) -> list[Path]:
        """Every file that makes up the set."""
        ...


def variants_per_block(samples_count: int) -> int:
    return max(40, min(1_024, BLOCK_CELLS // max(1, samples_count)))


def open_genotypes(path: Path) -> GenotypeFile:
    """The file in its format, told by its name.

    Raises:
        BadSourceFile: no known format.
    """
    name = path.name.lower()
    if name.endswith((".vcf", ".vcf.gz", ".vcf.bgz", ".bcf")):
        from matcher.watermarks.vcf_files import VcfFile

        return VcfFile(path)
    if name.endswith((".bed", ".bim", ".fam")):
        from matcher.watermarks.plink_files import Plink1File

        return Plink1File(path)
    if name.endswith((".pgen", ".pvar", ".psam", ".pvar.zst")):
        from matcher.watermarks.plink_files import Plink2File

        return Plink2File(path)
    if name.endswith(".bgen"):
        from matcher.watermarks.bgen_files import BgenFile

        return BgenFile(path)
    raise BadSourceFile(
        f"{path.name} is in no format that can be marked; give VCF, BCF, PLINK 1 or 2, or BGEN"
    )


def turned(dosages: npt.NDArray[np.int8], variants: Sequence[Variant]) -> npt.NDArray[np.int8]:
    """Dosages counting the later allele in order, or back: the same turn both ways."""
    turn = np.array([not one.counts_larger for one in variants], dtype=bool)
    return np.asarray(_turned(dosages, turn)) if turn.any() else dosages


@njit(cache=True, parallel=True, nogil=True)  # type: ignore[untyped-decorator, unused-ignore]
def _turned(dosages, turn):  # type: ignore[no-untyped-def]
    out = np.empty_like(dosages)
    for v in prange(dosages.shape[0]):
        for s in range(dosages.shape[1]):
            g = dosages[v, s]
            out[v, s] = 2 - g if turn[v] and g >= 0 else g
    return out
