"""Reads a listing: does it offer data, access to data, or teaching; of which cohort; how much, for what price.

Rules over the vocabulary of `words.toml`, in English and Chinese, each with the words that it rests on as reasons. The
title counts twice. What says itself that it holds no participants' data is believed. Public and aggregate things
(summary statistics, articles, dictionaries) are `other`.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

from matcher.texts.wording import one_script

OfferKind = Literal["data", "access", "tuition", "other"]

LONGEST = 40_000
"""Letters of a listing that are read; what is longer is an article or a book."""

_PRICE = re.compile(
    r"(?P<mark>[¥€£]|us\$|\$(?=\s{0,3}\d[\d.,]{0,14}\d)|usd|rmb|cny|eur|gbp|人民币)\s{0,3}(?P<a>\d[\d.,]{0,14})"
    r"|(?<![\d.,])(?P<b>\d[\d.,]{0,14})\s{0,3}(?P<unit>元|块钱|usd|rmb|cny|eur|gbp|dollars?|yuan)"
)
_SIZE = re.compile(
    r"(?<![\d.,])(?P<n>\d[\d.,]{0,14})\s{0,3}(?P<k>k|thousand|million|万|千|十万|百万)?\s*[+多余]?\s*(?:名|个|位)?\s*"
    r"(?P<what>participants?|people|persons|individuals?|samples?|patients?|rows|records|人|参与者|样本|例|患者"
    r"|gb|tb|fields|个字段|字段|个变量|变量)"
)
_UNITS = {"k": 1e3, "thousand": 1e3, "million": 1e6, "万": 1e4, "千": 1e3, "十万": 1e5, "百万": 1e6}
_CODE = re.compile(
    r"^\s*(?:import \w|from \w+ import|library\(|#!/|def \w+\(|\w+ <- |#include)", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Offer:
    """What a listing offers, as far as its words tell."""

    kind: OfferKind
    cohort_words: tuple[str, ...]
    """Names of known cohorts in it, as written in the vocabulary."""
    size_claimed: str | None
    price: str | None
    delivery: tuple[str, ...]
    reasons: tuple[str, ...]


def read_offer(title: str, text: str) -> Offer:
    """What a listing with this title and text offers, in English, Chinese or both."""
    title, text = one_script(title[:2000]), one_script(text[: LONGEST + 1])
    whole = f"{title}\n{text}"
    found = {kind: _words_in(kind, whole) for kind in _vocabulary()}
    scores = {kind: len(words) + len(_words_in(kind, title)) for kind, words in found.items()}
    price = _price(whole)
    kind, because = _judge(scores, found, price, whole)
    names = tuple(name for name in known_names() if names_in(whole, (name,)))
    return Offer(kind, names, _size(whole), price, found["delivery"], because)


def names_in(text: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """Which of these names stand in a text of one script: whole words, or anywhere where Chinese is written."""
    return tuple(name for name in names if _name(name).search(text))


@cache
def known_names() -> tuple[str, ...]:
    """All names in `cohorts.toml`."""
    return tuple(dict.fromkeys(name for group in known_cohorts() for name in group))


@cache
def known_cohorts() -> tuple[tuple[str, ...], ...]:
    """The names of each large cohort, in one script."""
    read = tomllib.loads((files("matcher.texts") / "cohorts.toml").read_text(encoding="utf-8"))
    return tuple(tuple(one_script(name) for name in one["names"]) for one in read["cohort"])


def _judge(
    scores: dict[str, int], found: dict[str, tuple[str, ...]], price: str | None, whole: str
) -> tuple[OfferKind, tuple[str, ...]]:
    offered = scores["data"] + scores["access"]
    sold = price is not None or bool(found["trade"]) or bool(found["delivery"])
    if len(whole) > LONGEST or len(_CODE.findall(whole)) > 2:
        return "other", ("too long or a script, not a listing",)
    if found["denial"]:
        kind: OfferKind = "tuition" if scores["tuition"] > 1 else "other"
        return kind, ("says itself: " + ", ".join(found["denial"][:3]),)
    if not offered and not scores["tuition"]:
        return "other", ("no word for data, access or teaching",)
    if scores["tuition"] >= offered:
        return "tuition", ("teaching: " + ", ".join(found["tuition"][:5]),)
    if scores["published"] >= 2 and 2 * scores["published"] >= offered:
        return "other", ("public or aggregate: " + ", ".join(found["published"][:5]),)
    if not sold:
        return "other", ("nothing is for sale",)
    kind = "data" if scores["data"] >= scores["access"] else "access"
    reasons = [f"{kind}: " + ", ".join(found[kind][:5])]
    if found["delivery"]:
        reasons.append("delivery: " + ", ".join(found["delivery"][:3]))
    if price:
        reasons.append(f"price: {price}")
    elif found["trade"]:
        reasons.append("for sale: " + ", ".join(found["trade"][:3]))
    return kind, tuple(reasons)


@cache
def _vocabulary() -> dict[str, tuple[re.Pattern[str], re.Pattern[str]]]:
    read = tomllib.loads((files("matcher.texts") / "words.toml").read_text(encoding="utf-8"))
    return {kind: (_english(words["en"]), _chinese(words["zh"])) for kind, words in read.items()}


def _english(words: str) -> re.Pattern[str]:
    """Whole words, a plural s allowed; longest first, so that a part of a longer word does not count twice."""
    return re.compile(rf"(?<![a-z0-9])(?:{'|'.join(_longest_first(words))})s?(?![a-z0-9])")


def _chinese(words: str) -> re.Pattern[str]:
    return re.compile("|".join(_longest_first(words)))


def _longest_first(words: str) -> list[str]:
    listed = {one.strip() for one in words.replace("\n", "|").split("|") if one.strip()}
    return [re.escape(one).replace(r"\ ", r"[\s\-_]+") for one in sorted(listed, key=lambda w: (-len(w), w))]


def _words_in(kind: str, text: str) -> tuple[str, ...]:
    """The distinct words of a kind in a text, in the order in which they come."""
    english, chinese = _vocabulary()[kind]
    found = [match for pattern in (english, chinese) for match in pattern.findall(text)]
    return tuple(dict.fromkeys(" ".join(word.split()) for word in found))


@cache
def _name(name: str) -> re.Pattern[str]:
    words = r"[\s\-_]*".join(re.escape(word) for word in re.split(r"[\s\-_]+", name) if word)
    if any("\u3040" <= letter <= "\u9fff" for letter in name):
        return re.compile(words)
    return re.compile(rf"(?<![a-z0-9]){words}(?:'?s)?(?![a-z0-9])")


def _price(text: str) -> str | None:
    found = _PRICE.search(text)
    if found is None:
        return None
    amount, unit = found["a"] or found["b"], found["mark"] or found["unit"]
    return f"{amount.rstrip('.,')} {unit.strip()}"


def _size(text: str) -> str | None:
    """The largest number of people, fields or bytes that is claimed."""
    claims = []
    for found in _SIZE.finditer(text):
        try:
            number = float(found["n"].replace(",", "").rstrip(".")) * _UNITS.get(found["k"] or "", 1.0)
        except ValueError:
            continue
        claims.append((number, found["what"]))
    if not claims:
        return None
    number, what = max(claims)
    return f"{number:,.0f} {what}"
