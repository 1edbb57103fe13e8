"""Families of copies: MinHash signatures of texts, compared without the texts.

Sets of three letters in a row of the masked text, in Chinese and in English alike: relists with another handle, price,
order or script stay at a similarity over RELATED, other listings of one template stay under it. Half copies and
translations are not seen. Signatures are keyed only by what they are of, so they are kept like the text itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from matcher.texts.wording import letters_only

PERMUTATIONS = 128
SEED = 20_260_401
SHINGLE = 3
RELATED = 0.75
LEAST_LETTERS = 24
"""A shorter text has no signature worth comparing."""


def shingles(text: str) -> set[str]:
    """Every three letters in a row of a text, masked."""
    letters = letters_only(text)
    return {letters[i : i + SHINGLE] for i in range(len(letters) - SHINGLE + 1)}


def signature(text: str) -> bytes:
    """The text's MinHash signature, 8 bytes a permutation; empty for a text that is too short."""
    parts = shingles(text)
    if len(parts) < LEAST_LETTERS:
        return b""
    return np.asarray(minhash(parts).hashvalues, dtype="<u8").tobytes()


def similarity(one: bytes, other: bytes) -> float:
    """The estimated share of what two texts have in common, 0 to 1."""
    if not one or not other or len(one) != len(other):
        return 0.0
    return float(np.mean(_values(one) == _values(other)))


def are_copies(one: bytes, other: bytes) -> bool:
    """Whether two signatures are of one family."""
    return similarity(one, other) >= RELATED


def minhash(parts: set[str]) -> Any:
    """datasketch's MinHash of some shingles, the same on every machine."""
    from datasketch import MinHash

    made = MinHash(num_perm=PERMUTATIONS, seed=SEED, hashfunc=_hash, scheme="affine32")
    made.update_batch([part.encode() for part in sorted(parts)])
    return made


def _hash(data: bytes) -> int:
    import zlib

    return zlib.crc32(data)


def _values(signature: bytes) -> npt.NDArray[np.uint64]:
    return np.frombuffer(signature, dtype="<u8")
