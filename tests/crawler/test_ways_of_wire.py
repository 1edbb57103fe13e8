"""However a site sends a leaked file or the page that leads to it, the file is found or its loss is told."""

from __future__ import annotations

import gzip
import time
import zlib
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
import zstandard

from crawler.models import LeadState
from crawler.spider import SourceOutcome
from tests.crawler.crawling import Watch, plan
from tests.crawler.servers import Behaviour, Page, Served, answering, html, listing_page
from tests.crawler.ways import leaked

CSV = {"Content-Type": "text/csv"}


def said(head: bytes, *blocks: bytes) -> Behaviour:
    def answer(asked: BaseHTTPRequestHandler) -> None:
        asked.wfile.write(head + b"\r\n\r\n")
        for block in blocks:
            asked.wfile.write(block)
            asked.wfile.flush()

    return answer


def in_turn(*pages: Page) -> Behaviour:
    """One page after the other, and then the last of them for ever."""
    left = list(pages)

    def answer(asked: BaseHTTPRequestHandler) -> None:
        status, headers, body = left.pop(0) if len(left) > 1 else left[0]
        asked.send_response(status)
        for name, value in {"Content-Length": str(len(body)), "Connection": "close", **headers}.items():
            asked.send_header(name, value)
        asked.end_headers()
        asked.wfile.write(body)

    return answer


def chunked(body: bytes) -> Behaviour:
    blocks = [b"%x;note=x\r\n%s\r\n" % (len(part), part) for part in (body[:7], body[7:500], body[500:])]
    return said(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nTransfer-Encoding: chunked", *blocks, b"0\r\n\r\n"
    )


def packed(coding: str, body: bytes) -> Page:
    return 200, {**CSV, "Content-Encoding": coding}, body


def raw_deflate(body: bytes) -> bytes:
    made = zlib.compressobj(9, zlib.DEFLATED, -15)
    return made.compress(body) + made.flush()


def of(way: str) -> Page | Behaviour:
    """The answer at the address of the file that was posted in this way."""
    body = leaked(way)
    whole: Page = (200, CSV, body)
    ways: dict[str, Callable[[], Page | Behaviour]] = {
        "plain": lambda: whole,
        "chunked": lambda: chunked(body),
        "http-1.0-without-length": lambda: said(b"HTTP/1.0 200 OK\r\nContent-Type: text/csv", body),
        "gzip": lambda: packed("gzip", gzip.compress(body)),
        "deflate": lambda: packed("deflate", zlib.compress(body)),
        "raw-deflate": lambda: packed("deflate", raw_deflate(body)),
        "zstd": lambda: packed("zstd", zstandard.compress(body)),
        "gzip-twice": lambda: packed("gzip, gzip", gzip.compress(gzip.compress(body))),
        "coding-that-is-a-charset": lambda: packed("utf-8", body),
        "no-content-type": lambda: (200, {}, body),
        "as-html": lambda: (200, {"Content-Type": "text/html"}, body),
        "as-json": lambda: (200, {"Content-Type": "application/json"}, body),
        "as-picture": lambda: (200, {"Content-Type": "image/png"}, body),
        "500-then-well": lambda: in_turn((500, {}, b"oops"), whole),
        "429-then-well": lambda: in_turn((429, {"Retry-After": "1"}, b"slow"), whole),
        "503-with-date-then-well": lambda: in_turn(
            (503, {"Retry-After": "Sun, 22 Nov 2020 01:00:00 GMT"}, b""), whole
        ),
        "part-then-whole": lambda: in_turn(
            (206, {**CSV, "Content-Range": f"bytes 0-99/{len(body)}"}, body[:100]), whole
        ),
        "416-then-well": lambda: in_turn((416, {}, b"no"), whole),
        "304-that-nobody-asked-for": lambda: in_turn(
            (304, {"ETag": '"x"', "Content-Length": "0"}, b""), whole
        ),
        "empty-then-well": lambda: in_turn((200, CSV, b""), whole),
        "cut-then-well": lambda: in_turn((200, {**CSV, "Content-Length": "99999"}, body[:100]), whole),
        "moved": lambda: (302, {"Location": f"/elsewhere/{way}.csv"}, b""),
        "moved-relative": lambda: (307, {"Location": f"../elsewhere/{way}.csv"}, b""),
        "moved-by-raw-utf8": lambda: said(
            "HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: /elsewhere/数据-moved-by-raw-utf8.csv".encode()
        ),
        "moved-with-fragment": lambda: (301, {"Location": f"/elsewhere/{way}.csv#rows"}, b""),
    }
    return ways[way]()


