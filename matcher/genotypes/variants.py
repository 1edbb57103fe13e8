"""Variants made comparable: chromosome names, and how a found variant's alleles stand to the cohort's."""

from __future__ import annotations

from typing import Literal

Orientation = Literal["same", "swapped"]

_COMPLEMENT = {"A": "T", "T": "A", "C": "G", "G": "C"}
_NAMES = {"23": "X", "24": "Y", "25": "X", "26": "MT", "M": "MT"}


def chromosome_name(name: str) -> str:
    """`chr1`, `1`, `01` → `1`; `23` → `X`."""
    bare = name.removeprefix("chr").removeprefix("Chr").removeprefix("CHR").upper().lstrip("0") or "0"
    return _NAMES.get(bare, bare)


def is_autosome(name: str) -> bool:
    return name.isdigit() and 1 <= int(name) <= 22


def is_snp(a: str, b: str) -> bool:
    return a in _COMPLEMENT and b in _COMPLEMENT and a != b


def is_palindromic(a: str, b: str) -> bool:
    """A/T and C/G read the same on both strands, so their orientation cannot be told from the alleles."""
    return _COMPLEMENT.get(a) == b


def orientation(found: tuple[str, str], known: tuple[str, str]) -> Orientation | None:
    """How the counted allele of a found variant stands to that of the cohort; None where they are not the same variant.

    The other strand is tried; palindromic variants are left out.
    """
    if not is_snp(*found) or is_palindromic(*found):
        return None
    for pair in (found, (_COMPLEMENT[found[0]], _COMPLEMENT[found[1]])):
        if pair == known:
            return "same"
        if pair == known[::-1]:
            return "swapped"
    return None
