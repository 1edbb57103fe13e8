"""The whole way through the console in a real browser, with scripts and without, and hostile finds on the way."""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from playwright.sync_api import Browser, Page, expect
from sqlmodel import Session, select

from crawler.models import Copy
from matcher.models import Match
from takedown.console.app import STATIC
from takedown.models import Case, CaseCopy, CaseMatch, Notice
from tests.takedown.console.seeded import (
    PASSWORD,
    Seeded,
    free_port,
    mail_route,
    seed_workspace,
    serving,
)


class Mailbox:
    """Keeps what a real SMTP server on loopback is handed."""

    def __init__(self) -> None:
        self.letters: list[Any] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self.letters.append(envelope)
        return "250 taken"


@pytest.fixture
def mail() -> Iterator[tuple[Mailbox, int]]:
    box, port = Mailbox(), free_port()
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    yield box, port
    controller.stop()


@contextmanager
def looking(
    browser: Browser, address: str, *, width: int = 1440, scripts: bool = True
) -> Iterator[tuple[Page, list[str]]]:
    """A fresh browser window, and everything that it complained of."""
    context = browser.new_context(viewport={"width": width, "height": 900}, java_script_enabled=scripts)
    page, complaints = context.new_page(), []
    page.on(
        "console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None
    )
    page.on("pageerror", lambda wrong: complaints.append(str(wrong)))
    page.on("dialog", lambda dialog: complaints.append(f"a dialog: {dialog.message}"))
    page.goto(address)
    yield page, complaints
    context.close()


def sign_in(page: Page, name: str) -> None:
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Queue")).to_be_visible()


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_from_the_queue_to_a_letter_that_was_sent(
    tmp_path: Path, browser: Browser, mail: tuple[Mailbox, int], scripts: bool
) -> None:
    workspace = seed_workspace(tmp_path, with_past=False)
    box, port = mail
    with serving(workspace.app(route=mail_route(port))) as address:
        with looking(browser, address, scripts=scripts) as (page, complaints):
            sign_in(page, "rosa")
            page.get_by_role("link", name=re.compile("imputation")).click()
            expect(page.get_by_role("heading", name="Why it matched")).to_be_visible()
            expect(page.locator("main")).to_contain_text("250 of 250 samples agree")
            page.get_by_label("Reason").fill("looked at the file list, it is ours")
            page.get_by_role("button", name="Confirm the leak").click()
            expect(page.get_by_role("status").first).to_contain_text("The clocks run from now")
            expect(page.locator("main")).to_contain_text("authority told (GDPR Art. 33)")
            page.get_by_role("button", name="Draft notices").click()
            page.get_by_role("link", name="platform.en").first.click()
            expect(page.locator("main")).to_contain_text("The role legal approves; yours is responder")
            where = page.url.split("?")[0]
            assert complaints == []
        with looking(browser, address, scripts=scripts) as (page, complaints):
            sign_in(page, "ines")
            page.goto(where)
            page.get_by_role("link", name="Edit").click()
            subject = page.get_by_label("Subject")
            subject.fill(subject.input_value() + " (reference 7)")
            page.get_by_role("button", name="Save as a new version").click()
            expect(page.locator("main")).to_contain_text("who wrote a version cannot approve it")
            assert page.get_by_role("button", name="Approve these exact bytes").count() == 0
            assert complaints == []
        with looking(browser, address, scripts=scripts) as (page, complaints):
            sign_in(page, "lars")
            page.goto(where)
            page.get_by_role("button", name="Approve these exact bytes").click()
            expect(page.locator("main")).to_contain_text("exactly these bytes")
            page.get_by_role("button", name="Send to").click()
            expect(page.get_by_role("status").first).to_contain_text("Handed over")
            assert complaints == []
    (envelope,) = box.letters
    assert envelope.rcpt_tos == ["abuse@git.example"]
    letter = email.message_from_bytes(envelope.content, policy=email.policy.default)
    with Session(workspace.engine) as session:
        notice = session.get_one(Notice, int(where.rsplit("/", 1)[1]))
        assert letter["Subject"].strip() == notice.subject
        assert notice.subject.endswith("(reference 7)")
        assert letter.get_content().split() == notice.body.decode().split()
        assert notice.state == "sent"
    assert workspace.log.verify().holds


