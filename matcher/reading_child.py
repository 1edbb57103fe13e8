"""The limited child process in which found files are opened and read.

Started as `python -m matcher.reading_child FD BYTES FOLDER`: its socket, its memory, where it may put things aside.

It takes jobs from its socket, walks what they name (`walking`), runs readers and sends frames back. It has no
secrets, keeps nothing, is killed by its parent when it is silent for too long, and ends itself where no parent is.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import shutil
import signal
import socket
import struct
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa

from matcher.contents import Cells, FileEnded, Genotypes, Limits, Picture, Table, Text
from matcher.sniffing import modules
from matcher.walking import BEHIND, Closed, Opening, Started, Walk, Walked, walk_path, walk_stream

FRAME = struct.Struct("<II")
PAGE = os.sysconf("SC_PAGE_SIZE")
GRACE_SECONDS = 5.0


def main() -> None:
    connection = socket.socket(fileno=int(sys.argv[1]))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    _load_readers()
    _limit_memory(int(sys.argv[2]))
    try:
        _frame(connection, {"kind": "ready"})
        while True:
            job, descriptors = _receive(connection)
            if job is None:
                return
            _Job(connection, job, descriptors).run()
    except ConnectionError:
        return  # the parent is gone
    finally:
        # What was put aside of found files must not outlive a parent that was killed and could not remove it.
        shutil.rmtree(sys.argv[3], ignore_errors=True)


class _Job:
    """One path or stream of the parent's: walked, and told frame by frame."""

    def __init__(self, connection: socket.socket, job: dict[str, Any], descriptors: list[int]) -> None:
        self._connection = connection
        self._job = job
        self._files = dict(zip(job.get("files", ()), descriptors, strict=True))
        self._limits = Limits(**job["limits"])
        self._samples: tuple[str, ...] | None = None

    def run(self) -> None:
        try:
            for event in self._walked():
                self._tell(lambda event=event: self._send(event))  # type: ignore[misc]
            self._tell(lambda: _frame(self._connection, {"kind": "done"}))
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            for descriptor in self._files.values():
                os.close(descriptor)

    def _walked(self) -> Iterator[Walked]:
        walk = Walk(self._limits, tuple(self._job["after"]), self._pulse)
        self._set_alarm()
        if "path" in self._job:
            yield from walk_path(Path(self._job["path"]), walk)
            return
        with self._open(self._job["name"]) as stream:
            yield from walk_stream(self._job["name"], stream, walk, self._sibling)

    def _open(self, name: str) -> BinaryIO:
        stream = os.fdopen(os.dup(self._files[name]), "rb")
        stream.seek(0)
        return stream

    def _sibling(self, suffix: str) -> BinaryIO | None:
        beside = str(Path(self._job["name"]).with_suffix(suffix))
        return self._open(beside) if beside in self._files else None

    def _tell(self, send: Callable[[], None]) -> None:
        """Sending waits for the parent, which may take its time: the alarm is for our own work only."""
        signal.setitimer(signal.ITIMER_REAL, 0)
        send()
        self._set_alarm()

    def _set_alarm(self) -> None:
        signal.setitimer(signal.ITIMER_REAL, self._limits.seconds + GRACE_SECONDS)

    def _pulse(self) -> None:
        self._tell(lambda: _frame(self._connection, {"kind": "pulse"}))

    def _send(self, event: Walked) -> None:
        match event:
            case Opening():
                _frame(self._connection, {"kind": "opening", "path": event.path, "place": event.place})
            case Started():
                self._samples = None
                header = {"kind": "started", "path": event.path, "sha256": event.sha256, "size": event.size}
                _frame(self._connection, header)
            case FileEnded():
                fields = ("path", "sha256", "size", "format", "skipped", "detail")
                header = {"kind": "ended", **{name: getattr(event, name) for name in fields}}
                _frame(self._connection, header, event.pieces)
            case Closed():
                _frame(self._connection, {"kind": "closed", "after": (*event.place, BEHIND)})
            case Text():
                header = {"kind": "text", "name": event.name, "language": event.language}
                _frame(self._connection, header, event.text.encode("utf-8", "replace"))
            case Table():
                _send_table(self._connection, event)
            case Picture():
                _frame(self._connection, {"kind": "picture", **asdict(event)})
            case Genotypes():
                _send_genotypes(self._connection, event, known=self._samples)
                self._samples = event.samples


