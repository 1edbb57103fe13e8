"""A git repository, bundle or pack: every blob that it holds, of other branches, deleted and unreachable too.

The found repository's settings, hooks, references, alternates and promisors are never used: an empty repository of
ours borrows its packs and loose objects. A blob is told by the first commit that brought it, as `@COMMIT:path`;
where no commit brings it, by a commit of zeros and its own name. Paths and messages are a text of their own.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO, cast

from matcher.contents import Limits, Opened, Unreadable
from matcher.opening import Member, in_memory

FORMAT = "git"
NO_COMMIT = "0" * 40
HISTORY = "commit-messages.txt"
_BUNDLES = (b"# v2 git bundle\n", b"# v3 git bundle\n")
_PACKS = (b"PACK\0\0\0\2", b"PACK\0\0\0\3")
_SETTINGS = {
    # Packs are mapped in small windows, since the address space is limited.
    "core.packedGitWindowSize": "16m",
    "core.packedGitLimit": "128m",
    "core.deltaBaseCacheLimit": "64m",
    "core.bigFileThreshold": "64m",
    "core.commitGraph": "false",
    "core.multiPackIndex": "false",
    "core.fsmonitor": "false",
    "core.hooksPath": os.devnull,
    "pack.threads": "1",
    "index.threads": "1",
    "protocol.allow": "never",
    "diff.renames": "false",
}
_MOST_MESSAGES = 64 << 20


def sniff(name: str, head: bytes) -> bool:
    return head.startswith(_BUNDLES + _PACKS)


def members(opened: Opened, limits: Limits) -> Iterator[Member]:
    """The blobs of a bundle or pack."""
    is_bundle = opened.stream.read(1) == b"#"
    opened.stream.seek(0)
    head = opened.stream.read(4096)
    opened.stream.seek(0)
    with _workplace(is_sha256=b"object-format=sha256" in head) as place:
        found = place / "found"
        with found.open("wb") as file:
            shutil.copyfileobj(opened.stream, file)
        if is_bundle:
            _run(place, "bundle", "unbundle", str(found))
        else:
            with found.open("rb") as file:
                _run(place, "index-pack", "--stdin", given=file)
        yield from _blobs(place, {}, lambda: None)


def object_stores(folder: Path) -> list[Path]:
    """The object stores at `folder`: of a bare repository, or of a checkout and its submodules."""
    if _is_repository(folder):
        return [folder / "objects"]
    inside = folder / ".git"
    if not _is_repository(inside):
        return []
    submodules = sorted(path.parent for path in (inside / "modules").rglob("HEAD"))
    return [inside / "objects", *(path / "objects" for path in submodules if _is_repository(path))]


def home_of(store: Path) -> Path:
    """The folder that an object store is the history of."""
    repository = store.parent
    return repository.parent if repository.name == ".git" else repository


def history(store: Path, seen: dict[bytes, int], pulse: Callable[[], None]) -> Iterator[Member]:
    """The blobs of a found repository's whole history; their names and sizes are added to `seen`."""
    with _borrowed(store) as place:
        yield from _blobs(place, seen, pulse)


def blob_sizes(store: Path) -> dict[bytes, int]:
    with _borrowed(store) as place:
        return _objects(place)[0]


def _is_repository(folder: Path) -> bool:
    store = folder / "objects"
    return (
        not folder.is_symlink() and store.is_dir() and not store.is_symlink() and (folder / "HEAD").is_file()
    )


@contextmanager
def _borrowed(store: Path) -> Iterator[Path]:
    """A repository of ours with the objects of `store` and nothing else of it."""
    packs = [path for path in _listed(store / "pack") if path.is_file() and not path.is_symlink()]
    loose = [
        path for path in _listed(store) if re.fullmatch("[0-9a-f]{2}", path.name) and not path.is_symlink()
    ]
    names = [path.stem.removeprefix("pack-") for path in packs] + [
        path.name + one.name for path in loose for one in _listed(path)[:1]
    ]
    with _workplace(is_sha256=any(re.fullmatch("[0-9a-f]{64}", name) for name in names)) as place:
        (place / "objects" / "pack").mkdir(parents=True, exist_ok=True)
        for path in packs:
            if path.suffix in (".pack", ".idx"):
                (place / "objects" / "pack" / path.name).symlink_to(path.resolve())
        for path in loose:
            (place / "objects" / path.name).symlink_to(path.resolve())
        for path in packs:
            if path.suffix == ".pack" and not path.with_suffix(".idx").exists():
                with suppress(Unreadable), path.open("rb") as file:
                    _run(place, "index-pack", "--stdin", given=file)
        yield place


