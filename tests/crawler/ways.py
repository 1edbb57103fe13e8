"""One leaked file, told apart by the way in which it was posted."""

from __future__ import annotations

import zlib
from pathlib import Path

from crawler.models import Copy, Find
from tests.crawler.crawling import Watch
from tests.crawler.repositories import blobs_of


def leaked(way: str) -> bytes:
    """The table that was posted in this way and in no other."""
    first = 1_000_000 + zlib.crc32(way.encode()) % 8_000_000
    return b"eid,sex,year\n" + b"".join(
        b"%d,%d,19%d\n" % (first + 13 * n, n % 2, 40 + n % 50) for n in range(60)
    )


def found(watch: Watch, folder: Path) -> dict[bytes, list[Copy]]:
    """Every content in quarantine, those inside histories too, with the copies that offer it."""
    contents: dict[bytes, list[Copy]] = {}
    copies = watch.copies
    for number, one in enumerate(watch.rows(Find)):
        held = watch.vault.read(one.vault_object)
        parts = blobs_of(held, folder / str(number)) if one.kind == "git" else {held}
        for part in parts:
            contents.setdefault(part, []).extend(c for c in copies if c.find_sha256 == one.sha256)
    return contents
