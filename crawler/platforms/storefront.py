"""A shop or marketplace by its pages: schema.org Product (JSON-LD, microdata) and OpenGraph, sitemaps, list pages.

A page with one product is a listing: its text is the find, so that a listing that changes its text is a new find at the
same address. Files that a listing links to are fetched too, and its picture (`crawler.pictures`). Works on every shop
that marks up its pages.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urldefrag, urljoin, urlsplit

import lxml.etree

from crawler import page_whereabouts, pictures
from crawler.answers import is_web_page
from crawler.file_names import PAGE_PARTS, may_be_data
from crawler.markup import Shown, clean, name_of, parsed, shown, text_of
from crawler.models import Answer, Copy, Whereabouts
from crawler.plans import SourcePlan
from crawler.platforms import Address, Answered, Asking, Manifest, Offer, Reading
from crawler.wire import decoded

MANIFEST = Manifest(
    name="storefront",
    hosts=(),
    per_minute={"": 30},
    caps={
        "depth": 6,
        "links_a_page": 400,
        "sitemap_addresses": 5000,
        "files_a_listing": 20,
        "listings_a_page": 50,
        "leads_to": 20,
    },
    terms_of_use=None,
    needs_sign_in=False,
    robots=True,
    canary="/",
    reports_to="the marketplace's desk for intellectual property and personal information",
    letters=("marketplace", "platform"),
)
SITEMAP_BYTES = 50 << 20
"""As much as the protocol of sitemaps allows, unpacked."""


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
    kind = "file" if may_be_data(parts.path) else "page"
    return Address(url=url, kind=kind, details={"depth": 1}, again=True)


def instead(kind: str, details: Mapping[str, Any], plan: SourcePlan) -> tuple[Address, ...]:
    return ()


def recheck(copy: Copy, plan: SourcePlan) -> Sequence[Address]:
    is_page = copy.details.get("is_listing") or copy.details.get("was_page")
    return [Address(url=copy.url, kind="page" if is_page else "file")]


def whereabouts(answer: Answered, copy: Copy) -> tuple[Whereabouts, str | None] | None:
    return page_whereabouts.told(answer, copy)


def _read_page(answer: Answered, plan: SourcePlan) -> Reading:
    page = shown(answer)
    depth = int(answer.details.get("depth", 0))
    links, files, caps_hit = _links(answer, plan, depth)
    searched = _search_action(answer, plan) if depth == 0 else []
    listings = _listings(page, answer, plan)
    if listings:
        attached, dropped = _attached(listings, [*_distributed(page.products, answer.url), *files], answer)
        return Reading(
            offers=tuple(listings),
            addresses=(*attached, *searched, *links),
            seen=(answer.url,),
            caps_hit=caps_hit + dropped,
        )
    found = [
        Address(
            url=urljoin(answer.url, str(one["url"])), kind="page", details={"depth": depth + 1}, again=True
        )
        for one in page.products
        if isinstance(one.get("url"), str) and _is_own(urljoin(answer.url, one["url"]), plan)
    ]
    return Reading(addresses=(*found, *searched, *links), caps_hit=caps_hit)


def _listings(page: Shown, answer: Answered, plan: SourcePlan) -> list[Offer]:
    """What a page offers: its own product, products that have no page of their own, or its text where that tells."""
    own = [one for one in page.products if _is_of_page(one, answer.url)]
    if len(own) != 1:
        homeless = [one for one in page.products if not isinstance(one.get("url"), str)]
        own = (
            page.products if len(page.products) == 1 else [*own, *(one for one in homeless if one not in own)]
        )
    if own:
        # Of several, each is told by its own words: those of the page are of all of them.
        text = page.text if len(own) == 1 else ""
        most = MANIFEST.caps["listings_a_page"]
        made = [_listing_offer(one, answer, text, plan) for one in own[:most]]
    elif page.text and (answer.kind == "tip" or _names_a_term(page, answer, plan)):
        made = [_page_offer(answer, page.title, page.text)]
    else:
        return []
    away = _leads_to(page, answer, plan)
    return [replace(one, details={**one.details, "leads_to": away}) for one in made] if away else made


def _leads_to(page: Shown, answer: Answered, plan: SourcePlan) -> list[str]:
    """Where an offer that names a term sends its buyers, such as a netdisk: for people, it is not followed."""
    if not pictures.is_wanted(f"{page.title}\n{page.text}", plan.terms):
        return []
    urls = (_absolute(answer.url, one) for one in page.hrefs)
    away = [one for one in dict.fromkeys(urls) if one and not _is_own(one, plan)]
    return [one for one in away if not may_be_data(urlsplit(one).path)][: MANIFEST.caps["leads_to"]]


def _names_a_term(page: Shown, answer: Answered, plan: SourcePlan) -> bool:
    """Whether a page without any markup is an offer by its words; front pages and results of a search are none."""
    if page.products or not plan.terms or int(answer.details.get("depth", 0)) == 0:
        return False
    asked = unquote(answer.url.replace("+", " "))
    return pictures.is_wanted(f"{page.title}\n{page.words}", plan.terms) and not pictures.is_wanted(
        asked, plan.terms
    )


def _attached(listings: Sequence[Offer], files: Sequence[str], answer: Answered) -> tuple[list[Address], int]:
    """The files and pictures of listings, and 1 where there are more files than are fetched."""
    carried = {"listing": answer.url, "title": listings[0].title, "account": listings[0].account}
    files = list(dict.fromkeys(files))
    most = MANIFEST.caps["files_a_listing"]
    found = [Address(url=one, kind="file", details=carried, again=True) for one in files[:most]]
    for one in listings:
        if picture := one.details.get("picture"):
            of_it = {**carried, "title": one.title, "account": one.account}
            found.append(Address(url=picture, kind=pictures.KIND, details=of_it))
    return found, int(len(files) > most)


def _distributed(products: Sequence[Mapping[str, Any]], base: str) -> list[str]:
    """Files that a schema.org Dataset names as its distributions, whatever their names end in."""
    told = [part for one in products for part in _as_list(one.get("distribution")) if isinstance(part, dict)]
    urls = (_absolute(base, text_of(part.get("contentUrl"))) for part in told if part.get("contentUrl"))
    return [one for one in urls if one]


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _is_of_page(product: Mapping[str, Any], url: str) -> bool:
    own = product.get("url") or product.get("@id") or product.get("og:url")
    return isinstance(own, str) and urlsplit(urljoin(url, own))[1:4] == urlsplit(url)[1:4]


def _listing_offer(product: Mapping[str, Any], answer: Answered, page_text: str, plan: SourcePlan) -> Offer:
    offers = product.get("offers")
    offer = offers[0] if isinstance(offers, list) and offers else offers
    offer = offer if isinstance(offer, dict) else {}
    name = name_of(product) or "listing"
    described = clean(text_of(product.get("description") or product.get("og:description")))
    # The markup is often cut short; what the page says beside it belongs to the offer.
    text = "\n\n".join(dict.fromkeys(one for one in (name, described, page_text) if one))
    seller = offer.get("seller") or product.get("seller") or product.get("brand")
    price = offer.get("price") or offer.get("lowPrice") or product.get("product:price:amount")
    picture = pictures.named_in(product) if pictures.is_wanted(text, plan.terms) else None
    details = {
        "is_listing": True,
        "picture": _absolute(answer.url, picture) if picture else None,
        "price": text_of(price) or None,
        "price_to": text_of(offer.get("highPrice")) or None,
        "currency": text_of(offer.get("priceCurrency") or product.get("product:price:currency")) or None,
        "item": text_of(product.get("sku") or product.get("productID") or product.get("mpn")) or None,
        "availability": text_of(offer.get("availability")).rpartition("/")[2] or None,
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
    """Pages of the same shop that a page leads to, and files, also those that a viewer in the page shows."""
    page = parsed(answer)
    if page is None:
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
        if may_be_data(path) or anchor.get("download") is not None:
            files[url] = None
        elif _is_own(url, plan) and not path.endswith(PAGE_PARTS):
            pages[url] = None
    for frame in page.xpath("//iframe[@src]/@src | //embed[@src]/@src | //object[@data]/@data"):
        files.update(dict.fromkeys(_viewed(base, str(frame))))
    most = MANIFEST.caps["links_a_page"]
    if depth >= MANIFEST.caps["depth"]:
        return [], list(files), int(bool(pages))
    found = [
        Address(url=one, kind="page", details={"depth": depth + 1}, again=True) for one in list(pages)[:most]
    ]
    return found, list(files), int(len(pages) > most)


def _viewed(base: str, place: str) -> list[str]:
    """The file behind a viewer: the address of the frame itself, or one that stands in its query."""
    url = _absolute(base, place)
    if url is None:
        return []
    told = [one for _, one in parse_qsl(urlsplit(url).query)]
    urls = [url, *(one for text in told if (one := _absolute(url, text)))]
    return [one for one in urls if may_be_data(urlsplit(one).path)]


def _absolute(base: str, href: str) -> str | None:
    try:
        url = urldefrag(urljoin(base, href.strip())).url
        parts = urlsplit(url)
        parts.port  # noqa: B018 - refuses what is no number
    except ValueError:
        return None
    return url if parts.scheme in ("http", "https") and parts.hostname and len(url) <= 2000 else None


def _is_own(url: str, plan: SourcePlan) -> bool:
    return _place(url) == _place(plan.address)


def _place(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    # A shop answers under its name with and without www, and over http what it answers over https.
    return (parts.hostname or "").removeprefix("www."), 443 if port == 80 else port


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
    if is_web_page(answer.headers, answer.body[:1024]):
        return Reading()  # a site without one that says so in a page
    try:
        body = (
            decoded(answer.body, {"content-encoding": "gzip"}, SITEMAP_BYTES)
            if _is_gzip(answer)
            else answer.body
        )
        parser = lxml.etree.XMLParser(
            resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
        )
        tree = lxml.etree.fromstring(body, parser=parser)
    except (lxml.etree.XMLSyntaxError, ValueError, OSError, zlib.error):
        return Reading(retry="no whole sitemap")
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


def _is_gzip(answer: Answered) -> bool:
    return answer.body.startswith(b"\x1f\x8b")


def _seller(seller: Any) -> str | None:
    if isinstance(seller, list):
        seller = seller[0] if seller else None
    if isinstance(seller, dict):
        seller = seller.get("name") or seller.get("@id")
    return text_of(seller) or None


def _file_name(text: str) -> str:
    return re.sub(r"[^\w.+-]+", "-", text).strip("-.")[:80]
