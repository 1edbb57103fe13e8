"""What a page says of itself: the products that it marks up (schema.org, OpenGraph), its title and its text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import lxml.etree
import lxml.html

from crawler.platforms import Answered

_BLANKS = re.compile(r"[ \t\r\f\v\u00a0]+")


@dataclass(frozen=True)
class Shown:
    """One page: its products as their markup has them, its title, its text, that without links, and the links."""

    products: list[dict[str, Any]]
    title: str = ""
    text: str = ""
    words: str = ""
    hrefs: tuple[str, ...] = ()


def parsed(answer: Answered) -> Any | None:
    """The page as a tree, in the charset that it was sent in; None where it is none."""
    text = answer.body.decode(charset(answer), "replace")
    try:
        return lxml.html.document_fromstring(
            text.encode("utf-8"), parser=lxml.html.HTMLParser(encoding="utf-8")
        )
    except (ValueError, lxml.etree.ParserError):
        return None


def shown(answer: Answered) -> Shown:
    """What a page says of itself."""
    import extruct

    page = parsed(answer)
    if page is None:
        return Shown([])
    markup = answer.body.decode(charset(answer), "replace")
    try:
        data = extruct.extract(
            markup,
            base_url=answer.url,
            syntaxes=["json-ld", "microdata", "opengraph"],
            uniform=True,
            errors="ignore",
        )
    except (ValueError, RecursionError, lxml.etree.LxmlError):
        data = {}
    found: dict[str, dict[str, Any]] = {}
    for syntax in ("json-ld", "microdata", "opengraph"):
        for thing in data.get(syntax) or []:
            for product in _things(thing, 0):
                key = text_of(product.get("sku")) or name_of(product)
                if key and key not in found:
                    found[key] = product
        if found:
            break  # the same product told again in another syntax is no second one
    for dead in page.xpath("//script|//style|//noscript|//template|//nav|//footer|//header"):
        dead.drop_tree()
    title = " ".join(page.xpath("//title/text()")).strip()
    bodies = page.xpath("//main") or page.xpath("//body") or [page]
    text = clean("\n".join(bodies[0].itertext()))
    words = clean("\n".join(bodies[0].xpath(".//text()[not(ancestor::a)]")))
    hrefs = tuple(str(one) for one in bodies[0].xpath(".//a/@href"))
    return Shown(list(found.values()), title, text, words, hrefs)


def _things(thing: Any, depth: int) -> Iterator[dict[str, Any]]:
    if depth > 8:
        return
    if isinstance(thing, list):
        for one in thing:
            yield from _things(one, depth + 1)
    elif isinstance(thing, dict):
        kinds = thing.get("@type") or []
        names = [kinds] if isinstance(kinds, str) else [str(one) for one in kinds]
        if any(
            one.rpartition("/")[2] in _PRODUCT_KINDS or one.lower().startswith("product") for one in names
        ):
            yield thing
            return
        for name in ("@graph", "itemListElement", "item", "mainEntity"):
            if name in thing:
                yield from _things(thing[name], depth + 1)


_PRODUCT_KINDS = {
    "Product",
    "IndividualProduct",
    "ProductModel",
    "ProductGroup",
    "Service",
    "Dataset",
    "DataFeed",
}


def name_of(product: Mapping[str, Any]) -> str:
    return clean(text_of(product.get("name") or product.get("og:title"))).replace("\n", " ")


def text_of(value: Any) -> str:
    if isinstance(value, list):
        value = value[0] if value else ""
    if isinstance(value, dict):
        value = value.get("@value") or value.get("name") or ""
    return str(value).strip() if value is not None else ""


def clean(text: str) -> str:
    lines = (_BLANKS.sub(" ", one).strip() for one in text.split("\n"))
    return "\n".join(one for one in lines if one)


def charset(answer: Answered) -> str:
    said = re.search(r"charset=[\"']?([\w-]+)", answer.headers.get("content-type", ""))
    inside = re.search(rb"<meta[^>]+charset=[\"']?([\w-]+)", answer.body[:4096], re.IGNORECASE)
    name = said.group(1) if said else inside.group(1).decode("ascii", "replace") if inside else "utf-8"
    name = "gb18030" if name.lower() in ("gb2312", "gbk") else name
    try:
        "".encode(name)
    except LookupError:
        return "utf-8"
    return name
