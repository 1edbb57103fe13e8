"""The crawl: the frontier's leads asked through Scrapy, one pass over all sources (the only importer of Scrapy).

`crawl()` blocks, and may be called once in a process. Scrapy downloads, keeps to the rates and obeys robots.txt;
which address comes next, what is tried again and when, and what is done is decided by rows of the frontier, so a killed
crawl is taken up where it was. What an answer means is the platform's word, what it is `crawler.answers`'.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import io
import logging
import time
import zlib
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urldefrag, urljoin, urlsplit

import scrapy
from scrapy.crawler import CrawlerProcess
from scrapy.downloadermiddlewares.robotstxt import RobotsTxtMiddleware
from scrapy.exceptions import IgnoreRequest
from sqlalchemy import Engine
from sqlmodel import Session, col, select

from crawler import evidence, frontier
from crawler.answers import classify, wait_asked
from crawler.errors import CrawlerError
from crawler.frontier import Content, Ending
from crawler.manners import Door, doors_of
from crawler.models import Answer, Capture, Lead, LeadState, Source, now
from crawler.plans import Manners, SourcePlan
from crawler.platforms import Address, Answered, Asking, Offer, Platform, Reading, platform_of
from crawler.repositories import NotCloned, cloned
from crawler.vault import Vault

MOST_REDIRECTS = 5
CLONES_AT_ONCE = 2
TIPS = "tips"
_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_SCREENSHOT = "screenshot"
_FORBIDS_ALL = b"User-agent: *\nDisallow: /\n"


@dataclass
class SourceOutcome:
    """What one pass over one source came to."""

    source: str
    requests: int = 0
    finds_new: int = 0
    copies_new: int = 0
    caps_hit: int = 0
    leads_left: int = 0
    silent_reason: str | None = None
    """Why nothing useful was heard; None where something was."""
    failed: bool = False
    answers: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class PassOutcome:
    sources: list[SourceOutcome]
    seconds: float


def crawl(engine: Engine, vault: Vault, plans: Sequence[SourcePlan], manners: Manners) -> PassOutcome:
    """One pass over the sources, and over what people told us of. Blocks; once in a process.

    Raises:
        BadPlan: a source that cannot be crawled as it is set.
    """
    began = time.monotonic()
    platforms = {plan.name: platform_of(plan) for plan in plans}
    vault.clear_workplace()
    with Session(engine) as session:
        evidence.sweep(session, vault)
        session.commit()
    with ExitStack() as stack:
        doors = {private: stack.enter_context(one) for private, one in doors_of(plans).items()}
        passes = [
            _Pass(
                plan,
                platforms[plan.name],
                frontier.open_pass(engine, plan, _seeds(engine, plan, platforms)),
                doors,
            )
            for plan in plans
        ]
        tips = _tips_pass(engine, plans, platforms, doors)
        if tips is not None:
            passes.append(tips)
        if passes:
            for name in ("scrapy", "scrapy-playwright", "twisted"):
                logging.getLogger(name).setLevel(logging.WARNING)
            logging.getLogger("scrapy.downloadermiddlewares.robotstxt").setLevel(logging.CRITICAL)
            process = CrawlerProcess(_settings(passes, manners, doors[False]))
            wrong: list[Any] = []
            process.crawl(Walk, walk=_Walk(engine, vault, manners, passes)).addErrback(wrong.append)
            process.start()
            if wrong:
                raise CrawlerError(f"the crawl could not begin: {wrong[0].getErrorMessage()}")
        outcomes = [one.close(engine) for one in passes]
    return PassOutcome(outcomes, time.monotonic() - began)


class _Pass:
    """One source during one pass: its counts, and how long it wants to be left alone."""

    def __init__(self, plan: SourcePlan, platform: Platform, source_id: int, doors: dict[bool, Door]) -> None:
        self.plan = plan
        self.platform = platform
        self.source_id = source_id
        self.door = doors[plan.allow_private]
        self.outcome = SourceOutcome(source=plan.name)
        self.answers: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()
        self.heard = 0
        self.in_flight = 0
        self.paused_until = 0.0
        self.limited = False

    def has_room(self, manners: Manners) -> bool:
        return (
            self.in_flight < manners.concurrency
            and self.outcome.requests < self.plan.max_requests
            and time.monotonic() >= self.paused_until
        )

    def pause(self, seconds: float) -> None:
        self.limited = True
        self.paused_until = max(self.paused_until, time.monotonic() + seconds)

    def wait(self, engine: Engine, manners: Manners) -> float | None:
        """Seconds until there may be something to ask; None where this pass is over."""
        if self.in_flight:
            return 1.0
        if self.outcome.requests >= self.plan.max_requests:
            return None
        due = frontier.next_wait(engine, self.source_id)
        if due is None:
            return None
        due = max(due, self.paused_until - time.monotonic())
        return due if due <= manners.patience_seconds else None

    def close(self, engine: Engine) -> SourceOutcome:
        out = self.outcome
        bad = self.failures + Counter(
            {name: n for name, n in self.answers.items() if name not in ("page", "file")}
        )
        if not self.heard and (out.requests or self.plan.name != TIPS):
            said = ", ".join(f"{name} ({n})" for name, n in bad.most_common(3))
            out.silent_reason = f"no useful answer: {said or 'nothing could be asked'}"
            out.failed = True
        if out.requests >= self.plan.max_requests:
            out.caps_hit += 1
        out.answers = {**self.answers, **self.failures}
        out.leads_left = frontier.close_pass(
            engine, self.source_id, silent_reason=out.silent_reason, answered=self.heard > 0
        )
        return out


def _seeds(engine: Engine, plan: SourcePlan, platforms: dict[str, Platform]) -> list[Address]:
    """What a pass begins with: the platform's searches, and the tips that belong to this source."""
    platform = platforms[plan.name]
    with Session(engine.execution_options(reading=True)) as session:
        source = session.exec(select(Source).where(Source.name == plan.name)).first()
        cursor = dict(source.cursor) if source else {}
    seeds = list(platform.searches(plan, cursor))
    for tip in _waiting_tips(engine):
        claimed = platform.claims(tip.url, plan)
        if claimed is not None:
            note = {"tip": tip.details.get("note") or "told by a person"}
            seeds.append(
                Address(url=claimed.url, kind=claimed.kind, details={**claimed.details, **note}, again=True)
            )
    return seeds


