"""A case: why it matched, where its copies are, whose copy it was, what was done, and what a person may do next."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response
from sqlmodel import Session, col, select

from matcher.models import Match
from takedown import cases, notices
from takedown.addresses import Address, addresses_of
from takedown.console.desk import Asking, Desk, desk_of
from takedown.console.evidence import why_no_screenshot
from takedown.console.guard import Posting, Signed, Visitor
from takedown.console.page import go, page
from takedown.errors import NotAllowed, NotNow, TakedownError, UnknownCase
from takedown.models import CaseState, Person
from takedown.people import may, require

routes = APIRouter(prefix="/case")
DECISIONS = {
    "confirm": (cases.confirm, "confirmed"),
    "dismiss": (cases.dismiss, "dismissed"),
    "close": (cases.close, "closed"),
}


@routes.get("/{number}")
def show_case(request: Request, visitor: Signed, number: str) -> Response:
    return _page(request, visitor, number)


@routes.post("/{number}/decide")
def decide(
    request: Request,
    visitor: Posting,
    number: str,
    decision: Annotated[str, Form()] = "",
    reason: Annotated[str, Form()] = "",
) -> Response:
    if decision not in DECISIONS:
        require(visitor.person, "triage")
        raise NotNow("a case can be confirmed, dismissed or closed; choose one of them")
    change, said = DECISIONS[decision]

    def decided(session: Session, desk: Desk) -> None:
        change(session, number, by=visitor.person.name, reason=reason.strip(), log=desk.log)

    return _act(request, visitor, number, "triage", decided, said)


@routes.post("/{number}/assign")
def assign(request: Request, visitor: Posting, number: str, to: Annotated[str, Form()] = "") -> Response:
    def assigned(session: Session, desk: Desk) -> None:
        cases.assign(session, number, to=to, by=visitor.person.name, log=desk.log)

    return _act(request, visitor, number, "triage", assigned, "assigned")


@routes.post("/{number}/draft")
def draft(request: Request, visitor: Posting, number: str) -> Response:
    def drafted(session: Session, desk: Desk) -> None:
        if desk.sender is None:
            raise NotNow("settings.toml does not say who signs; fill in [sender] and start the console again")
        made = notices.draft(
            session,
            number,
            author=visitor.person.name,
            sender=desk.sender,
            log=desk.log,
            directory=desk.directory,
        )
        if not made:
            raise NotNow("every letter that its present copies call for is there already; edit those")

    return _act(request, visitor, number, "draft", drafted, "drafted")


@routes.post("/{number}/recheck")
def recheck(request: Request, visitor: Posting, number: str) -> Response:
    """Asks again beside the page, since sites may take minutes to answer."""
    require(visitor.person, "recheck")
    desk = desk_of(request)
    with desk.reading() as session:
        cases.find_case(session, number)
    if desk.recheck is None:
        raise NotNow("this console was started without a crawler; run `cohortwatch recheck` instead")
    with desk.lock:
        asking = desk.asking.get(number)
        if asking is None or not asking.running:
            desk.asking[number] = Asking(running=True)
            desk.log.append(actor=visitor.person.name, action="case.recheck", subject=number)
            threading.Thread(target=_ask, args=(desk, number), daemon=True).start()
    return go(f"/case/{number}", "asking")


@routes.get("/{number}/asking")
def show_asking(request: Request, visitor: Signed, number: str) -> Response:
    """The line about a running re-check, which the page asks for until it is over."""
    response = page(
        request,
        "asking.html",
        visitor=visitor,
        number=number,
        asking=desk_of(request).asking.get(number),
        is_part=True,
    )
    asking = desk_of(request).asking.get(number)
    if asking is not None and not asking.running:
        response.headers["HX-Refresh"] = "true"
    return response


def _ask(desk: Desk, number: str) -> None:
    assert desk.recheck is not None
    try:
        asked = desk.recheck([number])
        changed = "1 address was asked." if len(asked) == 1 else f"{len(asked)} addresses were asked."
    except Exception as wrong:  # noqa: BLE001 - this thread has no caller; the page must say how it ended
        changed = f"It could not be asked: {str(wrong) or type(wrong).__name__}"
    with desk.lock:
        desk.asking[number] = Asking(running=False, outcome=changed)


def _act(
    request: Request,
    visitor: Visitor,
    number: str,
    action: str,
    change: Callable[[Session, Desk], None],
    said: str,
) -> Response:
    """Does one thing in one transaction; what forbids it is told on the case's own page."""
    require(visitor.person, action)
    desk = desk_of(request)
    try:
        with desk.writing() as session:
            change(session, desk)
            session.commit()
    except (NotAllowed, UnknownCase):
        raise
    except TakedownError as wrong:
        return _page(request, visitor, number, problem=str(wrong), status=409)
    return go(f"/case/{number}", said)


