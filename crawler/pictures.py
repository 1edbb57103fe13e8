"""The picture of a listing: which one it is, whether it is fetched, and whether what came is one.

One picture a listing, the first that its markup names, and only of listings that name a search term (of all where a
source has none): the rest of a shop is nobody's business. It is asked for like a file of the listing, by the same
manners, and may be as large as a page. Nothing is decoded here.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from crawler.models import Answer
from crawler.platforms import Answered, Offer

KIND = "picture"
_DEEPEST = 4


def named_in(product: Mapping[str, Any]) -> str | None:
    """The address of a product's first picture, as the markup has it."""
    return _first(product.get("image") or product.get("og:image"), 0)


def is_wanted(text: str, terms: Sequence[str]) -> bool:
    """Whether a listing names one of the terms, whatever the width and case of the letters."""
    folded = _folded(text)
    return not terms or any(_folded(term) in folded for term in terms)


def picture_offer(answer: Answered) -> Offer | None:
    """What a picture's address gave; None where it is no picture of a kind that shops show."""
    said = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    ending = _ending(answer.body[:16])
    if (
        answer.answer is not Answer.FILE
        or ending is None
        or not said.startswith(("image/", "application/octet"))
    ):
        return None
    # The name says nothing of the shop's: pictures are told apart by their address.
    return Offer(
        kind=KIND,
        name=f"picture.{ending}",
        url=answer.asked,
        content=answer.body,
        account=answer.details.get("account"),
        title=answer.details.get("title"),
        details={"listing": answer.details["listing"]} if "listing" in answer.details else {},
    )


def _first(value: Any, depth: int) -> str | None:
    if depth > _DEEPEST:
        return None
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, list):
        return next((one for part in value if (one := _first(part, depth + 1))), None)
    if isinstance(value, Mapping):
        named = (value.get(name) for name in ("contentUrl", "url", "@id", "@value"))
        return next((one for part in named if (one := _first(part, depth + 1))), None)
    return None


def _ending(head: bytes) -> str | None:
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if head.startswith(b"\xff\xd8\xff"):
        return "jpg"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "gif"
    return "webp" if head[:4] == b"RIFF" and head[8:12] == b"WEBP" else None


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()
