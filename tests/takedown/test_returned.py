"""A copy that was gone and came back is written about again, once each time, and the letter says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from sqlmodel import Session, select

from crawler.ask import Sighting
from crawler.models import Copy, Whereabouts, now
from takedown import cases, notices, recheck
from takedown.delivery import record_filed
from takedown.log import AuditLog
from takedown.models import Notice
from takedown.people import find_person
from tests.takedown.leak import NUMBER, SENDER

pytestmark = pytest.mark.usefixtures("confirmed")

LETTER = "github-dmca.en"
FIRST, FORK = "https://github.example/a/study", "https://github.example/b/study"


def draft(session: Session, log: AuditLog) -> list[Notice]:
    """The platform's letters, as they were drafted: a re-check lets go of every row."""
    made = notices.draft(session, NUMBER, author="cohortwatch", sender=SENDER, log=log)
    session.commit()
    drafted = [one for one in made if one.letter == LETTER]
    for one in drafted:
        session.refresh(one)
        session.expunge(one)
    return drafted


def file(session: Session, log: AuditLog, notice: Notice) -> None:
    number = notice.id or 0
    notices.approve(session, number, approver=find_person(session, "lars"), log=log)
    record_filed(session, number, by=find_person(session, "lena"), ticket="T-1", log=log)


def see(session: Session, log: AuditLog, seen: Mapping[str, Whereabouts]) -> None:
    """A re-check in which each address is as it is said here."""

    def ask(copies: Sequence[Copy]) -> list[Sighting]:
        return [Sighting(copy.id or 0, 200, seen[copy.url], None, now()) for copy in copies]

    recheck.recheck(session, ask=ask, log=log, numbers=[NUMBER])
    session.commit()


def everywhere(whereabouts: Whereabouts) -> dict[str, Whereabouts]:
    return {FIRST: whereabouts, FORK: whereabouts}


def test_what_came_back_after_a_notice_gets_another_each_time(session: Session, log: AuditLog) -> None:
    (first,) = draft(session, log)
    file(session, log, first)
    sent = [first]
    for _ in range(2):
        see(session, log, everywhere(Whereabouts.GONE))
        assert draft(session, log) == []
        see(session, log, {FIRST: Whereabouts.UP, FORK: Whereabouts.GONE})
        (again,) = draft(session, log)
        assert draft(session, log) == []
        text = again.body.decode()
        assert FIRST in text
        assert FORK not in text
        assert f"It was gone and is up again since {now().date()}." in text
        mails = [notices.message_of(one, "ines@biobank.example")["Message-ID"] for one in (*sent, again)]
        assert len(set(mails)) == len(mails)
        file(session, log, again)
        assert cases.find_case(session, NUMBER).state == "notified"
        assert draft(session, log) == []
        sent.append(again)


def test_the_letter_says_which_of_several_came_back_by_their_number(session: Session, log: AuditLog) -> None:
    (first,) = draft(session, log)
    file(session, log, first)
    see(session, log, {FIRST: Whereabouts.UP, FORK: Whereabouts.GONE})
    assert draft(session, log) == []
    see(session, log, everywhere(Whereabouts.UP))
    (again,) = draft(session, log)
    assert "and found 2 copies" in again.body.decode()
    assert f"One of them was gone and is up again since {now().date()}." in again.body.decode()
    see(session, log, everywhere(Whereabouts.GONE))
    see(session, log, everywhere(Whereabouts.UP))
    file(session, log, again)
    assert draft(session, log) == []


@pytest.mark.parametrize("seen", [Whereabouts.BLOCKED, Whereabouts.UNKNOWN, Whereabouts.UP])
def test_what_was_never_seen_gone_has_not_come_back(
    session: Session, log: AuditLog, seen: Whereabouts
) -> None:
    (first,) = draft(session, log)
    file(session, log, first)
    see(session, log, everywhere(seen))
    see(session, log, everywhere(Whereabouts.UP))
    assert draft(session, log) == []


def test_a_draft_that_never_went_out_still_serves(session: Session, log: AuditLog) -> None:
    draft(session, log)
    see(session, log, everywhere(Whereabouts.PRIVATE))
    see(session, log, everywhere(Whereabouts.UP))
    assert {str(copy.whereabouts) for copy in session.exec(select(Copy)).all()} == {"back"}
    assert draft(session, log) == []
