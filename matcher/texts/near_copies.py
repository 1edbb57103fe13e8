"""Matcher `near-duplicate-text`: a text that is nearly one of a cohort's own documents (readme, dictionary, letter).

Found by datasketch's LSH over MinHash signatures. Documents without participants travel freely, so a copy of one
proves nothing about people: the odds stay at 10**-2.2, `possible` at most, whatever the similarity.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from matcher.contents import Part, Text
from matcher.sketches import EnrolledCohort, Evidence, MatchingKeys
from matcher.texts.enrol import DOCUMENTS_FILE, TEXTS_FOLDER
from matcher.texts.families import PERMUTATIONS, RELATED, SEED, minhash, shingles, similarity

NAME = "near-duplicate-text"
VERSION = "1"

ODDS = 2.2
MOST_LETTERS = 400_000
LEAST_SHINGLES = 150


@dataclass(slots=True)
class CopySketch:
    """The running text of one file, and its signature once it is asked for."""

    text: list[str] = field(default_factory=list)
    letters: int = 0
    minhash: Any = None

    def add(self, part: Part) -> None:
        if isinstance(part, Text) and part.name != "path" and self.letters < MOST_LETTERS:
            self.text.append(part.text[:MOST_LETTERS])
            self.letters += len(part.text)


def sketch(keys: MatchingKeys) -> CopySketch:  # noqa: ARG001 - documents are no secret
    """An empty sketch of one file."""
    return CopySketch()


def compare(sketch: CopySketch, cohort: EnrolledCohort, keys: MatchingKeys) -> list[Evidence]:  # noqa: ARG001
    """That the text is nearly one of the cohort's documents, or nothing."""
    path = cohort.folder / TEXTS_FOLDER / DOCUMENTS_FILE
    if not sketch.letters or not path.exists():
        return []
    if sketch.minhash is None:
        parts = shingles("\n".join(sketch.text))
        sketch.minhash = minhash(parts) if len(parts) >= LEAST_SHINGLES else False
    if not sketch.minhash:
        return []
    index, signatures = _documents(str(path), path.stat().st_mtime_ns)
    own = np.asarray(sketch.minhash.hashvalues, dtype="<u8").tobytes()
    near = max((similarity(own, signatures[key]) for key in index.query(sketch.minhash)), default=0.0)
    if near < RELATED:
        return []
    why = f"{near:.0%} of its text is that of a document of the cohort; documents hold no participants"
    return [Evidence(matcher=NAME, rests_on="text", log10_odds=ODDS, why=why)]


@lru_cache(maxsize=64)
def _documents(path: str, _written: int) -> tuple[Any, dict[str, bytes]]:
    from datasketch import MinHash, MinHashLSH

    rows = np.load(Path(path), allow_pickle=False)
    index = MinHashLSH(threshold=RELATED - 0.1, num_perm=PERMUTATIONS)
    signatures = {}
    for i, row in enumerate(rows):
        values = MinHash(num_perm=PERMUTATIONS, seed=SEED, hashvalues=row, scheme="affine32")
        index.insert(str(i), values)
        signatures[str(i)] = row.astype("<u8").tobytes()
    return index, signatures
