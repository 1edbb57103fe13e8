"""Who may say yes to a notice, to which bytes, and for which cases."""

from __future__ import annotations

import pytest
from sqlmodel import Session, select

from takedown import cases, notices
from takedown.delivery import record_filed
from takedown.errors import NotAllowed, NotNow, UnknownPerson
from takedown.log import AuditLog
from takedown.models import Approval, Notice, NoticeState
from takedown.people import activate_person, add_person, deactivate_person, find_person
from tests.takedown.leak import NUMBER, SENDER


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


def edit(session: Session, log: AuditLog, notice: Notice, by: str, subject: str) -> None:
    notices.edit(
        session,
        notice.id or 0,
        by=find_person(session, by),
        subject=subject,
        body=notice.body.decode(),
        recipient=notice.recipient,
        log=log,
    )
    session.commit()


def stands(session: Session, notice: Notice) -> list[tuple[str, bool]]:
    return [(one["approver"], one["stands"]) for one in notices.show(session, notice.id or 0)["approvals"]]


def test_a_second_yes_of_one_person_to_the_same_bytes_changes_nothing(
    session: Session, log: AuditLog
) -> None:
    decide(session, log, "confirm")
    notice = drafted(session, log)
    approve(session, log, notice)
    before = len(log.entries())
    approve(session, log, notice)
    assert len(session.exec(select(Approval)).all()) == 1
    assert len(log.entries()) == before


def test_text_that_returns_to_approved_bytes_is_approved(session: Session, log: AuditLog) -> None:
    decide(session, log, "confirm")
    notice = drafted(session, log)
    subject = notice.subject
    approve(session, log, notice)
    edit(session, log, notice, "lena", "Another subject")
    assert (notice.state, stands(session, notice)) == (NoticeState.DRAFT, [("lars", False)])
    edit(session, log, notice, "lena", subject)
    assert (notice.state, stands(session, notice)) == (NoticeState.APPROVED, [("lars", True)])
    approve(session, log, notice)
    file(session, log, notice)
    assert notice.state == NoticeState.SENT


def test_saving_without_a_change_takes_no_approval_away(session: Session, log: AuditLog) -> None:
    decide(session, log, "confirm")
    notice = drafted(session, log)
    approve(session, log, notice)
    edit(session, log, notice, "lena", notice.subject)
    assert (notice.state, notice.author) == (NoticeState.APPROVED, "cohortwatch")


def test_who_wrote_an_earlier_version_does_not_approve_a_later_one(session: Session, log: AuditLog) -> None:
    add_person(session, name="lou", full_name="Lou", email="lou@biobank.example", role="legal")
    decide(session, log, "confirm")
    notice = drafted(session, log, author="lena")
    edit(session, log, notice, "lars", "By Lars")
    for writer in ("lena", "lars"):
        with pytest.raises(NotAllowed, match="wrote or edited"):
            approve(session, log, notice, writer)
    approve(session, log, notice, "lou")
    with pytest.raises(NotAllowed, match="wrote or edited"):
        approve(session, log, notice, "lena")
    edit(session, log, notice, "lou", "By Lou")
    with pytest.raises(NotAllowed, match="wrote or edited"):
        approve(session, log, notice, "lou")
    approve(session, log, notice, "lena")
    assert notice.state == NoticeState.APPROVED


def test_the_yes_of_a_person_whose_access_was_taken_away_sends_nothing(
    session: Session, log: AuditLog
) -> None:
    decide(session, log, "confirm")
    notice = drafted(session, log)
    approve(session, log, notice)
    deactivate_person(session, name="lars")
    session.commit()
    assert (notice.state, stands(session, notice)) == (NoticeState.DRAFT, [("lars", False)])
    notice.state = NoticeState.APPROVED
    with pytest.raises(NotAllowed, match="nobody approved"):
        file(session, log, notice)
    notice.state = NoticeState.DRAFT
    activate_person(session, name="lars")
    approve(session, log, notice)
    file(session, log, notice)
    assert notice.state == NoticeState.SENT


def test_what_another_person_approved_too_stays_approved(session: Session, log: AuditLog) -> None:
    decide(session, log, "confirm")
    notice = drafted(session, log)
    approve(session, log, notice)
    approve(session, log, notice, "lena")
    deactivate_person(session, name="lars")
    session.commit()
    assert (notice.state, stands(session, notice)) == (
        NoticeState.APPROVED,
        [("lars", False), ("lena", True)],
    )


def test_a_person_is_brought_back_by_name_and_nobody_is_called_as_the_program(session: Session) -> None:
    with pytest.raises(NotAllowed, match="has access already"):
        activate_person(session, name="lars")
    with pytest.raises(UnknownPerson):
        activate_person(session, name="ghost")
    deactivate_person(session, name="lars")
    with pytest.raises(NotAllowed, match="person activate lars"):
        add_person(session, name="lars", full_name="L", email="l@biobank.example", role="legal")
    with pytest.raises(NotAllowed, match="the program itself"):
        add_person(session, name="cohortwatch", full_name="C", email="c@biobank.example", role="legal")
