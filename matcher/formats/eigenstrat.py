"""EIGENSTRAT as text: a `.geno` of digits (0, 1, 2 copies of the reference, 9 missing), `.snp` and `.ind` beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from matcher.contents import Genotypes, Limits, Opened, Unreadable
from matcher.formats.beside import lines_beside, position_of, variants_a_part
from matcher.formats.call_matrix import part_of
from matcher.genotypes.naming import NamedVariant

FORMAT = "eigenstrat"
_DIGITS = re.compile(rb"[0129]+")
_MOST_LINE = 64 << 20


def sniff(name: str, head: bytes) -> int:
    if not name.lower().endswith((".geno", ".eigenstratgeno")):
        return 0
    lines = head.split(b"\n")
    whole = [line.strip(b"\r") for line in lines[:-1]] or ([head] if len(head) > 1000 else [])
    if not whole:
        return 0
    return 4 if len(whole[0]) > 0 and all(_DIGITS.fullmatch(line) for line in whole[:50]) else 0


def read(opened: Opened, limits: Limits) -> Iterator[Genotypes]:
    """Genotypes in parts.

    Raises:
        Unreadable: the .snp or .ind is not beside it, or does not fit it; the lines up to there are given before.
    """
    samples = tuple(line.split()[0] for line in lines_beside(opened, limits, ".ind"))
    variants = [variant_of_snp(line) for line in lines_beside(opened, limits, ".snp")]
    step = variants_a_part(limits, len(samples))
    for start in range(0, len(variants), step):
        some = variants[start : start + step]
        read = (_row(opened.stream.readline(_MOST_LINE), len(samples)) for _ in some)
        rows = []
        for row in read:
            if row is None:
                break
            rows.append(row)
        if rows:
            yield part_of(samples, some[: len(rows)], np.stack(rows))
        if len(rows) < len(some):
            raise Unreadable(
                "damaged", f"line {start + len(rows) + 1} of the .geno does not fit its .ind and .snp"
            )
    if opened.stream.readline(_MOST_LINE).strip():
        raise Unreadable("damaged", "a .geno with more lines than its .snp; the others were read")


def variant_of_snp(line: str) -> NamedVariant:
    """Name, chromosome, Morgans, position, reference, variant allele."""
    cells = line.split()
    if len(cells) < 6:
        raise Unreadable("damaged", "a .snp with too few columns")
    return NamedVariant(cells[0], cells[1], position_of(cells[3]), cells[4].upper(), cells[5].upper())


def _row(line: bytes, samples: int) -> np.ndarray[tuple[int], np.dtype[np.int8]] | None:
    """The calls of a line; None where it has not one for each sample."""
    digits = np.frombuffer(line.rstrip(b"\r\n"), dtype=np.uint8).astype(np.int8) - 48
    if len(digits) != samples:
        return None
    return np.where((digits >= 0) & (digits <= 2), digits, -1).astype(np.int8)
