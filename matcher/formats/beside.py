"""What genotype files of several parts share: the text files beside them, real paths, and how much is held at once."""

from __future__ import annotations

import io
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from matcher.contents import Limits, Opened, Unreadable

MOST_LINE = 1 << 20
"""Bytes of one line of a side file."""
MOST_CALLS = 1 << 20
"""Calls of one part: 500,000 samples come 2 variants at a time. A larger array costs more to get than to fill."""
SURE_WITHIN = 0.25
"""A dosage farther than this from a whole number is not called."""


def variants_a_part(limits: Limits, samples_count: int) -> int:
    return max(1, min(limits.variants_per_part, MOST_CALLS // max(1, samples_count)))


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
    """The same in blocks of whole lines of about a MiB.

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
    """A stream in blocks of whole lines of about a MiB; only the last may be without its line feed.

    Raises:
        Unreadable: it is broken, larger than may be read, or no text in lines; whole lines before are given.
    """
    used, rest = 0, b""
    while True:
        try:
            data = stream.read(MOST_LINE)
        except Exception as wrong:  # noqa: BLE001 - zstandard has an error class of its own
            if rest:
                yield rest
            broken = (
                "breaks off" if isinstance(wrong, (OSError, EOFError, ValueError)) else "cannot be unpacked"
            )
            raise Unreadable("damaged", f"{shown} {broken} ({type(wrong).__name__})") from None
        if not data:
            if rest:
                yield rest
            return
        used += len(data)
        if used > limits.file_bytes:
            raise Unreadable("too-large", f"{shown} is larger than may be read")
        block = rest + data
        cut = block.rfind(b"\n") + 1
        rest = block[cut:]
        if len(rest) > MOST_LINE:
            raise Unreadable("damaged", f"{shown} is no text in lines")
        if cut:
            yield block[:cut]


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
def real_path(opened: Opened, suffix: str) -> Iterator[str]:
    """A path for libraries that open files by name; a file that is only in memory is written out for a while."""
    try:
        descriptor = opened.stream.fileno()
    except (OSError, AttributeError):
        with tempfile.NamedTemporaryFile(suffix=suffix) as file:
            opened.stream.seek(0)
            shutil.copyfileobj(opened.stream, file)
            file.flush()
            yield file.name
        return
    opened.stream.flush()
    yield f"/dev/fd/{descriptor}"
