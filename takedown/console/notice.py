"""A notice: the letter as it will go out beside its checklist; edited, approved by a second person, sent or filed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, HTTPException, Request
from fastapi.responses import Response
from sqlmodel import Session, col, select

from takedown import delivery, notices
from takedown.approvals import edited_at
from takedown.console.desk import Desk, desk_of
from takedown.console.guard import Posting, Signed, Visitor, signed_in
from takedown.console.page import go, page
from takedown.errors import NotAllowed, NotNow, TakedownError, UnknownNotice
from takedown.models import Delivery, NoticeState
from takedown.people import find_person, require

routes = APIRouter(prefix="/notice")
MOST_CHARACTERS = 200_000


@routes.get("/{notice_id}")
def show_notice(request: Request, visitor: Signed, notice_id: int, edit: bool = False) -> Response:
    if edit:
        require(visitor.person, "edit")
    return _page(request, visitor, notice_id, editing=edit)


@routes.post("/{notice_id}/edit")
def edit(
    request: Request,
    visitor: Posting,
    notice_id: int,
    recipient: Annotated[str, Form()] = "",
    subject: Annotated[str, Form()] = "",
    body: Annotated[str, Form()] = "",
) -> Response:
    require(visitor.person, "edit")
    typed = {"recipient": recipient, "subject": subject, "body": body}

    def edited(session: Session, desk: Desk) -> str:
        if not (recipient.strip() and subject.strip() and body.strip()):
            raise NotNow("a notice needs a recipient, a subject and a body; fill all three in")
        if len(body) > MOST_CHARACTERS:
            raise NotNow(f"the letter is longer than {MOST_CHARACTERS:,} characters; shorten it")
        person = find_person(session, visitor.person.name)
        notices.edit(session, notice_id, by=person, log=desk.log, **typed)
        return "edited"

    return _act(request, visitor, notice_id, edited, typed=typed)


@routes.post("/{notice_id}/approve")
def approve(
    request: Request, visitor: Posting, notice_id: int, sha256: Annotated[str, Form()] = ""
) -> Response:
    """Approves what the person has read: the page's digest must still be the notice's."""
    require(visitor.person, "approve")

    def approved(session: Session, desk: Desk) -> str:
        if notices.find_notice(session, notice_id).sha256 != sha256:
            raise NotNow("the notice was changed after you opened it; read it again before approving")
        notices.approve(session, notice_id, approver=find_person(session, visitor.person.name), log=desk.log)
        return "approved"

    return _act(request, visitor, notice_id, approved)


@routes.post("/{notice_id}/send")
def send(request: Request, visitor: Posting, notice_id: int, sha256: Annotated[str, Form()] = "") -> Response:
    require(visitor.person, "send")

    def sent(session: Session, desk: Desk) -> str:
        if notices.find_notice(session, notice_id).sha256 != sha256:
            raise NotNow("the notice was changed after you opened it; read it again before sending")
        if desk.route is None:
            raise NotNow("settings.toml names no mail host; fill in [mail] and start the console again")
        person = find_person(session, visitor.person.name)
        attempt = delivery.send(session, notice_id, by=person, route=desk.route, log=desk.log)
        return "sent" if attempt.state == NoticeState.SENT else "not-sent"

    return _act(request, visitor, notice_id, sent)


@routes.post("/{notice_id}/filed")
def filed(
    request: Request, visitor: Posting, notice_id: int, reference: Annotated[str, Form()] = ""
) -> Response:
    """Records that a person filed the approved letter in the recipient's own form."""
    require(visitor.person, "send")

    def recorded(session: Session, desk: Desk) -> str:
        person = find_person(session, visitor.person.name)
        attempt = delivery.record_filed(session, notice_id, by=person, ticket=reference, log=desk.log)
        return "filed" if attempt.state == NoticeState.SENT else "not-sent"

    return _act(request, visitor, notice_id, recorded)


