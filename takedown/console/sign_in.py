"""Signing in, by password or a one-time link, and signing out."""

from __future__ import annotations

import time
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response
from sqlmodel import Session, select

from takedown import people
from takedown.console.desk import desk_of
from takedown.console.guard import (
    COOKIE,
    Posting,
    check_door,
    csrf_token,
    door_of,
    forget,
    open_door,
    remember,
)
from takedown.console.page import go, page
from takedown.models import Person

routes = APIRouter()

TRIES, WITHIN_SECONDS, MOST_NAMES = 8, 300.0, 10_000


@routes.get("/sign-in")
def show_form(request: Request, then: str = "/") -> Response:
    return _form(request, then=then)


@routes.post("/sign-in")
def sign_in(
    request: Request,
    name: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    csrf: Annotated[str, Form()] = "",
    then: Annotated[str, Form()] = "/",
) -> Response:
    check_door(request, csrf)
    desk = desk_of(request)
    if _is_guessing(desk.failed, name):
        return _form(
            request, then=then, status=429, problem="Too many tries for this name. Wait five minutes."
        )
    with desk.writing() as session:
        person = people.check_password(session, name=name, password=password)
        if person is None:
            _count_failure(desk.failed, name)
            if _is_known(
                session, name
            ):  # what a stranger types may be a password, so only known names are kept
                desk.log.append(actor="console", action="sign-in.refused", subject=name)
            return _form(request, then=then, status=401, problem="That name and password do not go together.")
        token = people.open_session(session, person)
        session.commit()
        desk.log.append(actor=person.name, action="sign-in", subject=person.name, details={"by": "password"})
    desk.failed.pop(name[:80], None)
    response = go(_own_page(then))
    remember(response, token, desk)
    return response


@routes.get("/sign-in/once")
def sign_in_once(request: Request, token: str = "") -> Response:
    """Takes a one-time link; a browser that only fetches ahead does not use it up."""
    if "prefetch" in request.headers.get("sec-purpose", ""):
        return Response(status_code=503)
    desk = desk_of(request)
    with desk.writing() as session:
        taken = people.use_one_time_token(session, token)
        name = taken[0].name if taken else ""
        session.commit()
    if taken is None:
        problem = "This link was used already, or is older than fifteen minutes. Ask for another."
        return _form(request, then="/", status=401, problem=problem)
    desk.log.append(actor=name, action="sign-in", subject=name, details={"by": "one-time link"})
    # After a click on another site the browser keeps our cookie back on a redirect, but not from a page of ours.
    is_click_elsewhere = request.headers.get("sec-fetch-site") in ("cross-site", "same-site")
    response = page(request, "welcome.html", visitor=None) if is_click_elsewhere else go("/")
    remember(response, taken[1], desk)
    return response


@routes.post("/sign-out")
def sign_out(request: Request, visitor: Posting) -> Response:
    desk = desk_of(request)
    with desk.writing() as session:
        people.end_session(session, request.cookies.get(COOKIE, ""))
        session.commit()
    desk.log.append(actor=visitor.person.name, action="sign-out", subject=visitor.person.name)
    response = go("/sign-in", "signed-out")
    forget(response)
    return response


def _form(request: Request, *, then: str, status: int = 200, problem: str | None = None) -> Response:
    door = door_of(request)
    response = page(
        request,
        "sign_in.html",
        visitor=None,
        status=status,
        problem=problem,
        then=_own_page(then),
        csrf=csrf_token(door),
    )
    open_door(response, door, desk_of(request))
    return response


def _own_page(then: str) -> str:
    """Only a path of this console; anything else leads to the queue."""
    parts = urlsplit(then)
    is_own = then.startswith("/") and not then.startswith(("//", "/\\")) and not parts.netloc
    return then if is_own and then.isprintable() and "\\" not in then else "/"


def _is_known(session: Session, name: str) -> bool:
    return session.exec(select(Person).where(Person.name == name)).first() is not None


def _count_failure(failed: dict[str, list[float]], name: str) -> None:
    if len(failed) > MOST_NAMES:
        failed.clear()
    failed.setdefault(name[:80], []).append(time.monotonic())


def _is_guessing(failed: dict[str, list[float]], name: str) -> bool:
    since = time.monotonic() - WITHIN_SECONDS
    recent = [one for one in failed.get(name[:80], ()) if one > since]
    if name[:80] in failed:
        failed[name[:80]] = recent
    return len(recent) >= TRIES
