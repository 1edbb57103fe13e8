"""Ids of one release: format-preserving encryption of a participant's number in the roster.

A Feistel network of ten rounds over SipHash-2-4, with cycle walking into the space of the design. Ids of the sparse
designs are recognised without a list: decryption gives a number that the roster has, or it does not. Three designs:
`7-digit` (as UK Biobank's; a tenth of the space is in use), `10-digit`, and `12-base32` (48 bits and 12 check bits).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
from numba import njit

from matcher.tables.cell_bytes import bytes_of, trimmed
from matcher.watermarks.units import draw

Design = Literal["7-digit", "10-digit", "12-base32"]
ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32: no i, l, o, u."""
_SPACES = {
    "7-digit": (1_000_000, 5_000_000),
    "10-digit": (1_000_000_000, 9_000_000_000),
    "12-base32": (0, 1 << 48),
}
NOBODY = -1
_IS_BASE32 = np.isin(np.arange(256), [ord(one) for one in ALPHABET])


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator, unused-ignore]
def _feistel(numbers, key, half, space, backwards):  # type: ignore[no-untyped-def]
    mask = (np.uint64(1) << np.uint64(half)) - np.uint64(1)
    out = np.empty(numbers.size, dtype=np.uint64)
    for i in range(numbers.size):
        x = numbers[i]
        while True:
            left, right = x >> np.uint64(half), x & mask
            for step in range(10):
                r = np.uint64(9 - step if backwards else step)
                if backwards:
                    left, right = right ^ (draw(key[0], key[1], r, left) & mask), left
                else:
                    left, right = right, left ^ (draw(key[0], key[1], r, right) & mask)
            x = (left << np.uint64(half)) | right
            if x < space:
                break
        out[i] = x
    return out


def _half(space: int) -> int:
    return ((space - 1).bit_length() + 1) // 2


def pseudonyms(numbers: npt.NDArray[np.int64], key: npt.NDArray[np.uint64], design: Design) -> list[str]:
    """The ids of participants in one release, under the release's key."""
    first, space = _SPACES[design]
    coded = _feistel(numbers.astype(np.uint64), key, _half(space), np.uint64(space), False)
    if design == "12-base32":
        return [_base32((int(one) << 12) | _check(int(one), key)) for one in coded]
    return [str(first + int(one)) for one in coded]


def numbers_of(
    ids: Iterable[str], key: npt.NDArray[np.uint64], design: Design, participants: int
) -> npt.NDArray[np.int64]:
    """The roster's numbers behind some ids, `NOBODY` where an id is not of this release."""
    first, space = _SPACES[design]
    coded = np.full(len(listed := list(ids)), -1, dtype=np.int64)
    for i, one in enumerate(listed):
        if design == "12-base32":
            bits = _from_base32(one)
            if bits >= 0 and bits & 0xFFF == _check(bits >> 12, key):
                coded[i] = bits >> 12
        elif one.isascii() and one.isdigit() and len(one) == len(str(first)):
            coded[i] = int(one) - first
    valid = (coded >= 0) & (coded < space)
    out = np.full(coded.size, NOBODY, dtype=np.int64)
    plain = _feistel(coded[valid].astype(np.uint64), key, _half(space), np.uint64(space), True)
    out[valid] = np.where(plain < np.uint64(participants), plain, np.uint64(2**63)).astype(np.int64)
    return np.where((out >= 0) & (out < participants), out, NOBODY)