def _waiting_tips(engine: Engine) -> list[Lead]:
    with Session(engine.execution_options(reading=True), expire_on_commit=False) as session:
        states = (LeadState.WAITING, LeadState.LEASED)
        tips = (
            select(Lead)
            .join(Source, col(Lead.source_id) == Source.id)
            .where(Source.name == TIPS, Lead.kind == "tip", col(Lead.state).in_(states))
        )
        return list(session.exec(tips).all())


def _tips_pass(
    engine: Engine, plans: Sequence[SourcePlan], platforms: dict[str, Platform], doors: dict[bool, Door]
) -> _Pass | None:
    """The tips that no source claims. The others are leads of that source by now, so their own are done."""
    tips = _waiting_tips(engine)
    if not tips:
        return None
    plan = SourcePlan(name=TIPS, platform=TIPS, address="people")
    own = _Pass(plan, platform_of(plan), frontier.open_pass(engine, plan, ()), doors)
    for tip in tips:
        claimant = next((one for one in plans if platforms[one.name].claims(tip.url, one)), None)
        if claimant is not None:
            frontier.finish(engine, tip, plan, Ending(reason=f"looked at as part of {claimant.name}"))
    return own


def _settings(passes: Sequence[_Pass], manners: Manners, door: Door) -> dict[str, Any]:
    slots = {}
    for one in passes:
        for bucket in {"", *one.platform.MANIFEST.per_minute}:
            rate = _rate(one, bucket, manners)
            slots[_slot(one, bucket)] = {
                "concurrency": manners.concurrency,
                "delay": 60.0 / rate,
                "jitter": 0,
            }
    made: dict[str, Any] = {
        "BOT_NAME": "cohortwatch",
        "USER_AGENT": manners.user_agent,
        "ROBOTSTXT_OBEY": manners.obey_robots,
        "ROBOTSTXT_USER_AGENT": "cohortwatch",
        "DOWNLOADER_MIDDLEWARES": {
            "scrapy.downloadermiddlewares.robotstxt.RobotsTxtMiddleware": None,
            **({"crawler.spider.Robots": 100} if manners.obey_robots else {}),
            "crawler.spider.ThroughTheDoor": 740,
        },
        "DEFAULT_REQUEST_HEADERS": {"Accept": "*/*", "Accept-Encoding": "identity"},
        "DOWNLOAD_SLOTS": slots,
        "DOWNLOAD_DELAY": 0,
        "CONCURRENT_REQUESTS": 32,
        "CONCURRENT_REQUESTS_PER_DOMAIN": manners.concurrency,
        "DOWNLOAD_TIMEOUT": manners.timeout_seconds,
        "DOWNLOAD_MAXSIZE": manners.page_bytes,
        "DOWNLOAD_WARNSIZE": 0,
        "DOWNLOAD_VERIFY_CERTIFICATES": True,
        "COMPRESSION_ENABLED": False,  # evidence is what came over the wire
        "COOKIES_ENABLED": False,
        "METAREFRESH_ENABLED": False,
        "REDIRECT_MAX_TIMES": MOST_REDIRECTS,  # of robots.txt; all else is followed here
        "REFERRER_POLICY": "no-referrer",
        "RETRY_ENABLED": False,
        "HTTPERROR_ALLOW_ALL": True,
        "TELNETCONSOLE_ENABLED": False,
        "REMOTE_CONTROL_ENABLED": False,
        "MEMUSAGE_ENABLED": False,
        "LOG_INSTALL_ROOT_HANDLER": False,
        "STATS_DUMP": False,
        "TWISTED_REACTOR": "twisted.internet.asyncioreactor.AsyncioSelectorReactor",
    }
    if manners.browser:
        from crawler import browser

        made |= browser.settings(manners.browser, door, manners.timeout_seconds)
    return made


