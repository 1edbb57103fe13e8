"""What others do with a table of unknown origin, on the same finds and in the same run as ours.

Each peer indexes every column of two cohorts (ours and one of the same dictionary) as a set of values, and names the
cohort that most of a find's columns are likest to, where at least 60 % of its columns are like any. The public rule
counts distinct seven-digit numbers from 1,000,000 to 6,000,000, as a biobank's public tool does with text.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import datasketch
import numpy as np
import polars as pl
import rensa

from matcher.prf import siphash24_many

PERMUTATIONS = 128
COLUMNS_LIKE = 0.6
LEAST_NUMBERS = 5
_SEVEN_DIGITS = re.compile(r"(?<!\d)([1-5]\d{6})(?!\d)")

Cells = Sequence[Sequence[str]]
Peer = Callable[[Cells], str | None]


@dataclass(frozen=True)
class Built:
    """A peer that has read the cohorts, how long it took, and how many bytes of sketches it holds."""

    name: str
    ask: Peer
    seconds: float
    sketch_bytes: int


def hashes(cells: Sequence[str]) -> np.ndarray:
    """Distinct values as 64-bit numbers, hashed beforehand for all peers alike."""
    texts = pl.Series(cells, dtype=pl.String).drop_nulls().unique()
    return np.unique(siphash24_many(bytes(16), texts.filter(texts != "")))


def voted(like: Sequence[set[str]], columns: int) -> str | None:
    votes = Counter(cohort for found in like for cohort in found)
    best = votes.most_common(2)
    if not best or best[0][1] < COLUMNS_LIKE * columns:
        return None
    return None if len(best) > 1 and best[0][1] == best[1][1] else best[0][0]


def lsh(sources: dict[str, pl.DataFrame], threshold: float = 0.5) -> Built:
    started = time.perf_counter()
    index = datasketch.MinHashLSH(threshold=threshold, num_perm=PERMUTATIONS)
    count = 0
    for cohort, frame in sources.items():
        for name in frame.columns:
            index.insert(f"{cohort}|{name}", _minhash(frame[name].to_list()))
            count += 1

    def ask(cells: Cells) -> str | None:
        like = [{key.split("|")[0] for key in index.query(_minhash(column))} for column in cells]
        return voted(like, len(cells))

    return Built("datasketch MinHash LSH", ask, time.perf_counter() - started, count * PERMUTATIONS * 8)


def ensemble(sources: dict[str, pl.DataFrame], threshold: float = 0.8) -> Built:
    started = time.perf_counter()
    index = datasketch.MinHashLSHEnsemble(threshold=threshold, num_perm=PERMUTATIONS)
    entries = []
    for cohort, frame in sources.items():
        for name in frame.columns:
            values = hashes(frame[name].to_list())
            if values.size:
                entries.append((f"{cohort}|{name}", _minhash_of(values), int(values.size)))
    index.index(entries)

    def ask(cells: Cells) -> str | None:
        like = []
        for column in cells:
            values = hashes(column)
            found = index.query(_minhash_of(values), int(values.size)) if values.size else ()
            like.append({str(key).split("|")[0] for key in found})
        return voted(like, len(cells))

    return Built(
        "datasketch LSH Ensemble", ask, time.perf_counter() - started, len(entries) * PERMUTATIONS * 8
    )


def rensa_lsh(sources: dict[str, pl.DataFrame], threshold: float = 0.5) -> Built:
    started = time.perf_counter()
    index = rensa.RMinHashLSH(threshold=threshold, num_perm=PERMUTATIONS, num_bands=32)
    cohorts: list[str] = []
    for cohort, frame in sources.items():
        for name in frame.columns:
            index.insert(len(cohorts), _rensa(frame[name].to_list()))
            cohorts.append(cohort)

    def ask(cells: Cells) -> str | None:
        like = [{cohorts[key] for key in index.query(_rensa(column))} for column in cells]
        return voted(like, len(cells))

    return Built("rensa R-MinHash LSH", ask, time.perf_counter() - started, len(cohorts) * PERMUTATIONS * 4)


def public_rule(sources: dict[str, pl.DataFrame]) -> Built:
    """Knows no cohort: whatever holds many such numbers is taken for `ours`."""

    def ask(cells: Cells) -> str | None:
        text = "\n".join(",".join(row) for row in zip(*cells, strict=True))
        return "ours" if len(set(_SEVEN_DIGITS.findall(text))) >= LEAST_NUMBERS else None

    return Built("public seven-digit rule", ask, 0.0, 0)


PEERS = (lsh, ensemble, rensa_lsh, public_rule)


def _minhash(cells: Sequence[str]) -> datasketch.MinHash:
    return _minhash_of(hashes(cells))


def _minhash_of(values: np.ndarray) -> datasketch.MinHash:
    made = datasketch.MinHash(num_perm=PERMUTATIONS, hashfunc=_as_it_is)
    made.update_batch((values & np.uint64(0xFFFFFFFF)).tolist())
    return made


def _as_it_is(value: int) -> int:
    return value


def _rensa(cells: Sequence[str]) -> rensa.RMinHash:
    made = rensa.RMinHash(num_perm=PERMUTATIONS, seed=1)
    made.update(list({cell for cell in cells if cell}))
    return made
