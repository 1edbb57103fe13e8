"""A shop or marketplace by its pages: schema.org Product (JSON-LD, microdata) and OpenGraph, sitemaps, list pages.

A page with one product is a listing: its text is the find, so that a listing that changes its text is a new find at the
same address. Files that a listing links to are fetched too, and its picture (`crawler.pictures`). Works on every shop
that marks up its pages.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote, unquote, urldefrag, urljoin, urlsplit

import lxml.etree
import lxml.html

from crawler import pictures
from crawler.answers import whereabouts_of
from crawler.file_names import DATA_ENDINGS, PAGE_PARTS
from crawler.models import Answer, Copy, Whereabouts
from crawler.plans import SourcePlan
from crawler.platforms import Address, Answered, Asking, Manifest, Offer, Reading

MANIFEST = Manifest(
    name="storefront",
    hosts=(),
    per_minute={"": 30},
    caps={"depth": 6, "links_a_page": 400, "sitemap_addresses": 5000, "files_a_listing": 20},
    terms_of_use=None,
    needs_sign_in=False,
    robots=True,
    canary="/",
    reports_to="the marketplace's desk for intellectual property and personal information",
    letters=("marketplace", "platform"),
)
_REMOVED = re.compile(
    "商品已下架|宝贝不存在|商品不存在|该商品已删除|已被删除"
    "|no longer available|has been removed|listing (was|has been) (ended|removed|deleted)|item (is )?unavailable",
    re.IGNORECASE,
)
_BLANKS = re.compile(r"[ \t\r\f\v\u00a0]+")


def searches(plan: SourcePlan, cursor: Mapping[str, Any]) -> Iterator[Address]:
    yield Address(url=plan.address, kind="page", details={"depth": 0}, again=True)
    yield Address(url=urljoin(plan.address, "/sitemap.xml"), kind="sitemap", details={"depth": 0}, again=True)


def asking(kind: str, plan: SourcePlan) -> Asking:
    browser = plan.browser and kind in ("page", "tip")
    return Asking(
        headers={"Accept-Language": "en,zh;q=0.8"}, browser=browser, is_file=kind in ("file", "tip")
    )


def read(answer: Answered, plan: SourcePlan) -> Reading:
    if answer.kind == "sitemap":
        return _read_sitemap(answer, plan)
    if answer.kind == pictures.KIND:
        offer = pictures.picture_offer(answer)
        return Reading(offers=(offer,) if offer else ())
    if answer.answer is Answer.FILE or answer.kind == "file":
        return Reading(offers=(_file_offer(answer),))
    return _read_page(answer, plan)


def claims(url: str, plan: SourcePlan) -> Address | None:
    own, parts = urlsplit(plan.address), urlsplit(url)
    if (parts.hostname, parts.port) != (own.hostname, own.port):
        return None
    kind = "file" if parts.path.lower().endswith(DATA_ENDINGS) else "page"
    return Address(url=url, kind=kind, details={"depth": 1}, again=True)


def instead(kind: str, details: Mapping[str, Any], plan: SourcePlan) -> tuple[Address, ...]:
    return ()


def recheck(copy: Copy, plan: SourcePlan) -> Sequence[Address]:
    return [Address(url=copy.url, kind="page" if copy.details.get("is_listing") else "file")]


def whereabouts(answer: Answered, copy: Copy) -> tuple[Whereabouts, str | None] | None:
    if answer.answer not in (Answer.PAGE, Answer.FILE):
        note = "disabled by the platform" if answer.answer is Answer.BLOCKED_FOR_LAW else answer.answer.value
        return whereabouts_of(answer.answer), note
    if not copy.details.get("is_listing"):
        if answer.answer is Answer.PAGE and not copy.details.get("was_page"):
            return Whereabouts.UNKNOWN, "there is a page in place of the file"
        return _where(answer)
    products, title, text = _products(answer)
    if products:
        return _where(answer)
    if _REMOVED.search(f"{title}\n{text}"):
        return Whereabouts.GONE, "the page says that it was removed"
    if urlsplit(answer.url).path in ("", "/") and urlsplit(copy.url).path not in ("", "/"):
        return Whereabouts.UNKNOWN, "it leads to the front page now"
    return Whereabouts.UNKNOWN, "there is a page, and no listing on it"


def _where(answer: Answered) -> tuple[Whereabouts, str | None]:
    if urldefrag(answer.url).url != urldefrag(answer.asked).url:
        return Whereabouts.MOVED, answer.url
    return Whereabouts.UP, None


def _read_page(answer: Answered, plan: SourcePlan) -> Reading:
    products, title, page_text = _products(answer)
    depth = int(answer.details.get("depth", 0))
    links, files, caps_hit = _links(answer, plan, depth)
    own = [one for one in products if _is_of_page(one, answer.url)] or products
    if len(own) == 1:
        listing = _listing_offer(own[0], answer, page_text, plan)
        carried = {"listing": answer.url, "title": listing.title, "account": listing.account}
        attached = [
            Address(url=one, kind="file", details=carried, again=True)
            for one in files[: MANIFEST.caps["files_a_listing"]]
        ]
        if picture := listing.details.get("picture"):
            attached.append(Address(url=picture, kind=pictures.KIND, details=carried))
        return Reading(
            offers=(listing,), addresses=(*attached, *links), seen=(answer.url,), caps_hit=caps_hit
        )
    if answer.kind == "tip" and page_text:
        return Reading(offers=(_page_offer(answer, title, page_text),), addresses=tuple(links[:0]))
    found = [
        Address(
            url=urljoin(answer.url, str(one["url"])), kind="page", details={"depth": depth + 1}, again=True
        )
        for one in products
        if isinstance(one.get("url"), str) and _is_own(urljoin(answer.url, one["url"]), plan)
    ]
    searched = _search_action(answer, plan) if depth == 0 else []
    return Reading(addresses=(*found, *searched, *links), caps_hit=caps_hit)


def _products(answer: Answered) -> tuple[list[dict[str, Any]], str, str]:
    """The products that a page marks up, its title, and its text."""
    import extruct

    markup = answer.body.decode(_charset(answer), "replace")
    try:
        page: Any = lxml.html.document_fromstring(
            markup.encode("utf-8"), parser=lxml.html.HTMLParser(encoding="utf-8")
        )
    except (ValueError, lxml.etree.ParserError):
        return [], "", ""
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
                key = _text(product.get("sku")) or _name(product)
                if key and key not in found:
                    found[key] = product
        if found:
            break  # the same product told again in another syntax is no second one
    for dead in page.xpath("//script|//style|//noscript|//template|//nav|//footer|//header"):
        dead.drop_tree()
    title = " ".join(page.xpath("//title/text()")).strip()
    bodies = page.xpath("//main") or page.xpath("//body") or [page]
    return list(found.values()), title, _clean("\n".join(bodies[0].itertext()))


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


def _is_of_page(product: Mapping[str, Any], url: str) -> bool:
    own = product.get("url") or product.get("@id") or product.get("og:url")
    return isinstance(own, str) and urlsplit(urljoin(url, own))[1:4] == urlsplit(url)[1:4]


def _listing_offer(product: Mapping[str, Any], answer: Answered, page_text: str, plan: SourcePlan) -> Offer:
    offers = product.get("offers")
    offer = offers[0] if isinstance(offers, list) and offers else offers
    offer = offer if isinstance(offer, dict) else {}
    name = _name(product) or "listing"
    described = _clean(_text(product.get("description") or product.get("og:description")))
    # The markup is often cut short; what the page says beside it belongs to the offer.
    text = "\n\n".join(dict.fromkeys(one for one in (name, described, page_text) if one))
    seller = offer.get("seller") or product.get("seller") or product.get("brand")
    price = offer.get("price") or offer.get("lowPrice") or product.get("product:price:amount")
    picture = pictures.named_in(product) if pictures.is_wanted(text, plan.terms) else None
    details = {
        "is_listing": True,
        "picture": _absolute(answer.url, picture) if picture else None,
        "price": _text(price) or None,
        "currency": _text(offer.get("priceCurrency") or product.get("product:price:currency")) or None,
        "item": _text(product.get("sku") or product.get("productID") or product.get("mpn")) or None,
        "availability": _text(offer.get("availability")).rpartition("/")[2] or None,
    }
    return Offer(
        kind="listing",
        name=f"{_file_name(name)}.txt",
        url=answer.url,
        content=text.encode("utf-8"),
        account=_seller(seller),
        title=name,
        details={key: value for key, value in details.items() if value is not None},
    )


def _page_offer(answer: Answered, title: str, text: str) -> Offer:
    return Offer(
        kind="listing",
        name=f"{_file_name(title or 'page')}.txt",
        url=answer.url,
        content=f"{title}\n\n{text}".encode(),
        title=title or None,
        details={"was_page": True},
    )


def _file_offer(answer: Answered) -> Offer:
    details = answer.details
    given = re.search(r'filename="?([^";]+)', answer.headers.get("content-disposition", ""))
    name = given.group(1) if given else unquote(urlsplit(answer.url).path.rpartition("/")[2])
    listing = details.get("listing")
    return Offer(
        kind="file",
        name=_file_name(name.replace("\\", "/").rpartition("/")[2]) or "file",
        url=answer.url,
        content=answer.body,
        account=details.get("account"),
        title=details.get("title"),
        details={"listing": listing} if listing else {},
    )


def _links(answer: Answered, plan: SourcePlan, depth: int) -> tuple[list[Address], list[str], int]:
    """Pages of the same shop that a page leads to, and files."""
    try:
        page: Any = lxml.html.document_fromstring(answer.body)
    except (ValueError, lxml.etree.ParserError):
        return [], [], 0
    base = urljoin(answer.url, str((page.xpath("//base/@href") or [""])[0]))
    pages: dict[str, None] = {}
    files: dict[str, None] = {}
    for anchor in page.xpath("//a[@href] | //link[@rel='next'][@href]"):
        if "nofollow" in str(anchor.get("rel", "")).split():
            continue
        url = _absolute(base, str(anchor.get("href")))
        if url is None:
            continue
        path = urlsplit(url).path.lower()
        if path.endswith(DATA_ENDINGS) or anchor.get("download") is not None:
            files[url] = None
        elif _is_own(url, plan) and not path.endswith(PAGE_PARTS):
            pages[url] = None
    most = MANIFEST.caps["links_a_page"]
    if depth >= MANIFEST.caps["depth"]:
        return [], list(files), int(bool(pages))
    found = [
        Address(url=one, kind="page", details={"depth": depth + 1}, again=True) for one in list(pages)[:most]
    ]
    return found, list(files), int(len(pages) > most)


def _absolute(base: str, href: str) -> str | None:
    try:
        url = urldefrag(urljoin(base, href.strip())).url
        parts = urlsplit(url)
        parts.port  # noqa: B018 - refuses what is no number
    except ValueError:
        return None
    return url if parts.scheme in ("http", "https") and parts.hostname and len(url) <= 2000 else None


def _is_own(url: str, plan: SourcePlan) -> bool:
    return urlsplit(url).netloc == urlsplit(plan.address).netloc


def _search_action(answer: Answered, plan: SourcePlan) -> list[Address]:
    """The shop's own search for each term, where its front page says how to ask (schema.org SearchAction)."""
    template = re.search(rb'"(?:urlTemplate|target)"\s*:\s*"([^"]*\{search_term_string\}[^"]*)"', answer.body)
    if not template:
        return []
    pattern = template.group(1).decode("utf-8", "replace").replace("\\/", "/")
    urls = (
        _absolute(answer.url, pattern.replace("{search_term_string}", quote(term))) for term in plan.terms
    )
    return [
        Address(url=one, kind="page", details={"depth": 1}, again=True)
        for one in urls
        if one and _is_own(one, plan)
    ]


