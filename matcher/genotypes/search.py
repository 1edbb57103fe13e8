"""The search: which participants are nearest to each found sample, by counting bits of planes.

A pair costs six bit operations and a population count for 64 sites, and the compiler does several pairs at once.
The distance is the number of sites where the calls differ, plus `FAR` more where they are opposite homozygotes, so
that kin stand out too. It only ranks: who is called is decided by likelihoods (`kinship`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from llvmlite import ir  # type: ignore[import-untyped,unused-ignore]
from numba import get_num_threads, njit, prange, types
from numba.extending import intrinsic

from matcher.genotypes.planes import Planes

NEAREST = 8
"""Participants kept for each found sample."""
FAR = 2
_TILE = 512
"""People whose planes are compared with one sample after the other while they lie in the nearest cache."""
_NOBODY = np.int32(2**30)

Nearest = tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]


@intrinsic  # type: ignore[untyped-decorator,unused-ignore]
def _ones(_context: Any, word: Any) -> Any:  # noqa: ARG001 - Numba calls it by these names
    """The population count of a word, as the processor does it."""

    def generate(_inner: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        kind = ir.IntType(64)
        count = builder.module.declare_intrinsic("llvm.ctpop", [kind])
        return builder.call(count, [arguments[0]])

    return types.int64(types.uint64), generate


def nearest(found: Planes, cohort: Planes, *, kin: bool = False, keep: int = NEAREST) -> Nearest:
    """The `keep` nearest people of the cohort for each found sample: their places and distances, nearest first.

    Both have the same sites. With `kin`, opposite homozygotes weigh three times as much as other differences.
    Places are -1 where the cohort has fewer people. Of the sites that a participant lacks, every second counts as
    a difference.
    """
    places = np.full((found.people_count, keep), -1, np.int64)
    distances = np.full((found.people_count, keep), _NOBODY, np.int32)
    lacks = _lacking(cohort)
    shares = max(1, min(found.people_count, 4 * get_num_threads()))
    rows = tuple(np.ascontiguousarray(plane.T) for plane in (found.het, found.hom, found.called))
    _scan(shares, rows, (cohort.het, cohort.hom, cohort.called), lacks, kin, (places, distances))
    return places, distances


def merged(one: Nearest, other: Nearest, offset: int) -> Nearest:
    """The nearest of two parts of a cohort; `offset` is the place of the second part's first person."""
    keep = one[0].shape[1]
    places = np.concatenate([one[0], np.where(other[0] >= 0, other[0] + offset, -1)], axis=1)
    distances = np.concatenate([one[1], other[1]], axis=1)
    order = np.argsort(distances, axis=1, kind="stable")[:, :keep]
    return np.take_along_axis(places, order, axis=1), np.take_along_axis(distances, order, axis=1)


def _lacking(cohort: Planes) -> npt.NDArray[np.int32]:
    """Half the calls that each person lacks, so that an empty sample is near to nobody."""
    present = np.zeros(cohort.people_count, np.int32)
    for word in cohort.called:
        present += _counted(word)
    return ((cohort.sites_count - present) // 2).astype(np.int32)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator,unused-ignore]
def _counted(words: Any) -> Any:
    out = np.empty(words.size, np.int32)
    for at in range(words.size):
        out[at] = _ones(words[at])
    return out


@njit(cache=True, nogil=True, inline="always")  # type: ignore[untyped-decorator,unused-ignore]
def _keep_best(row: int, low: int, score: Any, places: Any, distances: Any) -> None:
    keep = places.shape[1]
    worst = distances[row, keep - 1]
    for at in range(score.size):
        if score[at] < worst:
            slot = keep - 1
            while slot > 0 and distances[row, slot - 1] > score[at]:
                distances[row, slot] = distances[row, slot - 1]
                places[row, slot] = places[row, slot - 1]
                slot -= 1
            distances[row, slot] = score[at]
            places[row, slot] = low + at
            worst = distances[row, keep - 1]


@njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator,unused-ignore]
def _add_differences(h: Any, a: Any, v: Any, het: Any, hom: Any, called: Any, score: Any) -> None:
    for at in range(het.size):
        differ = ((h ^ het[at]) | (a ^ hom[at])) & v & called[at]
        score[at] += np.int32(_ones(differ))


@njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator,unused-ignore]
def _add_opposites(h: Any, a: Any, v: Any, het: Any, hom: Any, called: Any, score: Any) -> None:
    for at in range(het.size):
        opposite = (a ^ hom[at]) & ~(h | het[at]) & v & called[at]
        score[at] += np.int32(FAR * _ones(opposite))


@njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator,unused-ignore]
def _scan_rows(first: int, last: int, found: Any, cohort: Any, lacks: Any, kin: bool, out: Any) -> None:
    """One share of the found samples against everybody, a tile of people at a time, so that the tile stays near."""
    het, hom, called = found
    places, distances = out
    people = lacks.size
    score = np.empty(_TILE, np.int32)
    for low in range(0, people, _TILE):
        high = min(people, low + _TILE)
        for row in range(first, last):
            here = score[: high - low]
            here[:] = lacks[low:high]
            for word in range(het.shape[1]):
                h, a, v = het[row, word], hom[row, word], called[row, word]
                if v == 0:
                    continue
                theirs = cohort[0][word, low:high], cohort[1][word, low:high], cohort[2][word, low:high]
                _add_differences(h, a, v, theirs[0], theirs[1], theirs[2], here)
                if kin:
                    _add_opposites(h, a, v, theirs[0], theirs[1], theirs[2], here)
            least = here[0]
            for at in range(1, here.size):
                least = min(least, here[at])
            if least < distances[row, -1]:
                _keep_best(row, low, here, places, distances)


@njit(cache=True, parallel=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator,unused-ignore]
def _scan(shares: int, found: Any, cohort: Any, lacks: Any, kin: bool, out: Any) -> None:
    samples = found[0].shape[0]
    for share in prange(shares):
        first, last = share * samples // shares, (share + 1) * samples // shares
        _scan_rows(first, last, found, cohort, lacks, kin, out)
