"""Positions through a liftOver chain file, read in either direction.

A chain file tells where stretches of one build (its source) lie in another (its target), some of them on the other
strand or another chromosome. Files are published for some directions only, so a file is read backwards too. The
lengths of the chromosomes that it states tell which builds it joins.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from matcher.genotypes.variants import Codes, chromosome_code

Numbers = npt.NDArray[np.int64]
Places = tuple[Codes, Numbers]
"""Chromosome codes and positions; 0 where they are not known."""

_LENGTHS = {
    "GRCh36": (
        *(247249719, 242951149, 199501827, 191273063, 180857866, 170899992, 158821424, 146274826),
        *(140273252, 135374737, 134452384, 132349534, 114142980, 106368585, 100338915, 88827254),
        *(78774742, 76117153, 63811651, 62435964, 46944323, 49691432),
    ),
    "GRCh37": (
        *(249250621, 243199373, 198022430, 191154276, 180915260, 171115067, 159138663, 146364022),
        *(141213431, 135534747, 135006516, 133851895, 115169878, 107349540, 102531392, 90354753),
        *(81195210, 78077248, 59128983, 63025520, 48129895, 51304566),
    ),
    "GRCh38": (
        *(248956422, 242193529, 198295559, 190214555, 181538259, 170805979, 159345973, 145138636),
        *(138394717, 133797422, 135086622, 133275309, 114364328, 107043718, 101991189, 90338345),
        *(83257441, 80373285, 58617616, 64444167, 46709983, 50818468),
    ),
}
"""Bases of chromosomes 1 … 22."""
_ALSO = {
    **dict.fromkeys(("hg18", "ncbi36", "b36", "grch36"), "GRCh36"),
    **dict.fromkeys(("hg19", "b37", "grch37"), "GRCh37"),
    **dict.fromkeys(("hg38", "b38", "grch38"), "GRCh38"),
}


@dataclass(frozen=True, slots=True)
class Chains:
    """A chain file: blocks of equal length on two builds."""

    source: str | None
    """The build from which it leads, where its lengths tell."""
    target: str | None
    _chains: tuple[Any, ...]

    def lifted(self, chromosomes: Codes, positions: Numbers, *, back: bool = False) -> Places:
        """Where places of the source (with `back`, of the target) lie in the other build.

        Of two chains that hold a place the one of the higher score tells.
        """
        out_chromosomes, out_positions = (
            np.zeros(len(positions), np.uint8),
            np.zeros(len(positions), np.int64),
        )
        rows_of = _by_chromosome(chromosomes, positions)
        # Later ones overwrite: the best is last.
        for chain in sorted(self._chains, key=lambda one: int(one.score)):
            names = chain.source_name, chain.target_name
            left, reached = (chromosome_code(name) for name in (reversed(names) if back else names))
            if not left or left not in rows_of:
                continue
            rows, at = rows_of[left]
            for first, last, other, step in _blocks(chain, back):
                held = slice(int(np.searchsorted(at, first)), int(np.searchsorted(at, last)))
                out_chromosomes[rows[held]] = reached
                out_positions[rows[held]] = other + step * (at[held] - first) + 1 if reached else 0
        return out_chromosomes, out_positions


def read_chains(stream: IO[bytes]) -> Chains:
    """Raises whatever the library raises on a broken file, bare exceptions among it."""
    from pyliftover import LiftOver  # type: ignore[import-untyped,unused-ignore]

    chains = tuple(LiftOver(stream, use_web=False).chain_file.chains)
    return Chains(
        _build_of_lengths((one.source_name, one.source_size) for one in chains),
        _build_of_lengths((one.target_name, one.target_size) for one in chains),
        chains,
    )


def known_build(name: str) -> str | None:
    """`hg19`, `GRCh37`, `b37` → `GRCh37`; None for a build whose lengths are not known here."""
    return _ALSO.get(name.lower())


def beyond_ends(build: str, chromosomes: Codes, positions: Numbers) -> int:
    """How many of these places lie beyond the ends of a known build's chromosomes."""
    ends = np.array([np.iinfo(np.int64).max, *_LENGTHS[build]])
    return int((positions > ends[np.where(chromosomes <= 22, chromosomes, 0)]).sum())


def _by_chromosome(chromosomes: Codes, positions: Numbers) -> dict[int, tuple[Numbers, Numbers]]:
    """The rows of each chromosome along it, and their places counted from 0 as chain files do."""
    order = np.lexsort((positions, chromosomes))
    codes, starts = np.unique(chromosomes[order], return_index=True)
    pieces = np.split(order, starts[1:])
    return {code: (rows, positions[rows] - 1) for code, rows in zip(codes.tolist(), pieces, strict=True)}


def _build_of_lengths(lengths: Iterable[tuple[str, int]]) -> str | None:
    """The build of which all of these autosomes are; None where they are of none or of several."""
    seen = {(chromosome_code(name), length) for name, length in lengths if 1 <= chromosome_code(name) <= 22}
    fits = [
        build
        for build, ends in _LENGTHS.items()
        if seen and all(ends[code - 1] == length for code, length in seen)
    ]
    return fits[0] if len(fits) == 1 else None


def _blocks(chain: Any, back: bool) -> Iterator[tuple[int, int, int, int]]:
    """Each block: from and to (not included) in the build that is left, where its first base comes to lie, the way."""
    forward = chain.target_strand == "+"
    for first, last, other in chain.blocks:
        # The other strand's places count from its own start, which is the chromosome's end.
        low = other if forward else chain.target_size - other - (last - first)
        if not back:
            yield first, last, (low if forward else low + last - first - 1), (1 if forward else -1)
        else:
            yield low, low + last - first, (first if forward else last - 1), (1 if forward else -1)
