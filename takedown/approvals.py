"""Whose yes stands for the bytes of a notice, and who wrote them."""

from __future__ import annotations

from typing import Any

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
    writers: set[str] = set()
    for entry in entries_about(case.number, notice.id or 0, log):
        match entry["action"]:
            case "notice.draft" | "notice.edit":
                writers.add(entry["actor"])
            case "notice.approve" if entry["details"].get("sha256") in earlier:
                writers.clear()
    return writers | {notice.author}


def edited_at(case_number: str, notice_id: int, log: AuditLog) -> str | None:
    """When the present words of a notice were saved; None where they are those of its first draft."""
    entries = entries_about(case_number, notice_id, log)
    return next((one["at"] for one in reversed(entries) if one["action"] == "notice.edit"), None)


def entries_about(case_number: str, notice_id: int, log: AuditLog) -> list[dict[str, Any]]:
    """What the audit log says of one notice, oldest first."""
    subjects = (f"{case_number}/{notice_id}", str(notice_id))
    return [
        one for one in log.entries() if one["action"].startswith("notice.") and one["subject"] in subjects
    ]
