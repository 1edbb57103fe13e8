"""Opens what is to be examined and gives its files and their parts, read in a limited child process.

Found files are hostile until shown otherwise: decompression and parsing happen in a child (`reading_child`)
that has a bound on its memory and loses its life when it is silent for too long (`reader_process`). A file that
kills the child is told as skipped, and a new child goes on behind it: no file is lost.

Next door: `walking` (what the child does), `containers/` and `formats/` (one file for each kind).
"""

from __future__ import annotations

import io
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa

from matcher.contents import (
    Cells,
    Event,
    FileEnded,
    FileStarted,
    Genotypes,
    Limits,
    Picture,
    Skipped,
    Table,
    Text,
)
from matcher.reader_process import ReaderGone, Why, reader

MOST_DEATHS = 20
FILES_A_DEATH = 100
"""Readers that one path may kill before the rest of it is given up, and files for which it may kill one more."""
HELD_IN_MEMORY = 64 << 20
_BEHIND = 1 << 30


def read_path(path: Path, limits: Limits | None = None) -> Iterator[Event]:
    """Every file of a path: itself, a folder's, an archive's, a git history's.

    Files come one after the other: `FileStarted`, parts, `FileEnded`. Nothing is written anywhere.
    """
    yield from _read({"path": str(path), "name": str(path)}, [], limits or Limits())


def read_bytes(
    name: str,
    data: bytes | BinaryIO,
    limits: Limits | None = None,
    beside: Mapping[str, bytes | BinaryIO] | None = None,
) -> Iterator[Event]:
    """The same for content that lies in memory or was decrypted; `name` is only a hint.

    `beside` holds files that stood beside it, by name (the .bim and .fam of a .bed); they are read with it only.
    """
    with ExitStack() as stack:
        held = {
            one: stack.enter_context(_held(content))
            for one, content in {**(beside or {}), name: data}.items()
        }
        job = {"name": name, "files": list(held)}
        yield from _read(job, [file.fileno() for file in held.values()], limits or Limits())


def _held(data: bytes | BinaryIO) -> BinaryIO:
    """The content as a file without a name: in memory while it is small, else on disk."""
    stream = io.BytesIO(data) if isinstance(data, bytes) else data
    head = stream.read(HELD_IN_MEMORY)
    is_small = len(head) < HELD_IN_MEMORY and hasattr(os, "memfd_create")
    file: Any = os.fdopen(os.memfd_create("found"), "w+b") if is_small else tempfile.TemporaryFile()  # noqa: SIM115
    file.write(head)
    shutil.copyfileobj(stream, file)
    file.flush()
    return file  # type: ignore[no-any-return]


def _read(job: dict[str, Any], descriptors: list[int], limits: Limits) -> Iterator[Event]:
    after: list[int] = []
    suspect: list[int] | None = None
    deaths = 0
    while deaths < MOST_DEATHS:
        course = _Course()
        try:
            with reader(limits.memory_bytes) as child:
                child.ask({**job, "limits": asdict(limits), "after": after}, descriptors)
                for header, payload in child.frames(limits.seconds):
                    yield from course.events(header, payload)
                return
        except ReaderGone as gone:
            deaths = max(0, deaths - course.done // FILES_A_DEATH) + 1
            after, suspect = (course.behind, None) if course.done else (after, suspect)
            if course.is_between():
                continue
            culprit = course.stack[-1] if course.stack else _Open(str(job["name"]), [])
            if not culprit.started and gone.why != "silent" and suspect != culprit.place:
                # Nobody's fault yet: it was only being opened, or a history gone through to where it was left.
                suspect = culprit.place
                continue
            yield from _given_up(culprit, gone.why, limits)
            if not culprit.place:
                return
            after = [*culprit.place, _BEHIND]
    yield from _given_up(
        _Open(str(job["name"]), []), "silent", limits, "too many of its files ended their reader"
    )


@dataclass(slots=True)
class _Open:
    """A file or container that the child has opened and not closed."""

    path: str
    place: list[int]
    started: bool = False
    ended: bool = False
    sha256: str = ""
    size: int = 0


def _given_up(
    file: _Open, why: Why, limits: Limits, detail: str = "reading it was ended here"
) -> Iterator[Event]:
    if file.ended:
        return
    if not file.started:
        yield FileStarted(file.path)
    skipped: Skipped = "timeout" if why == "silent" else "damaged"
    if why == "memory":
        # A small file that takes all memory wants to; a large one is too large.
        skipped = "bomb" if file.size * limits.ratio < limits.memory_bytes else "too-large"
    if why == "killed":  # no fault of the file's: there was too little of this machine for it
        skipped, detail = "too-large", "its reader was ended from outside"
    yield FileEnded(file.path, file.sha256, file.size, "unknown", skipped, detail)


class _Course:
    """What the child has told so far of one job: frames in, events out."""

    def __init__(self) -> None:
        self.stack: list[_Open] = []
        self.behind: list[int] = []
        """Behind which place everything is still to come."""
        self.done = 0
        """Files and containers that were closed."""
        self._samples: tuple[str, ...] = ()

    def is_between(self) -> bool:
        """Whether something was done with, and nothing was opened behind it: nobody's fault if the child ends there.

        It would be the next one's if a new child ended there too, before it was done with anything.
        """
        inside = self.behind[:-2]
        return bool(self.behind) and (self.stack[-1].place if self.stack else []) == inside

    def events(self, header: dict[str, Any], payload: memoryview) -> Iterator[Event]:
        match header["kind"]:
            case "opening":
                self.stack.append(_Open(header["path"], header["place"]))
            case "closed":
                self.stack.pop()
                self.behind = header["after"]
                self.done += 1
            case "started":
                current = self.stack[-1]
                current.started, current.sha256, current.size = True, header["sha256"], header["size"]
                yield FileStarted(header["path"])
            case "ended":
                self.stack[-1].ended = True
                fields = ("path", "sha256", "size", "format", "skipped", "detail")
                yield FileEnded(**{name: header[name] for name in fields}, pieces=bytes(payload))
            case "text":
                yield Text(header["name"], str(payload, "utf-8"), header["language"])
            case "table":
                yield _table(header, payload)
            case "picture":
                yield Picture(header["appearance"], header["width"], header["height"])
            case "genotypes":
                if header["samples"] is not None:
                    self._samples = tuple(header["samples"])
                yield _genotypes(header, payload, self._samples)


def _table(header: dict[str, Any], payload: memoryview) -> Table:
    with pa.ipc.open_stream(pa.py_buffer(payload)) as batches:
        batch = batches.read_next_batch()
    cells = tuple(Cells(column) for column in batch.columns)
    labels = tuple((column, tuple((a, b) for a, b in pairs)) for column, pairs in header["labels"])
    return Table(header["name"], tuple(header["columns"]), cells, header["has_header"], labels)


def _genotypes(header: dict[str, Any], payload: memoryview, samples: tuple[str, ...]) -> Genotypes:
    variants = len(header["chromosomes"])
    return Genotypes(
        samples,
        tuple(header["chromosomes"]),
        np.frombuffer(payload[: variants * 8], dtype=np.int64),
        tuple(header["names"]),
        tuple(header["alleles_a"]),
        tuple(header["alleles_b"]),
        np.frombuffer(payload[variants * 8 :], dtype=np.int8).reshape(variants, len(samples)),
        header["coding_known"],
        header["build"],
    )
