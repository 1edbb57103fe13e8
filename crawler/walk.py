"""Between the frontier and Scrapy: which lead is asked next, and what its answer makes of it.

Every ending of a lead is one transaction of the frontier, so that a crawl which dies is taken up behind the last.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urldefrag, urljoin, urlsplit

import scrapy
from scrapy.exceptions import IgnoreRequest
from sqlalchemy import Engine
from w3lib.url import safe_url_string

from crawler import clones, evidence, frontier
from crawler.answers import classify, wait_asked
from crawler.frontier import Content, Ending
from crawler.manners import Door
from crawler.models import Answer, Capture, Lead, LeadState, now
from crawler.passes import SourcePass
from crawler.plans import Manners
from crawler.platforms import Address, Answered, Asking, Offer, Reading
from crawler.repositories import NotCloned
from crawler.scrapy_manners import MOST_REDIRECTS, slot
from crawler.vault import Vault
from crawler.wire import decoded, in_words

CLONES_AT_ONCE = 2
_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_SCREENSHOT = "screenshot"


class LeadWalk:
    """Between the frontier and Scrapy."""

    def __init__(self, engine: Engine, vault: Vault, manners: Manners, passes: Sequence[SourcePass]) -> None:
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

    async def requests(self, spider: Any) -> AsyncIterator[Any]:
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

    def _asking(self, one: SourcePass, lead: Lead) -> Asking:
        if lead.kind == _SCREENSHOT:
            return Asking(browser=True)
        return one.platform.asking(lead.kind, one.plan)

    def _request(self, spider: Any, one: SourcePass, lead: Lead, asking: Asking) -> Any:
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
            "download_slot": slot(one, asking.bucket),
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
                reason = in_words(failure.value)
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
        # Letters beyond ASCII come as bare bytes, nearly always of UTF-8.
        url = urldefrag(urljoin(response.url, safe_url_string(place.strip()))).url
        if meta["hops"] >= MOST_REDIRECTS or urlsplit(url).scheme not in ("http", "https"):
            return None
        headers = response.request.headers.copy()
        if urlsplit(url)[:2] != urlsplit(response.url)[:2]:
            headers.pop("Authorization", None)
        return response.request.replace(url=url, headers=headers, meta={**meta, "hops": meta["hops"] + 1})

    def _end_with_answer(self, one: SourcePass, lead: Lead, response: Any) -> None:
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
        if response.status == 304 and "If-None-Match" in response.request.headers:
            one.heard += 1
            one.answers["unchanged"] += 1
            self._finish(one, lead, Ending(reason="unchanged", revision=lead.revision, seen=(lead.url,)))
            return
        body = decoded(response.body, headers, self.manners.file_bytes)
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

    def _end_with_page(self, one: SourcePass, lead: Lead, answer: Answered, response: Any) -> None:
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
        state = LeadState.DONE
        if reading.retry is not None:
            one.failures[reading.retry] += 1
            state = LeadState.WAITING if again else LeadState.FAILED
        self._finish(
            one,
            lead,
            Ending(
                state=state,
                reason=reading.retry,
                # What was not read in whole must not be told as unchanged the next time.
                etag=answer.headers.get("etag") if reading.retry is None else None,
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

    def _is_news(self, one: SourcePass, reading: Reading, contents: Sequence[Content]) -> bool:
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

    async def _clone(self, one: SourcePass, lead: Lead, gate: asyncio.Semaphore) -> None:
        try:
            async with gate:
                await asyncio.to_thread(self._clone_here, one, lead)
        except NotCloned as wrong:
            one.failures[f"clone: {wrong.reason}"] += 1
            instead = (
                list(one.platform.instead(lead.kind, lead.details, one.plan)) if wrong.is_too_large else []
            )
            may_be_missing = wrong.reason == "not found" and lead.details.get("may_be_missing")
            if wrong.reason == "refused: private address":
                self._end_refused(one, lead, wrong.reason)
            elif wrong.reason == "limited":
                self._end_limited(one, lead, None)
            elif wrong.reason == "empty repository" or may_be_missing or instead:
                self._finish(one, lead, Ending(reason=wrong.reason, addresses=instead, caps_hit=len(instead)))
            else:
                self._end_badly(one, lead, wrong.reason, is_counted=True)
        except Exception as wrong:  # noqa: BLE001 - one repository must not end the crawl
            self._end_badly(one, lead, f"could not be cloned ({type(wrong).__name__})")
        finally:
            self._done(one)

    def _clone_here(self, one: SourcePass, lead: Lead) -> None:
        ending = clones.look(self.engine, self.vault, self.manners, one, lead)
        one.heard += 1
        one.answers["clone"] += 1
        self._finish(one, lead, ending)

    def _end_limited(self, one: SourcePass, lead: Lead, wait: float | None) -> None:
        seconds = wait if wait is not None else min(15.0 * 2**lead.attempts, 3600.0)
        one.pause(seconds)
        until = now() + timedelta(seconds=seconds)
        self._finish(one, lead, Ending(state=LeadState.WAITING, reason="limited", not_before=until))

    def _end_badly(self, one: SourcePass, lead: Lead, reason: str, *, is_counted: bool = False) -> None:
        if not is_counted:
            one.failures[reason] += 1
        if lead.attempts < self.manners.attempts:
            until = now() + timedelta(seconds=2.0 ** (lead.attempts - 1))
            self._finish(one, lead, Ending(state=LeadState.WAITING, reason=reason, not_before=until))
        else:
            self._finish(one, lead, Ending(state=LeadState.FAILED, reason=reason))

    def _end_refused(self, one: SourcePass, lead: Lead, reason: str) -> None:
        one.failures[reason] += 1
        self._finish(one, lead, Ending(state=LeadState.REFUSED, reason=reason))

    def _finish(self, one: SourcePass, lead: Lead, ending: Ending) -> None:
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

    def _done(self, one: SourcePass) -> None:
        one.in_flight -= 1
        self._news.set()
