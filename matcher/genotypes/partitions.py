"""The search over stretches of the cohort's people, so that memory stays bounded however many there are.

Each stretch is a pure function of arrays (the found calls, the participants' calls at the same sites) and the nearest
of all stretches are merged: the answer is that of one stretch. Where Dask's DASK_SCHEDULER_ADDRESS is set, stretches
go to that cluster's workers. They carry participants' calls without names: the cluster must be the cohort's own, and
its connections encrypted (Dask's `tls://`).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import lru_cache
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from matcher.errors import MatcherError, NoCluster
from matcher.genotypes.encrypted_rows import Packed
from matcher.genotypes.planes import Planes, from_calls, from_packed
from matcher.genotypes.search import NEAREST, Nearest, merged, nearest
from matcher.genotypes.store import Store

PEOPLE = 1 << 17
"""People of one stretch; a multiple of 64. At 128 sites their planes take 6 MiB, at 1,024 48 MiB."""
SCHEDULER = "DASK_SCHEDULER_ADDRESS"
_SECONDS = 10
_AHEAD = 2
"""Stretches that wait at each worker beside the one it is at."""

Numbers = npt.NDArray[np.int64]
Calls = npt.NDArray[np.int8]
Flags = npt.NDArray[np.bool_]

_one_at_a_time = Lock()
"""Compiled loops use every core themselves, and one of Numba's ways to do so knows one caller at a time."""


def stretches(people_count: int, at_once: int | None = None) -> list[range]:
    """All people in stretches, in order."""
    step = at_once or PEOPLE
    return [range(start, min(start + step, people_count)) for start in range(0, people_count, step)]


def nearest_of_stretch(
    calls: Calls, rows: Packed, withdrawn: Flags, *, coding_known: bool, kin: bool
) -> Nearest:
    """The nearest people of one stretch for each found sample; places count from the stretch's first person.

    `calls` are sites × samples, `rows` sites × ceil(people / 4) bytes of two bits a call; people of `withdrawn` are
    nobody's nearest.
    """
    with _one_at_a_time:
        found, cohort = from_calls(calls), from_packed(rows, len(withdrawn))
        cohort.called[:, withdrawn] = 0
        if not coding_known:
            found, cohort = _heterozygosity(found), _heterozygosity(cohort)
        return nearest(found, cohort, kin=kin)


def nearest_in_store(calls: Calls, store: Store, sites: Numbers, *, coding_known: bool, kin: bool) -> Nearest:
    """The nearest participants at these variants of the store for each found sample.

    Raises:
        NoCluster: a cluster is set that cannot be used.
    """
    how = {"coding_known": coding_known, "kin": kin}
    best = _nobody(calls.shape[1])
    for people, near in _each_stretch(calls, store, sites, how):
        best = merged(best, near, people.start)
    return best


def calls_of(store: Store, sites: Numbers, people: Numbers) -> Calls:
    """Calls of these people at these variants (variants × people); those of place -1 are missing."""
    out = np.full((len(sites), len(people)), -1, np.int8)
    for stretch in stretches(store.samples_count):
        at = np.flatnonzero((people >= stretch.start) & (people < stretch.stop))
        if not len(at):
            continue
        rows, who = store.packed_rows(sites, stretch), people[at] - stretch.start
        codes = (rows[:, who >> 2] >> (2 * (who & 3)).astype(np.uint8)) & 3
        out[:, at] = np.where(codes == 3, -1, codes)
    return out


def _each_stretch(
    calls: Calls, store: Store, sites: Numbers, how: dict[str, bool]
) -> Iterator[tuple[range, Nearest]]:
    every = stretches(store.samples_count)
    address = os.environ.get(SCHEDULER)
    if address and len(every) > 1:
        yield from _on_cluster(address, every, calls, store, sites, how)
        return
    for people in every:
        rows = store.packed_rows(sites, people)
        yield people, nearest_of_stretch(calls, rows, store.withdrawn[people.start : people.stop], **how)


def _on_cluster(
    address: str, every: list[range], calls: Calls, store: Store, sites: Numbers, how: dict[str, bool]
) -> Iterator[tuple[range, Nearest]]:
    """As many stretches are under way as keep the workers busy; answers come in order."""
    client = _client(address)
    try:
        # A name of its own: under that of equal calls which were searched for before they may just be forgotten.
        shared = client.scatter(calls, broadcast=True, hash=False)
        most = (1 + _AHEAD) * max(1, len(client.scheduler_info()["workers"]))
        waiting: list[tuple[range, Any]] = []
        for people in every:
            gone = store.withdrawn[people.start : people.stop]
            rows = store.packed_rows(sites, people)
            task = client.submit(nearest_of_stretch, shared, rows, gone, pure=False, **how)
            waiting.append((people, task))
            if len(waiting) >= most:
                first, done = waiting.pop(0)
                yield first, done.result()
        for people, task in waiting:
            yield people, task.result()
    except MatcherError:
        raise
    except Exception as wrong:  # noqa: BLE001 - whatever a worker or its library raises comes out here
        raise _no_cluster(address, wrong) from None


@lru_cache(maxsize=1)
def _client(address: str) -> Any:
    try:
        from distributed import Client

        return Client(address, timeout=_SECONDS, set_as_default=False)
    except (ImportError, OSError, ValueError) as wrong:
        raise _no_cluster(address, wrong) from None


def _no_cluster(address: str, wrong: Exception) -> NoCluster:
    return NoCluster(
        f"the Dask cluster at {address} cannot be used ({type(wrong).__name__}); see that it is up and has this "
        f"program, or unset {SCHEDULER} to search on this machine"
    )


def _nobody(samples: int) -> Nearest:
    return np.full((samples, NEAREST), -1, np.int64), np.full((samples, NEAREST), 2**30, np.int32)


def _heterozygosity(planes: Planes) -> Planes:
    return Planes(planes.het, np.zeros_like(planes.hom), planes.called, planes.sites_count)
