"""Re-checks: every address under takedown is asked again until it is gone, and stays watched after."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Protocol

from sqlmodel import Session, col, select

from crawler.models import Copy, Whereabouts, now
from takedown import cases
from takedown.clocks import RECHECKS
from takedown.log import AuditLog
from takedown.models import Case, CaseState, Recheck

WATCHED = (CaseState.CONFIRMED, CaseState.NOTIFIED, CaseState.REMOVED)


class Sighting(Protocol):
    """What the crawler says of one copy."""

    @property
    def copy_id(self) -> int: ...
    @property
    def status(self) -> int | None: ...
    @property
    def whereabouts(self) -> Whereabouts: ...
    @property
    def note(self) -> str | None: ...


Ask = Callable[[Sequence[Copy]], Sequence[Sighting]]


def due_copies(session: Session, *, numbers: Sequence[str] | None, at: datetime) -> list[tuple[Case, Copy]]:
    """Copies to ask now: all of the named cases, else those of watched cases whose next re-check has come."""
    if numbers:
        named = [cases.find_case(session, number) for number in numbers]
    else:
        named = list(
            session.exec(select(Case).where(col(Case.state).in_(WATCHED)).order_by(col(Case.id))).all()
        )
    return [
        (case, copy)
        for case in named
        for copy in cases.copies_of(session, case)
        if numbers or _is_due(session, case, copy, at)
    ]


def returned_at(session: Session, copy: Copy) -> datetime | None:
    """When a copy that is back was first seen up again after it was gone; None of any other."""
    if copy.whereabouts != Whereabouts.BACK:
        return None
    query = select(Recheck).where(Recheck.copy_id == copy.id).order_by(col(Recheck.id).desc())
    up_since = None
    for asked in session.exec(query).all():
        if asked.whereabouts in cases.GONE:
            break
        if asked.whereabouts in cases.PRESENT:
            up_since = asked.asked_at
    return up_since


def recheck(
    session: Session,
    *,
    ask: Ask,
    log: AuditLog,
    numbers: Sequence[str] | None = None,
    at: datetime | None = None,
) -> list[dict[str, Any]]:
    """Asks what is due and writes down what each address said.

    No lock is held while addresses are asked: what is due is read first, and answers are written after.
    """
    when = at or now()
    waiting = due_copies(session, numbers=numbers, at=when)
    if not waiting:
        return []
    case_of = {copy.id: case.id for case, copy in waiting}
    copies = [copy for _, copy in waiting]
    # What was read stays readable after the transaction, and with it the write lock, has ended.
    session.flush()
    session.expunge_all()
    session.commit()
    sightings = ask(copies)
    rows = []
    for sighting in sightings:
        case = session.get_one(Case, case_of[sighting.copy_id])
        copy = session.get_one(Copy, sighting.copy_id)
        whereabouts = _settled(copy, Whereabouts(sighting.whereabouts))
        _write(session, case, copy, sighting, whereabouts, when)
        rows.append(
            {
                "case": case.number,
                "url": copy.url,
                "status": sighting.status,
                "whereabouts": str(whereabouts),
                "note": sighting.note,
                "asked_at": when,
            }
        )
    for case_id in dict.fromkeys(case_of.values()):
        _conclude(session, session.get_one(Case, case_id), log)
    log.append(actor="cohortwatch", action="recheck", subject="copies", details={"asked": len(rows)})
    return rows


def _settled(copy: Copy, seen: Whereabouts) -> Whereabouts:
    """What is up after it was gone or private is back; what could not be told stays what it was."""
    if seen == Whereabouts.UP and copy.whereabouts in (*cases.GONE, Whereabouts.BACK):
        return Whereabouts.BACK
    return seen


def _write(
    session: Session, case: Case, copy: Copy, sighting: Sighting, whereabouts: Whereabouts, when: datetime
) -> None:
    assert case.id is not None
    assert copy.id is not None
    session.add(
        Recheck(
            case_id=case.id,
            copy_id=copy.id,
            asked_at=when,
            status=sighting.status,
            whereabouts=whereabouts,
            note=sighting.note,
        )
    )
    if whereabouts in (Whereabouts.BLOCKED, Whereabouts.UNKNOWN):
        return
    if whereabouts in cases.PRESENT:
        copy.last_seen_at = when
    copy.whereabouts = whereabouts
    session.add(copy)
    session.flush()


def _conclude(session: Session, case: Case, log: AuditLog) -> None:
    copies = cases.copies_of(session, case)
    is_gone = bool(copies) and all(copy.whereabouts in cases.GONE for copy in copies)
    if is_gone and case.state in (CaseState.CONFIRMED, CaseState.NOTIFIED):
        cases.become(session, case, CaseState.REMOVED)
        log.append(
            actor="cohortwatch", action="case.removed", subject=case.number, details={"copies": len(copies)}
        )
    elif not is_gone and case.state in (CaseState.REMOVED, CaseState.CLOSED):
        cases.reopen(session, case, why="a copy is back", log=log)


def _is_due(session: Session, case: Case, copy: Copy, at: datetime) -> bool:
    """Daily while it is up; 1, 3, 7, 30 and 90 days after it was first seen gone."""
    query = (
        select(Recheck)
        .where(Recheck.case_id == case.id, Recheck.copy_id == copy.id)
        .order_by(col(Recheck.asked_at))
    )
    asked = session.exec(query).all()
    if not asked:
        return True
    last = asked[-1].asked_at
    if copy.whereabouts not in cases.GONE:
        return at - last >= RECHECKS[0]
    gone_since = last
    for one in reversed(asked):
        if one.whereabouts in cases.PRESENT:
            break
        gone_since = one.asked_at
    return any(last < gone_since + after <= at for after in RECHECKS)
