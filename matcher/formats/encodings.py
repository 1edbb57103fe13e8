"""Bytes to text: byte-order marks, UTF-8, and a guess for the rest; not a format of its own."""

from __future__ import annotations

import codecs
import io
from contextlib import suppress
from functools import lru_cache
from typing import BinaryIO, TextIO

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LINES = 60
_FEWEST = 2
_RECORD_END = b"\x1e"
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\r\f\x0b\x1b\x08"))


@lru_cache(maxsize=2)
def encoding_of(head: bytes) -> str | None:
    """The encoding of the text that begins so; None where it is no text."""
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    if b"\0" in head:
        return _wide_without_mark(head)
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as wrong:
        if wrong.start < len(head) - 4:
            return "latin-1" if _is_divided(head, bytes(range(128, 256))) else _guessed(head)
    looked_at = head[:4096]
    controls = len(looked_at) - len(looked_at.translate(None, _CONTROLS))
    return "utf-8" if controls * 20 <= len(looked_at) or _is_divided(head, _CONTROLS) else None


def _is_divided(head: bytes, signs: bytes) -> bool:
    """Whether one of these signs and no other divides all lines into as many cells: \\x01 in Hive, \\x1f in ASCII."""
    end = b"\n" if b"\n" in head else b"\r" if b"\r" in head else _RECORD_END
    found = set(head) & set(signs) - set(end)
    if len(found) != 1:
        return False
    lines = head.split(end)
    counts = {line.count(bytes(found)) for line in lines[:-1][:_LINES] if line}
    return len(lines) > _FEWEST and len(counts) == 1 and counts != {0}


class _Lent(io.TextIOWrapper):
    """Text over a stream that others go on reading: closing it lets go of the stream."""

    def close(self) -> None:
        with suppress(ValueError):  # let go of already
            self.detach()


def text_of(stream: BinaryIO, head: bytes) -> TextIO:
    """The stream as text; what cannot be decoded becomes a mark, nothing is dropped. The stream stays open."""
    stream.seek(0)
    return _Lent(stream, encoding=encoding_of(head) or "utf-8", errors="replace", newline="")


@lru_cache(maxsize=2)
def decoded(head: bytes) -> str | None:
    """The beginning of a text, or None."""
    encoding = encoding_of(head)
    return None if encoding is None else head.decode(encoding, "ignore")


def _wide_without_mark(head: bytes) -> str | None:
    even, odd = head[0:2048:2].count(0), head[1:2048:2].count(0)
    half = min(len(head), 2048) // 2
    if odd > half * 0.7 and even < half * 0.1:
        return "utf-16-le"
    if even > half * 0.7 and odd < half * 0.1:
        return "utf-16-be"
    return None


def _guessed(head: bytes) -> str | None:
    from charset_normalizer import from_bytes

    best = from_bytes(head[: 64 << 10]).best()
    return None if best is None else best.encoding
