"""Tar archives, read in one pass; links and devices are passed over, no name is written to."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from typing import BinaryIO, cast

from matcher.contents import Limits, Opened, Unreadable
from matcher.opening import Member

FORMAT = "tar"


def sniff(name: str, head: bytes) -> bool:
    return head[257:262] == b"ustar" and len(head) >= 512


def members(opened: Opened, limits: Limits) -> Iterator[Member]:
    count = 0
    try:
        with tarfile.open(fileobj=opened.stream, mode="r|") as archive:
            for entry in archive:
                count += 1
                if count > limits.members:
                    raise Unreadable("bomb", "more members than may be read")
                if not entry.isreg():
                    continue
                stream = archive.extractfile(entry)
                if stream is not None:
                    yield Member(entry.name.lstrip("/"), cast("BinaryIO", stream))
    except tarfile.TarError as wrong:
        raise Unreadable("damaged", type(wrong).__name__) from None
