"""A JSON text value by value: what fits a window is parsed whole, what does not is gone into, a member at a time.

Python's own parser reads the window, at its speed; a file of any size costs a window of memory. Damage ends the
streams and is kept as `Cursor.fault`, so that whatever stands before it is still given.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from matcher.contents import Unreadable

BATCH = 10_000
"""Members that are given together."""
HELD = 8 << 20
"""Characters that may be parsed at once; a value beyond them is gone into."""
DEEPEST = 40
_LONGEST_STRING = 64 << 20
_STEP = 4 << 20
_SEVERAL = 256 << 10
_BLANK = re.compile(r"[\s\x1e]*")  # a sequence of JSON texts may be parted by record separators
_DECODER = json.JSONDecoder(strict=False)
_STRICT = json.JSONDecoder()


class Cursor:
    """Where the reading of a text stands."""

    def __init__(self, stream: BinaryIO, encoding: str) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder(encoding)("replace")
        self._text = ""
        self.at = 0
        self._ended = False
        self._depth = 0
        self._passed = 0
        self._odd_until = 0
        self.fault: Unreadable | None = None

    def values(self) -> Iterator[Any]:
        """Every value of the text: one, or one a line. A line that is none is passed over and told in `fault`."""
        whole = broken = 0
        while self.next():
            if whole and (lines := self._lines()):
                yield from lines
                continue
            value = self.value()
            if self.fault is None:
                yield value
                _exhaust(value)
            if self.fault is None:
                whole += 1
                continue
            if not whole or self.fault.why != "damaged":
                return
            broken, self.fault, self._depth = broken + 1, None, 0
            self._skip_line()
        if broken:
            self.fault = Unreadable("damaged", f"{broken:,} lines that are no JSON; the others were read")

    def batches(self, values: Iterator[Any]) -> Iterator[list[Any] | Streamed]:
        """Values that are held, some at a time; each that is streamed by itself, to be gone through at once."""
        batch: list[Any] = []
        start = self._passed + self.at
        for one in values:
            if isinstance(one, StreamedList | StreamedObject):
                if batch:
                    yield batch
                yield one
            else:
                batch.append(one)
                if len(batch) < BATCH and self._passed + self.at - start < HELD:
                    continue
                yield batch
            batch, start = [], self._passed + self.at
        if batch:
            yield batch

    def _lines(self) -> list[Any]:
        """Values that stand one a line, at one go; none where some line holds no value or part of one."""
        if len(self._text) - self.at < HELD // 2:
            self._fill(HELD)
        end = self._text.rfind("\n", self.at, self.at + _SEVERAL)
        if end < 0 or self._passed + self.at < self._odd_until:
            return []
        lines = [line for line in self._text[self.at : end].split("\n") if line and not line.isspace()]
        try:
            values: list[Any] = _STRICT.decode(f"[{','.join(lines)}]")
        except (ValueError, RecursionError):
            values = []
        if len(values) != len(lines):
            self._odd_until = self._passed + end
            return []
        self.at = end + 1
        return values

    def _skip_line(self) -> None:
        while (end := self._text.find("\n", self.at)) < 0:
            self.at = len(self._text)
            if not self._fill(1):
                return
        self.at = end + 1

    def next(self) -> str:
        """The next character that is not blank; "" at the end."""
        while True:
            found = _BLANK.match(self._text, self.at)
            self.at = found.end() if found else self.at
            if self.at < len(self._text):
                return self._text[self.at]
            if not self._fill(1):
                return ""

    def _fill(self, wanted: int) -> bool:
        """Holds so many characters from here on, where the text has them; False where nothing more came."""
        before = have = len(self._text) - self.at
        if have >= wanted or self._ended:
            return False
        pieces = [self._text[self.at :]]
        while have < wanted and not self._ended:
            data = self._stream.read(_STEP)
            self._ended = not data
            piece = self._decoder.decode(data, final=self._ended)
            have += len(piece)
            pieces.append(piece)
        self._passed += self.at
        self._text, self.at = "".join(pieces), 0
        return have > before

    def value(self) -> Any:
        """The value that begins here, whole or as a stream; None with a `fault` where there is none."""
        if len(self._text) - self.at < HELD // 2:  # so that no number is cut off
            self._fill(HELD)
        value, end = self._parsed()
        if not end and self.fault is None and self._fill(HELD):
            value, end = self._parsed()
        if not end and self._text[self.at : self.at + 1] == '"' and self._fill(_LONGEST_STRING):
            value, end = self._parsed()
        if self.fault is not None:
            return None
        if not end:
            return self._gone_into()
        self.at = end
        return value

    def several(self, ends: list[str]) -> list[Any]:
        """Members of a list at one go, up to one whose end is told by how it is written; none where it is not.

        What parses as a list when brackets are put around it is just these members: what a list begins with can
        be read in one way only. `ends` are the ways to try; one that cuts through a member is left out from then on.
        """
        if len(self._text) - self.at < HELD // 2:
            self._fill(HELD)
        for letter in tuple(ends):
            end = self._text.rfind(letter, self.at, self.at + _SEVERAL) + len(letter.rstrip(","))
            comma = self._text.find(",", end, end + 8)
            if end <= self.at or comma < 0 or self._text[end:comma].strip():
                continue
            try:
                several: list[Any] = _DECODER.decode(f"[{self._text[self.at : end]}]")
            except (ValueError, RecursionError):
                ends.remove(letter)
                continue
            self.at = comma + 1
            self.next()
            return several
        return []

    def _parsed(self) -> tuple[Any, int]:
        """The value that stands whole in the window, with its end; 0 where none does."""
        try:
            return _DECODER.raw_decode(self._text, self.at)
        except RecursionError:
            self.refuse(Unreadable("bomb", "nested deeper than may be read"))
        except ValueError:
            pass  # cut off at the window's end, or no JSON: which of them shows when it is gone into
        return None, 0

    def _gone_into(self) -> Any:
        first = self.next()
        if self._depth >= DEEPEST:
            return self.refuse(Unreadable("bomb", "nested deeper than may be read"))
        if first == "[":
            return StreamedList(self)
        if first == "{":
            return StreamedObject(self)
        return self.refuse(_damage())

    def is_broken(self) -> bool:
        return self.fault is not None

    def refuse(self, fault: Unreadable) -> None:
        self.fault = self.fault or fault

    def members(self, closing: str) -> Iterator[None]:
        """Stands before each member of the list or object that begins here, and behind it at last."""
        self.at += 1
        self._depth += 1
        following = self.next()
        while following != closing:
            yield
            if self.fault is not None:
                return
            following = self.next()
            if following == ",":
                self.at += 1
                following = self.next()
            elif following != closing:
                self.refuse(_damage())
                return
        self.at += 1
        self._depth -= 1


class StreamedList:
    """A list that is too long to be held. It is gone through once, each member before the next is asked for."""

    def __init__(self, cursor: Cursor) -> None:
        self._cursor = cursor
        self._members = self._read(cursor)

    def __iter__(self) -> Iterator[Any]:
        return self._members

    def batches(self) -> Iterator[list[Any] | Streamed]:
        return self._cursor.batches(self._members)

    def _read(self, cursor: Cursor) -> Iterator[Any]:
        ends = ["}", "]", '"', ","]
        for _ in cursor.members("]"):
            yield from cursor.several(ends)
            value = cursor.value()
            if cursor.fault is not None:
                return
            yield value
            _exhaust(value)


class StreamedObject:
    """The same of an object: names with their values."""

    def __init__(self, cursor: Cursor) -> None:
        self._members = self._read(cursor)

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        return self._members

    def _read(self, cursor: Cursor) -> Iterator[tuple[str, Any]]:
        for _ in cursor.members("}"):
            name = cursor.value()
            if not cursor.is_broken() and (not isinstance(name, str) or cursor.next() != ":"):
                cursor.refuse(_damage())
            if cursor.is_broken():
                return
            cursor.at += 1
            cursor.next()
            value = cursor.value()
            if cursor.is_broken():
                return
            yield name, value
            _exhaust(value)


Streamed = StreamedList | StreamedObject


def _exhaust(value: Any) -> None:
    """What a caller did not look at is passed over: the cursor stands where its stream stands."""
    if isinstance(value, StreamedList | StreamedObject):
        for _ in value:
            pass


def _damage() -> Unreadable:
    return Unreadable(
        "damaged", "it breaks off or is no JSON from some place on; what stands before was read"
    )
