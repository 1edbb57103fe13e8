"""R's serialised values (`.rds`, `.RData`), parsed from their bytes: nothing of them is ever evaluated.

The format is that of R's `serialize.c` (R Internals, 1.8), in its three codings: XDR, native and ASCII. Whatever
breaks off gives what stands before it; what is code is passed over, what hangs on it (an environment) is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from matcher.contents import Unreadable
from matcher.formats.r_codings import MISSING, Ascii, Binary, Ended, decoded

Kind = Literal[
    "logical", "integer", "real", "complex", "text", "raw", "list", "pairs", "environment", "s4", "symbol", "unread",
    "none",
]  # fmt: skip
"""`unread` is a vector whose form is not known, `none` nothing or code."""

HEADS = (b"RDX2\n", b"RDX3\n", b"RDA2\n", b"RDA3\n", b"RDB2\n", b"RDB3\n")
CODINGS = (b"X\n\0\0\0", b"A\n2\n", b"A\n3\n", b"B\n\2\0\0\0", b"B\n\3\0\0\0")
DEEPEST = 120
MOST_UNFOLDED = 10_000_000
"""Numbers of a run that R kept as such; of a larger file as many as it has bytes."""
_ATOMIC: dict[int, Kind] = {10: "logical", 13: "integer", 14: "real", 15: "complex", 24: "raw"}
_NOTHING = frozenset((0, 254, 253, 252, 251, 247, 242, 241))
_LIST, _TEXT = 2, 9
_HAS_ATTRIBUTES, _HAS_TAG = 1 << 9, 1 << 10


@dataclass(slots=True)
class Value:
    """One value: a vector, a list, an environment, an object.

    `content` is an array (logical and integer as 32 bits, the lowest number missing), a list of text (None missing)
    or of values, pairs of a name and a value, or a `range` of numbers that R kept as such.
    """

    kind: Kind
    content: Any = None
    attributes: dict[str, Value] = field(default_factory=dict)


NONE = Value("none")


def variables_of(data: bytes) -> Iterator[tuple[str, Value]]:
    """The variables of an .RData with their names; of an .rds its value, without a name.

    Raises:
        Unreadable: it is damaged, or nested deeper than may be read; behind whatever could be read.
    """
    data = data[5:] if data.startswith(HEADS) else data
    stream = _Stream(data)
    try:
        stream.read_head()
        yield from stream.variables()
    except (Ended, ValueError, IndexError, TypeError, OverflowError):
        stream.is_broken = True
    if stream.is_broken:
        raise Unreadable("damaged", "an R file that breaks off or is broken")


class _Stream:
    """The items of one stream, one after the other, and what they refer back to."""

    def __init__(self, data: bytes) -> None:
        mark, at = data[:2], 2
        self._coding: Binary | Ascii = (
            Ascii(data, at) if mark == b"A\n" else Binary(data, at, ">" if mark == b"X\n" else "<")
        )
        self._known: list[Value] = []
        self._deep = 0
        self.is_broken = False

    def read_head(self) -> None:
        version, _, _ = (self._coding.integer() for _ in range(3))
        if version not in (2, 3):
            raise ValueError
        if version == 3:
            self._coding.text(self._coding.integer())

    def variables(self) -> Iterator[tuple[str, Value]]:
        """What stands in the outermost pairs, each as soon as it is read; or the one value."""
        flags = self._coding.integer()
        if flags & 0xFF != _LIST:
            yield "", self.item(flags)
            return
        while flags & 0xFF == _LIST and not self.is_broken:
            yield self._pair(flags)
            flags = self._next()

    def item(self, flags: int | None = None) -> Value:
        flags = self._coding.integer() if flags is None else flags
        kind = flags & 0xFF
        if kind in _NOTHING:
            return NONE
        self._go_deeper()
        if kind in _FORMS:
            value = _FORMS[kind](self, flags)
        else:
            value = self._vector(kind)
            if flags & _HAS_ATTRIBUTES and not self.is_broken:
                value.attributes = self._attributes()
        self._deep -= 1
        return value

    def _go_deeper(self) -> None:
        """What fails comes back from nowhere: behind a damage nothing is read."""
        self._deep += 1
        if self._deep > DEEPEST:
            raise Unreadable("bomb", "values nested deeper than may be read")

    def _vector(self, kind: int) -> Value:
        if kind in _ATOMIC:
            return Value(_ATOMIC[kind], self._array(kind))
        if kind == 16:
            return Value("text", self._texts())
        if kind in (19, 20):
            return Value("list", self._values())
        if kind == 25:
            return Value("s4")
        raise ValueError(kind)

    def _count(self) -> int:
        count = self._coding.integer()
        if count == -1:  # more than 2**31: two halves
            count = (self._coding.integer() << 32) + (self._coding.integer() & 0xFFFFFFFF)
        if count < 0:
            raise ValueError
        return count

    def _array(self, kind: int) -> Any:
        count = self._count()
        found = self._coding.array(kind, count)
        self.is_broken |= len(found) < count
        return found

    def _texts(self) -> list[str | None]:
        count, found = self._count(), list[str | None]()
        with self._as_far_as_it_goes():
            while len(found) < count:
                self._coding.plain_texts(count, found)
                if len(found) < count:
                    found.append(self._text())
        return found

    def _values(self) -> list[Value]:
        count, found = self._count(), list[Value]()
        with self._as_far_as_it_goes():
            while len(found) < count and not self.is_broken:
                found.append(self.item())
        return found

    @contextmanager
    def _as_far_as_it_goes(self) -> Iterator[None]:
        """What was read before the damage stays; nothing is read behind it."""
        try:
            yield
        except (Ended, ValueError):
            self.is_broken = True

    def _text(self) -> str | None:
        flags = self._coding.integer()
        if flags & 0xFF != _TEXT:
            raise ValueError
        return self._text_of(flags)

    def _text_of(self, flags: int) -> str | None:
        length = self._coding.integer()
        piece = None if length == MISSING else decoded(self._coding.text(length), flags)
        if flags & _HAS_ATTRIBUTES:
            self.item()
        return piece

    def _attributes(self) -> dict[str, Value]:
        pairs = self.item()
        return {name: value for name, value in pairs.content if name} if pairs.kind == "pairs" else {}

    def _pair(self, flags: int) -> tuple[str, Value]:
        if flags & _HAS_ATTRIBUTES:
            self.item()
        named = self.item() if flags & _HAS_TAG else NONE
        return named.content if named.kind == "symbol" else "", self.item()

    def _next(self) -> int:
        """The flags of what follows in a list of pairs; nothing follows what is broken."""
        return 254 if self.is_broken else self._coding.integer()

    def _reference(self, flags: int) -> Value:
        number = flags >> 8 or self._coding.integer()
        if not 1 <= number <= len(self._known):
            raise ValueError
        return self._known[number - 1]

    # --- kinds with a form of their own, by `_FORMS` ---

    def pairs(self, flags: int) -> Value:
        value = Value("pairs", [])
        with self._as_far_as_it_goes():
            while flags & 0xFF in (_LIST, 17) and not self.is_broken:
                value.content.append(self._pair(flags))
                flags = self._next()
            if flags & 0xFF not in _NOTHING:
                self.item(flags)
        return value

    def call(self, flags: int) -> Value:
        """Code: passed over, but for what a formula has hanging on it."""
        attributes = self._attributes() if flags & _HAS_ATTRIBUTES else {}
        while flags & 0xFF in (_LIST, 6):
            if flags & _HAS_TAG:
                self.item()
            self.item()
            flags = self._next()
            if flags & 0xFF in (_LIST, 6) and flags & _HAS_ATTRIBUTES:
                self.item()
        if flags & 0xFF not in _NOTHING:
            self.item(flags)
        return Value("none", None, attributes)

    def function(self, flags: int) -> Value:
        """A function: of it only the environment that it keeps. A promise: besides that its value."""
        attributes = self._attributes() if flags & _HAS_ATTRIBUTES else {}
        held = [("", self.item())] if flags & _HAS_TAG else []
        first = self.item()
        self.item()
        return Value("pairs", held + ([("", first)] if flags & 0xFF == 5 else []), attributes)

    def symbol(self, _flags: int) -> Value:
        value = Value("symbol", self._text() or "")
        self._known.append(value)
        return value

    def reference(self, flags: int) -> Value:
        return self._reference(flags)

    def environment(self, _flags: int) -> Value:
        value = Value("environment", [])
        self._known.append(value)
        self._coding.integer()
        around, frame, table = self.item(), self.item(), self.item()
        value.attributes = self._attributes()
        lists = [frame, *(table.content if table.kind == "list" else ())]
        value.content = [("", around)] if around.kind == "environment" else []
        value.content += [pair for one in lists if one.kind == "pairs" for pair in one.content]
        return value

    def package(self, _flags: int) -> Value:
        if self._coding.integer() != 0:
            raise ValueError
        for _ in range(self._count()):
            self._text()
        self._known.append(NONE)
        return NONE

    def pointer(self, flags: int) -> Value:
        self._known.append(NONE)
        self.item()
        self.item()
        if flags & _HAS_ATTRIBUTES:
            self._attributes()
        return NONE

    def weak_reference(self, flags: int) -> Value:
        self._known.append(NONE)
        if flags & _HAS_ATTRIBUTES:
            self._attributes()
        return NONE

    def built_in(self, _flags: int) -> Value:
        self._coding.text(self._coding.integer())
        return NONE

    def lone_text(self, flags: int) -> Value:
        return Value("text", [self._text_of(flags)])

    def compact(self, _flags: int) -> Value:
        """A vector that R kept in another form: a run of numbers, numbers as text, or one with a note on its order."""
        about, state, attributes = self.item(), self.item(), self.item()
        name = about.content[0][1].content if about.kind == "pairs" and about.content else ""
        value = _unfolded(name, state, max(MOST_UNFOLDED, len(self._coding.data)))
        if attributes.kind == "pairs":
            value.attributes = {one: held for one, held in attributes.content if one}
        return value

    def byte_code(self, flags: int) -> Value:
        self._coding.integer()
        self._code()
        if flags & _HAS_ATTRIBUTES:
            self._attributes()
        return NONE

    def _code(self) -> None:
        self.item()
        for _ in range(self._count()):
            kind = self._coding.integer()
            if kind == 21:
                self._go_deeper()
                self._code()
                self._deep -= 1
            else:
                self._constant(kind)

    def _constant(self, kind: int) -> None:
        """A constant of byte code; calls and lists in it stand in a form of their own."""
        while kind in (_LIST, 6, 239, 240, 244):
            if kind == 244:
                self._coding.integer()
                kind = self._coding.integer()
            if kind in (239, 240):
                self.item()
            self.item()
            self._go_deeper()
            self._constant(self._coding.integer())
            self._deep -= 1
            kind = self._coding.integer()
        if kind == 243:
            self._coding.integer()
        else:
            self.item()


_FORMS: dict[int, Callable[[_Stream, int], Value]] = {
    1: _Stream.symbol,
    _LIST: _Stream.pairs,
    3: _Stream.function,
    4: _Stream.environment,
    5: _Stream.function,
    6: _Stream.call,
    7: _Stream.built_in,
    8: _Stream.built_in,
    _TEXT: _Stream.lone_text,
    17: _Stream.pairs,
    21: _Stream.byte_code,
    22: _Stream.pointer,
    23: _Stream.weak_reference,
    238: _Stream.compact,
    248: _Stream.package,
    249: _Stream.package,
    250: _Stream.package,
    255: _Stream.reference,
}


def _unfolded(name: str, state: Value, most: int) -> Value:
    if name.startswith("compact_"):
        count, start, step = state.content
        if count > most:
            raise Unreadable("bomb", "a run of numbers longer than is written out")
        if not (float(start).is_integer() and float(step).is_integer()):
            return Value("real", start + step * np.arange(int(count)))
        return Value("integer", range(int(start), int(start) + int(count) * int(step), int(step)))
    if name == "deferred_string" or name.startswith("wrap_"):
        first = state.content[0]
        one: Value = first[1] if state.kind == "pairs" else first
        return Value(one.kind, one.content)
    return Value("unread")