def test_an_approval_of_what_was_changed_meanwhile_is_refused(address: str, workspace: Seeded) -> None:
    from tests.takedown.console.conftest import Door

    ines, lars = (Door(address, workspace.session_token(name)) for name in ("ines", "lars"))
    with Session(workspace.engine) as session:
        seen = session.get_one(Notice, 3).sha256
        letter = session.get_one(Notice, 3).body.decode()
    edited = ines.post("/notice/3/edit", recipient="ip@shop.example", subject="Another", body=letter)
    assert edited.status_code == 303
    answer = lars.post("/notice/3/approve", sha256=seen)
    assert answer.status_code == 409
    assert "was changed after you opened it" in answer.text


def test_the_filters_narrow_the_queue_and_keys_walk_it(shared: tuple[Seeded, str], browser: Browser) -> None:
    workspace, address = shared
    link = f"{address}/sign-in/once?token={workspace.one_time_token('ines')}"
    with looking(browser, link) as (page, complaints):
        rows = page.locator("#rows tbody tr")
        everything = rows.count()
        page.keyboard.press("j")
        first = page.evaluate("document.activeElement.textContent")
        page.keyboard.press("j")
        assert page.evaluate("document.activeElement.textContent") != first
        page.keyboard.press("k")
        assert page.evaluate("document.activeElement.textContent") == first
        page.keyboard.press("/")
        page.keyboard.type("英国")
        expect(rows).to_have_count(1)
        assert "text=" in page.url
        page.get_by_label("Search").fill("")
        page.get_by_label("State").select_option("dismissed")
        expect(rows).to_have_count(1)
        expect(rows).to_contain_text("withdrawn")
        page.reload()
        expect(rows).to_have_count(1)
        page.goto(address)
        expect(rows).to_have_count(everything)
        page.keyboard.press("j")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Why it matched")).to_be_visible()
        assert complaints == []


HOSTILE = '<script>alert(1)</script>"><img src=x onerror=alert(2)> {{ 7 * 7 }} \u202egpj.exe'


def test_hostile_titles_addresses_and_names_are_text(workspace: Seeded, browser: Browser) -> None:
    with Session(workspace.engine) as session:
        case = session.get_one(Case, 1)
        case.title = case.assignee = HOSTILE
        (link,) = session.exec(select(CaseCopy).where(CaseCopy.case_id == 1)).all()
        link.why = HOSTILE
        copy = session.get_one(Copy, link.copy_id)
        copy.url, copy.title, copy.account, copy.origin = "javascript:alert(3)", HOSTILE, HOSTILE, HOSTILE
        copy.details = {"commit": HOSTILE, HOSTILE: "x"}
        of_case = session.exec(select(CaseMatch.match_id).where(CaseMatch.case_id == 1)).first()
        match = session.get_one(Match, of_case)
        match.path, match.recipient, match.release = HOSTILE, HOSTILE, HOSTILE
        match.answer = {
            "columns": [HOSTILE],
            "content": HOSTILE,
            "format": HOSTILE,
            "match": {"evidence": [{"matcher": HOSTILE, "log10_odds": 5, "why": HOSTILE}], "candidates": []},
        }
        session.add_all([case, link, copy, match])
        session.commit()
        number = case.number
    with serving(workspace.app()) as address:
        link_in = f"{address}/sign-in/once?token={workspace.one_time_token('ines')}"
        with looking(browser, link_in) as (page, complaints):
            for path in ("/", f"/case/{number}", "/notice/1", "/report", "/log", f"/log?about={HOSTILE}"):
                page.goto(address + path)
                page.wait_for_load_state("networkidle")
                assert page.locator('img[src="x"]').count() == 0
                assert page.locator('a[href^="javascript"]').count() == 0
                assert "\u202e" not in page.content()
            page.goto(f"{address}/case/{number}")
            shown = page.locator("main").inner_text()
            assert "<script>alert(1)</script>" in shown
            assert "‹U+202E›gpj.exe" in shown
            assert "javascript:alert(3)" in shown
            assert "{{ 7 * 7 }}" in shown
            assert complaints == []


