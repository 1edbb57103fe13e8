"""What a page or a file of the open web says of the copy that was found there: up, moved, gone, or nothing clear."""

from __future__ import annotations

import re
from urllib.parse import urldefrag, urlsplit

from crawler.answers import whereabouts_of
from crawler.markup import shown
from crawler.models import Answer, Copy, Whereabouts
from crawler.platforms import Answered

_REMOVED = re.compile(
    "商品已下架|宝贝不存在|商品不存在|该商品已删除|已被删除"
    "|no longer available|has been removed|listing (was|has been) (ended|removed|deleted)|item (is )?unavailable",
    re.IGNORECASE,
)


def told(answer: Answered, copy: Copy) -> tuple[Whereabouts, str | None]:
    """Where a copy is, or why that cannot be told: only a clear answer moves it."""
    if answer.answer not in (Answer.PAGE, Answer.FILE):
        note = "disabled by the platform" if answer.answer is Answer.BLOCKED_FOR_LAW else answer.answer.value
        return whereabouts_of(answer.answer), note
    is_page = copy.details.get("is_listing") or copy.details.get("was_page")
    if bool(is_page) != (answer.answer is Answer.PAGE):
        there, found = ("file", "page") if is_page else ("page", "file")
        return Whereabouts.UNKNOWN, f"there is a {there} in place of the {found}"
    if not is_page:
        return _where(answer)
    page = shown(answer)
    # A page that was found as it is read has no product to be told by, and keeps the name that it had.
    is_there = (
        _one_line(page.title) == _one_line(copy.title) if copy.details.get("was_page") else page.products
    )
    if is_there:
        return _where(answer)
    if _REMOVED.search(f"{page.title}\n{page.text}"):
        return Whereabouts.GONE, "the page says that it was removed"
    if urlsplit(answer.url).path in ("", "/") and urlsplit(copy.url).path not in ("", "/"):
        return Whereabouts.UNKNOWN, "it leads to the front page now"
    return Whereabouts.UNKNOWN, "there is another page, or no listing on it"


def _one_line(title: str | None) -> str:
    return " ".join((title or "").split()).casefold()


def _where(answer: Answered) -> tuple[Whereabouts, str | None]:
    if urldefrag(answer.url).url != urldefrag(answer.asked).url:
        return Whereabouts.MOVED, answer.url
    return Whereabouts.UP, None
