"""Tar archives; links and devices are passed over, no name is written to."""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import BinaryIO, cast

from matcher.contents import Limits, Opened, Unreadable
from matcher.opening import Member

FORMAT = "tar"


def sniff(name: str, head: bytes) -> bool:
    return head[257:262] == b"ustar" and len(head) >= 512


def members(opened: Opened, limits: Limits) -> Iterator[Member]:
    """Members as they come; a broken end costs only what stands behind it.

    Raises:
        Unreadable: the archive is damaged, once everything before the damage was given.
    """
    found: dict[str, tarfile.TarInfo] = {}
    try:
        with tarfile.open(fileobj=opened.stream, mode="r:") as archive:
            while (entry := archive.next()) is not None:
                archive.members = []  # type: ignore[attr-defined]  # it would keep every header for ever
                if len(found) > limits.members:
                    raise Unreadable("bomb", "more members than may be read")
                if entry.isreg():
                    found[entry.name] = entry
                    yield _member(archive, entry, found, opened.size)
    except tarfile.TarError as wrong:
        raise Unreadable("damaged", type(wrong).__name__) from None


def _member(
    archive: tarfile.TarFile, entry: tarfile.TarInfo, found: dict[str, tarfile.TarInfo], size: int
) -> Member:
    if entry.issparse():
        # Its holes cost nothing in the archive, so its size may be anything.
        return Member(
            entry.name.lstrip("/"), _opener(archive, entry), declared=entry.size, packed=lambda: size
        )
    return Member(entry.name.lstrip("/"), _opener(archive, entry), _sibling(archive, entry.name, found))


def _opener(archive: tarfile.TarFile, entry: tarfile.TarInfo) -> Callable[[], BinaryIO]:
    return lambda: cast("BinaryIO", archive.extractfile(entry))


def _sibling(
    archive: tarfile.TarFile, name: str, found: dict[str, tarfile.TarInfo]
) -> Callable[[str], BinaryIO | None]:
    def sibling(suffix: str) -> BinaryIO | None:
        wanted = str(PurePosixPath(name).with_suffix(suffix))
        if wanted not in found:
            _look_ahead(archive, found)
        entry = found.get(wanted)
        return None if entry is None else cast("BinaryIO", archive.extractfile(entry))

    return sibling


def _look_ahead(archive: tarfile.TarFile, found: dict[str, tarfile.TarInfo]) -> None:
    """Reads the headers that stand behind, and comes back."""
    place = archive.offset
    try:
        while (entry := archive.next()) is not None:
            archive.members = []  # type: ignore[attr-defined]
            if entry.isreg():
                found.setdefault(entry.name, entry)
    except tarfile.TarError:
        pass
    finally:
        archive.offset = place
        archive._loaded = False  # type: ignore[attr-defined]  # it has not reached the end for good
