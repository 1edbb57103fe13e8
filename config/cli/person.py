"""`cohortwatch person add`, `list`, `deactivate`, `activate` and `sign-in`: the named people behind approvals."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated

import typer

from config.cli.session import JsonOption, actor, opened, print_json, print_table
from config.errors import BadSettings

app = typer.Typer(help="People who may sign in, approve and send.", no_args_is_help=True)


@app.command()
def add(
    name: str,
    role: Annotated[str, typer.Option(help="responder, legal, auditor or admin.")],
    full_name: Annotated[str, typer.Option(help="As it stands under a letter.")],
    email: Annotated[str, typer.Option()],
    password_stdin: Annotated[
        bool,
        typer.Option(
            "--password-stdin", help="Read a password from standard input; else only one-time links sign in."
        ),
    ] = False,
) -> None:
    """Add a person."""
    from sqlmodel import Session

    from takedown.people import add_person

    workspace = opened()
    password = _typed_password() if password_stdin else None
    with Session(workspace.engine) as session:
        add_person(session, name=name, full_name=full_name, email=email, role=role, password=password)
        session.flush()
        workspace.log.append(actor=actor(None), action="person.add", subject=name, details={"role": role})
        session.commit()
    print(f"{full_name} may sign in as {name} ({role})")


def _typed_password() -> str:
    """The first line of standard input, without its end however the system writes that."""
    try:
        return sys.stdin.buffer.readline().decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        raise BadSettings(
            "the password on standard input is no text in UTF-8; give one that can be typed"
        ) from None


@app.command("list")
def list_(json: JsonOption = False) -> None:
    """List people and roles."""
    from sqlmodel import select

    from config.database import reading
    from takedown.models import Person

    workspace = opened()
    with reading(workspace.engine) as session:
        rows = [
            {"name": one.name, "full_name": one.full_name, "role": str(one.role), "active": one.active}
            for one in session.exec(select(Person)).all()
        ]
    if json:
        for row in rows:
            print_json(row)
    else:
        print_table(["name", "full name", "role", "active"], [list(row.values()) for row in rows])


@app.command()
def deactivate(name: str) -> None:
    """Take away a person's access; what they did stays in the log."""
    from takedown.people import deactivate_person

    _change_access(name, deactivate_person, "deactivate")
    print(f"{name} may no longer sign in")


@app.command()
def activate(name: str) -> None:
    """Give back a person's access that was taken away; their role is the one that they had."""
    from takedown.people import activate_person

    _change_access(name, activate_person, "activate")
    print(f"{name} may sign in again")


def _change_access(name: str, change: Callable[..., object], action: str) -> None:
    from sqlmodel import Session

    workspace = opened()
    with Session(workspace.engine) as session:
        change(session, name=name)
        session.flush()
        workspace.log.append(actor=actor(None), action=f"person.{action}", subject=name)
        session.commit()


@app.command("sign-in")
def sign_in(name: str) -> None:
    """Print a one-time link that opens the console for a person, good for fifteen minutes."""
    from sqlmodel import Session

    from takedown.people import one_time_token

    workspace = opened()
    with Session(workspace.engine) as session:
        token = one_time_token(session, name=name)
        session.flush()
        workspace.log.append(actor=actor(None), action="person.sign-in-link", subject=name)
        session.commit()
    place = workspace.settings.console
    print(f"http://{place.host}:{place.port}/sign-in/once?token={token}")
