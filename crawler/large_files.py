"""Git LFS: which large files the history of a clone only points to, and each of them from its store.

A clone brings pointers of three lines. The store is asked by the published batch call, through the same door as all
else; what it gives is the file only if it is as long as the pointer says and has its SHA-256.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import httpx

from crawler.manners import Door

KIND = "large"
BATCH = "/info/lfs/objects/batch"
MOST = 200
"""How many large files of one history are asked for, the newest first."""
_MEDIA = "application/vnd.git-lfs+json"
_ADDED = re.compile(
    r"\x01(?P<commit>[0-9a-f]{40,64})\0|:\d{6} \d{6} [0-9a-f]+ (?P<blob>[0-9a-f]+) [AM]\0(?P<path>[^\0]+)\0"
)
_POINTER = re.compile(
    r"version https://git-lfs\.github\.com/spec/v1\n(?:[^\n]+\n)*?oid sha256:([0-9a-f]{64})\nsize (\d{1,15})\n?"
)


class NotFetched(Exception):
    """Why a large file could not be had, in a word or two."""


@dataclass(frozen=True)
class Pointer:
    """A large file that a history points to: the newest commit that wrote it, and where."""

    sha256: str
    size: int
    path: str
    commit: str


def pointers(run: Callable[..., str]) -> tuple[list[Pointer], bool]:
    """The large files that a clone's whole history points to, and whether there are more; `run` runs git in it."""
    if not run(
        "grep", "-l", "-e", "filter=lfs", "HEAD", "--", ".gitattributes", "*/.gitattributes", may_fail=True
    ):
        return [], False
    added = run(
        "log", "--all", "--diff-filter=AM", "-G^oid sha256:[0-9a-f]{64}$", "--format=%x01%H", "--raw", "--no-abbrev",
        "--no-renames", "-z",
    )  # fmt: skip
    found: dict[tuple[str, str], Pointer] = {}
    commit, looked = "", 0
    for match in _ADDED.finditer(added):
        commit = match["commit"] or commit
        if not match["blob"]:
            continue
        if looked >= 2 * MOST or len(found) >= MOST:
            return list(found.values()), True
        looked += 1
        told = _POINTER.fullmatch(run("cat-file", "blob", match["blob"]))
        if told:
            one = Pointer(told[1], int(told[2]), match["path"], commit)
            found.setdefault((one.sha256, one.path), one)
    return list(found.values()), False


@contextmanager
def fetched(
    clone_url: str, sha256: str, size: int, *, door: Door, workplace: Path, seconds: float, user_agent: str
) -> Iterator[IO[bytes]]:
    """The content, while the context lasts.

    Raises:
        NotFetched: the store has not got it, or gave something else.
    """
    workplace.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (
        httpx.Client(
            proxy=door.address,
            trust_env=False,
            timeout=min(seconds, 60.0),
            headers={"User-Agent": user_agent, "Accept-Encoding": "identity"},
            follow_redirects=True,
            max_redirects=5,
        ) as client,
        tempfile.TemporaryFile(dir=workplace) as out,
    ):
        try:
            href, headers = _place(client, clone_url.removesuffix(".git") + ".git" + BATCH, sha256, size)
            _download(client, href, headers, out, size, time.monotonic() + seconds)
        except httpx.TimeoutException:
            raise NotFetched("timed out") from None
        except (httpx.HTTPError, httpx.InvalidURL):
            raise NotFetched("unreachable") from None
        out.seek(0)
        if hashlib.file_digest(out, "sha256").hexdigest() != sha256:
            raise NotFetched("other content than was pointed to")
        out.seek(0)
        yield out


def _place(client: httpx.Client, url: str, sha256: str, size: int) -> tuple[str, dict[str, str]]:
    asked = {"operation": "download", "transfers": ["basic"], "objects": [{"oid": sha256, "size": size}]}
    answer = client.post(url, json=asked, headers={"Accept": _MEDIA, "Content-Type": _MEDIA})
    _check(answer.status_code)
    try:
        (told,) = answer.json()["objects"]
        if "error" in told:
            raise NotFetched("not found")
        action: dict[str, Any] = told["actions"]["download"]
        headers = {str(name): str(value) for name, value in (action.get("header") or {}).items()}
        return str(action["href"]), headers
    except (ValueError, KeyError, TypeError, AttributeError):
        raise NotFetched("not as LFS has it") from None


def _download(
    client: httpx.Client, href: str, headers: dict[str, str], out: IO[bytes], size: int, ends_at: float
) -> None:
    with client.stream("GET", href, headers=headers) as answer:
        _check(answer.status_code)
        written = 0
        for block in answer.iter_raw():
            written += len(block)
            if written > size:
                raise NotFetched("other content than was pointed to")
            if time.monotonic() > ends_at:
                raise NotFetched("took too long")
            out.write(block)


def _check(status: int) -> None:
    if status in (401, 403):
        raise NotFetched("refused")
    if status in (404, 410):
        raise NotFetched("not found")
    if status == 429:
        raise NotFetched("limited")
    if status != 200:
        raise NotFetched(f"broken ({status})")
