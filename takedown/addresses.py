"""The exact addresses of a leak: one a file or listing, pinned to a commit where there is a history."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from urllib.parse import quote

from crawler.models import Copy
from matcher.models import Match

MOVED_TO = "moved_to"
"""Where the details of a copy hold the address that its own leads to."""
_LONG_NUMBER = re.compile(r"\d{6,}")
_UNSEEN = ("Cc", "Cf", "Zl", "Zp")
"""Categories of control and format characters, and of separators of lines."""
_MASK = "[id]"
"""What an examination puts in place of a participant's id in a path."""
_YEARS = range(1990, 2101)
_IN_HISTORY = re.compile(r"@(?P<commit>[0-9a-f]{12,64}):(?P<path>.+)$", re.DOTALL)
_WHOLE_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_NO_COMMIT = re.compile(r"0+")
"""What an examination puts in place of the commit of a blob that none holds."""
_WORDS = {
    "en": {
        "commit": "commit",
        "file": "file",
        "item": "item",
        "digest": "SHA-256 of the file",
        "moved": "now at",
    },
    "zh": {
        "commit": "提交",
        "file": "文件",
        "item": "商品",
        "digest": "文件 SHA-256 校验值",
        "moved": "现位于",
    },
}
_BETWEEN = {"en": ", ", "zh": "，"}


@dataclass(frozen=True, slots=True)
class Address:
    """One place that a notice names.

    `sha256` is of the file's content, where its name cannot be given; `moved_to` is where the address leads by now.
    """

    url: str
    commit: str | None = None
    path: str | None = None
    item: str | None = None
    sha256: str | None = None
    moved_to: str | None = None

    def line(self, language: str = "en") -> str:
        """What a letter says of it; nothing that the address itself holds is said twice."""
        words, between = _WORDS[language], _BETWEEN[language]
        parts = [self.url]
        if self.commit and self.commit not in self.url:
            parts.append(f"{words['commit']} {self.commit}")
        if self.path and not self.url.endswith(f"/{quote(self.path)}"):
            parts.append(f"{words['file']} {one_line(self.path)}")
        if self.item:
            parts.append(f"{words['item']} {one_line(self.item)}")
        if self.sha256:
            parts.append(f"{words['digest']} {self.sha256}")
        if self.moved_to:
            parts.append(f"{words['moved']} {one_line(self.moved_to)}")
        return between.join(parts)


def one_line(text: str) -> str:
    """Found text as a letter may repeat it: nothing in it begins a line of its own, or turns the reading order."""
    return "".join(" " if unicodedata.category(one) in _UNSEEN else one for one in text).strip()


def addresses_of(copy: Copy, matches: Iterable[Match]) -> list[Address]:
    """Every address of one copy: the files that matched inside it, or the copy itself."""
    found = []
    for match in matches:
        if match.find_sha256 != copy.find_sha256:
            continue
        inside = _IN_HISTORY.search(match.path)
        if inside and _NO_COMMIT.fullmatch(inside["commit"]):
            found.append(Address(copy.url, sha256=match.content_sha256))
        elif inside:
            found.append(_in_history(copy, inside["commit"], inside["path"], match.content_sha256))
        else:
            found.append(Address(copy.url, copy.details.get("commit"), None, _text(copy.details.get("item"))))
    moved_to = _text(copy.details.get(MOVED_TO))
    return [replace(one, moved_to=moved_to) for one in dict.fromkeys(found)] or [
        Address(copy.url, moved_to=moved_to)
    ]


def _in_history(copy: Copy, cut: str, path: str, sha256: str) -> Address:
    """The file's own page where the platform has one; a path that may hold a participant's id is not repeated."""
    commit = _whole(cut, copy)
    outer = path.partition("!/")[0]
    masked = _LONG_NUMBER.sub(_masked, path)
    is_masked = masked != path or _MASK in path
    if copy.platform != "github":
        return Address(copy.url, commit, masked, sha256=sha256 if is_masked else None)
    if is_masked:
        return Address(f"{copy.url}/tree/{commit}", commit, masked, sha256=sha256)
    return Address(f"{copy.url}/blob/{commit}/{quote(outer)}", commit, path)


def _whole(cut: str, copy: Copy) -> str:
    """The commit in full where the platform told it: a match that was kept long ago may hold its beginning only."""
    told = (copy.details.get("commit"), copy.details.get("head"))
    whole = (one for one in told if isinstance(one, str) and _WHOLE_COMMIT.fullmatch(one))
    return next((one for one in whole if one.startswith(cut)), cut)


def _masked(found: re.Match[str]) -> str:
    """A run of digits as a letter gives it: a day as it is, anything else may be an id that no index holds."""
    return found[0] if _is_day(found[0]) else f"[{len(found[0])} digits]"


def _is_day(digits: str) -> bool:
    """Whether it reads as YYYYMMDD, alone or before HHMMSS, or as DDMMYYYY."""
    if len(digits) == 14:
        return _is_date(digits[:8], "%Y%m%d") and _is_date(digits[8:], "%H%M%S")
    return len(digits) == 8 and (_is_date(digits, "%Y%m%d") or _is_date(digits, "%d%m%Y"))


def _is_date(digits: str, form: str) -> bool:
    try:
        read = datetime.strptime(digits, form).replace(tzinfo=UTC)
    except ValueError:
        return False
    return "%Y" not in form or read.year in _YEARS


def _text(value: object) -> str | None:
    return None if value in (None, "") else str(value)
