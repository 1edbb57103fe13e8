"""Sending: an approved notice goes out once, and its row is written before and after.

A process that dies while it sends leaves `sending`, which is shown as `unknown` and never sent again by itself.
"""

from __future__ import annotations

from sqlmodel import Session, col, select

from crawler.models import now
from takedown import cases
from takedown.channels import MailRoute, Outcome, channels
from takedown.errors import NotAllowed, NotNow
from takedown.log import AuditLog
from takedown.models import Case, CaseState, Delivery, Notice, NoticeState, Person
from takedown.notices import approval_of, find_notice
from takedown.people import require

__all__ = ["MailRoute", "record_filed", "send", "settle"]


def send(session: Session, notice_id: int, *, by: Person, route: MailRoute | None, log: AuditLog) -> Delivery:
    """Sends a notice whose exact bytes another person approved.

    Raises:
        NotAllowed: the role does not allow it, or nobody approved these bytes.
        NotNow: it went out, or may have gone out, already; its case is not confirmed; or its channel is a form.
    """
    notice = _ready(session, notice_id, by)
    if notice.channel == "form":
        raise NotNow(
            f"notice {notice_id} goes to a form; file it at {notice.recipient} and record its ticket"
        )
    delivery = _begin(session, notice, by)
    log.append(actor=by.name, action="notice.send", subject=str(notice_id), details={"sha256": notice.sha256})
    outcome: Outcome = channels()[notice.channel].deliver(notice, route)
    return _end(session, notice, delivery, outcome, log)


def record_filed(session: Session, notice_id: int, *, by: Person, ticket: str, log: AuditLog) -> Delivery:
    """A person says that they filed an approved notice by hand, and what they were answered."""
    notice = _ready(session, notice_id, by)
    if not ticket.strip():
        raise NotNow("the other side's ticket or answer is needed; give it")
    delivery = _begin(session, notice, by)
    return _end(session, notice, delivery, Outcome("sent", ticket.strip()[:200]), log)


def settle(session: Session, notice_id: int, *, by: Person, went_out: bool, log: AuditLog) -> Notice:
    """A person found out what became of a send whose outcome was not known."""
    require(by, "send")
    notice = find_notice(session, notice_id)
    if NoticeState(notice.state) not in (NoticeState.UNKNOWN, NoticeState.SENDING):
        raise NotNow(f"notice {notice_id} is {notice.state}; there is nothing to settle")
    query = select(Delivery).where(Delivery.notice_id == notice_id).order_by(col(Delivery.id).desc())
    delivery = session.exec(query).first()
    state = NoticeState.SENT if went_out else NoticeState.FAILED
    notice.state = state
    session.add(notice)
    if delivery is not None:
        delivery.state = state
        delivery.ended_at = delivery.ended_at or now()
        session.add(delivery)
    if went_out:
        _notified(session, notice)
    log.append(actor=by.name, action="notice.settle", subject=str(notice_id), details={"went_out": went_out})
    return notice


def _ready(session: Session, notice_id: int, by: Person) -> Notice:
    require(by, "send")
    notice = find_notice(session, notice_id)
    state = NoticeState(notice.state)
    if state in (NoticeState.SENDING, NoticeState.UNKNOWN):
        raise NotNow(f"notice {notice_id} may have gone out already; find out, and settle it first")
    if state == NoticeState.SENT:
        raise NotNow(f"notice {notice_id} went out already")
    cases.require_confirmed(session.get_one(Case, notice.case_id), f"notice {notice_id} is sent")
    if state != NoticeState.APPROVED or approval_of(session, notice) is None:
        raise NotAllowed(f"nobody approved notice {notice_id} as it stands; have a second person approve it")
    return notice


def _begin(session: Session, notice: Notice, by: Person) -> Delivery:
    delivery = Delivery(
        notice_id=notice.id or 0,
        sha256=notice.sha256,
        channel=notice.channel,
        state=NoticeState.SENDING,
        sent_by=by.name,
    )
    notice.state = NoticeState.SENDING
    session.add(delivery)
    session.add(notice)
    session.commit()
    return delivery


def _end(session: Session, notice: Notice, delivery: Delivery, outcome: Outcome, log: AuditLog) -> Delivery:
    state = NoticeState(outcome.state)
    delivery.state, delivery.answer, delivery.message_id = state, outcome.answer, outcome.message_id
    delivery.ended_at = now()
    # What failed for certain may be tried again: its approval stands.
    notice.state = NoticeState.APPROVED if state == NoticeState.FAILED else state
    session.add(delivery)
    session.add(notice)
    if state == NoticeState.SENT:
        _notified(session, notice)
    session.commit()
    session.refresh(delivery)
    details = {"state": str(state), "answer": outcome.answer}
    log.append(actor=delivery.sent_by, action="notice.delivery", subject=str(notice.id), details=details)
    return delivery


def _notified(session: Session, notice: Notice) -> None:
    case = session.get_one(Case, notice.case_id)
    if case.state == CaseState.CONFIRMED:
        cases.become(session, case, CaseState.NOTIFIED)
