"""Variants made comparable: chromosomes, names and alleles as numbers, and how a found variant's alleles stand.

Alleles are coded A 0, C 1, G 2, T 3, so that the other strand's letter is 3 - code; 255 is "not stated".
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

import numpy as np
import numpy.typing as npt

UNSTATED = 255
_CODES = {"A": 0, "C": 1, "G": 2, "T": 3}
_NAMES = {"23": "X", "24": "Y", "25": "X", "26": "MT", "M": "MT"}
_CHROMOSOMES = {str(number): number for number in range(1, 23)} | {"X": 23, "Y": 24, "MT": 26}
_RS = re.compile(r"rs(\d{1,12})", re.IGNORECASE)
_HASHED = 1 << 60

SAME, SWAPPED, OTHER = 0, 1, -1
"""How the counted allele of a found variant stands to the cohort's; OTHER: not the same variant."""

Codes = npt.NDArray[np.uint8]


def chromosome_name(name: str) -> str:
    """`chr1`, `1`, `01` → `1`; `23` → `X`."""
    bare = name.removeprefix("chr").removeprefix("Chr").removeprefix("CHR").upper().lstrip("0") or "0"
    return _NAMES.get(bare, bare)


def chromosome_code(name: str) -> int:
    """1…22, X 23, Y 24, MT 26, anything else 0."""
    return _CHROMOSOMES.get(chromosome_name(name), 0)


def is_autosome(name: str) -> bool:
    return 1 <= chromosome_code(name) <= 22


def allele_code(allele: str) -> int:
    """0…3 for A, C, G, T; UNSTATED for anything else."""
    return _CODES.get(allele, UNSTATED)


def name_number(name: str) -> int:
    """The number of an rsID; a number of 60 bits and more for another name; 0 for none."""
    if not name or name == ".":
        return 0
    known = _RS.fullmatch(name)
    if known:
        return int(known.group(1))
    return _HASHED + int.from_bytes(hashlib.blake2b(name.encode(), digest_size=7).digest(), "big")


def place_number(chromosomes: Codes, positions: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Chromosome and position as one number, 0 where either is not known."""
    numbers: npt.NDArray[np.int64] = (chromosomes.astype(np.int64) << 40) | positions
    return np.where((chromosomes > 0) & (positions > 0), numbers, 0)


def is_snp(a: str, b: str) -> bool:
    return a in _CODES and b in _CODES and a != b


def is_palindromic(a: str, b: str) -> bool:
    """A/T and C/G read the same on both strands, so their orientation cannot be told from the alleles."""
    return a in _CODES and b in _CODES and _CODES[a] + _CODES[b] == 3


def orientations(found_a: Codes, found_b: Codes, known_a: Codes, known_b: Codes) -> npt.NDArray[Any]:
    """How each found variant stands to the known one: SAME, SWAPPED or OTHER; int8.

    The other strand is tried. Known variants are not palindromic, so one letter is enough: a found allele that is
    not stated (one sample shows but one letter where it is homozygous) says nothing against any.
    """
    out = np.full(len(found_a), OTHER, dtype=np.int8)
    for flipped in (False, True):
        a, b = (np.where(one < 4, 3 - one, one) if flipped else one for one in (found_a, found_b))
        for swapped, (first, second) in ((SAME, (known_a, known_b)), (SWAPPED, (known_b, known_a))):
            fits = ((a == first) | (a == UNSTATED)) & ((b == second) | (b == UNSTATED))
            stated = (a != UNSTATED) | (b != UNSTATED)
            out = np.where((out == OTHER) & fits & stated, np.int8(swapped), out)
    return out
