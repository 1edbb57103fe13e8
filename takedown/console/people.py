"""People: who may sign in, with what role; only an admin adds or removes, and every change is in the log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response
from sqlmodel import col, select

from takedown import people
from takedown.console.desk import desk_of
from takedown.console.guard import Posting, Signed, Visitor
from takedown.console.page import go, page
from takedown.errors import TakedownError, UnknownPerson
from takedown.models import Person

routes = APIRouter()


@routes.get("/people")
def show_people(request: Request, visitor: Signed) -> Response:
    return _page(request, visitor)


@routes.post("/people")
def add(
    request: Request,
    visitor: Posting,
    name: Annotated[str, Form()] = "",
    full_name: Annotated[str, Form()] = "",
    email: Annotated[str, Form()] = "",
    role: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
) -> Response:
    people.require(visitor.person, "people")
    desk = desk_of(request)
    try:
        with desk.writing() as session:
            people.add_person(
                session,
                name=name.strip(),
                full_name=full_name.strip(),
                email=email.strip(),
                role=role,
                password=password or None,
            )
            session.commit()
    except TakedownError as wrong:
        return _page(request, visitor, problem=str(wrong), status=409)
    desk.log.append(
        actor=visitor.person.name, action="person.add", subject=name.strip(), details={"role": role}
    )
    return go("/people", "added")


@routes.post("/people/{name}/deactivate")
def deactivate(request: Request, visitor: Posting, name: str) -> Response:
    people.require(visitor.person, "people")
    if name == visitor.person.name:
        problem = "Nobody takes their own access away; ask another admin."
        return _page(request, visitor, problem=problem, status=409)
    return _change_access(request, visitor, name, people.deactivate_person, "deactivate")


@routes.post("/people/{name}/activate")
def activate(request: Request, visitor: Posting, name: str) -> Response:
    people.require(visitor.person, "people")
    return _change_access(request, visitor, name, people.activate_person, "activate")


def _change_access(
    request: Request, visitor: Visitor, name: str, change: Callable[..., Person], action: str
) -> Response:
    desk = desk_of(request)
    try:
        with desk.writing() as session:
            change(session, name=name)
            session.commit()
    except UnknownPerson as wrong:
        return _page(request, visitor, problem=str(wrong), status=404)
    except TakedownError as wrong:
        return _page(request, visitor, problem=str(wrong), status=409)
    desk.log.append(actor=visitor.person.name, action=f"person.{action}", subject=name)
    return go("/people", f"{action}d")


def _page(request: Request, visitor: Visitor, *, problem: str | None = None, status: int = 200) -> Response:
    with desk_of(request).reading() as session:
        everyone = session.exec(select(Person).order_by(col(Person.active).desc(), col(Person.name))).all()
        return page(
            request, "people.html", visitor=visitor, status=status, everyone=everyone, problem=problem
        )
