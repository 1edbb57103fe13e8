"""Who is at the door: sessions, the token against forged posts, roles, and the headers of every answer.

The session's token is in a cookie that scripts cannot read and other sites cannot make a browser send; the database
holds only its hash (`takedown.people`). The token against forged posts is derived from it, so nothing more is kept.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Form, Request, Response

from takedown import people
from takedown.console.desk import Desk, desk_of
from takedown.models import Person

COOKIE = "cohortwatch_session"
DOOR_COOKIE = "cohortwatch_door"
"""Before anyone is signed in, the token against forged posts hangs on this one."""

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


class SignInFirst(Exception):
    """Nobody is signed in, or the session is over."""


class Forged(Exception):
    """A post that does not come from a page of this session."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """The signed-in person, as pages and actions need them."""

    person: Person
    token: str

    @property
    def csrf(self) -> str:
        return csrf_token(self.token)

    def may(self, action: str) -> bool:
        return people.may(self.person.role, action)


def csrf_token(secret: str) -> str:
    return hmac.new(secret.encode(), b"posts of this session", hashlib.sha256).hexdigest()


def signed_in(request: Request) -> Visitor:
    """The visitor.

    Raises:
        SignInFirst: there is no session.
    """
    token = request.cookies.get(COOKIE, "")
    desk = desk_of(request)
    with desk.reading() as session:
        person = people.person_of(session, token) if token else None
        if person is None:
            raise SignInFirst
        session.expunge(person)
    return Visitor(person, token)


def posting(
    request: Request, visitor: Annotated[Visitor, Depends(signed_in)], csrf: Annotated[str, Form()] = ""
) -> Visitor:
    """The visitor behind a post from one of their own pages.

    Raises:
        Forged: the token is missing or wrong, or the browser says that another site sent it.
    """
    if not hmac.compare_digest(csrf.encode(), visitor.csrf.encode()) or _is_from_elsewhere(request):
        raise Forged
    return visitor


def check_door(request: Request, csrf: str) -> None:
    """The same for the sign-in form, where there is no session yet."""
    door = request.cookies.get(DOOR_COOKIE, "")
    if not door or not hmac.compare_digest(csrf.encode(), csrf_token(door).encode()):
        raise Forged
    if _is_from_elsewhere(request):
        raise Forged


def _is_from_elsewhere(request: Request) -> bool:
    return request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none")


def door_of(request: Request) -> str:
    """What the token of the sign-in form is derived from: the door's cookie, or a new one."""
    return request.cookies.get(DOOR_COOKIE) or secrets.token_urlsafe(32)


def open_door(response: Response, door: str, desk: Desk) -> None:
    _set(response, DOOR_COOKIE, door, desk, 3600)


def remember(response: Response, token: str, desk: Desk) -> None:
    _set(response, COOKIE, token, desk, int(people.SESSION_LASTS.total_seconds()))
    response.delete_cookie(DOOR_COOKIE, path="/", httponly=True, samesite="strict")


def forget(response: Response) -> None:
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")


def _set(response: Response, name: str, value: str, desk: Desk, seconds: int) -> None:
    response.set_cookie(
        name, value, max_age=seconds, path="/", httponly=True, samesite="strict", secure=desk.secure_cookies
    )


async def with_headers(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """Security headers on every answer, and no copy of any page but the static files."""
    response = await call_next(request)
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if not request.url.path.startswith("/static/"):
        response.headers["Cache-Control"] = "no-store"
    if desk_of(request).secure_cookies:
        response.headers["Strict-Transport-Security"] = "max-age=31536000"
    return response


Signed = Annotated[Visitor, Depends(signed_in)]
Posting = Annotated[Visitor, Depends(posting)]
