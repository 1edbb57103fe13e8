"""The keyed pseudo-random function behind every index: SipHash-2-4, 128-bit key, 64-bit output.

A hash without a secret key, or one whose seed falls out of a known pair (xxHash, wyhash, murmur), would let anyone
who sees an index guess ids and values. SipHash is a PRF: without the key its output tells nothing of an
input that cannot be guessed. With the key every input of low entropy can be inverted, so the key lies apart.

Arrow string arrays are hashed in place, without a Python object for each cell. A null hashes like the empty string.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]

_V0, _V1, _V2, _V3 = (
    np.uint64(0x736F6D6570736575),
    np.uint64(0x646F72616E646F6D),
    np.uint64(0x6C7967656E657261),
    np.uint64(0x7465646279746573),
)


def subkey(key: bytes, purpose: str) -> bytes:
    """A 16-byte key for one purpose out of a 32-byte one, so that hashes of one purpose say nothing of another."""
    return hashlib.blake2b(purpose.encode(), key=key, digest_size=16, person=b"cohortwatch/prf").digest()


def siphash24(key: bytes, data: bytes) -> int:
    """SipHash-2-4 of one message."""
    k0, k1 = _halves(key)
    message = np.frombuffer(data, dtype=np.uint8)
    return int(_sip(k0, k1, message, np.int64(0), np.int64(len(data))))


def siphash24_many(key: bytes, texts: Any) -> Hashes:
    """SipHash-2-4 of the UTF-8 of every string: a pyarrow string array, a polars Series or an iterable of str."""
    k0, k1 = _halves(key)
    offsets, data, count = _buffers(texts)
    hashes = np.empty(count, dtype=np.uint64)
    if count:
        _sip_strings(k0, k1, data, offsets, hashes)
    return hashes


def siphash24_words(key: bytes, words: npt.NDArray[np.uint64]) -> Hashes:
    """SipHash-2-4 of every row of a 2-d array of 64-bit words (little-endian, 8 bytes a word)."""
    k0, k1 = _halves(key)
    rows = np.ascontiguousarray(words, dtype="<u8")
    if rows.ndim == 1:
        rows = rows[:, None]
    hashes = np.empty(rows.shape[0], dtype=np.uint64)
    if rows.shape[0]:
        _sip_words(k0, k1, rows, hashes)
    return hashes


def _halves(key: bytes) -> tuple[np.uint64, np.uint64]:
    if len(key) != 16:
        raise ValueError(f"a SipHash key has 16 bytes, this one {len(key)}; derive one with `subkey`")
    k0, k1 = np.frombuffer(key, dtype="<u8")
    return np.uint64(k0), np.uint64(k1)


def _buffers(texts: Any) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8], int]:
    """Offsets and bytes of an Arrow string array; a sliced array keeps its own window."""
    import pyarrow as pa

    array = _arrow(texts)
    if array.null_count:
        array = _without_nulls(array)
    wide = pa.types.is_large_string(array.type) or pa.types.is_large_binary(array.type)
    count = len(array)
    if not count:
        return np.zeros(1, dtype=np.int64), np.zeros(0, dtype=np.uint8), 0
    _validity, offsets, data = array.buffers()
    every = np.frombuffer(offsets, dtype=np.int64 if wide else np.int32)
    window = every[array.offset : array.offset + count + 1].astype(np.int64, copy=False)
    content = np.frombuffer(data, dtype=np.uint8) if data is not None else np.zeros(0, dtype=np.uint8)
    return window, content, count


def _without_nulls(array: Any) -> Any:
    """Through polars: pyarrow's own would load pandas, which takes a second."""
    import polars as pl

    series = pl.Series(array)
    return _arrow(series.fill_null(pl.lit(b"" if series.dtype == pl.Binary else "")))


