"""Evidence: what was captured at an address, with its digests; the screenshot is shown, found bytes never are."""

from __future__ import annotations

import hashlib

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import Response
from sqlmodel import Session, col, select

from crawler.errors import CrawlerError
from crawler.models import LARGEST_NUMBER, Answer, Capture, Copy, Lead, Source
from takedown.console.desk import desk_of
from takedown.console.guard import Signed
from takedown.console.page import page
from takedown.models import Case, CaseCopy

routes = APIRouter(prefix="/evidence")
READ_AS_DATA = ("github", "git_server")
PICTURES = {b"\x89PNG\r\n\x1a\n": "png", b"\xff\xd8\xff": "jpeg"}


@routes.get("/{capture_id}")
def show_evidence(request: Request, visitor: Signed, capture_id: int) -> Response:
    desk = desk_of(request)
    with desk.reading() as session:
        capture = _capture(session, capture_id)
        copies = session.exec(select(Copy).where(Copy.capture_id == capture_id)).all()
        lead = session.get(Lead, capture.lead_id) if capture.lead_id else None
        source = session.get(Source, lead.source_id) if lead else None
        numbers = session.exec(
            select(Case.number)
            .join(CaseCopy, col(CaseCopy.case_id) == Case.id)
            .where(col(CaseCopy.copy_id).in_([one.id for one in copies]))
            .distinct()
        ).all()
        return page(
            request,
            "evidence.html",
            visitor=visitor,
            capture=capture,
            copies=copies,
            source=source,
            numbers=sorted(numbers),
            why_no_screenshot=why_no_screenshot(source.platform if source else None, capture.answer),
            warc_fault=_fault(request, capture.warc_object),
        )


@routes.get("/{capture_id}/screenshot")
def show_screenshot(request: Request, visitor: Signed, capture_id: int) -> Response:
    """The picture from the quarantine, if it is one and still has the digest that was recorded."""
    desk = desk_of(request)
    with desk.reading() as session:
        capture = _capture(session, capture_id)
    if capture.screenshot_object is None:
        raise HTTPException(404)
    try:
        picture = desk.vault.read(capture.screenshot_object)
    except CrawlerError:
        raise HTTPException(410, "The screenshot is no longer in the quarantine, or was altered.") from None
    if hashlib.sha256(picture).hexdigest() != capture.screenshot_sha256:
        desk.log.append(
            actor=visitor.person.name, action="evidence.digest-differs", subject=f"capture {capture_id}"
        )
        raise HTTPException(409, "The screenshot does not have the digest that was recorded; it was altered.")
    kind = next((kind for head, kind in PICTURES.items() if picture.startswith(head)), None)
    if kind is None:
        raise HTTPException(415, "What is kept as the screenshot is no picture.")
    return Response(
        picture,
        media_type=f"image/{kind}",
        headers={
            "Content-Disposition": f'inline; filename="capture-{capture_id}.{kind}"',
            "Content-Security-Policy": "default-src 'none'; sandbox",
        },
    )


def _capture(session: Session, capture_id: int) -> Capture:
    capture = session.get(Capture, capture_id) if 0 < capture_id <= LARGEST_NUMBER else None
    if capture is None:
        raise HTTPException(404)
    return capture


def why_no_screenshot(platform: str | None, answer: Answer) -> str:
    """One sentence for the place where a picture would be."""
    if platform in READ_AS_DATA:
        return "No screenshot: this is read as data, over git or the site's interface, so the raw answer alone is kept."
    if answer == Answer.FILE:
        return "No screenshot: the answer was a file, not a page; it is kept as it came."
    return (
        "No screenshot: the page was read without a browser, or could not be drawn; the raw answer is kept."
    )


def _fault(request: Request, name: str | None) -> str | None:
    """Why the WARC cannot be read, or None; its bytes are checked, not shown."""
    if name is None:
        return "none was kept"
    try:
        with desk_of(request).vault.open(name):
            return None
    except CrawlerError as wrong:
        return str(wrong)
