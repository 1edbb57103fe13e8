"""Hints of a case from pictures of listings: which others show one that looks much the same.

A hint is for the reader only. It opens no case, joins none, is no reason in any notice, and stands apart from the
evidence; a picture that many listings outside every case show too (a shop's own, a placeholder) gives none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session, col, select

from crawler.models import Copy, Find
from matcher.models import FoundPicture
from matcher.pictures import ALIKE, BITS, bits_apart
from takedown.models import Case, CaseCopy

MOST_OUTSIDE = 3
"""A picture that more listings outside every case show than this tells nothing of any of them."""


@dataclass(frozen=True, slots=True)
class _Shown:
    """A listing's copy, and the appearance of the picture that it shows."""

    copy: Copy
    appearance: int


def hints_of(session: Session, case: Case, copies: Iterable[Copy]) -> list[dict[str, Any]]:
    """For each copy of a case that is a listing: others, of the same cohort's cases or of none, with a like picture.

    The nearest first; `case` of a hint is None where the other listing is in none.
    """
    ours = {copy.url for copy in copies if copy.details.get("picture")}
    if not ours:
        return []
    cases = _cases(session)
    shown = _shown(session, cases)
    hints = []
    for one in (shown[url] for url in sorted(ours) if url in shown):
        others = [
            (other, bits)
            for url, other in shown.items()
            if url not in ours and (bits := bits_apart(one.appearance, other.appearance)) <= ALIKE
        ]
        outside = [other for other, _ in others if other.copy.id not in cases]
        if len(outside) > MOST_OUTSIDE:
            continue
        for other, bits in sorted(others, key=lambda pair: (pair[1], pair[0].copy.id or 0)):
            theirs = cases.get(other.copy.id)
            if theirs is None or (theirs.cohort == case.cohort and theirs.id != case.id):
                hints.append(_hint(one.copy, other.copy, theirs, bits))
    return hints


def _hint(ours: Copy, other: Copy, case: Case | None, bits: int) -> dict[str, Any]:
    whose = f"the listing in {case.number}" if case else "a listing that is in no case"
    alike = [
        what
        for what, same in (
            ("the same price", _same(ours.details.get("price"), other.details.get("price"))),
            ("the same account", _same(ours.account, other.account)),
            ("the same title", _same(ours.title, other.title)),
        )
        if same
    ]
    beside = f", and {' and '.join(alike)}" if alike else ""
    return {
        "copy_id": ours.id,
        "url": ours.url,
        "case": case.number if case else None,
        "other_url": other.url,
        "bits_apart": bits,
        "says": f"a picture much like that of {whose} ({bits} of {BITS} bits apart){beside}: a hint, no evidence",
    }


def _same(one: Any, other: Any) -> bool:
    return bool(one) and one == other


def _shown(session: Session, cases: Mapping[int | None, Case]) -> dict[str, _Shown]:
    """Listings whose picture was looked at, by their address; the picture is joined by the address that they name.

    A listing that has changed its text is several copies at one address: one that is in a case stands for it.
    """
    pictures = select(Copy.url, FoundPicture.appearance).where(Copy.find_sha256 == FoundPicture.find_sha256)
    looks = {url: int(appearance, 16) for url, appearance in session.exec(pictures.order_by(col(Copy.id)))}
    listings = select(Copy).join(Find, col(Find.sha256) == Copy.find_sha256).where(Find.kind == "listing")
    seen = [copy for copy in session.exec(listings) if copy.details.get("picture") in looks]
    seen.sort(key=lambda copy: (copy.id in cases, copy.id))
    return {copy.url: _Shown(copy, looks[copy.details["picture"]]) for copy in seen}


def _cases(session: Session) -> dict[int | None, Case]:
    """The oldest case of each copy that is in any."""
    query = (
        select(CaseCopy.copy_id, Case)
        .join(Case, col(Case.id) == CaseCopy.case_id)
        .order_by(col(Case.id).desc())
    )
    return dict(session.exec(query).all())
