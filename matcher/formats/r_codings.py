"""The three ways in which R writes numbers and texts of a value: XDR, native and ASCII (`serialize.c`)."""

from __future__ import annotations

import re
import struct
from typing import Any

import numpy as np

ATOMIC = {10: 4, 13: 4, 14: 8, 15: 16, 24: 1}
"""Bytes of one number, by R's type: logical, integer, real, complex, raw."""
MISSING = -1
"""The length of a missing text."""
_IS_LATIN1 = 1 << 14
_DTYPES = {4: "i4", 8: "f8", 16: "c16", 1: "u1"}
_ESCAPE = re.compile(rb"\\([0-7]{1,3}|.)", re.DOTALL)
_ESCAPED = {b"n": b"\n", b"t": b"\t", b"v": b"\v", b"b": b"\b", b"r": b"\r", b"f": b"\f", b"a": b"\a"}


class Ended(Exception):
    """The bytes ended before the value did."""


class Coding:
    """How numbers and texts stand in the bytes."""

    def __init__(self, data: bytes, at: int) -> None:
        self.data, self.at = data, at

    def take(self, count: int) -> bytes:
        end = self.at + count
        if count < 0 or end > len(self.data):
            raise Ended
        piece = self.data[self.at : end]
        self.at = end
        return piece


class Binary(Coding):
    """XDR, or as a processor of the least byte first has them."""

    def __init__(self, data: bytes, at: int, order: str) -> None:
        super().__init__(data, at)
        self._order = order
        self._integer = struct.Struct(f"{order}i")
        self._text = struct.Struct(f"{order}ii")

    def integer(self) -> int:
        if self.at + 4 > len(self.data):
            raise Ended
        (value,) = self._integer.unpack_from(self.data, self.at)
        self.at += 4
        return int(value)

    def array(self, kind: int, count: int) -> Any:
        letter = _DTYPES[ATOMIC[kind]]
        there = min(count, (len(self.data) - self.at) // ATOMIC[kind])
        found = np.frombuffer(self.data, f"{self._order}{letter}", there, self.at)
        self.at += there * ATOMIC[kind]
        return found.astype(f"={letter}")

    def text(self, length: int) -> bytes:
        return self.take(length)

    def plain_texts(self, most: int, into: list[str | None]) -> None:
        """Texts one after the other, as far as they are plain ones."""
        data, at, size, unpack = self.data, self.at, len(self.data), self._text.unpack_from
        known: dict[bytes, str] = {}  # texts come again and again
        while len(into) < most and at + 8 <= size:
            flags, length = unpack(data, at)
            end = at + 8 + max(length, 0)
            if flags & 0x2FF != 9 or length < MISSING or end > size:
                break
            piece = data[at + 8 : end]
            one = known.get(piece)
            if one is None:
                one = known[piece] = decoded(piece, flags)
            into.append(None if length == MISSING else one)
            at = end
        self.at = at


class Ascii(Coding):
    """A word a line; texts with escapes."""

    def _word(self) -> bytes:
        data, at = self.data, self.at
        end = data.find(b"\n", at)
        if end < 0:
            raise Ended
        self.at = end + 1
        return data[at:end].strip()

    def integer(self) -> int:
        word = self._word()
        return -(1 << 31) if word == b"NA" else int(word)

    def array(self, kind: int, count: int) -> Any:
        found: list[Any] = []
        try:
            while len(found) < count:
                found.append(self._number(kind))
        except (Ended, ValueError):
            pass  # the caller sees that fewer came than were told of
        return np.array(found, _DTYPES[ATOMIC[kind]])

    def _number(self, kind: int) -> Any:
        if kind in (10, 13):
            return self.integer()
        if kind == 24:
            return int(self._word(), 16)
        if kind == 15:
            return complex(self._real(), self._real())
        return self._real()

    def _real(self) -> float:
        word = self._word()
        if word == b"NA":
            return float("nan")
        return float.fromhex(word.decode("ascii")) if b"x" in word else float(word)

    def text(self, length: int) -> bytes:
        word = self._word()
        piece = _ESCAPE.sub(lambda one: _escaped(one[1]), word)
        if len(piece) != length:
            raise Ended
        return piece

    def plain_texts(self, most: int, into: list[str | None]) -> None:
        """None is read faster here than one by one."""


def decoded(piece: bytes, flags: int) -> str:
    if not flags & _IS_LATIN1:
        try:
            return piece.decode("utf-8")
        except UnicodeDecodeError:
            pass  # written before R marked how its text is coded
    return piece.decode("latin-1")


def _escaped(mark: bytes) -> bytes:
    return bytes((int(mark, 8) & 255,)) if mark[:1].isdigit() else _ESCAPED.get(mark, mark)
