"""Rendering a page, and the answers to what goes wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from takedown.console.desk import desk_of
from takedown.console.guard import Visitor
from takedown.console.pictures import PICTURES
from takedown.console.shown import FILTERS, harmless
from takedown.console.words import WORDS

PAGES = Path(__file__).parent / "pages"


def templates() -> Environment:
    """The templates: everything is escaped, a missing value is an error, text from outside is made harmless."""
    made = Environment(
        loader=FileSystemLoader(PAGES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=harmless,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(FILTERS)
    made.globals.update(WORDS, **PICTURES)
    return made


def page(
    request: Request, name: str, *, visitor: Visitor | None, status: int = 200, **values: Any
) -> HTMLResponse:
    """One page, as the visitor may see it."""
    given = {
        "visitor": visitor,
        "may": visitor.may if visitor else lambda _action: False,
        "csrf": visitor.csrf if visitor else "",
        "path": request.url.path,
        "said": SAID.get(request.query_params.get("said", "")),
        **values,
    }
    return HTMLResponse(desk_of(request).templates.get_template(name).render(given), status_code=status)


def go(where: str, said: str | None = None) -> Response:
    """To another page, with one of the fixed messages."""
    return RedirectResponse(f"{where}?said={said}" if said else where, status_code=303)


def told(request: Request, *, visitor: Visitor | None, status: int, title: str, message: str) -> HTMLResponse:
    """A page that says why something was not done."""
    return page(request, "told.html", visitor=visitor, status=status, title=title, message=message)


SAID = {
    "confirmed": "Confirmed. The clocks run from now.",
    "dismissed": "Dismissed, with your reason on record.",
    "closed": "Closed.",
    "assigned": "Assigned.",
    "drafted": "Drafted. Read each letter and its checklist before it is approved.",
    "asking": "Asking every address of this case again. This page says when it is done.",
    "edited": "Saved as a new version. Any approval of the version before is void.",
    "approved": "Approved: these exact bytes, to this recipient.",
    "sent": "Handed over to the recipient's mail server.",
    "not-sent": "Not sent. The delivery below says why; nothing is repeated by itself.",
    "settled": "Recorded what became of it.",
    "filed": "Recorded as filed by hand.",
    "added": "Added.",
    "deactivated": "Access taken away, and open sessions ended.",
    "activated": "Access given back, with the role as it was.",
    "signed-out": "Signed out.",
}
