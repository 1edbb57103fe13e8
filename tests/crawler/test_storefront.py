"""A shop: listings by their markup, a page that only a browser draws, files, evidence, where a listing is now."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from warcio.archiveiterator import ArchiveIterator

from config.browser import find_browser
from config.demo.sites.serving import served
from config.demo.sites.storefront import Listing, Storefront
from crawler.ask import ask_again
from crawler.models import Copy, Whereabouts
from crawler.plans import SourcePlan
from tests.crawler.crawling import MANNERS, Watch, plan

DATA = b"eid,sex\n" + b"".join(b"%d,1\n" % (1_000_003 + 17 * number) for number in range(100))


class Shop(Storefront):
    """A shop that knows its own address."""

    address: str = ""

    def made(self, address: str) -> object:
        self.address = address
        return self.app(address)

    @property
    def plan(self) -> SourcePlan:
        return plan("storefront", self.address + "/", browser=True)


@pytest.fixture
def shop() -> Iterator[Shop]:
    made = Shop()
    made.add(
        Listing(1, "北沼生物样本库 全套数据", "表型 基因 网盘发货", "88.00", "小店", files={"a.csv": DATA})
    )
    made.add(Listing(2, "Northmoor data, drawn", "instant download", "60.00", "shop", "en", drawn=True))
    made.add(Listing(3, "Canvas bag", "two colours", "29.00", "gifts", "en"))
    with served(made.made):
        yield made


@pytest.fixture
def looking(watch: Watch) -> Watch:
    watch.manners = replace(MANNERS, browser=find_browser(), timeout_seconds=15.0)
    return watch


def test_listings_files_and_drawn_pages_are_found(shop: Shop, looking: Watch) -> None:
    outcome = looking.crawl(shop.plan)
    assert not outcome.failed
    texts = [content.decode() for name, content in looking.finds.items() if name.endswith(".txt")]
    assert any("全套数据" in text and "网盘发货" in text for text in texts)
    assert any("instant download" in text for text in texts), "the page that JavaScript draws"
    assert DATA in looking.finds.values()


def test_every_find_has_its_raw_answer_and_a_screenshot_that_hold(shop: Shop, looking: Watch) -> None:
    looking.crawl(shop.plan)
    pages = [one for one in looking.captures if one.warc_object]
    assert pages
    seen: set[str] = set()
    for one in pages:
        warc = looking.vault.read(one.warc_object)
        assert hashlib.sha256(warc).hexdigest() == one.warc_sha256
        kinds = {record.rec_type for record in ArchiveIterator(io.BytesIO(warc))}
        # What a browser drew is a conversion of what was answered.
        assert kinds & {"response", "conversion"}
        seen |= kinds
        if one.screenshot_object:
            picture = looking.vault.read(one.screenshot_object)
            assert picture.startswith(b"\x89PNG")
            assert hashlib.sha256(picture).hexdigest() == one.screenshot_sha256
    assert any(one.screenshot_object for one in pages)
    assert "response" in seen


def test_a_second_pass_finds_nothing_new(shop: Shop, looking: Watch) -> None:
    looking.crawl(shop.plan)
    outcome = looking.crawl(shop.plan)
    assert (outcome.finds_new, outcome.copies_new, outcome.failed) == (0, 0, False)


def test_a_new_listing_of_the_same_file_is_another_copy_of_one_find(shop: Shop, looking: Watch) -> None:
    looking.crawl(shop.plan)
    shop.add(Listing(4, "同款 数据", "再次上架", "66.00", "别家", files={"b.csv": DATA}))
    looking.crawl(shop.plan)
    digest = hashlib.sha256(DATA).hexdigest()
    assert len([one for one in looking.copies if one.find_sha256 == digest]) == 2


def test_without_a_browser_the_drawn_page_gives_nothing_and_the_others_do(shop: Shop, watch: Watch) -> None:
    outcome = watch.crawl(replace(shop.plan, browser=False))
    assert not outcome.failed
    texts = [content.decode() for name, content in watch.finds.items() if name.endswith(".txt")]
    assert any("全套数据" in text for text in texts)
    assert not any("instant download" in text for text in texts)


def listing_copy(watch: Watch, number: int) -> Copy:
    (copy,) = [one for one in watch.copies if one.url.endswith(f"/item/{number}")]
    return copy


def test_a_listing_is_told_as_up_and_as_gone_when_the_shop_says_so(shop: Shop, watch: Watch) -> None:
    watch.crawl(replace(shop.plan, browser=False))
    copy = listing_copy(watch, 1)
    plans = [replace(shop.plan, browser=False)]
    assert [one.whereabouts for one in ask_again(plans, watch.manners, [copy])] == [Whereabouts.UP]
    shop.listings[1].removed = True
    assert [one.whereabouts for one in ask_again(plans, watch.manners, [copy])] == [Whereabouts.GONE]
    del shop.listings[1]
    assert [one.whereabouts for one in ask_again(plans, watch.manners, [copy])] == [Whereabouts.GONE]


def test_a_shop_that_does_not_answer_says_nothing_of_its_listings(watch: Watch, tmp_path: Path) -> None:
    made = Shop()
    made.add(Listing(1, "北沼生物样本库 全套数据", "网盘发货", "88.00", "小店"))
    with served(made.made):
        watch.crawl(replace(made.plan, browser=False))
    (told,) = ask_again([replace(made.plan, browser=False)], watch.manners, [listing_copy(watch, 1)])
    assert told.whereabouts in (Whereabouts.UNKNOWN, Whereabouts.BLOCKED)
