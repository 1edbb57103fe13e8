"""Walks a path, its containers and their members, and runs the reader of each file; used in the child process only.

A file's bytes are first spooled under the limits (so its size and SHA-256 are known before anything parses it),
then told by content: a container gives members, a format gives parts. What cannot be read in full ends with an
honest `skipped`.
"""

from __future__ import annotations

import hashlib
import importlib
import pkgutil
import re
import tempfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from matcher.contents import FileEnded, Genotypes, Limits, Opened, Table, Text, Unreadable

HEAD_BYTES = 64 << 10
SPOOLED_IN_MEMORY = 16 << 20
_JOINTS = re.compile(r"!/|@[0-9a-f]{12}:")
FREE_BYTES = 10 << 20
"""A ratio of decompression says nothing before this many bytes."""


@dataclass(frozen=True, slots=True)
class Started:
    """A file begins, with what is known of it before it is parsed."""

    path: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a container: its name inside, and its bytes, read once."""

    name: str
    stream: BinaryIO
    sibling: Callable[[str], BinaryIO | None] = field(default=lambda _suffix: None)
    joined_by: str = "!/"


Walked = Started | Table | Genotypes | Text | FileEnded


@dataclass(slots=True)
class Budget:
    """What one top-level path has left, over all its members."""

    limits: Limits
    skip: int = 0
    members: int = 0
    bytes_out: int = 0
    bytes_in: int = 0

    def spend(self, count: int) -> None:
        """Raises Unreadable where a bomb or too much content shows."""
        self.bytes_out += count
        if self.bytes_out > self.limits.total_bytes:
            raise Unreadable("too-large", "more inside than may be read")
        allowed = max(FREE_BYTES, self.bytes_in * self.limits.ratio)
        if self.bytes_out > allowed:
            raise Unreadable("bomb", "far more comes out than went in")


def walk_path(path: Path, limits: Limits, *, skip: int = 0) -> Iterator[Walked]:
    """Every file of a path; `skip` files that ended before are passed over."""
    from matcher.containers import git

    budget = Budget(limits, skip)
    if path.is_dir():
        repository = git.find_objects(path)
        if repository is not None:
            budget.bytes_in = 1 << 60  # git's own packing is no bomb by ratio; total bytes still count
            yield from _members(path.name, git.history(repository), budget, 1)
        yield from _folder(path, path.name, budget, is_checkout=repository is not None)
        return
    with path.open("rb") as stream:
        budget.bytes_in = path.stat().st_size
        yield from _file(path.name, stream, _sibling_of(path), budget, 0)


def walk_stream(name: str, stream: BinaryIO, limits: Limits, *, skip: int = 0) -> Iterator[Walked]:
    """The same for one stream that can be sought."""
    budget = Budget(limits, skip)
    budget.bytes_in = stream.seek(0, 2)
    stream.seek(0)
    yield from _file(name, stream, lambda _suffix: None, budget, 0)


def _folder(folder: Path, shown: str, budget: Budget, *, is_checkout: bool) -> Iterator[Walked]:
    from matcher.containers import git

    for path in sorted(folder.iterdir()):
        if path.is_symlink() or (is_checkout and path.name == ".git"):
            continue
        inner = f"{shown}/{path.name}"
        if path.is_dir():
            if git.find_objects(path) is not None:
                for event in walk_path(path, budget.limits, skip=budget.skip):
                    budget.skip -= isinstance(event, FileEnded) and budget.skip > 0
                    yield event
            elif not git.is_bare(folder):
                yield from _folder(path, inner, budget, is_checkout=False)
        elif path.is_file() and not git.is_bare(folder):
            budget.bytes_in += path.stat().st_size
            with path.open("rb") as stream:
                yield from _file(inner, stream, _sibling_of(path), budget, 0)


def _sibling_of(path: Path) -> Callable[[str], BinaryIO | None]:
    def sibling(suffix: str) -> BinaryIO | None:
        beside = path.with_suffix(suffix)
        return beside.open("rb") if beside.is_file() and not beside.is_symlink() else None

    return sibling


def _file(
    path: str, stream: BinaryIO, sibling: Callable[[str], BinaryIO | None], budget: Budget, depth: int
) -> Iterator[Walked]:
    """One file: spooled, told, and read as a container or by a reader."""
    budget.members += 1
    try:
        if budget.members > budget.limits.members:
            raise Unreadable("bomb", "more members than may be read")
        spooled, sha256, size, broken = _spool(stream, budget, counted=depth > 0)
    except Unreadable as wrong:
        yield from _unread(path, "", 0, "unknown", wrong, budget)
        return
    with spooled:
        name = _name_of(path)
        head = spooled.read(HEAD_BYTES)
        spooled.seek(0)
        container = _container_of(name, head) if depth < budget.limits.depth else None
        if container is not None:
            yield from _container(path, container, spooled, sha256, size, budget, depth, broken)
            return
        yield from _parts(path, Opened(name, spooled, size, sibling), head, sha256, budget, broken)


def _name_of(path: str) -> str:
    """The file's own name, without the containers and the commit that it stands in."""
    return PurePosixPath(_JOINTS.split(path)[-1]).name


