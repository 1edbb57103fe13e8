"""One compressed file: gzip (BGZF too), bzip2, xz, zstandard."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import BinaryIO, cast

from matcher.contents import Limits, Opened
from matcher.opening import Member

FORMAT = "compressed"
_MAGIC = {b"\x1f\x8b": "gz", b"BZh": "bz2", b"\xfd7zXZ\x00": "xz", b"\x28\xb5\x2f\xfd": "zst"}
_ENDINGS = {".gz", ".bgz", ".bz2", ".xz", ".zst", ".tgz"}


def sniff(name: str, head: bytes) -> bool:
    return any(head.startswith(magic) for magic in _MAGIC)


def members(opened: Opened, limits: Limits) -> Iterator[Member]:
    head = opened.stream.read(6)
    opened.stream.seek(0)
    kind = next(kind for magic, kind in _MAGIC.items() if head.startswith(magic))
    name = PurePosixPath(opened.name)
    inner = (
        f"{name.stem}.tar" if name.suffix == ".tgz" else name.stem if name.suffix in _ENDINGS else name.name
    )
    yield Member(inner, _decompressed(kind, opened.stream))


def _decompressed(kind: str, stream: BinaryIO) -> BinaryIO:
    if kind == "gz":
        return cast("BinaryIO", gzip.GzipFile(fileobj=stream, mode="rb"))
    if kind == "bz2":
        return cast("BinaryIO", bz2.BZ2File(stream))
    if kind == "xz":
        return cast("BinaryIO", lzma.LZMAFile(stream))
    import zstandard

    return cast("BinaryIO", zstandard.ZstdDecompressor().stream_reader(stream))
