"""What the README says of commands and files is so."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import typer.main

from config.cli import app

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def in_the_readme() -> set[str]:
    """Commands of the table under "Commands", `noun verb/verb` written out."""
    table = README.split("## Commands")[1].split("\n\n")[1]
    found = set()
    for row in table.splitlines()[2:]:
        for name in re.findall(r"`([a-z -]+(?:/[a-z-]+)*)`", row.split("|")[1]):
            noun, _, verbs = name.rpartition(" ")
            found |= {f"{noun} {verb}".strip() for verb in verbs.split("/")}
    return found


def in_the_program() -> set[str]:
    found = set()
    for name, command in commands_of(typer.main.get_command(app)).items():
        verbs = commands_of(command)
        found |= {f"{name} {verb}" for verb in verbs} or {name}
    return found


def commands_of(command: Any) -> dict[str, Any]:
    return dict(getattr(command, "commands", {}))


def test_the_table_of_commands_is_the_program_s() -> None:
    assert in_the_readme() == in_the_program()


def test_every_file_that_the_readme_names_is_there() -> None:
    named = re.findall(r"`((?:config|crawler|matcher|takedown|tests)/[\w./-]+)`", README)
    named += re.findall(r"\]\(([\w./-]+)\)", README)
    assert named
    for path in named:
        if "NAME" not in path:
            assert (ROOT / path).exists(), path


def test_every_folder_that_takes_an_extension_is_there() -> None:
    named = re.findall(r"`([\w/]+)/NAME[.\w]*`", README)
    assert len(named) >= 5
    for path in named:
        assert (ROOT / path).is_dir(), path
