"""Real git repositories with a history: commits of files, deletions and forks, made by git itself."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

Commit = tuple[str, Mapping[str, bytes | None]]
"""A message, and the files that it writes; None deletes one."""


def make_repository(folder: Path, commits: list[Commit], *, author: str, first_day: int = 1) -> str:
    """A bare repository at `folder` with these commits on its branch main; answers with the last commit."""
    folder.mkdir(parents=True)
    _git(folder, "init", "-q", "--bare", "-b", "main")
    (folder / "git-daemon-export-ok").touch()
    stream = bytearray()
    for number, (message, files) in enumerate(commits):
        when = 1_767_225_600 + (first_day + number) * 86_400
        stream += b"commit refs/heads/main\n"
        stream += f"committer {author} <{author}@example.org> {when} +0000\n".encode()
        stream += _data(message.encode())
        for path, content in files.items():
            if content is None:
                stream += f"D {path}\n".encode()
            else:
                stream += f"M 100644 inline {path}\n".encode() + _data(content)
    subprocess.run(
        ["git", "fast-import", "--quiet"], cwd=folder, input=bytes(stream), check=True, env=_environment()
    )
    return _git(folder, "rev-parse", "main").strip()


def fork_repository(origin: Path, folder: Path) -> None:
    """A bare copy, as a platform's fork makes it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    _git(folder.parent, "clone", "-q", "--bare", str(origin), str(folder))


def _data(content: bytes) -> bytes:
    return f"data {len(content)}\n".encode() + content + b"\n"


def _git(folder: Path, *arguments: str) -> str:
    ran = subprocess.run(
        ["git", *arguments], cwd=folder, check=True, capture_output=True, text=True, env=_environment()
    )
    return ran.stdout


def _environment() -> dict[str, str]:
    """Git without the settings of whoever runs this."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return {**kept, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
