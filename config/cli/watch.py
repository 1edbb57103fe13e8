"""`cohortwatch crawl`, `patrol`, `schedule`, `tip`, `recheck`: what runs without people, and what feeds it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from config.cli.session import JsonOption, actor, opened, print_json, print_table, printable, shown_chance
from config.errors import ConfigError


class NotDone(ConfigError):
    """What a pass could not do, told when all of its outcome is printed."""


def crawl(
    sources: Annotated[
        list[str] | None, typer.Argument(help="Names of sources; default all that are enabled.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """One headless pass over the sources: new finds into quarantine, with evidence."""
    from config.rounds import crawl_round

    workspace = opened()
    with workspace.sole("patrol"):
        outcome = crawl_round(workspace, sources or ())
    _print_sources(outcome, json)
    failed = [
        f"source {one['source']}: {one['silent_reason']}" for one in outcome["sources"] if one["failed"]
    ]
    if failed:
        raise NotDone("; ".join(failed))
    if outcome["finds_new"]:
        raise typer.Exit(1)


def patrol(json: JsonOption = False) -> None:
    """One whole pass: crawl, examine what is new, open cases, draft notices, re-check what is under takedown."""
    from config.rounds import patrol_round
    from matcher.paths import short_path

    workspace = opened()
    with workspace.sole("patrol"):
        outcome = patrol_round(workspace)
    if json:
        print_json(outcome)
    else:
        _print_sources(outcome["crawl"], json=False)
        found = [
            [
                short_path(one["name"]),
                one["verdict"],
                one["cohort"],
                one["release"],
                one["standing"],
                shown_chance(one["false_match_probability"]),
                one["participants"],
            ]
            for one in outcome["matches"]
        ]
        if found:
            print_table(["find", "verdict", "cohort", "release", "standing", "false match", "people"], found)
        print(
            f"{outcome['examined']} examined, {len(outcome['cases_opened'])} cases opened, "
            f"{outcome['notices_drafted']} notices drafted, {outcome['rechecked']} copies re-checked"
        )
    if outcome["failures"]:
        raise NotDone("; ".join(outcome["failures"]))
    if outcome["matches"]:
        raise typer.Exit(1)


def schedule() -> None:
    """Stay up and run patrols and re-checks by their schedules until stopped."""
    from config.schedule import run_schedule

    run_schedule(opened())


def tip(
    url_or_file: Annotated[str, typer.Argument(metavar="URL-or-FILE")],
    note: Annotated[str | None, typer.Option(help="Who told it and why.")] = None,
) -> None:
    """Take in a lead from a person; the next patrol looks at it."""
    from sqlmodel import Session

    from crawler.tips import take_tip

    workspace = opened()
    with Session(workspace.engine) as session:
        taken = take_tip(session, workspace.vault, url_or_file, note)
        session.flush()
        workspace.log.append(
            actor=actor(None), action="tip", subject=str(taken), details={"note": bool(note)}
        )
        session.commit()
    print(f"Took in {printable(taken)}; the next `cohortwatch patrol` looks at it")


def recheck(
    cases: Annotated[list[str] | None, typer.Argument(help="Case numbers; default all that are due.")] = None,
    json: JsonOption = False,
) -> None:
    """Ask every reported address again: gone, private, moved, back, blocked."""
    from config.rounds import recheck_round

    workspace = opened()
    with workspace.sole("patrol"):
        asked = recheck_round(workspace, cases or None)
    if json:
        for one in asked:
            print_json(one)
    else:
        print_table(
            ["case", "address", "status", "whereabouts", "note"],
            [[one["case"], one["url"], one["status"], one["whereabouts"], one["note"]] for one in asked],
        )


def _print_sources(outcome: dict[str, Any], json: bool) -> None:
    if json:
        for one in outcome["sources"]:
            print_json(one)
        print_json({"summary": {key: value for key, value in outcome.items() if key != "sources"}})
        return
    if not outcome["sources"]:
        print("No source is set, so nothing was crawled; add one to settings.toml.")
        return
    print_table(
        ["source", "requests", "new finds", "new copies", "caps hit", "silent"],
        [
            [
                one["source"],
                one["requests"],
                one["finds_new"],
                one["copies_new"],
                one["caps_hit"],
                one["silent_reason"],
            ]
            for one in outcome["sources"]
        ],
    )
