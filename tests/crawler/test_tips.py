"""Leads from people: a file goes into quarantine, an address waits for the next pass, nothing comes twice."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlmodel import Session

from crawler.errors import CrawlerError
from crawler.models import Find, Lead
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


@pytest.mark.parametrize("what", ["no-such-file", "ftp://files.example/x", "https://", "/dev/null/x", ""])
def test_what_is_neither_is_refused_in_one_line(what: str, watch: Watch) -> None:
    with pytest.raises(CrawlerError, match="neither"):
        tip(watch, what)