def _arrow(texts: Any) -> Any:
    import polars as pl
    import pyarrow as pa

    if hasattr(texts, "to_arrow"):
        texts = texts.to_arrow()
    if isinstance(texts, pa.ChunkedArray):
        texts = texts.combine_chunks()
    if not isinstance(texts, pa.Array):
        if isinstance(texts, Iterable):
            texts = list(texts)
        texts = pl.Series([_sound(one) for one in texts], dtype=pl.String).to_arrow()
    kinds = pa.types
    if not (
        kinds.is_string(texts.type)
        or kinds.is_large_string(texts.type)
        or kinds.is_binary(texts.type)
        or kinds.is_large_binary(texts.type)
    ):
        texts = texts.cast(pa.large_string())
    return texts


def _sound(text: str) -> str:
    """A lone surrogate has no UTF-8; a hostile file must not stop the hashing."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode(errors="replace").decode()
    return text


@numba.njit(inline="always")  # type: ignore[untyped-decorator]
def _turn(x: Any, bits: Any) -> Any:
    return (x << np.uint64(bits)) | (x >> np.uint64(64 - bits))


@numba.njit(inline="always")  # type: ignore[untyped-decorator]
def _round(v0: Any, v1: Any, v2: Any, v3: Any) -> Any:
    v0 += v1
    v1 = _turn(v1, 13) ^ v0
    v0 = _turn(v0, 32)
    v2 += v3
    v3 = _turn(v3, 16) ^ v2
    v0 += v3
    v3 = _turn(v3, 21) ^ v0
    v2 += v1
    v1 = _turn(v1, 17) ^ v2
    v2 = _turn(v2, 32)
    return v0, v1, v2, v3


@numba.njit(inline="always")  # type: ignore[untyped-decorator]
def _compress(v0: Any, v1: Any, v2: Any, v3: Any, word: Any) -> Any:
    v3 ^= word
    v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    v0 ^= word
    return v0, v1, v2, v3


@numba.njit(inline="always")  # type: ignore[untyped-decorator]
def _finish(v0: Any, v1: Any, v2: Any, v3: Any) -> Any:
    v2 ^= np.uint64(0xFF)
    for _ in range(4):
        v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    return v0 ^ v1 ^ v2 ^ v3


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _sip(k0: Any, k1: Any, data: Any, start: Any, length: Any) -> Any:
    v0, v1, v2, v3 = _V0 ^ k0, _V1 ^ k1, _V2 ^ k0, _V3 ^ k1
    whole = length // 8
    for i in range(whole):
        word = np.uint64(0)
        at = start + i * 8
        for b in range(8):
            word |= np.uint64(data[at + b]) << np.uint64(8 * b)
        v0, v1, v2, v3 = _compress(v0, v1, v2, v3, word)
    word = np.uint64(length & 0xFF) << np.uint64(56)
    at = start + whole * 8
    for b in range(length - whole * 8):
        word |= np.uint64(data[at + b]) << np.uint64(8 * b)
    v0, v1, v2, v3 = _compress(v0, v1, v2, v3, word)
    return _finish(v0, v1, v2, v3)


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _sip_strings(k0: Any, k1: Any, data: Any, offsets: Any, hashes: Any) -> None:
    for i in range(hashes.shape[0]):
        hashes[i] = _sip(k0, k1, data, offsets[i], offsets[i + 1] - offsets[i])


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _sip_words(k0: Any, k1: Any, rows: Any, hashes: Any) -> None:
    last = np.uint64((rows.shape[1] * 8) & 0xFF) << np.uint64(56)
    for i in range(rows.shape[0]):
        v0, v1, v2, v3 = _V0 ^ k0, _V1 ^ k1, _V2 ^ k0, _V3 ^ k1
        for j in range(rows.shape[1]):
            v0, v1, v2, v3 = _compress(v0, v1, v2, v3, rows[i, j])
        v0, v1, v2, v3 = _compress(v0, v1, v2, v3, last)
        hashes[i] = _finish(v0, v1, v2, v3)


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _sip_number(k0: Any, k1: Any, number: Any) -> Any:
    v0, v1, v2, v3 = _V0 ^ k0, _V1 ^ k1, _V2 ^ k0, _V3 ^ k1
    v0, v1, v2, v3 = _compress(v0, v1, v2, v3, number)
    v0, v1, v2, v3 = _compress(v0, v1, v2, v3, np.uint64(8) << np.uint64(56))
    return _finish(v0, v1, v2, v3)
