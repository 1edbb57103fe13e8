"""Re-checks: every address under takedown is asked again until it is gone, and stays watched after.

A challenge, a failure or other content in its place says nothing of a copy; only a clear answer moves it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import takewhile
from typing import Any, Protocol

from sqlmodel import Session, col, select

from crawler.models import Copy, Find, Whereabouts, now
from crawler.tips import is_web_address
from matcher.models import Match
from takedown import cases
from takedown.addresses import MOVED_TO
from takedown.clocks import RECHECKS
from takedown.log import AuditLog
from takedown.models import Case, CaseCopy, CaseState, Recheck

WATCHED = (CaseState.CONFIRMED, CaseState.NOTIFIED, CaseState.REMOVED, CaseState.CLOSED)
CLEAR = (*cases.PRESENT, *cases.GONE)
CHANGED = "the content changed"
"""What the crawler notes of a file that is up with other bytes than those that were found."""
_REPLACED = "other content is there now"
_LOOKED_AT = f"{_REPLACED}, in which"


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
    copies = list({copy.id: copy for _, copy in waiting}.values())
    holding = _holding(session, copies, {case.id or 0 for case, _ in waiting})
    # What was read stays readable after the transaction, and with it the write lock, has ended.
    session.flush()
    session.expunge_all()
    session.commit()
    sightings = ask(copies)
    rows = [row for sighting in sightings for row in _take(session, sighting, holding, when)]
    for case_id in sorted({one for held in holding.values() for one in held}):
        _conclude(session, session.get_one(Case, case_id), log)
    log.append(actor="cohortwatch", action="recheck", subject="copies", details={"asked": len(sightings)})
    return rows


def _holding(session: Session, copies: Sequence[Copy], due: set[int]) -> dict[int, list[int]]:
    """The cases of each copy, which one answer concerns alike: those that are due, and others that are watched."""
    query = (
        select(CaseCopy.copy_id, CaseCopy.case_id)
        .join(Case, col(Case.id) == CaseCopy.case_id)
        .where(
            col(CaseCopy.copy_id).in_([copy.id for copy in copies]),
            col(Case.state).in_(WATCHED) | col(Case.id).in_(due),
        )
        .order_by(col(CaseCopy.case_id))
    )
    held: dict[int, list[int]] = {}
    for copy_id, case_id in session.exec(query).all():
        held.setdefault(copy_id, []).append(case_id)
    return held


def _take(
    session: Session, sighting: Sighting, holding: dict[int, list[int]], when: datetime
) -> list[dict[str, Any]]:
    """Writes down one answer in every case that holds the copy; a row a case."""
    copy = session.get_one(Copy, sighting.copy_id)
    whereabouts, note = _told(session, copy, sighting)
    rows = []
    for case_id in holding[sighting.copy_id]:
        session.add(
            Recheck(
                case_id=case_id,
                copy_id=sighting.copy_id,
                asked_at=when,
                status=sighting.status,
                whereabouts=whereabouts,
                note=note,
            )
        )
        rows.append(
            {
                "case": session.get_one(Case, case_id).number,
                "url": copy.url,
                "status": sighting.status,
                "whereabouts": str(whereabouts),
                "note": note,
                "asked_at": when,
            }
        )
    if whereabouts in CLEAR:
        _keep(copy, whereabouts, note, when)
    elif note and note.startswith(_LOOKED_AT) and copy.whereabouts in cases.PRESENT:
        copy.whereabouts = Whereabouts.UNKNOWN
    session.add(copy)
    session.flush()
    return rows


def _keep(copy: Copy, whereabouts: Whereabouts, note: str | None, when: datetime) -> None:
    copy.whereabouts = whereabouts
    if whereabouts not in cases.PRESENT:
        return
    copy.last_seen_at = when
    details = {name: value for name, value in copy.details.items() if name != MOVED_TO}
    copy.details = {**details, MOVED_TO: note} if note and is_web_address(note) else details


def _told(session: Session, copy: Copy, sighting: Sighting) -> tuple[Whereabouts, str | None]:
    """What a sighting says of the copy, which is more than what it says of the address.

    Other bytes are not the copy, and what a shop puts at the end of a redirect after the copy was gone need not be;
    what is up after it was gone or private is back.
    """
    seen, note = Whereabouts(sighting.whereabouts), sighting.note
    was_gone = copy.whereabouts in cases.GONE
    # Hosts of repositories say 401 or 404 of what is private; GitHub alone says 403 of what it has blocked.
    if seen == Whereabouts.PRIVATE and sighting.status == 403 and copy.platform != "github":
        return Whereabouts.BLOCKED, "refused: private, or closed to us alone"
    # A page's find is its text, so its bytes always differ from it.
    if seen == Whereabouts.UP and note == CHANGED and not copy.details.get("was_page"):
        return Whereabouts.UNKNOWN, _in_its_place(session, copy)
    if seen == Whereabouts.MOVED and was_gone and not copy.details.keys() & {"clone_url", "full_name"}:
        return Whereabouts.UNKNOWN, f"it leads to {note} now"
    if seen in cases.PRESENT and (was_gone or copy.whereabouts == Whereabouts.BACK):
        return Whereabouts.BACK, note
    return seen, note


def _in_its_place(session: Session, copy: Copy) -> str:
    """What is known of the content that stands at the address of a copy now: what the crawl found there since."""
    newer = (
        select(Find.sha256)
        .join(Copy, col(Copy.find_sha256) == Find.sha256)
        .where(
            Copy.url == copy.url,
            Copy.id != copy.id,
            Copy.last_seen_at > copy.last_seen_at,
            col(Find.examined_version).is_not(None),
        )
        .order_by(col(Copy.last_seen_at).desc())
    )
    sha256 = session.exec(newer).first()
    if sha256 is None:
        return f"{_REPLACED}, which was not examined yet"
    ours = select(Match.cohort).where(Match.find_sha256 == copy.find_sha256)
    query = select(Match.id).where(
        Match.find_sha256 == sha256, col(Match.verdict).in_(cases.OPENS), col(Match.cohort).in_(ours)
    )
    if session.exec(query).first() is None:
        return f"{_LOOKED_AT} nothing of the cohort was recognised"
    return f"{_LOOKED_AT} the cohort was recognised as well"


def _conclude(session: Session, case: Case, log: AuditLog) -> None:
    # A file that a person handed in is at no address that could go.
    copies = [copy for copy in cases.copies_of(session, case) if is_web_address(copy.url)]
    is_gone = bool(copies) and all(copy.whereabouts in cases.GONE for copy in copies)
    is_up = any(copy.whereabouts in cases.PRESENT for copy in copies)
    if is_gone and case.state in (CaseState.CONFIRMED, CaseState.NOTIFIED):
        cases.become(session, case, CaseState.REMOVED)
        log.append(
            actor="cohortwatch", action="case.removed", subject=case.number, details={"copies": len(copies)}
        )
    elif is_up and case.state in (CaseState.REMOVED, CaseState.CLOSED):
        cases.reopen(session, case, why="a copy is back", log=log)


def _is_due(session: Session, case: Case, copy: Copy, at: datetime) -> bool:
    """Daily while it is up; 1, 3, 7, 30 and 90 days after it was first seen gone, each until the answer is clear.

    What the crawl came across after it was gone is asked at once. A closed case is watched for what comes back only.
    """
    was_gone = copy.whereabouts in cases.GONE
    if not is_web_address(copy.url) or (case.state == CaseState.CLOSED and not was_gone):
        return False
    asked = session.exec(
        select(Recheck).where(Recheck.copy_id == copy.id).order_by(col(Recheck.asked_at).desc())
    ).all()
    if not asked or (was_gone and copy.last_seen_at > asked[0].asked_at):
        return True
    if at - asked[0].asked_at < RECHECKS[0]:
        return False
    if not was_gone:
        return True
    clear = [one for one in asked if one.whereabouts in CLEAR]
    gone = [one.asked_at for one in takewhile(lambda one: one.whereabouts in cases.GONE, clear)]
    return not gone or any(gone[0] < gone[-1] + after <= at for after in RECHECKS)
