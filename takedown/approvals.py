"""Whose yes stands for the bytes of a notice, and who wrote them."""

from __future__ import annotations

from sqlmodel import Session, col, select

from takedown.log import AuditLog
from takedown.models import Approval, Case, Notice, Person
from takedown.people import may


def standing(session: Session, notice_id: int, sha256: str) -> list[Approval]:
    """The approvals of these very bytes by people who may approve still, oldest first."""
    query = (
        select(Approval, Person)
        .join(Person, col(Person.name) == Approval.approver)
        .where(Approval.notice_id == notice_id, Approval.sha256 == sha256)
        .order_by(col(Approval.id))
    )
    found = session.exec(query).all()
    return [approval for approval, person in found if person.active and may(person.role, "approve")]


def writers_of(session: Session, notice: Notice, log: AuditLog) -> set[str]:
    """Everyone who wrote or edited the notice since other bytes of it were approved, as the audit log has it.

    An approval of the present bytes ends nothing: who wrote them did not stop being their author.
    """
    case = session.get_one(Case, notice.case_id)
    rows = session.exec(select(Approval.sha256).where(Approval.notice_id == notice.id)).all()
    earlier = set(rows) - {notice.sha256}
    drafted, changed = f"{case.number}/{notice.id}", str(notice.id)
    writers: set[str] = set()
    for entry in log.entries():
        match entry["action"], entry["subject"]:
            case ("notice.draft", subject) if subject == drafted:
                writers.add(entry["actor"])
            case ("notice.edit", subject) if subject == changed:
                writers.add(entry["actor"])
            case ("notice.approve", subject) if (
                subject == changed and entry["details"].get("sha256") in earlier
            ):
                writers.clear()
    return writers | {notice.author}
