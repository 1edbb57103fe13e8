"""Who may say yes to a notice, to which bytes, and for which cases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlmodel import Session

from crawler.models import now
from takedown import cases, notices
from takedown.delivery import record_filed
from takedown.errors import NotNow
from takedown.log import AuditLog
from takedown.models import Notice, NoticeState
from takedown.people import find_person
from tests.takedown.leak import BUNDLE, FORK_BUNDLE, SENDER, add_leak, add_people, engine_at, log_at, match

NUMBER = f"CW-{now().year}-0001"


@pytest.fixture
def log(tmp_path: Path) -> AuditLog:
    return log_at(tmp_path)


@pytest.fixture
def session(tmp_path: Path, log: AuditLog) -> Iterator[Session]:
    engine = engine_at(tmp_path)
    with Session(engine) as session:
        add_people(session)
        add_leak(session)
        session.add_all([match(BUNDLE), match(FORK_BUNDLE)])
        session.flush()
        cases.open_cases(session, log=log)
        session.commit()
        yield session
    engine.dispose()


def drafted(session: Session, log: AuditLog, author: str = "cohortwatch") -> Notice:
    made = notices.draft(session, NUMBER, author=author, sender=SENDER, log=log)
    return next(one for one in made if one.letter == "github-dmca.en")


def decide(session: Session, log: AuditLog, decision: str) -> None:
    change = {"confirm": cases.confirm, "dismiss": cases.dismiss}[decision]
    change(session, NUMBER, by="rosa", reason="seen by hand", log=log)


def approve(session: Session, log: AuditLog, notice: Notice, by: str = "lars") -> None:
    notices.approve(session, notice.id or 0, approver=find_person(session, by), log=log)
    session.commit()


def file(session: Session, log: AuditLog, notice: Notice) -> None:
    record_filed(session, notice.id or 0, by=find_person(session, "lena"), ticket="T-1", log=log)


def test_a_case_that_nobody_confirmed_holds_its_notices_back(session: Session, log: AuditLog) -> None:
    notice = drafted(session, log)
    with pytest.raises(NotNow, match=r"not confirmed yet; confirm the case before notice \d+ is approved"):
        approve(session, log, notice)
    notice.state = NoticeState.APPROVED
    with pytest.raises(NotNow, match=r"not confirmed yet; confirm the case before notice \d+ is sent"):
        file(session, log, notice)


def test_dismissing_a_case_voids_what_was_approved_for_it(session: Session, log: AuditLog) -> None:
    decide(session, log, "confirm")
    notice = drafted(session, log)
    approve(session, log, notice)
    decide(session, log, "dismiss")
    assert notice.state == NoticeState.VOID
    with pytest.raises(NotNow, match="was dismissed; confirm the case again"):
        approve(session, log, notice)
    with pytest.raises(NotNow, match="was dismissed; confirm the case again"):
        file(session, log, notice)
    decide(session, log, "confirm")
    assert drafted(session, log).id != notice.id


def test_dismissing_leaves_what_went_out_as_it_is(session: Session, log: AuditLog) -> None:
    decide(session, log, "confirm")
    notice = drafted(session, log)
    approve(session, log, notice)
    file(session, log, notice)
    decide(session, log, "confirm")
    decide(session, log, "dismiss")
    assert notice.state == NoticeState.SENT
