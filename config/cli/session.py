"""What commands share: the workspace that `--home` names, who acts, and how answers are printed."""

from __future__ import annotations

import getpass
import json
import os
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from config.errors import BadSettings
from config.settings import find_home
from config.workspace import Workspace, open_workspace

if TYPE_CHECKING:
    from matcher.sketches import EnrolledCohort

HomeOption = Annotated[
    str | None,
    typer.Option(
        "--home",
        metavar="PATH",
        help="The workspace; default $COHORTWATCH_HOME, else the user's data folder.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
ByOption = Annotated[
    str | None,
    typer.Option("--by", help="Who does this, a person of `person list`; default $COHORTWATCH_PERSON."),
]

LEAST_SHOWN = 1e-12
WIDTH_OF_A_PIPE = 200
_home: list[Path | None] = [None]


def set_home(home: str | None) -> None:
    """Raises BadSettings for an empty name, as of a variable that is not set, which would mean the present folder."""
    if home == "":
        raise BadSettings("--home names no folder; give one, or leave it out")
    _home[0] = None if home is None else Path(home)


def home_folder() -> Path:
    return find_home(_home[0])


def existing(given: Any) -> Any:
    """For options that name files: refuses folders, and pipes, at which a command would wait for good."""
    for path in given if isinstance(given, list) else [given]:
        if path is not None and not path.is_file():
            raise BadSettings(f"{path} is not a file that can be read; check the path")
    return given


def opened() -> Workspace:
    return open_workspace(home_folder())


def enrolled(workspace: Workspace, name: str) -> EnrolledCohort:
    """The cohort of that name as matchers see it; raises NotEnrolled where there is none."""
    from config.database import reading
    from matcher.library import read_library

    with reading(workspace.engine) as session:
        (cohort,) = read_library(session, workspace.enrolment.indexes, [name])
    return cohort


def actor(by: str | None) -> str:
    """The name of the person who acts: `--by`, else `COHORTWATCH_PERSON`, else the account that runs the command."""
    named = by or os.environ.get("COHORTWATCH_PERSON")
    if named:
        return named
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # an account without a name, as containers have
        return f"account {os.getuid()}"


def print_json(value: Any) -> None:
    """One JSON object a line in UTF-8, flushed so that a reader of a pipe sees each at once.

    It is UTF-8 whatever the terminal's own encoding is. Bytes of a file's name that are no UTF-8 are written as JSON's
    escapes of them (backslash, u, dcXX).
    """
    line = json.dumps(value, ensure_ascii=False, default=_plain)
    encoded = line.encode("utf-8", "backslashreplace") + b"\n"
    sys.stdout.flush()
    below = getattr(sys.stdout, "buffer", None)
    if below is None:  # a stream of text that a program put there, which calls this one
        sys.stdout.write(encoded.decode("utf-8"))
        return
    below.write(encoded)
    below.flush()


def print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]], title: str | None = None) -> None:
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(escape(printable(_shown(cell))) for cell in row))
    Console(width=None if sys.stdout.isatty() else WIDTH_OF_A_PIPE).print(table)


def printable(text: str) -> str:
    """Text of a found file's making without what would steer a terminal."""
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text)


def shown_chance(probability: float | None) -> str:
    """A probability as people are shown it; below one in 10^12 the model itself is the likelier error."""
    if probability is None:
        return "–"
    return "< 1e-12" if probability < LEAST_SHOWN else f"{probability:.1e}"


def _shown(cell: Any) -> str:
    if cell is None:
        return "–"
    if isinstance(cell, datetime):
        return cell.strftime("%Y-%m-%d %H:%M")
    return str(cell)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} is not JSON")
