"""Rows of calls read from the cohort's own .bed or .pgen, so that an index beside them copies no genotypes.

`sources.json` keeps where each file lies, its length, its time and its SHA-256. A file that is gone or is another now
ends the comparison with one line that says so: an answer from half of the genotypes would look like "nothing found".
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from matcher.contents import Limits, Opened
from matcher.errors import BadSourceFile
from matcher.formats.plink1 import MAGIC as BED
from matcher.formats.plink2 import variants_beside
from matcher.genotypes.encrypted_rows import LINKAGE_SAMPLES, Numbers, Packed
from matcher.genotypes.planes import packed
from matcher.publishing import replace_file

SOURCES_FILE = "sources.json"
_PGEN = b"\x6c\x1b"
_AT_ONCE = 32 << 20
"""Calls of a .pgen that are unpacked at once."""
_BED_HEAD = len(BED)

# A .bed's two bits are 0 homozygous for the counted allele, 1 missing, 2 heterozygous, 3 homozygous for the other.
_CODE = np.array([2, 3, 1, 0], np.uint8)
_SHIFTS = np.array([0, 2, 4, 6], np.uint8)
_OF_BED = (_CODE[(np.arange(256)[:, None] >> _SHIFTS) & 3] << _SHIFTS).sum(axis=1).astype(np.uint8)


@dataclass(frozen=True, slots=True)
class Source:
    """One of the cohort's files, as it was when it was enrolled."""

    path: str
    bytes: int
    changed: int
    """Nanoseconds of its last change."""
    sha256: str
    is_bed: bool
    offsets: str = ""
    """The file beside `sources.json` that says where each variant's alleles begin among all; "" for a .bed."""


