"""`cohortwatch case list/show/assign/confirm/dismiss/close`: triage on the command line."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from config.cli.session import ByOption, JsonOption, actor, opened, print_json, print_table, shown_chance

app = typer.Typer(help="Cases: families of copies of one leak.", no_args_is_help=True)

MOST_SHOWN = 12
"""Powers of ten: what lies beyond says more of a model than of the world."""
ReasonOption = Annotated[str, typer.Option(help="Why; it stays in the case and the log.")]


@app.command("list")
def list_(
    json: JsonOption = False,
    state: Annotated[str | None, typer.Option(help="Only cases in this state.")] = None,
) -> None:
    """List the cases, the most urgent first."""
    from config.database import reading
    from config.errors import ConfigError
    from takedown.cases import queue
    from takedown.models import CaseState

    states = [str(one) for one in CaseState]
    if state is not None and state not in states:
        raise ConfigError(f"no case is ever {state!r}; the states are {', '.join(states)}")
    workspace = opened()
    with reading(workspace.engine) as session:
        rows = [one for one in queue(session) if state in (None, one["state"])]
    if json:
        for row in rows:
            print_json(row)
        return
    print_table(
        ["case", "state", "verdict", "what", "people", "release", "recipient", "copies", "assignee"],
        [
            [
                row["number"],
                row["state"],
                row["verdict"],
                row["title"],
                row["participants_matched"],
                row["release"],
                row["recipient"],
                row["copies_count"],
                row["assignee"],
            ]
            for row in rows
        ],
    )


@app.command()
def show(number: str, json: JsonOption = False) -> None:
    """Show one case: why it matched, where its copies are, what was sent."""
    from config.database import reading
    from takedown.cases import case_view

    workspace = opened()
    with reading(workspace.engine) as session:
        view = case_view(session, number)
    if json:
        print_json(view)
    else:
        _print_case(view)


def _print_case(view: dict[str, Any]) -> None:
    from matcher.paths import short_path

    print(f"{view['number']}  {view['state']}  {view['verdict']}  {view['title']}")
    print_table(
        ["file", "verdict", "release", "recipient", "standing", "people", "false match"],
        [
            [
                short_path(one["path"]),
                one["verdict"],
                one["release"],
                one["recipient"],
                one["standing"],
                one["participants_matched"],
                shown_chance(one["false_match_probability"]),
            ]
            for one in view["matches"]
        ],
        title="Matches",
    )
    for match in view["matches"]:
        for evidence in match["evidence"]:
            print(f"  {evidence['matcher']}: {evidence['why']} ({_odds(evidence['log10_odds'])})")
    print_table(
        ["address", "whereabouts", "first seen", "why it belongs"],
        [[one["url"], one["whereabouts"], one["first_seen_at"], one["why"]] for one in view["copies"]],
        title="Copies",
    )
    for hint in view["hints"]:
        print(f"  hint: {hint['url']} shows {hint['says']} ({hint['other_url']})")
    print_table(
        ["notice", "letter", "to", "state"],
        [[one["id"], one["letter"], one["recipient"], one["state"]] for one in view["notices"]],
        title="Notices",
    )
    print_table(
        ["clock", "due", "verified"],
        [[one["name"], one["due_at"], one["verified"]] for one in view["clocks"]],
        title="Clocks",
    )


def _odds(log10_odds: float) -> str:
    return f"odds 10^{log10_odds:.1f}" if log10_odds < MOST_SHOWN else f"odds over 10^{MOST_SHOWN}"


@app.command()
def assign(number: str, to: Annotated[str, typer.Argument(help="A person.")], by: ByOption = None) -> None:
    """Give a case to a person."""
    from sqlmodel import Session

    from takedown import cases

    workspace = opened()
    with Session(workspace.engine) as session:
        cases.assign(session, number, to=to, by=actor(by), log=workspace.log)
        session.commit()
    print(f"{number} is with {to}")


@app.command()
def confirm(number: str, reason: ReasonOption, by: ByOption = None) -> None:
    """Confirm that it is a leak; the clocks start."""
    _decide("confirm", number, reason, by)


@app.command()
def dismiss(number: str, reason: ReasonOption, by: ByOption = None) -> None:
    """Dismiss a case, with the reason."""
    _decide("dismiss", number, reason, by)


@app.command()
def close(number: str, reason: ReasonOption, by: ByOption = None) -> None:
    """Close a case whose copies are gone."""
    _decide("close", number, reason, by)


def _decide(decision: str, number: str, reason: str, by: str | None) -> None:
    from sqlmodel import Session

    from takedown import cases

    workspace = opened()
    with Session(workspace.engine) as session:
        decide = {"confirm": cases.confirm, "dismiss": cases.dismiss, "close": cases.close}[decision]
        case = decide(session, number, by=actor(by), reason=reason, log=workspace.log)
        session.commit()
        print(f"{number} is {case.state}")