WAYS = [
    "plain", "chunked", "http-1.0-without-length", "gzip", "deflate", "raw-deflate", "zstd", "gzip-twice",
    "coding-that-is-a-charset", "no-content-type", "as-html", "as-json", "as-picture", "500-then-well", "429-then-well",
    "503-with-date-then-well", "part-then-whole", "416-then-well", "304-that-nobody-asked-for", "empty-then-well",
    "cut-then-well", "moved", "moved-relative", "moved-by-raw-utf8", "moved-with-fragment",
]  # fmt: skip
NAMES = [
    "with space",
    "ümläut",
    "北沼",
    "per%cent",
    "a+b",
    "q?mark",
    "ha#sh",
    "semi;colon",
    "new\nline",
    "a'b",
]


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Watch, Served, SourceOutcome]]:
    from urllib.parse import quote

    pages: dict[str, Page | Behaviour] = {f"/files/{way}.csv": of(way) for way in WAYS}
    for way in WAYS:
        if way.startswith("moved"):
            name = f"数据-{way}" if "utf8" in way else way
            pages[f"/elsewhere/{quote(name)}.csv"] = (200, CSV, leaked(way))
    for name in NAMES:
        pages[f"/files/{quote(name)}.csv"] = (200, CSV, leaked(name))
    pages["/"] = html("".join(f"<a href='/item/{n}'>x</a>" for n in range(len(WAYS) + len(NAMES))))
    for number, name in enumerate([*WAYS, *NAMES]):
        link = f'<a href="/files/{quote(name)}.csv">x</a>'
        pages[f"/item/{number}"] = listing_page(f"n{number}", "text", extra=link, sku=str(number))
    watch = Watch(tmp_path_factory.mktemp("wire"))
    with answering(pages) as site:
        outcome = watch.crawl(
            plan("storefront", site.address + "/"), concurrency=16, attempts=3, timeout_seconds=5.0
        )
        yield watch, site, outcome


@pytest.mark.parametrize("way", [*WAYS, *NAMES])
def test_a_file_is_found_however_it_is_sent(crawled: tuple[Watch, Served, SourceOutcome], way: str) -> None:
    watch, site, _ = crawled
    copies = {one.find_sha256: one for one in watch.copies}
    import hashlib

    copy = copies.get(hashlib.sha256(leaked(way)).hexdigest())
    assert copy is not None
    assert copy.url.startswith(site.address + ("/elsewhere/" if way.startswith("moved") else "/files/"))
    assert copy.capture_id is not None
    assert copy.details["listing"].startswith(site.address + "/item/")


def test_no_part_and_no_empty_answer_is_a_find(crawled: tuple[Watch, Served, SourceOutcome]) -> None:
    watch, _, outcome = crawled
    assert {leaked(way) for way in [*WAYS, *NAMES]} == {
        one for name, one in watch.finds.items() if one.startswith(b"eid")
    }
    assert not outcome.failed


def test_a_redirect_into_the_private_network_is_refused_and_told(tmp_path: Path) -> None:
    watch = Watch(tmp_path, public=frozenset({"127.0.0.2"}))
    with answering({"/x.csv": (200, CSV, leaked("private"))}) as inner:
        pages = {
            "/": listing_page("p", "text", extra="<a href='/x.csv'>x</a>"),
            "/x.csv": (302, {"Location": f"{inner.address}/x.csv"}, b""),
        }
        with answering(pages, host="127.0.0.2") as site:
            outcome = watch.crawl(plan("storefront", site.address + "/", allow_private=False), seconds=60)
        assert inner.asked == []
    assert outcome.answers["private address"] == 1
    assert watch.lead(f"{site.address}/x.csv").state == LeadState.REFUSED