def _page(
    request: Request, visitor: Visitor, number: str, *, problem: str | None = None, status: int = 200
) -> Response:
    desk = desk_of(request)
    with desk.reading() as session:
        case = cases.case_view(session, number)
        people = session.exec(
            select(Person).where(col(Person.active).is_(True)).order_by(col(Person.name))
        ).all()
        assignable = [(one.name, one.full_name) for one in people if may(one.role, "triage")]
        files = _files(session, case)
        pinned = _pinned(session, number)
    return page(
        request,
        "case.html",
        visitor=visitor,
        status=status,
        problem=problem,
        case=case,
        files=files,
        pinned=pinned,
        decisions=_decisions(case["state"]),
        releases=_releases(case),
        candidates=_candidates(case),
        without_picture=_without_picture(case),
        rechecks=_by_copy(case["rechecks"]),
        assignable=assignable,
        history=_history(desk, case),
        asking=desk.asking.get(number),
        can_send=desk.route is not None,
        can_draft=desk.sender is not None,
        can_ask=desk.recheck is not None,
        number=number,
    )


def _decisions(state: str) -> list[str]:
    """What a person may decide now."""
    may_become = {
        CaseState.NEW: ["confirm", "dismiss"],
        CaseState.CONFIRMED: ["close", "dismiss"],
        CaseState.NOTIFIED: ["close"],
        CaseState.REMOVED: ["close"],
        CaseState.CLOSED: ["confirm"],
        CaseState.DISMISSED: ["confirm"],
    }
    return may_become[CaseState(state)]


def _pinned(session: Session, number: str) -> dict[int, list[Address]]:
    """By copy, the exact addresses that a notice would name, where they say more than its own."""
    case = cases.find_case(session, number)
    matches = cases.matches_of(session, case)
    named = {copy.id or 0: (copy.url, addresses_of(copy, matches)) for copy in cases.copies_of(session, case)}
    return {
        number: exact if any(one.url != url or one.commit for one in exact) else []
        for number, (url, exact) in named.items()
    }


def _files(session: Session, case: dict[str, Any]) -> list[dict[str, Any]]:
    """The matched files, each once with the releases that it names; the surest first."""
    files: dict[tuple[str, str], dict[str, Any]] = {}
    for match in case["matches"]:
        row = session.get(Match, match["id"])
        why = row.answer.get("match", {}).get("release_evidence", []) if row else []
        file = files.setdefault((match["find_sha256"], match["path"]), {**match, "releases": []})
        if match["release"]:
            file["releases"].append({**match, "why": why})
    return list(files.values())


def _releases(case: dict[str, Any]) -> list[dict[str, Any]]:
    """The releases that are named anywhere in the case, each with its best standing."""
    best: dict[str, dict[str, Any]] = {}
    for match in case["matches"]:
        if not match["release"]:
            continue
        known = best.get(match["release"])
        if known is None or _wrong(match) < _wrong(known):
            best[match["release"]] = match
    return sorted(best.values(), key=_wrong)


def _wrong(match: dict[str, Any]) -> float:
    probability = match["false_accusation_probability"]
    return 1.0 if probability is None else float(probability)


def _candidates(case: dict[str, Any]) -> list[dict[str, Any]]:
    best: dict[str, dict[str, Any]] = {}
    for match in case["matches"]:
        for one in match["candidates"]:
            known = best.get(one["release"])
            if known is None or _wrong(one) < _wrong(known):
                best[one["release"]] = one
    return sorted(best.values(), key=_wrong)[:10]


def _without_picture(case: dict[str, Any]) -> dict[int, str]:
    """Why a copy's evidence holds no screenshot, by copy."""
    return {
        copy["id"]: why_no_screenshot(copy["platform"], copy["capture"]["answer"])
        for copy in case["copies"]
        if copy["capture"] and not copy["capture"]["screenshot_object"]
    }


def _by_copy(rechecks: list[dict[str, Any]]) -> dict[int, list[dict[str, Any]]]:
    grouped: dict[int, list[dict[str, Any]]] = {}
    for one in rechecks:
        grouped.setdefault(one["copy_id"], []).append(one)
    return grouped


def _history(desk: Desk, case: dict[str, Any]) -> list[dict[str, Any]]:
    """What the log says of the case and its notices, newest first."""
    number, numbers = case["number"], {str(one["id"]) for one in case["notices"]}

    def is_ours(entry: dict[str, Any]) -> bool:
        subject, action = str(entry.get("subject", "")), str(entry.get("action", ""))
        is_notice = action.startswith("notice.") and subject in numbers
        return subject == number or subject.startswith(f"{number}/") or is_notice

    return [one for one in reversed(desk.log.entries()) if is_ours(one)][:100]
