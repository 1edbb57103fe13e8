"""`cohortwatch report`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from config.cli.session import JsonOption, opened, print_json, print_table


def report(
    since: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Only cases opened since that day.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Times to detect, to notice and to removal; open exposures; coverage."""
    from config.database import reading
    from takedown import reports

    workspace = opened()
    with reading(workspace.engine) as session:
        made = reports.report(session, since=since.replace(tzinfo=UTC) if since else None)
    if json:
        print_json(made)
        return
    for title, content in made.items():
        _print_section(title.replace("_", " "), content)


def _print_section(title: str, content: Any) -> None:
    if isinstance(content, list) and content and isinstance(content[0], dict):
        print_table(list(content[0]), [list(row.values()) for row in content], title=title)
    elif isinstance(content, dict):
        print_table([title, ""], [[key.replace("_", " "), value] for key, value in content.items()])
    else:
        print(f"{title}: {content if content not in ([], None) else 'none'}")
