"""The exact addresses of a leak: one a file or listing, pinned to a commit where there is a history."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote

from crawler.models import Copy
from matcher.models import Match

_LONG_NUMBER = re.compile(r"\d{6,}")
_MASK = "[id]"
"""What an examination puts in place of a participant's id in a path."""
_IN_HISTORY = re.compile(r"@(?P<commit>[0-9a-f]{12}):(?P<path>.+)$")


@dataclass(frozen=True, slots=True)
class Address:
    """One place that a notice names."""

    url: str
    commit: str | None = None
    path: str | None = None
    item: str | None = None

    @property
    def line(self) -> str:
        parts = [self.url]
        if self.commit:
            parts.append(f"commit {self.commit}")
        if self.path:
            parts.append(f"file {self.path}")
        if self.item:
            parts.append(f"item {self.item}")
        return ", ".join(parts)


def addresses_of(copy: Copy, matches: Iterable[Match]) -> list[Address]:
    """Every address of one copy: the files that matched inside it, or the copy itself."""
    found = []
    for match in matches:
        if match.find_sha256 != copy.find_sha256:
            continue
        inside = _IN_HISTORY.search(match.path)
        if inside:
            found.append(_in_history(copy, inside["commit"], inside["path"]))
        else:
            found.append(Address(copy.url, copy.details.get("commit"), None, _text(copy.details.get("item"))))
    return list(dict.fromkeys(found)) or [Address(copy.url)]


def _in_history(copy: Copy, commit: str, path: str) -> Address:
    """The file's own page where the platform has one; a path that may hold a participant's id is not repeated."""
    outer = path.partition("!/")[0]
    masked = _LONG_NUMBER.sub(lambda found: f"[{len(found[0])} digits]", path)
    if copy.platform != "github":
        return Address(copy.url, commit, masked)
    if masked != path or _MASK in path:
        return Address(f"{copy.url}/tree/{commit}", commit, masked)
    return Address(f"{copy.url}/blob/{commit}/{quote(outer)}", commit, path)


def _text(value: object) -> str | None:
    return None if value in (None, "") else str(value)
