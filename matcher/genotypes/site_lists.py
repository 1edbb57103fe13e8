"""Lists of sites that two organisations agree on: an array's manifest, a .bim, a VCF's first columns, a score.

Text with a header that names its columns, or without one: chromosome, position and two alleles, or the six columns
of a .bim; separated by tabs, commas or spaces; gzipped or not. What is no SNP stays in and is left out by `handover`.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from matcher.errors import BadSourceFile
from matcher.genotypes.sites import FoundVariants
from matcher.genotypes.variants import allele_code, chromosome_code, name_number

MOST_SITES = 20_000_000
_GZIP = b"\x1f\x8b"
_CHROMOSOME = ("chrom", "chr", "chromosome", "chr_name", "hm_chr")
_POSITION = ("pos", "position", "bp", "chr_position", "hm_pos", "mapinfo", "position_start")
_FIRST = ("ref", "a1", "allele1", "allele_1", "effect_allele", "allele_a", "allelea")
_SECOND = ("alt", "a2", "allele2", "allele_2", "other_allele", "allele_b", "alleleb", "hm_inferotherallele")
_NAME = ("id", "snp", "rsid", "rs_id", "name", "snpid", "hm_rsid", "variant_id")
_GIVE = "give chromosome, position and two alleles, with a header, or a .bim"


class _Columns(NamedTuple):
    chromosome: int
    position: int
    first: int
    second: int
    name: int | None


def read_sites(path: Path) -> FoundVariants:
    """The sites of a list, in its order.

    Raises:
        BadSourceFile: the list is empty, is no text, or has no columns of sites.
    """
    columns: _Columns | None = None
    rows: list[tuple[int, int, int, int, int]] = []
    for number, cells in _lines(path):
        if columns is None:
            columns = _named(cells)
            if columns is not None:
                continue
            columns = _unnamed(cells)
        if columns is None:
            raise BadSourceFile(f"{path.name} is no list of sites; {_GIVE}")
        if len(rows) >= MOST_SITES:
            raise BadSourceFile(
                f"{path.name} has over {MOST_SITES:,} sites; give an array's or a score's list"
            )
        rows.append(_site(path, number, cells, columns))
    if not rows:
        raise BadSourceFile(f"{path.name} holds no sites; {_GIVE}")
    table = np.array(rows, np.int64)
    codes = table[:, [0, 3, 4]].astype(np.uint8)
    return FoundVariants(
        codes[:, 0], table[:, 1], table[:, 2], codes[:, 1], codes[:, 2], np.ones(len(rows), np.bool_)
    )


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The number and the cells of every line but empty ones and comments (`##`, or `#` before what is no header)."""
    with path.open("rb") as raw:
        zipped = raw.read(2) == _GZIP
    try:
        with gzip.open(path, "rt", encoding="utf-8") if zipped else path.open(encoding="utf-8-sig") as lines:
            for number, line in enumerate(lines, start=1):
                text = line.strip()
                if not text or text.startswith("##"):
                    continue
                cells = _cells(text.removeprefix("#"))
                if not text.startswith("#") or _named(cells) is not None:
                    yield number, cells
    except (UnicodeDecodeError, EOFError, gzip.BadGzipFile) as wrong:
        raise BadSourceFile(f"{path.name} cannot be read as text ({type(wrong).__name__}); {_GIVE}") from None


def _cells(text: str) -> list[str]:
    for separator in ("\t", ","):
        if separator in text:
            return [cell.strip().strip('"') for cell in text.split(separator)]
    return text.split()


def _named(cells: Sequence[str]) -> _Columns | None:
    """Where the columns stand, if these cells are a header."""
    lower = [cell.lower() for cell in cells]

    def at(names: Sequence[str]) -> int | None:
        return next((lower.index(name) for name in names if name in lower), None)

    chromosome, position, first, second = (at(one) for one in (_CHROMOSOME, _POSITION, _FIRST, _SECOND))
    if chromosome is None or position is None or first is None or second is None:
        return None
    return _Columns(chromosome, position, first, second, at(_NAME))


def _unnamed(cells: Sequence[str]) -> _Columns | None:
    if len(cells) == 4 and cells[1].isdecimal():
        return _Columns(0, 1, 2, 3, None)
    if len(cells) == 6 and cells[3].isdecimal():
        return _Columns(0, 3, 4, 5, 1)
    return None


def _site(path: Path, number: int, cells: Sequence[str], columns: _Columns) -> tuple[int, int, int, int, int]:
    """Chromosome, position, name and alleles as numbers; what cannot be placed has position 0."""
    if len(cells) <= max(columns.chromosome, columns.position, columns.first, columns.second):
        raise BadSourceFile(f"line {number} of {path.name} has too few columns; {_GIVE}")
    text = cells[columns.position]
    position = int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0
    name = cells[columns.name] if columns.name is not None and columns.name < len(cells) else ""
    return (
        chromosome_code(cells[columns.chromosome]),
        position,
        name_number(name),
        allele_code(cells[columns.first].upper()),
        allele_code(cells[columns.second].upper()),
    )
