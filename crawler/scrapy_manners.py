"""What Scrapy is told of manners: rates, limits, robots.txt by RFC 9309, and the door that requests go through."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from scrapy.downloadermiddlewares.robotstxt import RobotsTxtMiddleware
from scrapy.exceptions import IgnoreRequest

from crawler.manners import Door
from crawler.passes import SourcePass
from crawler.plans import Manners
from crawler.wire import in_words

MOST_REDIRECTS = 5
FORBIDS_ALL = b"User-agent: *\nDisallow: /\n"


def settings(passes: Sequence[SourcePass], manners: Manners, door: Door) -> dict[str, Any]:
    slots = {}
    for one in passes:
        for bucket in {"", *one.platform.MANIFEST.per_minute}:
            rate = _rate(one, bucket, manners)
            slots[slot(one, bucket)] = {
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
            **({"crawler.scrapy_manners.Robots": 100} if manners.obey_robots else {}),
            "crawler.scrapy_manners.ThroughTheDoor": 740,
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


def _rate(one: SourcePass, bucket: str, manners: Manners) -> float:
    published = one.platform.MANIFEST.per_minute.get(bucket, manners.requests_per_minute)
    wanted = one.plan.requests_per_minute
    if wanted is None:
        return published
    return wanted if one.plan.allow_private else min(published, wanted)


def slot(one: SourcePass, bucket: str) -> str:
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
            response = response.replace(body=FORBIDS_ALL)
        elif response.status >= 400:
            response = response.replace(body=b"")
        await super()._parse_robots(response, netloc, request)

    def _robots_error(self, exc: Exception, netloc: str) -> None:
        if not isinstance(exc, IgnoreRequest) and (trouble := in_words(exc)) != "private address":
            self.crawler.spider.walk.robots_troubles[netloc] = trouble
            waiting = self._parsers[netloc]
            rules = self._parsers[netloc] = self._parserimpl.from_crawler(self.crawler, FORBIDS_ALL)
            waiting.callback(rules)
            return
        super()._robots_error(exc, netloc)
