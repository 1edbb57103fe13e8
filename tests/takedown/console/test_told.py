"""What pages say of what happened: when it was written, that it went out or came back, why there is no picture."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from sqlmodel import Session, col, select

from crawler.models import Answer, Capture, Copy, Whereabouts, now
from takedown import cases
from takedown.addresses import addresses_of
from takedown.console.evidence import why_no_screenshot
from takedown.console.shown import in_words
from takedown.models import Case, CaseCopy, Notice, NoticeState
from takedown.reports import report
from tests.takedown.console.conftest import Door
from tests.takedown.console.seeded import Seeded, serving
from tests.takedown.console.test_walk import looking
from tests.takedown.leak import engine_at

HEADINGS = {
    "draft": "As it will go out",
    "sent": "As it went out",
    "unknown": "As it may have gone out",
    "void": "As it was written",
}


@pytest.mark.parametrize("state", sorted(HEADINGS))
def test_a_letter_is_headed_by_what_became_of_it(address: str, workspace: Seeded, state: str) -> None:
    with Session(workspace.engine) as session:
        notice = session.get_one(Notice, 1)
        notice.state = NoticeState(state)
        session.add(notice)
        session.commit()
    page = Door(address, workspace.session_token("lars")).get("/notice/1").text
    assert f'<h2 id="letter">{HEADINGS[state]}</h2>' in page
    assert sum(one in page for one in HEADINGS.values()) == 1


def test_an_edited_letter_tells_when_it_was_edited(address: str, workspace: Seeded) -> None:
    drafted = now() - timedelta(days=9)
    with Session(workspace.engine) as session:
        notice = session.get_one(Notice, 1)
        notice.drafted_at, notice.state = drafted, NoticeState.DRAFT
        session.add(notice)
        session.commit()
        letter = {"recipient": notice.recipient, "subject": notice.subject, "body": notice.body.decode()}
    ines = Door(address, workspace.session_token("ines"))
    assert "9 d ago</time>" in ines.get("/notice/1").text
    letter["subject"] += " (reference 7)"
    assert ines.post("/notice/1/edit", **letter).status_code == 303
    page = ines.get("/notice/1").text
    assert "Written by <b>ines</b>" in page
    assert "9 d ago</time>" not in page
    other = ines.get("/notice/2").text
    assert "Written by <b>rosa</b>" in other


def test_a_case_whose_copy_came_back_says_so_in_the_queue(address: str, workspace: Seeded) -> None:
    with Session(workspace.engine) as session:
        back = session.exec(
            select(Case.number)
            .join(CaseCopy, col(CaseCopy.case_id) == Case.id)
            .join(Copy, col(Copy.id) == CaseCopy.copy_id)
            .where(Copy.whereabouts == Whereabouts.BACK)
        ).all()
    page = Door(address, workspace.session_token("rosa")).get("/?state=all").text
    rows = {row.split('href="/case/')[1][:12]: row for row in page.split("<tr>") if 'href="/case/' in row}
    assert len(back) == 1
    assert {number for number, row in rows.items() if "came back" in row} == set(back)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (["a", "b"], "a, b"),
        ({"new_finds": 3, "failed": {}}, "new finds: 3, failed: none"),
        ({"github": {"answers": 2}}, "github: answers: 2"),
        (True, "yes"),
        (None, "–"),
        ([], "none"),
        (12000, "12,000"),
        (0.5, "0.5"),
        ("as it is", "as it is"),
    ],
)
def test_a_value_of_the_log_is_told_in_words(value: object, words: str) -> None:
    assert in_words(value) == words


def test_the_log_shows_no_brackets_and_quotes_of_a_language(workspace: Seeded) -> None:
    workspace.log.append(
        actor="cohortwatch",
        action="crawl",
        subject="github",
        details={"answers": {"page": 3, "gone": 1}, "silent": None, "is_whole": True, "names": ["a", "b"]},
    )
    with serving(workspace.app()) as at:
        page = Door(at, workspace.session_token("ada")).get("/log").text
    for told in ("<i>answers:</i> gone: 1, page: 3", "<i>silent:</i> –", "<i>is whole:</i> yes", "a, b"):
        assert told in page
    for code in ("{&#39;", "[&#39;", "None", "True"):
        assert code not in page


def test_a_case_shows_the_addresses_that_a_notice_names(address: str, workspace: Seeded) -> None:
    number, commit = "CW-2026-0001", "0123456789abcdef" * 2 + "01234567"
    with Session(workspace.engine) as session:
        for match in cases.matches_of(session, cases.find_case(session, number)):
            match.path = f"study@{commit}:data/{match.path or 'pheno.csv'}"
            session.add(match)
        session.commit()
        case = cases.find_case(session, number)
        matches = cases.matches_of(session, case)
        named = {one.line() for copy in cases.copies_of(session, case) for one in addresses_of(copy, matches)}
    page = unescape(Door(address, workspace.session_token("rosa")).get(f"/case/{number}").text)
    assert any(commit in one for one in named)
    assert [one for one in named if f"<li>{one}</li>" not in page] == []
    assert f"study@{commit[:12]}:data/" in page


def test_where_there_is_no_picture_a_case_says_why(address: str, workspace: Seeded) -> None:
    ada = Door(address, workspace.session_token("ada"))
    with Session(workspace.engine) as session:
        for copy in session.exec(select(Copy)).all():
            capture = session.get_one(Capture, copy.capture_id)
            number = session.exec(
                select(Case.number)
                .join(CaseCopy, col(CaseCopy.case_id) == Case.id)
                .where(CaseCopy.copy_id == copy.id)
            ).first()
            page, evidence = ada.get(f"/case/{number}").text, ada.get(f"/evidence/{capture.id}").text
            if capture.screenshot_object is None:
                assert "No screenshot: " in page
                assert "No screenshot: " in evidence
            else:
                assert f'src="/evidence/{capture.id}/screenshot"' in page
                assert "No screenshot: " not in evidence


def test_the_reason_fits_how_it_was_read() -> None:
    said = {
        why_no_screenshot("github", Answer.PAGE),
        why_no_screenshot("storefront", Answer.PAGE),
        why_no_screenshot("storefront", Answer.FILE),
    }
    assert len(said) == 3
    assert why_no_screenshot("git_server", Answer.FILE) == why_no_screenshot("github", Answer.PAGE)


def test_seconds_of_a_report_are_exact(tmp_path: Path) -> None:
    engine = engine_at(tmp_path)
    at = datetime(2026, 3, 2, 9, tzinfo=UTC)
    with Session(engine) as session:
        session.add(
            Case(
                number="CW-2026-0001",
                cohort="ukx",
                title="study",
                verdict="confirmed",
                first_seen_at=at,
                opened_at=at + timedelta(seconds=7),
                aware_at=at + timedelta(seconds=48),
            )
        )
        session.flush()
        times = report(session)["times"]
    assert round(times["hours_to_detect"] * 3600, 2) == 7
    assert round(times["hours_to_confirm"] * 3600, 2) == 41
    engine.dispose()


@pytest.mark.parametrize("width", [1440, 400])
def test_what_is_told_fits_the_window(shared: tuple[Seeded, str], browser: Browser, width: int) -> None:
    workspace, address = shared
    link = f"{address}/sign-in/once?token={workspace.one_time_token('amir')}"
    with looking(browser, link, width=width) as (page, complaints):
        for path, words in (
            ("/?state=all", "came back"),
            ("/case/CW-2026-0001", "No screenshot"),
            ("/log", "verdict:"),
        ):
            page.goto(address + path)
            expect(page.locator("main")).to_contain_text(words)
            wide = page.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            assert wide <= 0, path
        assert complaints == []
