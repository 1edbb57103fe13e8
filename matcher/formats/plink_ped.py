"""PLINK `.ped` with its `.map` beside it: a line a sample, two alleles a variant, as letters or as 1 and 2."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from matcher.contents import Genotypes, Limits, Opened, Unreadable
from matcher.formats.beside import lines_beside, position_of, variants_a_part
from matcher.formats.call_matrix import kept_variants, part_of_pairs
from matcher.formats.scanning import bytes_of, scan_letters
from matcher.genotypes.naming import NamedVariant

FORMAT = "plink-ped"
_COLUMNS_BEFORE = 6
_MOST_LINE = 256 << 20
_MISSING = 255


def sniff(name: str, head: bytes) -> int:
    """The name and six columns before pairs of alleles: without its .map a .ped says nothing of its variants."""
    if not name.lower().endswith(".ped"):
        return 0
    first, end, _ = head.partition(b"\n")
    alleles = first.split()[_COLUMNS_BEFORE:]
    if end and len(alleles) % 2:
        return 0
    return 4 if len(alleles) > 2 and all(len(one) <= 2 for one in alleles[:-1][:200]) else 0


def read(opened: Opened, limits: Limits) -> Iterator[Genotypes]:
    """Genotypes of every sample; memory holds two bytes a call, so of a large file every n-th variant.

    Raises:
        Unreadable: there is no .map beside it, or no line fits it.
    """
    variants = _variants(lines_beside(opened, limits, ".map"))
    first = opened.stream.readline(_MOST_LINE)
    expected = max(1, opened.size // max(1, len(first)))
    kept = kept_variants(len(variants), expected, 2)
    samples, rows, odd = [], [], 0
    out = np.empty(2 * len(variants), np.uint8)
    line = first
    while line:
        cells = line.split(maxsplit=_COLUMNS_BEFORE)
        if len(cells) == _COLUMNS_BEFORE + 1:
            if scan_letters(bytes_of(cells[-1]), 0, out) == out.size or _word_by_word(cells[-1], out):
                samples.append(cells[1].decode("utf-8", "replace"))
                rows.append(out.reshape(-1, 2)[kept].copy())
            else:
                odd += 1
        line = opened.stream.readline(_MOST_LINE)
    if not rows:
        raise Unreadable("damaged", "a .ped whose lines do not fit its .map")
    step = variants_a_part(limits, len(samples))
    for start in range(0, len(kept), step):
        pairs = np.stack([row[start : start + step] for row in rows], axis=1)
        yield from part_of_pairs(tuple(samples), [variants[at] for at in kept[start : start + step]], pairs)
    if odd:
        raise Unreadable("damaged", f"{odd} lines do not fit the .map; the others were read")


def _word_by_word(alleles: bytes, out: npt.NDArray[np.uint8]) -> bool:
    """A line with alleles of several letters, which are no SNP's and count as missing; False where it does not fit."""
    words = alleles.split()
    if len(words) != out.size:
        return False
    one = np.empty(1, np.uint8)
    for at, word in enumerate(words):
        out[at] = one[0] if len(word) == 1 and scan_letters(bytes_of(word), 0, one) == 1 else _MISSING
    return True


def _variants(lines: Iterator[str]) -> list[NamedVariant]:
    """Chromosome, name, (centimorgans,) position."""
    found = []
    for line in lines:
        cells = line.split()
        if len(cells) not in (3, 4) or line.startswith("#"):
            continue
        found.append(NamedVariant("" if cells[1] == "." else cells[1], cells[0], position_of(cells[-1])))
    if not found:
        raise Unreadable("damaged", "a .map without variants")
    return found
