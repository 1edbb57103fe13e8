"""Items come in their order, a bounded number of bytes ahead, with whatever ended them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from matcher.taken_ahead import taken_ahead


def size_of(item: bytes) -> int:
    return len(item)


def until(holds: Callable[[], bool]) -> None:
    """Waits until a condition holds that another thread brings about."""
    for _ in range(1_000):
        if holds():
            return
        time.sleep(0.005)
    pytest.fail("it never came about")


def test_items_keep_their_order() -> None:
    items = [bytes([n % 256]) * (n % 7) for n in range(2_000)]
    assert list(taken_ahead(iter(items), size_of, 10)) == items


def test_the_giver_goes_on_while_the_taker_works_and_stops_at_its_room() -> None:
    given: list[int] = []

    def items() -> Iterator[bytes]:
        for number in range(20):
            given.append(number)
            yield b"x" * 10

    taken = taken_ahead(items(), size_of, 35)
    assert next(taken) == b"x" * 10
    # four wait for the taker, which is at work on the first, and a sixth has been made and finds no room
    until(lambda: len(given) == 6)
    time.sleep(0.05)
    assert len(given) == 6
    assert sum(1 for _ in taken) == 19


def test_an_item_larger_than_the_room_comes_through() -> None:
    assert list(taken_ahead(iter([b"x" * 1_000, b"y"]), size_of, 10)) == [b"x" * 1_000, b"y"]


def test_what_ends_the_giver_is_raised_behind_what_it_gave() -> None:
    def items() -> Iterator[bytes]:
        yield b"one"
        yield b"two"
        raise EOFError("gone")

    got = []
    with pytest.raises(EOFError, match="gone"):  # noqa: PT012 - what came before the end counts
        for item in taken_ahead(items(), size_of, 100):
            got.append(item)
    assert got == [b"one", b"two"]


def test_a_taker_that_goes_away_ends_the_giver() -> None:
    is_closed = threading.Event()

    def items() -> Iterator[bytes]:
        try:
            while True:
                yield b"x" * 10
        finally:
            is_closed.set()

    taken = taken_ahead(items(), size_of, 35)
    next(taken)
    taken.close()  # type: ignore[attr-defined]
    assert is_closed.wait(5), "a thread goes on for nobody"
