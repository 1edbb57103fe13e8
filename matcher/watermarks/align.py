"""Alignment: which participant of the source a found row or sample is, which variant a found variant is.

Alignment looks at the source and the found file only, never at a recipient's marks: its errors cost power, never
validity. A row that fits two participants about as well is left out, not guessed.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit, prange

NOBODY = -1
SITES = 512
MOST_WRONG = 0.30
LEAST_SITES = 24


@njit(cache=True, parallel=True, nogil=True)  # type: ignore[untyped-decorator, unused-ignore]
def match_rows(found, values, order, anchors, tolerances, most_candidates):  # type: ignore[no-untyped-def]
    """The source row of every found row, or -1.

    `found` and `values` are fields × rows, in units of the last place; `order[f]` sorts field f of the source.
    For each row the field with the fewest candidates anchors the search; the best candidate must agree on two
    fields or more, on four fifths of what the row has, and better than any other row.
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
        if best >= 2 and best > second and 5 * best >= 4 * present:
            out[r] = who
    return out


def sorted_fields(values: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """For each field the order of the source's rows and the values in that order."""
    order = np.argsort(values, axis=1, kind="stable")
    return order, np.take_along_axis(values, order, axis=1)


def planes(calls: npt.NDArray[np.int8]) -> npt.NDArray[np.uint64]:
    """Bit planes of samples: three words (≥ 1, = 2, present) for every 64 sites; samples × words × 3."""
    sites, samples = calls.shape
    out = np.zeros((samples, -(-sites // 64), 3), dtype=np.uint64)
    _fill_planes(calls, out)
    return out


@njit(cache=True, parallel=True, nogil=True)  # type: ignore[untyped-decorator, unused-ignore]
def _fill_planes(calls, out):  # type: ignore[no-untyped-def]
    sites, samples = calls.shape
    for w in prange(out.shape[1]):
        word = np.zeros((3, samples), dtype=np.uint64)
        for v in range(64 * w, min(sites, 64 * w + 64)):
            bit = np.uint64(v - 64 * w)
            for s in range(samples):
                g = calls[v, s]
                word[0, s] |= np.uint64(g >= 1) << bit
                word[1, s] |= np.uint64(g == 2) << bit
                word[2, s] |= np.uint64(g >= 0) << bit
        for s in range(samples):
            for plane in range(3):
                out[s, w, plane] = word[plane, s]


@njit(cache=True, inline="always")  # type: ignore[untyped-decorator, unused-ignore]
def _ones(x):  # type: ignore[no-untyped-def]
    x = x - ((x >> np.uint64(1)) & np.uint64(0x5555555555555555))
    x = (x & np.uint64(0x3333333333333333)) + ((x >> np.uint64(2)) & np.uint64(0x3333333333333333))
    x = (x + (x >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((x * np.uint64(0x0101010101010101)) >> np.uint64(56))


@njit(cache=True, parallel=True, nogil=True)  # type: ignore[untyped-decorator, unused-ignore]
def nearest(found, source, best, best_wrong, second_wrong, best_sites, offset, margin, most_wrong):  # type: ignore[no-untyped-def]
    """Updates the nearest and second nearest source sample of every found sample, by mismatching calls.

    A sample is given up once it has more than `most_wrong` mismatches, or `margin` more than the nearest: so many make
    no difference, and the second nearest is known up to there only.
    """
    for r in prange(found.shape[0]):
        enough = min(most_wrong, second_wrong[r], best_wrong[r] + margin)
        for s in range(source.shape[0]):
            wrong = np.int64(0)
            sites = np.int64(0)
            for w in range(found.shape[1]):
                here = found[r, w, 2] & source[s, w, 2]
                wrong += _ones(
                    ((found[r, w, 0] ^ source[s, w, 0]) | (found[r, w, 1] ^ source[s, w, 1])) & here
                )
                sites += _ones(here)
                if wrong > enough:
                    break
            else:
                if sites >= 24:
                    if wrong < best_wrong[r]:
                        second_wrong[r] = best_wrong[r]
                        best[r], best_wrong[r], best_sites[r] = offset + s, wrong, sites
                    elif wrong < second_wrong[r]:
                        second_wrong[r] = wrong
                    enough = min(most_wrong, second_wrong[r], best_wrong[r] + margin)


def match_samples(
    found: npt.NDArray[np.int8], source: npt.NDArray[np.int8], margin: int = 3
) -> npt.NDArray[np.int64]:
    """The source sample of every found sample, or -1; both are sites × samples in the same coding."""
    many = found.shape[1]
    best = np.full(many, NOBODY, dtype=np.int64)
    best_wrong = np.full(many, 1 << 30, dtype=np.int64)
    second_wrong = np.full(many, 1 << 30, dtype=np.int64)
    best_sites = np.zeros(many, dtype=np.int64)
    mine = planes(found)
    most_wrong = int(MOST_WRONG * found.shape[0]) + margin
    for start in range(0, source.shape[1], 50_000):
        theirs = planes(source[:, start : start + 50_000])
        nearest(mine, theirs, best, best_wrong, second_wrong, best_sites, start, margin, most_wrong)
    good = (best >= 0) & (best_wrong <= MOST_WRONG * best_sites) & (second_wrong - best_wrong >= margin)
    return np.where(good, best, NOBODY)
