"""What a response is: a challenge, a sign-in page or a limit is never taken for "gone", nor for evidence."""

from __future__ import annotations

from email.utils import formatdate

import pytest

from crawler.answers import classify, wait_asked, whereabouts_of
from crawler.models import Answer, Whereabouts

HTML = {"content-type": "text/html; charset=utf-8"}
JSON = {"content-type": "application/json"}
LISTING = b"<!doctype html><html><title>UK data</title><body><main>phenotypes, 99.00</main></body></html>"
CHALLENGES = {
    "cloudflare": b"<html><title>Just a moment...</title><script src='/cdn-cgi/challenge-platform/h/b/orchestrate'>",
    "alibaba": b"<html><script>window._config_={action:'captcha',url:'/_____tmd_____/punish?x5secdata=ab'}</script>",
    "alibaba in words": "<html><title>验证</title><body>亲，请完成验证 滑动验证</body></html>".encode(),
    "perimeterx": b"<html><div id='px-captcha'></div></html>",
    "datadome": b"<html><script src='https://ct.captcha-delivery.com/c.js'></script></html>",
    "aws": b"<html><script src='https://x.awswaf.com/awswafcaptcha/jsapi.js'></script></html>",
    "incapsula": b"<html><iframe src='/_Incapsula_Resource?SWUDNSAI=31'></iframe></html>",
    "in words": b"<html><body>Checking your browser before accessing the shop</body></html>",
}


def kind(status: int, headers: dict[str, str], body: bytes, **rest: object) -> Answer:
    given = {"url": "https://shop.example/item/1", **rest}
    return classify(status=status, headers=headers, body=body, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize("status", [200, 202, 400, 401, 403, 404, 405, 410, 429, 503])
@pytest.mark.parametrize("name", CHALLENGES)
def test_a_challenge_is_never_gone_nor_evidence_whatever_its_status(name: str, status: int) -> None:
    answer = kind(status, HTML, CHALLENGES[name])
    assert answer in (Answer.CHALLENGE, Answer.LIMITED)
    assert whereabouts_of(answer) is Whereabouts.BLOCKED


def test_a_challenge_is_told_by_its_header_where_the_page_says_nothing() -> None:
    assert kind(404, {**HTML, "cf-mitigated": "challenge"}, b"<html></html>") is Answer.CHALLENGE
    assert kind(403, {"cf-mitigated": "challenge"}, b"") is Answer.CHALLENGE


def test_a_listing_with_a_captcha_in_its_comment_form_is_a_page() -> None:
    page = LISTING.replace(b"</main>", b"<div class='g-recaptcha'></div></main>")
    assert kind(200, HTML, page) is Answer.PAGE
    assert kind(404, HTML, page) is Answer.GONE


@pytest.mark.parametrize("status", [404, 410])
def test_only_not_found_and_gone_are_gone(status: int) -> None:
    assert kind(status, HTML, b"<html>not found</html>") is Answer.GONE
    assert kind(status, JSON, b'{"message": "Not Found"}') is Answer.GONE
    assert kind(status, {}, b"") is Answer.GONE


@pytest.mark.parametrize(
    "status", [200, 204, 301, 400, 401, 403, 406, 418, 429, 500, 502, 503, 504, 520, 999]
)
def test_no_other_status_is_gone(status: int) -> None:
    for headers, body in ((HTML, LISTING), (JSON, b"{}"), ({}, b"")):
        assert kind(status, headers, body) is not Answer.GONE


def test_what_was_disabled_for_law_is_told_apart_and_is_gone() -> None:
    answer = kind(451, JSON, b'{"message": "Repository access blocked", "block": {"reason": "dmca"}}')
    assert answer is Answer.BLOCKED_FOR_LAW
    assert whereabouts_of(answer) is Whereabouts.GONE


def test_a_repository_that_is_not_open_to_us_is_private_and_a_page_that_is_not_is_only_refused() -> None:
    assert kind(403, JSON, b"{}", of_repository=True) is Answer.PRIVATE
    assert kind(401, JSON, b"{}", of_repository=True) is Answer.PRIVATE
    assert kind(403, HTML, b"<html>Forbidden</html>") is Answer.CHALLENGE
    assert kind(401, HTML, b"<html>Unauthorized</html>") is Answer.SIGN_IN


@pytest.mark.parametrize(
    ("url", "page"),
    [
        ("https://shop.example/login?to=/item/1", b"<html><form><input type='password'></form></html>"),
        (
            "https://shop.example/item/1",
            b"<html><title>Sign in - shop</title><input name=p type=password></html>",
        ),
        (
            "https://shop.example/item/1",
            "<html><title>登录</title><input id='p' type=\"password\"></html>".encode(),
        ),
        ("https://git.example/users/sign_in", b"<html><input name='p' type='password'></html>"),
        ("https://passport.shop.example/", b"<html><title>Log in</title><input type=password></html>"),
    ],
)
def test_a_sign_in_page_is_neither_evidence_nor_gone(url: str, page: bytes) -> None:
    answer = kind(200, HTML, page, url=url)
    assert answer is Answer.SIGN_IN
    assert whereabouts_of(answer) is Whereabouts.BLOCKED


def test_a_listing_with_a_password_box_in_its_head_is_a_page() -> None:
    page = LISTING.replace(b"<main>", b"<form action=/login><input type=password></form><main>")
    assert kind(200, HTML, page) is Answer.PAGE


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (429, HTML, b"<html>slow down</html>"),
        (429, {}, b""),
        (403, {**JSON, "x-ratelimit-remaining": "0", "x-ratelimit-reset": "1"}, b"{}"),
        (403, {**JSON, "retry-after": "60"}, b'{"message": "You have exceeded a secondary rate limit"}'),
        (403, JSON, b'{"message": "You have exceeded a secondary rate limit. Please wait a few minutes"}'),
        (503, {"retry-after": "10"}, b""),
    ],
)
def test_a_limit_is_a_limit(status: int, headers: dict[str, str], body: bytes) -> None:
    for of_repository in (False, True):
        answer = kind(status, headers, body, of_repository=of_repository)
        assert answer is Answer.LIMITED
        assert whereabouts_of(answer) is Whereabouts.BLOCKED


