"""The lists that stand beside calls (.bim, .pvar, .fam, .psam, .snp, .ind), as columns, block by block.

A block of plain lines is taken apart by a compiled scanner; any other (quoted, damaged, with letters of other scripts)
line by line, with the same outcome.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt

from matcher.contents import Genotypes, Limits, Opened, Unreadable
from matcher.formats.beside import blocks_beside, lines_of, position_of
from matcher.formats.list_scanning import count_lines, scan_columns, scan_positions
from matcher.formats.scanning import bytes_of

_TAB, _BLANK = 9, 32
_PEOPLE_HEAD = re.compile(rb"##[^\n]*\n?|#[FI]ID[^\n]*\n?")


@dataclass(frozen=True, slots=True)
class Sites:
    """Some variants of a list; alleles are as the list has them, in capitals."""

    chromosomes: Sequence[str]
    positions: npt.NDArray[np.int64]
    names: Sequence[str]
    """"" where the list has a point."""
    first: Sequence[str]
    second: Sequence[str]

    def __len__(self) -> int:
        return len(self.positions)

    def __getitem__(self, some: slice) -> Sites:
        return Sites(
            self.chromosomes[some],
            self.positions[some],
            self.names[some],
            self.first[some],
            self.second[some],
        )


def genotypes_of(
    samples: tuple[str, ...],
    sites: Sites,
    alleles: tuple[Sequence[str], Sequence[str]],
    calls: npt.NDArray[np.int8],
) -> Genotypes:
    """A part of a find whose sites stand in a list; `calls` (sites × samples) count the second of the alleles."""
    return Genotypes(
        samples=samples,
        chromosomes=tuple(sites.chromosomes),
        positions=sites.positions,
        names=tuple(sites.names),
        alleles_a=tuple(alleles[0]),
        alleles_b=tuple(alleles[1]),
        dosages=calls,
    )


def in_steps(blocks: Iterator[Sites], step: int) -> Iterator[Sites]:
    """The same variants, at most so many at once."""
    for block in blocks:
        for start in range(0, len(block), step):
            yield block[start : start + step]


def sites_of(block: bytes, columns: Sequence[int], least: int, too_few: str, *, tabs: bool = False) -> Sites:
    """The variants of a block whose chromosome, position, name and two alleles stand in these columns.

    Raises:
        Unreadable: a line has fewer cells than `least`; the detail is `too_few`.
    """
    found = _plain(block, columns, least, _TAB if tabs else _BLANK)
    if found is None:
        return _line_by_line(block, columns, least, too_few, tabs=tabs)
    chromosomes, places, names, first, second = found
    positions = np.zeros(places.count(b"\n"), np.int64)
    scan_positions(bytes_of(places), positions)
    return Sites(
        _cells(chromosomes), positions, named(_cells(names)), _cells(first.upper()), _cells(second.upper())
    )


def named(names: Sequence[str]) -> Sequence[str]:
    return ["" if one == "." else one for one in names] if "." in names else names


def _line_by_line(block: bytes, columns: Sequence[int], least: int, too_few: str, *, tabs: bool) -> Sites:
    rows = [line.split("\t") if tabs and "\t" in line else line.split() for line in lines_of(block)]
    if any(len(row) < least for row in rows):
        raise Unreadable("damaged", too_few)
    chromosome, place, name, first, second = columns
    return Sites(
        [row[chromosome] for row in rows],
        np.array([position_of(row[place]) for row in rows], dtype=np.int64),
        named([row[name] for row in rows]),
        [row[first].upper() for row in rows],
        [row[second].upper() for row in rows],
    )


def _plain(block: bytes, columns: Sequence[int], least: int, delimiter: int) -> list[bytes] | None:
    """These columns of a block of plain lines, each cell ended by a line feed; None of any other block."""
    slots = np.full(max(least, *(one + 1 for one in columns)), -1, np.int64)
    slots[list(columns)] = np.arange(len(columns))
    out = np.empty((len(columns), len(block) + 1), np.uint8)
    ends = np.zeros(len(columns), np.int64)
    if scan_columns(bytes_of(block), delimiter, slots, out, ends) < 0:
        return None
    return [out[row, : ends[row]].tobytes() for row in range(len(columns))]


def _cells(column: bytes) -> list[str]:
    return column[:-1].decode("ascii").split("\n") if column else []


def count_of(blocks: Iterator[bytes]) -> int:
    """How many lines are not empty."""
    return sum(int(count_lines(bytes_of(block))) for block in blocks)


def headed(block: bytes, head: re.Pattern[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Lines of a head (b"" where there is none), each with the lines behind it, which may be none."""
    line, start, at = b"", 0, 0
    while b"#" in block:  # one letter is found ten times faster than the two below
        begins = block.startswith(b"#", at) and (at == 0 or block[at - 1] == 10)
        here = at if begins else block.find(b"\n#", at) + 1
        if not begins and not here:
            break
        found = head.match(block, here)
        if found is None:
            at = here + 1
            continue
        if line or here > start:
            yield line, block[start:here]
        line, start = found[0].strip(), found.end()
        at = start
    yield line, block[start:]


def column_of(block: bytes, column: int, too_few: str) -> list[str]:
    """One column of a block of lines of words.

    Raises:
        Unreadable: a line has no such column; the detail is `too_few`.
    """
    found = _plain(block, (column,), column + 1, _BLANK)
    if found is not None:
        return _cells(found[0])
    cells = []
    for line in lines_of(block):
        words = line.split(None, column + 1)
        if len(words) <= column:
            raise Unreadable("damaged", too_few)
        cells.append(words[column])
    return cells


def people_beside(opened: Opened, limits: Limits, *suffixes: str) -> tuple[str, ...]:
    """The within-family ids of a .fam; of a .psam the column `IID`.

    Raises:
        Unreadable: a line has too few columns, or nobody is in it.
    """
    # Each block's names go into the tuple while the processor's cache still has them: half a million do not fit it.
    people = tuple(chain.from_iterable(_people_by_block(blocks_beside(opened, limits, *suffixes))))
    if not people:
        raise Unreadable("damaged", "a list of samples with nobody in it")
    return people


def _people_by_block(blocks: Iterator[bytes]) -> Iterator[Sequence[str]]:
    at = 1
    for block in blocks:
        for head, body in headed(block, _PEOPLE_HEAD):
            if head.startswith((b"#FID", b"#IID")):
                names = head[1:].split()
                at = names.index(b"IID") if b"IID" in names else 0
            yield column_of(body, at, "a list of samples with too few columns")