def _rate(one: _Pass, bucket: str, manners: Manners) -> float:
    published = one.platform.MANIFEST.per_minute.get(bucket, manners.requests_per_minute)
    wanted = one.plan.requests_per_minute
    if wanted is None:
        return published
    return wanted if one.plan.allow_private else min(published, wanted)


def _slot(one: _Pass, bucket: str) -> str:
    return f"{one.plan.name}/{bucket}"


class ThroughTheDoor:
    """Sends robots.txt, which Scrapy asks for by itself, through the door of the source that it belongs to."""

    @classmethod
    def from_crawler(cls, crawler: Any) -> ThroughTheDoor:
        made = cls()
        made.crawler = crawler
        return made

    crawler: Any

    def process_request(self, request: Any) -> None:
        if "proxy" not in request.meta:
            request.meta["proxy"] = self.crawler.spider.walk.door_for(request.url).address


class Robots(RobotsTxtMiddleware):  # type: ignore[misc]
    """Robots.txt by RFC 9309: missing (4xx) allows, out of order (5xx) or unreachable forbids, for now."""

    async def _parse_robots(self, response: Any, netloc: str, request: Any) -> None:
        if response.status >= 500 or response.status == 429:
            walk = self.crawler.spider.walk
            walk.robots_troubles[netloc] = walk.said_by_door(response) or str(response.status)
            response = response.replace(body=_FORBIDS_ALL)
        elif response.status >= 400:
            response = response.replace(body=b"")
        await super()._parse_robots(response, netloc, request)

    def _robots_error(self, exc: Exception, netloc: str) -> None:
        if not isinstance(exc, IgnoreRequest) and (trouble := _in_words(exc)) != "private address":
            self.crawler.spider.walk.robots_troubles[netloc] = trouble
            waiting = self._parsers[netloc]
            rules = self._parsers[netloc] = self._parserimpl.from_crawler(self.crawler, _FORBIDS_ALL)
            waiting.callback(rules)
            return
        super()._robots_error(exc, netloc)


class Walk(scrapy.Spider):  # type: ignore[misc]
    """Scrapy's side: hands requests out and answers in."""

    name = "cohortwatch"

    def __init__(self, walk: _Walk, **rest: Any) -> None:
        super().__init__(**rest)
        self.walk = walk

    async def start(self) -> AsyncIterator[Any]:
        async for request in self.walk.requests(self):
            yield request

    async def answered(self, response: Any) -> AsyncIterator[Any]:
        following = await self.walk.take_answer(response)
        if following is not None:
            yield following

    async def failed(self, failure: Any) -> None:
        await self.walk.take_failure(failure)