def _read_sitemap(answer: Answered, plan: SourcePlan) -> Reading:
    try:
        parser = lxml.etree.XMLParser(
            resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
        )
        tree = lxml.etree.fromstring(answer.body, parser=parser)
    except (lxml.etree.XMLSyntaxError, ValueError):
        return Reading()
    is_index = tree.tag.endswith("sitemapindex")
    depth = int(answer.details.get("depth", 0))
    found = []
    for entry in tree.iterchildren():
        said = {str(one.tag).rpartition("}")[2]: (one.text or "").strip() for one in entry.iterchildren()}
        url = _absolute(answer.url, said.get("loc", ""))
        if url is None or not _is_own(url, plan):
            continue
        changed = said.get("lastmod", "")
        if is_index and depth < 2:
            found.append(
                Address(
                    url=url, kind="sitemap", details={"depth": depth + 1}, revision=changed, again=not changed
                )
            )
        elif not is_index:
            found.append(
                Address(url=url, kind="page", details={"depth": 1}, revision=changed, again=not changed)
            )
    most = MANIFEST.caps["sitemap_addresses"]
    return Reading(addresses=tuple(found[:most]), caps_hit=int(len(found) > most))


def _charset(answer: Answered) -> str:
    said = re.search(r"charset=[\"']?([\w-]+)", answer.headers.get("content-type", ""))
    inside = re.search(rb"<meta[^>]+charset=[\"']?([\w-]+)", answer.body[:4096], re.IGNORECASE)
    name = said.group(1) if said else inside.group(1).decode("ascii", "replace") if inside else "utf-8"
    name = "gb18030" if name.lower() in ("gb2312", "gbk") else name
    try:
        "".encode(name)
    except LookupError:
        return "utf-8"
    return name


def _name(product: Mapping[str, Any]) -> str:
    return _clean(_text(product.get("name") or product.get("og:title"))).replace("\n", " ")


def _seller(seller: Any) -> str | None:
    if isinstance(seller, list):
        seller = seller[0] if seller else None
    if isinstance(seller, dict):
        seller = seller.get("name") or seller.get("@id")
    return _text(seller) or None


def _text(value: Any) -> str:
    if isinstance(value, list):
        value = value[0] if value else ""
    if isinstance(value, dict):
        value = value.get("@value") or value.get("name") or ""
    return str(value).strip() if value is not None else ""


def _clean(text: str) -> str:
    lines = (_BLANKS.sub(" ", one).strip() for one in text.split("\n"))
    return "\n".join(one for one in lines if one)


def _file_name(text: str) -> str:
    return re.sub(r"[^\w.+-]+", "-", text).strip("-.")[:80]
