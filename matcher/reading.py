"""Opens what is to be examined and gives its files and their parts, read in a limited child process.

Found files are hostile until shown otherwise: decompression and parsing happen in a child (`reading_child`)
that has a bound on its memory and loses its life when it is silent for too long. What it says comes back as framed
JSON, Arrow and raw bytes, never as pickled objects. A file that kills the child is told as skipped, and a new
child goes on behind it: no file is lost.
"""

from __future__ import annotations

import io
import json
import os
import selectors
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa

from matcher.contents import Event, FileEnded, FileStarted, Genotypes, Limits, Skipped, Table, Text

FRAME = struct.Struct("<II")
MOST_HEADER = 64 << 20
MOST_PAYLOAD = 1 << 30
KEPT_VARIABLES = ("PATH", "LANG", "LC_ALL", "TMPDIR", "HOME", "NUMBA_CACHE_DIR")


class _ChildGone(Exception):
    """The child died or was silent for too long."""

    def __init__(self, why: Skipped) -> None:
        super().__init__(why)
        self.why: Skipped = why


def read_path(path: Path, limits: Limits | None = None) -> Iterator[Event]:
    """Every file of a path: itself, a folder's, an archive's, a git history's.

    Files come one after the other: `FileStarted`, parts, `FileEnded`. Nothing is written anywhere.
    """
    yield from _read({"path": str(path), "name": path.name}, None, limits or Limits())


def read_bytes(name: str, data: bytes | BinaryIO, limits: Limits | None = None) -> Iterator[Event]:
    """The same for content that lies in memory or was decrypted; `name` is only a hint."""
    with tempfile.TemporaryFile() as file:
        shutil.copyfileobj(io.BytesIO(data) if isinstance(data, bytes) else data, file)
        file.flush()
        yield from _read({"name": name}, file.fileno(), limits or Limits())


def _read(job: dict[str, Any], descriptor: int | None, limits: Limits) -> Iterator[Event]:
    ended_count = 0
    while True:
        child = _child()
        child.ask({**job, "limits": asdict(limits), "skip": ended_count}, descriptor)
        current: FileStarted | None = None
        digest: tuple[str, int] = ("", 0)
        try:
            while True:
                header, payload = child.frame(limits.seconds)
                kind = header["kind"]
                if kind == "done":
                    return
                if kind == "started":
                    current, digest = FileStarted(header["path"]), (header["sha256"], header["size"])
                    yield current
                elif kind == "ended":
                    ended_count += 1
                    current = None
                    yield _ended(header)
                else:
                    yield _part(header, payload)
        except _ChildGone as gone:
            child.kill()
            ended_count += 1
            if current is None:
                # It died between files: what stood behind cannot be told apart, so the whole path is named.
                path = job["name"]
                yield FileStarted(path)
                yield FileEnded(path, "", 0, "unknown", gone.why, "reading stopped here")
                return
            yield FileEnded(current.path, *digest, "unknown", gone.why)
        except GeneratorExit:
            child.kill()  # the reader went away in the middle; what the child still says is nobody's
            raise


def _ended(header: dict[str, Any]) -> FileEnded:
    return FileEnded(
        header["path"],
        header["sha256"],
        header["size"],
        header["format"],
        header["skipped"],
        header["detail"],
    )


def _part(header: dict[str, Any], payload: bytes) -> Table | Genotypes | Text:
    if header["kind"] == "text":
        return Text(header["name"], payload.decode("utf-8"), header["language"])
    if header["kind"] == "table":
        with pa.ipc.open_stream(payload) as reader:
            table = reader.read_all()
        cells = tuple(tuple(column.to_pylist()) for column in table.columns)
        labels = tuple((column, tuple((a, b) for a, b in pairs)) for column, pairs in header["labels"])
        return Table(header["name"], tuple(header["columns"]), cells, header["has_header"], labels)
    variants, samples = len(header["chromosomes"]), len(header["samples"])
    positions = np.frombuffer(payload[: variants * 8], dtype=np.int64)
    dosages = np.frombuffer(payload[variants * 8 :], dtype=np.int8).reshape(variants, samples)
    return Genotypes(
        tuple(header["samples"]),
        tuple(header["chromosomes"]),
        positions,
        tuple(header["names"]),
        tuple(header["alleles_a"]),
        tuple(header["alleles_b"]),
        dosages,
        header["coding_known"],
        header["build"],
    )


class _Child:
    """One child process and the socket to it."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        environment = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
        environment["PYTHONPATH"] = str(Path(__file__).parent.parent)
        environment["PYTHONDONTWRITEBYTECODE"] = "1"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "matcher.reading_child", str(theirs.fileno())],
            pass_fds=(theirs.fileno(),),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment,
        )
        theirs.close()
        self._socket = ours
        self._socket.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._socket, selectors.EVENT_READ)
        self._buffer = bytearray()

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, job: dict[str, Any], descriptor: int | None) -> None:
        line = json.dumps(job).encode()
        self._socket.setblocking(True)
        try:
            message = struct.pack("<I", len(line)) + line
            if descriptor is None:
                self._socket.sendall(message)
            else:
                socket.send_fds(self._socket, [message], [descriptor])
        except OSError:
            raise _ChildGone("timeout") from None
        finally:
            self._socket.setblocking(False)

    def frame(self, seconds: float) -> tuple[dict[str, Any], bytes]:
        deadline = time.monotonic() + seconds
        header_length, payload_length = FRAME.unpack(self._take(FRAME.size, deadline))
        if header_length > MOST_HEADER or payload_length > MOST_PAYLOAD:
            raise _ChildGone("bomb")
        header: dict[str, Any] = json.loads(self._take(header_length, deadline))
        return header, self._take(payload_length, deadline)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        self._selector.close()
        self._socket.close()

    def _take(self, count: int, deadline: float) -> bytes:
        while len(self._buffer) < count:
            if not self._selector.select(max(0.0, deadline - time.monotonic())):
                raise _ChildGone("timeout")
            with suppress(BlockingIOError):
                data = self._socket.recv(1 << 20)
                if not data:
                    # The kernel or a library ended it: it ran out of the memory or time that it may use.
                    raise _ChildGone("bomb")
                self._buffer += data
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken


_kept: list[_Child] = []


def _child() -> _Child:
    """The child of this process; one is kept for many files, since a start costs more than a small file."""
    if _kept and not (_kept[0].is_alive and _is_usable(_kept[0])):
        _kept.pop().kill()
    if not _kept:
        _kept.append(_Child())
    return _kept[0]


def _is_usable(child: _Child) -> bool:
    return child._socket.fileno() != -1 and not child._buffer
