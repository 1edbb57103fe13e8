"""The records of a BCF (version 2), read from its bytes: sites and the two allele numbers of every sample.

A record is two lengths, then what all samples share, then one block for each FORMAT field. Everything of a length is
held against what the record has before it is taken.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from matcher.contents import Unreadable
from matcher.formats.scanning import scan_bcf_calls

MAGIC = b"BCF\x02"
_MOST_HEADER = 256 << 20
_MOST_RECORD = 256 << 20
_LENGTHS = struct.Struct("<II")
_SHARED = struct.Struct("<iiifII")
_INTEGERS: dict[int, np.dtype[Any]] = {1: np.dtype("<i1"), 2: np.dtype("<i2"), 3: np.dtype("<i4")}
_BYTES = {0: 0, 1: 1, 2: 2, 3: 4, 5: 4, 7: 1}
_LINE = re.compile(rb"##(contig|FILTER|INFO|FORMAT)=<(?:[^\n]*?,)?ID=([^,>\n]+)[^\n]*?(?:,IDX=(\d{1,9}))?>")

Alleles = npt.NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class Site:
    """One record; `first` and `second` are allele numbers, -1 where missing; a haploid call counts twice."""

    chromosome: bytes
    position: int
    name: bytes
    reference: bytes
    alternates: list[bytes]
    first: Alleles
    second: Alleles


def header_of(stream: BinaryIO) -> bytes:
    """The text at the head of a BCF, up to the column names of its samples.

    Raises:
        Unreadable: it breaks off, or is longer than any honest one.
    """
    head = stream.read(9)
    length = int.from_bytes(head[5:9], "little")
    if len(head) < 9 or length > _MOST_HEADER:
        raise Unreadable("damaged", "a BCF without its header")
    text = stream.read(length)
    if len(text) < length:
        raise Unreadable("damaged", "a BCF that breaks off in its header")
    return text.rstrip(b"\0")


def sites_of(stream: BinaryIO, header: bytes, samples_count: int) -> Iterator[Site]:
    """The sites that have calls, one after the other.

    Raises:
        Unreadable: a record breaks off, or is none of these samples'; what stands before is given.
    """
    contigs, fields = _dictionaries(header)
    genotype = fields.get(b"GT", -1)
    while lengths := stream.read(_LENGTHS.size):
        if len(lengths) < _LENGTHS.size:
            raise Unreadable("damaged", "a BCF that breaks off")
        shared, own = _LENGTHS.unpack(lengths)
        if shared < _SHARED.size or shared + own > _MOST_RECORD:
            raise Unreadable("damaged", "a record of a BCF with a length that no honest one has")
        data = stream.read(shared + own)
        if len(data) < shared + own:
            raise Unreadable("damaged", "a BCF that breaks off")
        try:
            site = _site(data, shared, contigs, genotype, samples_count)
        except (struct.error, IndexError, KeyError, ValueError):
            raise Unreadable("damaged", "a record of a BCF that is broken") from None
        if site is not None:
            yield site


def _dictionaries(header: bytes) -> tuple[dict[int, bytes], dict[bytes, int]]:
    """Contigs by number and fields by name: numbered by IDX, else in their order, PASS being the first field."""
    contigs: dict[int, bytes] = {}
    fields: dict[bytes, int] = {b"PASS": 0}
    for found in _LINE.finditer(header):
        kind, name, number = found.groups()
        if kind == b"contig":
            contigs[int(number) if number else len(contigs)] = name
        elif number or name not in fields:
            fields[name] = int(number) if number else len(fields)
    return contigs, fields


def _site(
    data: bytes, shared: int, contigs: dict[int, bytes], genotype: int, samples_count: int
) -> Site | None:
    """The record as a site; None where it has no calls.

    Raises:
        ValueError, IndexError, KeyError, struct.error: it is broken.
    """
    contig, position, _, _, counts, formats = _SHARED.unpack_from(data)
    if formats & 0xFFFFFF != samples_count or position < -1:
        raise ValueError
    name, at = _text(data, _SHARED.size)
    alleles = []
    for _ in range(counts >> 16):
        allele, at = _text(data, at)
        alleles.append(allele)
    if at > shared or not alleles:
        raise ValueError
    at = shared
    for _ in range(formats >> 24):
        key, at = _number(data, at)
        kind, count, at = _described(data, at)
        end = at + samples_count * count * _BYTES[kind]
        if end > len(data):
            raise ValueError
        if key == genotype and count:
            values = np.frombuffer(data, _INTEGERS[kind], samples_count * count, at)
            first, second = _alleles(values.reshape(samples_count, count))
            return Site(contigs[contig], position + 1, name, alleles[0], alleles[1:], first, second)
        at = end
    return None


def _alleles(values: npt.NDArray[Any]) -> tuple[Alleles, Alleles]:
    if values.dtype.itemsize > 1:  # many alleles; the two marks are the lowest numbers of each width
        lowest = np.iinfo(values.dtype).min
        wide = values.astype(np.int32)
        values = np.where(wide == lowest, 0, np.where(wide == lowest + 1, -127, wide))
    first = np.empty(len(values), np.int8)
    second = np.empty(len(values), np.int8)
    scan_bcf_calls(values, first, second)
    return first, second


def _described(data: bytes, at: int) -> tuple[int, int, int]:
    """The type of what follows, how many there are, and where they begin."""
    count, kind = data[at] >> 4, data[at] & 15
    at += 1
    if count == 15:
        count, at = _number(data, at)
    if count < 0:
        raise ValueError
    return kind, count, at


def _number(data: bytes, at: int) -> tuple[int, int]:
    kind, count = data[at] & 15, data[at] >> 4
    if count != 1 or kind not in _INTEGERS:
        raise ValueError
    end = at + 1 + _BYTES[kind]
    if end > len(data):
        raise ValueError
    return int.from_bytes(data[at + 1 : end], "little", signed=True), end


def _text(data: bytes, at: int) -> tuple[bytes, int]:
    kind, count, at = _described(data, at)
    if count and kind != 7:
        raise ValueError
    if at + count > len(data):
        raise ValueError
    return data[at : at + count].rstrip(b"\0"), at + count
