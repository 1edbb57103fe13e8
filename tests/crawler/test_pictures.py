"""A listing's picture is fetched by the same manners as its files, kept with its answer, and asked for once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask, Response

from config.demo.sites.serving import served
from config.demo.sites.storefront import Listing
from crawler.models import Find
from crawler.pictures import is_wanted, named_in
from crawler.plans import SourcePlan
from tests.crawler.crawling import Watch, plan
from tests.crawler.test_storefront import Shop
from tests.matcher.pictures_drawn import encoded, scene

PICTURE = encoded(scene(1))
DIGEST = hashlib.sha256(PICTURE).hexdigest()


class PictureShop(Shop):
    """A shop that counts how often each picture is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[int] = []

    def _picture(self, number: int) -> Response:
        self.asked.append(number)
        return super()._picture(number)

    @property
    def plan(self) -> SourcePlan:
        return plan("storefront", self.address + "/")


@pytest.fixture
def shop() -> Iterator[PictureShop]:
    made = PictureShop()
    made.add(Listing(1, "北沼生物样本库 全套数据", "网盘发货", "88.00", "小店", picture=PICTURE))
    made.add(Listing(2, "Canvas bag", "two colours", "29.00", "gifts", "en", picture=encoded(scene(2))))
    made.add(Listing(3, "北沼 a page for a picture", "网盘", "1.00", "x", picture=b"<html>not one</html>"))
    with served(made.made):
        yield made


def test_the_picture_is_a_find_with_its_answer_and_the_listing_names_it(
    shop: PictureShop, watch: Watch
) -> None:
    outcome = watch.crawl(shop.plan)
    assert not outcome.failed
    listing = next(one for one in watch.copies if one.url.endswith("/item/1"))
    (picture,) = [one for one in watch.copies if one.url == listing.details["picture"]]
    assert picture.find_sha256 == DIGEST
    (find,) = watch.rows(Find, sha256=DIGEST)
    assert (find.kind, watch.vault.read(find.vault_object)) == ("picture", PICTURE)
    assert picture.details["listing"] == listing.url
    capture = next(one for one in watch.captures if one.id == picture.capture_id)
    assert (capture.sha256, capture.url) == (picture.find_sha256, picture.url)
    assert capture.warc_object


def test_a_page_that_says_it_is_a_picture_is_no_find(shop: PictureShop, watch: Watch) -> None:
    watch.crawl(shop.plan)
    assert not any(one.url.endswith("/pictures/3") for one in watch.copies)
    assert 3 in shop.asked


def test_only_listings_that_name_a_term_are_asked_for_theirs_and_once(
    shop: PictureShop, watch: Watch
) -> None:
    named = replace(shop.plan, terms=("北沼",))
    watch.crawl(named)
    watch.crawl(named)
    assert shop.asked == [1, 3] or shop.asked == [3, 1]
    assert not any("picture" in one.details for one in watch.copies if one.url.endswith("/item/2"))


def test_a_picture_larger_than_a_page_may_be_is_left(shop: PictureShop, watch: Watch) -> None:
    watch.crawl(shop.plan, page_bytes=len(PICTURE) // 2)
    assert not watch.rows(Find, sha256=DIGEST)
    assert any(one.url.endswith("/item/1") for one in watch.copies)


def on_another_host(watch: Watch, path: str, **how: bool) -> tuple[list[str], str | None]:
    """Crawls a shop whose picture lies on another host; what that host was asked for, and why it was refused."""
    asked: list[str] = []

    def pictures(address: str) -> Flask:
        def picture(name: str) -> Response:
            asked.append(name)
            return Response(PICTURE, mimetype="image/png")

        site = Flask("pictures")
        rules = Response("User-agent: *\nDisallow: /shut\n", mimetype="text/plain")
        site.add_url_rule("/robots.txt", "robots", lambda: rules)
        site.add_url_rule("/<name>", "picture", picture)
        return site

    with served(pictures) as elsewhere:
        image = f'{{"@type": "ImageObject", "contentUrl": "{elsewhere}/{path}"}}'
        product = f'{{"@type": "Product", "name": "北沼", "sku": "1", "image": {image}}}'
        markup = f'<!doctype html><meta charset=utf-8><script type="application/ld+json">{product}</script>'

        def shop(address: str) -> Flask:
            made = Flask("shop")
            made.add_url_rule("/", "index", lambda: markup)
            return made

        with served(shop) as here:
            watch.crawl(plan("storefront", here + "/", **how))
        return asked, watch.lead(f"{elsewhere}/{path}").reason


def test_a_picture_on_another_public_host_is_fetched_if_its_robots_file_allows_it(watch: Watch) -> None:
    watch.public = frozenset({"127.0.0.1"})
    assert on_another_host(watch, "shut", allow_private=False) == ([], "robots.txt")
    assert not watch.rows(Find, sha256=DIGEST)
    assert on_another_host(watch, "open", allow_private=False) == (["open"], None)
    assert watch.rows(Find, sha256=DIGEST)


def test_a_listing_cannot_have_a_picture_fetched_from_inside_the_network(watch: Watch) -> None:
    assert on_another_host(watch, "open") == ([], "private address")


def test_the_first_picture_is_named_however_the_markup_writes_it() -> None:
    assert named_in({"image": "/a.png"}) == "/a.png"
    assert named_in({"image": ["", "/b.png", "/c.png"]}) == "/b.png"
    assert named_in({"image": {"@type": "ImageObject", "contentUrl": "/d.png"}}) == "/d.png"
    assert named_in({"og:image": [{"url": "/e.png"}]}) == "/e.png"
    deep: object = "/f.png"
    for _ in range(2000):
        deep = [deep]
    assert named_in({"image": deep}) is None
    assert named_in({"image": 7}) is None


def test_terms_are_seen_in_any_width_and_case() -> None:
    assert is_wanted("ＵＫ Biobank 数据", ("uk biobank",))
    assert not is_wanted("a bag", ("uk biobank",))
    assert is_wanted("a bag", ())
