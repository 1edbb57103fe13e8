"""BGEN (1.1, 1.2, 1.3): probabilities as hard calls; samples from inside it or from the `.sample` beside it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np

from matcher.contents import Genotypes, Limits, Opened, Unreadable
from matcher.formats.beside import SURE_WITHIN, lines_beside, real_path, variants_a_part
from matcher.formats.call_matrix import part_of
from matcher.formats.unpacking import round_dosages
from matcher.genotypes.naming import NamedVariant

FORMAT = "bgen"


def sniff(name: str, head: bytes) -> int:
    if len(head) < 24:
        return 0
    offset, header = int.from_bytes(head[:4], "little"), int.from_bytes(head[4:8], "little")
    fits = 20 <= header <= offset < 1 << 31
    return (
        5 if fits and (head[16:20] == b"bgen" or (head[16:20] == bytes(4) and name.endswith(".bgen"))) else 0
    )


def read(opened: Opened, limits: Limits) -> Iterator[Genotypes]:
    """Genotypes of sites with two alleles; `dosages` count the second.

    Raises:
        Unreadable: it is damaged, or names no samples and has no .sample beside it.
    """
    from bgen import BgenReader

    head = opened.stream.read(24)
    variants_count, samples_count = (
        int.from_bytes(head[8:12], "little"),
        int.from_bytes(head[12:16], "little"),
    )
    if variants_count > opened.size or samples_count > 8 * opened.size:
        raise Unreadable("damaged", "it claims more than it can hold")
    with real_path(opened, ".bgen") as path:
        try:
            with BgenReader(path, delay_parsing=True) as reader:
                samples = _samples(opened, limits, reader, samples_count)
                yield from _parts(reader, samples, variants_a_part(limits, len(samples)))
        except Unreadable:
            raise
        except (ValueError, OSError, RuntimeError, IndexError, UnicodeDecodeError, KeyError) as wrong:
            raise Unreadable("damaged", type(wrong).__name__) from None


def _samples(opened: Opened, limits: Limits, reader: Any, count: int) -> tuple[str, ...]:
    inside = tuple(str(one) for one in reader.samples)
    beside = opened.sibling(".sample")
    if beside is None:
        return inside
    beside.close()
    lines = islice(lines_beside(opened, limits, ".sample"), 2, None)
    listed = tuple(words[-1] for line in lines if (words := line.split(None, 2)[:2]))
    return listed if len(listed) == count else inside


def _parts(reader: Any, samples: tuple[str, ...], step: int) -> Iterator[Genotypes]:
    variants: list[NamedVariant] = []
    calls = np.empty((step, len(samples)), np.int8)
    for one in reader:
        if len(one.alleles) != 2:
            continue
        round_dosages(one.alt_dosage, SURE_WITHIN, calls[len(variants)])
        name = one.rsid if one.rsid not in ("", ".") else one.varid
        first, second = one.alleles
        variants.append(NamedVariant(name, one.chrom, int(one.pos), second.upper(), first.upper()))
        if len(variants) == step:
            yield part_of(samples, variants, calls)
            variants, calls = [], np.empty_like(calls)
    if variants:
        yield part_of(samples, variants, calls[: len(variants)])
