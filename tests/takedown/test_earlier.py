"""One letter a reader and matter: nobody is passed over for a like address, nothing is drafted twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import Session, select

from crawler.models import Copy
from takedown import cases, clocks, notices
from takedown.log import AuditLog
from takedown.models import Delivery, Notice, NoticeState
from takedown.people import find_person
from takedown.recipients import Directory
from tests.takedown.leak import BUNDLE, FORK_BUNDLE, NUMBER, SENDER, match

DAY = timedelta(days=1)


def draft(session: Session, log: AuditLog, places: Directory | None = None) -> list[Notice]:
    return notices.draft(
        session, NUMBER, author="cohortwatch", sender=SENDER, log=log, directory=places or Directory()
    )


def add_release(session: Session, log: AuditLog, release: str, recipient: str) -> None:
    for find in (BUNDLE, FORK_BUNDLE):
        session.add(match(find, release=release, recipient=recipient))
    session.flush()
    cases.open_cases(session, log=log)


@pytest.mark.parametrize("recipient", ["Institute A", "Institute B"])
def test_every_release_gets_its_letter_though_addresses_are_alike(
    session: Session, log: AuditLog, recipient: str
) -> None:
    add_release(session, log, "app-2", recipient)
    made = [one for one in draft(session, log) if one.letter == "institution.en"]
    assert len({one.subject for one in made}) == 2
    assert {str(one.state) for one in made} == {"draft"}
    assert draft(session, log) == []


def test_two_platforms_without_a_known_address_keep_a_draft_each(session: Session, log: AuditLog) -> None:
    first, second = session.exec(select(Copy).order_by(Copy.id)).all()  # type: ignore[arg-type]
    first.platform, second.platform = "git_server", "tips"
    made = [one for one in draft(session, log) if one.letter == "platform.en"]
    assert [str(one.state) for one in made] == ["draft", "draft"]
    assert draft(session, log) == []


def test_an_address_that_a_person_filled_in_is_not_drafted_over(session: Session, log: AuditLog) -> None:
    letter = next(one for one in draft(session, log) if one.letter == "institution.en")
    lena = find_person(session, "lena")
    text = letter.body.decode()
    notices.edit(
        session,
        letter.id or 0,
        by=lena,
        subject=letter.subject,
        body=text,
        recipient="a@b.example\n",
        log=log,
    )
    assert letter.recipient == "a@b.example"
    assert draft(session, log) == []


def test_an_address_that_became_known_replaces_an_untouched_draft(session: Session, log: AuditLog) -> None:
    older = next(one for one in draft(session, log) if one.letter == "institution.en")
    (newer,) = draft(session, log, Directory(institutions={"Institute A": "dpo@a.example"}))
    assert (newer.recipient, newer.channel) == ("dpo@a.example", "smtp")
    assert (str(older.state), str(newer.state)) == ("void", "draft")


def test_clocks_run_from_the_last_notice_to_each_reader(session: Session, log: AuditLog) -> None:
    letter = next(one for one in draft(session, log) if one.letter == "institution.en")
    began = datetime(2026, 3, 2, 9, tzinfo=UTC)
    sent = {
        "letter": letter.letter,
        "language": "en",
        "subject": "s",
        "channel": "smtp",
        "body": b"",
        "sha256": "",
    }
    for to, after in (("a@x.example", 0), ("a@x.example", 40), ("b@x.example", 3)):
        notice = Notice(case_id=letter.case_id, recipient=to, author="x", state=NoticeState.SENT, **sent)
        session.add(notice)
        session.flush()
        session.add(
            Delivery(
                notice_id=notice.id or 0,
                sha256="",
                channel="smtp",
                state=NoticeState.SENT,
                sent_by="lena",
                ended_at=began + after * DAY,
            )
        )
    session.flush()
    running = cases.case_view(session, NUMBER)["clocks"]
    answers = [one["due_at"] - began for one in running if "answers" in one["name"]]
    assert answers == [3 * DAY + timedelta(hours=72), 40 * DAY + timedelta(hours=72)]
    assert [one["due_at"] for one in clocks.due(began, [])] == [began + timedelta(hours=72)]
