"""PLINK 1 (.bed, .bim, .fam) and PLINK 2 (.pgen, .pvar, .psam) for marking."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from matcher.errors import BadSourceFile
from matcher.genotypes import planes
from matcher.watermarks.genotype_files import Block, Variant

_BED_MAGIC = b"\x6c\x1b\x01"
# .bed codes 0..3: homozygous for the first allele, missing, het, homozygous for the second; counted is the first.
# `planes` packs the count itself, and 3 where it is missing: a byte of one is a byte of the other.
_SHIFTS = np.array([0, 2, 4, 6], dtype=np.uint8)
_OF_BED = (
    (np.array([2, 3, 1, 0], np.uint8)[(np.arange(256)[:, None] >> _SHIFTS) & 3] << _SHIFTS)
    .sum(1)
    .astype(np.uint8)
)
_TO_BED = (
    (np.array([3, 2, 0, 1], np.uint8)[(np.arange(256)[:, None] >> _SHIFTS) & 3] << _SHIFTS)
    .sum(1)
    .astype(np.uint8)
)


class Plink1File:
    """A .bed set; the allele that it counts is the .bim's first."""

    def __init__(self, path: Path) -> None:
        self.path = path.with_suffix(".bed")
        self.people = _fam(_beside(path, ".fam"))
        self.samples: Sequence[str] = [one[1] for one in self.people]
        self.kin = _kin([(one[0], one[1], one[2], one[3]) for one in self.people])
        self.bim = [line.split() for line in _beside(path, ".bim").read_text().splitlines() if line.strip()]
        if any(len(line) < 6 for line in self.bim):
            raise BadSourceFile(
                f"{path.with_suffix('.bim').name} has lines without six columns; mend the file"
            )
        self.width = (len(self.samples) + 3) // 4
        with self.path.open("rb") as file:
            if file.read(3) != _BED_MAGIC:
                raise BadSourceFile(
                    f"{self.path.name} is no variant-major .bed; write it anew with plink2 --make-bed"
                )
        if self.path.stat().st_size != 3 + self.width * len(self.bim):
            raise BadSourceFile(f"{self.path.name} does not fit its .bim and .fam; give the three of one set")

    def parts(self) -> list[Path]:
        return [self.path, self.path.with_suffix(".bim"), self.path.with_suffix(".fam")]

    def blocks(self, variants_per_block: int) -> Iterator[Block]:
        with self.path.open("rb") as file:
            file.seek(3)
            for start in range(0, len(self.bim), variants_per_block):
                lines = self.bim[start : start + variants_per_block]
                raw = np.frombuffer(file.read(self.width * len(lines)), dtype=np.uint8)
                dosages = planes.unpacked(_OF_BED[raw].reshape(len(lines), -1), len(self.samples))
                variants = [Variant(one[0], int(one[3]), one[1], one[5], one[4]) for one in lines]
                yield Block(variants, dosages)

    @contextmanager
    def writer(self, out: Path, ids: Sequence[str]) -> Iterator[Plink1Writer]:
        shutil.copyfile(self.path.with_suffix(".bim"), out.with_suffix(".bim"))
        new = dict(zip(self.samples, ids, strict=True))
        with out.with_suffix(".fam").open("w", encoding="utf-8") as file:
            for one, code in zip(self.people, ids, strict=True):
                family = code if one[0] in (one[1], "0") else new.get(one[0], "0")
                parents = [new.get(parent, "0") for parent in one[2:4]]
                file.write("\t".join([family, code, *parents, *one[4:]]) + "\n")
        with out.with_suffix(".bed").open("wb") as bed:
            bed.write(_BED_MAGIC)
            yield Plink1Writer(bed)


class Plink1Writer:
    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, block: Block, marked: npt.NDArray[np.int8]) -> None:  # noqa: ARG002
        rows = _TO_BED[planes.packed(marked)]
        if marked.shape[1] % 4:  # what is beyond the last person is 0
            rows[:, -1] &= np.uint8((1 << (2 * (marked.shape[1] % 4))) - 1)
        self._file.write(rows.tobytes())


