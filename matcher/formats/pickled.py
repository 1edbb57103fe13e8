"""Pickles, joblib and torch files, described from their opcodes and never loaded.

Frames, arrays, records and columns come as tables, as far as it can be worked out what the stream would build
(`pickle_values`). Strings come as text and as a column in any case, so that ids are seen wherever they stand. Where a
stream cannot be worked out, its numbers come as a column too, and blocks of raw bytes as arrays of whole numbers and of
floats where their values look like it.
"""

from __future__ import annotations

import io
import pickletools
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import numpy as np

from matcher.contents import Limits, Opened, Table, Text, Unreadable
from matcher.formats.delimited import parts_of
from matcher.formats.pickle_values import MOST_OPCODES, values_of
from matcher.formats.pickled_tables import PickledTables

FORMAT = "pickle"
_MOST_BYTES = 256 << 20
_PROTOCOLS = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
_GLOBALS_SHOWN = 40
_STRINGS = {
    "BINUNICODE",
    "SHORT_BINUNICODE",
    "BINUNICODE8",
    "UNICODE",
    "STRING",
    "BINSTRING",
    "SHORT_BINSTRING",
}
_NUMBERS = {"BININT", "BININT1", "BININT2", "INT", "LONG", "LONG1", "LONG4", "BINFLOAT", "FLOAT"}
_BYTES = {"BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"}
_LARGEST_ID = 1 << 48


def sniff(name: str, head: bytes) -> int:
    return 5 if head.startswith(_PROTOCOLS) and len(head) > 3 else 0


def read(opened: Opened, limits: Limits) -> Iterator[Table | Text]:
    yield from described(opened.name, opened.stream, limits)


def described(name: str, stream: BinaryIO, limits: Limits) -> Iterator[Table | Text]:
    """What stands in one pickle or several, one after the other.

    Raises:
        Unreadable: it is damaged, or larger than may be described.
    """
    data = stream.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        raise Unreadable("too-large", "a pickle of more than 256 MiB")
    seen = _Seen()
    try:
        for opcode, value in _opcodes(data):
            seen.add(opcode, value)
    except (ValueError, IndexError, KeyError, UnicodeDecodeError, OverflowError) as fault:
        seen.wrong = Unreadable("damaged", type(fault).__name__)
    yield from _told(name, data, seen, limits)


@dataclass(slots=True)
class _Seen:
    """What stands in a stream, in its order."""

    strings: list[str] = field(default_factory=list)
    numbers: list[str] = field(default_factory=list)
    blocks: list[bytes] = field(default_factory=list)
    wrong: Unreadable | None = None

    def add(self, opcode: str, value: Any) -> None:
        if opcode in _STRINGS:
            self.strings.append(str(value))
        elif opcode in _NUMBERS:
            self.numbers.append(str(value))
        elif opcode in _BYTES:
            self.blocks.append(bytes(value))
        elif opcode == "GLOBAL":
            self.strings.append(str(value).replace(" ", "."))


def _told(name: str, data: bytes, seen: _Seen, limits: Limits) -> Iterator[Table | Text]:
    if seen.strings:
        yield Text(name, "\n".join(seen.strings))
        yield from parts_of(name, ([one] for one in seen.strings), limits, has_header=False)
    if not (yield from _worked_out(name, data, limits)):
        if len(seen.numbers) > _GLOBALS_SHOWN:
            yield from parts_of(f"{name} numbers", ([one] for one in seen.numbers), limits, has_header=False)
        for block in seen.blocks:
            yield from _arrays(name, block, limits)
        if seen.wrong is not None:
            raise seen.wrong


def _worked_out(name: str, data: bytes, limits: Limits) -> Generator[Table, None, bool]:
    """The tables that the stream would build; False where that cannot be told to its end."""
    search = PickledTables(limits)
    try:
        for number, value in enumerate(values_of(data)):
            yield from search.within(f"{name} {number}", value)
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return False  # the stream asks for what no honest one does, or for what is not known here
    return True


def _opcodes(data: bytes) -> Iterator[tuple[str, Any]]:
    stream, count = io.BytesIO(data), 0
    while stream.tell() < len(data):
        if data[stream.tell() : stream.tell() + 1] != b"\x80" and count:
            return  # joblib puts raw arrays behind a pickle
        for opcode, value, _ in pickletools.genops(stream):
            count += 1
            if count > MOST_OPCODES:
                raise Unreadable("too-large", "more opcodes than may be read; the beginning was read")
            yield opcode.name, value


def _arrays(name: str, block: bytes, limits: Limits) -> Iterator[Table]:
    """A raw block as whole numbers or floats, whichever its values can be."""
    if len(block) < 64 or len(block) % 8:
        return
    whole = np.frombuffer(block, dtype="<i8")
    if (np.abs(whole) < _LARGEST_ID).mean() > 0.99:
        yield from parts_of(f"{name} array", ([str(one)] for one in whole.tolist()), limits, has_header=False)
        return
    floats = np.frombuffer(block, dtype="<f8")
    with np.errstate(invalid="ignore"):
        plausible = np.isnan(floats) | (floats == 0) | ((np.abs(floats) > 1e-9) & (np.abs(floats) < 1e15))
    if plausible.mean() > 0.99:
        shown = ("" if one != one else f"{one:.12g}" for one in floats.tolist())
        yield from parts_of(f"{name} array", ([one] for one in shown), limits, has_header=False)
