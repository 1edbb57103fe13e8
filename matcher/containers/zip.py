"""Zip archives, member by member, in memory; never written to the names they give."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Iterator
from typing import BinaryIO, cast

from matcher.contents import Limits, Opened, Unreadable
from matcher.opening import Member

FORMAT = "zip"
_ENCRYPTED = 0x1


def sniff(name: str, head: bytes) -> bool:
    """A zip that is an archive; office documents and the like are formats of their own."""
    if not head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return False
    return b"[Content_Types].xml" not in head[:4096] and b"mimetypeapplication/vnd.oasis" not in head[:200]


def members(opened: Opened, limits: Limits) -> Iterator[Member]:
    try:
        archive = zipfile.ZipFile(opened.stream)
    except (zipfile.BadZipFile, struct.error, ValueError, NotImplementedError) as wrong:
        raise Unreadable("damaged", type(wrong).__name__) from None
    with archive:
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
        if len(entries) > limits.members:
            raise Unreadable("bomb", "more members than may be read")
        _refuse_overlaps(entries)
        if entries and all(entry.flag_bits & _ENCRYPTED for entry in entries):
            raise Unreadable("encrypted")
        for entry in entries:
            if entry.flag_bits & _ENCRYPTED:
                continue
            try:
                stream = archive.open(entry)
            except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as wrong:
                raise Unreadable("damaged", type(wrong).__name__) from None
            with stream:
                yield Member(entry.filename, cast("BinaryIO", stream))
        if any(entry.flag_bits & _ENCRYPTED for entry in entries):
            raise Unreadable("encrypted", "some members")


def _refuse_overlaps(entries: list[zipfile.ZipInfo]) -> None:
    """Members that share bytes are how a small zip claims hundreds of gigabytes (CVE-2024-0450)."""
    end = 0
    for entry in sorted(entries, key=lambda one: one.header_offset):
        if entry.header_offset < end:
            raise Unreadable("bomb", "members overlap")
        end = entry.header_offset + 30 + entry.compress_size
