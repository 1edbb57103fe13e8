"""Alignment: which participant of the source a found row or sample is, which variant a found variant is.

Alignment looks at the source and the found file only, never at a recipient's marks: its errors cost power, never
validity. A row that fits two participants about as well is left out, not guessed.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit, prange

from matcher.genotypes.planes import from_calls, from_packed, packed

NOBODY = -1
SITES = 512
MOST_WRONG = 0.30
LEAST_SITES = 24
STRETCH = 1 << 14
"""Source samples gone through for one found sample after the other: their first 64 sites stay in a core's cache."""
TILE = 1_024
"""Source samples of whom mismatches are counted side by side."""
FEW = 24
"""So many of a tile are left when the rest are counted one by one."""


@njit(cache=True, parallel=True, nogil=True)  # type: ignore[untyped-decorator, unused-ignore]
def match_rows(found, values, order, anchors, tolerances, most_candidates, fifths=4):  # type: ignore[no-untyped-def]
    """The source row of every found row, or -1.

    `found` and `values` are fields × rows, in units of the last place; `order[f]` sorts field f of the source.
    For each row the field with the fewest candidates anchors the search; the best candidate must agree on two
    fields or more, on four fifths (or so many) of what the row has, and better than any other row.
    """
    fields, rows = found.shape
    out = np.full(rows, -1, dtype=np.int64)
    missing = np.iinfo(np.int64).min
    for r in prange(rows):
        best_field, low, high, fewest = -1, 0, 0, most_candidates + 1
        present = 0
        for f in range(fields):
            x = found[f, r]
            if x == missing:
                continue
            present += 1
            a = np.searchsorted(anchors[f], x - tolerances[f])
            b = np.searchsorted(anchors[f], x + tolerances[f] + 1)
            if 0 < b - a < fewest:
                best_field, low, high, fewest = f, a, b, b - a
        if best_field < 0 or present < 2:
            continue
        best, second, who = 0, 0, -1
        for c in range(low, high):
            candidate = order[best_field, c]
            agree = 0
            for f in range(fields):
                x, v = found[f, r], values[f, candidate]
                if x != missing and v != missing and abs(x - v) <= tolerances[f]:
                    agree += 1
            if agree > best:
                second, best, who = best, agree, candidate
            elif agree > second:
                second = agree
        if best >= 2 and best > second and 5 * best >= fifths * present:
            out[r] = who
    return out


