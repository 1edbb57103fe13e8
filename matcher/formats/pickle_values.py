"""What a pickle would build, worked out from its opcodes: nothing is imported, nothing is called, nothing is built.

Whatever the stream asks to be called stands here as an `Inert`: the name of what was asked for, with what it was to be
given. Opcodes are those of `pickletools`; a stream of joblib has the bytes of its arrays between them.
"""

from __future__ import annotations

import io
import pickletools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from matcher.contents import Unreadable

MOST_OPCODES = 5_000_000
_JOBLIB_ARRAY = "joblib.numpy_pickle.NumpyArrayWrapper"
_CONSTANTS = frozenset(
    (
        *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
        *(
            "STRING",
            "BINSTRING",
            "SHORT_BINSTRING",
            "UNICODE",
            "SHORT_BINUNICODE",
            "BINUNICODE",
            "BINUNICODE8",
        ),
        *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
    )
)
_NOTHING = frozenset(("PROTO", "FRAME", "READONLY_BUFFER"))
_MARK = object()


@dataclass(eq=False, slots=True)
class Inert:
    """Something that would have been made: by whom, of what; what it was to be filled with."""

    name: str
    given: tuple[Any, ...] = ()
    state: Any = None
    items: list[Any] = field(default_factory=list)
    pairs: list[tuple[Any, Any]] = field(default_factory=list)

    def at(self, key: str) -> Any:
        """What stands under a key of its state, None where nothing does."""
        return self.state.at(key) if isinstance(self.state, Pairs) else None


@dataclass(eq=False, slots=True)
class Pairs:
    """A dictionary, whose keys may be anything."""

    pairs: list[tuple[Any, Any]] = field(default_factory=list)

    def at(self, key: str) -> Any:
        return next((value for one, value in self.pairs if isinstance(one, str) and one == key), None)


def values_of(data: bytes) -> Iterator[Any]:
    """What each pickle of a stream would be.

    Raises:
        Unreadable: more opcodes than may be gone through.
        ValueError, IndexError, KeyError, TypeError, AttributeError: it is damaged, or no pickle.
    """
    stream = io.BytesIO(data)
    while data[stream.tell() : stream.tell() + 1] == b"\x80":
        yield _Machine(stream).run()


class _Machine:
    """The stack and the memo of one pickle."""

    def __init__(self, stream: io.BytesIO) -> None:
        self._stream = stream
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}

    def run(self) -> Any:
        for count, (opcode, value, _) in enumerate(pickletools.genops(self._stream)):
            if count > MOST_OPCODES:
                raise Unreadable("too-large", "more opcodes than may be read; the beginning was read")
            if opcode.name in _CONSTANTS:
                self._stack.append(value)
            elif opcode.name not in _NOTHING and opcode.name != "STOP":
                _STEPS[opcode.name](self, value)
        return self._stack[-1]

    def push(self, value: Any) -> None:
        self._stack.append(value)

    def push_pairs(self, values: list[Any]) -> None:
        self.push(Pairs())
        self.fill_pairs(values)

    def push_called(self, values: list[Any]) -> None:
        self.push(_called(values[0], [tuple(values[1:])]))

    def pop(self) -> Any:
        if self._stack[-1] is _MARK:
            raise ValueError("a mark where a value belongs")
        return self._stack.pop()

    def top(self) -> Any:
        return self._stack[-1]

    def marked(self) -> list[Any]:
        """What stands above the last mark, which goes with it."""
        at = len(self._stack) - 1
        while self._stack[at] is not _MARK:
            at -= 1
            if at < 0:
                raise ValueError("no mark")
        values = self._stack[at + 1 :]
        del self._stack[at:]
        return values

    def remember(self, number: int | None) -> None:
        self._memo[len(self._memo) if number is None else int(number)] = self._stack[-1]

    def recall(self, number: int) -> None:
        self._stack.append(self._memo[int(number)])

    def fill(self, values: list[Any]) -> None:
        target = self.top()
        if isinstance(target, list):
            target += values
        elif isinstance(target, Inert):
            target.items += values
        else:
            raise ValueError("nothing that can be filled")

    def fill_pairs(self, values: list[Any]) -> None:
        target = self.top()
        if not isinstance(target, (Inert, Pairs)):
            raise ValueError("nothing that can be filled")
        target.pairs += zip(values[::2], values[1::2], strict=True)

    def call(self, count: int) -> None:
        """Notes that the last but `count - 1` values were to be called with the others."""
        given = [self.pop() for _ in range(count)][::-1]
        self.push(_called(given[0], given[1:]))

    def build(self) -> None:
        state = self.pop()
        target = self.top()
        if isinstance(target, Inert):
            target.state = state
            if target.name == _JOBLIB_ARRAY:
                target.items = [self._raw_array(target)]

    def _raw_array(self, wrapper: Inert) -> bytes:
        """The bytes that joblib put behind the description of an array."""
        from matcher.formats.pickled_arrays import dtype_of

        shape, dtype = wrapper.at("shape"), dtype_of(wrapper.at("dtype"))
        if dtype is None or dtype.hasobject:
            raise ValueError("an array of objects, pickled once more")
        if wrapper.at("numpy_array_alignment_bytes") is not None:
            padding = self._stream.read(1)
            self._stream.read(padding[0])
        count = 1
        for one in shape:
            count *= int(one)
        return self._stream.read(count * dtype.itemsize)


