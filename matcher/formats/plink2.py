"""PLINK 2: a .pgen with its .pvar (.pvar.zst, .bim) and .psam (.fam) beside it. `dosages` count the alternate allele.

Only hard calls are taken, as PLINK made them; sites with several alternates come once for each. What the .pgen says
of its size is held against the lists beside it before pgenlib sees the file.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from matcher.contents import MISSING, Genotypes, Limits, Opened, Unreadable
from matcher.formats.beside import lines_beside, people_of_fam, position_of, real_path, variants_a_part

FORMAT = "plink-pgen"
_MAGIC = b"\x6c\x1b"
_FIXED_WIDTH = (0x02, 0x03, 0x04)
_VARIABLE_WIDTH = (0x10, 0x11)
_OTHER_INDEX = (0x20, 0x21)
_HEADER = struct.Struct("<II")
_BIM_COLUMNS = ("CHROM", "ID", "CM", "POS", "ALT", "REF")
_NO_ALLELE = (".", "0", "<*>", "<NON_REF>", "*")


@dataclass(frozen=True, slots=True)
class Variant:
    chromosome: str
    position: int
    name: str
    reference: str
    alternates: tuple[str, ...]


def sniff(name: str, head: bytes) -> int:
    known = (*_FIXED_WIDTH, *_VARIABLE_WIDTH, *_OTHER_INDEX)
    return 5 if head.startswith(_MAGIC) and len(head) > 11 and head[2] in known else 0


def read(opened: Opened, limits: Limits) -> Iterator[Genotypes]:
    """Genotypes in parts of `limits.variants_per_part` sites.

    Raises:
        Unreadable: the lists are not beside it, do not fit it, or it is damaged.
    """
    samples = people_of_fam(lines_beside(opened, limits, ".psam", ".fam"))
    offsets = _allele_offsets(opened, limits)
    _compare_with_header(opened, len(samples), len(offsets) - 1)
    import pgenlib

    with real_path(opened, ".pgen") as path:
        try:
            reader = pgenlib.PgenReader(
                os.fsencode(path),
                raw_sample_ct=len(samples),
                variant_ct=len(offsets) - 1,
                allele_idx_offsets=None if offsets[-1] == 2 * (len(offsets) - 1) else offsets,
            )
        except (RuntimeError, ValueError, OSError):
            raise Unreadable("damaged", "a .pgen whose index is broken") from None
        with reader:
            yield from _parts(reader, variants_beside(opened, limits), samples, limits)


def _parts(
    reader: Any, variants: Iterator[Variant], samples: tuple[str, ...], limits: Limits
) -> Iterator[Genotypes]:
    start, most = 0, variants_a_part(limits, len(samples))
    while chunk := list(islice(variants, most)):
        try:
            rows, alleles, dosages = _calls(reader, start, chunk, len(samples))
        except (RuntimeError, ValueError, OSError):
            raise Unreadable("damaged", "a .pgen that breaks off or is broken") from None
        start += len(chunk)
        yield Genotypes(
            samples=samples,
            chromosomes=tuple(one.chromosome for one in rows),
            positions=np.array([one.position for one in rows], dtype=np.int64),
            names=tuple(one.name for one in rows),
            alleles_a=tuple(one.reference for one in rows),
            alleles_b=alleles,
            dosages=dosages,
        )


def _calls(
    reader: Any, start: int, chunk: list[Variant], count: int
) -> tuple[Sequence[Variant], tuple[str, ...], npt.NDArray[np.int8]]:
    """Calls of some sites; one with several alternates has a row for each."""
    if all(len(one.alternates) == 1 for one in chunk):
        dosages = np.empty((len(chunk), count), dtype=np.int8)
        reader.read_range(start, start + len(chunk), dosages)
        dosages[dosages < 0] = MISSING
        return chunk, tuple(one.alternates[0] for one in chunk), dosages
    rows, alleles, calls = [], [], []
    for number, one in enumerate(chunk, start):
        codes = np.empty(2 * count, dtype=np.int32)
        reader.read_alleles(number, codes)
        for code, alternate in enumerate(one.alternates, 1):
            row = (codes.reshape(count, 2) == code).sum(axis=1).astype(np.int8)
            row[codes[::2] < 0] = MISSING
            rows.append(one)
            alleles.append(alternate)
            calls.append(row)
    return rows, tuple(alleles), np.stack(calls)


def _allele_offsets(opened: Opened, limits: Limits) -> npt.NDArray[np.uintp]:
    """Where each site's alleles begin among all alleles, as pgenlib wants it."""
    counts = np.fromiter((1 + len(one.alternates) for one in variants_beside(opened, limits)), dtype=np.uintp)
    return np.concatenate([np.zeros(1, np.uintp), np.cumsum(counts, dtype=np.uintp)])


def variants_beside(opened: Opened, limits: Limits) -> Iterator[Variant]:
    """The sites of a .pvar, or of a .bim, one after the other."""
    columns: Sequence[str] = _BIM_COLUMNS
    for line in lines_beside(opened, limits, ".pvar", ".pvar.zst", ".bim"):
        if line.startswith("##"):
            continue
        if line.startswith("#CHROM"):
            columns = line[1:].split()
            continue
        cells = line.split("\t") if "\t" in line else line.split()
        if columns is _BIM_COLUMNS and len(cells) == 5:
            columns = ("CHROM", "ID", "POS", "ALT", "REF")
        if len(cells) < len(columns):
            raise Unreadable("damaged", "a list of variants with too few columns")
        row = dict(zip(columns, cells, strict=False))
        try:
            yield Variant(
                row["CHROM"],
                position_of(row["POS"]),
                "" if row["ID"] == "." else row["ID"],
                _allele(row["REF"]),
                tuple(_allele(one) for one in row["ALT"].split(",")),
            )
        except KeyError:
            raise Unreadable("damaged", "a list of variants without a column that it must have") from None


def _allele(text: str) -> str:
    return "" if text in _NO_ALLELE else text.upper()


def _compare_with_header(opened: Opened, samples_count: int, variants_count: int) -> None:
    """Raises Unreadable where the .pgen cannot be what the lists beside it say."""
    opened.stream.seek(0)
    head = opened.stream.read(12)
    opened.stream.seek(0)
    if len(head) < 12 or head[2] in _OTHER_INDEX:
        raise Unreadable("unsupported", "a .pgen with its index in another file")
    if _HEADER.unpack(head[3:11]) != (variants_count, samples_count):
        raise Unreadable("damaged", "a .pgen that does not fit its .pvar and .psam")
    if variants_count == 0:
        raise Unreadable("damaged", "a .pgen without variants")
    row_bytes = (samples_count + 3) // 4 if head[2] in _FIXED_WIDTH else 1
    if opened.size < 12 + variants_count * row_bytes:
        raise Unreadable("damaged", "a .pgen that breaks off")
