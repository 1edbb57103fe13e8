"""`cohortwatch release add`, `mark`, `stamp`, `verify`, `explain` and `list`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from config.cli.cohort import GenotypesOption, IdColumnOption, PhenotypesOption
from config.cli.session import ByOption, JsonOption, actor, opened, print_json, print_table

if TYPE_CHECKING:
    from matcher.models import Release

app = typer.Typer(help="Releases: what was handed to whom.", no_args_is_help=True)

DeliveredOption = Annotated[
    datetime | None,
    typer.Option(
        formats=["%Y-%m-%d"],
        help="The day on which it was handed over; tells when a copy can have been taken.",
    ),
]
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
    delivered: DeliveredOption = None,
) -> None:
    """Register one hand-over to one recipient."""
    from matcher.enrol import add_release

    workspace = opened()

    def tell(row: Release) -> None:
        workspace.log.append(
            actor=actor(None),
            action="release.add",
            subject=f"{cohort}/{release}",
            details={"recipient": recipient, "ids": row.ids_count},
        )

    row = add_release(
        workspace.enrolment,
        cohort,
        release,
        recipient=recipient,
        ids=ids,
        genotypes=genotypes or (),
        phenotypes=phenotypes or (),
        id_column=id_column,
        delivered=delivered.date() if delivered else None,
        tell=tell,
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
    canaries: Annotated[
        int, typer.Option(min=0, max=1_000_000, help="How many made-up participants to add.")
    ] = 0,
    donors: Annotated[
        Path | None,
        typer.Option(
            help="Genotypes of people who are in no release; made-up participants are copied from them."
        ),
    ] = None,
    delivered: DeliveredOption = None,
) -> None:
    """Write a watermarked copy for one recipient and register it as that release."""
    from config.marking import mark_and_register

    workspace = opened()

    def tell(made: dict[str, Any]) -> None:
        workspace.log.append(
            actor=actor(None),
            action="release.mark",
            subject=f"{cohort}/{release}",
            details={"recipient": recipient, **made},
        )

    mark_and_register(
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
        delivered=delivered.date() if delivered else None,
        tell=tell,
    )
    print(f"Release {cohort}/{release} to {recipient}: marked copy in {out}")


AuthorityOption = Annotated[
    Path, typer.Option("--authority", help="Root certificates (PEM) of the time-stamping authority.")
]


@app.command()
def stamp(cohort: str, release: str, authority: AuthorityOption, by: ByOption = None) -> None:
    """Have the commitment of a marked release time-stamped (RFC 3161)."""
    from sqlmodel import Session

    from config.stamping import stamp_release
    from takedown.people import find_person

    workspace = opened()
    with Session(workspace.engine) as session:
        person = find_person(session, actor(by)).name
    workspace.log.require_writable()
    moment = stamp_release(workspace.settings, cohort, release, authority)
    workspace.log.append(
        actor=person,
        action="release.stamp",
        subject=f"{cohort}/{release}",
        details={"stamped_at": moment.isoformat()},
    )
    print(f"Release {cohort}/{release}: its commitment is stamped {moment.isoformat()}")


@app.command()
def verify(
    cohort: str,
    release: str,
    authority: Annotated[
        Path | None, typer.Option(help="Verifies the time stamp too, under this PEM.")
    ] = None,
) -> None:
    """Check the commitment of a marked release, and its time stamp."""
    from config.stamping import BadManifest, is_signed, read_manifest, verified_stamp

    settings = opened().settings
    try:
        _, signed = read_manifest(settings, cohort, release)
    except BadManifest as wrong:
        print(f"DOES NOT HOLD: {wrong}")
        raise typer.Exit(1) from None
    holds = is_signed(signed)
    print(f"{'holds' if holds else 'DOES NOT HOLD'}: the manifest is signed by its key")
    if authority is not None:
        moment = verified_stamp(settings, cohort, release, authority)
        print(f"holds: the manifest was stamped {moment.isoformat()}")
    if not holds:
        raise typer.Exit(1)


@app.command()
def explain(
    cohort: str,
    release: str,
    paths: Annotated[list[Path], typer.Argument(help="The files that were found.")],
    out: Annotated[Path, typer.Option(help="A folder that does not exist or is empty.")],
    by: ByOption = None,
) -> None:
    """Write the signed explanation of a find for counsel: decades by class, line-up, picture, opened keys."""
    from config.marking import explain_find

    workspace = opened()
    workspace.log.require_writable()
    sentence, odds = explain_find(workspace, cohort, release, paths, out)
    workspace.log.append(
        actor=actor(by),
        action="release.explain",
        subject=f"{cohort}/{release}",
        details={"files": len(paths), "log10_e": round(odds, 1)},
    )
    print(f"{sentence[0].upper()}{sentence[1:]} ({odds:+.1f} decades); written to {out}")


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
                "delivered": one.manifest.get("delivered"),
            }
            for one, owner in session.exec(query).all()
            if cohort in (None, owner.name)
        ]
    if json:
        for row in rows:
            print_json(row)
    else:
        print_table(
            ["cohort", "release", "recipient", "ids", "marked", "added", "delivered"],
            [list(r.values()) for r in rows],
        )