def _listed(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() and not folder.is_symlink() else []


@contextmanager
def _workplace(*, is_sha256: bool) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="git-") as folder:
        place = Path(folder)
        _run(
            place, "init", "--quiet", "--bare", f"--object-format={'sha256' if is_sha256 else 'sha1'}", folder
        )
        shutil.rmtree(place / "hooks", ignore_errors=True)
        yield place


def _environment(place: Path) -> dict[str, str]:
    settings = {"GIT_CONFIG_COUNT": str(len(_SETTINGS))}
    for number, (name, value) in enumerate(_SETTINGS.items()):
        settings |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
    return settings | {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": os.devnull,
        "GIT_DIR": str(place),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TEMPLATE_DIR": "",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_ALLOW_PROTOCOL": "none",
        "LC_ALL": "C",
    }


def _run(place: Path, *arguments: str, given: BinaryIO | None = None) -> None:
    done = subprocess.run(
        ["git", *arguments],
        env=_environment(place),
        stdin=given or subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    if done.returncode != 0:
        raise Unreadable("damaged", f"git {arguments[0]} cannot read it")


@contextmanager
def _lines(place: Path, separator: bytes, *arguments: str, given: bytes = b"") -> Iterator[Iterator[bytes]]:
    """What git prints, as it prints it; nothing is held that was taken."""
    with tempfile.TemporaryFile() as asked:
        asked.write(given)
        asked.seek(0)
        process = subprocess.Popen(
            ["git", *arguments],
            env=_environment(place),
            stdin=asked,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    assert process.stdout is not None
    try:
        yield _split(process.stdout, separator)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def _split(stream: IO[bytes], separator: bytes) -> Iterator[bytes]:
    rest = b""
    while block := stream.read(1 << 18):
        *whole, rest = (rest + block).split(separator)
        yield from whole
    if rest:
        yield rest


def _objects(place: Path) -> tuple[dict[bytes, int], list[bytes]]:
    """The blobs with their sizes, and the commits."""
    sizes: dict[bytes, int] = {}
    commits: list[bytes] = []
    check = "--batch-check=%(objectname) %(objecttype) %(objectsize)"
    with _lines(place, b"\n", "cat-file", "--batch-all-objects", check) as lines:
        for line in lines:
            name, kind, size = [*line.split(), b"", b""][:3]
            if kind == b"blob":
                sizes[name] = int(size)
            elif kind == b"commit":
                commits.append(name)
    return sizes, commits


@dataclass(slots=True)
class _History:
    """What the commits tell: where each blob came first, and what was written of it."""

    places: dict[bytes, tuple[str, str]]
    messages: list[str]
    messages_size: int = 0

    def add_message(self, text: str) -> None:
        if self.messages_size < _MOST_MESSAGES:
            self.messages.append(text)
            self.messages_size += len(text)


def _blobs(place: Path, seen: dict[bytes, int], pulse: Callable[[], None]) -> Iterator[Member]:
    sizes, commits = _objects(place)
    if not sizes and not commits:
        if not any((place / "objects").iterdir()):
            return
        raise Unreadable("damaged", "git finds no object in it")
    pulse()
    seen.update(sizes)
    told = _history(place, commits, pulse)
    spoken = "\n".join(told.messages + [path for _, path in told.places.values()])
    if spoken:
        yield Member(HISTORY, in_memory(spoken.encode("utf-8", "replace")))
    by_place = {where: name for name, where in told.places.items()}
    by_path: dict[str, bytes] = {}
    for name, (_, path) in told.places.items():
        by_path.setdefault(path, name)
    wanted = [name for name in told.places if name in sizes]
    wanted += [name for name in sizes if name not in told.places]
    with _cat(place, wanted) as read:
        for number, name in enumerate(wanted):
            commit, path = told.places.get(name, (NO_COMMIT, name.decode()))
            sibling = _sibling(place, by_place, by_path, commit, path)
            yield Member(f"{commit}:{path}", _opener(read, number), sibling, "@")


def _opener(read: Callable[[int], BinaryIO], number: int) -> Callable[[], BinaryIO]:
    return lambda: read(number)


def _history(place: Path, commits: list[bytes], pulse: Callable[[], None]) -> _History:
    """One pass over all commits, oldest first; a merge brings what none of its parents has."""
    told = _History({}, [])
    if not commits:
        return told
    arguments = (
        "log", "--stdin", "--reverse", "--topo-order", "--root", "-c", "--raw", "--no-abbrev", "--no-renames",
        "-z", "--no-show-signature", "--no-notes", "--format=%x01%H%x02%B",
    )  # fmt: skip
    commit, blob = NO_COMMIT, b""
    with _lines(place, b"\0", *arguments, given=b"\n".join(commits) + b"\n") as fields:
        for number, field in enumerate(fields):
            if number % 100_000 == 0:
                pulse()
            if blob:
                told.places.setdefault(blob, (commit, field.decode("utf-8", "replace")))
                blob = b""
                continue
            text = field.lstrip(b"\n")
            if text.startswith(b"\x01"):
                name, _, message = text[1:].partition(b"\x02")
                commit = name.decode("ascii", "replace")
                told.add_message(message.strip().decode("utf-8", "replace"))
            elif text.startswith(b":"):
                # A file that came, or came again: modes, blobs before, the blob after, a letter for each parent.
                parts = text.lstrip(b":").split(b" ")
                blob = parts[-2] if len(parts) >= 5 else b""
    return told


@contextmanager
def _cat(place: Path, wanted: list[bytes]) -> Iterator[Callable[[int], BinaryIO]]:
    """How to read the wanted blobs by their number, upwards; git is asked for all at once and never waited for."""
    with tempfile.TemporaryFile() as asked:
        asked.writelines(name + b"\n" for name in wanted)
        asked.seek(0)
        process = subprocess.Popen(
            ["git", "cat-file", "--batch", "--buffer"],
            env=_environment(place),
            stdin=asked,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=1 << 18,
        )
    assert process.stdout is not None
    out = cast("BinaryIO", process.stdout)
    last, behind = _Blob(out, -1), -1

    def read(number: int) -> BinaryIO:
        nonlocal last, behind
        while behind < number:
            last.read_past()
            behind += 1
            head = out.readline().split()
            last = _Blob(out, int(head[2]) if len(head) == 3 else -1)
            if not head:
                raise Unreadable("damaged", "git ended before it")
        if not last.is_there:
            raise Unreadable("damaged", "git cannot read it")
        return cast("BinaryIO", io.BufferedReader(last, 1 << 18))

    try:
        yield read
    finally:
        process.kill()
        process.wait()
        out.close()


class _Blob(io.RawIOBase):
    """One blob in the stream of `git cat-file --batch`; what is left of it is read past before the next."""

    def __init__(self, out: BinaryIO, size: int) -> None:
        super().__init__()
        self._out = out
        self._left = size
        self.is_there = size >= 0
        self._is_past = size < 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        data = self._out.read(min(len(view), self._left)) if self._left > 0 else b""
        if self._left > 0 and not data:
            raise OSError("git ended within a blob")
        view[: len(data)] = data
        self._left -= len(data)
        return len(data)

    def read_past(self) -> None:
        while self._left > 0 and (data := self._out.read(min(self._left, 1 << 20))):
            self._left -= len(data)
        if not self._is_past:
            self._out.read(1)
            self._is_past = True


def _sibling(
    place: Path, by_place: dict[tuple[str, str], bytes], by_path: dict[str, bytes], commit: str, path: str
) -> Callable[[str], BinaryIO | None]:
    """The file beside it that the same commit brought, else the one of that path that any commit did."""

    def sibling(suffix: str) -> BinaryIO | None:
        beside = str(PurePosixPath(path).with_suffix(suffix))
        name = by_place.get((commit, beside)) or by_path.get(beside)
        if name is None:
            return None
        out = tempfile.TemporaryFile()  # noqa: SIM115 - the reader closes it
        subprocess.run(
            ["git", "cat-file", "blob", name.decode()],
            env=_environment(place),
            stdout=out,
            stderr=subprocess.DEVNULL,
            check=False,
        )
        out.seek(0)
        return cast("BinaryIO", out)

    return sibling
