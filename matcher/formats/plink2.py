"""PLINK 2: a .pgen with its .pvar (.pvar.zst, .bim) and .psam (.fam) beside it. `dosages` count the alternate allele.

Only hard calls are taken, as PLINK made them; sites with several alternates come once for each. What the .pgen says
of its size is held against the lists beside it before pgenlib sees the file.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from matcher.contents import MISSING, Genotypes, Limits, Opened, Unreadable
from matcher.formats.beside import blocks_beside, real_path, variants_a_part
from matcher.formats.lists_beside import (
    Sites,
    count_of,
    genotypes_of,
    headed,
    in_steps,
    people_beside,
    sites_of,
)
from matcher.formats.unpacking import one_missing

FORMAT = "plink-pgen"
Calls = npt.NDArray[np.int8]
_MAGIC = b"\x6c\x1b"
_FIXED_WIDTH = (0x02, 0x03, 0x04)
_VARIABLE_WIDTH = (0x10, 0x11)
_OTHER_INDEX = (0x20, 0x21)
_HEADER = struct.Struct("<II")
_BIM_COLUMNS = ("CHROM", "ID", "CM", "POS", "ALT", "REF")
_SHORT_BIM_COLUMNS = ("CHROM", "ID", "POS", "ALT", "REF")
_LISTS = (".pvar", ".pvar.zst", ".bim")
_HEAD = re.compile(rb"##[^\n]*\n?|#CHROM[^\n]*\n?")
_NO_ALLELE = frozenset((".", "0", "<*>", "<NON_REF>", "*"))
_AT_ONCE = 1 << 20
"""Calls that are unpacked before they are looked at again: they are still in the processor's cache."""


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
    samples = people_beside(opened, limits, ".psam", ".fam")
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
            yield from _parts(reader, sites_beside(opened, limits), samples, limits)


def _parts(
    reader: Any, sites: Iterator[Sites], samples: tuple[str, ...], limits: Limits
) -> Iterator[Genotypes]:
    start = 0
    for some in in_steps(sites, variants_a_part(limits, len(samples))):
        try:
            if "," in "".join(some.second):
                rows, dosages = _calls_of_several(reader, start, some.second, len(samples))
                listed = _repeated(some, rows)
            else:
                dosages, listed = _calls(reader, start, len(some), len(samples)), some
        except (RuntimeError, ValueError, OSError):
            raise Unreadable("damaged", "a .pgen that breaks off or is broken") from None
        start += len(some)
        yield genotypes_of(samples, listed, (_alleles(listed.first), _alleles(listed.second)), dosages)


def _calls(reader: Any, start: int, sites: int, count: int) -> Calls:
    """Calls of sites with one alternate each."""
    dosages = np.empty((sites, count), dtype=np.int8)
    step = max(1, _AT_ONCE // count)
    for at in range(0, sites, step):
        rows = dosages[at : at + step]
        reader.read_range(start + at, start + at + len(rows), rows)
        one_missing(rows)
    return dosages


def _calls_of_several(
    reader: Any, start: int, alternates: Sequence[str], count: int
) -> tuple[list[tuple[int, str]], Calls]:
    """A row for each alternate: which site it is of, the alternate, and the calls."""
    rows, calls = [], []
    for at, listed in enumerate(alternates):
        codes = np.empty(2 * count, dtype=np.int32)
        reader.read_alleles(start + at, codes)
        for code, alternate in enumerate(listed.split(","), 1):
            row = (codes.reshape(count, 2) == code).sum(axis=1).astype(np.int8)
            row[codes[::2] < 0] = MISSING
            rows.append((at, alternate))
            calls.append(row)
    return rows, np.stack(calls)


def _repeated(some: Sites, rows: list[tuple[int, str]]) -> Sites:
    """Sites once for each of their alternates."""
    return Sites(
        [some.chromosomes[at] for at, _ in rows],
        some.positions[[at for at, _ in rows]],
        [some.names[at] for at, _ in rows],
        [some.first[at] for at, _ in rows],
        [alternate for _, alternate in rows],
    )


def _allele_offsets(opened: Opened, limits: Limits) -> npt.NDArray[np.uintp]:
    """Where each site's alleles begin among all alleles, as pgenlib wants it."""
    if any(b"," in block for block in blocks_beside(opened, limits, *_LISTS)):
        sites = sites_beside(opened, limits)
        counts = [np.array([2 + one.count(",") for one in some.second], np.uintp) for some in sites]
        return np.concatenate([np.zeros(1, np.uintp), np.cumsum(np.concatenate(counts), dtype=np.uintp)])
    bodies = (
        body for block in blocks_beside(opened, limits, *_LISTS) for _, body in headed(block, _HEAD) if body
    )
    return 2 * np.arange(1 + count_of(bodies), dtype=np.uintp)


def variants_beside(opened: Opened, limits: Limits) -> Iterator[Variant]:
    """The sites of a .pvar, or of a .bim, one after the other."""
    for some in sites_beside(opened, limits):
        alternates = (tuple(map(_allele, one.split(","))) for one in some.second)
        yield from map(
            Variant, some.chromosomes, some.positions.tolist(), some.names, _alleles(some.first), alternates
        )


def sites_beside(opened: Opened, limits: Limits) -> Iterator[Sites]:
    """The same in blocks; `second` has all alternates of a site, with commas."""
    columns: Sequence[str] | None = None
    for block in blocks_beside(opened, limits, *_LISTS):
        for head, body in headed(block, _HEAD):
            if head.startswith(b"#CHROM"):
                columns = head[1:].decode("utf-8", "replace").split()
            if body.strip():
                columns = columns or _columns_of_bim(body)
                yield _sites_of(body, columns)


def _columns_of_bim(body: bytes) -> Sequence[str]:
    first = body.lstrip().split(b"\n", 1)[0]
    return _SHORT_BIM_COLUMNS if len(first.split()) == 5 else _BIM_COLUMNS


def _sites_of(body: bytes, columns: Sequence[str]) -> Sites:
    try:
        places = [columns.index(one) for one in ("CHROM", "POS", "ID", "REF", "ALT")]
    except ValueError:
        raise Unreadable("damaged", "a list of variants without a column that it must have") from None
    too_few = "a list of variants with too few columns"
    return sites_of(body, places, len(columns), too_few, tabs=b"\t" in body)


def _alleles(listed: Sequence[str]) -> tuple[str, ...]:
    return tuple(listed) if _NO_ALLELE.isdisjoint(listed) else tuple(map(_allele, listed))


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