class Plink2File:
    """A .pgen set of hard calls; the allele that it counts is the alternative. Phase and dosages are kept."""

    def __init__(self, path: Path) -> None:
        stem = path.with_suffix("")
        self.path = stem.with_suffix(".pgen") if path.suffix != ".pgen" else path
        psam = _beside(self.path, ".psam").read_text().splitlines()
        header = next((line.lstrip("#").split() for line in psam if line.startswith(("#IID", "#FID"))), None)
        if header is None:
            raise BadSourceFile(f"{self.path.with_suffix('.psam').name} has no header; write it with plink2")
        self.psam_columns = header
        self.people = [line.split() for line in psam if line.strip() and not line.startswith("#")]
        at = header.index("IID")
        self.samples: Sequence[str] = [one[at] for one in self.people]
        self.kin = _kin([self._parents(one) for one in self.people])
        self.pvar = self.path.with_suffix(".pvar")
        if not self.pvar.is_file():
            raise BadSourceFile(
                f"{self.pvar.name} is missing beside {self.path.name} (a .pvar.zst: unpack it first)"
            )

    def _parents(self, row: Sequence[str]) -> tuple[str, str, str, str]:
        def cell(name: str) -> str:
            return row[self.psam_columns.index(name)] if name in self.psam_columns else "0"

        return cell("FID"), cell("IID"), cell("PAT"), cell("MAT")

    def parts(self) -> list[Path]:
        return [self.path, self.pvar, self.path.with_suffix(".psam")]

    def _variants(self) -> Iterator[Variant]:
        columns = ["CHROM", "ID", "CM", "POS", "ALT", "REF"]
        with self.pvar.open(encoding="utf-8") as file:
            for line in file:
                if line.startswith("#"):
                    if line.startswith("#CHROM"):
                        columns = line.lstrip("#").split()
                    continue
                row = dict(zip(columns, line.split("\t") if "\t" in line else line.split(), strict=False))
                yield Variant(
                    row["CHROM"], int(row["POS"]), row["ID"].strip(), row["REF"].strip(), row["ALT"].strip()
                )

    def blocks(self, variants_per_block: int) -> Iterator[Block]:
        import pgenlib

        people = len(self.samples)
        with pgenlib.PgenReader(str(self.path).encode(), raw_sample_ct=people) as reader:
            held: list[Variant] = []
            start = 0
            for variant in self._variants():
                held.append(variant)
                if len(held) == variants_per_block:
                    yield self._block(reader, start, held)
                    start += len(held)
                    held = []
            if held:
                yield self._block(reader, start, held)

    def _block(self, reader: Any, start: int, variants: list[Variant]) -> Block:
        calls = np.empty((len(variants), len(self.samples)), dtype=np.int8)
        reader.read_range(start, start + len(variants), calls)
        calls = np.where(calls < 0, np.int8(-1), calls)
        phase = None
        if reader.hardcall_phase_present():
            alleles = np.empty((len(variants), 2 * len(self.samples)), dtype=np.int32)
            phased = np.empty((len(variants), len(self.samples)), dtype=np.bool_)
            for v in range(len(variants)):
                reader.read_alleles_and_phasepresent(start + v, alleles[v], phased[v])
            phase = (alleles, phased)
        return Block(variants, np.ascontiguousarray(calls), phase)

    @contextmanager
    def writer(self, out: Path, ids: Sequence[str]) -> Iterator[Plink2Writer]:
        import pgenlib

        shutil.copyfile(self.pvar, out.with_suffix(".pvar"))
        new = dict(zip(self.samples, ids, strict=True))
        with out.with_suffix(".psam").open("w", encoding="utf-8") as file:
            file.write("#" + "\t".join(self.psam_columns) + "\n")
            for row, code in zip(self.people, ids, strict=True):
                cells = list(row)
                for at, column in enumerate(self.psam_columns[: len(cells)]):
                    if column == "IID":
                        cells[at] = code
                    elif column == "FID":
                        cells[at] = code if cells[at] != "0" else "0"
                    elif column in ("PAT", "MAT", "SID"):
                        cells[at] = new.get(cells[at], "0")
                file.write("\t".join(cells) + "\n")
        with pgenlib.PgenReader(str(self.path).encode()) as reader:
            count, phased = reader.get_variant_ct(), bool(reader.hardcall_phase_present())
        with pgenlib.PgenWriter(
            str(out.with_suffix(".pgen")).encode(),
            len(ids),
            variant_ct=count,
            nonref_flags=False,
            hardcall_phase_present=phased,
        ) as pgen:
            yield Plink2Writer(pgen)


class Plink2Writer:
    def __init__(self, pgen: Any) -> None:
        self._pgen = pgen

    def write(self, block: Block, marked: npt.NDArray[np.int8]) -> None:
        if block.payload is None:
            self._pgen.append_biallelic_batch(np.where(marked < 0, np.int8(-9), marked))
            return
        alleles, phased = block.payload
        for v in range(marked.shape[0]):
            row = alleles[v].copy()
            at = np.flatnonzero(marked[v] != block.dosages[v])
            row[2 * at] = (marked[v, at] == 2).astype(np.int32)
            row[2 * at + 1] = (marked[v, at] >= 1).astype(np.int32)
            self._pgen.append_partially_phased(row, phased[v])


def _beside(path: Path, suffix: str) -> Path:
    found = path.with_suffix(suffix)
    if not found.is_file():
        raise BadSourceFile(f"{found.name} is missing beside {path.name}; give the whole set")
    return found


def _fam(path: Path) -> list[list[str]]:
    people = [line.split() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    if any(len(one) < 4 for one in people):
        raise BadSourceFile(f"{path.name} has lines with fewer than four columns; mend the file")
    return people


def _kin(people: Sequence[tuple[str, str, str, str]]) -> npt.NDArray[np.bool_]:
    """Who has a parent or a child among them."""
    known = {one[1] for one in people}
    parents = {parent for one in people for parent in one[2:4] if parent in known}
    return np.array([one[1] in parents or bool(known & set(one[2:4])) for one in people], dtype=bool)
