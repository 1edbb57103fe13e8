"""Asks known copies again: still up, gone, private, moved, or could not be told."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urljoin, urlsplit, urlunsplit

import httpx

from crawler.addresses import PrivateAddress, public_address
from crawler.answers import answer_of, whereabouts_of
from crawler.models import Copy, Whereabouts, now
from crawler.plans import Manners, SourcePlan

MOST_REDIRECTS = 5
MOST_BYTES = 64 << 20
SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Sighting:
    """What one copy's address said."""

    copy_id: int
    status: int | None
    whereabouts: Whereabouts
    note: str | None
    asked_at: datetime


def ask_again(plans: Sequence[SourcePlan], manners: Manners, copies: Sequence[Copy]) -> list[Sighting]:
    """One sighting a copy. Addresses that only a person can look at (tips) are told as unknown."""
    allowed = {urlsplit(plan.address).hostname for plan in plans if plan.allow_private}
    with httpx.Client(headers={"User-Agent": manners.user_agent}, timeout=SECONDS) as client:
        return [_ask(client, copy, allowed) for copy in copies]


def _ask(client: httpx.Client, copy: Copy, allowed: set[str | None]) -> Sighting:
    assert copy.id is not None
    if not copy.url.startswith(("http://", "https://")):
        return Sighting(copy.id, None, Whereabouts.UNKNOWN, "a person must look", now())
    try:
        status, whereabouts, note = _get(client, copy, allowed)
    except (httpx.HTTPError, OSError) as wrong:
        return Sighting(copy.id, None, Whereabouts.UNKNOWN, type(wrong).__name__, now())
    except PrivateAddress as wrong:
        return Sighting(copy.id, None, Whereabouts.UNKNOWN, str(wrong), now())
    return Sighting(copy.id, status, whereabouts, note, now())


def _get(client: httpx.Client, copy: Copy, allowed: set[str | None]) -> tuple[int, Whereabouts, str | None]:
    url, moved = copy.url, False
    for _ in range(MOST_REDIRECTS):
        host = urlsplit(url).hostname
        number, port = public_address(url, allow_private=host in allowed)
        with client.stream(
            "GET", _to_number(url, number, port), headers={"Host": urlsplit(url).netloc}
        ) as response:
            if response.is_redirect:
                url, moved = urljoin(url, response.headers.get("location", "")), True
                continue
            body = _limited(response, MOST_BYTES)
        answer = answer_of(response.status_code, body, response.headers.get("content-type", ""), url)
        whereabouts = whereabouts_of(answer)
        if whereabouts == Whereabouts.UP and moved and copy.url.rstrip("/") != url.rstrip("/"):
            whereabouts = Whereabouts.MOVED
        if whereabouts == Whereabouts.UP and copy.details.get("sha256"):
            same = hashlib.sha256(body).hexdigest() == copy.details["sha256"]
            return response.status_code, whereabouts, None if same else "the content changed"
        return response.status_code, whereabouts, str(answer)
    return 310, Whereabouts.UNKNOWN, "too many redirects"


def _to_number(url: str, number: str, port: int) -> str:
    """The address with the checked number in place of the name; https keeps its name for the certificate."""
    parts = urlsplit(url)
    if parts.scheme == "https":
        return url
    host = f"[{number}]" if ":" in number else number
    return urlunsplit((parts.scheme, f"{host}:{port}", parts.path, parts.query, ""))


def _limited(response: httpx.Response, most: int) -> bytes:
    body = b""
    for block in response.iter_bytes():
        body += block
        if len(body) > most:
            break
    return body
