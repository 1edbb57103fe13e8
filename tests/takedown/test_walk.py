"""From a match to a removal and back: cases, notices, approvals, a real SMTP conversation, re-checks."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from sqlalchemy import Engine
from sqlmodel import Session, select

from crawler.ask import Sighting
from crawler.models import Copy, Whereabouts, now
from takedown import cases, notices, recheck
from takedown.channels import MailRoute
from takedown.delivery import record_filed, send, settle
from takedown.errors import NotAllowed, NotNow
from takedown.letters import letters
from takedown.log import AuditLog
from takedown.models import Notice, NoticeState
from takedown.people import find_person
from takedown.recipients import Directory
from tests.takedown.leak import NUMBER, SENDER, engine_at, log_at, match, open_leak

PLACES = Directory({"github": "dmca@127.0.0.1"}, {"Institute A": "dpo@127.0.0.1"})


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    address = request.getfixturevalue("postgresql_address") if request.param == "postgresql" else None
    engine = engine_at(tmp_path, address)
    yield engine
    engine.dispose()


@pytest.fixture
def log(tmp_path: Path) -> AuditLog:
    return log_at(tmp_path)


@pytest.fixture
def session(engine: Engine, log: AuditLog) -> Iterator[Session]:
    with Session(engine) as session:
        open_leak(session, log)
        yield session


class Mailbox:
    """What a real SMTP server on this machine took in; it can be told to refuse or to hang up."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []
        self.refuses = False
        self.hangs_up = False

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        if self.refuses:
            return "550 no such person"
        envelope.rcpt_tos.append(address)
        return "250 ok"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.messages.append(envelope.content)
        if self.hangs_up:
            server.transport.abort()
        return "250 taken as 4711"


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, MailRoute]]:
    box = Mailbox()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    yield box, MailRoute("127.0.0.1", port, starttls=False, from_address="ines@biobank.example")
    controller.stop()


def drafted(session: Session, log: AuditLog, author: str = "cohortwatch") -> list[Notice]:
    return notices.draft(session, NUMBER, author=author, sender=SENDER, log=log, directory=PLACES)


def test_a_repository_and_its_fork_are_one_case_and_doing_it_again_changes_nothing(
    session: Session, log: AuditLog
) -> None:
    assert cases.open_cases(session, log=log) == []
    (row,) = cases.queue(session)
    assert (row["copies_count"], row["participants_matched"], row["recipient"]) == (2, 981, "Institute A")


def test_another_leak_is_another_case(session: Session, log: AuditLog) -> None:
    session.add(match("d" * 64, content="e" * 64, release="app-2"))
    session.flush()
    assert len(cases.open_cases(session, log=log)) == 1


def test_a_possible_match_opens_nothing(session: Session, log: AuditLog) -> None:
    session.add(match("d" * 64, content="e" * 64, verdict="possible"))
    session.flush()
    assert cases.open_cases(session, log=log) == []


def test_a_notice_names_every_copy_at_its_commit_and_no_participant(session: Session, log: AuditLog) -> None:
    dmca = next(one for one in drafted(session, log) if one.letter == "github-dmca.en")
    text = dmca.body.decode()
    for url in ("https://github.example/a/study", "https://github.example/b/study"):
        assert f"{url}/blob/0123456789ab/data/pheno.csv" in text
    assert "981 participants" in text
    assert all(one["present"] for one in notices.check(session, dmca.id or 0) if one["needed"])
    assert "$" not in text


def test_the_letter_to_the_institution_accuses_nobody(session: Session, log: AuditLog) -> None:
    letter = next(one for one in drafted(session, log) if one.letter == "institution.en").body.decode()
    assert "derives at least in part from the release app-1 delivered to Institute A" in letter
    assert "you leaked" not in letter.lower()


def test_drafting_twice_makes_nothing_twice(session: Session, log: AuditLog) -> None:
    assert drafted(session, log)
    assert drafted(session, log) == []


def test_a_number_that_may_be_an_id_stops_a_notice(session: Session, log: AuditLog) -> None:
    notice = drafted(session, log)[0]
    cases.confirm(session, NUMBER, by="rosa", reason="seen", log=log)
    lena, lars = find_person(session, "lena"), find_person(session, "lars")
    body = notice.body.decode() + "\nfor example participant 4211337\n"
    notices.edit(
        session,
        notice.id or 0,
        by=lena,
        subject=notice.subject,
        body=body,
        recipient=notice.recipient,
        log=log,
    )
    with pytest.raises(NotNow, match="participant"):
        notices.approve(session, notice.id or 0, approver=lars, log=log)


@pytest.mark.parametrize("name", ["rosa", "adam", "ada"])
def test_only_legal_approves(session: Session, log: AuditLog, name: str) -> None:
    with pytest.raises(NotAllowed):
        notices.approve(
            session, drafted(session, log)[0].id or 0, approver=find_person(session, name), log=log
        )


def test_an_author_does_not_approve_and_an_edit_voids_an_approval(
    session: Session, log: AuditLog, mailbox: tuple[Mailbox, MailRoute]
) -> None:
    cases.confirm(session, NUMBER, by="rosa", reason="seen", log=log)
    notice = drafted(session, log, author="lena")[0]
    lena, lars = find_person(session, "lena"), find_person(session, "lars")
    with pytest.raises(NotAllowed, match="another person"):
        notices.approve(session, notice.id or 0, approver=lena, log=log)
    notices.approve(session, notice.id or 0, approver=lars, log=log)
    changed = notice.body.decode().replace("Dear", "To")
    notices.edit(
        session,
        notice.id or 0,
        by=lena,
        subject=notice.subject + "!",
        body=changed,
        recipient=notice.recipient,
        log=log,
    )
    with pytest.raises(NotAllowed, match="nobody approved"):
        send(session, notice.id or 0, by=lena, route=mailbox[1], log=log)
    assert mailbox[0].messages == []


