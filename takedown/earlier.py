"""Notices of the same matter that were drafted before: what still serves, and what a newer draft replaces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlmodel import Session, col, select

from crawler.models import Copy
from takedown.checklist import RELEASE
from takedown.letters import Letter
from takedown.models import Case, Delivery, Notice, NoticeCopy, NoticeState


def stands_already(
    session: Session,
    case: Case,
    letter: Letter,
    address: str,
    *,
    author: str,
    release: str | None,
    copies: Sequence[Copy],
    returned: Mapping[int, datetime],
) -> bool:
    """Whether one notice names all these copies, and none of them was gone and came back after it went out.

    A draft of this author that goes to another address than is known now does not serve; what a person took in hand
    does.
    """
    wanted = {copy.id for copy in copies}
    for notice in _of_the_same(session, case, letter, release, copies):
        if notice.state in (NoticeState.VOID, NoticeState.FAILED):
            continue
        is_untouched = notice.state == NoticeState.DRAFT and notice.author == author
        if is_untouched and notice.recipient != address:
            continue
        sent_at = _sent_at(session, notice)
        came_after = {one for one, at in returned.items() if sent_at and sent_at < at}
        if wanted <= _named_in(session, notice) - came_after:
            return True
    return False


def supersede(
    session: Session, newer: Notice, case: Case, letter: Letter, release: str | None, copies: Sequence[Copy]
) -> None:
    """A draft that nobody has touched since is void once a newer one names more copies."""
    for older in _of_the_same(session, case, letter, release, copies):
        if older.id != newer.id and older.author == newer.author and older.state == NoticeState.DRAFT:
            older.state = NoticeState.VOID
            session.add(older)


def _of_the_same(
    session: Session, case: Case, letter: Letter, release: str | None, copies: Sequence[Copy]
) -> list[Notice]:
    """The case's notices by this letter to the same reader: about this release, else about these copies' platform.

    The address tells no readers apart: it may be unknown of many, and a person may have set it.
    """
    query = (
        select(Notice).where(Notice.case_id == case.id, Notice.letter == letter.name).order_by(col(Notice.id))
    )
    platforms = {copy.platform for copy in copies}
    return [
        notice
        for notice in session.exec(query).all()
        if (_is_about(notice, release) if release else platforms & _platforms_of(session, notice))
    ]


def _is_about(notice: Notice, release: str) -> bool:
    rows = (row.get("wanted") for row in notice.checklist if row["element"] == RELEASE)
    told = next((row for row in rows if row), None)
    return release in told if told else release in notice.subject


def _platforms_of(session: Session, notice: Notice) -> set[str]:
    query = select(Copy.platform).join(NoticeCopy, col(NoticeCopy.copy_id) == Copy.id)
    return set(session.exec(query.where(NoticeCopy.notice_id == notice.id)).all())


def _named_in(session: Session, notice: Notice) -> set[int]:
    return set(session.exec(select(NoticeCopy.copy_id).where(NoticeCopy.notice_id == notice.id)).all())


def _sent_at(session: Session, notice: Notice) -> datetime | None:
    """When it went out, or may have; None while it has not."""
    query = select(Delivery.started_at).where(
        Delivery.notice_id == notice.id, Delivery.state != NoticeState.FAILED
    )
    return max(session.exec(query).all(), default=None)
