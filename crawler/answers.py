"""What a response is, and what it says of where a copy is now. Only what is plainly gone is `gone`."""

from __future__ import annotations

import re

from crawler.models import Answer, Whereabouts

_CHALLENGE = re.compile(
    rb"(?i)cf-challenge|challenge-platform|captcha|are you a robot|verify you are human|just a moment"
    rb"|\xe9\xaa\x8c\xe8\xaf\x81\xe7\xa0\x81|punish\?x5secdata"
)
_SIGN_IN = re.compile(rb"(?i)<input[^>]+type=[\"']?password")


def answer_of(status: int, body: bytes, content_type: str = "", final_url: str = "") -> Answer:
    """Classifies one response by its status and the start of its body."""
    is_page = "html" in content_type.lower()
    head = body[: 64 << 10]
    if status == 451:
        return Answer.BLOCKED_FOR_LAW
    if status in (404, 410):
        return Answer.CHALLENGE if is_page and _CHALLENGE.search(head) else Answer.GONE
    if status == 429:
        return Answer.LIMITED
    if is_page and _CHALLENGE.search(head):
        return Answer.CHALLENGE
    if (
        status == 401
        or (is_page and _SIGN_IN.search(head))
        or "/login" in final_url
        or "/signin" in final_url
    ):
        return Answer.SIGN_IN
    if status == 403:
        return Answer.PRIVATE
    if 200 <= status < 300:
        return Answer.PAGE if is_page else Answer.FILE
    return Answer.BROKEN


def whereabouts_of(answer: Answer) -> Whereabouts:
    """What an answer at a copy's own address says; a challenge or a sign-in page tells nothing."""
    return {
        Answer.PAGE: Whereabouts.UP,
        Answer.FILE: Whereabouts.UP,
        Answer.GONE: Whereabouts.GONE,
        Answer.BLOCKED_FOR_LAW: Whereabouts.GONE,
        Answer.PRIVATE: Whereabouts.PRIVATE,
        Answer.CHALLENGE: Whereabouts.BLOCKED,
        Answer.SIGN_IN: Whereabouts.BLOCKED,
        Answer.LIMITED: Whereabouts.BLOCKED,
        Answer.BROKEN: Whereabouts.UNKNOWN,
    }[answer]