def approved(session: Session, log: AuditLog) -> Notice:
    cases.confirm(session, NUMBER, by="rosa", reason="seen", log=log)
    notice = next(one for one in drafted(session, log) if one.letter == "github-dmca.en")
    notices.approve(session, notice.id or 0, approver=find_person(session, "lars"), log=log)
    return notice


def test_an_approved_notice_goes_out_once_as_it_was_approved(
    session: Session, log: AuditLog, mailbox: tuple[Mailbox, MailRoute]
) -> None:
    box, route = mailbox
    notice = approved(session, log)
    delivery = send(session, notice.id or 0, by=find_person(session, "lena"), route=route, log=log)
    assert delivery.state == NoticeState.SENT
    assert delivery.answer is not None
    assert "4711" in delivery.answer
    assert b"penalty of perjury" in box.messages[0].replace(b"=\r\n", b"")
    with pytest.raises(NotNow, match="already"):
        send(session, notice.id or 0, by=find_person(session, "lena"), route=route, log=log)
    assert len(box.messages) == 1
    assert cases.find_case(session, NUMBER).state == "notified"


def test_a_refused_notice_failed_and_may_be_sent_again(
    session: Session, log: AuditLog, mailbox: tuple[Mailbox, MailRoute]
) -> None:
    box, route = mailbox
    box.refuses = True
    notice = approved(session, log)
    lena = find_person(session, "lena")
    assert send(session, notice.id or 0, by=lena, route=route, log=log).state == NoticeState.FAILED
    box.refuses = False
    assert send(session, notice.id or 0, by=lena, route=route, log=log).state == NoticeState.SENT


def test_a_send_that_breaks_off_is_unknown_and_not_repeated(
    session: Session, log: AuditLog, mailbox: tuple[Mailbox, MailRoute]
) -> None:
    box, route = mailbox
    box.hangs_up = True
    notice = approved(session, log)
    lena = find_person(session, "lena")
    assert send(session, notice.id or 0, by=lena, route=route, log=log).state == NoticeState.UNKNOWN
    with pytest.raises(NotNow, match="may have gone out"):
        send(session, notice.id or 0, by=lena, route=route, log=log)
    settle(session, notice.id or 0, by=lena, went_out=True, log=log)
    assert notice.state == NoticeState.SENT


def test_a_form_takes_a_person(session: Session, log: AuditLog) -> None:
    cases.confirm(session, NUMBER, by="rosa", reason="seen", log=log)
    made = notices.draft(session, NUMBER, author="cohortwatch", sender=SENDER, log=log)
    notice = next(one for one in made if one.letter == "github-dmca.en")
    assert notice.channel == "form"
    notices.approve(session, notice.id or 0, approver=find_person(session, "lars"), log=log)
    lena = find_person(session, "lena")
    with pytest.raises(NotNow, match="form"):
        send(session, notice.id or 0, by=lena, route=None, log=log)
    assert record_filed(session, notice.id or 0, by=lena, ticket="T-1", log=log).state == NoticeState.SENT


def answering(whereabouts: Whereabouts, at: datetime) -> recheck.Ask:
    def ask(copies: Sequence[Copy]) -> list[Sighting]:
        return [Sighting(copy.id or 0, 404, whereabouts, None, at) for copy in copies]

    return ask


def test_a_copy_that_is_gone_and_comes_back_opens_its_case_again(session: Session, log: AuditLog) -> None:
    cases.confirm(session, NUMBER, by="rosa", reason="seen", log=log)
    session.commit()
    at = now()
    steps = [
        (Whereabouts.BLOCKED, "up", "confirmed"),
        (Whereabouts.GONE, "gone", "removed"),
        (Whereabouts.UNKNOWN, "gone", "removed"),
        (Whereabouts.UP, "back", "confirmed"),
        (Whereabouts.PRIVATE, "private", "removed"),
    ]
    for seen, kept, state in steps:
        at += timedelta(days=100)
        asked = recheck.recheck(session, ask=answering(seen, at), log=log, numbers=[NUMBER], at=at)
        assert len(asked) == 2
        assert {str(copy.whereabouts) for copy in session.exec(select(Copy)).all()} == {kept}
        assert cases.find_case(session, NUMBER).state == state


def test_addresses_are_asked_when_they_are_due_and_not_before(session: Session, log: AuditLog) -> None:
    cases.confirm(session, NUMBER, by="rosa", reason="seen", log=log)
    session.commit()
    start = now()
    asked_on = []
    for day in range(100):
        at = start + timedelta(days=day, minutes=1)
        if recheck.recheck(session, ask=answering(Whereabouts.GONE, at), log=log, at=at):
            asked_on.append(day)
    assert asked_on == [0, 1, 3, 7, 30, 90]


def test_a_case_with_a_copy_that_is_up_is_not_closed(session: Session, log: AuditLog) -> None:
    cases.confirm(session, NUMBER, by="rosa", reason="seen", log=log)
    with pytest.raises(NotNow, match="still up"):
        cases.close(session, NUMBER, by="rosa", reason="done", log=log)


@pytest.mark.parametrize("name", sorted(letters()))
def test_what_a_letter_says_it_needs_is_what_it_uses(name: str) -> None:
    letter = letters()[name]
    used = set(letter.body.get_identifiers()) | set(letter.subject.get_identifiers())
    assert used == letter.needs
