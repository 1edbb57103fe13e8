"""Robots.txt by RFC 9309: kept to, missing allows, out of order forbids; and never more often than agreed."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from crawler.models import LeadState
from tests.crawler.crawling import Watch, plan
from tests.crawler.servers import Page, Served, answering, html, listing_page

INDEX = html(
    "<html><a href='/open/1'>one</a> <a href='/shut/2'>two</a> <a href='/open/file.csv'>f</a></html>"
)
PAGES = {
    "/": INDEX,
    "/open/1": listing_page("open", "what may be seen", sku="1"),
    "/shut/2": listing_page("shut", "what may not be seen", sku="2"),
}


def robots(text: str, status: int = 200) -> Page:
    return status, {"Content-Type": "text/plain"}, text.encode()


@pytest.fixture
def shop() -> Iterator[Served]:
    with answering(PAGES) as served:
        yield served


def test_what_robots_txt_forbids_is_not_asked(shop: Served, watch: Watch) -> None:
    shop.pages["/robots.txt"] = robots("User-agent: *\nDisallow: /shut/\n")
    outcome = watch.crawl(plan("storefront", shop.address + "/"))
    assert shop.count("/shut/2") == 0
    assert list(watch.finds) == ["open.txt"]
    assert watch.lead(shop.address + "/shut/2").state == LeadState.REFUSED
    assert watch.lead(shop.address + "/shut/2").reason == "robots.txt"
    assert outcome.answers["robots.txt"] == 1


def test_rules_for_this_crawler_by_name_go_before_those_for_all(shop: Served, watch: Watch) -> None:
    shop.pages["/robots.txt"] = robots(
        "User-agent: *\nAllow: /\n\nUser-agent: cohortwatch\nDisallow: /open\n"
    )
    watch.crawl(plan("storefront", shop.address + "/"))
    assert shop.count("/open/1") == 0
    assert list(watch.finds) == ["shut.txt"]


def test_a_site_that_forbids_everything_is_told_as_silent(shop: Served, watch: Watch) -> None:
    shop.pages["/robots.txt"] = robots("User-agent: *\nDisallow: /\n")
    outcome = watch.crawl(plan("storefront", shop.address + "/"))
    assert shop.asked == []
    assert outcome.failed
    assert "robots.txt" in str(outcome.silent_reason)
    assert "robots.txt" in str(watch.source("storefront").silent_reason)


@pytest.mark.parametrize("status", [404, 403, 401, 410])
def test_a_missing_robots_txt_allows(shop: Served, watch: Watch, status: int) -> None:
    shop.pages["/robots.txt"] = robots("<html>User-agent: * Disallow: /</html>", status)
    watch.crawl(plan("storefront", shop.address + "/"))
    assert sorted(watch.finds) == ["open.txt", "shut.txt"]


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_robots_txt_that_is_out_of_order_forbids_for_now_only(
    shop: Served, watch: Watch, status: int
) -> None:
    shop.pages["/robots.txt"] = robots("", status)
    source = plan("storefront", shop.address + "/")
    assert watch.crawl(source).failed
    assert shop.asked == []
    del shop.pages["/robots.txt"]
    watch.crawl(source)
    assert sorted(watch.finds) == ["open.txt", "shut.txt"]


def test_what_was_forbidden_once_is_asked_when_it_is_allowed_again(shop: Served, watch: Watch) -> None:
    shop.pages["/robots.txt"] = robots("User-agent: *\nDisallow: /shut/\n")
    source = plan("storefront", shop.address + "/")
    watch.crawl(source)
    del shop.pages["/robots.txt"]
    watch.crawl(source)
    assert sorted(watch.finds) == ["open.txt", "shut.txt"]


def test_a_redirect_leads_to_nothing_that_robots_txt_forbids(shop: Served, watch: Watch) -> None:
    shop.pages["/robots.txt"] = robots("User-agent: *\nDisallow: /shut/\n")
    shop.pages["/open/1"] = (302, {"Location": "/shut/2"}, b"")
    watch.crawl(plan("storefront", shop.address + "/"))
    assert shop.count("/open/1") == 1
    assert shop.count("/shut/2") == 0
    assert watch.finds == {}


def test_an_operator_may_set_robots_txt_aside(shop: Served, watch: Watch) -> None:
    shop.pages["/robots.txt"] = robots("User-agent: *\nDisallow: /\n")
    watch.crawl(plan("storefront", shop.address + "/"), obey_robots=False)
    assert sorted(watch.finds) == ["open.txt", "shut.txt"]


@pytest.mark.parametrize(
    "text", ["\x00\xff" * 500, "Disallow: /\n", "User-agent\nDisallow /\n" * 200, "<html>"]
)
def test_a_robots_txt_that_says_nothing_clear_ends_no_crawl(shop: Served, watch: Watch, text: str) -> None:
    shop.pages["/robots.txt"] = robots(text)
    watch.crawl(plan("storefront", shop.address + "/"))
    assert sorted(watch.finds) == ["open.txt", "shut.txt"]


def test_requests_keep_their_distance(shop: Served, watch: Watch) -> None:
    watch.crawl(plan("storefront", shop.address + "/", requests_per_minute=200))
    gaps = [after - before for before, after in zip(shop.times, shop.times[1:], strict=False)]
    assert len(gaps) >= 3
    assert min(gaps) > 0.25


def test_a_pass_ends_at_its_cap_and_the_next_one_goes_on(shop: Served, watch: Watch) -> None:
    source = plan("storefront", shop.address + "/", max_requests=2)
    outcome = watch.crawl(source)
    assert len(shop.asked) == 2
    assert outcome.caps_hit == 1
    assert outcome.leads_left > 0
    for _ in range(3):
        watch.crawl(source)
    assert sorted(watch.finds) == ["open.txt", "shut.txt"]


def test_the_site_sees_who_asks(shop: Served, watch: Watch) -> None:
    watch.crawl(plan("storefront", shop.address + "/"))
    assert {one["user-agent"] for one in shop.headers} == {watch.manners.user_agent}
    assert not any("cookie" in one or "referer" in one for one in shop.headers)


def test_a_robots_txt_that_never_comes_forbids_for_now_and_says_so(shop: Served, watch: Watch) -> None:
    shop.pages["/robots.txt"] = lambda asked: time.sleep(3)
    source = plan("storefront", shop.address + "/")
    outcome = watch.crawl(source, timeout_seconds=0.5, attempts=1)
    assert shop.asked == []
    assert outcome.failed
    assert outcome.answers == {"robots.txt: timed out": 2}
    del shop.pages["/robots.txt"]
    watch.crawl(source)
    assert sorted(watch.finds) == ["open.txt", "shut.txt"]
