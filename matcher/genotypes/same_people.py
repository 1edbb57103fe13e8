"""Who of the cohort the samples of a release are, told by their calls: ids may say anything, or belong to others.

A copy differs from its source in few calls. So people are looked up by their calls at some sites, taken together as
one number, and if that fails at other sites; whoever is found must agree at all of them. The few who are left are
compared with everybody. Where that settles nothing either, or the sites are too few, nobody is told.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from matcher.genotypes.found import FoundGenotypes
from matcher.genotypes.partitions import nearest_in_store
from matcher.genotypes.sites import choose, shared_sites
from matcher.genotypes.store import Store

KEY_SITES = 32
MOST_SITES = 8 * KEY_SITES
FEWEST_SITES = 2 * KEY_SITES
SEARCH_SITES = 128
SAME = 0.9
"""The least share of agreeing calls of one person; siblings agree at two thirds."""
OTHERS = 0.75
"""The most of different people. Between the two nothing is told."""
COMPARED = 48
"""Calls of both that the agreement must rest on."""
ALIKE = 2
"""People of the cohort whom one sample can be: twins, or one person enrolled twice."""
MOST_LEFT = 2_000
_SAME_KEY = 4
_AT_ONCE = 1 << 16
_MISSING = 3

Numbers = npt.NDArray[np.int64]
Codes = npt.NDArray[np.uint8]


def same_people(found: FoundGenotypes, store: Store) -> Numbers | None:
    """Samples × ALIKE: the numbers of the store's people whom each sample is, -1 for nobody.

    None where it cannot be told for all of them, or where fewer than half of them are in the store.
    """
    shared = shared_sites(found.variants(), store) if len(found) else None
    if shared is None or not shared.coding_known or not len(shared):
        return None
    sites = choose(shared, store, MOST_SITES)
    if len(sites) < FEWEST_SITES:
        return None
    calls, known = found.calls(shared.found[sites]), shared.known[sites]
    turn = shared.swapped[sites]
    calls[turn] = np.where(calls[turn] >= 0, 2 - calls[turn], -1)
    mine, theirs = _codes(calls), _codes(store.rows(known))
    people = _by_keys(mine, theirs)
    left = np.flatnonzero(people[:, 0] < 0)
    if len(left) > min(MOST_LEFT, len(people) // 2):
        return None
    if len(left):
        near = nearest_in_store(
            calls[:SEARCH_SITES, left], store, known[:SEARCH_SITES], coding_known=True, kin=False
        )
        told = _nearest_of_left(mine[left], theirs, near[0])
        if told is None:
            return None
        people[left] = told
    return people


def _codes(calls: npt.NDArray[np.int8]) -> Codes:
    """People × sites, a missing call as 3."""
    return np.ascontiguousarray(calls.T).view(np.uint8) & np.uint8(_MISSING)


def _by_keys(mine: Codes, theirs: Codes) -> Numbers:
    people = np.full((len(mine), ALIKE), -1, np.int64)
    weights = np.random.default_rng(0).integers(0, 1 << 63, KEY_SITES, dtype=np.uint64) * 2 + 1
    for start in range(0, mine.shape[1] - KEY_SITES + 1, KEY_SITES):
        left = np.flatnonzero(people[:, 0] < 0)
        if not len(left):
            break
        some = slice(start, start + KEY_SITES)
        keys = theirs[:, some].astype(np.uint64) @ weights
        order = np.argsort(keys, kind="stable")
        wanted, keys = mine[left, some].astype(np.uint64) @ weights, keys[order]
        first, last = np.searchsorted(keys, wanted), np.searchsorted(keys, wanted, side="right")
        for offset in range(_SAME_KEY):
            at = np.flatnonzero(first + offset < last)
            who = order[first[at] + offset]
            agree, compared = _agreement(mine, left[at], theirs, who)
            fits = (agree >= SAME) & (compared >= COMPARED)
            rows = left[at[fits]]
            people[rows, np.minimum((people[rows] >= 0).sum(axis=1), ALIKE - 1)] = who[fits]
    return people


def _nearest_of_left(mine: Codes, theirs: Codes, near: Numbers) -> Numbers | None:
    """The same for samples that no key told, of whom these people are the nearest; None if one is in doubt."""
    samples = np.repeat(np.arange(len(mine)), near.shape[1])
    who = near.reshape(-1)
    agree, compared = _agreement(mine, samples, theirs, np.maximum(who, 0))
    agree = np.where(who >= 0, agree, 0.0)
    fits = (agree >= SAME) & (compared >= COMPARED)
    doubtful = (agree > OTHERS).reshape(near.shape).any(axis=1) & ~fits.reshape(near.shape).any(axis=1)
    if doubtful.any():
        return None
    order = np.argsort(-np.where(fits, agree, 0.0).reshape(near.shape), axis=1, kind="stable")[:, :ALIKE]
    people = np.take_along_axis(np.where(fits, who, -1).reshape(near.shape), order, axis=1)
    return np.pad(people, ((0, 0), (0, ALIKE - people.shape[1])), constant_values=-1).astype(np.int64)


def _agreement(
    mine: Codes, samples: Numbers, theirs: Codes, who: Numbers
) -> tuple[npt.NDArray[np.float64], Numbers]:
    """By pair, the share of calls that agree among those that both have, and how many those are."""
    agree, compared = np.zeros(len(who)), np.zeros(len(who), np.int64)
    for start in range(0, len(who), _AT_ONCE):
        some = slice(start, start + _AT_ONCE)
        one, other = mine[samples[some]], theirs[who[some]]
        both = (one != _MISSING) & (other != _MISSING)
        compared[some] = both.sum(axis=1)
        agree[some] = ((one == other) & both).sum(axis=1) / np.maximum(1, compared[some])
    return agree, compared