def _load_readers() -> None:
    """Libraries map much more than they use, and are no file's fault: they are loaded before memory is limited."""
    modules("containers")
    modules("formats")
    scanning = importlib.import_module("matcher.formats.scanning")
    scanning.prepare()
    importlib.import_module("matcher.texts.pieces").prepare()
    for library in ("pyarrow.csv", "pyarrow.parquet", "pgenlib", "polars"):
        importlib.import_module(library)


def _limit_memory(most: int) -> None:
    """Bounds the address space so that what is resident stays under `most`.

    Of what libraries and their compiling took, a quarter of `most` counts at the most: a child that had to compile
    its loops at its start must not have less left for files than they need.
    """
    mapped, resident = (
        int(pages) * PAGE for pages in Path("/proc/self/statm").read_text("ascii").split()[:2]
    )
    bound = mapped + most - min(resident, most // 4)
    resource.setrlimit(resource.RLIMIT_AS, (bound, bound))


def _receive(connection: socket.socket) -> tuple[dict[str, Any] | None, list[int]]:
    data, descriptors, _, _ = socket.recv_fds(connection, 4, 64)
    while data and len(data) < 4:
        data += connection.recv(4 - len(data))
    if not data:
        return None, []
    (length,) = struct.unpack("<I", data)
    line = b""
    while len(line) < length:
        piece = connection.recv(length - len(line))
        if not piece:
            return None, []
        line += piece
    return json.loads(line), list(descriptors)


def _send_table(connection: socket.socket, table: Table) -> None:
    names = [f"c{number}" for number in range(len(table.columns))]
    arrays = [one.arrow if isinstance(one, Cells) else _strings(one) for one in table.cells]
    batch = pa.record_batch(arrays, names=names)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    header = {
        "kind": "table",
        "name": table.name,
        "columns": table.columns,
        "has_header": table.has_header,
        "labels": table.labels,
    }
    _frame(connection, header, sink.getvalue())


def _strings(cells: Sequence[str]) -> pa.Array:
    """Cells as Arrow strings; `pa.array` would load pandas first."""
    encoded = [cell.encode("utf-8", "replace") for cell in cells]
    offsets = np.zeros(len(encoded) + 1, dtype=np.int64)
    np.cumsum([len(one) for one in encoded], out=offsets[1:])
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(b"".join(encoded))]
    return pa.Array.from_buffers(pa.large_string(), len(encoded), buffers)


def _send_genotypes(connection: socket.socket, part: Genotypes, *, known: tuple[str, ...] | None) -> None:
    header = {
        "kind": "genotypes",
        "samples": None if part.samples is known or part.samples == known else part.samples,
        "samples_count": len(part.samples),
        "chromosomes": part.chromosomes,
        "names": part.names,
        "alleles_a": part.alleles_a,
        "alleles_b": part.alleles_b,
        "coding_known": part.coding_known,
        "build": part.build,
    }
    positions = np.ascontiguousarray(part.positions, dtype=np.int64).tobytes()
    dosages = np.ascontiguousarray(part.dosages, dtype=np.int8)
    _frame(connection, header, positions, dosages.reshape(-1).data)


def _frame(connection: socket.socket, header: dict[str, Any], *payload: Any) -> None:
    line = json.dumps(header).encode("ascii")
    views = [memoryview(one).cast("B") for one in payload]
    connection.sendall(FRAME.pack(len(line), sum(map(len, views))) + line)
    for view in views:
        connection.sendall(view)


if __name__ == "__main__":
    main()
