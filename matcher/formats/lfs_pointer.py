"""Git LFS pointers: three lines that stand in a history for a large file, with its SHA-256."""

from __future__ import annotations

from collections.abc import Iterator

from matcher.contents import Limits, Opened, Text

FORMAT = "git-lfs-pointer"
_MAGIC = b"version https://git-lfs.github.com/spec/v1\n"
_LONGEST = 1024


def sniff(name: str, head: bytes) -> int:
    return 6 if head.startswith(_MAGIC) and len(head) < _LONGEST else 0


def read(opened: Opened, limits: Limits) -> Iterator[Text]:
    yield Text(opened.name, opened.stream.read(_LONGEST).decode("utf-8", "replace"))
