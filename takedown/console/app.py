"""The console put together: pages by noun, the door, and the answers to what goes wrong.

One file a noun: `sign_in`, `queue`, `case`, `evidence`, `notice`, `report`, `log`, `sources`, `people`. `desk` is what
all of them are given, `guard` who may come in and with what headers, `shown` how values look, `pictures` the drawn
ones, `words` the sentences. The console decides nothing: every action is a function of `takedown`, which the
command line has too.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from fastapi.staticfiles import StaticFiles
from sqlalchemy import Engine
from starlette.exceptions import HTTPException

from crawler.vault import Vault
from takedown.console import case, evidence, notice, people, queue, report, sign_in, sources
from takedown.console import log as log_pages
from takedown.console.desk import Desk, Recheck
from takedown.console.guard import Forged, SignInFirst, Visitor, signed_in, with_headers
from takedown.console.page import go, templates, told
from takedown.errors import NotAllowed, TakedownError, UnknownCase, UnknownNotice
from takedown.log import AuditLog
from takedown.recipients import Directory

if TYPE_CHECKING:
    from takedown.delivery import MailRoute
    from takedown.sender import Sender

STATIC = Path(__file__).parent / "static"


def make_app(
    *,
    engine: Engine,
    vault: Vault,
    log: AuditLog,
    sender: Sender | None,
    route: MailRoute | None,
    directory: Directory | None = None,
    recheck: Recheck | None = None,
    crawl_status: Callable[[], str | None] | None = None,
    secure_cookies: bool = False,
) -> FastAPI:
    """The console over one workspace; without a sender nothing is drafted, without a route nothing is mailed."""
    app = FastAPI(title="cohortwatch", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.desk = Desk(
        engine=engine,
        vault=vault,
        log=log,
        sender=sender,
        route=route,
        directory=directory or Directory(),
        recheck=recheck,
        crawl_status=crawl_status,
        secure_cookies=secure_cookies,
        templates=templates(),
    )
    app.middleware("http")(with_headers)
    _include(app)
    app.mount("/static", StaticFiles(directory=STATIC))
    app.add_exception_handler(SignInFirst, _ask_to_sign_in)
    app.add_exception_handler(Forged, _refuse_forged)
    app.add_exception_handler(TakedownError, _explain)
    app.add_exception_handler(HTTPException, _explain_status)
    app.add_exception_handler(RequestValidationError, _explain_values)
    return app


def _include(app: FastAPI) -> None:
    for noun in (sign_in, queue, case, evidence, notice, report, log_pages, sources, people):
        app.include_router(noun.routes)


def _ask_to_sign_in(request: Request, _wrong: Exception) -> Response:
    if request.headers.get("hx-request"):
        return Response(status_code=401, headers={"HX-Redirect": "/sign-in"})
    if request.method != "GET":
        return go("/sign-in")
    return go(f"/sign-in?then={quote(request.url.path)}" if request.url.path != "/" else "/sign-in")


def _refuse_forged(request: Request, _wrong: Exception) -> Response:
    message = "The form did not come from a page of this session. Open the page again and repeat it there."
    return told(request, visitor=_visitor(request), status=403, title="Not accepted", message=message)


def _explain(request: Request, wrong: Exception) -> Response:
    status = 404 if isinstance(wrong, UnknownCase | UnknownNotice) else 409
    title = "Not found" if status == 404 else "Not done"
    if isinstance(wrong, NotAllowed):
        status, title = 403, "Not allowed"
    return told(request, visitor=_visitor(request), status=status, title=title, message=_sentence(str(wrong)))


def _explain_status(request: Request, wrong: Exception) -> Response:
    assert isinstance(wrong, HTTPException)
    message = {404: "There is no such page.", 405: "That cannot be done here."}.get(
        wrong.status_code, str(wrong.detail)
    )
    title = "Not found" if wrong.status_code == 404 else "Not done"
    return told(request, visitor=_visitor(request), status=wrong.status_code, title=title, message=message)


def _explain_values(request: Request, _wrong: Exception) -> Response:
    message = "The address or the form holds a value that cannot be read. Go back and try again."
    return told(request, visitor=_visitor(request), status=422, title="Not understood", message=message)


def _visitor(request: Request) -> Visitor | None:
    try:
        return signed_in(request)
    except SignInFirst:
        return None


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
