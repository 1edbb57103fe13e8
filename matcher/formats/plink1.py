"""PLINK 1: a .bed with its .bim and .fam beside it. `dosages` count A1 of the .bim, which PLINK counts too."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import numpy as np

from matcher.contents import MISSING, Genotypes, Limits, Opened, Unreadable
from matcher.formats.beside import lines_beside, people_of_fam, position_of, variants_a_part
from matcher.formats.scanning import unpack_bed

FORMAT = "plink-bed"
MAGIC = b"\x6c\x1b\x01"

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
    samples = people_of_fam(lines_beside(opened, limits, ".fam"))
    row_bytes = (len(samples) + 3) // 4
    count = sum(1 for _ in _variants(opened, limits))
    if not count or opened.size != len(MAGIC) + row_bytes * count:
        raise Unreadable("damaged", "a .bed whose size does not fit its .bim and .fam")
    opened.stream.seek(len(MAGIC))
    step = variants_a_part(limits, len(samples))
    variants = _variants(opened, limits)
    while chunk := list(islice(variants, step)):
        raw = np.frombuffer(opened.stream.read(row_bytes * len(chunk)), dtype=np.uint8).reshape(
            len(chunk), row_bytes
        )
        calls = np.empty((len(chunk), len(samples)), np.int8)
        unpack_bed(raw, _BYTE_TO_CALLS, calls)
        yield Genotypes(
            samples=samples,
            chromosomes=tuple(one[0] for one in chunk),
            positions=np.array([position_of(one[3]) for one in chunk], dtype=np.int64),
            names=tuple("" if one[1] == "." else one[1] for one in chunk),
            alleles_a=tuple(one[5].upper() for one in chunk),
            alleles_b=tuple(one[4].upper() for one in chunk),
            dosages=calls,
        )


def _variants(opened: Opened, limits: Limits) -> Iterator[list[str]]:
    """Chromosome, name, centimorgans, position, A1 and A2 of each site, one after the other."""
    for line in lines_beside(opened, limits, ".bim"):
        cells = line.split()
        if len(cells) < 6:
            raise Unreadable("damaged", "a .bim with too few columns")
        yield cells
