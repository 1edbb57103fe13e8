"""Which columns of a table name its variants, by name or by place, and what a row states of its own variant."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from matcher.genotypes.naming import NamedVariant, variant_of

FEWEST_VARIANTS = 24
"""Variants below which a table is no matrix of calls: nobody can be told by fewer."""
_CHROMOSOME = re.compile(r"#?(chr|chrom|chromosome|chr_id)", re.IGNORECASE)
_POSITION = re.compile(r"(pos|position|bp|base_pair_location|start)", re.IGNORECASE)
_COUNTED = re.compile(r"(counted|alt|a1|effect_allele|allele1|coded_allele)", re.IGNORECASE)
_OTHER = re.compile(r"(ref|a2|other_allele|allele2|noncoded_allele|a0|reference)", re.IGNORECASE)
_ELSE = frozenset(("snp", "(c)m", "cm", "id", "rsid", "maf"))
_A_CHROMOSOME = re.compile(r"(chr)?([1-9]|1\d|2[0-6]|X|Y|XY|MT?)", re.IGNORECASE)
_A_POSITION = re.compile(r"[1-9]\d{0,9}")


def describes_variants(name: str) -> bool:
    """Whether a column of that name says something of a variant, and nothing of a sample."""
    patterns = (_CHROMOSOME, _POSITION, _COUNTED, _OTHER)
    return any(one.fullmatch(name) for one in patterns) or name.lower() in _ELSE


def names_variants(cells: Sequence[str]) -> bool:
    """Whether a column names variants: nearly each, few of them twice, and in their order where names are bare places.

    A code such as `3_10245`, a plate and a tube, looks like a place; a column of such codes is not in order.
    """
    named = [one for cell in cells if (one := variant_of(cell)) is not None]
    if len(named) < 0.8 * len(cells) or len({one.name for one in named}) < len(named) / 2:
        return False
    bare = [one for one in named if one.position and not one.counted and one.name[:1].isdigit()]
    runs = list(pairwise((one.chromosome, one.position) for one in bare))
    steps = sum(a[0] != b[0] or a[1] > b[1] for a, b in runs)
    return steps <= max(1, len(runs) // 5)


def places_variants(header: Sequence[str], beside: Sequence[Sequence[str]]) -> bool:
    """Whether the header names a chromosome and a position, and the rows have both (`beside` by column)."""
    columns: dict[str, Sequence[str]] = {}
    for name, cells in zip(header, beside, strict=False):
        for key, pattern in (("chromosome", _CHROMOSOME), ("position", _POSITION)):
            if pattern.fullmatch(name):
                columns.setdefault(key, cells)
    if len(columns) < 2:
        return False
    chromosomes = sum(_A_CHROMOSOME.fullmatch(cell) is not None for cell in columns["chromosome"])
    positions = sum(_A_POSITION.fullmatch(cell) is not None for cell in columns["position"])
    return min(chromosomes, positions) >= 0.8 * len(columns["position"])


def variant_of_row(cells: Sequence[str], header: Sequence[str]) -> NamedVariant:
    """What a row's own columns and its name state of the variant."""
    known = next((one for cell in cells if (one := variant_of(cell)) is not None), NamedVariant(cells[0]))
    told: dict[str, str] = {}
    for name, cell in zip(header, cells, strict=False):
        for key, pattern in (("c", _CHROMOSOME), ("p", _POSITION), ("b", _COUNTED), ("a", _OTHER)):
            if pattern.fullmatch(name):
                told.setdefault(key, cell)
    if "COUNTED" in header:  # a .traw calls the other allele ALT
        told["b"] = cells[header.index("COUNTED")]
        told["a"] = cells[header.index("ALT")] if "ALT" in header[: len(cells)] else ""
    place = told.get("p", "")
    return NamedVariant(
        known.name,
        told.get("c", known.chromosome),
        int(place) if _A_POSITION.fullmatch(place) else 0 if "p" in told else known.position,
        told.get("b", known.counted).upper(),
        told.get("a", known.other).upper(),
    )
