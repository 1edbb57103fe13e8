"""BGEN (1.1, 1.2, 1.3): probabilities as hard calls; samples from inside it or from the `.sample` beside it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from matcher.contents import Genotypes, Limits, Opened, Unreadable
from matcher.formats.beside import SURE_WITHIN, lines_beside, real_path, variants_a_part
from matcher.formats.call_matrix import part_of
from matcher.formats.scanning import round_dosages
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
    lines = list(lines_beside(opened, limits, ".sample"))[2:]
    listed = tuple(line.split()[1] if len(line.split()) > 1 else line for line in lines)
    return listed if len(listed) == count else inside


def _parts(reader: Any, samples: tuple[str, ...], step: int) -> Iterator[Genotypes]:
    variants: list[NamedVariant] = []
    rows: list[Any] = []
    for one in reader:
        if len(one.alleles) != 2:
            continue
        name = one.rsid if one.rsid not in ("", ".") else one.varid
        variants.append(
            NamedVariant(name, one.chrom, int(one.pos), one.alleles[1].upper(), one.alleles[0].upper())
        )
        calls = np.empty(len(samples), np.int8)
        round_dosages(np.asarray(one.alt_dosage), SURE_WITHIN, calls)
        rows.append(calls)
        if len(rows) >= step:
            yield part_of(samples, variants, np.stack(rows))
            variants, rows = [], []
    if rows:
        yield part_of(samples, variants, np.stack(rows))
