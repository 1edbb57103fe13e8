"""Which matches are of one leak: the same content, the same blob inside two repositories, a fork, a relisting."""

from __future__ import annotations

from sqlmodel import Session, col, select

from crawler.models import Copy
from matcher.models import Match
from matcher.texts.families import are_copies
from takedown.models import Case, CaseCopy, CaseMatch, CaseState

SIGNATURE = "text_signature"
"""Where the answer of a listing's match holds its MinHash signature, in hex."""


def family_of(session: Session, match: Match) -> tuple[Case, str] | None:
    """The oldest case of the same leak and why the match belongs to it, or None."""
    for why, cases in (
        (
            "the same content",
            _cases_of_matches(session, Match.find_sha256 == match.find_sha256, match.cohort),
        ),
        (
            "the same file inside",
            _cases_of_matches(session, Match.content_sha256 == match.content_sha256, match.cohort),
        ),
        ("at the same address", _undismissed(_cases_of_address(session, match))),
        ("a fork of it", _undismissed(_cases_of_forks(session, match))),
        ("of the same listing", _undismissed(_cases_of_listing(session, match))),
        ("nearly the same text", _cases_of_relistings(session, match)),
    ):
        if cases:
            return min(cases, key=lambda case: case.id or 0), why
    return None


def _cases_of_matches(session: Session, condition: object, cohort: str) -> list[Case]:
    query = (
        select(Case)
        .join(CaseMatch, col(CaseMatch.case_id) == Case.id)
        .join(Match, col(Match.id) == CaseMatch.match_id)
        .where(condition, Match.cohort == cohort)  # type: ignore[arg-type]
    )
    return list(session.exec(query).all())


def _undismissed(cases: list[Case]) -> list[Case]:
    """Other content is another question: what a person said of the first does not answer it."""
    return [case for case in cases if case.state != CaseState.DISMISSED]


def _cases_of_address(session: Session, match: Match) -> list[Case]:
    """The same leak in other bytes, where it stood before: rows in another order, half of them, packed anew."""
    urls = select(Copy.url).where(Copy.find_sha256 == match.find_sha256)
    query = (
        select(Case)
        .join(CaseCopy, col(CaseCopy.case_id) == Case.id)
        .join(Copy, col(Copy.id) == CaseCopy.copy_id)
        .where(Case.cohort == match.cohort, col(Copy.url).in_(urls))
    )
    return list(session.exec(query).all())


def _cases_of_forks(session: Session, match: Match) -> list[Case]:
    copies = session.exec(select(Copy).where(Copy.find_sha256 == match.find_sha256)).all()
    urls = {copy.url for copy in copies}
    origins = {copy.origin for copy in copies if copy.origin}
    if not urls:
        return []
    query = (
        select(Case)
        .join(CaseCopy, col(CaseCopy.case_id) == Case.id)
        .join(Copy, col(Copy.id) == CaseCopy.copy_id)
        .where(
            Case.cohort == match.cohort,
            col(Copy.url).in_(origins) | col(Copy.origin).in_(urls) | col(Copy.origin).in_(origins),
        )
    )
    return list(session.exec(query).all())


def _cases_of_listing(session: Session, match: Match) -> list[Case]:
    """A file that a listing offers, the listing itself, and its other files are one leak."""
    copies = session.exec(select(Copy).where(Copy.find_sha256 == match.find_sha256)).all()
    listings = {str(copy.details.get("listing") or copy.url) for copy in copies if _is_of_listing(copy)}
    if not listings:
        return []
    query = (
        select(Case, Copy)
        .join(CaseCopy, col(CaseCopy.case_id) == Case.id)
        .join(Copy, col(Copy.id) == CaseCopy.copy_id)
        .where(Case.cohort == match.cohort, col(Copy.platform).in_({copy.platform for copy in copies}))
    )
    return [
        case
        for case, other in session.exec(query).all()
        if _is_of_listing(other) and str(other.details.get("listing") or other.url) in listings
    ]


def _is_of_listing(copy: Copy) -> bool:
    return bool(copy.details.get("listing") or copy.details.get("is_listing"))


def _cases_of_relistings(session: Session, match: Match) -> list[Case]:
    ours = match.answer.get(SIGNATURE)
    if not ours:
        return []
    found = []
    query = (
        select(Case, Match)
        .join(CaseMatch, col(CaseMatch.case_id) == Case.id)
        .join(Match, col(Match.id) == CaseMatch.match_id)
        .where(Match.cohort == match.cohort)
    )
    for case, other in session.exec(query).all():
        theirs = other.answer.get(SIGNATURE)
        if theirs and are_copies(bytes.fromhex(ours), bytes.fromhex(theirs)):
            found.append(case)
    return found
