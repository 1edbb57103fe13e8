"""What is asked of many keys at once is what a plain look at each would say."""

from __future__ import annotations

import numpy as np
import pytest

from matcher.tables.row_keys import is_among, keys_of, keys_of_shifted, records_of, twin_rate


def drawn(seed: int, count: int, top: int) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    """Hashes of `top` things, so that some are drawn again, with 0 among them."""
    rng = np.random.default_rng(seed)
    all_ = np.r_[np.uint64(0), rng.integers(1, 1 << 64, top, dtype=np.uint64)]
    return all_[rng.integers(0, all_.size, count)]


@pytest.mark.parametrize(("asked", "held"), [(0, 50), (1, 50), (300, 1), (300, 5_000), (50, 0)])
def test_keys_are_among_others_as_a_set_has_it(asked: int, held: int) -> None:
    keys = drawn(1, held, 400)
    some = np.concatenate([drawn(1, asked, 400), drawn(2, asked, 400)])
    expected = set(keys.tolist()) - {0}
    assert is_among(some, keys).tolist() == [one in expected for one in some.tolist()]


def test_zeros_among_the_asked_take_no_other_keys_place() -> None:
    asked = np.array([0, 16, 0, 32, 0, 48], dtype=np.uint64)  # all of one place in the table
    assert is_among(asked, np.array([32, 16], dtype=np.uint64)).tolist() == [0, 1, 0, 1, 0, 0]


@pytest.mark.parametrize("steps", [(0, 0, 0), (0, 1, 2), (3, 0, 4)])
def test_shifted_columns_give_the_keys_of_rolled_ones(steps: tuple[int, ...]) -> None:
    rng = np.random.default_rng(3)
    columns = [rng.integers(0, 9, 5).astype(np.uint32) for _ in steps]
    rolled = keys_of([np.roll(one, step) for one, step in zip(columns, steps, strict=True)])
    assert keys_of_shifted(columns, steps).tolist() == rolled.tolist()


@pytest.mark.parametrize("held", [0, 1, 500])
def test_records_are_those_behind_the_ids_and_of_no_others(held: int) -> None:
    known = np.unique(drawn(3, 2 * held, 4 * held + 1))[:held]
    behind = (
        np.random.default_rng(4).permutation(held) - held // 10
    )  # of a tenth no record is known: -1 or less
    behind = np.maximum(behind, -1)
    asked = np.r_[known, drawn(5, 100, 1_000), np.uint64(0), np.uint64((1 << 64) - 1)]
    expected = {one: at for one, at in zip(known.tolist(), behind.tolist(), strict=True) if one}
    assert records_of(asked, known, behind).tolist() == [expected.get(one, -1) for one in asked.tolist()]


@pytest.mark.parametrize(("count", "top"), [(0, 1), (1, 1), (3_000, 1), (3_000, 40), (3_000, 100_000)])
def test_twins_are_those_that_stand_more_than_once(count: int, top: int) -> None:
    keys = drawn(6, count, top)
    _, counts = np.unique(keys[keys != 0], return_counts=True)
    assert twin_rate(keys) == counts[counts > 1].sum() / max(1, counts.sum())
