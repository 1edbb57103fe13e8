"""What an iterator gives, taken by a thread while its taker works on what came before."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class _Waiting(Generic[T]):
    """Items that were given and not yet taken, with their sizes."""

    most: int
    items: deque[tuple[T, int]] = field(default_factory=deque)
    held: int = 0
    is_ended: bool = False
    is_left: bool = False
    """Nobody will take any more."""
    wrong: BaseException | None = None
    changed: threading.Condition = field(default_factory=threading.Condition)

    def put(self, item: T, size: int) -> bool:
        """Waits for room; False where nobody will take it."""
        with self.changed:
            self.changed.wait_for(lambda: self.held < self.most or self.is_left)
            self.items.append((item, size))
            self.held += size
            self.changed.notify()
            return not self.is_left

    def end(self, wrong: BaseException | None) -> None:
        with self.changed:
            self.is_ended, self.wrong = True, wrong
            self.changed.notify()

    def take(self) -> tuple[T] | None:
        """The next item; None behind the last.

        Raises:
            BaseException: whatever ended the giving.
        """
        with self.changed:
            self.changed.wait_for(lambda: self.items or self.is_ended)
            if not self.items:
                if self.wrong is not None:
                    raise self.wrong
                return None
            item, size = self.items.popleft()
            self.held -= size
            self.changed.notify()
            return (item,)

    def leave(self) -> None:
        with self.changed:
            self.is_left = True
            self.changed.notify()


def taken_ahead(items: Iterator[T], size_of: Callable[[T], int], most: int) -> Iterator[T]:
    """The same items in their order, of which up to `most` bytes by `size_of` (and one item more) wait to be taken.

    What `items` raises is raised here, behind what it gave. A taker that goes away ends the taking at the next item.
    """
    waiting: _Waiting[T] = _Waiting(most)

    def give() -> None:
        wrong: BaseException | None = None
        try:
            for item in items:
                if not waiting.put(item, size_of(item)):
                    return
        except BaseException as raised:  # noqa: BLE001 - it is raised again where the items are taken
            wrong = raised
        waiting.end(wrong)

    threading.Thread(target=give, name="taken ahead", daemon=True).start()
    try:
        while (taken := waiting.take()) is not None:
            yield taken[0]
    finally:
        waiting.leave()
