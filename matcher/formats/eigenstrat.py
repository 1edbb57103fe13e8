"""EIGENSTRAT as text: a `.geno` of digits (0, 1, 2 copies of the reference, 9 missing), `.snp` and `.ind` beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from matcher.contents import Genotypes, Limits, Opened, Unreadable
from matcher.formats.beside import blocks_beside, position_of, variants_a_part
from matcher.formats.list_scanning import scan_digits
from matcher.formats.lists_beside import Sites, column_of, genotypes_of, in_steps, sites_of
from matcher.formats.scanning import bytes_of
from matcher.genotypes.naming import NamedVariant

FORMAT = "eigenstrat"
_DIGITS = re.compile(rb"[0129]+")
_MOST_LINE = 64 << 20
Calls = npt.NDArray[np.int8]


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
    samples = people_of_ind(opened, limits)
    line = 0
    for some in in_steps(sites_beside(opened, limits), variants_a_part(limits, len(samples))):
        calls = _calls(opened, len(some), len(samples))
        if len(calls):
            known = some[: len(calls)]
            yield genotypes_of(samples, known, (known.second, known.first), calls)
        line += len(calls)
        if len(calls) < len(some):
            raise Unreadable("damaged", f"line {line + 1} of the .geno does not fit its .ind and .snp")
    if opened.stream.readline(_MOST_LINE).strip():
        raise Unreadable("damaged", "a .geno with more lines than its .snp; the others were read")


def people_of_ind(opened: Opened, limits: Limits) -> tuple[str, ...]:
    blocks = blocks_beside(opened, limits, ".ind")
    return tuple(one for block in blocks for one in column_of(block, 0, "an .ind with too few columns"))


def sites_beside(opened: Opened, limits: Limits) -> Iterator[Sites]:
    """The sites of the .snp: name, chromosome, Morgans, position, reference, variant allele."""
    for block in blocks_beside(opened, limits, ".snp"):
        yield sites_of(block, (1, 3, 0, 4, 5), 6, "a .snp with too few columns")


def _calls(opened: Opened, variants: int, samples: int) -> Calls:
    """The calls of the next lines; fewer where a line has not one for each sample."""
    start = opened.stream.tell()
    data = opened.stream.read(variants * (samples + 1))
    if len(data) == variants * (samples + 1):
        calls = np.empty((variants, samples), np.int8)
        if scan_digits(bytes_of(data).reshape(variants, samples + 1), calls):
            return calls
    opened.stream.seek(start)
    rows = []
    for _ in range(variants):
        row = _row(opened.stream.readline(_MOST_LINE), samples)
        if row is None:
            break
        rows.append(row)
    return np.stack(rows) if rows else np.empty((0, samples), np.int8)


def variant_of_snp(line: str) -> NamedVariant:
    """Name, chromosome, Morgans, position, reference, variant allele."""
    cells = line.split()
    if len(cells) < 6:
        raise Unreadable("damaged", "a .snp with too few columns")
    return NamedVariant(cells[0], cells[1], position_of(cells[3]), cells[4].upper(), cells[5].upper())


def _row(line: bytes, samples: int) -> Calls | None:
    """The calls of a line; None where it has not one for each sample."""
    digits = np.frombuffer(line.rstrip(b"\r\n"), dtype=np.uint8).astype(np.int8) - 48
    if len(digits) != samples:
        return None
    return np.where((digits >= 0) & (digits <= 2), digits, -1).astype(np.int8)
