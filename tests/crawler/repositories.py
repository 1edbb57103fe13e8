"""Git repositories with a history, made by git itself, and what is inside a bundle that was found."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path


class Repository:
    """A bare repository; every commit is made from nothing but what it is told."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        git(folder, "init", "-q", "--bare", "-b", "main")
        (folder / "git-daemon-export-ok").touch()
        git(folder, "config", "http.receivepack", "false")
        git(folder, "config", "uploadpack.allowFilter", "true")
        self._number = 0

    def commit(
        self, files: Mapping[str, bytes | None], *, branch: str = "main", message: str = "work"
    ) -> str:
        """One commit on top of the branch; None deletes a file."""
        self._number += 1
        when = 1_767_225_600 + self._number
        told = bytearray(f"commit refs/heads/{branch}\n".encode())
        told += f"committer someone <someone@example.org> {when} +0000\n".encode() + _data(message.encode())
        if git(self.folder, "for-each-ref", f"refs/heads/{branch}").strip():
            told += f"from refs/heads/{branch}^0\n".encode()
        for path, content in files.items():
            told += f"D {path}\n".encode() if content is None else f"M 100644 inline {path}\n".encode()
            told += _data(content) if content is not None else b""
        git(self.folder, "fast-import", "--quiet", "--force", said=bytes(told))
        git(self.folder, "update-server-info")
        return self.head(branch)

    def head(self, branch: str = "main") -> str:
        return git(self.folder, "rev-parse", branch).decode().strip()

    def force_back(self, commit: str, branch: str = "main") -> None:
        """Puts the branch on another commit, as a force push does."""
        git(self.folder, "update-ref", f"refs/heads/{branch}", commit)
        git(self.folder, "update-server-info")


def blobs_of(bundle: bytes, folder: Path) -> set[bytes]:
    """Every content in the whole history of a bundle."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "x.bundle"
    path.write_bytes(bundle)
    inside = folder / f"inside-{len(list(folder.iterdir()))}"
    git(folder, "clone", "-q", "--mirror", str(path), str(inside))
    listed = git(inside, "cat-file", "--batch-all-objects", "--batch-check").decode().split("\n")
    names = [line.split()[0] for line in listed if " blob " in line]
    return {git(inside, "cat-file", "blob", name) for name in names}


def git(folder: Path, *arguments: str, said: bytes = b"") -> bytes:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    ran = subprocess.run(
        ["git", *arguments], cwd=folder, input=said, capture_output=True, check=True, env=environment
    )
    return ran.stdout


def _data(content: bytes) -> bytes:
    return f"data {len(content)}\n".encode() + content + b"\n"
