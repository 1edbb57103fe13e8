"""A synthetic cohort of any size as PLINK 1 .bed, .bim and .fam, written in slices, whatever the number of variants.

Everybody is two mosaics of simulated haplotypes (tracts of a centimorgan in the mean); one call in a thousand is
missing.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from numba import njit, prange

from tests.bench.genotype_people import TRACT_MORGANS, Panel

MAGIC = b"\x6c\x1b\x01"
ROWS = 64
"""Variants drawn and written at once."""
GROUP = 1_024
"""People of one task; a multiple of 4, so that no byte is written by two."""
MISSING = 0.001
FIRST_ID = 1_000_000


@njit(cache=True, inline="always")  # type: ignore[untyped-decorator, unused-ignore]
def _uniform(states, at):  # type: ignore[no-untyped-def]
    """splitmix64: the next number of one generator of many, in 0..1."""
    states[at] += np.uint64(0x9E3779B97F4A7C15)
    x = states[at]
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.float64((x ^ (x >> np.uint64(31))) >> np.uint64(11)) * 2.0**-53


@njit(cache=True, parallel=True)  # type: ignore[untyped-decorator, unused-ignore]
def _draw_rows(haplotypes, morgans, states, sources, ends, chances, out):  # type: ignore[no-untyped-def]
    """Fills `out` (variants × bytes) and moves every mosaic on; `chances` are two generators a group."""
    people = sources.size // 2
    code = np.array([3, 2, 0], dtype=np.uint8)  # by copies of the allele that a .bed counts
    groups = (people + GROUP - 1) // GROUP
    for group in prange(groups):
        first, last = group * GROUP, min(people, group * GROUP + GROUP)
        for v in range(haplotypes.shape[0]):
            for person in range(first, last):
                copies = 0
                for h in range(2 * person, 2 * person + 2):
                    if morgans[v] >= ends[h]:
                        sources[h] = np.int64(_uniform(states, h) * haplotypes.shape[1])
                        ends[h] = morgans[v] - TRACT_MORGANS * np.log(1.0 - _uniform(states, h))
                    copies += haplotypes[v, sources[h]]
                if person & 3 == 0:
                    out[v, person >> 2] = 0
                out[v, person >> 2] |= code[copies] << np.uint8(2 * (person & 3))
            gone = first - 1.0
            while True:
                gone += 1.0 + np.floor(np.log(1.0 - _uniform(chances, group)) / np.log(1.0 - MISSING))
                if gone >= last:
                    break
                person = np.int64(gone)
                shift = np.uint8(2 * (person & 3))
                kept = out[v, person >> 2] & ~(np.uint8(3) << shift)
                out[v, person >> 2] = kept | (np.uint8(1) << shift)


def write_cohort(stem: Path, founders: Panel, variants: int, people: int, seed: int) -> None:
    """Writes `stem`.bed, .bim and .fam: the panel's first `variants` variants, ids of seven digits in a drawn order."""
    rng = np.random.default_rng(seed)
    _write_places(stem, founders, variants)
    ids = FIRST_ID + rng.permutation(people)
    with stem.with_suffix(".fam").open("w", encoding="ascii") as file:
        file.writelines(f"{one}\t{one}\t0\t0\t{1 + one % 2}\t-9\n" for one in ids.tolist())
    states = rng.integers(2**63, size=2 * people).astype(np.uint64)
    chances = rng.integers(2**63, size=-(-people // GROUP)).astype(np.uint64)
    sources = np.zeros(2 * people, dtype=np.int32)
    ends = np.full(2 * people, -1.0)
    morgans = founders.positions[:variants] * 1e-8
    chromosomes = founders.chromosomes[:variants]
    out = np.empty((ROWS, (people + 3) // 4), dtype=np.uint8)
    with stem.with_suffix(".bed").open("wb") as bed:
        bed.write(MAGIC)
        for rows in _slices(chromosomes):
            if rows.start == 0 or chromosomes[rows.start] != chromosomes[rows.start - 1]:
                ends[:] = -1.0
            haplotypes = founders.haplotypes[rows]
            _draw_rows(haplotypes, morgans[rows], states, sources, ends, chances, out)
            bed.write(out[: len(haplotypes)].tobytes())


def _slices(chromosomes: npt.NDArray[np.int64]) -> list[slice]:
    """Consecutive variants of one chromosome, ROWS at most."""
    out, start = [], 0
    for end in [*(np.flatnonzero(np.diff(chromosomes)) + 1).tolist(), len(chromosomes)]:
        out += [slice(at, min(at + ROWS, end)) for at in range(start, end, ROWS)]
        start = end
    return out


def _write_places(stem: Path, founders: Panel, variants: int) -> None:
    with stem.with_suffix(".bim").open("w", encoding="ascii") as file:
        for row in range(variants):
            reference, counted = founders.alleles(row)
            place = f"{founders.chromosomes[row]}\trs{1000 + row}\t0\t{founders.positions[row]}"
            file.write(f"{place}\t{counted}\t{reference}\n")
