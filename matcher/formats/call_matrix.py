"""Calls of a find that stand sample by sample, gathered until they can be given variant by variant.

Memory is bounded: with more calls than may be held, every n-th variant is kept, so that all the genome is still there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from matcher.contents import Genotypes, Limits, Unreadable
from matcher.formats.beside import variants_a_part
from matcher.formats.scanning import calls_of_pairs
from matcher.genotypes.naming import NamedVariant

MOST_CALLS = 300_000_000
_LETTERS = ("A", "C", "G", "T")
Calls = npt.NDArray[np.int8]


def kept_variants(variants: int, samples: int, bytes_a_call: int = 1) -> npt.NDArray[np.int64]:
    """Which of so many variants are kept of so many samples."""
    step = max(1, -(-variants * max(1, samples) * bytes_a_call // MOST_CALLS))
    return np.arange(0, variants, step)


@dataclass(slots=True)
class CallMatrix:
    """Rows of calls, one a sample, of the variants that are kept."""

    variants: Sequence[NamedVariant]
    samples: list[str] = field(default_factory=list)
    rows: list[Calls] = field(default_factory=list)
    held: int = 0

    def add(self, sample: str, calls: Calls) -> None:
        """Raises Unreadable where more samples come than the file's size let expect."""
        self.held += len(calls)
        if self.held > 2 * MOST_CALLS:
            raise Unreadable("too-large", "more calls than may be held; its beginning was read")
        self.samples.append(sample)
        self.rows.append(calls.copy())

    def parts(self, limits: Limits, coding_known: bool = True) -> Iterator[Genotypes]:
        """The variants in parts; a named allele is the counted one."""
        if not self.rows:
            return
        step = variants_a_part(limits, len(self.samples))
        for start in range(0, len(self.variants), step):
            some = self.variants[start : start + step]
            calls = np.stack([row[start : start + step] for row in self.rows], axis=1)
            yield part_of(tuple(self.samples), some, calls, coding_known=coding_known)


def part_of(
    samples: tuple[str, ...], variants: Sequence[NamedVariant], calls: Calls, *, coding_known: bool = True
) -> Genotypes:
    """One part of a find whose variants are known by what their names state."""
    stated = any(one.counted or one.other for one in variants)
    return Genotypes(
        samples=samples,
        chromosomes=tuple(one.chromosome for one in variants),
        positions=np.array([one.position for one in variants], dtype=np.int64),
        names=tuple(one.name for one in variants),
        alleles_a=tuple(one.other for one in variants),
        alleles_b=tuple(one.counted for one in variants),
        dosages=np.ascontiguousarray(calls),
        coding_known=coding_known and stated,
    )


def part_of_pairs(
    samples: tuple[str, ...], variants: Sequence[NamedVariant], pairs: npt.NDArray[np.uint8]
) -> Iterator[Genotypes]:
    """Parts of calls given as two letters each (variants × samples × 2, codes of `scan_letters`).

    Where only one letter is seen it is allele a, and allele b is not stated. Alleles written as 1 and 2 say nothing of
    their letters: such variants come in a part of their own whose coding is not known.
    """
    calls = np.empty(pairs.shape[:2], np.int8)
    alleles = np.empty((len(pairs), 2), np.uint8)
    calls_of_pairs(np.ascontiguousarray(pairs), calls, alleles)
    digits = bool(((alleles > 5) & (alleles < 8)).any())
    letters = alleles if not digits else np.where((alleles >= 4) & (alleles < 8), alleles - 4, alleles)
    numbered = (alleles >= 4) & (alleles < 8) & (not digits)
    for coding_known in (True, False):
        at = np.flatnonzero((alleles[:, 0] != 255) & (numbered.any(axis=1) != coding_known))
        if not len(at):
            continue
        some = [
            NamedVariant(
                variants[number].name,
                variants[number].chromosome,
                variants[number].position,
                counted=_letter(letters[number, 1]) if coding_known else "",
                other=_letter(letters[number, 0]) if coding_known else "",
            )
            for number in at.tolist()
        ]
        yield part_of(samples, some, calls[at], coding_known=coding_known)


def _letter(code: int) -> str:
    return _LETTERS[code] if code < 4 else ""