@routes.post("/{notice_id}/settle")
def settle(
    request: Request, visitor: Posting, notice_id: int, went_out: Annotated[str, Form()] = ""
) -> Response:
    """A person found out what became of a send whose outcome was not known."""
    require(visitor.person, "send")

    def settled(session: Session, desk: Desk) -> str:
        if went_out not in ("yes", "no"):
            raise NotNow("say whether the notice went out; choose yes or no")
        person = find_person(session, visitor.person.name)
        delivery.settle(session, notice_id, by=person, went_out=went_out == "yes", log=desk.log)
        return "settled"

    return _act(request, visitor, notice_id, settled)


@routes.get("/{notice_id}/export/{form}", dependencies=[Depends(signed_in)])
def export(request: Request, notice_id: int, form: str) -> Response:
    kinds = {"txt": "text/plain; charset=utf-8", "eml": "message/rfc822"}
    if form not in kinds:
        raise HTTPException(404)
    with desk_of(request).reading() as session:
        content = notices.export(session, notice_id, form=form)
    return Response(
        content,
        media_type=kinds[form],
        headers={"Content-Disposition": f'attachment; filename="notice-{notice_id}.{form}"'},
    )


def _act(
    request: Request,
    visitor: Visitor,
    notice_id: int,
    change: Callable[[Session, Desk], str],
    typed: dict[str, str] | None = None,
) -> Response:
    """Does one thing in one transaction; what forbids it is told on the notice's own page, with what was typed."""
    desk = desk_of(request)
    try:
        with desk.writing() as session:
            said = change(session, desk)
            session.commit()
    except UnknownNotice:
        raise
    except TakedownError as wrong:
        status = 403 if isinstance(wrong, NotAllowed) else 409
        return _page(
            request,
            visitor,
            notice_id,
            editing=typed is not None,
            typed=typed,
            problem=str(wrong),
            status=status,
        )
    return go(f"/notice/{notice_id}", said)


def _page(
    request: Request,
    visitor: Visitor,
    notice_id: int,
    *,
    editing: bool = False,
    typed: dict[str, str] | None = None,
    problem: str | None = None,
    status: int = 200,
) -> Response:
    desk = desk_of(request)
    with desk.reading() as session:
        notice = notices.show(session, notice_id)
        deliveries = session.exec(
            select(Delivery).where(Delivery.notice_id == notice_id).order_by(col(Delivery.id).desc())
        ).all()
    missing = [one for one in notice["checklist"] if one["needed"] and not one["present"]]
    changeable = notice["state"] in notices.CHANGEABLE
    return page(
        request,
        "notice.html",
        visitor=visitor,
        status=status,
        problem=problem,
        notice=notice,
        filled={key: (typed or notice)[key] for key in ("recipient", "subject", "body")},
        missing=missing,
        deliveries=deliveries,
        editing=editing and changeable,
        changeable=changeable,
        next_step=_next_step(notice, missing, visitor),
        has_route=desk.route is not None,
        written_at=edited_at(notice["case"], notice_id, desk.log) or notice["drafted_at"],
    )


def _next_step(notice: dict[str, Any], missing: list[dict[str, Any]], visitor: Visitor) -> str:
    """One sentence: what has to happen next, and who may do it."""
    state = notice["state"]
    if state == NoticeState.DRAFT and missing:
        parts = "part is" if len(missing) == 1 else "parts are"
        return f"{len(missing)} needed {parts} missing: the legal team edits the letter."
    if state == NoticeState.DRAFT and visitor.person.name == notice["author"]:
        return "You wrote this version, so another person of the legal team approves it."
    if state == NoticeState.DRAFT:
        return "Complete. A person of the legal team who did not write it reads and approves it."
    if state == NoticeState.APPROVED:
        way = "sends it" if notice["channel"] == "smtp" else "files it in the recipient's form"
        return f"Approved. A person of the legal team {way}."
    if state == NoticeState.UNKNOWN:
        return "Ask the recipient or look in the mail server's log before anything is sent again."
    return ""
