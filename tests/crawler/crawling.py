"""What the crawler's tests share: a crawl in a process of its own, and what it left in database and quarantine.

Scrapy cannot start twice in one process. Children are forked from a server that has imported the crawler already, so
that a crawl takes tenths of a second.
"""

from __future__ import annotations

import multiprocessing
import socket
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from sqlmodel import Session, SQLModel, select

from config.database import open_engine
from crawler.models import Capture, Copy, Find, Lead, Source
from crawler.plans import Manners, SourcePlan
from crawler.spider import PassOutcome, SourceOutcome, crawl
from crawler.vault import Vault

MASTER_KEY = bytes(range(32))
_spawning = multiprocessing.get_context("forkserver")
_spawning.set_forkserver_preload(
    [
        "tests.crawler.crawling",
        "extruct",
        "scrapy.core.engine",
        "scrapy.core.downloader.handlers.ftp",
        "scrapy.core.downloader.handlers.http11",
        "scrapy.core.downloader.handlers.s3",
        "scrapy.downloadermiddlewares.cookies",
        "scrapy.downloadermiddlewares.httpcache",
        "scrapy.downloadermiddlewares.httpcompression",
        "scrapy.downloadermiddlewares.redirect",
        "scrapy.extensions.feedexport",
        "scrapy.extensions.remote_control",
        "scrapy.extensions.telnet",
        "scrapy.pqueues",
        "scrapy.spidermiddlewares.referer",
    ]
)

MANNERS = Manners(
    operator="Northmoor",
    contact="watch@northmoor.example",
    timeout_seconds=2.0,
    patience_seconds=4.0,
    attempts=2,
    page_bytes=1 << 20,
    file_bytes=2 << 20,
    clone_seconds=20.0,
)


@dataclass
class Watch:
    """A database and a quarantine, and crawls that fill them."""

    folder: Path
    manners: Manners = MANNERS
    public: frozenset[str] = frozenset()
    """Addresses of this machine that play the public internet."""

    def __post_init__(self) -> None:
        self.engine: Engine = open_engine(f"sqlite:///{self.folder}/watch.sqlite3")
        SQLModel.metadata.create_all(self.engine)
        self.vault = Vault(self.folder / "quarantine", MASTER_KEY)

    def crawl(self, *plans: SourcePlan, seconds: float = 60.0, **manners: Any) -> SourceOutcome:
        """One pass; gives what the first source came to."""
        return self.crawl_all(*plans, seconds=seconds, **manners).sources[0]

    def crawl_all(self, *plans: SourcePlan, seconds: float = 60.0, **manners: Any) -> PassOutcome:
        child = self.begin(*plans, **manners)
        outcome = child.outcome(seconds)
        assert not isinstance(outcome, str), outcome
        return outcome

    def begin(self, *plans: SourcePlan, **manners: Any) -> Child:
        return Child(self, plans, replace(self.manners, **manners))

    def rows(self, model: type[Any], **where: Any) -> list[Any]:
        with Session(self.engine.execution_options(reading=True), expire_on_commit=False) as session:
            return list(session.exec(select(model).filter_by(**where)).all())

    @property
    def finds(self) -> dict[str, bytes]:
        """Contents in quarantine by their names."""
        return {one.name: self.vault.read(one.vault_object) for one in self.rows(Find)}

    @property
    def copies(self) -> list[Copy]:
        return self.rows(Copy)

    @property
    def captures(self) -> list[Capture]:
        return self.rows(Capture)

    def source(self, name: str) -> Source:
        (source,) = self.rows(Source, name=name)
        assert isinstance(source, Source)
        return source

    def lead(self, url: str) -> Lead:
        (lead,) = self.rows(Lead, url=url)
        assert isinstance(lead, Lead)
        return lead


class Child:
    """A crawl under way."""

    def __init__(self, watch: Watch, plans: Sequence[SourcePlan], manners: Manners) -> None:
        self._near, far = _spawning.Pipe(duplex=False)
        self.process = _spawning.Process(
            target=_crawl_here, args=(far, watch.folder, tuple(plans), manners, watch.public), daemon=True
        )
        self.process.start()
        far.close()

    def outcome(self, seconds: float) -> PassOutcome | str:
        try:
            assert self._near.poll(seconds), "the crawl did not end"
            told: PassOutcome | str = self._near.recv()
            self.process.join(10)
            return told
        finally:
            self.kill()

    def kill(self) -> None:
        self.process.kill()
        self.process.join()


def _crawl_here(
    far: Any, folder: Path, plans: Sequence[SourcePlan], manners: Manners, public: Collection[str]
) -> None:
    import crawler.manners

    connect, is_private = socket.socket.connect, crawler.manners.is_private

    def on_this_machine(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX and not str(address[0]).startswith(("127.", "::1")):
            raise OSError(f"a test tried to reach {address[0]}")
        connect(self, address)

    socket.socket.connect = on_this_machine  # type: ignore[method-assign, assignment]
    crawler.manners.is_private = lambda address: address not in public and is_private(address)
    try:
        engine = open_engine(f"sqlite:///{folder}/watch.sqlite3")
        far.send(crawl(engine, Vault(folder / "quarantine", MASTER_KEY), plans, manners))
    except Exception as wrong:  # noqa: BLE001 - told to the test
        far.send(f"{type(wrong).__name__}: {wrong}")


def plan(platform: str, address: str, **rest: Any) -> SourcePlan:
    """A source on this machine, asked as quickly as it answers."""
    given = {"name": platform, "allow_private": True, "requests_per_minute": 60_000.0, **rest}
    return SourcePlan(platform=platform, address=address, **given)
