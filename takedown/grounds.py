"""Why what was found is illegal, in the words of a notice; nothing is claimed of it that was not found in it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

from matcher.models import Match

WIDTH = 120
KINDS = ("genetic", "records", "identifiers", "offer", "other")
_HELD = {"genetic": "genetic data", "records": "records", "identifiers": "identifiers"}
_PROMISE = "of people who took part in research under a promise of protection"
_NATURE_ZH = {
    "genetic": "所涉内容包含研究参与者的基因数据，属于敏感个人信息。",
    "records": "所涉内容包含研究参与者的个体记录，属于个人信息，其中可能包括医疗健康等敏感个人信息。",
    "identifiers": "所涉内容包含研究参与者的编号，属于可关联到个人的个人信息。",
    "offer": "按商品信息所述，所售内容为研究参与者的个人信息。",
    "other": "所涉内容源自研究参与者所提供的数据。",
}
_DATABASE = (
    "Making this content available without our permission infringes the rights in the database that are claimed above "
    "(in the European Union: Directive 96/9/EC, Articles 3 to 5 on copyright and, where the maker is entitled to it, "
    "Article 7 on the right of the maker)."
)
_PERSONAL = {
    "genetic": "It is also the processing of personal data without a legal basis (Article 6 of Regulation (EU) "
    "2016/679) and of genetic data against Article 9(1) of that Regulation; we know of no exception that applies.",
    "records": "It is also the processing of personal data without a legal basis (Article 6 of Regulation (EU) "
    "2016/679) and, so far as the records concern health, against Article 9(1) of that Regulation; we know of no "
    "exception that applies.",
    "identifiers": "The identifiers are pseudonyms and so personal data (Article 4(1) and (5) of Regulation (EU) "
    "2016/679); we know of no legal basis under Article 6 on which they may be published.",
    "offer": "If what is offered is what the offer says, passing it on is also the processing of personal data without "
    "a legal basis (Article 6 of Regulation (EU) 2016/679).",
    "other": "",
}


def grounds_of(matches: Iterable[Match]) -> dict[str, str]:
    """The slots of letters that say what was found, as the law names it, and which right that infringes."""
    kinds = kinds_of(matches)
    return {
        "nature_text": textwrap.fill(_nature(kinds), WIDTH),
        "nature_text_zh": "".join(_NATURE_ZH[kind] for kind in kinds),
        "illegal_text": textwrap.fill(f"{_DATABASE} {_PERSONAL[kinds[0]]}".strip(), WIDTH),
    }


def _nature(kinds: Sequence[str]) -> str:
    held = [_HELD[kind] for kind in kinds if kind in _HELD]
    listed = " and ".join([", ".join(held[:-1]), held[-1]] if len(held) > 1 else held)
    said = [f"It holds {listed} {_PROMISE}."] if held else []
    if "records" in kinds:
        said.append("The records may include data concerning health.")
    if "offer" in kinds:
        said.append(f"What is offered, if it is what the offer says, is data {_PROMISE}.")
    return " ".join(said) or f"It was made from data {_PROMISE}."


def kinds_of(matches: Iterable[Match]) -> list[str]:
    """What the files of a case are, the gravest first; `other` only where nothing graver was found."""
    found = {kind_of(match) for match in matches}
    return [kind for kind in KINDS if kind in found and kind != "other"] or ["other"]


def kind_of(match: Match) -> str:
    """What one file is, as the law tells kinds of data apart: one of `KINDS`."""
    content = match.answer.get("content")
    if content == "individual-level":
        evidence = match.answer.get("match", {}).get("evidence", [])
        is_genetic = any(one.get("matcher") == "genotype-identity" for one in evidence)
        return "genetic" if is_genetic else "records"
    return {"identifiers": "identifiers", "text": "offer"}.get(str(content), "other")
