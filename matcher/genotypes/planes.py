"""Bit planes: the calls of one person at 64 sites in three machine words (heterozygous, homozygous b, called).

Planes are word-major (words × people), so that one machine word of every person lies side by side and a processor
compares several people an instruction. A call that is missing has all three bits 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit, prange

Words = npt.NDArray[np.uint64]
WORD = 64
"""Sites of one word."""
_BLOCK = 1024
"""Bytes of a packed row that one turn of the loop takes: 4,096 people."""


@dataclass(frozen=True, slots=True)
class Planes:
    """`het`, `hom`, `called`: words × people, uint64; site s is bit s mod 64 of word s // 64."""

    het: Words
    hom: Words
    called: Words
    sites_count: int

    @property
    def people_count(self) -> int:
        return int(self.het.shape[1])

    def part(self, people: slice) -> Planes:
        """The planes of some people, without a copy."""
        return Planes(self.het[:, people], self.hom[:, people], self.called[:, people], self.sites_count)


def from_packed(rows: npt.NDArray[np.uint8], people_count: int) -> Planes:
    """Planes from rows of two bits a call (sites × bytes; lowest bits first; 3 is a missing call)."""
    sites = len(rows)
    words = -(-sites // WORD)
    het, hom, called = (np.zeros((words, people_count), np.uint64) for _ in range(3))
    if sites:
        _transpose(np.ascontiguousarray(rows), people_count, het, hom, called)
    return Planes(het, hom, called, sites)


def from_calls(calls: npt.NDArray[np.int8]) -> Planes:
    """Planes from calls (sites × people; 0, 1, 2 of allele b, negative where missing)."""
    return from_packed(packed(calls), calls.shape[1])


def packed(calls: npt.NDArray[np.int8]) -> npt.NDArray[np.uint8]:
    """Calls (variants × people) at two bits each: variants × ceil(people / 4) bytes; 3 is a missing call."""
    out = np.empty((calls.shape[0], (calls.shape[1] + 3) // 4), np.uint8)
    _pack(np.ascontiguousarray(calls), out)
    return out


def unpacked(rows: npt.NDArray[np.uint8], people_count: int) -> npt.NDArray[np.int8]:
    """The calls of packed rows: variants × people, -1 where missing."""
    out = np.empty((len(rows), people_count), np.int8)
    _unpack(np.ascontiguousarray(rows), out)
    return out


def counts(rows: npt.NDArray[np.uint8], people_count: int) -> npt.NDArray[np.int64]:
    """How many calls of each packed row are 0, 1, 2 and missing: variants × 4."""
    out = np.zeros((len(rows), 4), np.int64)
    _count(np.ascontiguousarray(rows), people_count, out)
    return out


@njit(cache=True, parallel=True, nogil=True)  # type: ignore[untyped-decorator,unused-ignore]
def _transpose(rows: Any, people: int, het: Any, hom: Any, called: Any) -> None:
    width = rows.shape[1]
    blocks = (width + _BLOCK - 1) // _BLOCK
    for turn in prange(blocks * het.shape[0]):
        word, block = turn // blocks, turn % blocks
        low, high = block * _BLOCK, min(width, (block + 1) * _BLOCK)
        for site in range(word * 64, min(rows.shape[0], word * 64 + 64)):
            bit = np.uint64(site - word * 64)
            for byte in range(low, high):
                four = np.uint64(rows[site, byte])
                for one in range(min(4, people - 4 * byte)):
                    code = (four >> np.uint64(2 * one)) & np.uint64(3)
                    first, second = code & np.uint64(1), code >> np.uint64(1)
                    person = 4 * byte + one
                    het[word, person] |= (first & ~second) << bit
                    hom[word, person] |= (second & ~first) << bit
                    called[word, person] |= (np.uint64(1) ^ (first & second)) << bit


@njit(cache=True, parallel=True, nogil=True)  # type: ignore[untyped-decorator,unused-ignore]
def _pack(calls: Any, out: Any) -> None:
    people = calls.shape[1]
    whole = people // 4
    for row in prange(calls.shape[0]):
        for byte in range(whole):
            packed_byte = 0
            for one in range(4):
                call = calls[row, 4 * byte + one]
                packed_byte |= (3 if call < 0 or call > 2 else call) << (2 * one)
            out[row, byte] = packed_byte
        if whole < out.shape[1]:
            packed_byte = 255
            for one in range(people - 4 * whole):
                call = calls[row, 4 * whole + one]
                code = 3 if call < 0 or call > 2 else call
                packed_byte ^= (3 ^ code) << (2 * one)
            out[row, whole] = packed_byte


@njit(cache=True, parallel=True, nogil=True)  # type: ignore[untyped-decorator,unused-ignore]
def _unpack(rows: Any, out: Any) -> None:
    for row in prange(out.shape[0]):
        for person in range(out.shape[1]):
            code = (rows[row, person >> 2] >> (2 * (person & 3))) & 3
            out[row, person] = -1 if code == 3 else code


@njit(cache=True, parallel=True, nogil=True)  # type: ignore[untyped-decorator,unused-ignore]
def _count(rows: Any, people: int, out: Any) -> None:
    whole = people // 4
    for row in prange(rows.shape[0]):
        bytes_seen = np.zeros(256, np.int64)
        for byte in range(whole):
            bytes_seen[rows[row, byte]] += 1
        for value in range(256):
            for one in range(4):
                out[row, (value >> (2 * one)) & 3] += bytes_seen[value]
        for person in range(4 * whole, people):
            out[row, (rows[row, whole] >> (2 * (person & 3))) & 3] += 1
