"""Asks known copies again: still up, gone, private, moved, or could not be told.

What to ask and what an answer means is the platform's; the door, robots.txt and the rates are those of the crawl.
A challenge, a sign-in page, a limit or a failure says nothing of the copy, least of all that it is gone.
"""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import urldefrag, urljoin, urlsplit

import httpx
from protego import Protego

from crawler.answers import classify, wait_asked
from crawler.manners import Door, doors_of
from crawler.models import Answer, Copy, Whereabouts, now
from crawler.plans import Manners, SourcePlan
from crawler.platforms import Address, Answered, known
from crawler.repositories import NotCloned, has_commit

MOST_REDIRECTS = 5
MOST_BYTES = 256 << 20


@dataclass(frozen=True, slots=True)
class Sighting:
    """What one copy's address said."""

    copy_id: int
    status: int | None
    whereabouts: Whereabouts
    note: str | None
    asked_at: datetime


class _CannotTell(Exception):
    """Why nothing was learnt."""

    def __init__(self, note: str, *, is_blocked: bool = False) -> None:
        super().__init__(note)
        self.whereabouts = Whereabouts.BLOCKED if is_blocked else Whereabouts.UNKNOWN


def ask_again(plans: Sequence[SourcePlan], manners: Manners, copies: Sequence[Copy]) -> list[Sighting]:
    """One sighting a copy. What only a person can look at (a file that was handed in) is told as unknown."""
    with ExitStack() as stack:
        doors = {private: stack.enter_context(one) for private, one in doors_of(plans).items()}
        clients = {
            private: stack.enter_context(
                httpx.Client(
                    proxy=door.address,
                    trust_env=False,
                    timeout=manners.timeout_seconds,
                    headers={
                        "User-Agent": manners.user_agent,
                        "Accept": "*/*",
                        "Accept-Encoding": "identity",
                    },
                )
            )
            for private, door in doors.items()
        }
        asker = _Asker(plans, manners, doors, clients)
        return [asker.ask(copy) for copy in copies]