def _called(callee: Any, given: list[Any]) -> Any:
    name = callee.name if isinstance(callee, Inert) else "?"
    arguments = given[0] if given and isinstance(given[0], tuple) else tuple(given)
    if name in (
        "copyreg.__newobj__",
        "copy_reg.__newobj__",
        "copyreg._reconstructor",
        "copy_reg._reconstructor",
    ):
        first = arguments[0] if arguments else None
        return Inert(first.name if isinstance(first, Inert) else "?", arguments[1:])
    if name in ("builtins.set", "builtins.frozenset", "builtins.list", "builtins.tuple", "__builtin__.set"):
        return arguments[0] if arguments and isinstance(arguments[0], (list, tuple)) else []
    if name in ("collections.OrderedDict", "builtins.dict", "collections.defaultdict"):
        return Pairs()
    if name in ("builtins.bytearray", "builtins.bytes", "__builtin__.bytearray") and arguments:
        return arguments[0] if isinstance(arguments[0], (bytes, bytearray)) else Inert(name, arguments)
    if name == "_codecs.encode" and arguments and isinstance(arguments[0], str):
        return arguments[0].encode("latin-1", "replace")  # how protocol 2 writes bytes
    return Inert(name, arguments)


def _named(module: Any, name: Any) -> Inert:
    return Inert(f"{module}.{name}")


_STEPS: dict[str, Callable[[_Machine, Any], Any]] = {
    "NONE": lambda m, _: m.push(None),
    "NEWTRUE": lambda m, _: m.push(True),
    "NEWFALSE": lambda m, _: m.push(False),
    "EMPTY_TUPLE": lambda m, _: m.push(()),
    "EMPTY_LIST": lambda m, _: m.push([]),
    "EMPTY_SET": lambda m, _: m.push([]),
    "EMPTY_DICT": lambda m, _: m.push(Pairs()),
    "MARK": lambda m, _: m.push(_MARK),
    "TUPLE": lambda m, _: m.push(tuple(m.marked())),
    "TUPLE1": lambda m, _: m.push((m.pop(),)),
    "TUPLE2": lambda m, _: m.push((m.pop(), m.pop())[::-1]),
    "TUPLE3": lambda m, _: m.push((m.pop(), m.pop(), m.pop())[::-1]),
    "LIST": lambda m, _: m.push(m.marked()),
    "FROZENSET": lambda m, _: m.push(m.marked()),
    "DICT": lambda m, _: m.push_pairs(m.marked()),
    "APPEND": lambda m, _: m.fill([m.pop()]),
    "APPENDS": lambda m, _: m.fill(m.marked()),
    "ADDITEMS": lambda m, _: m.fill(m.marked()),
    "SETITEM": lambda m, _: m.fill_pairs([m.pop(), m.pop()][::-1]),
    "SETITEMS": lambda m, _: m.fill_pairs(m.marked()),
    "POP": lambda m, _: m._stack.pop(),
    "POP_MARK": lambda m, _: m.marked(),
    "DUP": lambda m, _: m.push(m.top()),
    "PUT": lambda m, number: m.remember(number),
    "BINPUT": lambda m, number: m.remember(number),
    "LONG_BINPUT": lambda m, number: m.remember(number),
    "MEMOIZE": lambda m, _: m.remember(None),
    "GET": lambda m, number: m.recall(number),
    "BINGET": lambda m, number: m.recall(number),
    "LONG_BINGET": lambda m, number: m.recall(number),
    "GLOBAL": lambda m, names: m.push(_named(*str(names).split(" ", 1))),
    "STACK_GLOBAL": lambda m, _: m.push(_named(*(m.pop(), m.pop())[::-1])),
    "REDUCE": lambda m, _: m.call(2),
    "NEWOBJ": lambda m, _: m.call(2),
    "NEWOBJ_EX": lambda m, _: m.call(3),
    "BUILD": lambda m, _: m.build(),
    "OBJ": lambda m, _: m.push_called(m.marked()),
    "INST": lambda m, names: m.push(_called(_named(*str(names).split(" ", 1)), [tuple(m.marked())])),
    "PERSID": lambda m, name: m.push(Inert("persistent", (name,))),
    "BINPERSID": lambda m, _: m.push(Inert("persistent", (m.pop(),))),
    "EXT1": lambda m, number: m.push(Inert("extension", (number,))),
    "EXT2": lambda m, number: m.push(Inert("extension", (number,))),
    "EXT4": lambda m, number: m.push(Inert("extension", (number,))),
    "NEXT_BUFFER": lambda m, _: m.push(Inert("buffer")),
}
