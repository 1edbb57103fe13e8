"""Units and keys: what a mark is drawn for, and the keyed function that draws it.

A unit is one cell of the source: (variant, participant) or (field, participant), both as 64-bit names that do not
depend on row numbers, coding, strand order of alleles or file format. A mark bit is 1 where SipHash-2-4 of the
unit lies under an integer threshold: no floating point, the same bits on every platform.

Keys: every class of marks has its own, so that e-values of different classes multiply. Keys belong to the
recipient, not to the release: fresh marks at each refresh would let one recipient average them out. Only ids,
canaries and `release_key` name the release.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
from numba import njit, prange

U64 = npt.NDArray[np.uint64]

_ROTATIONS = (13, 16, 17, 21, 32)


def derive(key: bytes, *words: str) -> bytes:
    """A key of 32 bytes for one purpose; words are joined so that no two lists of them agree."""
    message = b"".join(len(word.encode()).to_bytes(4, "big") + word.encode() for word in words)
    return hmac.new(key, b"cohortwatch/marks/1/" + message, hashlib.sha256).digest()


def sip_key(key: bytes) -> U64:
    """The two words of a SipHash key, from the first 16 bytes."""
    return np.frombuffer(key[:16], dtype="<u8").astype(np.uint64)


def cohort_key(master: bytes, kind: str) -> U64:
    """K0: decides layers, biases and mark values; shared by all recipients."""
    return sip_key(derive(master, "cohort", kind))


def recipient_key(master: bytes, recipient: str, kind: str) -> U64:
    """K_j: decides which units of that recipient are marked."""
    return sip_key(derive(master, "recipient", recipient, kind))


def recipient_keys(master: bytes, recipients: Iterable[str], kind: str) -> U64:
    """One row of two words for each recipient."""
    rows = [recipient_key(master, recipient, kind) for recipient in recipients]
    return np.array(rows, dtype=np.uint64).reshape(len(rows), 2)


def participant_units(master: bytes, ids: Iterable[str]) -> U64:
    """The 64-bit names of participants; nobody without the key can tell an id from one."""
    key = derive(master, "participants")
    joined = b"".join(hashlib.blake2b(one.strip().encode(), digest_size=8, key=key).digest() for one in ids)
    return np.frombuffer(joined, dtype="<u8").astype(np.uint64)


def chromosome_word(chromosome: str) -> str:
    """`chr1`, `CHR01` and `1` are one chromosome."""
    word = chromosome.strip().lower()
    word = word.removeprefix("chr")
    return word.lstrip("0").upper() or "0"


def variant_unit(chromosome: str, position: int, first: str, second: str, name: str = "") -> int:
    """The 64-bit name of a variant; alleles in their order, so that swapped files agree."""
    low, high = sorted((first.upper(), second.upper()))
    where = f"{chromosome_word(chromosome)}:{position}" if position > 0 else f"name:{name}"
    digest = hashlib.sha256(f"{where}:{low}:{high}".encode()).digest()
    return int.from_bytes(digest[:8], "little")


def field_unit(name: str) -> int:
    """The 64-bit name of a column: field, instance and array in one spelling."""
    return int.from_bytes(hashlib.sha256(b"field:" + name.encode()).digest()[:8], "little")


def threshold(probability: float) -> int:
    """The integer under which a hash lies with this probability."""
    return min(2**64 - 1, int(probability * 2**64))


@njit(cache=True, inline="always")  # type: ignore[untyped-decorator, unused-ignore]
def _rotate(x, bits):  # type: ignore[no-untyped-def]
    return (x << np.uint64(bits)) | (x >> np.uint64(64 - bits))


@njit(cache=True, inline="always")  # type: ignore[untyped-decorator, unused-ignore]
def _round(v0, v1, v2, v3):  # type: ignore[no-untyped-def]
    v0 += v1
    v1 = _rotate(v1, 13) ^ v0
    v0 = _rotate(v0, 32)
    v2 += v3
    v3 = _rotate(v3, 16) ^ v2
    v0 += v3
    v3 = _rotate(v3, 21) ^ v0
    v2 += v1
    v1 = _rotate(v1, 17) ^ v2
    v2 = _rotate(v2, 32)
    return v0, v1, v2, v3


@njit(cache=True, inline="always")  # type: ignore[untyped-decorator, unused-ignore]
def draw(k0, k1, first, second):  # type: ignore[no-untyped-def]
    """SipHash-2-4 of the 16 bytes (first, second), little-endian."""
    v0 = k0 ^ np.uint64(0x736F6D6570736575)
    v1 = k1 ^ np.uint64(0x646F72616E646F6D)
    v2 = k0 ^ np.uint64(0x6C7967656E657261)
    v3 = k1 ^ np.uint64(0x7465646279746573)
    v3 ^= first
    v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    v0 ^= first
    v3 ^= second
    v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    v0 ^= second
    last = np.uint64(16) << np.uint64(56)
    v3 ^= last
    v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    v0 ^= last
    v2 ^= np.uint64(0xFF)
    for _ in range(4):
        v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    return v0 ^ v1 ^ v2 ^ v3


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator, unused-ignore]
def draws(key, first, second):  # type: ignore[no-untyped-def]
    """The draw of every unit; `first` and `second` are arrays of the same length."""
    out = np.empty(first.size, dtype=np.uint64)
    for i in range(first.size):
        out[i] = draw(key[0], key[1], first[i], second[i])
    return out


@njit(cache=True, parallel=True, nogil=True)  # type: ignore[untyped-decorator, unused-ignore]
def counts_of_bits(keys, first, second, thresholds, cells, cells_count):  # type: ignore[no-untyped-def]
    """How many bits are 1, for every recipient and every cell (class × what was found) of the statistic."""
    recipients = keys.shape[0]
    out = np.zeros((recipients, cells_count), dtype=np.int64)
    for j in prange(recipients):
        k0, k1 = keys[j, 0], keys[j, 1]
        for i in range(first.size):
            if draw(k0, k1, first[i], second[i]) < thresholds[i]:
                out[j, cells[i]] += 1
    return out