class _Asker:
    def __init__(
        self,
        plans: Sequence[SourcePlan],
        manners: Manners,
        doors: dict[bool, Door],
        clients: dict[bool, httpx.Client],
    ) -> None:
        self._plans = {plan.name: plan for plan in plans}
        self._manners = manners
        self._doors = doors
        self._clients = clients
        self._robots: dict[str, Protego | None] = {}
        self._next_at: dict[str, float] = {}
        self._limited: set[str] = set()

    def ask(self, copy: Copy) -> Sighting:
        assert copy.id is not None
        status: int | None = None
        where, note = Whereabouts.UNKNOWN, None
        try:
            if not copy.url.startswith(("http://", "https://")):
                raise _CannotTell("a person must look")
            status, where, note = self._where(copy)
        except _CannotTell as wrong:
            where, note = wrong.whereabouts, str(wrong)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as wrong:
            note = _in_words(wrong)
        except NotCloned as wrong:
            note = wrong.reason
        return Sighting(copy.id, status, where, note, now())

    def _where(self, copy: Copy) -> tuple[int, Whereabouts, str | None]:
        plan = self._plan(copy)
        platform = known()[plan.platform]
        answer = None
        for address in platform.recheck(copy, plan):
            answer = self._answer(plan, address)
            told = platform.whereabouts(answer, copy)
            if told is not None:
                where, note = told
                if where is Whereabouts.UP and _has_changed(copy, answer):
                    note = "the content changed"
                return answer.status, where, note
        assert answer is not None
        return answer.status, *self._by_history(copy, plan)

    def _plan(self, copy: Copy) -> SourcePlan:
        """The plan that found the copy, else one that would; an address of the open web needs none."""
        named = self._plans.get(str(copy.details.get("source")))
        if named is not None:
            return named
        for plan in self._plans.values():
            if plan.platform == copy.platform and known()[plan.platform].claims(copy.url, plan):
                return plan
        if copy.platform == "github":
            return SourcePlan(name="github", platform="github", address="https://api.github.com")
        platform = copy.platform if copy.platform in known() else "tips"
        return SourcePlan(name=platform, platform=platform, address=copy.url)

    def _by_history(self, copy: Copy, plan: SourcePlan) -> tuple[Whereabouts, str | None]:
        url, head = copy.details.get("clone_url"), copy.details.get("head")
        if not url or not head:
            return Whereabouts.UP, None
        with tempfile.TemporaryDirectory(prefix="cohortwatch-commits-") as folder:
            is_there = has_commit(
                str(url),
                str(head),
                door=self._doors[plan.allow_private],
                workplace=Path(folder),
                seconds=self._manners.clone_seconds,
                user_agent=self._manners.user_agent,
            )
        if is_there:
            return Whereabouts.UP, "the history has gone on"
        return Whereabouts.GONE, "the repository is up, the commit is not in it any more"

    def _answer(self, plan: SourcePlan, address: Address) -> Answered:
        platform = known()[plan.platform]
        asking = platform.asking(address.kind, plan)
        if plan.name in self._limited:
            raise _CannotTell("limited; not asked", is_blocked=True)
        rate = platform.MANIFEST.per_minute.get(asking.bucket, self._manners.requests_per_minute)
        if plan.requests_per_minute is not None:
            wanted = plan.requests_per_minute
            rate = wanted if plan.allow_private else min(rate, wanted)
        if asking.robots and self._manners.obey_robots and not self._may_ask(address.url, plan):
            raise _CannotTell("robots.txt", is_blocked=True)
        self._keep_rate(plan.name, 60.0 / rate)
        if asking.browser and self._manners.browser:
            status, headers, body, url = self._rendered(address.url, plan)
        else:
            status, headers, body, url = self._get(address.url, plan, asking.headers, asking.is_file)
        mark = headers.get(self._doors[plan.allow_private].mark)
        if mark:
            raise _CannotTell(mark)
        of_repository = not platform.MANIFEST.robots or address.kind == "refs"
        kind = classify(status=status, headers=headers, body=body, url=url, of_repository=of_repository)
        wait = wait_asked(headers)
        if kind is Answer.LIMITED and (wait is None or wait > self._manners.patience_seconds):
            self._limited.add(plan.name)
        elif wait:
            self._next_at[plan.name] = time.monotonic() + min(wait, self._manners.patience_seconds)
        return Answered(
            url=url,
            asked=urldefrag(address.url).url,
            kind=address.kind,
            details=address.details,
            status=status,
            headers=headers,
            body=body,
            answer=kind,
            at=now(),
        )

    def _get(
        self, url: str, plan: SourcePlan, headers: dict[str, str], is_file: bool
    ) -> tuple[int, dict[str, str], bytes, str]:
        client, most = self._clients[plan.allow_private], MOST_BYTES if is_file else self._manners.page_bytes
        url = urldefrag(url).url
        for _ in range(MOST_REDIRECTS + 1):
            with client.stream("GET", url, headers=headers) as response:
                if response.has_redirect_location:
                    following = urldefrag(urljoin(url, response.headers["location"])).url
                    if urlsplit(following)[:2] != urlsplit(url)[:2]:
                        headers = {name: value for name, value in headers.items() if name != "Authorization"}
                    url = following
                    continue
                body = bytearray()
                ends_at = time.monotonic() + self._manners.timeout_seconds
                for block in response.iter_bytes():
                    body += block
                    if len(body) > most or time.monotonic() > ends_at:
                        raise _CannotTell("the answer does not end")
                lower = {name.lower(): value for name, value in response.headers.items()}
                return response.status_code, lower, bytes(body), url
        raise _CannotTell("too many redirects")

    def _rendered(self, url: str, plan: SourcePlan) -> tuple[int, dict[str, str], bytes, str]:
        from crawler import browser

        shown = browser.show(
            url,
            executable=str(self._manners.browser),
            door=self._doors[plan.allow_private],
            user_agent=self._manners.user_agent,
            timeout_seconds=self._manners.timeout_seconds,
        )
        if shown is None:
            raise _CannotTell("the browser could not open it")
        return shown

    def _may_ask(self, url: str, plan: SourcePlan) -> bool:
        place = "{0.scheme}://{0.netloc}".format(urlsplit(url))
        if place not in self._robots:
            self._robots[place] = self._read_robots(f"{place}/robots.txt", plan)
        rules = self._robots[place]
        return rules is None or bool(rules.can_fetch(url, "cohortwatch"))

    def _read_robots(self, url: str, plan: SourcePlan) -> Protego | None:
        """None allows everything: there is no such file, or the site does not answer at all."""
        try:
            status, headers, body, _ = self._get(url, plan, {}, is_file=False)
        except (httpx.HTTPError, _CannotTell):
            return None
        if self._doors[plan.allow_private].mark in headers or (400 <= status < 500 and status != 429):
            return None
        if status >= 500 or status == 429:
            return Protego.parse("User-agent: *\nDisallow: /\n")
        return Protego.parse(body.decode("utf-8", "replace"))

    def _keep_rate(self, name: str, gap: float) -> None:
        wait = self._next_at.get(name, 0.0) - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        self._next_at[name] = time.monotonic() + gap


def _has_changed(copy: Copy, answer: Answered) -> bool:
    return answer.kind == "file" and hashlib.sha256(answer.body).hexdigest() != copy.find_sha256


def _in_words(wrong: Exception) -> str:
    if isinstance(wrong, httpx.TimeoutException):
        return "timed out"
    if isinstance(wrong, httpx.ProxyError):
        said = str(wrong).lower()
        words = ("private address", "name not found", "timed out", "connection refused")
        return next((one for one in words if one in said), "unreachable")
    return "unreachable" if isinstance(wrong, httpx.TransportError) else type(wrong).__name__
