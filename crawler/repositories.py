"""Cloning a git repository of a stranger: over HTTP only, through the door, within limits of size and time.

A mirror is cloned (every branch and tag) without a check-out, so nothing of it is ever run, packed
anew so that the same history gives the same bytes, and handed over as one bundle.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urljoin

from crawler.large_files import Pointer, pointers
from crawler.manners import Door
from crawler.tips import is_web_address

POLL_SECONDS = 0.02
MOST_SUBMODULES = 50
_OVER_SSH = re.compile(r"(?:ssh://)?git@([\w.-]+)[:/](.+)")
_PR_SET_PDEATHSIG = 1


class NotCloned(Exception):
    """Why a repository could not be had, in a word or two; where it is too large its platform may ask for parts."""

    def __init__(self, reason: str, *, is_too_large: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.is_too_large = is_too_large


@dataclass(frozen=True)
class Cloned:
    """A bundle on disk and what it holds."""

    bundle: Path
    sha256: str
    size_bytes: int
    head: str
    heads_count: int
    submodules: tuple[str, ...] = ()
    """Addresses of repositories that stand inside this one and are no part of its history."""
    large: tuple[Pointer, ...] = ()
    """What the history only points to."""
    has_more_large: bool = False


@contextmanager
def cloned(
    url: str, *, door: Door, workplace: Path, max_bytes: int, seconds: float, user_agent: str
) -> Iterator[Cloned]:
    """The whole history behind `url` as a bundle, which is there while the context lasts.

    Raises:
        NotCloned: the server would not give it, or it is over a limit.
    """
    workplace.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="clone-", dir=workplace))
    try:
        ends_at = time.monotonic() + seconds
        repository, bundle = folder / "mirror.git", folder / "found.bundle"
        ask = _Git(folder, door, user_agent, max_bytes, ends_at)
        ask.run("clone", "--mirror", "--quiet", "--no-hardlinks", "--", url, str(repository))
        head = ask.run(
            "-C", str(repository), "rev-parse", "--verify", "--quiet", "HEAD", may_fail=True
        ).strip()
        refs = ask.run("-C", str(repository), "for-each-ref", "--format=%(objectname)").split()
        if not refs:
            raise NotCloned("empty repository")
        # The same objects packed by one thread without the server's deltas give the same bytes, whoever served them.
        ask.run(
            "-C",
            str(repository),
            "-c",
            "pack.threads=1",
            "repack",
            "-a",
            "-d",
            "-F",
            "--quiet",
            "--window=10",
        )
        ask.run(
            "-C", str(repository), "-c", "pack.threads=1", "bundle", "create", "--quiet", str(bundle), "--all"
        )
        inside = _submodules(ask, repository, url) if head else ()
        large, more = pointers(partial(ask.run, "-C", str(repository))) if head else ([], False)
        yield Cloned(
            bundle,
            _sha256(bundle),
            bundle.stat().st_size,
            head or refs[0],
            len(refs),
            submodules=inside,
            large=tuple(large),
            has_more_large=more,
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _submodules(ask: _Git, repository: Path, url: str) -> tuple[str, ...]:
    told = ask.run(
        "-C",
        str(repository),
        "config",
        "--blob",
        "HEAD:.gitmodules",
        "--get-regexp",
        r"^submodule\..*\.url$",
        may_fail=True,
    )
    found = []
    for line in told.splitlines()[:MOST_SUBMODULES]:
        place = line.partition(" ")[2].strip()
        over_ssh = _OVER_SSH.fullmatch(place)
        place = f"https://{over_ssh[1]}/{over_ssh[2]}" if over_ssh else place
        with contextlib.suppress(ValueError):  # what is no address leads nowhere
            found.append(urljoin(url.rstrip("/") + "/", place))
    return tuple(one for one in found if is_web_address(one))


def has_commit(
    url: str, commit: str, *, door: Door, workplace: Path, seconds: float, user_agent: str
) -> bool:
    """True where `commit` can still be reached from what the repository shows; contents are not fetched.

    Raises:
        NotCloned: the server would not answer.
    """
    workplace.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="commits-", dir=workplace))
    try:
        ask = _Git(folder, door, user_agent, 1 << 30, time.monotonic() + seconds)
        repository = str(folder / "mirror.git")
        ask.run("clone", "--mirror", "--quiet", "--filter=tree:0", "--", url, repository)
        wanted = f"{commit}^{{commit}}"
        return bool(
            ask.run("-C", repository, "rev-parse", "--verify", "--quiet", wanted, may_fail=True).strip()
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class _Git:
    def __init__(self, folder: Path, door: Door, user_agent: str, max_bytes: int, ends_at: float) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._ends_at = ends_at
        self._environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(folder),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_ALLOW_PROTOCOL": "http:https",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ASKPASS": "true",
            "GIT_NO_LAZY_FETCH": "1",
            "GIT_HTTP_USER_AGENT": user_agent,
            "GIT_HTTP_LOW_SPEED_LIMIT": "1000",
            "GIT_HTTP_LOW_SPEED_TIME": "60",
            "http_proxy": door.address,
            "https_proxy": door.address,
            "no_proxy": "",
            "LC_ALL": "C",
        }

    def run(self, *arguments: str, may_fail: bool = False) -> str:
        with (
            tempfile.TemporaryFile(dir=self._folder) as out,
            tempfile.TemporaryFile(dir=self._folder) as said,
        ):
            child = subprocess.Popen(
                [
                    "git",
                    "-c",
                    "credential.helper=",
                    "-c",
                    "core.hooksPath=/dev/null",
                    "-c",
                    "gc.auto=0",
                    *arguments,
                ],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=said,
                start_new_session=True,
                preexec_fn=_die_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509 - one call, no locks
            )
            try:
                self._watch(child)
            finally:
                _end(child)
            if child.returncode != 0 and not may_fail:
                said.seek(0)
                raise NotCloned(_in_words(said.read(20_000).decode("utf-8", "replace")))
            out.seek(0)
            return out.read(64 << 20).decode("utf-8", "replace")

    def _watch(self, child: subprocess.Popen[bytes]) -> None:
        wait = POLL_SECONDS
        while True:
            try:
                child.wait(wait)
                return
            except subprocess.TimeoutExpired:
                wait = min(wait * 2, 1.0)
            if time.monotonic() > self._ends_at:
                raise NotCloned("took too long", is_too_large=True)
            if _size(self._folder) > self._max_bytes:
                raise NotCloned("too large", is_too_large=True)


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _size(folder: Path) -> int:
    total = 0
    for root, _folders, files in os.walk(folder):
        for name in files:
            with contextlib.suppress(OSError):
                total += (Path(root) / name).stat().st_size
    return total


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _in_words(said: str) -> str:
    """Git's complaint as a word or two: its own text may hold what a stranger wrote."""
    known = {
        "not found": "not found",
        "error: 404": "not found",
        "error: 410": "not found",
        "error: 401": "sign-in",
        "authentication failed": "sign-in",
        "could not read username": "sign-in",
        "tunnel failed, response 403": "refused: private address",
        "error: 403": "forbidden",
        "error: 429": "limited",
        "error: 451": "blocked for law",
        "error: 5": "server error",
        "timed out": "timed out",
        "couldn't connect": "unreachable",
        "failed to connect": "unreachable",
        "could not resolve": "unreachable",
        "empty reply": "unreachable",
        "early eof": "cut off",
        "dumb http": "no git server",
    }
    low = said.lower()
    return next((word for mark, word in known.items() if mark in low), "git could not clone it")
