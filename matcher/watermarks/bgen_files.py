"""BGEN for marking: hard calls and imputed probabilities.

A call is the most probable genotype. A mark moves the probabilities by one allele step, so that the new call is
the marked one and the row still sums to 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from matcher.errors import BadSourceFile
from matcher.watermarks.genotype_files import Block, Variant

LEAST_PROBABILITY = 0.4
NEARLY_EVEN = 0.5
"""A second call this share as probable as the first makes the call ambiguous."""


class BgenFile:
    def __init__(self, path: Path) -> None:
        import bgen

        self.path = path
        self.sample_file = path.with_suffix(".sample")
        with bgen.BgenReader(str(path), delay_parsing=True) as reader:
            self.compression = reader.header.compression
            inside = list(reader.samples)
        self.lines = self._sample_lines()
        self.samples: Sequence[str] = [one.split()[1] for one in self.lines[2:]] if self.lines else inside
        if not self.samples or len(self.samples) != len(inside):
            raise BadSourceFile(f"{path.name} does not fit its .sample file; give the two of one set")
        self.kin = np.zeros(len(self.samples), dtype=bool)

    def _sample_lines(self) -> list[str]:
        if not self.sample_file.is_file():
            return []
        return [one for one in self.sample_file.read_text(encoding="utf-8").splitlines() if one.strip()]

    def parts(self) -> list[Path]:
        return [self.path, self.sample_file] if self.lines else [self.path]

    def blocks(self, variants_per_block: int) -> Iterator[Block]:
        import bgen

        with bgen.BgenReader(str(self.path), delay_parsing=True) as reader:
            held: list[tuple[Variant, npt.NDArray[np.int8], Any, npt.NDArray[np.int8]]] = []
            for one in reader:
                held.append(self._variant(one))
                if len(held) == variants_per_block:
                    yield _block(held)
                    held = []
            if held:
                yield _block(held)

    def _variant(self, one: Any) -> tuple[Variant, npt.NDArray[np.int8], Any, npt.NDArray[np.int8]]:
        if len(one.alleles) != 2 or one.is_phased:
            raise BadSourceFile(
                f"{self.path.name}: a variant is phased or has more than two alleles; "
                "write it anew with plink2 --export bgen-1.2"
            )
        probabilities = np.asarray(one.probabilities)
        best = np.where(np.isnan(probabilities), -1, probabilities)
        calls = best.argmax(axis=1).astype(np.int8)
        calls[best.max(axis=1) < LEAST_PROBABILITY] = -1
        variant = Variant(one.chrom, int(one.pos), one.rsid, one.alleles[0], one.alleles[1])
        return variant, calls, (one.varid, probabilities), _seconds(best, calls)

    @contextmanager
    def writer(self, out: Path, ids: Sequence[str]) -> Iterator[BgenMarkWriter]:
        import bgen

        if self.lines:
            with out.with_suffix(".sample").open("w", encoding="utf-8") as file:
                file.write("\n".join(self.lines[:2]) + "\n")
                for line, code in zip(self.lines[2:], ids, strict=True):
                    file.write(" ".join([code, code, *line.split()[2:]]) + "\n")
        with bgen.BgenWriter(
            str(out), len(ids), samples=list(ids), compression=self.compression or "zlib", layout=2
        ) as writer:
            yield BgenMarkWriter(writer)


class BgenMarkWriter:
    def __init__(self, writer: Any) -> None:
        self._writer = writer

    def write(self, block: Block, marked: npt.NDArray[np.int8]) -> None:
        for v, variant in enumerate(block.variants):
            varid, probabilities = block.payload[v]
            changed = np.flatnonzero(marked[v] != block.dosages[v])
            out = np.array(probabilities, dtype=np.float64)
            old, new = block.dosages[v, changed].astype(np.int64), marked[v, changed].astype(np.int64)
            # the two probabilities trade places: the row sums to 1 and is as sure as it was
            out[changed, old], out[changed, new] = probabilities[changed, new], probabilities[changed, old]
            self._writer.add_variant(
                varid,
                variant.name,
                variant.chromosome,
                variant.position,
                [variant.a, variant.b],
                out,
                bit_depth=8,
            )


def _seconds(probabilities: npt.NDArray[np.float64], calls: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    """The second call where the first is hardly better and one allele step away, else -1."""
    order = np.argsort(-probabilities, axis=1, kind="stable")
    rows = np.arange(calls.size)
    first, second = order[:, 0], order[:, 1]
    near = probabilities[rows, second] >= NEARLY_EVEN * probabilities[rows, first]
    return np.where(near & (calls >= 0) & (np.abs(first - second) == 1), second, -1).astype(np.int8)


def _block(held: list[tuple[Variant, npt.NDArray[np.int8], Any, npt.NDArray[np.int8]]]) -> Block:
    return Block(
        [one[0] for one in held],
        np.stack([one[1] for one in held]),
        [one[2] for one in held],
        np.stack([one[3] for one in held]),
    )
