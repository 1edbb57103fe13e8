"""Leads from people: a file goes into quarantine, an address waits for the next pass, nothing comes twice."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlmodel import Session, select

from crawler.errors import CrawlerError
from crawler.manners import doors_of
from crawler.models import Find, Lead
from crawler.passes import seeds, tips_pass
from crawler.plans import SourcePlan
from crawler.platforms import platform_of
from crawler.tips import take_tip
from tests.crawler.crawling import Watch


def tip(watch: Watch, what: str, note: str | None = None) -> str:
    with Session(watch.engine) as session:
        told = take_tip(session, watch.vault, what, note)
        session.commit()
    return told


def test_a_file_is_kept_encrypted_and_its_note_with_it(watch: Watch, tmp_path: Path) -> None:
    (tmp_path / "sent.csv").write_bytes(b"eid\n1234567\n")
    tip(watch, str(tmp_path / "sent.csv"), "from a colleague")
    assert watch.finds == {"sent.csv": b"eid\n1234567\n"}
    assert [one.details for one in watch.copies] == [{"note": "from a colleague"}]
    kept = b"".join(one.read_bytes() for one in (watch.folder / "quarantine").rglob("*") if one.is_file())
    assert b"1234567" not in kept


def test_the_same_tip_twice_is_taken_in_once(watch: Watch, tmp_path: Path) -> None:
    (tmp_path / "sent.csv").write_bytes(b"eid\n1234567\n")
    for _ in range(2):
        tip(watch, str(tmp_path / "sent.csv"))
        tip(watch, "https://files.example/x.csv")
    assert (len(watch.rows(Find)), len(watch.copies), len(watch.rows(Lead))) == (1, 1, 1)


@pytest.mark.parametrize(
    "what",
    [
        "no-such-file",
        "ftp://files.example/x",
        "https://",
        "/dev/null/x",
        "",
        "http://[",
        "https://files.example:99999999/",
        "http://files.example/\u202egnp.exe",
        "http://files.example/a\nb",
        "~nobody-of-that-name/x",
    ],
)
def test_what_is_neither_is_refused_in_one_line(what: str, watch: Watch) -> None:
    with pytest.raises(CrawlerError, match="neither"):
        tip(watch, what)


def test_an_address_that_cannot_be_asked_stops_no_pass(watch: Watch) -> None:
    take_in = "https://files.example/x.csv"
    tip(watch, take_in)
    with Session(watch.engine) as session:  # as programs before this one took it in
        lead = session.exec(select(Lead).where(Lead.url == take_in)).one()
        lead.url = "https://files.example:99999999/"
        session.add(lead)
        session.commit()
    plan = SourcePlan(name="s", platform="git_server", address="https://files.example")
    platforms = {"s": platform_of(plan)}
    assert not [one for one in seeds(watch.engine, plan, platforms) if "99999999" in one.url]
    with doors_of([plan])[False] as door:
        assert tips_pass(watch.engine, [plan], platforms, {False: door}) is not None