def _spool(
    stream: BinaryIO, budget: Budget, *, counted: bool
) -> tuple[BinaryIO, str, int, Unreadable | None]:
    """A seekable copy with its digest and size; bytes before a break in the stream are kept."""
    out: Any = tempfile.SpooledTemporaryFile(max_size=SPOOLED_IN_MEMORY)  # noqa: SIM115 - the caller closes it
    digest, size, broken = hashlib.sha256(), 0, None
    while True:
        try:
            block = stream.read(1 << 20)
        except (EOFError, zlib.error, OSError, ValueError, RuntimeError) as wrong:
            broken = _told(wrong)
            break
        if not block:
            break
        size += len(block)
        if size > budget.limits.file_bytes:
            out.close()
            raise Unreadable("too-large", "a file larger than may be read")
        if counted:
            try:
                budget.spend(len(block))
            except Unreadable:
                out.close()
                raise
        digest.update(block)
        out.write(block)
    out.seek(0)
    return out, digest.hexdigest(), size, broken


def _told(wrong: Exception) -> Unreadable:
    if isinstance(wrong, RuntimeError) and ("password" in str(wrong) or "encrypted" in str(wrong)):
        return Unreadable("encrypted")
    return Unreadable("damaged", type(wrong).__name__)


def _container(
    path: str,
    container: Any,
    stream: BinaryIO,
    sha256: str,
    size: int,
    budget: Budget,
    depth: int,
    broken: Unreadable | None,
) -> Iterator[Walked]:
    """The members of a container; itself only where it is empty or cannot be read in full."""
    opened = Opened(_name_of(path), stream, size)
    count = 0
    try:
        for member in container.members(opened, budget.limits):
            count += 1
            inner = f"{path}{member.joined_by}{member.name}"
            yield from _file(inner, member.stream, member.sibling, budget, depth + 1)
        if broken is not None:
            raise broken
    except Unreadable as wrong:
        yield from _unread(path, sha256, size, container.FORMAT, wrong, budget)
        return
    except (
        EOFError,
        zlib.error,
        OSError,
        ValueError,
        RuntimeError,
        KeyError,
        IndexError,
        MemoryError,
    ) as wrong:
        yield from _unread(path, sha256, size, container.FORMAT, _told(wrong), budget)
        return
    if count == 0:
        yield from _whole(
            Started(path, sha256, size), [], FileEnded(path, sha256, size, container.FORMAT), budget
        )


def _members(path: str, members: Iterator[Member], budget: Budget, depth: int) -> Iterator[Walked]:
    for member in members:
        yield from _file(
            f"{path}{member.joined_by}{member.name}", member.stream, member.sibling, budget, depth
        )


def _parts(
    path: str, opened: Opened, head: bytes, sha256: str, budget: Budget, broken: Unreadable | None
) -> Iterator[Walked]:
    """The parts of one file by its reader; what a reader gave before it failed still counts."""
    if budget.skip > 0:
        budget.skip -= 1
        return
    yield Started(path, sha256, opened.size)
    if opened.size == 0:
        yield FileEnded(path, sha256, 0, "empty", broken.why if broken else None)
        return
    reader = _format_of(opened.name, head)
    if reader is None:
        yield FileEnded(path, sha256, opened.size, "unknown", "unsupported")
        return
    wrong: Unreadable | None = broken
    try:
        yield from reader.read(opened, budget.limits)
    except Unreadable as unreadable:
        wrong = unreadable
    except MemoryError:
        wrong = Unreadable("too-large", "it takes more memory than may be used")
    except Exception as fault:  # noqa: BLE001 - whatever a parser says of a hostile file, it is damaged, not ours
        wrong = Unreadable("damaged", type(fault).__name__)
    why, detail = (wrong.why, wrong.detail) if wrong else (None, "")
    yield FileEnded(path, sha256, opened.size, reader.FORMAT, why, detail)


def _unread(
    path: str, sha256: str, size: int, format_: str, wrong: Unreadable, budget: Budget
) -> Iterator[Walked]:
    ended = FileEnded(path, sha256, size, format_, wrong.why, wrong.detail)
    yield from _whole(Started(path, sha256, size), [], ended, budget)


def _whole(started: Started, parts: list[Walked], ended: FileEnded, budget: Budget) -> Iterator[Walked]:
    if budget.skip > 0:
        budget.skip -= 1
        return
    yield started
    yield from parts
    yield ended


@cache
def _modules(folder: str) -> tuple[Any, ...]:
    package = importlib.import_module(f"matcher.{folder}")
    names = sorted(module.name for module in pkgutil.iter_modules(package.__path__))
    found = [importlib.import_module(f"matcher.{folder}.{name}") for name in names]
    return tuple(module for module in found if hasattr(module, "sniff") and hasattr(module, "FORMAT"))


def _container_of(name: str, head: bytes) -> Any | None:
    return next((one for one in _modules("containers") if one.sniff(name, head)), None)


def _format_of(name: str, head: bytes) -> Any | None:
    """The reader that is surest of the file; 0 is "not mine"."""
    ranked = [(int(one.sniff(name, head)), one) for one in _modules("formats")]
    best = max(ranked, key=lambda one: one[0], default=(0, None))
    return best[1] if best[0] > 0 else None