class _Walk:
    """Between the frontier and Scrapy."""

    def __init__(self, engine: Engine, vault: Vault, manners: Manners, passes: Sequence[_Pass]) -> None:
        self.engine = engine
        self.vault = vault
        self.manners = manners
        self.passes = passes
        self._news = asyncio.Event()
        self._clones: set[asyncio.Task[None]] = set()
        self._inside: set[str] = set()
        self.robots_troubles: dict[str, str] = {}
        """Hosts whose robots.txt could not be had, and why: not asked now, and again in the next pass."""

    def said_by_door(self, response: Any) -> str | None:
        """Why a door did not let a request through; None where it is the site that answered."""
        marks = {one.door.mark for one in self.passes}
        said = next((response.headers[mark] for mark in marks if mark in response.headers), None)
        return said.decode("ascii", "replace") if said is not None else None

    def door_for(self, url: str) -> Door:
        """For robots.txt: the inner door only for hosts that a source inside the network has asked."""
        netloc = urlsplit(url).netloc
        inner = next((one.door for one in self.passes if one.plan.allow_private), None)
        outer = next((one.door for one in self.passes if not one.plan.allow_private), None)
        door = inner if inner is not None and (netloc in self._inside or outer is None) else outer
        assert door is not None
        return door

    async def requests(self, spider: Walk) -> AsyncIterator[Any]:
        """Requests as long as any source has something that may be asked."""
        gate = asyncio.Semaphore(CLONES_AT_ONCE)
        while True:
            self._news.clear()
            asked = False
            for one in self.passes:
                while one.has_room(self.manners):
                    lead = frontier.lease(self.engine, one.source_id)
                    if lead is None:
                        break
                    asked = True
                    one.in_flight += 1
                    one.outcome.requests += 1
                    asking = self._asking(one, lead)
                    if asking.clone:
                        task = asyncio.create_task(self._clone(one, lead, gate))
                        self._clones.add(task)
                        task.add_done_callback(self._clones.discard)
                    else:
                        yield self._request(spider, one, lead, asking)
            if asked:
                continue
            waits = [wait for one in self.passes if (wait := one.wait(self.engine, self.manners)) is not None]
            if not waits:
                return
            try:
                async with asyncio.timeout(max(0.02, min(waits))):
                    await self._news.wait()
            except TimeoutError:
                pass

    def _asking(self, one: _Pass, lead: Lead) -> Asking:
        if lead.kind == _SCREENSHOT:
            return Asking(browser=True)
        return one.platform.asking(lead.kind, one.plan)

    def _request(self, spider: Walk, one: _Pass, lead: Lead, asking: Asking) -> Any:
        headers = dict(asking.headers)
        if asking.conditional and lead.details.get("etag"):
            headers["If-None-Match"] = str(lead.details["etag"])
        url = urldefrag(lead.url).url
        meta: dict[str, Any] = {
            "one": one,
            "lead": lead,
            "asked": url,
            "hops": 0,
            "dont_redirect": True,
            "proxy": one.door.address,
            "download_slot": _slot(one, asking.bucket),
            "download_maxsize": self.manners.file_bytes if asking.is_file else self.manners.page_bytes,
            "dont_obey_robotstxt": not asking.robots,
        }
        if one.plan.allow_private:
            self._inside.add(urlsplit(url).netloc)
        if asking.browser and self.manners.browser:
            from crawler import browser

            meta |= browser.meta(f"lead-{lead.id}-{lead.attempts}", one.door, self.manners.user_agent)
        return scrapy.Request(
            url, headers=headers, meta=meta, callback=spider.answered, errback=spider.failed, dont_filter=True
        )

    async def take_answer(self, response: Any) -> Any:
        """Ends the lead of this answer, or gives the request that follows its redirect."""
        meta = response.meta
        one, lead = meta["one"], meta["lead"]
        following = None
        try:
            following = self._redirected(response)
            if following is None:
                self._end_with_answer(one, lead, response)
        except Exception as wrong:  # noqa: BLE001 - one page that cannot be read must not end the crawl
            self._end_badly(one, lead, f"could not be read ({type(wrong).__name__})")
        finally:
            await self._close_page(meta)
            if following is None:
                self._done(one)
        return following

    async def take_failure(self, failure: Any) -> None:
        meta = failure.request.meta
        one, lead = meta["one"], meta["lead"]
        try:
            trouble = self.robots_troubles.get(urlsplit(failure.request.url).netloc)
            if failure.check(IgnoreRequest) and trouble:
                self._end_badly(one, lead, f"robots.txt: {trouble}")
            elif failure.check(IgnoreRequest):
                self._end_refused(one, lead, "robots.txt")
            else:
                reason = _in_words(failure.value)
                if reason == "private address":
                    self._end_refused(one, lead, reason)
                else:
                    self._end_badly(one, lead, reason)
        finally:
            await self._close_page(meta)
            self._done(one)

    def _redirected(self, response: Any) -> Any:
        meta = response.meta
        place = response.headers.get("Location")
        if response.status not in _REDIRECTS or not place:
            return None
        url = urldefrag(urljoin(response.url, place.decode("latin-1").strip())).url
        if meta["hops"] >= MOST_REDIRECTS or urlsplit(url).scheme not in ("http", "https"):
            return None
        headers = response.request.headers.copy()
        if urlsplit(url)[:2] != urlsplit(response.url)[:2]:
            headers.pop("Authorization", None)
        return response.request.replace(url=url, headers=headers, meta={**meta, "hops": meta["hops"] + 1})

    def _end_with_answer(self, one: _Pass, lead: Lead, response: Any) -> None:
        headers = {
            name.decode("latin-1").lower(): b", ".join(values).decode("latin-1")
            for name, values in response.headers.items()
        }
        refusal = headers.get(one.door.mark)
        if refusal == "private address":
            self._end_refused(one, lead, refusal)
            return
        if refusal:
            self._end_badly(one, lead, refusal)
            return
        wait = wait_asked(headers)
        if response.status == 304:
            one.heard += 1
            one.answers["unchanged"] += 1
            self._finish(one, lead, Ending(reason="unchanged", revision=lead.revision, seen=(lead.url,)))
            return
        body = _decoded(response.body, headers, self.manners.file_bytes)
        kind = classify(
            status=response.status,
            headers=headers,
            body=body,
            url=response.url,
            of_repository=not one.platform.MANIFEST.robots or lead.kind == "refs",
        )
        one.answers[kind.value] += 1
        if kind is Answer.LIMITED:
            self._end_limited(one, lead, wait)
            return
        if wait:
            one.pause(wait)  # this answer was the last that the limit allows
        if kind in (Answer.PAGE, Answer.FILE):
            one.heard += 1
            answer = Answered(
                url=response.url,
                asked=response.meta["asked"],
                kind=lead.kind,
                details=lead.details,
                status=response.status,
                headers=headers,
                body=body,
                answer=kind,
                at=now(),
            )
            self._end_with_page(one, lead, answer, response)
        elif kind in (Answer.GONE, Answer.BLOCKED_FOR_LAW):
            self._finish(one, lead, Ending(reason=kind.value, revision=""))
        elif kind is Answer.BROKEN:
            self._end_badly(one, lead, f"broken ({response.status})")
        else:
            self._end_refused(one, lead, kind.value)

    def _end_with_page(self, one: _Pass, lead: Lead, answer: Answered, response: Any) -> None:
        picture = None
        is_rendered = "playwright" in response.flags
        if is_rendered:
            from crawler import browser

            picture = browser.picture_of(response.meta)
        if lead.kind == _SCREENSHOT:
            self._end_screenshot(lead, picture)
            return
        reading = one.platform.read(answer, one.plan)
        contents = [self._sealed(offer) for offer in reading.offers]
        capture = None
        addresses = list(reading.addresses)
        if self._is_news(one, reading, contents):
            capture = self._captured(lead, answer, response, is_rendered, picture)
            if picture is None and self.manners.browser:
                addresses += [
                    Address(url=f"{one_.url}#{_SCREENSHOT}", kind=_SCREENSHOT, revision=sealed.sha256)
                    for one_, sealed in zip(reading.offers, contents, strict=True)
                    if one_.kind == "listing"
                ]
        again = reading.retry is not None and lead.attempts < self.manners.attempts
        self._finish(
            one,
            lead,
            Ending(
                state=LeadState.WAITING if again else LeadState.DONE,
                reason=reading.retry,
                etag=answer.headers.get("etag"),
                contents=contents,
                capture=capture,
                capture_of=lead.details.get("capture_id"),
                addresses=addresses,
                seen=reading.seen,
                cursor=reading.cursor,
                caps_hit=reading.caps_hit + int(reading.retry is not None and not again),
                not_before=now() + timedelta(seconds=2**lead.attempts) if again else None,
            ),
        )

    def _is_news(self, one: _Pass, reading: Reading, contents: Sequence[Content]) -> bool:
        """Evidence is kept of what is new, not of every look at what is known."""
        if any(frontier.is_new_copy(self.engine, sealed.offer.url, sealed.sha256) for sealed in contents):
            return True
        clones = [address for address in reading.addresses if address.kind == "clone"]
        return reading.keep and frontier.is_news(self.engine, one.source_id, clones)

    def _sealed(self, offer: Offer) -> Content:
        sha256 = hashlib.sha256(offer.content).hexdigest()
        stored = frontier.stored_object(self.engine, sha256) or self.vault.put(offer.content)
        return Content(offer=offer, sha256=sha256, size_bytes=len(offer.content), vault_object=stored)

    def _captured(
        self, lead: Lead, answer: Answered, response: Any, is_rendered: bool, picture: bytes | None
    ) -> Capture:
        headers = {
            name.decode("latin-1"): b", ".join(values).decode("latin-1")
            for name, values in response.headers.items()
        }
        return evidence.kept(
            self.vault,
            lead_id=lead.id,
            url=answer.url,
            status=answer.status,
            headers=headers,
            body=response.body,
            answer=answer.answer,
            at=answer.at,
            rendered=is_rendered,
            screenshot=picture,
        )

    def _end_screenshot(self, lead: Lead, picture: bytes | None) -> None:
        if picture is None:
            return
        sealed = self.vault.put(picture)
        digest = hashlib.sha256(picture).hexdigest()
        capture_id = int(lead.details.get("capture_id") or 0)
        if not frontier.add_screenshot(self.engine, lead, capture_id, vault_object=sealed, sha256=digest):
            self.vault.shred(sealed)

    async def _clone(self, one: _Pass, lead: Lead, gate: asyncio.Semaphore) -> None:
        try:
            async with gate:
                await asyncio.to_thread(self._clone_here, one, lead)
        except NotCloned as wrong:
            one.failures[f"clone: {wrong.reason}"] += 1
            instead = (
                list(one.platform.instead(lead.kind, lead.details, one.plan)) if wrong.is_too_large else []
            )
            if wrong.reason == "refused: private address":
                self._end_refused(one, lead, wrong.reason)
            elif wrong.reason in ("empty repository", "not found") or instead:
                self._finish(one, lead, Ending(reason=wrong.reason, addresses=instead, caps_hit=len(instead)))
            else:
                self._end_badly(one, lead, wrong.reason, is_counted=True)
        except Exception as wrong:  # noqa: BLE001 - one repository must not end the crawl
            self._end_badly(one, lead, f"could not be cloned ({type(wrong).__name__})")
        finally:
            self._done(one)

    def _clone_here(self, one: _Pass, lead: Lead) -> None:
        host = urlsplit(lead.url).hostname
        allowed = {*one.platform.MANIFEST.hosts, urlsplit(one.plan.address).hostname}
        if host not in allowed:
            raise NotCloned("another host than the platform's")
        details = lead.details
        with cloned(
            lead.url,
            door=one.door,
            workplace=self.vault.workplace(),
            max_bytes=self.manners.repository_bytes,
            seconds=self.manners.clone_seconds,
            user_agent=self.manners.user_agent,
        ) as repository:
            stored = frontier.stored_object(self.engine, repository.sha256)
            if stored is None:
                with repository.bundle.open("rb") as stream:
                    stored = self.vault.put(stream)
            named = ("full_name", "clone_url", "default_branch", "pushed_at", "forks_count", "tip")
            name = str(details["full_name"]).replace("/", "-").removesuffix(".git")
            offer = Offer(
                kind="git",
                name=f"{name}.bundle",
                url=details["html_url"],
                content=b"",
                account=details.get("account"),
                title=details.get("title"),
                origin=details.get("origin"),
                details={
                    **{key: details[key] for key in named if details.get(key) is not None},
                    "head": repository.head,
                    "commit": repository.head,
                    "heads_count": repository.heads_count,
                },
            )
            content = Content(
                offer=offer, sha256=repository.sha256, size_bytes=repository.size_bytes, vault_object=stored
            )
            one.heard += 1
            one.answers["clone"] += 1
            self._finish(one, lead, Ending(contents=(content,), capture_of=details.get("capture_id")))

    def _end_limited(self, one: _Pass, lead: Lead, wait: float | None) -> None:
        seconds = wait if wait is not None else min(15.0 * 2**lead.attempts, 3600.0)
        one.pause(seconds)
        until = now() + timedelta(seconds=seconds)
        self._finish(one, lead, Ending(state=LeadState.WAITING, reason="limited", not_before=until))

    def _end_badly(self, one: _Pass, lead: Lead, reason: str, *, is_counted: bool = False) -> None:
        if not is_counted:
            one.failures[reason] += 1
        if lead.attempts < self.manners.attempts:
            until = now() + timedelta(seconds=2.0 ** (lead.attempts - 1))
            self._finish(one, lead, Ending(state=LeadState.WAITING, reason=reason, not_before=until))
        else:
            self._finish(one, lead, Ending(state=LeadState.FAILED, reason=reason))

    def _end_refused(self, one: _Pass, lead: Lead, reason: str) -> None:
        one.failures[reason] += 1
        self._finish(one, lead, Ending(state=LeadState.REFUSED, reason=reason))

    def _finish(self, one: _Pass, lead: Lead, ending: Ending) -> None:
        added = frontier.finish(self.engine, lead, one.plan, ending)
        one.outcome.finds_new += added.finds
        one.outcome.copies_new += added.copies
        one.outcome.caps_hit += ending.caps_hit
        for name in added.unused_objects:
            self.vault.shred(name)

    async def _close_page(self, meta: dict[str, Any]) -> None:
        if meta.get("playwright"):
            from crawler import browser

            await browser.close(meta)

    def _done(self, one: _Pass) -> None:
        one.in_flight -= 1
        self._news.set()


