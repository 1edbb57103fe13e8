"""One compressed file: gzip (BGZF too), bzip2, xz, zstandard, and a loose object of git (zlib)."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import zlib
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import BinaryIO, cast

from matcher.contents import Limits, Opened
from matcher.opening import Member

FORMAT = "compressed"
_MAGIC = {
    b"\x1f\x8b": "gz",
    b"BZh": "bz2",
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "zst",
    b"\x78\x01": "git",
}
_ENDINGS = {".gz", ".bgz", ".bz2", ".xz", ".zst"}
_TARS = {".tgz", ".tbz", ".tbz2", ".txz", ".tzst"}


def sniff(name: str, head: bytes) -> bool:
    kind = _kind(head)
    return kind is not None and (kind != "git" or _is_object(head))


def members(opened: Opened, limits: Limits) -> Iterator[Member]:
    kind = _kind(opened.stream.read(6))
    opened.stream.seek(0)
    stream = opened.stream
    yield Member(_inner_name(opened.name), lambda: _decompressed(kind or "", stream), packed=stream.tell)


def _kind(head: bytes) -> str | None:
    return next((kind for magic, kind in _MAGIC.items() if head.startswith(magic)), None)


def _inner_name(name: str) -> str:
    path = PurePosixPath(name)
    if path.suffix.lower() in _TARS:
        return f"{path.stem}.tar"
    return path.stem if path.suffix.lower() in _ENDINGS else name


def _is_object(head: bytes) -> bool:
    try:
        return re.match(rb"(blob|tree|commit|tag) \d", zlib.decompressobj().decompress(head, 8)) is not None
    except zlib.error:
        return False


def _decompressed(kind: str, stream: BinaryIO) -> BinaryIO:
    if kind == "gz":
        return cast("BinaryIO", gzip.GzipFile(fileobj=stream, mode="rb"))
    if kind == "bz2":
        return cast("BinaryIO", bz2.BZ2File(stream))
    if kind == "xz":
        return cast("BinaryIO", lzma.LZMAFile(stream))
    if kind == "git":
        return cast("BinaryIO", io.BufferedReader(_Loose(stream)))
    return cast("BinaryIO", io.BufferedReader(_Zstandard(stream)))


class _Zstandard(io.RawIOBase):
    """What zstandard gives; a file that ends within a frame is told, which its library does not do."""

    def __init__(self, stream: BinaryIO) -> None:
        super().__init__()
        import zstandard

        self._is_whole = _ends_with_a_frame(stream)
        stream.seek(0)
        # A frame may ask for a window of gigabytes; 128 MiB is what `zstd --long` makes at most by default.
        self._inside = zstandard.ZstdDecompressor(max_window_size=128 << 20).stream_reader(
            stream, read_across_frames=True, closefd=False
        )

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        count = self._inside.readinto(buffer)
        if not count and not self._is_whole:
            raise EOFError("zstandard data that ends too early")
        return count


def _ends_with_a_frame(stream: BinaryIO) -> bool:
    """Goes from block to block by their headers (RFC 8878), without unpacking any."""
    import zstandard

    size = stream.seek(0, 2)
    place = 0
    while place < size:
        stream.seek(place)
        head = stream.read(18)
        if head[1:4] == b"\x2a\x4d\x18" and 0x50 <= head[0] <= 0x5F:  # a frame to be skipped
            place += 8 + int.from_bytes(head[4:8], "little")
            continue
        try:
            has_checksum = zstandard.get_frame_parameters(head).has_checksum
            place += zstandard.frame_header_size(head)
        except zstandard.ZstdError:
            return False
        is_last = False
        while not is_last:
            stream.seek(place)
            block = int.from_bytes(stream.read(3), "little")
            if place + 3 > size:
                return False
            is_last = bool(block & 1)
            place += 3 + (1 if block >> 1 & 3 == 1 else block >> 3)
        place += 4 * has_checksum
    return place == size


class _Loose(io.RawIOBase):
    """The content of a loose object of git: what zlib gives, behind its kind, its size and a zero byte."""

    def __init__(self, stream: BinaryIO) -> None:
        super().__init__()
        self._stream = stream
        self._unpacked = zlib.decompressobj()
        self._ready = b""
        while b"\0" not in self._ready and self._fill(64):
            pass
        self._ready = self._ready.partition(b"\0")[2]

    def _fill(self, most: int) -> bool:
        packed = self._unpacked.unconsumed_tail or self._stream.read(1 << 16)
        if not packed:
            if not self._unpacked.eof:
                raise EOFError("a loose object that ends too early")
            return False
        self._ready += self._unpacked.decompress(packed, most)
        return not (self._unpacked.eof and not self._ready)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        while not self._ready and not self._unpacked.eof:
            self._fill(1 << 20)
        data, self._ready = self._ready[: len(view)], self._ready[len(view) :]
        view[: len(data)] = data
        return len(data)
