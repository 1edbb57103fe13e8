"""Which people of one set of tokens are most like each person of another: a scan of all pairs, group by group.

Tokens are first numbered within their group (few states each), so that one instruction compares several people. The
score is the log odds at one error rate; it only ranks, `handover` decides.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit, prange

Tokens = npt.NDArray[np.uint64]
Numbers = npt.NDArray[np.int64]

_ABSENT, _BEYOND, _ELSEWHERE = np.uint16(0), np.uint16(1), np.uint16(65_535)
"""Numbers of a missing token; of those that match nobody: of `other` beyond the limit, of `one` and not of `other`."""
_MOST_STATES = 65_000
_TILE = 1_024


def most_alike(
    one: Tokens, other: Tokens, chances: npt.NDArray[np.float64], mismatch: float
) -> tuple[Numbers, Numbers]:
    """The two people of `other` who fit each of `one` best, the best first; -1 where no group is in common.

    `chances` that strangers share a group's token; `mismatch` the chance that one person's two records do not.
    """
    mine, theirs = _numbered(one, other)
    # Where strangers share more than errors leave to one person, the group says nothing.
    chances = np.minimum(chances, 1 - mismatch)
    agree = np.log((1 - mismatch) / chances).astype(np.float32)
    differ = np.log(mismatch / (1 - chances)).astype(np.float32)
    best = np.full((len(one), 2), -1, np.int64)
    _scan(mine, theirs, agree, differ, best)
    return best[:, 0], best[:, 1]


def _numbered(one: Tokens, other: Tokens) -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.uint16]]:
    """Tokens as small numbers, groups × people."""
    mine = np.zeros(one.shape[::-1], np.uint16)
    theirs = np.zeros(other.shape[::-1], np.uint16)
    for group in range(one.shape[1]):
        column = other[:, group]
        # A file that was tampered with may have a token for each person; what is beyond the limit matches nobody.
        known = np.unique(column[column != 0])[:_MOST_STATES]
        for tokens, out, unknown in (
            (one[:, group], mine[group], _ELSEWHERE),
            (column, theirs[group], _BEYOND),
        ):
            if not len(known):
                break
            at = np.minimum(np.searchsorted(known, tokens), len(known) - 1)
            numbers = np.where(known[at] == tokens, at + 2, unknown)
            out[:] = np.where(tokens == 0, _ABSENT, numbers)
    return mine, theirs


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator,unused-ignore]
def _add(code: Any, theirs: Any, agree: Any, differ: Any, score: Any) -> None:
    nothing = np.float32(0)
    for at in range(theirs.size):
        weight = agree if theirs[at] == code else differ
        score[at] += nothing if theirs[at] == 0 else weight


@njit(cache=True, parallel=True, nogil=True)  # type: ignore[untyped-decorator,unused-ignore]
def _scan(mine: Any, theirs: Any, agree: Any, differ: Any, best: Any) -> None:
    people = theirs.shape[1]
    for person in prange(mine.shape[1]):
        score = np.empty(_TILE, np.float32)
        first, second = np.float32(-np.inf), np.float32(-np.inf)
        for low in range(0, people, _TILE):
            high = min(people, low + _TILE)
            score[:] = 0
            for group in range(mine.shape[0]):
                code = mine[group, person]
                if code != 0:
                    _add(code, theirs[group, low:high], agree[group], differ[group], score)
            for at in range(high - low):
                if score[at] == 0:  # no group that says anything is in common
                    continue
                if score[at] > first:
                    second, best[person, 1] = first, best[person, 0]
                    first, best[person, 0] = score[at], low + at
                elif score[at] > second:
                    second, best[person, 1] = score[at], low + at