def _decoded(body: bytes, headers: dict[str, str], most: int) -> bytes:
    """The content of an answer that came compressed although it was asked not to."""
    coding = headers.get("content-encoding", "identity").strip().lower()
    if coding in ("", "identity") or not body:
        return body
    if coding not in ("gzip", "x-gzip", "deflate"):
        raise ValueError(f"content-encoding {coding}")
    if coding == "deflate":
        inflate = zlib.decompressobj()
        out = inflate.decompress(body, most + 1)
        is_whole = inflate.eof
    else:
        with gzip.GzipFile(fileobj=io.BytesIO(body)) as members:
            out = members.read(most + 1)  # refuses what was cut off
        is_whole = True
    if len(out) > most:
        raise ValueError("too large when unpacked")
    if not is_whole:
        raise ValueError("cut off")
    return out


def _in_words(wrong: BaseException) -> str:
    kind, said = type(wrong).__name__, str(wrong)
    if "CONNECT tunnel" in said:
        for reason in ("private address", "name not found", "timed out", "connection refused"):
            if reason in said:
                return reason
        return "unreachable"
    known = {
        "DownloadCancelledError": "too large",
        "CancelledError": "too large",
        "DownloadTimeoutError": "timed out",
        "TimeoutError": "timed out",
        "TCPTimedOutError": "timed out",
        "ResponseDataLossError": "cut off",
        "ResponseFailed": "cut off",
        "ResponseNeverReceived": "cut off",
        "DownloadFailedError": "cut off",
        "ConnectionLost": "cut off",
        "NotSupported": "no handler for it",
    }
    return known.get(kind, kind)
