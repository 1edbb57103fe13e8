"""A git repository or bundle: every blob that its object store holds, deleted and unreachable ones too.

The found repository's own settings, hooks and references are never used: an empty repository of ours borrows its
objects. Blobs are told by the first commit that brought them, as `@COMMIT12:path`.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from matcher.contents import Limits, Opened, Unreadable
from matcher.opening import Member

FORMAT = "git-bundle"
NO_COMMIT = "0" * 12
GIT_SECONDS = 600
MOST_BLOB = 256 << 20


def sniff(name: str, head: bytes) -> bool:
    return head.startswith((b"# v2 git bundle\n", b"# v3 git bundle\n"))


def members(opened: Opened, limits: Limits) -> Iterator[Member]:
    """The blobs of a bundle's whole history."""
    with _workplace() as git_folder:
        bundle = git_folder / "found.bundle"
        with bundle.open("wb") as file:
            shutil.copyfileobj(opened.stream, file)
        heads = _git(git_folder, "bundle", "list-heads", str(bundle)).split(b"\n")
        if not any(heads):
            raise Unreadable("damaged", "a bundle without heads")
        done = subprocess.run(
            ["git", "bundle", "unbundle", str(bundle)],
            env=_environment(git_folder),
            capture_output=True,
            check=False,
        )
        if done.returncode != 0:
            raise Unreadable("damaged", "git cannot unpack it")
        yield from _blobs(git_folder)


def find_objects(folder: Path) -> Path | None:
    """The object store of a repository at `folder`, bare or with a work tree; None where there is none."""
    for base in (folder / ".git", folder):
        if (base / "objects").is_dir() and (base / "HEAD").is_file() and not (base / "objects").is_symlink():
            return base / "objects"
    return None


def is_bare(folder: Path) -> bool:
    return (folder / "objects").is_dir() and (folder / "HEAD").is_file() and (folder / "refs").is_dir()


def history(objects: Path) -> Iterator[Member]:
    """The blobs of a found repository's whole history."""
    with _workplace() as git_folder:
        info = git_folder / "objects" / "info"
        info.mkdir(parents=True, exist_ok=True)
        (info / "alternates").write_text(f"{objects.resolve()}\n", encoding="utf-8")
        yield from _blobs(git_folder)


@contextmanager
def _workplace() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="cohortwatch-git-") as folder:
        subprocess.run(
            ["git", "init", "--quiet", "--bare", folder],
            env=_environment(None),
            capture_output=True,
            check=True,
        )
        yield Path(folder)


def _environment(git_folder: Path | None) -> dict[str, str]:
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_ALLOW_PROTOCOL": "none",
        "LC_ALL": "C",
    }
    if git_folder is not None:
        environment["GIT_DIR"] = str(git_folder)
    return environment


def _git(git_folder: Path, *arguments: str, given: bytes = b"") -> bytes:
    done = subprocess.run(
        ["git", *arguments],
        env=_environment(git_folder),
        input=given,
        capture_output=True,
        check=False,
        timeout=GIT_SECONDS,
    )
    return done.stdout


def _blobs(git_folder: Path) -> Iterator[Member]:
    listed = _git(
        git_folder,
        "cat-file",
        "--batch-all-objects",
        "--batch-check=%(objectname) %(objecttype) %(objectsize)",
    )
    objects = [line.split() for line in listed.splitlines()]
    commits = [name for name, kind, _ in objects if kind == b"commit"]
    places = _places(git_folder, commits)
    sizes = {name: int(size) for name, kind, size in objects if kind == b"blob"}
    by_path = {(commit, path): name for name, (commit, path) in places.items()}
    wanted = sorted(sizes, key=lambda name: places.get(name, (NO_COMMIT, name.decode())))
    with _cat(git_folder) as read:
        for name in wanted:
            commit, path = places.get(name, (NO_COMMIT, name.decode()))
            content = read(name, sizes[name])
            if content is not None:
                sibling = _sibling(git_folder, by_path, sizes, commit, path)
                yield Member(f"{commit}:{path}", io.BytesIO(content), sibling, "@")


def _places(git_folder: Path, commits: list[bytes]) -> dict[bytes, tuple[str, str]]:
    """Blob → the first commit that brought it, and its path there; one pass over the history, oldest first."""
    raw = _git(
        git_folder, "log", "--stdin", "--no-walk=unsorted" if not commits else "--reverse", "--topo-order", "--root",
        "-m", "--raw", "--no-abbrev", "--no-renames", "-z", "--format=%x01%H",
        given=b"\n".join(commits) + b"\n",
    ) if commits else b""  # fmt: skip
    places: dict[bytes, tuple[str, str]] = {}
    commit, blob = NO_COMMIT, b""
    for field in raw.split(b"\0"):
        text = field.lstrip(b"\n")
        if text.startswith(b"\x01"):
            commit, _, text = (
                text[1:].decode("ascii", "replace").partition("\n")[0][:12],
                b"",
                text[41:].lstrip(b"\n"),
            )
        if text.startswith(b":"):
            blob = text.split(b" ")[3] if text.count(b" ") >= 4 else b""
        elif text and blob:
            places.setdefault(blob, (commit, text.decode("utf-8", "replace")))
            blob = b""
    return places


@contextmanager
def _cat(git_folder: Path) -> Iterator[Callable[[bytes, int], bytes | None]]:
    process = subprocess.Popen(
        ["git", "cat-file", "--batch"],
        env=_environment(git_folder),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    into, out = process.stdin, process.stdout

    def read(name: bytes, size: int) -> bytes | None:
        if size > MOST_BLOB:
            return None
        into.write(name + b"\n")
        into.flush()
        head = out.readline().split()
        if len(head) != 3:
            return None
        content = out.read(int(head[2]))
        out.read(1)
        return content

    try:
        yield read
    finally:
        process.kill()
        process.wait()


def _sibling(
    git_folder: Path, by_path: dict[tuple[str, str], bytes], sizes: dict[bytes, int], commit: str, path: str
) -> Callable[[str], BinaryIO | None]:
    def sibling(suffix: str) -> BinaryIO | None:
        beside = str(PurePosixPath(path).with_suffix(suffix))
        name = by_path.get((commit, beside))
        if name is None or sizes.get(name, 0) > MOST_BLOB:
            return None
        return io.BytesIO(_git(git_folder, "cat-file", "blob", name.decode()))

    return sibling
