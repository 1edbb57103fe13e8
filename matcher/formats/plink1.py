"""PLINK 1: a .bed with its .bim and .fam beside it. `dosages` count A1 of the .bim, which PLINK counts too."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from matcher.contents import MISSING, Genotypes, Limits, Opened, Unreadable
from matcher.formats.beside import blocks_beside, variants_a_part
from matcher.formats.lists_beside import Sites, count_of, genotypes_of, in_steps, people_beside, sites_of
from matcher.formats.unpacking import unpack_bed

FORMAT = "plink-bed"
MAGIC = b"\x6c\x1b\x01"
SITES, PEOPLE = (".bim", ".pedsnp"), (".fam", ".pedind")
"""As PLINK names its lists, and as EIGENSOFT does."""

# Two bits a call, lowest first: 0 homozygous A1, 1 missing, 2 heterozygous, 3 homozygous A2.
_CALLS = np.array([2, MISSING, 1, 0], dtype=np.int8)
_BYTE_TO_CALLS = _CALLS[(np.arange(256)[:, None] >> np.array([0, 2, 4, 6])) & 3]


def sniff(name: str, head: bytes) -> int:
    return 5 if head.startswith(MAGIC) else 0


def read(opened: Opened, limits: Limits) -> Iterator[Genotypes]:
    """Genotypes in parts of `limits.variants_per_part`.

    Raises:
        Unreadable: the .bim or .fam is not beside it, or its size does not fit them.
    """
    samples = people_beside(opened, limits, *PEOPLE)
    row_bytes = (len(samples) + 3) // 4
    count = count_of(blocks_beside(opened, limits, *SITES))
    if not count or opened.size != len(MAGIC) + row_bytes * count:
        raise Unreadable("damaged", "a .bed whose size does not fit its .bim and .fam")
    opened.stream.seek(len(MAGIC))
    for some in in_steps(sites_beside(opened, limits), variants_a_part(limits, len(samples))):
        raw = np.frombuffer(opened.stream.read(row_bytes * len(some)), dtype=np.uint8)
        calls = np.empty((len(some), len(samples)), np.int8)
        unpack_bed(raw.reshape(len(some), row_bytes), _BYTE_TO_CALLS, calls)
        yield genotypes_of(samples, some, (some.second, some.first), calls)


def sites_beside(opened: Opened, limits: Limits) -> Iterator[Sites]:
    """The sites of the .bim: chromosome, name, centimorgans, position, A1 and A2."""
    for block in blocks_beside(opened, limits, *SITES):
        yield sites_of(block, (0, 3, 1, 4, 5), 6, "a .bim with too few columns")
