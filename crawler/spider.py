"""The crawl: the frontier's leads asked through Scrapy, one pass over all sources.

`crawl()` blocks, and may be called once in a process. Scrapy downloads, keeps to the rates and obeys robots.txt
(`scrapy_manners`); which address comes next, what is tried again and when, and what is done is decided by rows of the
frontier (`walk`), so a killed crawl is taken up where it was. What an answer means is the platform's word, what it is
`crawler.answers`'.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack
from typing import Any

import scrapy
from scrapy.crawler import CrawlerProcess
from sqlalchemy import Engine
from sqlmodel import Session

from crawler import evidence, frontier
from crawler.errors import CrawlerError
from crawler.manners import doors_of
from crawler.passes import PassOutcome, SourceOutcome, SourcePass, seeds, tips_pass
from crawler.plans import Manners, SourcePlan
from crawler.platforms import platform_of
from crawler.scrapy_manners import settings
from crawler.vault import Vault
from crawler.walk import LeadWalk

__all__ = ["PassOutcome", "SourceOutcome", "crawl"]


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
            SourcePass(
                plan,
                platforms[plan.name],
                frontier.open_pass(engine, plan, seeds(engine, plan, platforms)),
                doors,
            )
            for plan in plans
        ]
        tips = tips_pass(engine, plans, platforms, doors)
        if tips is not None:
            passes.append(tips)
        if passes:
            for name in ("scrapy", "scrapy-playwright", "twisted"):
                logging.getLogger(name).setLevel(logging.WARNING)
            logging.getLogger("scrapy.downloadermiddlewares.robotstxt").setLevel(logging.CRITICAL)
            process = CrawlerProcess(settings(passes, manners, doors[False]))
            wrong: list[Any] = []
            process.crawl(Walk, walk=LeadWalk(engine, vault, manners, passes)).addErrback(wrong.append)
            process.start()
            if wrong:
                raise CrawlerError(f"the crawl could not begin: {wrong[0].getErrorMessage()}")
        outcomes = [one.close(engine) for one in passes]
    return PassOutcome(outcomes, time.monotonic() - began)


class Walk(scrapy.Spider):  # type: ignore[misc]
    """Scrapy's side: hands requests out and answers in."""

    name = "cohortwatch"

    def __init__(self, walk: LeadWalk, **rest: Any) -> None:
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
