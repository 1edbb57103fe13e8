"""The archives that only libarchive reads: 7z, rar, cpio, iso, cab, lha, xar, ar; streamed, nothing written to disk."""

from __future__ import annotations

import io
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import Any, BinaryIO, cast

from matcher.contents import Limits, Opened, Unreadable
from matcher.opening import Member, told

FORMAT = "archive"
_MAGIC = (
    b"7z\xbc\xaf\x27\x1c",
    b"Rar!\x1a\x07",
    b"070701",
    b"070702",
    b"070707",
    b"MSCF\0\0\0\0",
    b"xar!",
    b"!<arch>\n",
)
_SIBLING_BYTES = 512 << 20
BLOCK = 256 << 10


def sniff(name: str, head: bytes) -> bool:
    return head.startswith(_MAGIC) or head[32769:32774] == b"CD001" or head[2:7] in (b"-lh5-", b"-lh7-")


def members(opened: Opened, limits: Limits) -> Iterator[Member]:
    """Members as they come.

    Raises:
        Unreadable: damaged, encrypted, or of a kind that this machine's libarchive does not read.
    """
    libarchive = _library()
    names = {entry.pathname for entry in _entries(libarchive, opened.stream)} if _has_sets(opened) else set()
    count = 0
    for entry in _entries(libarchive, opened.stream):
        count += 1
        if count > limits.members:
            raise Unreadable("bomb", "more members than may be read")
        if not entry.isfile:
            continue
        name = str(entry.pathname).lstrip("/")
        yield Member(
            name,
            _opener(entry),
            _sibling(libarchive, opened, entry.pathname, names),
            packed=_constant(opened.size),
            declared=entry.size,
        )


def _library() -> Any:
    try:
        import libarchive
    except (ImportError, OSError, AttributeError, TypeError):
        raise Unreadable("unsupported", "libarchive is not installed; install libarchive13") from None
    return libarchive


def _entries(libarchive: Any, stream: BinaryIO) -> Iterator[Any]:
    stream.seek(0)
    try:
        with libarchive.stream_reader(stream, block_size=BLOCK) as archive:
            yield from archive
    except libarchive.exception.ArchiveError as wrong:
        raise _told(wrong) from None


def _told(wrong: Exception) -> Unreadable:
    why = told(wrong)
    return why if why.why == "encrypted" else Unreadable("damaged", "libarchive cannot read it")


def _has_sets(opened: Opened) -> bool:
    """Neighbours are looked up by name, which takes a pass of its own; headers alone cost little."""
    return opened.size < _SIBLING_BYTES


def _opener(entry: Any) -> Callable[[], BinaryIO]:
    return lambda: cast("BinaryIO", io.BufferedReader(_Blocks(entry)))


def _constant(count: int) -> Callable[[], int]:
    return lambda: count


def _sibling(libarchive: Any, opened: Opened, name: str, names: set[str]) -> Callable[[str], BinaryIO | None]:
    def sibling(suffix: str) -> BinaryIO | None:
        wanted = str(PurePosixPath(name).with_suffix(suffix))
        if wanted not in names:
            return None
        place = opened.stream.tell()
        out = tempfile.TemporaryFile()  # noqa: SIM115 - the reader closes it
        try:
            for entry in _entries(libarchive, opened.stream):
                if entry.pathname == wanted and (entry.size or 0) <= _SIBLING_BYTES:
                    shutil.copyfileobj(_Blocks(entry), out)
                    break
        finally:
            opened.stream.seek(place)
        out.seek(0)
        return cast("BinaryIO", out)

    return sibling


class _Blocks(io.RawIOBase):
    """The content of an entry as a stream."""

    def __init__(self, entry: Any) -> None:
        super().__init__()
        self._blocks = entry.get_blocks(BLOCK)
        self._ready = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        if not self._ready:
            self._ready = next(self._blocks, b"")
        data, self._ready = self._ready[: len(view)], self._ready[len(view) :]
        view[: len(data)] = data
        return len(data)
