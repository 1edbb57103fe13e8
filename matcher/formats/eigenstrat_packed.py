"""Packed EIGENSTRAT (PACKEDANCESTRYMAP, and TGENO, which is turned): two bits a call, `.snp` and `.ind` beside it.

A record is one variant's calls, or in a TGENO one person's, four a byte from the highest bits, filled up to 48 bytes;
the first says `GENO` or `TGENO`, how many people and variants there are, and two sums over their names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from matcher.contents import MISSING, Genotypes, Limits, Opened, Unreadable
from matcher.formats.beside import lines_beside, variants_a_part
from matcher.formats.call_matrix import part_of
from matcher.formats.eigenstrat import variant_of_snp
from matcher.formats.unpacking import unpack_bed

FORMAT = "eigenstrat-packed"
_HEAD = re.compile(rb"(T?GENO) +(\d{1,10}) +(\d{1,10}) +[0-9a-f]{1,16} +[0-9a-f]{1,16}[ \0]*")
_LEAST = 48
"""Bytes of the shortest record, and of what the first one says."""
_STRIPE = 64 << 20
"""Bytes of a TGENO that are held while they are turned."""

Calls = npt.NDArray[np.int8]
Packed = npt.NDArray[np.uint8]

# Two bits a call, highest first: copies of the reference, 3 missing.
_CALLS = np.array([0, 1, 2, MISSING], dtype=np.int8)
_BYTE_TO_CALLS = _CALLS[(np.arange(256)[:, None] >> np.array([6, 4, 2, 0])) & 3]


@dataclass(frozen=True, slots=True)
class Layout:
    """Where calls lie in the file."""

    samples: int
    variants: int
    turned: bool
    start: int
    """Where the first record of calls begins."""
    record: int
    """Bytes of one record."""


def sniff(name: str, head: bytes) -> int:
    return 5 if _HEAD.fullmatch(head[:_LEAST]) else 0


def read(opened: Opened, limits: Limits) -> Iterator[Genotypes]:
    """Genotypes in parts.

    Raises:
        Unreadable: the .snp or .ind is not beside it, or does not fit it; what a cut file holds is given before.
    """
    samples = tuple(line.split()[0] for line in lines_beside(opened, limits, ".ind"))
    variants = [variant_of_snp(line) for line in lines_beside(opened, limits, ".snp")]
    layout = _layout(opened, len(samples), len(variants))
    most = variants_a_part(limits, len(samples))
    calls_of = _turned(opened, layout) if layout.turned else _straight(opened, layout)
    start = 0
    while start < len(variants):
        calls = calls_of(start, min(most, len(variants) - start))
        if len(calls):
            yield part_of(samples, variants[start : start + len(calls)], calls)
        start += len(calls)
        if len(calls) < min(most, len(variants) - start + len(calls)):
            raise Unreadable("damaged", "a .geno that breaks off; what stands before was read")


def _layout(opened: Opened, samples: int, variants: int) -> Layout:
    """Raises Unreadable where the lists beside the file are not the ones that it was made with."""
    opened.stream.seek(0)
    found = _HEAD.fullmatch(opened.stream.read(_LEAST))
    if found is None:
        raise Unreadable("damaged", "a packed .geno whose first record is broken")
    if (int(found[2]), int(found[3])) != (samples, variants) or not samples or not variants:
        raise Unreadable("damaged", "a packed .geno that does not fit its .ind and .snp")
    if found[1] == b"GENO":
        record = max(_LEAST, (samples + 3) // 4)
        layout = Layout(samples, variants, turned=False, start=record, record=record)
        whole = layout.start + variants * record
    else:
        # Whether short records are filled up is told by the length.
        record = (variants + 3) // 4
        if opened.size != _LEAST + samples * record:
            record = max(_LEAST, record)
        layout = Layout(samples, variants, turned=True, start=_LEAST, record=record)
        whole = layout.start + samples * record
        if opened.size < whole:
            raise Unreadable("damaged", "a TGENO that breaks off: the calls of its last people are missing")
    if opened.size > whole:
        raise Unreadable("damaged", "a packed .geno that is longer than its .ind and .snp say")
    return layout


def _straight(opened: Opened, layout: Layout) -> Callable[[int, int], Calls]:
    """Reads some variants, one record each; fewer where the file breaks off."""
    width = (layout.samples + 3) // 4

    def calls(start: int, count: int) -> Calls:
        opened.stream.seek(layout.start + start * layout.record)
        data = opened.stream.read(count * layout.record)
        rows = np.frombuffer(data[: len(data) // layout.record * layout.record], np.uint8)
        return _unpacked(rows.reshape(-1, layout.record)[:, :width], layout.samples)

    return calls


def _turned(opened: Opened, layout: Layout) -> Callable[[int, int], Calls]:
    """Reads some variants from every person's record, many at a time, since each costs a seek."""
    width = max(1, min(layout.record, _STRIPE // layout.samples))
    held: dict[int, Packed] = {}

    def stripe(number: int) -> Packed:
        if number not in held:
            held.clear()
            held[number] = np.zeros((layout.samples, width), np.uint8)
            for person in range(layout.samples):
                at = layout.start + person * layout.record + number * width
                opened.stream.seek(at)
                data = opened.stream.read(min(width, layout.record - number * width))
                held[number][person, : len(data)] = np.frombuffer(data, np.uint8)
        return held[number]

    def calls(start: int, count: int) -> Calls:
        pieces, end = [], start + count
        while start < end:
            number, first = divmod(start, 4 * width)
            some = min(end - start, 4 * width - first)
            bytes_ = stripe(number)[:, first // 4 : (first + some + 3) // 4]
            people = _unpacked(bytes_, 4 * bytes_.shape[1])
            pieces.append(people[:, first % 4 : first % 4 + some].T)
            start += some
        return np.concatenate(pieces)

    return calls


def _unpacked(rows: Packed, count: int) -> Calls:
    out = np.empty((len(rows), count), np.int8)
    unpack_bed(np.ascontiguousarray(rows), _BYTE_TO_CALLS, out)
    return out
