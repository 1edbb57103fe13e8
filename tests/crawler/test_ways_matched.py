"""However a leaked file was posted, a patrol makes a capture, a find and a match of it, at its address."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from sqlmodel import Session, select

from config.demo.commands import Terminal
from config.demo.settings import TOKEN_VARIABLE
from config.demo.shapes import delimited
from config.demo.sites.github_rest import TOKEN
from config.workspace import open_workspace
from crawler.models import Capture, Copy
from matcher.models import Match
from tests.crawler import test_ways_of_code
from tests.crawler.servers import answering
from tests.crawler.test_ways_of_code import plant, serving
from tests.crawler.test_ways_of_shops import FILES, WAYS, pages_of
from tests.walk.conftest import Biobank, biobank

__all__ = ["biobank"]
ROWS = 60
SETTINGS = """
[operator]
name = "Northmoor"
contact = "watch@northmoor.example"

[crawl]
terms = ["northmoor"]

[[sources]]
name = "hub"
platform = "github"
address = "{hub}"
token_variable = "{token}"
allow_private = true
requests_per_minute = 60000

[[sources]]
name = "shop"
platform = "storefront"
address = "{shop}/"
allow_private = true
requests_per_minute = 60000
"""


@pytest.mark.slow
def test_every_way_ends_in_a_match_at_its_address(
    biobank: Biobank, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = ("eid", *biobank.cohort.columns)
    numbers: dict[str, int] = {}

    def rows_of(way: str) -> bytes:
        """Rows of real participants, another choice of them for each way."""
        first = numbers.setdefault(way, 7 * len(numbers)) % (len(biobank.rows["r-1"]) - ROWS)
        return delimited(columns, biobank.rows["r-1"][first : first + ROWS])

    monkeypatch.setattr(test_ways_of_code, "leaked", rows_of)
    monkeypatch.setattr("tests.crawler.test_ways_of_shops.leaked", rows_of)
    home = tmp_path / "workspace"
    shutil.copytree(biobank.template, home)
    with serving(tmp_path) as hub, answering(pages_of()) as shop:
        ways = plant(hub)
        told = SETTINGS.format(hub=hub.address, shop=shop.address, token=TOKEN_VARIABLE)
        (home / "settings.toml").write_text(told, encoding="utf-8")
        terminal = Terminal(home, {TOKEN_VARIABLE: TOKEN})
        terminal.run("tip", f"{hub.address}/someone/old-name", shown=False)
        terminal.run("tip", f"{hub.address}/gist/someone/0a1b2c3d", shown=False)
        terminal.run("patrol", ends=(1,), shown=False)
        addresses = {way: address for way, (_, address) in ways.items()}
        addresses |= {way: f"{shop.address}/give/{way}" for way in FILES if way not in ODD_ADDRESSES}
        addresses |= {way: shop.address + path for way, path in ODD_ADDRESSES.items()}
    matched = _matched(home)
    unmatched = {
        way: one for way, one in addresses.items() if not any(url.startswith(one) for url in matched)
    }
    assert unmatched == {}
    assert len(addresses) > 30
    assert WAYS


ODD_ADDRESSES = {
    "archive": "/give/all.zip",
    "download": "/d?id=7",
    "gbk-name": "/give/%E6%95%B0",
    "cut-in-parts": "/give/x.csv.aa",
}


def _matched(home: Path) -> set[str]:
    """Addresses of copies with a capture whose find was matched."""
    with Session(open_workspace(home).engine) as session:
        found = (
            select(Copy.url)
            .join(Match, Match.find_sha256 == Copy.find_sha256)  # type: ignore[arg-type]
            .join(Capture, Capture.id == Copy.capture_id)  # type: ignore[arg-type]
            .where(Match.verdict != "possible")
        )
        return set(session.exec(found).all())