def canary_ids(
    count: int,
    taken: npt.NDArray[np.int64],
    release_key: npt.NDArray[np.uint64],
    key: npt.NDArray[np.uint64],
    design: Design,
) -> tuple[list[str], int]:
    """Ids of canaries in one release: two under every other id, the rest anywhere free; and where others begin.

    `taken` are the roster's numbers that have ids in the release.
    """
    first, space = _SPACES[design]
    used = {
        int(one)
        for one in _feistel(taken.astype(np.uint64), release_key, _half(space), np.uint64(space), False)
    }
    if len(used) + count > space // 2:
        raise ValueError("too few ids are left in this design")
    lowest = min(used, default=space // 2)
    coded: list[int] = []
    step = 0
    while len(coded) < count:
        head = len(coded) < 2
        room = lowest if head and lowest >= 2 else space
        one = int(_one(key, np.uint64(2**33), np.uint64(step))) % room
        step += 1
        if one not in used:
            used.add(one)
            coded.append(one)
    coded[:2] = sorted(coded[:2])
    if design == "12-base32":
        return [_base32((one << 12) | _check(one, release_key)) for one in coded], lowest
    return [str(first + one) for one in coded], lowest


def coded_id(word: str) -> tuple[Design, int] | None:
    """What a word is as an id: its design and its place in the space (with the check bits), or None."""
    if word.isascii() and word.isdigit():
        designs: tuple[Design, Design] = ("7-digit", "10-digit")
        for design in designs:
            first, space = _SPACES[design]
            if len(word) == len(str(first)) and 0 <= int(word) - first < space:
                return design, int(word) - first
    bits = _from_base32(word)
    return ("12-base32", bits) if bits >= 0 else None


def coded_cells(cells: Sequence[str], most: int) -> tuple[int, int]:
    """Cells that are not blank, and those of them that `coded_id` knows, among the first so many."""
    data, offsets = bytes_of(cells, most)
    counts = np.zeros(2, dtype=np.int64)
    if _count_coded(data, offsets, _IS_BASE32, counts):
        return int(counts[0]), int(counts[1])
    filled = [one.strip() for one in cells[:most] if one.strip()]
    return len(filled), sum(coded_id(one) is not None for one in filled)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator, unused-ignore]
def _count_coded(data, offsets, is_base32, counts):  # type: ignore[no-untyped-def]
    """Counts cells that are not blank and those that are ids of a design; False where one is not ASCII."""
    for i in range(offsets.shape[0] - 1):
        start, end = offsets[i], offsets[i + 1]
        for k in range(start, end):
            if data[k] >= 128:
                return False
        start, end = trimmed(data, start, end)
        size = end - start
        counts[0] += 1 if size else 0
        if size != 7 and size != 10 and size != 12:
            continue
        coded = True
        for k in range(start, end):
            coded = coded and (is_base32[data[k]] if size == 12 else 48 <= data[k] <= 57)
        # 1000000 to 5999999, and ten digits without a leading 0
        most = 53 if size == 7 else 57
        counts[1] += 1 if coded and (size == 12 or 49 <= data[start] <= most) else 0
    return True


def space_of(design: Design) -> tuple[int, int]:
    """How many values `coded_id` may give in a design, and how many of them share a number."""
    return (_SPACES[design][1] * 4096, 4096) if design == "12-base32" else (_SPACES[design][1], 1)


def density(design: Design, participants: int) -> float:
    """The share of the design's space that a release uses: the chance that a random id is one of its own."""
    return participants / (_SPACES[design][1] * (4096 if design == "12-base32" else 1))


def ids_log10_e(inside: int, outside: int, used: float) -> float:
    """log10 e-value of distinct ids, given how many are the release's own; ids alone never accuse.

    Null: each id that is not the release's falls on one with chance `used`. The share of foreign numbers is
    averaged over.
    """
    foreign = np.array([0.01, 0.05, 0.2, 0.5, 0.8, 0.95])
    share = ((1 - foreign) + foreign * used) / used
    terms = inside * np.log10(share) + outside * np.log10(foreign * (1 - used) / (1 - used))
    top = float(terms.max())
    return top + float(np.log10(np.mean(10.0 ** (terms - top))))


def _check(coded: int, key: npt.NDArray[np.uint64]) -> int:
    return int(_one(key, np.uint64(2**32), np.uint64(coded))) & 0xFFF


@njit(cache=True)  # type: ignore[untyped-decorator, unused-ignore]
def _one(key, first, second):  # type: ignore[no-untyped-def]
    return draw(key[0], key[1], first, second)


def _base32(bits: int) -> str:
    return "".join(ALPHABET[(bits >> shift) & 31] for shift in range(55, -1, -5))


def _from_base32(text: str) -> int:
    if len(text) != 12 or any(one not in ALPHABET for one in text):
        return -1
    bits = 0
    for one in text:
        bits = bits << 5 | ALPHABET.index(one)
    return bits