@pytest.mark.parametrize("status", [500, 502, 503, 504, 304, 400])
def test_a_failing_site_says_nothing_of_what_it_holds(status: int) -> None:
    answer = kind(status, HTML, b"<html>oops</html>")
    assert answer is Answer.BROKEN
    assert whereabouts_of(answer) is Whereabouts.UNKNOWN


def test_an_empty_answer_says_nothing() -> None:
    assert kind(200, HTML, b"") is Answer.BROKEN
    assert kind(204, {}, b"") is Answer.BROKEN


def test_pages_and_files_are_told_apart() -> None:
    assert kind(200, HTML, LISTING) is Answer.PAGE
    assert kind(200, {}, LISTING) is Answer.PAGE
    assert kind(200, JSON, b"{}") is Answer.PAGE
    assert kind(200, {"content-type": "text/csv"}, b"eid,sex\n") is Answer.FILE
    assert kind(200, {"content-type": "application/octet-stream"}, b"\x00") is Answer.FILE
    assert kind(200, {**JSON, "content-disposition": 'attachment; filename="x.json"'}, b"{}") is Answer.FILE


def test_a_file_that_speaks_of_captchas_is_a_file() -> None:
    text = b"notes: verify that you are human; px-captcha; captcha-delivery.com\n1234567\n"
    assert kind(200, {"content-type": "text/plain"}, text) is Answer.FILE


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "120"}, 120.0),
        ({"retry-after": formatdate(1_000_060, usegmt=True)}, 60.0),
        ({"retry-after": formatdate(999_000, usegmt=True)}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "9" * 30}, 7 * 86400.0),
        ({"retry-after": "9" * 5000}, 7 * 86400.0),
        ({"retry-after": "\xb2"}, None),
        ({"retry-after": "-5"}, None),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "2000000000"}, 7 * 86400.0),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1030"}, 1030.0),
        ({"x-ratelimit-remaining": "7", "x-ratelimit-reset": "2000000000"}, None),
        ({"ratelimit-remaining": "0", "ratelimit-reset": "30"}, 30.0),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "soon"}, None),
    ],
)
def test_a_site_is_left_alone_for_as_long_as_it_asks(headers: dict[str, str], seconds: float | None) -> None:
    assert wait_asked(headers, now=1_000_000.0) == seconds
