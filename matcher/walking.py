"""Walks a path, its containers and their members, and runs the reader of each file; used in the child process only.

Every file has a `place`, its numbers from the outside in, which are the same on every walk: a walk can be taken up
behind any of them, so that a file which kills the child costs only itself. What cannot be read in full ends with an
honest `skipped`; what a reader gave before it failed still counts.

Next door: `opening` (bytes under limits), `sniffing` (what a file is), `containers/`, `formats/`,
`reading` (the parent).
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from matcher.contents import (
    Cells,
    FileEnded,
    Genotypes,
    Limits,
    Opened,
    Part,
    Picture,
    Table,
    Text,
    Unreadable,
)
from matcher.opening import FREE_BYTES, Budget, Member, Spooled, spool, told
from matcher.paths import name_of
from matcher.sniffing import HEAD_BYTES, container_of, format_of
from matcher.texts.pieces import pieces_of

Place = tuple[int, ...]
BEHIND = 1 << 30
"""Ends the place of a file when everything inside it is behind the walk."""
SHORTEST_IN_PIECES = 64 << 10


@dataclass(frozen=True, slots=True)
class Opening:
    """A file or container is about to be opened."""

    path: str
    place: Place


@dataclass(frozen=True, slots=True)
class Started:
    """A file begins, with what is known of it before it is parsed."""

    path: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Closed:
    """The file or container that was opened last, and not yet closed, is done with."""

    place: Place


_UNSEEN = Spooled(io.BytesIO(), "", 0)
Walked = Opening | Started | Table | Genotypes | Text | Picture | FileEnded | Closed


@dataclass(slots=True)
class Walk:
    """One walk: its limits, behind which place it is taken up, and the blobs that a repository has shown."""

    limits: Limits
    after: Place = ()
    pulse: Callable[[], None] = lambda: None
    blobs: dict[bytes, int] = field(default_factory=dict)
    _sizes: set[int] = field(default_factory=set)
    _sizes_of: int = 0

    def is_behind(self, place: Place) -> bool:
        return (*place, BEHIND) <= self.after

    def has_blob_of(self, size: int) -> bool:
        """Whether a repository has shown a blob of that size; asked for every file of a checkout."""
        if self._sizes_of != len(self.blobs):
            self._sizes, self._sizes_of = set(self.blobs.values()), len(self.blobs)
        return size in self._sizes


def walk_path(path: Path, walk: Walk) -> Iterator[Walked]:
    """Every file of a path; symbolic links, devices and pipes inside a folder are passed over."""
    if not path.is_dir():
        yield from _outside(str(path), path, walk, (0,))
        return
    for number, (inside, kind) in enumerate(_entries(path)):
        if kind == "repository":
            yield from _repository(inside, walk, (number,))
        elif kind == "store":
            yield from _store(inside, walk, (number,))
        else:
            yield from _outside(str(inside), inside, walk, (number,), is_checkout=kind == "checkout")


def walk_stream(
    name: str, stream: BinaryIO, walk: Walk, sibling: Callable[[str], BinaryIO | None]
) -> Iterator[Walked]:
    """The same for one stream that can be sought."""
    budget = Budget(walk.limits, stream.seek(0, 2), walk.pulse)
    yield from _file(name, Member(name, lambda: stream, sibling), walk, budget, (0,))


def _entries(folder: Path) -> Iterator[tuple[Path, str]]:
    """What stands in a folder, in an order that stays: repositories, files of checkouts, Zarr stores, files."""
    from matcher.containers.git import object_stores
    from matcher.containers.zarr import is_store

    waiting = [(folder, "file")]
    while waiting:
        inside, kind = waiting.pop()
        try:
            if not inside.is_dir():
                yield inside, kind
                continue
            names = sorted((path.name for path in inside.iterdir()), reverse=True)
            if is_store(names):
                yield inside, "store"
                continue
            stores = object_stores(inside)
            is_bare = bool(stores) and stores[0].parent == inside  # holds nothing but itself
            wanted = [inside / name for name in names if not (stores and name == ".git")]
            real = [] if is_bare else [path for path in wanted if _is_real(path)]
        except OSError:  # told as a file that may not be read, and others are gone on with
            yield inside, kind
            continue
        yield from ((store, "repository") for store in stores)
        waiting += [(path, "checkout" if stores else kind) for path in real]


def _is_real(path: Path) -> bool:
    return not path.is_symlink() and (path.is_dir() or path.is_file())


def _outside(
    shown: str, path: Path, walk: Walk, place: Place, *, is_checkout: bool = False
) -> Iterator[Walked]:
    """A file of the outside; a checked-out copy of a blob that the history has shown is passed over."""
    size, refused = 0, ""
    try:
        if path.is_file():
            size = path.stat().st_size
            if is_checkout and walk.has_blob_of(size) and _is_blob(path, size, walk.blobs):
                return
        else:
            refused = "not a file or folder that may be read"
    except OSError as wrong:
        refused = f"may not be read ({type(wrong).__name__})"
    if refused:
        yield from _unread(shown, place, Unreadable("unsupported", refused))
        return
    member = Member(path.name, lambda: path.open("rb"), _sibling_of(path))
    yield from _file(shown, member, walk, Budget(walk.limits, size, walk.pulse), place)


def _is_blob(path: Path, size: int, blobs: dict[bytes, int]) -> bool:
    for algorithm in (hashlib.sha1, hashlib.sha256):
        digest = algorithm(b"blob %d\0" % size, usedforsecurity=False)
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
        if digest.hexdigest().encode() in blobs:
            return True
    return False


def _sibling_of(path: Path) -> Callable[[str], BinaryIO | None]:
    def sibling(suffix: str) -> BinaryIO | None:
        beside = path.with_suffix(suffix)
        return beside.open("rb") if beside.is_file() and not beside.is_symlink() else None

    return sibling


def _store(folder: Path, walk: Walk, place: Place) -> Iterator[Walked]:
    """A folder whose files mean something only together, as one file."""
    from matcher.containers.zarr import packed_folder

    member = Member(folder.name, lambda: packed_folder(folder, walk.limits.file_bytes))
    yield from _file(str(folder), member, walk, Budget(walk.limits, 1 << 40, walk.pulse), place)


def _repository(store: Path, walk: Walk, place: Place) -> Iterator[Walked]:
    from matcher.containers import git

    shown = str(git.home_of(store))
    if walk.is_behind(place):
        walk.blobs.update(git.blob_sizes(store))
        return
    yield Opening(shown, place)
    budget = Budget(
        walk.limits, 1 << 50, walk.pulse
    )  # git packs tighter than a bomb may; total bytes still count
    try:
        for number, member in enumerate(git.history(store, walk.blobs, walk.pulse)):
            yield from _file(
                f"{shown}{member.joined_by}{member.name}", member, walk, budget, (*place, number), 1
            )
    except Exception as wrong:  # noqa: BLE001 - a found repository may be broken in any way
        yield Started(shown, "", 0)
        yield _end(shown, _UNSEEN, "git", told(wrong))
    yield Closed(place)


def _file(
    path: str, member: Member, walk: Walk, budget: Budget, place: Place, depth: int = 0
) -> Iterator[Walked]:
    """One file: opened, told by its content, and gone through as a container or given to a reader."""
    if walk.is_behind(place):
        return
    yield Opening(path, place)
    try:
        if depth:
            budget.spend_member()
        spooled = spool(member, budget, depth)
    except Unreadable as wrong:
        yield Started(path, "", 0)
        yield _end(path, _UNSEEN, "unknown", wrong)
        yield Closed(place)
        return
    with spooled.stream as stream:
        opened = Opened(name_of(path), stream, spooled.size, member.sibling)
        head = stream.read(HEAD_BYTES)
        stream.seek(0)
        container = container_of(opened.name, head)
        if container is not None:
            yield from _container(path, container, opened, spooled, walk, budget, place, depth)
        else:
            yield from _parts(path, opened, head, spooled, budget)
    yield Closed(place)


def _container(
    path: str,
    container: Any,
    opened: Opened,
    spooled: Spooled,
    walk: Walk,
    budget: Budget,
    place: Place,
    depth: int,
) -> Iterator[Walked]:
    """The members of a container; itself only where it is empty or cannot be read in full."""
    wrong, count = spooled.broken, 0
    try:
        if depth >= walk.limits.depth:
            raise Unreadable("bomb", "containers nested deeper than may be read")
        for member in container.members(opened, walk.limits):
            inner = f"{path}{member.joined_by}{member.name}"
            yield from _file(inner, member, walk, budget, (*place, count), depth + 1)
            count += 1
    except Exception as fault:  # noqa: BLE001 - a found archive may be broken in any way
        wrong = wrong or told(fault)
    if wrong is not None or count == 0:
        yield Started(path, spooled.sha256, opened.size)
        yield _end(path, spooled, container.FORMAT, wrong, _pieces(opened, wrong, budget))


def _parts(path: str, opened: Opened, head: bytes, spooled: Spooled, budget: Budget) -> Iterator[Walked]:
    yield Started(path, spooled.sha256, opened.size)
    wrong = spooled.broken
    reader = format_of(opened.name, head) if opened.size else None
    format_ = reader.FORMAT if reader else "unknown" if opened.size else "empty"
    if reader is None:
        wrong = wrong or (Unreadable("unsupported") if opened.size else None)
    else:
        count = 0
        try:
            for part in _bounded(reader.read(opened, budget.limits), opened.size, budget.limits):
                count += 1
                yield part
        except Exception as fault:  # noqa: BLE001 - whatever a parser says of a hostile file is the file's fault
            wrong = wrong or _in_proportion(told(fault), opened.size, budget.limits)
            if count == 0:
                yield from _otherwise(opened, head, reader, budget.limits)
    yield _end(path, spooled, format_, wrong, _pieces(opened, wrong, budget))


def _pieces(opened: Opened, wrong: Unreadable | None, budget: Budget) -> bytes:
    """Digests of the pieces of a file that could not be read: it may be a part of one that could."""
    if wrong is None or opened.size < SHORTEST_IN_PIECES:
        return b""
    try:
        opened.stream.seek(0)
        return pieces_of(opened.stream, budget.pulse).tobytes()
    except (OSError, ValueError, MemoryError):  # it is told as unread already
        return b""


def _end(
    path: str, spooled: Spooled, format_: str, wrong: Unreadable | None, pieces: bytes = b""
) -> FileEnded:
    return FileEnded(
        path,
        spooled.sha256,
        spooled.size,
        format_,
        wrong.why if wrong else None,
        wrong.detail if wrong else "",
        pieces,
    )


def _bounded(parts: Iterator[Part | Picture], size: int, limits: Limits) -> Iterator[Part | Picture]:
    """The parts, as long as they do not unfold to far more than the file; a format can be a bomb as well."""
    out = 0
    for part in parts:
        out += _size_of(part)
        if out > FREE_BYTES and out > size * limits.ratio:
            raise Unreadable("bomb", "far more comes out than went in")
        if out > limits.total_bytes:
            raise Unreadable("too-large", "more inside than may be read; its beginning was read")
        yield part


def _size_of(part: Part | Picture) -> int:
    if isinstance(part, Picture):
        return 0
    if isinstance(part, Table):
        return sum(
            cells.arrow.nbytes if isinstance(cells, Cells) else len(cells) + sum(map(len, cells))
            for cells in part.cells
        )
    return len(part.text) if isinstance(part, Text) else part.dosages.nbytes // 4


def _in_proportion(wrong: Unreadable, size: int, limits: Limits) -> Unreadable:
    """A small file that takes more memory than there is wants to."""
    if wrong.why == "too-large" and "memory" in wrong.detail and size * limits.ratio < limits.memory_bytes:
        return Unreadable("bomb", wrong.detail)
    return wrong


def _otherwise(opened: Opened, head: bytes, failed: Any, limits: Limits) -> Iterator[Part | Picture]:
    """A text that its own reader could not take apart is still read: as a table if it looks like one, or as text."""
    from matcher.formats import delimited, plain_text

    for reader in (delimited, plain_text):
        if reader is not failed and reader.sniff(opened.name, head):
            opened.stream.seek(0)
            with suppress(Unreadable):  # it is told as unread already
                yield from _bounded(reader.read(opened, limits), opened.size, limits)
            return


def _unread(path: str, place: Place, wrong: Unreadable) -> Iterator[Walked]:
    yield Opening(path, place)
    yield Started(path, "", 0)
    yield _end(path, _UNSEEN, "unknown", wrong)
    yield Closed(place)
