"""What genotype files of several parts share: the text files beside them, real paths, and how much is held at once."""

from __future__ import annotations

import io
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from matcher.contents import Limits, Opened, Unreadable

MOST_LINE = 1 << 20
"""Bytes of one line of a side file."""
_BLOCK = 128 << 10
"""Bytes of lines that are taken apart at once: their strings fit what Python keeps of memory, and the caches."""
SURE_WITHIN = 0.25
"""A dosage farther than this from a whole number is not called."""


def variants_a_part(limits: Limits, samples_count: int) -> int:
    return max(1, min(limits.variants_per_part, limits.calls_per_part // max(1, samples_count)))


def first_beside(opened: Opened, *suffixes: str) -> tuple[str, BinaryIO]:
    """The first file that stands beside it, with its suffix.

    Raises:
        Unreadable: none does.
    """
    for suffix in suffixes:
        stream = opened.sibling(suffix)
        if stream is not None:
            return suffix, stream
    raise Unreadable("damaged", f"it stands without its {' or '.join(suffixes)}")


def lines_beside(opened: Opened, limits: Limits, *suffixes: str) -> Iterator[str]:
    """The lines of the first of these files that stands beside it; a .zst or .gz is unpacked.

    Raises:
        Unreadable: none does, or it is broken, larger than may be read, or no text in lines.
    """
    suffix, stream = first_beside(opened, *suffixes)
    with stream:
        yield from text_lines(_unpacked(stream, suffix), limits, f"the {suffix}")


def blocks_beside(opened: Opened, limits: Limits, *suffixes: str) -> Iterator[bytes]:
    """The same in blocks of whole lines.

    Raises:
        Unreadable: as `lines_beside` does.
    """
    suffix, stream = first_beside(opened, *suffixes)
    with stream:
        yield from line_blocks(_unpacked(stream, suffix), limits, f"the {suffix}")


def text_lines(stream: BinaryIO, limits: Limits, shown: str) -> Iterator[str]:
    """Lines that are not empty, without their ends; a line longer than any honest one ends the reading."""
    for block in line_blocks(stream, limits, shown):
        yield from lines_of(block)


def lines_of(block: bytes) -> Iterator[str]:
    """The lines of a block that are not empty, without their ends."""
    for line in block.decode("utf-8", "replace").split("\n"):
        text = line.strip("\r\n\x00 ")
        if text:
            yield text


def line_blocks(stream: BinaryIO, limits: Limits, shown: str) -> Iterator[bytes]:
    """A stream in blocks of whole lines; only the last may be without its line feed.

    Raises:
        Unreadable: it is broken, larger than may be read, or no text in lines.
    """
    used = 0
    while True:
        try:
            block = stream.read(_BLOCK)
            if block and not block.endswith(b"\n"):
                block += stream.readline(MOST_LINE + 1)
        except (OSError, EOFError, ValueError) as wrong:
            raise Unreadable("damaged", f"{shown} breaks off ({type(wrong).__name__})") from None
        except Exception as wrong:  # noqa: BLE001 - zstandard has an error class of its own
            raise Unreadable("damaged", f"{shown} cannot be unpacked ({type(wrong).__name__})") from None
        if not block:
            return
        used += len(block)
        if used > limits.file_bytes:
            raise Unreadable("too-large", f"{shown} is larger than may be read")
        if len(block) > _BLOCK + MOST_LINE:
            raise Unreadable("damaged", f"{shown} is no text in lines")
        yield block


def _unpacked(stream: BinaryIO, suffix: str) -> BinaryIO:
    if suffix.endswith(".zst"):
        import zstandard

        reader = zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(
            stream, read_across_frames=True
        )
        return io.BufferedReader(reader)  # type: ignore[arg-type,return-value,unused-ignore]
    if suffix.endswith(".gz"):
        import gzip

        return gzip.GzipFile(fileobj=stream)  # type: ignore[return-value]
    return stream


def position_of(text: str) -> int:
    """A position as a number, 0 where the file has none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 12 else 0


@contextmanager
def real_path(opened: Opened, suffix: str, *, is_resolved: bool = False) -> Iterator[str]:
    """A path for libraries that open files by name; a file that is only in memory is written out for a while.

    A library that resolves links (`is_resolved`) would come to the name of a file that was unpacked and has none; it
    gets a copy with one.
    """
    path = _descriptor_of(opened)
    if path is None or (is_resolved and not Path(path).resolve().exists()):
        with tempfile.NamedTemporaryFile(suffix=suffix) as file:
            opened.stream.seek(0)
            shutil.copyfileobj(opened.stream, file)
            file.flush()
            yield file.name
        return
    opened.stream.flush()
    yield path


def _descriptor_of(opened: Opened) -> str | None:
    try:
        return f"/dev/fd/{opened.stream.fileno()}"
    except (OSError, AttributeError):
        return None
