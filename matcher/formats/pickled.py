"""Pickles, joblib and torch files, described from their opcodes and never loaded.

Strings and numbers that stand in the stream come as text and as a column, so that ids in a pickled frame are seen;
blocks of raw bytes are read as arrays of whole numbers and of floats where their values look like it.
"""

from __future__ import annotations

import io
import pickletools
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np

from matcher.contents import Limits, Opened, Table, Text, Unreadable
from matcher.formats.delimited import parts_of

FORMAT = "pickle"
_MOST_OPCODES = 5_000_000
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
    strings: list[str] = []
    numbers: list[str] = []
    blocks: list[bytes] = []
    wrong: Unreadable | None = None
    try:
        for opcode, value in _opcodes(data):
            if opcode in _STRINGS:
                strings.append(str(value))
            elif opcode in _NUMBERS:
                numbers.append(str(value))
            elif opcode in _BYTES:
                blocks.append(bytes(value))
            elif opcode == "GLOBAL":
                strings.append(str(value).replace(" ", "."))
    except (ValueError, IndexError, KeyError, UnicodeDecodeError, OverflowError) as fault:
        wrong = Unreadable("damaged", type(fault).__name__)
    if strings:
        yield Text(name, "\n".join(strings))
        yield from parts_of(name, ([one] for one in strings), limits, has_header=False)
    if len(numbers) > _GLOBALS_SHOWN:
        yield from parts_of(f"{name} numbers", ([one] for one in numbers), limits, has_header=False)
    for block in blocks:
        yield from _arrays(name, block, limits)
    if wrong is not None:
        raise wrong


def _opcodes(data: bytes) -> Iterator[tuple[str, Any]]:
    stream, count = io.BytesIO(data), 0
    while stream.tell() < len(data):
        if data[stream.tell() : stream.tell() + 1] != b"\x80" and count:
            return  # joblib puts raw arrays behind a pickle
        for opcode, value, _ in pickletools.genops(stream):
            count += 1
            if count > _MOST_OPCODES:
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
