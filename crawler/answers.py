"""What a response is. A challenge or a sign-in page is neither evidence nor "gone"."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from crawler.models import Answer, Whereabouts

LOOK_BYTES = 256 << 10
"""How much of a page is looked at for the marks of a challenge."""
LONGEST_WAIT = 7 * 86400.0

_CHALLENGE_MARKS = (
    b"/cdn-cgi/challenge-platform/",
    b"cf-chl-",
    b"cf_chl_opt",
    b"_____tmd_____",
    b"x5secdata",
    b"baxia-punish",
    b"nocaptcha.js",
    b"px-captcha",
    b"captcha-delivery.com",
    b"awswafcaptcha",
    b"aws-waf-token",
    b"distil_r_captcha",
    b"_incapsula_resource",
)
"""Marks that only a challenge page carries."""

_ROBOT_QUESTIONS = re.compile(
    rb"<title>\s*(just a moment|attention required|access denied|robot check|security check|are you (a )?human|captcha)"
    rb"|verify (that )?you are (a )?human|checking your browser|enable javascript and cookies to continue"
    + "|滑动验证|安全验证|人机验证|请完成验证|访问验证".encode(),
    re.IGNORECASE,
)
_CAPTCHA_WIDGET = re.compile(rb"g-recaptcha|h-captcha|cf-turnstile|geetest|captcha", re.IGNORECASE)
_PASSWORD_FIELD = re.compile(rb"<input[^>]+type=[\"']?password", re.IGNORECASE)
_SIGN_IN_PATH = re.compile(
    r"/(log[-_]?in|sign[-_]?in|passport|auth|session/new|user/login)(/|$|\?|\.)|//(login|passport)\.",
    re.IGNORECASE,
)
_SIGN_IN_WORDS = re.compile(
    rb"<title>[^<]*(sign[ -]?in|log[ -]?in|" + "登录|登陆".encode() + rb")", re.IGNORECASE
)
_RATE_WORDS = re.compile(
    rb"rate limit|too many requests|abuse detection|secondary limit|slow down", re.IGNORECASE
)
_PAGE_TYPES = ("text/html", "application/xhtml+xml")
_DATA_TYPES = (
    "application/json",
    "application/xml",
    "text/xml",
    "+json",
    "+xml",
    "x-git-upload-pack-advertisement",
)


def classify(
    *, status: int, headers: Mapping[str, str], body: bytes, url: str, of_repository: bool = False
) -> Answer:
    """What this response is; header names in lower case.

    `of_repository` says that the address belongs to a repository or an API, where 401 and 403 mean that it
    is not open to us. On a page, 403 only says that we are not let in.
    """
    look = body[:LOOK_BYTES]
    is_page = is_web_page(headers, look)
    if status == 451:
        return Answer.BLOCKED_FOR_LAW
    if _is_limited(status, headers, look):
        return Answer.LIMITED
    if (is_page or headers.get("cf-mitigated") == "challenge") and _is_challenge(status, headers, look):
        return Answer.CHALLENGE
    if status in (404, 410):
        return Answer.GONE
    if status == 401:
        return Answer.PRIVATE if of_repository else Answer.SIGN_IN
    if status == 403:
        return Answer.PRIVATE if of_repository else Answer.CHALLENGE
    if not 200 <= status < 300 or not body or (status == 206 and not _is_whole(headers)):
        return Answer.BROKEN
    if not is_page:
        return Answer.PAGE if is_data(headers) else Answer.FILE
    return Answer.SIGN_IN if _is_sign_in(url, look) else Answer.PAGE


def whereabouts_of(answer: Answer) -> Whereabouts:
    """What an answer at a copy's own address says; a challenge or a sign-in page tells nothing."""
    return _WHEREABOUTS[answer]


_WHEREABOUTS = {
    Answer.PAGE: Whereabouts.UP,
    Answer.FILE: Whereabouts.UP,
    Answer.GONE: Whereabouts.GONE,
    Answer.BLOCKED_FOR_LAW: Whereabouts.GONE,
    Answer.PRIVATE: Whereabouts.PRIVATE,
    Answer.CHALLENGE: Whereabouts.BLOCKED,
    Answer.SIGN_IN: Whereabouts.BLOCKED,
    Answer.LIMITED: Whereabouts.BLOCKED,
    Answer.BROKEN: Whereabouts.UNKNOWN,
}


def wait_asked(headers: Mapping[str, str], now: float | None = None) -> float | None:
    """Seconds that the answer asks to wait (Retry-After, or a limit that is used up); None where it does not."""
    now = time.time() if now is None else now
    asked = headers.get("retry-after", "").strip()
    if asked.isdecimal():
        return min(float(asked), LONGEST_WAIT)
    if asked:
        try:
            return min(max(0.0, parsedate_to_datetime(asked).timestamp() - now), LONGEST_WAIT)
        except (TypeError, ValueError):
            pass
    for prefix in ("x-ratelimit", "ratelimit"):
        if headers.get(f"{prefix}-remaining", "").strip() == "0":
            reset = headers.get(f"{prefix}-reset", "").strip()
            if reset.isdecimal():
                # GitHub and most others give a time of day, the IETF draft gives seconds to go.
                seconds = float(reset) - now if float(reset) > 1e8 else float(reset)
                return min(max(0.0, seconds), LONGEST_WAIT)
    return None


def _is_whole(headers: Mapping[str, str]) -> bool:
    """Whether a range that nobody asked for is all of the content."""
    told = re.fullmatch(r"bytes 0-(\d+)/(\d+)", headers.get("content-range", "").strip())
    return told is not None and int(told[1]) + 1 == int(told[2])


def is_web_page(headers: Mapping[str, str], look: bytes) -> bool:
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in _PAGE_TYPES:
        # Servers that know no ending call everything a page; lines without a single tag are a table.
        return b"<" in look or look.count(b"\n") < 2
    if kind:
        return False
    return look.lstrip()[:15].lower().startswith((b"<!doctype html", b"<html"))


def is_data(headers: Mapping[str, str]) -> bool:
    """True for answers of an API or a feed."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind.endswith(_DATA_TYPES) and "attachment" not in headers.get("content-disposition", "").lower()


def _is_limited(status: int, headers: Mapping[str, str], look: bytes) -> bool:
    if status == 429:
        return True
    if status not in (403, 503):
        return False
    if "retry-after" in headers or headers.get("x-ratelimit-remaining", "").strip() == "0":
        return True
    return status == 403 and bool(_RATE_WORDS.search(look))


def _is_challenge(status: int, headers: Mapping[str, str], look: bytes) -> bool:
    if headers.get("cf-mitigated") == "challenge" or any(mark in look.lower() for mark in _CHALLENGE_MARKS):
        return True
    if _ROBOT_QUESTIONS.search(look):
        return True
    # Shops put captcha widgets into ordinary pages (a comment form); only a page of refusal is one as a whole.
    return status in (401, 403, 405, 429, 503) and bool(_CAPTCHA_WIDGET.search(look))


def _is_sign_in(url: str, look: bytes) -> bool:
    if not _PASSWORD_FIELD.search(look):
        return False
    return bool(_SIGN_IN_PATH.search(url) or _SIGN_IN_WORDS.search(look))
