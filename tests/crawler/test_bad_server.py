"""Servers that answer badly: the crawl ends, what is good beside it is found, and the rest is tried again."""

from __future__ import annotations

import gzip
import socket
import struct
import time
import zlib
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler

import pytest

from crawler.models import LeadState
from tests.crawler.crawling import Watch, plan
from tests.crawler.servers import Behaviour, Page, Served, answering, html, listing_page

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
GOOD = listing_page("good", "a listing beside the bad ones", sku="good")


def endless(asked: BaseHTTPRequestHandler) -> None:
    asked.wfile.write(HEAD + b"\r\n")
    while True:
        asked.wfile.write(b"x" * 65536)


def endless_by_chunks(asked: BaseHTTPRequestHandler) -> None:
    asked.wfile.write(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    while True:
        asked.wfile.write(b"10000\r\n" + b"x" * 65536 + b"\r\n")


def dripping(asked: BaseHTTPRequestHandler) -> None:
    asked.wfile.write(HEAD + b"Content-Length: 1000\r\n\r\n")
    for _ in range(1000):
        asked.wfile.write(b"x")
        asked.wfile.flush()
        time.sleep(0.1)


def silent(asked: BaseHTTPRequestHandler) -> None:
    time.sleep(8)


def promising_too_much(asked: BaseHTTPRequestHandler) -> None:
    asked.wfile.write(HEAD + b"Content-Length: 99999999999\r\n\r\nx")


def cut_off(asked: BaseHTTPRequestHandler) -> None:
    asked.wfile.write(HEAD + b"Content-Length: 1000\r\n\r\nhalf a page")


def resetting(asked: BaseHTTPRequestHandler) -> None:
    asked.wfile.write(HEAD + b"Content-Length: 1000\r\n\r\nhalf")
    asked.wfile.flush()
    asked.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    asked.connection.close()


def hanging_up(asked: BaseHTTPRequestHandler) -> None:
    asked.connection.shutdown(socket.SHUT_RDWR)


def with_huge_headers(asked: BaseHTTPRequestHandler) -> None:
    asked.wfile.write(HEAD + b"X-Long: " + b"a" * (1 << 20) + b"\r\n\r\nhello")


def with_many_headers(asked: BaseHTTPRequestHandler) -> None:
    asked.wfile.write(HEAD + b"X-Many: a\r\n" * 20_000 + b"\r\nhello")


def no_http(asked: BaseHTTPRequestHandler) -> None:
    asked.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n")


def bad_chunks(asked: BaseHTTPRequestHandler) -> None:
    asked.wfile.write(HEAD + b"Transfer-Encoding: chunked\r\n\r\nzzzz\r\nhello\r\n")


def bomb(coding: str) -> Page:
    deflate = zlib.compressobj(9, wbits=31 if coding == "gzip" else 15)
    body = b"".join(deflate.compress(bytes(1 << 20)) for _ in range(64)) + deflate.flush()
    return 200, {"Content-Type": "text/html", "Content-Encoding": coding}, body


def broken_gzip(asked: BaseHTTPRequestHandler) -> None:
    asked.wfile.write(HEAD + b"Content-Encoding: gzip\r\nContent-Length: 9\r\n\r\nnot gzip!")


BAD: dict[str, Page | Behaviour] = {
    "endless": endless,
    "endless-by-chunks": endless_by_chunks,
    "dripping": dripping,
    "silent": silent,
    "promising-too-much": promising_too_much,
    "cut-off": cut_off,
    "resetting": resetting,
    "hanging-up": hanging_up,
    "huge-headers": with_huge_headers,
    "many-headers": with_many_headers,
    "no-http": no_http,
    "bad-chunks": bad_chunks,
    "gzip-bomb": bomb("gzip"),
    "deflate-bomb": bomb("deflate"),
    "broken-gzip": broken_gzip,
    "unknown-coding": (
        200,
        {"Content-Type": "text/html", "Content-Encoding": "br"},
        b"\x0b\x02\x80hello\x03",
    ),
    "redirect-loop": (302, {"Location": "/bad/redirect-loop"}, b""),
    "redirect-to-nothing": (302, {"Location": "gopher://127.0.0.1/"}, b""),
    "redirect-without-place": (302, {}, b""),
    "error-500": (500, {"Content-Type": "text/html"}, b"<html>oops"),
    "error-502": (502, {}, b""),
    "status-999": (999, {"Content-Type": "text/html"}, b"<html>no"),
    "empty": (200, {"Content-Type": "text/html"}, b""),
}


def index(names: list[str]) -> Page:
    return html(
        "<html>" + "".join(f"<a href='/bad/{name}'>x</a>" for name in names) + "<a href='/good'>x</a></html>"
    )


def test_bad_pages_end_no_crawl_and_are_all_had_once_they_are_well(watch: Watch) -> None:
    pages = {"/": index(list(BAD)), "/good": GOOD, **{f"/bad/{name}": page for name, page in BAD.items()}}
    with answering(pages) as site:
        source = plan("storefront", site.address + "/")
        began = time.monotonic()
        outcome = watch.crawl(source, timeout_seconds=1.0, concurrency=16)
        assert time.monotonic() - began < 25
        assert list(watch.finds) == ["good.txt"]
        assert not outcome.failed
        for name in BAD:
            lead = watch.lead(f"{site.address}/bad/{name}")
            assert lead.state == LeadState.FAILED, name
            assert lead.reason, name
            assert "\n" not in lead.reason, name
        assert watch.lead(f"{site.address}/bad/dripping").reason == "timed out"
        assert watch.lead(f"{site.address}/bad/endless").reason == "too large"
        for name in BAD:
            site.pages[f"/bad/{name}"] = listing_page(name, f"now well: {name}", sku=name)
        watch.crawl(source)
        assert sorted(watch.finds) == sorted(["good.txt", *(f"{name}.txt" for name in BAD)])


@pytest.mark.parametrize("name", ["gzip-bomb", "endless", "endless-by-chunks"])
def test_a_bad_file_costs_no_more_memory_than_a_file_may(watch: Watch, name: str) -> None:
    page = listing_page("with a file", "text", extra="<a href='/x.csv'>x</a>")
    with answering({"/": page, "/x.csv": BAD[name]}) as site:
        child = watch.begin(plan("storefront", site.address + "/"), attempts=1)
        assert not isinstance(child.outcome(30), str)
        assert list(watch.finds) == ["with-a-file.txt"]
        assert watch.lead(site.address + "/x.csv").state == LeadState.FAILED


def test_a_file_that_came_compressed_is_kept_as_what_it_is(watch: Watch) -> None:
    content = b"eid,sex\n" + b"1234567,1\n" * 50
    packed = {"Content-Encoding": "gzip", "Content-Type": "text/csv"}
    page = listing_page("with a file", "text", extra="<a href='/x.csv'>x</a> <a href='/y.csv.gz'>y</a>")
    two_members = gzip.compress(content[:100]) + gzip.compress(content[100:])
    files = {
        "/x.csv": (200, packed, two_members),
        "/y.csv.gz": (200, {"Content-Type": "application/gzip"}, gzip.compress(content, mtime=0)),
    }
    with answering({"/": page, **files}) as site:
        watch.crawl(plan("storefront", site.address + "/"))
    assert watch.finds["x.csv"] == content
    assert watch.finds["y.csv.gz"] == gzip.compress(content, mtime=0)


def test_a_cut_off_compressed_file_is_no_find(watch: Watch) -> None:
    whole = gzip.compress(b"".join(b"%d,1\n" % number for number in range(5000)))
    page = listing_page("with a file", "text", extra="<a href='/x.csv'>x</a>")
    half = (200, {"Content-Encoding": "gzip", "Content-Type": "text/csv"}, whole[: len(whole) // 2])
    with answering({"/": page, "/x.csv": half}) as site:
        watch.crawl(plan("storefront", site.address + "/"), attempts=1)
    assert "x.csv" not in watch.finds


def test_a_site_that_is_down_is_told_as_silent_and_looked_at_again(watch: Watch) -> None:
    with answering({"/": GOOD}) as site:
        address, port = site.address, site.port
    source = plan("storefront", address + "/")
    outcome = watch.crawl(source)
    assert outcome.failed
    assert "connection refused" in str(outcome.silent_reason)
    assert watch.source("storefront").last_answer_at is None
    with answering({"/": GOOD}, port=port):
        outcome = watch.crawl(source)
    assert not outcome.failed
    assert watch.source("storefront").silent_reason is None
    assert list(watch.finds) == ["good.txt"]


@pytest.mark.parametrize("status", [429, 503])
def test_a_site_that_asks_to_wait_is_waited_for(watch: Watch, status: int) -> None:
    with answering({"/": limited(status, "1"), "/sitemap.xml": (404, {}, b"no")}) as site:
        site.pages["/"] = once(site, "/", limited(status, "1"), GOOD)
        outcome = watch.crawl(plan("storefront", site.address + "/"))
    assert list(watch.finds) == ["good.txt"]
    first = next(at for at, path in zip(site.times, site.asked, strict=True) if path == "/")
    later = [at - first for at, path in zip(site.times, site.asked, strict=True) if path == "/"]
    assert later[1] >= 1.0
    assert outcome.answers["limited"] == 1


def test_a_site_that_asks_to_wait_for_long_is_left_for_the_next_pass(watch: Watch) -> None:
    with answering({"*": limited(429, "3600")}) as site:
        source = plan("storefront", site.address + "/")
        began = time.monotonic()
        outcome = watch.crawl(source)
        assert time.monotonic() - began < 10
        assert outcome.leads_left >= 1
        assert "limited" in str(outcome.silent_reason)
        asked = len(site.asked)
        assert watch.crawl(source).leads_left >= 1
        assert len(site.asked) == asked, "the hour was not over"


def test_a_challenge_is_told_and_nothing_is_lost(watch: Watch) -> None:
    challenge = (403, {"Content-Type": "text/html"}, b"<html><title>Just a moment...</title></html>")
    with answering({"/": GOOD}) as site:
        source = plan("storefront", site.address + "/")
        watch.crawl(source)
        site.pages = {"*": challenge}
        outcome = watch.crawl(source)
        assert outcome.failed
        assert "challenge" in str(outcome.silent_reason)
        assert len(watch.copies) == 1
        site.pages = {"/": listing_page("better", "another text")}
        watch.crawl(source)
    assert sorted(watch.finds) == ["better.txt", "good.txt"]


def limited(status: int, seconds: str) -> Page:
    return status, {"Retry-After": seconds, "Content-Type": "text/html"}, b"<html>slow down"


def once(site: Served, path: str, first: Page, then: Page) -> Callable[[BaseHTTPRequestHandler], None]:
    """Gives `first` to the first who asks and `then` to all others."""

    def answer(asked: BaseHTTPRequestHandler) -> None:
        status, headers, body = first if site.count(path) == 1 else then
        asked.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body)), "Connection": "close"}.items():
            asked.send_header(name, value)
        asked.end_headers()
        asked.wfile.write(body)

    return answer
