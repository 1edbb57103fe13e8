"""`cohortwatch cohort add` and `cohort list`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from config.cli import tokens
from config.cli.session import JsonOption, actor, enrolled, existing, opened, print_json, print_table
from config.database import reading

if TYPE_CHECKING:
    from matcher.models import Cohort

app = typer.Typer(help="Source cohorts: the participants to watch for.", no_args_is_help=True)
app.command("tokens")(tokens.tokens)
app.command("tokens-match")(tokens.tokens_match)

IdColumnOption = Annotated[
    str | None,
    typer.Option(
        "--id-column", help="The participants' column; default: eid, f.eid, n_eid, IID, participant.eid."
    ),
]
GenotypesOption = Annotated[
    list[Path] | None, typer.Option("--genotypes", help="VCF, BCF or PLINK; repeat for more.")
]
PhenotypesOption = Annotated[
    list[Path] | None, typer.Option("--phenotypes", help="CSV, TSV or Parquet; repeat for more.")
]


@app.command()
def add(
    name: str,
    title: Annotated[str | None, typer.Option(help="The cohort's name as people write it.")] = None,
    genotypes: GenotypesOption = None,
    phenotypes: PhenotypesOption = None,
    id_column: IdColumnOption = None,
    alias: Annotated[
        list[str] | None, typer.Option(help="Another name that listings use, in any language.")
    ] = None,
    in_place: Annotated[
        bool,
        typer.Option(
            "--in-place", help="Copy no genotypes; read them from these .bed or .pgen, which must stay."
        ),
    ] = False,
) -> None:
    """Register a source cohort and build its index."""
    from matcher.enrol import add_cohort

    workspace = opened()

    def tell(row: Cohort) -> None:
        counts = {
            "participants": row.participants_count,
            "columns": row.columns_count,
            "variants": row.variants_count,
        }
        workspace.log.append(actor=actor(None), action="cohort.add", subject=name, details=counts)

    row = add_cohort(
        workspace.enrolment,
        name,
        title=title,
        genotypes=genotypes or (),
        phenotypes=phenotypes or (),
        id_column=id_column,
        aliases=alias or (),
        in_place=in_place,
        tell=tell,
    )
    print(
        f"Cohort {name}: {row.participants_count:,} participants, "
        f"{row.columns_count:,} columns, {row.variants_count:,} variants"
    )


@app.command()
def build(
    name: str,
    build: Annotated[str, typer.Argument(help="The other build's name, as in GRCh37.")],
    positions: Annotated[
        Path,
        typer.Option(
            help="A chain file to or from that build, also by a build given before; or a table of name, chromosome, "
            "position.",
            callback=existing,
        ),
    ],
) -> None:
    """Tell where the cohort's variants lie in another build of the genome, so that finds made on it are matched."""
    from matcher.genotypes.builds import add_build

    workspace = opened()
    folder = enrolled(workspace, name).folder
    workspace.log.require_writable()
    known = add_build(folder, workspace.keys.matching.genotypes, build, positions)
    workspace.log.append(actor=actor(None), action="cohort.build", subject=name, details={"variants": known})
    print(f"Cohort {name}: {known:,} variants are known by their place in {build}")


@app.command()
def withdraw(
    name: str,
    ids: Annotated[Path, typer.Option(help="Ids of those who withdrew, one a line.", callback=existing)],
) -> None:
    """Compare finds no more with the genotypes and the values of participants who withdrew.

    Ids are tried in the cohort and in each of its releases; give a release's own ids too where it was added without a
    list of whose they are.
    """
    from matcher.errors import BadSourceFile
    from matcher.genotypes import store
    from matcher.given_ids import require_list
    from matcher.tables.enrol import read_ids
    from matcher.tables.withdrawal import withdraw_rows

    workspace = opened()
    cohort = enrolled(workspace, name)
    require_list(ids, of_any_form=True)
    keys, listed = workspace.keys.matching, read_ids(ids)
    workspace.log.append(
        actor=actor(None), action="cohort.withdraw", subject=name, details={"ids": len(listed)}
    )

    def genotypes_of(folder: Path) -> int:
        return store.withdraw(folder, listed, keys.genotypes) if store.has_genotypes(folder) else 0

    genotypes, rows = genotypes_of(cohort.folder), withdraw_rows(cohort.folder, listed, keys)
    releases = [release.folder for release in cohort.releases]
    details = {
        "genotypes": genotypes,
        "rows": rows,
        "genotypes_of_releases": sum(map(genotypes_of, releases)),
        "rows_of_releases": sum(withdraw_rows(folder, listed, keys) for folder in releases),
    }
    if not any(details.values()):
        raise BadSourceFile(
            f"none of these ids has genotypes or values in cohort {name!r}; "
            "give ids as the cohort or a release knows them"
        )
    workspace.log.append(actor=actor(None), action="cohort.withdrawn", subject=name, details=details)
    print(
        f"Cohort {name}: {genotypes:,} participants' genotypes and {rows:,} participants' values "
        f"({details['genotypes_of_releases']:,} and {details['rows_of_releases']:,} in releases) are compared no more"
    )


@app.command("list")
def list_(json: JsonOption = False) -> None:
    """List the registered cohorts."""
    from sqlmodel import select

    from matcher.models import Cohort, Release

    workspace = opened()
    with reading(workspace.engine) as session:
        rows = [
            {
                "cohort": one.name,
                "title": one.title,
                "participants": one.participants_count,
                "columns": one.columns_count,
                "variants": one.variants_count,
                "releases": len(session.exec(select(Release).where(Release.cohort_id == one.id)).all()),
            }
            for one in session.exec(select(Cohort)).all()
        ]
    if json:
        for row in rows:
            print_json(row)
    else:
        print_table(
            ["cohort", "title", "participants", "columns", "variants", "releases"],
            [list(r.values()) for r in rows],
        )
