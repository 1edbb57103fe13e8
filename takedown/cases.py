"""Cases: the only writer of a case's state, and what triage reads of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlmodel import Session, col, select

from crawler.models import Capture, Copy, Find, Whereabouts, now
from matcher.models import Match
from takedown import clocks
from takedown.errors import NotNow, UnknownCase
from takedown.families import family_of
from takedown.likeness import hints_of
from takedown.log import AuditLog
from takedown.models import Case, CaseCopy, CaseMatch, CaseState, Delivery, Notice, NoticeState, Recheck
from takedown.people import find_person, require

OPENS = ("probable", "confirmed")
PRESENT = (Whereabouts.UP, Whereabouts.BACK, Whereabouts.MOVED)
GONE = (Whereabouts.GONE, Whereabouts.PRIVATE)

_MAY_BECOME: dict[CaseState, frozenset[CaseState]] = {
    CaseState.NEW: frozenset({CaseState.CONFIRMED, CaseState.DISMISSED}),
    CaseState.CONFIRMED: frozenset(
        {CaseState.NOTIFIED, CaseState.REMOVED, CaseState.DISMISSED, CaseState.CLOSED}
    ),
    CaseState.NOTIFIED: frozenset({CaseState.REMOVED, CaseState.CONFIRMED, CaseState.CLOSED}),
    CaseState.REMOVED: frozenset({CaseState.CONFIRMED, CaseState.CLOSED, CaseState.NOTIFIED}),
    CaseState.CLOSED: frozenset({CaseState.CONFIRMED}),
    CaseState.DISMISSED: frozenset({CaseState.CONFIRMED}),
}


def open_cases(session: Session, *, log: AuditLog) -> list[Case]:
    """Opens a case for every new match at `probable` or above, or joins it to the family of the same leak.

    Running it again changes nothing. Gives the cases that were opened.
    """
    opened: list[Case] = []
    in_cases = select(CaseMatch.match_id)
    query = (
        select(Match)
        .where(col(Match.verdict).in_(OPENS), col(Match.id).not_in(in_cases))
        .order_by(col(Match.false_match_probability), col(Match.id))
    )
    for match in session.exec(query).all():
        family = family_of(session, match)
        case, why = family or (_new_case(session, match), "the find that opened it")
        if family is None:
            opened.append(case)
            log.append(
                actor="cohortwatch",
                action="case.open",
                subject=case.number,
                details={"verdict": match.verdict},
            )
        assert case.id is not None
        assert match.id is not None
        session.add(CaseMatch(case_id=case.id, match_id=match.id))
        if match.verdict == "confirmed" and case.verdict != "confirmed":
            case.verdict = "confirmed"
            session.add(case)
        session.flush()
        _join_copies(session, case, match.find_sha256, why, log)
    _join_late_copies(session, log)
    return opened


def open_numbers(session: Session) -> list[str]:
    """Cases that nobody dismissed or closed, in the order of their numbers."""
    states = [CaseState.NEW, CaseState.CONFIRMED, CaseState.NOTIFIED]
    query = select(Case.number).where(col(Case.state).in_(states)).order_by(col(Case.id))
    return list(session.exec(query).all())


def _new_case(session: Session, match: Match) -> Case:
    find = session.get(Find, match.find_sha256)
    copy = session.exec(select(Copy).where(Copy.find_sha256 == match.find_sha256)).first()
    year = now().year
    numbers = session.exec(select(Case.number).where(col(Case.number).startswith(f"CW-{year}-"))).all()
    following = max((int(number.rpartition("-")[2]) for number in numbers), default=0) + 1
    what = (copy.title if copy and copy.title else None) or (find.name if find else "a find")
    case = Case(
        number=f"CW-{year}-{following:04}",
        title=f"{copy.platform.replace('_', ' ')}: {what}" if copy else what,
        cohort=match.cohort,
        verdict=match.verdict,
        first_seen_at=find.first_seen_at if find else match.found_at,
    )
    session.add(case)
    session.flush()
    return case


def _join_copies(session: Session, case: Case, find_sha256: str, why: str, log: AuditLog) -> None:
    assert case.id is not None
    for copy in session.exec(select(Copy).where(Copy.find_sha256 == find_sha256)).all():
        assert copy.id is not None
        if session.get(CaseCopy, (case.id, copy.id)) is None:
            session.add(CaseCopy(case_id=case.id, copy_id=copy.id, why=why))
            if case.state in (CaseState.REMOVED, CaseState.CLOSED) and copy.whereabouts in PRESENT:
                reopen(session, case, why="another copy was found", log=log)
    session.flush()


def _join_late_copies(session: Session, log: AuditLog) -> None:
    """Copies of a matched find that were found after its case was opened."""
    query = (
        select(Case, Match.find_sha256)
        .join(CaseMatch, col(CaseMatch.case_id) == Case.id)
        .join(Match, col(Match.id) == CaseMatch.match_id)
        .where(Case.state != CaseState.DISMISSED)
    )
    for case, sha256 in session.exec(query).all():
        _join_copies(session, case, sha256, "the same content at another address", log)


def confirm(session: Session, number: str, *, by: str, reason: str, log: AuditLog) -> Case:
    """A person says that it is a leak; awareness, and with it the clocks, begins now."""
    case = _decide(session, number, CaseState.CONFIRMED, by=by, reason=reason, log=log)
    case.aware_at = case.aware_at or now()
    return case


def dismiss(session: Session, number: str, *, by: str, reason: str, log: AuditLog) -> Case:
    """A person says that it is none; what was drafted or approved for it is void."""
    case = _decide(session, number, CaseState.DISMISSED, by=by, reason=reason, log=log)
    unsent = (NoticeState.DRAFT, NoticeState.APPROVED)
    query = select(Notice).where(Notice.case_id == case.id, col(Notice.state).in_(unsent))
    for notice in session.exec(query).all():
        notice.state = NoticeState.VOID
        session.add(notice)
        log.append(actor=by, action="notice.void", subject=str(notice.id), details={"case": number})
    return case


def require_confirmed(case: Case, before: str) -> None:
    """A case's notices wait for a person who says that it is a leak; `before` names what waits.

    Raises:
        NotNow: nobody said so, or somebody said that it is none or over.
    """
    state = CaseState(case.state)
    if state == CaseState.NEW:
        raise NotNow(f"{case.number} is not confirmed yet; confirm the case before {before}")
    if state in (CaseState.DISMISSED, CaseState.CLOSED):
        raise NotNow(f"{case.number} was {state}; confirm the case again before {before}")


def close(session: Session, number: str, *, by: str, reason: str, log: AuditLog) -> Case:
    """A person says that it is over.

    Raises:
        NotNow: a copy is still up.
    """
    case = find_case(session, number)
    still_up = [copy for copy in copies_of(session, case) if copy.whereabouts in PRESENT]
    if still_up:
        raise NotNow(f"{number} has {len(still_up)} copies that are still up; re-check or dismiss it instead")
    case = _decide(session, number, CaseState.CLOSED, by=by, reason=reason, log=log)
    case.closed_at = now()
    return case


def assign(session: Session, number: str, *, to: str, by: str, log: AuditLog) -> Case:
    """Gives the case to a person."""
    case = find_case(session, number)
    require(find_person(session, by), "triage")
    case.assignee = find_person(session, to).name
    session.add(case)
    log.append(actor=by, action="case.assign", subject=number, details={"to": to})
    return case


def reopen(session: Session, case: Case, *, why: str, log: AuditLog) -> None:
    """A copy is up again: the case is confirmed anew, and its first awareness stays."""
    become(session, case, CaseState.CONFIRMED)
    case.closed_at = None
    log.append(actor="cohortwatch", action="case.reopen", subject=case.number, details={"why": why})


def become(session: Session, case: Case, state: CaseState) -> None:
    """Moves a case to a state that its present one allows.

    Raises:
        NotNow: it does not.
    """
    present = CaseState(case.state)
    if state == present:
        return
    if state not in _MAY_BECOME[present]:
        allowed = ", ".join(sorted(_MAY_BECOME[present])) or "nothing"
        raise NotNow(f"{case.number} is {present} and cannot become {state}; it may become {allowed}")
    case.state = state
    session.add(case)


def _decide(session: Session, number: str, state: CaseState, *, by: str, reason: str, log: AuditLog) -> Case:
    require(find_person(session, by), "triage")
    case = find_case(session, number)
    if not reason.strip():
        raise NotNow("a decision needs a reason; give one")
    if case.state == state:
        raise NotNow(f"{number} is {state} already")
    become(session, case, state)
    case.decision = reason
    log.append(actor=by, action=f"case.{state}", subject=number, details={"reason": reason})
    return case


def find_case(session: Session, number: str) -> Case:
    """The case of that number.

    Raises:
        UnknownCase: there is none.
    """
    case = session.exec(select(Case).where(Case.number == number)).first()
    if case is None:
        raise UnknownCase(f"there is no case {number}; see `cohortwatch case list`")
    return case


def copies_of(session: Session, case: Case) -> Sequence[Copy]:
    query = (
        select(Copy)
        .join(CaseCopy, col(CaseCopy.copy_id) == Copy.id)
        .where(CaseCopy.case_id == case.id)
        .order_by(col(Copy.id))
    )
    return session.exec(query).all()


def matches_of(session: Session, case: Case) -> Sequence[Match]:
    query = (
        select(Match)
        .join(CaseMatch, col(CaseMatch.match_id) == Match.id)
        .where(CaseMatch.case_id == case.id)
        .order_by(col(Match.false_match_probability), col(Match.id))
    )
    return session.exec(query).all()


def queue(session: Session) -> list[dict[str, Any]]:
    """Every case for triage: open ones first, the surest first."""
    order = {state: place for place, state in enumerate(CaseState)}
    rows = [_row(session, case) for case in session.exec(select(Case)).all()]
    return sorted(rows, key=lambda row: (order[row["state"]], row["false_match_probability"], row["number"]))


def _row(session: Session, case: Case) -> dict[str, Any]:
    matches, copies = matches_of(session, case), copies_of(session, case)
    named = next((match for match in matches if match.release), None)
    running = _clocks(session, case)
    return {
        "number": case.number,
        "title": case.title,
        "cohort": case.cohort,
        "contents": sorted({match.answer.get("content") or "unknown" for match in matches}),
        "state": CaseState(case.state),
        "verdict": case.verdict,
        "false_match_probability": min((match.false_match_probability for match in matches), default=1.0),
        "participants_matched": max((match.participants_matched or 0 for match in matches), default=0)
        or None,
        "release": named.release if named else None,
        "recipient": named.recipient if named else None,
        "standing": named.standing if named else None,
        "copies_count": len(copies),
        "copies_up": sum(copy.whereabouts in PRESENT for copy in copies),
        "copies_back": sum(copy.whereabouts == Whereabouts.BACK for copy in copies),
        "platforms": sorted({copy.platform for copy in copies}),
        "assignee": case.assignee,
        "first_seen_at": case.first_seen_at,
        "opened_at": case.opened_at,
        "aware_at": case.aware_at,
        "next_clock": running[0] if running else None,
    }


def case_view(session: Session, number: str) -> dict[str, Any]:
    """Everything that a person needs to decide on a case."""
    case = find_case(session, number)
    whys = {
        one.copy_id: one.why
        for one in session.exec(select(CaseCopy).where(CaseCopy.case_id == case.id)).all()
    }
    notices = session.exec(select(Notice).where(Notice.case_id == case.id).order_by(col(Notice.id))).all()
    rechecks = session.exec(select(Recheck).where(Recheck.case_id == case.id).order_by(col(Recheck.id))).all()
    copies = copies_of(session, case)
    return {
        **_row(session, case),
        "decision": case.decision,
        "closed_at": case.closed_at,
        "matches": [_match(match) for match in matches_of(session, case)],
        "copies": [_copy(session, copy, whys.get(copy.id or 0, "")) for copy in copies],
        "hints": hints_of(session, case, copies),
        "notices": [_notice(one) for one in notices],
        "rechecks": [
            {"copy_id": one.copy_id, "asked_at": one.asked_at, "status": one.status,
             "whereabouts": Whereabouts(one.whereabouts), "note": one.note}
            for one in rechecks
        ],
        "clocks": _clocks(session, case),
    }  # fmt: skip


def _match(match: Match) -> dict[str, Any]:
    stored = match.answer.get("match", {})
    return {
        "id": match.id,
        "path": match.path,
        "content": match.answer.get("content"),
        "format": match.answer.get("format"),
        "columns": match.answer.get("columns", []),
        "content_sha256": match.content_sha256,
        "find_sha256": match.find_sha256,
        "verdict": match.verdict,
        "release": match.release or None,
        "recipient": match.recipient,
        "standing": match.standing,
        "relation": match.relation,
        "false_match_probability": match.false_match_probability,
        "false_accusation_probability": match.false_accusation_probability,
        "participants_matched": match.participants_matched,
        "participants_examined": match.participants_examined,
        "candidates": stored.get("candidates", []),
        "evidence": stored.get("evidence", []),
    }


def _copy(session: Session, copy: Copy, why: str) -> dict[str, Any]:
    capture = session.get(Capture, copy.capture_id) if copy.capture_id else None
    return {
        "id": copy.id,
        "url": copy.url,
        "platform": copy.platform,
        "account": copy.account,
        "title": copy.title,
        "origin": copy.origin,
        "details": copy.details,
        "whereabouts": Whereabouts(copy.whereabouts),
        "first_seen_at": copy.first_seen_at,
        "last_seen_at": copy.last_seen_at,
        "find_sha256": copy.find_sha256,
        "why": why,
        "capture": capture.model_dump() if capture else None,
    }


def _notice(notice: Notice) -> dict[str, Any]:
    return {
        "id": notice.id,
        "letter": notice.letter,
        "language": notice.language,
        "recipient": notice.recipient,
        "subject": notice.subject,
        "channel": notice.channel,
        "state": NoticeState(notice.state),
        "author": notice.author,
        "sha256": notice.sha256,
        "drafted_at": notice.drafted_at,
    }


def _clocks(session: Session, case: Case) -> list[dict[str, Any]]:
    """Clocks run from the last notice of each kind to each address: what was sent again gives its time anew."""
    query = (
        select(Notice.letter, Notice.recipient, Delivery.ended_at)
        .join(Delivery, col(Delivery.notice_id) == Notice.id)
        .where(Notice.case_id == case.id, Delivery.state == NoticeState.SENT)
        .order_by(col(Delivery.ended_at))
    )
    last = {(letter, to): at for letter, to, at in session.exec(query).all() if at is not None}
    return clocks.due(case.aware_at, [(letter, at) for (letter, _), at in last.items()])
