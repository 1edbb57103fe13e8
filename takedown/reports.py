"""The report: how long it took to detect, to notice and to remove; what is still open; what was not looked at."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from statistics import median
from typing import Any

from sqlmodel import Session, col, select

from crawler.models import Copy, Find, Source, Whereabouts
from matcher.models import Match
from takedown import cases
from takedown.models import Case, CaseState, Delivery, Notice, NoticeState, Recheck


def report(session: Session, *, since: datetime | None = None) -> dict[str, Any]:
    """Times are medians in hours, true to the second, over cases opened since `since`; None where there is none."""
    query = select(Case).order_by(col(Case.opened_at))
    if since is not None:
        query = query.where(Case.opened_at >= since)
    chosen = session.exec(query).all()
    return {
        "cases": {state.value: sum(case.state == state for case in chosen) for state in CaseState},
        "times": {
            "hours_to_detect": _median(_hours(case.first_seen_at, case.opened_at) for case in chosen),
            "hours_to_confirm": _median(_hours(case.opened_at, case.aware_at) for case in chosen),
            "hours_to_notice": _median(_hours(case.aware_at, _first_sent(session, case)) for case in chosen),
            "hours_to_removal": _median(
                _hours(_first_sent(session, case), _gone_at(session, case)) for case in chosen
            ),
        },
        "open_exposures": [_exposure(session, case) for case in chosen if _is_open(case)],
        "coverage": _coverage(session),
        "not_examined": len(
            session.exec(select(Find.sha256).where(col(Find.examined_version).is_(None))).all()
        ),
    }


def _is_open(case: Case) -> bool:
    return case.state in (CaseState.NEW, CaseState.CONFIRMED, CaseState.NOTIFIED)


def _exposure(session: Session, case: Case) -> dict[str, Any]:
    copies: Iterable[Copy] = cases.copies_of(session, case)
    matches: Iterable[Match] = cases.matches_of(session, case)
    return {
        "case": case.number,
        "state": str(case.state),
        "copies_up": sum(copy.whereabouts in cases.PRESENT for copy in copies),
        "participants": max((match.participants_matched or 0 for match in matches), default=0),
        "first_seen_at": case.first_seen_at,
    }


def _coverage(session: Session) -> list[dict[str, Any]]:
    return [
        {
            "source": one.name,
            "last_pass_at": one.last_pass_at,
            "last_answer_at": one.last_answer_at,
            "silent": one.silent_reason,
            "caps_hit": one.caps_hit,
        }
        for one in session.exec(select(Source).order_by(col(Source.name))).all()
    ]


def _first_sent(session: Session, case: Case) -> datetime | None:
    query = (
        select(Delivery.ended_at)
        .join(Notice, col(Notice.id) == Delivery.notice_id)
        .where(Notice.case_id == case.id, Delivery.state == NoticeState.SENT)
        .order_by(col(Delivery.ended_at))
    )
    return session.exec(query).first()


def _gone_at(session: Session, case: Case) -> datetime | None:
    """When the last of its copies was first seen gone; None while one is up."""
    if any(copy.whereabouts not in cases.GONE for copy in cases.copies_of(session, case)):
        return None
    gone = (Whereabouts.GONE, Whereabouts.PRIVATE)
    query = select(Recheck).where(Recheck.case_id == case.id, col(Recheck.whereabouts).in_(gone))
    first: dict[int, datetime] = {}
    for one in session.exec(query.order_by(col(Recheck.asked_at))).all():
        first.setdefault(one.copy_id, one.asked_at)
    return max(first.values(), default=None)


def _hours(start: datetime | None, end: datetime | None) -> float | None:
    return None if start is None or end is None else max(0.0, (end - start).total_seconds() / 3600)


def _median(hours: Iterable[float | None]) -> float | None:
    known = [one for one in hours if one is not None]
    return round(median(known), 6) if known else None
