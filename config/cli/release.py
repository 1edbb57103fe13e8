"""`cohortwatch release add`, `release mark` and `release list`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from config.cli.cohort import GenotypesOption, IdColumnOption, PhenotypesOption
from config.cli.session import JsonOption, actor, opened, print_json, print_table

app = typer.Typer(help="Releases: what was handed to whom.", no_args_is_help=True)

RecipientOption = Annotated[str, typer.Option("--recipient", help="The institution that it was handed to.")]


@app.command()
def add(
    cohort: str,
    release: str,
    recipient: RecipientOption,
    ids: Annotated[
        Path | None, typer.Option(help="The release's ids, one a line, or a CSV with participant,release_id.")
    ] = None,
    genotypes: GenotypesOption = None,
    phenotypes: PhenotypesOption = None,
    id_column: IdColumnOption = None,
) -> None:
    """Register one hand-over to one recipient."""
    from matcher.enrol import add_release

    workspace = opened()
    row = add_release(
        workspace.enrolment,
        cohort,
        release,
        recipient=recipient,
        ids=ids,
        genotypes=genotypes or (),
        phenotypes=phenotypes or (),
        id_column=id_column,
    )
    workspace.log.append(
        actor=actor(None),
        action="release.add",
        subject=f"{cohort}/{release}",
        details={"recipient": recipient, "ids": row.ids_count},
    )
    print(f"Release {cohort}/{release} to {recipient}: {row.ids_count:,} ids")


@app.command()
def mark(
    cohort: str,
    release: str,
    recipient: RecipientOption,
    out: Annotated[Path, typer.Option(help="A folder that does not exist or is empty.")],
    genotypes: GenotypesOption = None,
    phenotypes: PhenotypesOption = None,
    id_column: IdColumnOption = None,
    canaries: Annotated[int, typer.Option(min=0, help="How many made-up participants to add.")] = 0,
    donors: Annotated[
        Path | None,
        typer.Option(
            help="Genotypes of people who are in no release; made-up participants are copied from them."
        ),
    ] = None,
) -> None:
    """Write a watermarked copy for one recipient and register it as that release."""
    from config.marking import mark_and_register

    workspace = opened()
    made = mark_and_register(
        workspace,
        cohort,
        release,
        recipient=recipient,
        out=out,
        genotypes=genotypes or (),
        phenotypes=phenotypes or (),
        id_column=id_column,
        canaries=canaries,
        donors=donors,
    )
    workspace.log.append(
        actor=actor(None),
        action="release.mark",
        subject=f"{cohort}/{release}",
        details={"recipient": recipient, **made},
    )
    print(f"Release {cohort}/{release} to {recipient}: marked copy in {out}")


@app.command("list")
def list_(cohort: Annotated[str | None, typer.Argument()] = None, json: JsonOption = False) -> None:
    """List the registered releases."""
    from sqlmodel import select

    from config.database import reading
    from matcher.models import Cohort, Release

    workspace = opened()
    with reading(workspace.engine) as session:
        query = select(Release, Cohort).where(Release.cohort_id == Cohort.id)
        rows: list[dict[str, Any]] = [
            {
                "cohort": owner.name,
                "release": one.name,
                "recipient": one.recipient,
                "ids": one.ids_count,
                "marked": one.marked,
                "added_at": one.added_at,
            }
            for one, owner in session.exec(query).all()
            if cohort in (None, owner.name)
        ]
    if json:
        for row in rows:
            print_json(row)
    else:
        print_table(
            ["cohort", "release", "recipient", "ids", "marked", "added"], [list(r.values()) for r in rows]
        )