def test_what_failed_for_longer_than_five_passes_is_had_when_it_is_well(watch: Watch) -> None:
    """A file of a listing that is not shown any more is pointed to by nothing."""
    pages = {"/": listing_page("p", "text", extra="<a href='/x.csv'>x</a>"), "/x.csv": (500, {}, b"oops")}
    with answering(pages) as site:
        source = plan("storefront", site.address + "/")
        watch.crawl(source, attempts=1)
        site.pages["/"] = listing_page("p", "other text")
        for _ in range(6):
            watch.crawl(source, attempts=1)
        site.pages["/x.csv"] = (200, CSV, leaked("late"))
        _a_day_later(watch)
        watch.crawl(source, attempts=1)
    assert leaked("late") in watch.finds.values()


def _a_day_later(watch: Watch) -> None:
    from sqlmodel import Session, select

    from crawler.models import Lead

    with Session(watch.engine) as session:
        for one in session.exec(select(Lead)):
            if "failed_at" in one.details:
                one.details = {**one.details, "failed_at": "2020-01-01T00:00:00+00:00"}
                session.add(one)
        session.commit()


def test_a_truncated_sitemap_is_asked_again(watch: Watch) -> None:
    item = listing_page("by sitemap", "text", extra="<a href='/x.csv'>x</a>")
    urls = "<url><loc>{0}/item/1</loc></url>"
    head = '<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">'
    with answering({"/": html("<p>shop"), "/item/1": item, "/x.csv": (200, CSV, leaked("map"))}) as site:
        xml = (head + urls.format(site.address) + "</urlset>").encode()
        kind = {"Content-Type": "application/xml"}
        index = "<sitemapindex><sitemap><loc>{0}/map.xml.gz</loc><lastmod>2026-01-01</lastmod></sitemap></sitemapindex>"
        site.pages["/sitemap.xml"] = (200, kind, index.format(site.address).encode())
        site.pages["/map.xml.gz"] = in_turn(
            (200, {"Content-Type": "application/gzip"}, gzip.compress(xml[:-30])),
            (200, {"Content-Type": "application/gzip"}, gzip.compress(xml)),
        )
        watch.crawl(plan("storefront", site.address + "/"))
    assert leaked("map") in watch.finds.values()


def test_more_files_than_are_fetched_of_a_listing_are_told(watch: Watch) -> None:
    links = "".join(f"<a href='/{n}.csv'>x</a>" for n in range(25))
    pages: dict[str, Page | Behaviour] = {"/": listing_page("p", "text", extra=links)}
    pages |= {f"/{n}.csv": (200, CSV, leaked(str(n))) for n in range(25)}
    with answering(pages) as site:
        outcome = watch.crawl(plan("storefront", site.address + "/"))
    assert len([one for one in watch.finds.values() if one.startswith(b"eid")]) + outcome.caps_hit >= 21
    assert outcome.caps_hit >= 1


@pytest.mark.parametrize("moment", [0.0, 0.15, 0.4, 0.8, 1.5])
def test_a_crawl_that_is_killed_at_any_moment_loses_nothing(watch: Watch, moment: float) -> None:
    names = [f"k{n}" for n in range(8)]
    links = "".join(f"<a href='/{n}'>x</a>" for n in names)
    pages: dict[str, Page | Behaviour] = {"/": html(links)}
    for name in names:
        pages[f"/{name}"] = listing_page(name, "text", extra=f"<a href='/{name}.csv'>x</a>", sku=name)
        pages[f"/{name}.csv"] = slowly((200, CSV, leaked(name)), 0.15)
    with answering(pages) as site:
        source = plan("storefront", site.address + "/")
        child = watch.begin(source, concurrency=2)
        until = time.monotonic() + 20
        while not site.asked and time.monotonic() < until:
            time.sleep(0.01)
        time.sleep(moment)
        child.kill()
        outcome = watch.crawl(source)
    assert {leaked(one) for one in names} <= set(watch.finds.values())
    assert (outcome.leads_left, outcome.failed) == (0, False)
    assert len(watch.copies) == 2 * len(names)


def slowly(page: Page, seconds: float) -> Behaviour:
    def answer(asked: BaseHTTPRequestHandler) -> None:
        time.sleep(seconds)
        in_turn(page)(asked)

    return answer
