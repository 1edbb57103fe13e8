"""`cohortwatch examine`."""

from __future__ import annotations

from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from config.cli.session import (
    JsonOption,
    actor,
    opened,
    print_json,
    print_table,
    printable,
    shown_chance,
)

if TYPE_CHECKING:
    from matcher.gate import Breach


def examine(
    paths: Annotated[list[Path], typer.Argument(help="Files, folders, archives, git repositories.")],
    json: JsonOption = False,
    cohort: Annotated[list[str] | None, typer.Option(help="Only this cohort; repeat for more.")] = None,
    gate: Annotated[
        bool,
        typer.Option(
            "--gate", help="Exit 1 where a file breaks the settings of the gate: the check on an export."
        ),
    ] = False,
    sarif: Annotated[
        Path | None, typer.Option(help="With --gate: write what breaks it as SARIF to this file.")
    ] = None,
) -> None:
    """Match local files; no network, writes nothing but the audit log."""
    from config.errors import ConfigError
    from matcher.reader_process import start_early

    for path in paths:
        if not path.exists():
            raise ConfigError(f"there is no {path}; check the path")
    if sarif is not None:
        _require_place(sarif, paths, gate)
    workspace = opened()
    start_early(workspace.limits.memory_bytes)  # while the libraries below are loaded

    from config.database import reading
    from matcher.examine import Examiner, summary
    from matcher.gate import Policy, breaches
    from matcher.genotypes.panels import panels
    from matcher.library import read_library
    from matcher.verdict import best, is_at_least

    with reading(workspace.engine) as session:
        library = read_library(session, workspace.settings.indexes_folder, cohort or ())
    indexes = workspace.settings.indexes_folder
    examiner = Examiner(library, workspace.keys.matching, workspace.limits, panels(indexes))
    policy = Policy(
        **{**workspace.settings.gate.model_dump(), "contents": frozenset(workspace.settings.gate.contents)}
    )
    broken: list[Breach] = []
    kept: list[dict[str, Any]] = []
    shown: list[list[Any]] = []
    for answer in examiner.paths(paths):
        kept.append({key: answer[key] for key in ("bytes", "verdict", "skipped", "sha256")})
        broken += breaches(answer, policy) if gate else []
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
        print(f"{total['files']:,} files, {total['bytes']:,} bytes: {found}{_unread(total['skipped'])}")
        if not library:
            print("No cohort is registered, so nothing could match; see `cohortwatch cohort add`.")
    if gate:
        _tell_gate(broken, sarif, json)
    if broken or is_at_least(found, "probable"):
        raise typer.Exit(1)


def _require_place(sarif_file: Path, paths: list[Path], gate: bool) -> None:
    """Told before hours of examining, not after.

    Raises:
        ConfigError: nothing would be written there, or over what is examined.
    """
    from config.errors import ConfigError

    if not gate:
        raise ConfigError("--sarif writes what the gate says; give --gate with it")
    if sarif_file.is_dir() or not sarif_file.parent.is_dir():
        raise ConfigError(
            f"{sarif_file} is no name of a file in a folder that is there; give --sarif another"
        )
    if any(sarif_file.exists() and sarif_file.samefile(path) for path in paths):
        raise ConfigError(f"{sarif_file} is itself to be examined; give --sarif another name")


def _unread(skipped: dict[str, int]) -> str:
    """What to know of files that could not be read in full."""
    if not skipped:
        return ""
    why = ", ".join(f"{count:,} {one}" for one, count in sorted(skipped.items()))
    return f"; {sum(skipped.values()):,} not read in full ({why})"


def _tell_gate(broken: list[Breach], sarif_file: Path | None, json: bool) -> None:
    from importlib.metadata import version

    from matcher.gate import sarif

    if sarif_file is not None:
        sarif_file.write_text(dumps(sarif(broken, version("cohortwatch")), indent=1), encoding="utf-8")
    if json:
        print_json({"gate": [{"path": one.path, "rule": one.rule, "says": one.says} for one in broken]})
        return
    for one in broken:
        print(f"may not leave: {printable(one.path)}: {one.says}")
    if not broken:
        print("All of it may leave.")


def _rows(answer: dict[str, Any]) -> list[list[Any]]:
    from matcher.paths import short_path

    start = [short_path(answer["path"]), answer["skipped"] or answer["content"]]
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
            shown_chance(match["false_match_probability"]),
        ]
        for match in answer["matches"]
    ]
