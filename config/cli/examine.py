"""`cohortwatch examine`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from config.cli.session import JsonOption, actor, opened, print_json, print_table


def examine(
    paths: Annotated[list[Path], typer.Argument(help="Files, folders, archives, git repositories.")],
    json: JsonOption = False,
    cohort: Annotated[list[str] | None, typer.Option(help="Only this cohort; repeat for more.")] = None,
) -> None:
    """Match local files; no network, writes nothing but the audit log."""
    from config.database import reading
    from config.errors import ConfigError
    from matcher.examine import Examiner, summary
    from matcher.library import read_library
    from matcher.verdict import best, is_at_least

    for path in paths:
        if not path.exists():
            raise ConfigError(f"there is no {path}; check the path")
    workspace = opened()
    with reading(workspace.engine) as session:
        library = read_library(session, workspace.settings.indexes_folder, cohort or ())
    examiner = Examiner(library, workspace.keys.matching, workspace.limits)
    kept: list[dict[str, Any]] = []
    shown: list[list[Any]] = []
    for answer in examiner.paths(paths):
        kept.append({key: answer[key] for key in ("bytes", "verdict", "skipped", "sha256")})
        if json:
            print_json(answer)
        elif answer["verdict"] != "none" or answer["skipped"]:
            shown += _rows(answer)
    total = summary(kept)
    found = best([one["verdict"] for one in kept])
    workspace.log.append(
        actor=actor(None),
        action="examine",
        subject=f"{len(paths)} paths",
        details={**total, "cohorts": [one.name for one in library]},
    )
    if json:
        print_json({"summary": {**total, "verdict": found, "cohorts": [one.name for one in library]}})
    else:
        if shown:
            print_table(
                ["file", "what", "verdict", "cohort", "release", "recipient", "people", "false match"], shown
            )
        print(f"{total['files']:,} files, {total['bytes']:,} bytes: {found}")
        if not library:
            print("No cohort is registered, so nothing could match; see `cohortwatch cohort add`.")
    if is_at_least(found, "probable"):
        raise typer.Exit(1)


def _rows(answer: dict[str, Any]) -> list[list[Any]]:
    start = [answer["path"], answer["skipped"] or answer["content"]]
    if not answer["matches"]:
        return [[*start, answer["verdict"], None, None, None, None, None]]
    return [
        [
            *start,
            match["verdict"],
            match["cohort"],
            f"{match['release']} ({match['standing']})" if match["release"] else None,
            match["recipient"],
            match["participants_matched"],
            f"{match['false_match_probability']:.1e}",
        ]
        for match in answer["matches"]
    ]