@dataclass(frozen=True, slots=True)
class RowsInPlace:
    """The calls of a store that copies none; `files` and `file_rows` say where each row is."""

    folder: Path
    sources: tuple[Source, ...]
    files: npt.NDArray[np.uint16]
    file_rows: Numbers
    """Rows as the file's reader gives them: a variant with several alternates has one for each."""
    samples_count: int

    def packed(self, numbers: Numbers, first: int, last: int) -> Packed:
        """Calls of the people from `first` (a multiple of 64) up to `last`: rows × bytes, two bits a call.

        Raises:
            BadSourceFile: a file is gone, or is another now.
        """
        out = np.empty((len(numbers), (last + 3) // 4 - first // 4), np.uint8)
        for number in np.unique(self.files[numbers]).tolist():
            at = np.flatnonzero(self.files[numbers] == number)
            source, rows = self.sources[number], self.file_rows[numbers[at]]
            with _opened(source) as file:
                if source.is_bed:
                    out[at] = self._of_bed(file, source, rows, first, last)
                else:
                    out[at] = self._of_pgen(file, source, rows, first, last)
        return out

    def linkage(self, numbers: Numbers) -> Packed:
        """Calls of the first LINKAGE_SAMPLES people."""
        return self.packed(numbers, 0, min(LINKAGE_SAMPLES, self.samples_count))

    def _of_bed(self, file: int, source: Source, rows: Numbers, first: int, last: int) -> Packed:
        width, start, stop = (self.samples_count + 3) // 4, first // 4, (last + 3) // 4
        out = np.empty((len(rows), stop - start), np.uint8)
        for place, row in enumerate(rows.tolist()):
            # Read, not mapped: a file that is cut off while it is mapped would end the process.
            data = os.pread(file, stop - start, _BED_HEAD + row * width + start)
            if len(data) < stop - start:
                raise _is_another(source)
            out[place] = np.frombuffer(data, np.uint8)
        codes: Packed = _OF_BED[out]
        return codes

    def _of_pgen(self, file: int, source: Source, rows: Numbers, first: int, last: int) -> Packed:
        import pgenlib

        offsets = np.load(self.folder / source.offsets, allow_pickle=False)
        variants, alternates = _variants_of(offsets, rows)
        several = np.diff(offsets)[variants] > 2
        out = np.empty((len(rows), (last - first + 3) // 4), np.uint8)
        step = max(1, _AT_ONCE // (last - first))
        try:
            with pgenlib.PgenReader(
                f"/dev/fd/{file}".encode(),
                raw_sample_ct=self.samples_count,
                variant_ct=len(offsets) - 1,
                sample_subset=np.arange(first, last, dtype=np.uint32),
                allele_idx_offsets=offsets if offsets[-1] > 2 * (len(offsets) - 1) else None,
            ) as reader:
                for start in range(0, len(rows), step):
                    some = slice(start, start + step)
                    of = (variants[some], alternates[some], several[some])
                    out[some] = packed(_pgen_calls(reader, *of, last - first))
        except (RuntimeError, ValueError, OSError):
            raise _is_another(source) from None
        return out


def write_sources(folder: Path, files: Sequence[Path], before: Sequence[dict[str, Any]]) -> None:
    """Keeps where the cohort's files lie and what they are; `before` is their `file_mark` when they were read.

    Raises:
        BadSourceFile: one changed while it was read.
    """
    sources = []
    for number, (path, mark) in enumerate(zip(files, before, strict=True)):
        with path.open("rb") as file:
            is_bed = file.read(_BED_HEAD) == BED
            file.seek(0)
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            now = os.fstat(file.fileno())
        if (now.st_size, now.st_mtime_ns) != (mark["bytes"], mark["changed"]):
            raise BadSourceFile(f"{path.name} changed while it was read; run this again when it is at rest")
        offsets = ""
        if not is_bed:
            offsets = f"alleles-{number:05}.npy"
            np.save(folder / offsets, _allele_offsets(path))
        sources.append(Source(mark["path"], now.st_size, now.st_mtime_ns, digest, is_bed, offsets))
    replace_file(folder / SOURCES_FILE, json.dumps([asdict(one) for one in sources]).encode())


def read_sources(folder: Path) -> tuple[Source, ...]:
    return tuple(Source(**one) for one in json.loads((folder / SOURCES_FILE).read_bytes()))


def require_in_place(path: Path) -> None:
    """Raises BadSourceFile where single variants of a file cannot be read from it."""
    with path.open("rb") as file:
        head = file.read(len(BED))
    if head != BED and not (head.startswith(_PGEN) and len(head) > 2 and head[2] != 0):
        raise BadSourceFile(
            f"{path.name} cannot stay in place; give a .bed or .pgen that is not packed, or leave out --in-place"
        )


@contextmanager
def _opened(source: Source) -> Iterator[int]:
    """A descriptor of the file, which is the one that was enrolled."""
    try:
        file = os.open(source.path, os.O_RDONLY)
    except OSError as wrong:
        raise BadSourceFile(
            f"the cohort's genotypes are read in place from {source.path}, which cannot be opened "
            f"({(wrong.strerror or 'no access').lower()}); put the file, or a link to it, back there"
        ) from None
    try:
        now = os.fstat(file)
        if now.st_size != source.bytes:
            raise _is_another(source)
        if now.st_mtime_ns != source.changed and _digest(source.path, now.st_mtime_ns) != source.sha256:
            raise _is_another(source)
        yield file
    finally:
        os.close(file)


@lru_cache(maxsize=64)
def _digest(path: str, _changed: int) -> str:
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_another(source: Source) -> BadSourceFile:
    return BadSourceFile(
        f"{source.path} has changed since the cohort was enrolled from it; put the file back whose SHA-256 is "
        f"{source.sha256}, or add the cohort anew under another name"
    )


def _allele_offsets(path: Path) -> npt.NDArray[np.uintp]:
    """Where each variant's alleles begin among all alleles, as pgenlib wants it."""

    def beside(suffix: str) -> Any:
        other = path.with_suffix(suffix)
        return other.open("rb") if other.is_file() else None

    with path.open("rb") as file:
        opened = Opened(path.name, file, path.stat().st_size, beside)
        listed = variants_beside(opened, Limits(file_bytes=1 << 50))
        counts = np.fromiter((1 + len(one.alternates) for one in listed), dtype=np.uintp)
    return np.concatenate([np.zeros(1, np.uintp), np.cumsum(counts, dtype=np.uintp)])


def _variants_of(offsets: npt.NDArray[np.uintp], rows: Numbers) -> tuple[Numbers, Numbers]:
    """The variant of each of a reader's rows, and which of its alternates the row counts, from 1."""
    ends = (offsets[1:] - np.arange(1, len(offsets), dtype=np.uintp)).astype(np.int64)
    variants = np.searchsorted(ends, rows, side="right")
    starts = np.where(variants > 0, ends[np.maximum(variants, 1) - 1], 0)
    return variants, rows - starts + 1


def _pgen_calls(
    reader: Any, variants: Numbers, alternates: Numbers, several: npt.NDArray[np.bool_], people: int
) -> npt.NDArray[np.int8]:
    """Calls of these variants' alternates (variants × people); `several` where a variant has more than one."""
    calls = np.empty((len(variants), people), np.int8)
    if not several.any():
        reader.read_list(variants.astype(np.uint32), calls)
        return calls
    codes = np.empty(2 * people, np.int32)
    for place, (variant, alternate) in enumerate(zip(variants.tolist(), alternates.tolist(), strict=True)):
        reader.read_alleles(variant, codes)
        pairs = codes.reshape(people, 2)
        calls[place] = np.where(pairs[:, 0] < 0, -1, (pairs == alternate).sum(axis=1))
    return calls
