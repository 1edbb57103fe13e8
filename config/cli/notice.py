"""`cohortwatch notice draft/show/check/approve/send/export`: the legal team's side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from config.cli.session import ByOption, JsonOption, actor, opened, print_json, print_table

app = typer.Typer(
    help="Notices: a machine drafts, a named person approves, nothing is sent otherwise.",
    no_args_is_help=True,
)


@app.command()
def draft(
    case: str,
    letter: Annotated[
        list[str] | None, typer.Option(help="Only these letters; default what each recipient takes.")
    ] = None,
    by: ByOption = None,
    json: JsonOption = False,
) -> None:
    """Draft the notices of a case."""
    from sqlmodel import Session

    from config.errors import BadSettings
    from config.parties import directory_of, sender_of
    from takedown import notices
    from takedown.people import find_person, require

    workspace = opened()
    sender = sender_of(workspace)
    if sender is None:
        raise BadSettings("settings.toml does not say who signs; fill in [sender] and try again")
    with Session(workspace.engine) as session:
        person = find_person(session, actor(by))
        require(person, "draft")
        made = notices.draft(
            session,
            case,
            author=person.name,
            sender=sender,
            log=workspace.log,
            directory=directory_of(workspace),
            letters_named=letter or None,
        )
        session.commit()
        rows = [
            {"id": one.id, "letter": one.letter, "recipient": one.recipient, "sha256": one.sha256}
            for one in made
        ]
    if json:
        for row in rows:
            print_json(row)
    else:
        print_table(["notice", "letter", "to", "sha256"], [list(row.values()) for row in rows])


@app.command()
def show(number: int, json: JsonOption = False) -> None:
    """Print a notice as it will go out."""
    from config.database import reading
    from takedown import notices

    workspace = opened()
    with reading(workspace.engine) as session:
        view = notices.show(session, number)
    if json:
        print_json(view)
    else:
        print(f"To: {view['recipient']}\nSubject: {view['subject']}\n\n{view['body']}")


@app.command()
def check(number: int, json: JsonOption = False) -> None:
    """Check that a notice holds everything that its recipient and the law want."""
    from config.database import reading
    from takedown import notices

    workspace = opened()
    with reading(workspace.engine) as session:
        checklist = notices.check(session, number)
    holds = all(one["present"] for one in checklist if one["needed"])
    if json:
        print_json({"holds": holds, "checklist": checklist})
    else:
        print_table(
            ["element", "needed", "there"],
            [
                [one["element"], "yes" if one["needed"] else "no", "yes" if one["present"] else "no"]
                for one in checklist
            ],
        )
        print("Nothing is missing" if holds else "Something is missing; edit the notice or the settings")
    if not holds:
        raise typer.Exit(1)


@app.command()
def approve(number: int, by: ByOption = None) -> None:
    """Approve the exact bytes of a notice; the author cannot."""
    from sqlmodel import Session

    from takedown import notices
    from takedown.people import find_person

    workspace = opened()
    with Session(workspace.engine) as session:
        approval = notices.approve(
            session, number, approver=find_person(session, actor(by)), log=workspace.log
        )
        session.commit()
        print(f"Notice {number} is approved: sha256 {approval.sha256}")


@app.command()
def send(number: int, by: ByOption = None) -> None:
    """Send an approved notice."""
    from sqlmodel import Session

    from config.parties import route_of
    from takedown.delivery import send as deliver
    from takedown.people import find_person

    workspace = opened()
    with Session(workspace.engine) as session:
        person, route = find_person(session, actor(by)), route_of(workspace)
        delivery = deliver(session, number, by=person, route=route, log=workspace.log)
        state = str(delivery.state)
    print(f"Notice {number}: {state}{f', {delivery.answer}' if delivery.answer else ''}")
    if state != "sent":
        raise typer.Exit(1)


@app.command()
def filed(
    number: int,
    ticket: Annotated[str, typer.Option(help="What the other side answered: a ticket number.")],
    by: ByOption = None,
) -> None:
    """Record that you filed an approved notice by hand in the platform's form."""
    from sqlmodel import Session

    from takedown.delivery import record_filed
    from takedown.people import find_person

    workspace = opened()
    with Session(workspace.engine) as session:
        person = find_person(session, actor(by))
        record_filed(session, number, by=person, ticket=ticket, log=workspace.log)
    print(f"Notice {number}: filed, {ticket}")


@app.command()
def settle(
    number: int,
    went_out: Annotated[
        bool, typer.Option("--went-out/--did-not", help="What you found out: it went out, or it did not.")
    ],
    by: ByOption = None,
) -> None:
    """Record what became of a notice whose sending was cut off."""
    from sqlmodel import Session

    from takedown import delivery
    from takedown.people import find_person

    workspace = opened()
    with Session(workspace.engine) as session:
        person = find_person(session, actor(by))
        notice = delivery.settle(session, number, by=person, went_out=went_out, log=workspace.log)
        session.commit()
        print(f"Notice {number} is {notice.state}")


@app.command()
def export(number: int, out: Annotated[Path, typer.Argument(help="A .eml or .txt file.")]) -> None:
    """Write a notice to a file."""
    from config.database import reading
    from takedown import notices

    workspace = opened()
    with reading(workspace.engine) as session:
        out.write_bytes(notices.export(session, number, form=out.suffix.removeprefix(".")))
    print(f"Wrote notice {number} to {out}")
