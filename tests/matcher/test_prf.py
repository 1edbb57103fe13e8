"""SipHash-2-4 against the vectors of its authors."""

from __future__ import annotations

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from matcher.prf import siphash24, siphash24_many, siphash24_words, subkey

KEY = bytes(range(16))

REFERENCE = [  # vectors_sip64 of the authors' reference code: message is 00, 01, … of growing length
    "310e0edd47db6f72", "fd67dc93c539f874", "5a4fa9d909806c0d", "2d7efbd796666785", "b7877127e09427cf",
    "8da699cd64557618", "cee3fe586e46c9cb", "37d1018bf50002ab", "6224939a79f5f593", "b0e4a90bdf82009e",
    "f3b9dd94c5bb5d7a", "a7ad6b22462fb3f4", "fbe50e86bc8f1e75", "903d84c02756ea14", "eef27a8e90ca23f7",
    "e545be4961ca29a1",
]  # fmt: skip


@pytest.mark.parametrize("length", range(16))
def test_every_reference_vector_comes_out(length: int) -> None:
    expected = int.from_bytes(bytes.fromhex(REFERENCE[length]), "little")
    assert siphash24(KEY, bytes(range(length))) == expected


def test_many_strings_hash_like_one_at_a_time() -> None:
    texts = ["", "a", "1234567", "Grüße", "英国生物样本库", "x" * 300]
    expected = [siphash24(KEY, text.encode()) for text in texts]
    assert siphash24_many(KEY, texts).tolist() == expected
    assert siphash24_many(KEY, pa.array(texts)).tolist() == expected
    assert siphash24_many(KEY, pa.array(texts).slice(2, 3)).tolist() == expected[2:5]
    assert siphash24_many(KEY, pa.chunked_array([texts[:2], texts[2:]])).tolist() == expected
    assert siphash24_many(KEY, pl.Series(texts)).tolist() == expected


def test_words_hash_like_their_bytes() -> None:
    words = np.array([[1, 2], [2**64 - 1, 0]], dtype=np.uint64)
    assert siphash24_words(KEY, words).tolist() == [siphash24(KEY, row.tobytes()) for row in words]


def test_nothing_null_and_broken_text_are_hashed_without_a_failure() -> None:
    assert siphash24_many(KEY, []).tolist() == []
    assert siphash24_many(KEY, pa.array([None, ""])).tolist() == [siphash24(KEY, b"")] * 2
    assert len(siphash24_many(KEY, ["\ud800", "ok"])) == 2


def test_a_key_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        siphash24(b"short", b"")


def test_subkeys_of_two_purposes_differ() -> None:
    assert subkey(b"k" * 32, "ids") != subkey(b"k" * 32, "values")
    assert len(subkey(b"k" * 32, "ids")) == 16
