"""Zip archives, member by member, in memory; never written to the names they give."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import BinaryIO, cast

from matcher.containers.zarr import packed_members, stores_among
from matcher.contents import Limits, Opened, Unreadable
from matcher.formats.zarr_store import is_packed_store
from matcher.opening import Member

FORMAT = "zip"
_ENCRYPTED = 0x1
_OFFICE = (b"[Content_Types].xml", b"xl/", b"word/", b"_rels/.rels", b"docProps/")
_OFFICE_PARTS = (b"xl/", b"word/")


def sniff(name: str, head: bytes) -> bool:
    """A zip that is an archive; office documents and Zarr stores are formats of their own."""
    if not head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return False
    length = int.from_bytes(head[26:28], "little")
    first = head[30 : 30 + length]
    if is_packed_store(head):
        return False
    is_office = first.startswith(_OFFICE) and any(part in head for part in _OFFICE_PARTS)
    return not (is_office or b"mimetypeapplication/vnd.oasis" in head[:200])


def members(opened: Opened, limits: Limits) -> Iterator[Member]:
    """Members by the archive's own list.

    Raises:
        Unreadable: it is damaged, its members overlap, or some are encrypted; the others were given by then.
    """
    try:
        archive = zipfile.ZipFile(opened.stream)
    except (zipfile.BadZipFile, struct.error, ValueError, RuntimeError) as wrong:
        raise Unreadable("damaged", type(wrong).__name__) from None
    with archive:
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
        if len(entries) > limits.members:
            raise Unreadable("bomb", "more members than may be read")
        refuse_overlaps(entries)
        by_name = {entry.filename: entry for entry in entries}
        stores = tuple(stores_among(by_name))
        for store in stores:
            yield Member(store.rstrip("/") or "store.zarr", _store(archive, entries, store, limits))
        for entry in entries:
            if entry.filename.startswith(stores):
                continue
            yield Member(
                entry.filename,
                _opener(archive, entry),
                _sibling(archive, by_name, entry.filename),
                packed=_constant(entry.compress_size),
                declared=entry.file_size,
            )
        if any(entry.flag_bits & _ENCRYPTED for entry in entries):
            raise Unreadable("encrypted", "some members")


def refuse_overlaps(entries: list[zipfile.ZipInfo]) -> None:
    """Members that share bytes are how a small zip claims hundreds of gigabytes (CVE-2024-0450)."""
    end = 0
    for entry in sorted(entries, key=lambda one: one.header_offset):
        if entry.header_offset < end:
            raise Unreadable("bomb", "members overlap")
        end = entry.header_offset + 30 + entry.compress_size


def _opener(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Callable[[], BinaryIO]:
    def opened() -> BinaryIO:
        if entry.flag_bits & _ENCRYPTED:
            raise Unreadable("encrypted")
        return cast("BinaryIO", archive.open(entry))

    return opened


def _store(
    archive: zipfile.ZipFile, entries: list[zipfile.ZipInfo], store: str, limits: Limits
) -> Callable[[], BinaryIO]:
    return lambda: packed_members(archive, entries, store, limits.file_bytes)


def _constant(count: int) -> Callable[[], int]:
    return lambda: count


def _sibling(
    archive: zipfile.ZipFile, by_name: dict[str, zipfile.ZipInfo], name: str
) -> Callable[[str], BinaryIO | None]:
    def sibling(suffix: str) -> BinaryIO | None:
        entry = by_name.get(str(PurePosixPath(name).with_suffix(suffix)))
        if entry is None or entry.flag_bits & _ENCRYPTED:
            return None
        return cast("BinaryIO", archive.open(entry))

    return sibling
