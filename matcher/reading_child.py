"""The limited child process in which found files are opened and read: `python -m matcher.reading_child FD`.

It takes jobs from its socket, walks what they name (`opening`), runs readers and sends frames back. It has no
secrets, writes nothing, and is killed by its parent when it is silent for too long.
"""

from __future__ import annotations

import json
import os
import resource
import socket
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from matcher.contents import FileEnded, Genotypes, Limits, Table, Text
from matcher.opening import Started, walk_path, walk_stream

FRAME = struct.Struct("<II")
PAGE = os.sysconf("SC_PAGE_SIZE")


def main() -> None:
    connection = socket.socket(fileno=int(sys.argv[1]))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    limited = False
    while True:
        job, descriptor = _receive(connection)
        if job is None:
            return
        limits = Limits(**job["limits"])
        if not limited:
            _limit_memory(limits.memory_bytes)
            limited = True
        try:
            for event in _events(job, descriptor, limits):
                _send(connection, event)
        finally:
            if descriptor is not None:
                os.close(descriptor)
        _frame(connection, {"kind": "done"})


def _events(job: dict[str, Any], descriptor: int | None, limits: Limits) -> Iterator[Any]:
    if descriptor is None:
        yield from walk_path(Path(job["path"]), limits, skip=job["skip"])
        return
    with os.fdopen(os.dup(descriptor), "rb") as stream:
        stream.seek(0)
        yield from walk_stream(job["name"], stream, limits, skip=job["skip"])


def _limit_memory(more: int) -> None:
    used = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * PAGE
    resource.setrlimit(resource.RLIMIT_AS, (used + more, used + more))


def _receive(connection: socket.socket) -> tuple[dict[str, Any] | None, int | None]:
    data, descriptors, _, _ = socket.recv_fds(connection, 4, 1)
    while data and len(data) < 4:
        data += connection.recv(4 - len(data))
    if not data:
        return None, None
    (length,) = struct.unpack("<I", data)
    line = b""
    while len(line) < length:
        piece = connection.recv(length - len(line))
        if not piece:
            return None, None
        line += piece
    return json.loads(line), descriptors[0] if descriptors else None


def _send(connection: socket.socket, event: Started | Table | Genotypes | Text | FileEnded) -> None:
    match event:
        case Started():
            header = {"kind": "started", "path": event.path, "sha256": event.sha256, "size": event.size}
            _frame(connection, header)
        case FileEnded():
            fields = ("path", "sha256", "size", "format", "skipped", "detail")
            _frame(connection, {"kind": "ended", **{name: getattr(event, name) for name in fields}})
        case Text():
            header = {"kind": "text", "name": event.name, "language": event.language}
            _frame(connection, header, event.text.encode("utf-8", "replace"))
        case Table():
            _send_table(connection, event)
        case Genotypes():
            _send_genotypes(connection, event)


def _send_table(connection: socket.socket, table: Table) -> None:
    names = [f"c{number}" for number in range(len(table.columns))]
    arrow = pa.table(
        {name: pa.array(cells, pa.string()) for name, cells in zip(names, table.cells, strict=True)}
    )
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, arrow.schema) as writer:
        writer.write_table(arrow)
    header = {
        "kind": "table",
        "name": table.name,
        "columns": table.columns,
        "has_header": table.has_header,
        "labels": table.labels,
    }
    _frame(connection, header, sink.getvalue().to_pybytes())


def _send_genotypes(connection: socket.socket, part: Genotypes) -> None:
    header = {
        "kind": "genotypes",
        "samples": part.samples,
        "chromosomes": part.chromosomes,
        "names": part.names,
        "alleles_a": part.alleles_a,
        "alleles_b": part.alleles_b,
        "coding_known": part.coding_known,
        "build": part.build,
    }
    positions = np.ascontiguousarray(part.positions, dtype=np.int64).tobytes()
    _frame(connection, header, positions + np.ascontiguousarray(part.dosages, dtype=np.int8).tobytes())


def _frame(connection: socket.socket, header: dict[str, Any], payload: bytes = b"") -> None:
    line = json.dumps(header, ensure_ascii=False).encode("utf-8", "surrogatepass")
    connection.sendall(FRAME.pack(len(line), len(payload)) + line)
    if payload:
        connection.sendall(payload)


if __name__ == "__main__":
    main()
