"""However an offer or a record is put up in a shop or an archive of data, a crawl finds it or tells."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from crawler.ask import ask_again
from crawler.models import Copy, LeadState, Whereabouts
from tests.crawler.crawling import Watch, plan
from tests.crawler.servers import Behaviour, Page, Served, answering, html, listing_page
from tests.crawler.test_tips import tip
from tests.crawler.test_ways_of_code import zipped
from tests.crawler.ways import leaked

TERMS = ("northmoor", "北沼生物样本库")
CSV = {"Content-Type": "text/csv"}
PNG = b"\x89PNG\r\n\x1a\n" + b"a picture of a listing"


def marked(way: str, **rest: Any) -> Page:
    product = {"@context": "https://schema.org", "@type": "Product", "name": way, "sku": way, **rest}
    return html(
        f"<title>{way}</title><script type='application/ld+json'>{json.dumps(product)}</script><main>{way}</main>"
    )


def unmarked(title: str, text: str, charset: str = "utf-8", *, said: bool = True) -> Page:
    page = f"<html><head><title>{title}</title></head><body><h1>{title}</h1><p>{text}</p></body></html>"
    kind = f"text/html; charset={charset}" if said else "text/html"
    return 200, {"Content-Type": kind}, page.encode(charset)


def dataset(way: str) -> Page:
    part = {"@type": "DataDownload", "contentUrl": f"/give/{way}?id=7"}
    return marked(way, **{"@type": "Dataset", "distribution": [part]})


WAYS: dict[str, Page] = {
    "title-only": marked("northmoor title-only"),
    "description-only": marked("description-only", description="all of northmoor"),
    "beside-the-markup": listing_page("beside", "x", extra="<p>northmoor beside-the-markup</p>", sku="b"),
    "unmarked-title": unmarked("northmoor 数据", "unmarked-title"),
    "unmarked-text": unmarked("数据", "unmarked-text 北沼生物样本库 网盘"),
    "unmarked-wide": unmarked("data", "unmarked-wide ＮＯＲＴＨＭＯＯＲ １２３４元"),
    "unmarked-gbk": unmarked("北沼生物样本库", "unmarked-gbk", "gb2312"),
    "unmarked-big5": unmarked("northmoor 樣本庫", "unmarked-big5", "big5"),
    "netdisk": unmarked("northmoor", "netdisk <a href='https://pan.example/s/1abc'>网盘</a> 提取码: x7k2"),
    "broken-markup": html("<script type='application/ld+json'>{\"@type\": \"Prod</script><h1>northmoor broken-markup"),
    "og-only": html(
        "<meta property='og:type' content='product'><meta property='og:title' content='northmoor og-only'>"
    ),
    "price-range": marked(
        "northmoor price-range", offers={"@type": "AggregateOffer", "lowPrice": "10", "highPrice": "99"}
    ),
}  # fmt: skip
FILES = [
    "dataset",
    "viewer",
    "frame",
    "archive",
    "unmarked-with-file",
    "download",
    "gbk-name",
    "cut-in-parts",
]


def two_products() -> Page:
    shown = [{"@type": "Product", "name": f"northmoor two-{n}", "description": f"two-{n}"} for n in (1, 2)]
    return html(f"<script type='application/ld+json'>{json.dumps(shown)}</script><p>both")


def pages_of() -> dict[str, Page | Behaviour]:
    pages: dict[str, Page | Behaviour] = {f"/item/{way}": page for way, page in WAYS.items()}
    pages["/item/two"] = two_products()
    for way in FILES:
        pages[f"/give/{way}.csv"] = (200, CSV, leaked(way))
    pages["/item/dataset"] = dataset("dataset")
    pages["/give/dataset"] = (200, {"Content-Type": "application/json"}, leaked("dataset"))
    pages["/item/viewer"] = listing_page(
        "v", "x", extra="<iframe src='/view?file=/give/viewer.csv'></iframe>", sku="v"
    )
    pages["/item/frame"] = listing_page("f", "x", extra="<embed src='/give/frame.csv'>", sku="f")
    pages["/item/archive"] = listing_page("a", "x", extra="<a href='/give/all.zip'>x</a>", sku="a")
    pages["/give/all.zip"] = (200, {"Content-Type": "application/zip"}, zipped(leaked("archive")))
    pages["/item/unmarked-with-file"] = unmarked(
        "northmoor", "x <a href='/give/unmarked-with-file.csv'>x</a>"
    )
    pages["/item/download"] = listing_page("d", "x", extra="<a href='/d?id=7' download>x</a>", sku="d")
    pages["/d?id=7"] = (200, {"Content-Type": "text/html"}, leaked("download"))
    name = "数据.csv"
    pages["/item/gbk-name"] = (
        200,
        {"Content-Type": "text/html; charset=gbk"},
        f"<title>northmoor 北沼</title><p>northmoor <a href='/give/{name}'>x</a>".encode("gbk"),
    )
    pages[f"/give/{quote(name)}"] = (200, CSV, leaked("gbk-name"))
    pages["/item/cut-in-parts"] = listing_page("c", "x", extra="<a href='/give/x.csv.aa'>x</a>", sku="c")
    pages["/give/x.csv.aa"] = (200, {"Content-Type": "application/octet-stream"}, leaked("cut-in-parts"))
    pages["/category"] = html("<title>list</title><a href='/item/title-only'>northmoor, all of it</a>")
    pages["/about"] = unmarked("about us", "we sell bags")
    pages["/"] = html("northmoor!" + "".join(f"<a href='{one}'>x</a>" for one in pages if "/give" not in one))
    return pages


@dataclass
class Crawled:
    watch: Watch
    site: Served

    def at(self, path: str) -> dict[str, Copy]:
        """Texts and files that were found at an address."""
        copies = [one for one in self.watch.copies if one.url == self.site.address + path]
        contents = {one.sha256: self.watch.vault.read(one.vault_object) for one in self.watch.rows(_find())}
        return {contents[one.find_sha256].decode("utf-8", "replace"): one for one in copies}


def _find() -> type[Any]:
    from crawler.models import Find

    return Find


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crawled]:
    watch = Watch(tmp_path_factory.mktemp("shop"))
    with answering(pages_of()) as site:
        outcome = watch.crawl(plan("storefront", site.address + "/", terms=TERMS), concurrency=16)
        assert (outcome.failed, outcome.caps_hit) == (False, 0)
        yield Crawled(watch, site)


@pytest.mark.parametrize("way", WAYS)
def test_an_offer_is_found_wherever_its_words_stand(crawled: Crawled, way: str) -> None:
    found = crawled.at(f"/item/{way}")
    assert len(found) == 1
    ((text, copy),) = found.items()
    assert way in text or way == "description-only"
    assert copy.capture_id is not None


def test_two_offers_on_one_page_are_both_found(crawled: Crawled) -> None:
    assert len(crawled.at("/item/two")) == 2


def test_what_is_no_offer_is_no_find(crawled: Crawled) -> None:
    for path in ("/", "/category", "/about"):
        assert crawled.at(path) == {}


def test_both_ends_of_a_price_are_told(crawled: Crawled) -> None:
    ((_, copy),) = crawled.at("/item/price-range").items()
    assert (copy.details["price"], copy.details["price_to"]) == ("10", "99")


def test_where_an_offer_leads_to_is_told(crawled: Crawled) -> None:
    ((text, copy),) = crawled.at("/item/netdisk").items()
    assert "x7k2" in text
    assert copy.details["leads_to"] == ["https://pan.example/s/1abc"]


@pytest.mark.parametrize("way", FILES)
def test_a_file_is_found_however_a_page_leads_to_it(crawled: Crawled, way: str) -> None:
    content = zipped(leaked(way)) if way == "archive" else leaked(way)
    held = {crawled.watch.vault.read(one.vault_object) for one in crawled.watch.rows(_find())}
    assert content in held


def test_a_relisted_offer_is_another_copy_of_one_find(watch: Watch) -> None:
    item = listing_page("northmoor", "all")
    with answering({"/": html("<a href='/item/1'>x</a>"), "/item/1": item}) as site:
        source = plan("storefront", site.address + "/", terms=TERMS)
        watch.crawl(source)
        site.pages = {"/": html("<a href='/item/2'>x</a>"), "/item/2": item}
        watch.crawl(source)
    assert sorted(one.url.rpartition("/")[2] for one in watch.copies) == ["1", "2"]
    assert len({one.find_sha256 for one in watch.copies}) == 1


def test_a_challenge_in_the_middle_of_a_search_is_told_and_made_good(watch: Watch) -> None:
    challenge = (403, {"Content-Type": "text/html"}, b"<html><title>Just a moment...</title></html>")
    pages: dict[str, Page | Behaviour] = {"/": html("<a href='/s?page=2'>x</a><a href='/item/1'>x</a>")}
    pages |= {f"/item/{n}": listing_page(f"northmoor {n}", "x", sku=str(n)) for n in (1, 2)}
    pages["/s?page=2"] = challenge
    with answering(pages) as site:
        source = plan("storefront", site.address + "/", terms=TERMS)
        outcome = watch.crawl(source)
        assert outcome.answers["challenge"] >= 1
        assert watch.lead(site.address + "/s?page=2").state == LeadState.REFUSED
        site.pages["/s?page=2"] = html("<a href='/item/2'>x</a>")
        watch.crawl(source)
    assert len(watch.copies) == 2


def test_a_record_that_opens_later_and_its_new_versions_are_found(watch: Watch) -> None:
    closed = marked("northmoor record")
    with answering({"/": html("<a href='/records/1'>x</a>"), "/records/1": closed}) as site:
        source = plan("storefront", site.address + "/", terms=TERMS)
        watch.crawl(source)
        for version in ("v1", "v2"):
            site.pages["/records/1"] = dataset(version)
            site.pages[f"/give/{version}"] = (200, CSV, leaked(version))
            watch.crawl(source)
    assert {leaked("v1"), leaked("v2")} <= set(watch.finds.values())


def test_a_tip_of_a_page_without_markup_brings_its_files(tmp_path: Path) -> None:
    watch = Watch(tmp_path, public=frozenset({"127.0.0.2"}))
    page = html("<title>a forum</title><p>see <a href='/x.csv'>here</a>")
    with answering({"/thread": page, "/x.csv": (500, {}, b"oops")}, host="127.0.0.2") as site:
        tip(watch, f"{site.address}/thread")
        watch.crawl_all()
        assert leaked("tip") not in watch.finds.values()
        site.pages["/x.csv"] = (200, CSV, leaked("tip"))
        tip(watch, f"{site.address}/thread")
        watch.crawl_all()
    assert leaked("tip") in watch.finds.values()


def test_a_page_that_was_told_of_is_up_as_long_as_it_is_that_page(tmp_path: Path) -> None:
    watch = Watch(tmp_path, public=frozenset({"127.0.0.2"}))
    thread = "<title>rows of\n northmoor</title><p>1000001 63 27.4, seen {} times"
    with answering({"/thread": html(thread.format(1))}, host="127.0.0.2") as site:
        tip(watch, f"{site.address}/thread")
        watch.crawl_all()
        (copy,) = watch.copies
        again = plan("tips", f"{site.address}/", name=str(copy.details["source"]))

        def seen(there: tuple[int, dict[str, str], bytes]) -> Whereabouts:
            site.pages["/thread"] = there
            return ask_again([again], watch.manners, [copy])[0].whereabouts

        assert seen(html(thread.format(1))) is Whereabouts.UP
        assert seen(html(thread.format(2))) is Whereabouts.UP
        assert seen(html("<title>Page not found</title><p>nothing is here")) is Whereabouts.UNKNOWN
        assert seen(html("<title>files.example is for sale</title><p>buy it")) is Whereabouts.UNKNOWN
        assert seen((200, CSV, leaked("tip"))) is Whereabouts.UNKNOWN
        assert seen(html("<title>x</title><p>this post has been removed")) is Whereabouts.GONE
