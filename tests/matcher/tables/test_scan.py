"""The compiled scan and its tables give what a plain reading gives, whatever the bytes, and share nothing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.contents import Cells
from matcher.tables.distinct import first_of_each
from matcher.tables.tokens import Tokens, joined, tokens_of, tokens_of_cells
from tests.matcher.tables.plain_tokens import Token, plain_tokens, plain_tokens_of_cells

KEY = b"k" * 16
PIECES = [
    *"019,'.-_eE+a/: \n\x00é٣😀",
    "12",
    "123",
    "000",
    "1234567",
    "1" * 18,
    "7" * 20,
    "e+06",
    "e15",
    "1.5",
    "Zb",
    "rs",
]
PIECES += ["x" * 30]
hostile = st.one_of(
    st.binary(max_size=80),
    st.lists(st.sampled_from(PIECES), max_size=30).map(lambda parts: "".join(parts).encode()),
    st.text(alphabet="0123456789.,'-_eE+aZ \n", max_size=80).map(str.encode),
)


def found(tokens: Tokens) -> set[Token]:
    rows = list(
        zip(
            *(column.tolist() for column in (tokens.hashes, tokens.values, tokens.shapes, tokens.literals)),
            strict=True,
        )
    )
    assert len(set(rows)) == len(rows)
    return set(rows)


@given(hostile)
@settings(max_examples=1500, deadline=None)
def test_text_gives_what_a_plain_reading_gives(data: bytes) -> None:
    assert found(tokens_of(KEY, data)) == plain_tokens(KEY, data)


@given(st.lists(hostile.map(lambda data: data.decode(errors="replace")), max_size=12), st.integers(0, 3))
@settings(max_examples=500, deadline=None)
def test_cells_give_what_each_gives_alone(cells: list[str], before: int) -> None:
    expected = plain_tokens_of_cells(KEY, cells)
    assert found(tokens_of_cells(KEY, cells)) == expected
    import pyarrow as pa

    sliced = Cells(
        pa.array(["A1234567"] * before + cells + ["9"], pa.large_string()).slice(before, len(cells))
    )
    assert found(tokens_of_cells(KEY, sliced)) == expected


@pytest.mark.parametrize("between", ["\n", "-", "."])
def test_tables_grow_with_what_they_hold(between: str) -> None:
    """One after the other, and as the pieces of one long word, in the middle of which every table is full."""
    rng = np.random.default_rng(1)
    numbers = rng.choice(10**7, 6_000, replace=False) + 10**6
    words = [f"s{number:x}q{number}" for number in rng.choice(10**9, 6_000, replace=False)]
    written = [item for pair in zip(map(str, numbers), words, strict=True) for item in pair]
    text = between.join([*written, *written])
    tokens = tokens_of(KEY, text)
    assert found(tokens) == plain_tokens(KEY, text.encode())
    assert tokens.count > 11_000


def test_numbers_made_to_fall_together_are_kept_apart() -> None:
    for step in (1 << 32, 1 << 40, 1 << 50, 100, 1 << 20):
        numbers = [1000 + step * i for i in range(min(20_000, 10**18 // step - 1))]
        tokens = tokens_of(KEY, " ".join(map(str, numbers)))
        assert sorted(tokens.values.tolist()) == numbers


def test_words_that_differ_in_one_byte_are_kept_apart() -> None:
    words = [f"{'a' * i}1{'b' * (63 - i)}" for i in range(64)] + [f"{'a' * i}1" for i in range(3, 63)]
    tokens = tokens_of(KEY, "\n".join(words + words))
    assert tokens.count == len(words)


def test_threads_that_scan_at_once_find_what_one_finds() -> None:
    rng = np.random.default_rng(2)
    texts = [
        " ".join(f"{number} s{number:x}" for number in rng.integers(10**6, 10**9, 3000)) for _ in range(24)
    ]
    alone = [found(tokens_of(KEY, text)) for text in texts]
    with ThreadPoolExecutor(4) as threads:
        together = [found(tokens) for tokens in threads.map(lambda text: tokens_of(KEY, text), texts * 4)]
    assert together == alone * 4


@given(st.lists(st.one_of(st.integers(0, 2**64 - 1), st.integers(0, 20)), max_size=200))
@settings(deadline=None)
def test_first_of_each_is_where_a_hash_stands_first(hashes: list[int]) -> None:
    expected = [hashes.index(one) for one in dict.fromkeys(hashes)]
    assert first_of_each(np.array(hashes, dtype=np.uint64)).tolist() == expected


@given(st.lists(hostile, max_size=5))
@settings(deadline=None)
def test_several_joined_have_every_token_once(texts: list[bytes]) -> None:
    expected = set().union(*(plain_tokens(KEY, text) for text in texts))
    assert found(joined([tokens_of(KEY, text) for text in texts])) == expected
