"""Makes two writings of one text equal: one script, one width, one case; handles, links and prices masked."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import Any

_LINK = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
_MAIL = re.compile(r"[\w.+-]{1,64}@[\w.-]{1,255}")
_HANDLE = re.compile(
    r"@\w{2,}|(?:微信|wechat|vx|qq|telegram|whatsapp|加v)[号:\s]{0,4}[\w-]{4,40}", re.IGNORECASE
)
_PRICE = re.compile(
    r"(?:[¥$€£]|usd|rmb|cny|eur|gbp|人民币)\s{0,3}[\d.,]{1,15}|(?<![\d.,])[\d.,]{0,14}\d\s{0,3}(?:元|块|usd|rmb|cny|eur|gbp|dollars?|yuan)",
    re.IGNORECASE,
)


def one_script(text: str) -> str:
    """NFKC, lower case, Traditional Chinese as Simplified."""
    text = unicodedata.normalize("NFKC", text).lower()
    if not text.isascii() and any("\u4e00" <= letter <= "\u9fff" for letter in text):
        text = str(_converter().convert(text))
    return text


def masked(text: str) -> str:
    """One script, without links, addresses, handles and prices: what a relist changes."""
    text = one_script(text)
    for pattern in (_LINK, _MAIL, _HANDLE, _PRICE):
        text = pattern.sub(" ", text)
    return text


def letters_only(text: str) -> str:
    """A masked text's letters and digits, nothing between them."""
    return "".join(letter for letter in masked(text) if letter.isalnum())


@cache
def _converter() -> Any:
    from opencc import OpenCC

    return OpenCC("t2s")
