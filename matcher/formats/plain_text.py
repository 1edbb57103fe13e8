"""Running text: readmes, scripts, logs, lists of ids, whatever decodes."""

from __future__ import annotations

from collections.abc import Iterator

from matcher.contents import Limits, Opened, Text
from matcher.formats.encodings import encoding_of, text_of

FORMAT = "text"
PIECE = 1 << 20


def sniff(name: str, head: bytes) -> int:
    return int(encoding_of(head) is not None)


def read(opened: Opened, limits: Limits) -> Iterator[Text]:
    """The text in pieces of about 1 MiB that end with a line."""
    head = opened.stream.read(64 << 10)
    with text_of(opened.stream, head) as text:
        while piece := text.read(PIECE):
            yield Text(opened.name, piece + text.readline(PIECE))
