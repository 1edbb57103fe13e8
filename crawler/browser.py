"""The browser, for pages that show nothing without JavaScript and for pictures of listings.

One fresh context a page, closed with it: no cookie or storage is carried from one page to the next. All its traffic
goes through a door; what would go round it (QUIC, WebRTC) and what Chromium sends for itself is off.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from typing import Any

from playwright.async_api import Error, Page, async_playwright
from scrapy_playwright.page import PageMethod

from crawler.manners import Door

HANDLER = "scrapy_playwright.handler.ScrapyPlaywrightDownloadHandler"
SETTLE_MS = 8000.0
WIDTH, HEIGHT, MOST_HEIGHT = 1280, 1600, 12_000
_ARGUMENTS = (
    "--disable-background-networking",
    "--disable-breakpad",
    "--disable-client-side-phishing-detection",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-extensions",
    "--disable-quic",
    "--disable-sync",
    "--dns-prefetch-disable",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--no-first-run",
    "--no-pings",
)


def settings(executable: str, door: Door, timeout_seconds: float) -> dict[str, Any]:
    """Settings for the crawl that bring the browser in."""
    # Chromium's own sandbox cannot be had as root; a stranger's page then has only the process's limits round it.
    as_root = os.geteuid() == 0
    return {
        "DOWNLOAD_HANDLERS": {"http": HANDLER, "https": HANDLER},
        "PLAYWRIGHT_BROWSER_TYPE": "chromium",
        "PLAYWRIGHT_LAUNCH_OPTIONS": {
            "executable_path": executable,
            "headless": True,
            "args": [*_ARGUMENTS, *(["--no-sandbox"] if as_root else [])],
            "chromium_sandbox": not as_root,
            "proxy": {"server": door.address},
            "timeout": 60_000,
        },
        "PLAYWRIGHT_MAX_CONTEXTS": 2,
        "PLAYWRIGHT_MAX_PAGES_PER_CONTEXT": 1,
        "PLAYWRIGHT_DEFAULT_NAVIGATION_TIMEOUT": timeout_seconds * 1000,
        "PLAYWRIGHT_PROCESS_REQUEST_HEADERS": None,
    }


def meta(name: str, door: Door, user_agent: str) -> dict[str, Any]:
    """What a request carries to be shown by the browser; its picture is the result of the one page method."""
    return {
        "playwright": True,
        "playwright_include_page": True,
        "playwright_context": name,
        "playwright_context_kwargs": {
            "user_agent": user_agent,
            "proxy": {"server": door.address},
            "accept_downloads": False,
            "service_workers": "block",
            "viewport": {"width": WIDTH, "height": HEIGHT},
            "locale": "en-GB",
        },
        "playwright_page_methods": [PageMethod(settle_and_picture)],
    }


async def settle_and_picture(page: Page) -> bytes:
    """Waits until the page has come to rest, as far as it does, and takes a picture of it."""
    with contextlib.suppress(Error):
        await page.wait_for_load_state("networkidle", timeout=SETTLE_MS)
    height = HEIGHT
    with contextlib.suppress(Error):
        height = int(await page.evaluate("document.documentElement.scrollHeight"))
    shown = max(HEIGHT, min(height, MOST_HEIGHT))
    await page.set_viewport_size({"width": WIDTH, "height": shown})
    return await page.screenshot(type="png", full_page=False, animations="disabled", timeout=20_000)


def picture_of(request_meta: dict[str, Any]) -> bytes | None:
    """The picture that was taken while this request was answered."""
    methods = request_meta.get("playwright_page_methods") or []
    result = methods[0].result if methods else None
    return result if isinstance(result, bytes) else None


async def close(request_meta: dict[str, Any]) -> None:
    """Closes the page's context, whatever became of the page."""
    page = request_meta.get("playwright_page")
    if page is not None:
        with contextlib.suppress(Error):
            await page.context.close()


def show(
    url: str, *, executable: str, door: Door, user_agent: str, timeout_seconds: float
) -> tuple[int, dict[str, str], bytes, str] | None:
    """Opens one page now and gives status, headers, the page as shown, and its address; None where it did not open."""
    given: list[tuple[int, dict[str, str], bytes, str] | None] = []

    def look() -> None:
        given.append(asyncio.run(_show(url, executable, door, user_agent, timeout_seconds)))

    # In a thread of its own: the caller may have an event loop running in this one.
    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    return given[0] if given else None


async def _show(
    url: str, executable: str, door: Door, user_agent: str, timeout_seconds: float
) -> tuple[int, dict[str, str], bytes, str] | None:
    async with async_playwright() as playwright:
        options = settings(executable, door, timeout_seconds)["PLAYWRIGHT_LAUNCH_OPTIONS"]
        chromium = await playwright.chromium.launch(**options)
        try:
            kwargs = meta("", door, user_agent)["playwright_context_kwargs"]
            context = await chromium.new_context(**kwargs)
            page = await context.new_page()
            response = await page.goto(url, timeout=timeout_seconds * 1000)
            if response is None:
                return None
            with contextlib.suppress(Error):
                await page.wait_for_load_state("networkidle", timeout=SETTLE_MS)
            headers = {name.lower(): value for name, value in (await response.all_headers()).items()}
            headers.pop("content-encoding", None)
            return response.status, headers, (await page.content()).encode("utf-8"), page.url
        except Error:
            return None
        finally:
            await chromium.close()