@pytest.mark.parametrize("width", [1440, 400])
def test_every_page_fits_its_window_and_the_browser_has_no_complaint(
    shared: tuple[Seeded, str], browser: Browser, width: int
) -> None:
    workspace, address = shared
    link = f"{address}/sign-in/once?token={workspace.one_time_token('amir')}"
    with Session(workspace.engine) as session:
        numbers = list(session.exec(select(Case.number)).all())
        letters = list(session.exec(select(Notice.id)).all())
    paths = [f"/case/{one}" for one in numbers] + [f"/notice/{one}" for one in letters]
    with looking(browser, link, width=width) as (page, complaints):
        for path in ["/", "/?state=all", *paths, "/evidence/4", "/report", "/sources", "/log", "/people"]:
            page.goto(address + path)
            spare = page.evaluate(
                "document.documentElement.clientWidth - document.documentElement.scrollWidth"
            )
            assert spare >= 0, f"{path} is {-spare} pixels too wide at {width}"
            assert _unnamed(page) == [], path
        assert complaints == []


def _unnamed(page: Page) -> list[str]:
    """Controls without a name, pictures without a text, pages without one main heading."""
    return page.evaluate(  # type: ignore[no-any-return]
        """() => {
          const wrong = [];
          for (const one of document.querySelectorAll('input:not([type=hidden]), select, textarea'))
            if (!one.labels.length) wrong.push('no label: ' + one.outerHTML);
          for (const one of document.querySelectorAll('a, button'))
            if (!one.textContent.trim() && !one.querySelector('img[alt]')) wrong.push('no name: ' + one.outerHTML);
          for (const one of document.querySelectorAll('img:not([alt])')) wrong.push(one.outerHTML);
          for (const one of document.querySelectorAll('table:not(:has(caption))')) wrong.push('no caption');
          if (document.querySelectorAll('h1').length !== 1) wrong.push('not one h1');
          if (document.querySelectorAll('main').length !== 1) wrong.push('not one main');
          const ids = [...document.querySelectorAll('[id]')].map(one => one.id);
          if (new Set(ids).size !== ids.length) wrong.push('an id twice: ' + ids);
          return wrong;
        }"""
    )


def test_a_recheck_runs_beside_the_page_and_tells_how_it_ended(workspace: Seeded, browser: Browser) -> None:
    import threading

    may_end = threading.Event()

    def slow(numbers: Any) -> list[dict[str, Any]]:
        may_end.wait(20)
        return [{"case": one} for one in numbers]

    with serving(workspace.app(recheck=slow)) as address:
        link = f"{address}/sign-in/once?token={workspace.one_time_token('rosa')}"
        with looking(browser, link) as (page, complaints):
            page.goto(f"{address}/case/CW-2026-0001")
            page.get_by_role("button", name="Ask every address again").click()
            expect(page.locator("#asking")).to_contain_text("is being asked again")
            may_end.set()
            expect(page.locator("#asking")).to_contain_text("1 address was asked", timeout=10_000)
            assert complaints == []


def test_a_flipped_byte_of_the_log_is_told_to_the_auditor(workspace: Seeded, tmp_path: Path) -> None:
    from tests.takedown.console.conftest import Door

    path = tmp_path / "audit.jsonl"
    with serving(workspace.app()) as address:
        door = Door(address, workspace.session_token("ada"))
        assert "It holds:" in door.get("/log").text
        written = bytearray(path.read_bytes())
        written[200] ^= 1
        path.write_bytes(bytes(written))
        assert "It does not hold" in door.get("/log").text


def test_nothing_is_loaded_from_elsewhere_and_pictures_are_small() -> None:
    style = (STATIC / "console.css").read_text(encoding="utf-8")
    assert "url(" not in style
    assert "@import" not in style
    for picture in STATIC.glob("*.png"):
        assert picture.stat().st_size < 200_000