def sorted_fields(values: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """For each field the order of the source's rows and the values in that order."""
    order = np.argsort(values, axis=1, kind="stable")
    return order, np.take_along_axis(values, order, axis=1)


@njit(cache=True, inline="always")  # type: ignore[untyped-decorator, unused-ignore]
def _ones(x):  # type: ignore[no-untyped-def]
    x = x - ((x >> np.uint64(1)) & np.uint64(0x5555555555555555))
    x = (x & np.uint64(0x3333333333333333)) + ((x >> np.uint64(2)) & np.uint64(0x3333333333333333))
    x = (x + (x >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((x * np.uint64(0x0101010101010101)) >> np.uint64(56))


@njit(cache=True, inline="always")  # type: ignore[untyped-decorator, unused-ignore]
def _wrong(het, hom, called, w, r, het_of, hom_of, called_of, s):  # type: ignore[no-untyped-def]
    """How many of 64 calls of found sample r and source sample s differ."""
    unlike = (het[w, r] ^ het_of[w, s]) | (hom[w, r] ^ hom_of[w, s])
    return _ones(unlike & called[w, r] & called_of[w, s])


@njit(cache=True, inline="always")  # type: ignore[untyped-decorator, unused-ignore]
def _whole(het, hom, called, r, het_of, hom_of, called_of, s):  # type: ignore[no-untyped-def]
    """(how many calls differ, how many both have) of found sample r and source sample s."""
    wrong, sites = np.int64(0), np.int64(0)
    for w in range(het.shape[0]):
        wrong += _wrong(het, hom, called, w, r, het_of, hom_of, called_of, s)
        sites += _ones(called[w, r] & called_of[w, s])
    return wrong, sites


@njit(cache=True, parallel=True, nogil=True)  # type: ignore[untyped-decorator, unused-ignore]
def _first_look(het, hom, called, het_of, hom_of, called_of, low, high, fewest):  # type: ignore[no-untyped-def]
    """By the first 64 sites, the likeliest source sample from `low` to `high`: mismatches × 2^32 + its place."""
    for r in prange(het.shape[1]):
        least = fewest[r]
        for s in range(low, high):
            wrong = _wrong(het, hom, called, 0, r, het_of, hom_of, called_of, s)
            least = min(least, (wrong << 32) | s)
        fewest[r] = least


@njit(cache=True, parallel=True, nogil=True)  # type: ignore[untyped-decorator, unused-ignore]
def _bound(het, hom, called, het_of, hom_of, called_of, likely, most_wrong):  # type: ignore[no-untyped-def]
    """Mismatches of every found sample with the source sample that is likely its own; the nearest has no more."""
    out = np.empty(het.shape[1], dtype=np.int64)
    for r in prange(het.shape[1]):
        wrong, sites = _whole(het, hom, called, r, het_of, hom_of, called_of, likely[r])
        out[r] = wrong if sites >= LEAST_SITES else most_wrong
    return out


@njit(cache=True, parallel=True, nogil=True)  # type: ignore[untyped-decorator, unused-ignore]
def _nearest(  # type: ignore[no-untyped-def]
    het, hom, called, het_of, hom_of, called_of, low, high, bound, margin, most_wrong,
    best, best_wrong, second_wrong, best_sites,
):  # fmt: skip
    """Updates the nearest and second nearest source sample of every found sample, by mismatching calls.

    A sample is given up once it has more than `most_wrong` mismatches, or `margin` more than the nearest can have: so
    many make no difference, and the second nearest is known up to there only. Several are counted at once while most
    are still in question.
    """
    words = het.shape[0]
    for r in prange(het.shape[1]):
        wrong = np.empty(TILE, dtype=np.int64)
        enough = min(most_wrong, second_wrong[r], min(best_wrong[r], bound[r]) + margin)
        for tile in range(low, high, TILE):
            many = min(TILE, high - tile)
            wrong[:many] = 0
            w, left = 0, many
            while w < words and left > FEW:
                left = 0
                for s in range(many):
                    wrong[s] += _wrong(het, hom, called, w, r, het_of, hom_of, called_of, tile + s)
                    left += wrong[s] <= enough
                w += 1
            if not left:
                continue
            for s in range(many):
                if wrong[s] > enough:
                    continue
                total, sites = _whole(het, hom, called, r, het_of, hom_of, called_of, tile + s)
                if total > enough or sites < LEAST_SITES:
                    continue
                if total < best_wrong[r]:
                    second_wrong[r] = best_wrong[r]
                    best[r], best_wrong[r], best_sites[r] = tile + s, total, sites
                elif total < second_wrong[r]:
                    second_wrong[r] = total
                enough = min(most_wrong, second_wrong[r], min(best_wrong[r], bound[r]) + margin)


def match_packed(
    found: npt.NDArray[np.int8], source: npt.NDArray[np.uint8], people: int, margin: int = 3
) -> npt.NDArray[np.int64]:
    """The source sample of every found sample, or -1; the source as `genotypes.planes` packs calls, in the same coding.

    Two passes over the source: the first looks at 64 sites only, and what it finds lets the second give up nearly
    everybody else there too. It is no answer: the second pass says who is nearest, whatever the first one found.
    """
    mine, theirs = from_calls(found), from_packed(source, people)
    both = (mine.het, mine.hom, mine.called, theirs.het, theirs.hom, theirs.called)
    many, most_wrong = found.shape[1], int(MOST_WRONG * found.shape[0]) + margin
    fewest = np.full(many, np.iinfo(np.int64).max)
    stretches = [(low, min(low + STRETCH, people)) for low in range(0, people, STRETCH)]
    for low, high in stretches:
        _first_look(*both, low, high, fewest)
    bound = _bound(*both, fewest & 0xFFFFFFFF, most_wrong)
    best = np.full(many, NOBODY, dtype=np.int64)
    best_wrong = np.full(many, 1 << 30, dtype=np.int64)
    second_wrong = np.full(many, 1 << 30, dtype=np.int64)
    best_sites = np.zeros(many, dtype=np.int64)
    for low, high in stretches:
        _nearest(*both, low, high, bound, margin, most_wrong, best, best_wrong, second_wrong, best_sites)
    good = (best >= 0) & (best_wrong <= MOST_WRONG * best_sites) & (second_wrong - best_wrong >= margin)
    return np.where(good, best, NOBODY)


def match_samples(
    found: npt.NDArray[np.int8], source: npt.NDArray[np.int8], margin: int = 3
) -> npt.NDArray[np.int64]:
    """`match_packed` of calls that are not packed; both are sites × samples in the same coding."""
    return match_packed(found, packed(source), source.shape[1], margin)
