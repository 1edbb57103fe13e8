"""The child process that reads, as its parent holds it: started, asked, listened to, ended.

Frames are two lengths, a JSON header and a payload of Arrow or raw bytes. A child that is silent for too long or
says too much is killed; one that is idle is kept for the next file, since a start costs more than a small file. What
it says is taken from it while its parent is still at work on earlier frames, so that both have something to do.
"""

from __future__ import annotations

import atexit
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

from matcher.errors import ReaderNotStarted
from matcher.taken_ahead import taken_ahead

FRAME = struct.Struct("<II")
MOST_HEADER = 256 << 20
MOST_PAYLOAD = 2 << 30
START_SECONDS = 60.0
TAKEN_AHEAD = 32 << 20
"""Bytes of frames that wait for the parent, besides the one that it is at work on."""
KEPT_VARIABLES = ("PATH", "LANG", "LC_ALL", "HOME", "NUMBA_CACHE_DIR", "LD_LIBRARY_PATH")
FURTHER_MODULES = ""
"""A folder on the child's module path besides this program's own; tests put bad readers there."""
ONE_THREAD = {
    # Every thread of a library reserves address space, which is what the child is bounded in.
    "MALLOC_ARENA_MAX": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    "POLARS_MAX_THREADS": "1",
    "RAYON_NUM_THREADS": "1",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
}

Why = Literal["silent", "memory", "crashed", "killed"]
Frame = tuple[dict[str, Any], memoryview]
_CRASHES = {-signal.SIGSEGV, -signal.SIGBUS, -signal.SIGILL, -signal.SIGFPE, -signal.SIGTRAP, -signal.SIGSYS}


class ReaderGone(Exception):
    """The child died or was silent for too long."""

    def __init__(self, why: Why) -> None:
        super().__init__(why)
        self.why: Why = why


class Reader:
    """One child process, the socket to it, and the folder for what it must put aside."""

    def __init__(self, memory_bytes: int) -> None:
        ours, theirs = socket.socketpair()
        self._folder = tempfile.mkdtemp(prefix="cohortwatch-reading-")
        environment = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
        environment |= ONE_THREAD | {
            "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent.parent), *FURTHER_MODULES.split()]),
            "PYTHONDONTWRITEBYTECODE": "1",
            "TMPDIR": self._folder,
        }
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "matcher.reading_child"),
                *(str(theirs.fileno()), str(memory_bytes), self._folder),
            ],
            pass_fds=(theirs.fileno(),),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,
        )
        theirs.close()
        self._socket = ours
        self._deadline: float | None = time.monotonic() + START_SECONDS

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, job: dict[str, Any], descriptors: list[int]) -> None:
        """Sends a job, and with it the files that it names, once it has started.

        Raises:
            ReaderNotStarted: it does not start.
        """
        self._wait_for_start()
        line = json.dumps(job).encode("ascii")
        try:
            socket.send_fds(self._socket, [struct.pack("<I", len(line))], descriptors)
            self._socket.sendall(line)
        except OSError:
            raise ReaderGone("crashed") from None

    def frames(self, seconds: float) -> Iterator[Frame]:
        """Everything that it says of one job; at most `seconds` may pass between two frames."""
        return taken_ahead(self._frames(seconds), lambda frame: len(frame[1]), TAKEN_AHEAD)

    def _frames(self, seconds: float) -> Iterator[Frame]:
        while True:
            header, payload = self._frame(seconds)
            if header["kind"] == "done":
                return
            yield header, payload

    def end(self) -> None:
        """Kills it and whatever it started, and removes what it put aside."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._socket.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _wait_for_start(self) -> None:
        if self._deadline is None:
            return
        try:
            self._frame(max(0.0, self._deadline - time.monotonic()))
        except ReaderGone:
            raise ReaderNotStarted(
                "the process that reads files does not start; "
                "run `python -m matcher.reading_child` to see what is missing"
            ) from None
        self._deadline = None

    def _frame(self, seconds: float) -> Frame:
        deadline = time.monotonic() + seconds
        microseconds = max(1, int(seconds * 1e6))  # 0 would be for ever
        wait = struct.pack("@ll", *divmod(microseconds, 1_000_000))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, wait)
        header_length, payload_length = FRAME.unpack(self._take(FRAME.size, deadline))
        if header_length > MOST_HEADER or payload_length > MOST_PAYLOAD:
            raise ReaderGone("memory")
        header: dict[str, Any] = json.loads(bytes(self._take(header_length, deadline)))
        return header, self._take(payload_length, deadline)

    def _take(self, count: int, deadline: float) -> memoryview:
        data = bytearray(count)
        view, have = memoryview(data), 0
        while have < count:
            try:
                # All of it in one call, as a thread waits for its turn after each.
                got = self._socket.recv_into(view[have:], 0, socket.MSG_WAITALL)
            except BlockingIOError:
                raise ReaderGone("silent") from None
            except OSError:
                got = 0
            if not got:
                raise ReaderGone(self._cause())
            have += got
            if have < count and time.monotonic() > deadline:
                raise ReaderGone("silent")
        return view

    def _cause(self) -> Why:
        """Why it ended: by a fault of a library, by its own alarm, since it could get no more memory, or from outside.

        Its bound makes a library that gets no more memory abort. A kill is the system's, which runs short itself, or
        a person's.
        """
        try:
            code = self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            return "crashed"
        if code == -signal.SIGALRM:
            return "silent"
        if code == -signal.SIGABRT:
            return "memory"
        return "crashed" if code in _CRASHES or code >= 0 else "killed"


_idle: dict[int, list[Reader]] = {}
_lock = threading.Lock()


@contextmanager
def reader(memory_bytes: int) -> Iterator[Reader]:
    """A child that may use so much memory; it is kept when its job ended well, and ended otherwise."""
    with _lock:
        waiting = _idle.setdefault(memory_bytes, [])
        child = waiting.pop() if waiting else None
    if child is not None and not child.is_alive:
        child.end()
        child = None
    child = child or Reader(memory_bytes)
    try:
        yield child
    except BaseException:  # a caller that goes away in the middle leaves frames behind that are nobody's
        child.end()
        raise
    with _lock:
        _idle[memory_bytes].append(child)


def start_early(memory_bytes: int) -> None:
    """Starts a child without waiting for it, so that it is there when the first file is to be read."""
    with _lock:
        waiting = _idle.setdefault(memory_bytes, [])
        if not waiting:
            waiting.append(Reader(memory_bytes))


def _end_all() -> None:
    with _lock:
        for waiting in _idle.values():
            while waiting:
                waiting.pop().end()


atexit.register(_end_all)
os.register_at_fork(after_in_child=_idle.clear)
