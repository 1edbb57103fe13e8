"""Opens one file for a reader: bytes that can be sought, with their size and digest, under the limits.

Containers give `Member`s; `walking` goes through them and asks for each to be `spool`ed here, so that a bomb is
seen while it unfolds and nothing is ever written under a name that a stranger chose.
"""

from __future__ import annotations

import hashlib
import io
import os
import stat
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, BinaryIO, cast

from matcher.contents import Limits, Unreadable

SPOOLED_IN_MEMORY = 16 << 20
BLOCK = 1 << 20
FREE_BYTES = 256 << 20
"""A ratio of decompression says nothing before this many bytes: they cost a second, and hold leaks too."""
PULSE_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a container: its name inside, and how to open its bytes, once."""

    name: str
    open: Callable[[], BinaryIO]
    sibling: Callable[[str], BinaryIO | None] = field(default=lambda _suffix: None)
    joined_by: str = "!/"
    packed: Callable[[], int] | None = None
    """Bytes of the container that were taken for it so far, where the container can tell."""
    declared: int | None = None
    """The size that the container claims for it."""


@dataclass(slots=True)
class Budget:
    """What one file of the outside has left, over everything inside it."""

    limits: Limits
    bytes_in: int
    pulse: Callable[[], None] = lambda: None
    """Tells the parent that the work goes on."""
    members: int = 0
    bytes_out: dict[int, int] = field(default_factory=dict)
    """Bytes that came out so far, by depth: a tar in a gzip is not twice its size."""

    def spend_member(self) -> None:
        self.members += 1
        if self.members > self.limits.members:
            raise Unreadable("bomb", "more members than may be read")

    def spend(self, count: int, depth: int) -> None:
        """Raises Unreadable where a bomb or too much content shows."""
        out = self.bytes_out.get(depth, 0) + count
        self.bytes_out[depth] = out
        if out > max(FREE_BYTES, self.bytes_in * self.limits.ratio):
            raise Unreadable("bomb", "far more comes out than went in")
        if out > self.limits.total_bytes:
            raise Unreadable("too-large", "more inside than may be read")


@dataclass(frozen=True, slots=True)
class Spooled:
    """A file that can be sought, with what is known of it; `broken` where its end was not reached."""

    stream: BinaryIO
    sha256: str
    size: int
    broken: Unreadable | None = None


def spool(member: Member, budget: Budget, depth: int) -> Spooled:
    """The member's bytes; those before a break in the stream, or within the limits, are kept and told as `broken`."""
    if member.declared is not None and member.packed is not None:
        _refuse_claims(member.declared, member.packed(), budget.limits)
    try:
        source = member.open()
    except Exception as wrong:  # noqa: BLE001 - libraries of containers raise what they like
        raise told(wrong) from None
    with source:
        if depth == 0 and _is_plain_file(source):
            return _in_place(source, budget)
        return _copied(source, member, budget, depth)


def told(wrong: BaseException) -> Unreadable:
    """The contract's word for what a library raised."""
    if isinstance(wrong, Unreadable):
        return wrong
    if isinstance(wrong, MemoryError):
        return Unreadable("too-large", "it takes more memory than may be used")
    said = str(wrong).lower()
    if "password" in said or "encrypt" in said or "passphrase" in said:
        return Unreadable("encrypted")
    if isinstance(wrong, PermissionError):
        return Unreadable("unsupported", "may not be read; give this account the right to")
    if isinstance(wrong, NotImplementedError):
        return Unreadable("unsupported", "a way of compression that is not read here")
    return Unreadable("damaged", type(wrong).__name__)


def _refuse_claims(declared: int, packed: int, limits: Limits) -> None:
    if declared > FREE_BYTES and declared > packed * limits.ratio:
        raise Unreadable("bomb", "it claims far more than can be in it")


def _is_plain_file(source: BinaryIO) -> bool:
    try:
        return stat.S_ISREG(os.fstat(source.fileno()).st_mode)
    except (OSError, AttributeError):
        return False


def _in_place(source: BinaryIO, budget: Budget) -> Spooled:
    """A file of the outside is read where it is; it has cost its space already."""
    digest, size, since = hashlib.sha256(), 0, 0
    source.seek(0)
    while block := source.read(BLOCK):
        digest.update(block)
        size += len(block)
        since += len(block)
        if since > PULSE_BYTES:
            budget.pulse()
            since = 0
    stream = os.fdopen(os.dup(source.fileno()), "rb")
    stream.seek(0)
    return Spooled(cast("BinaryIO", stream), digest.hexdigest(), size)


def _copied(source: BinaryIO, member: Member, budget: Budget, depth: int) -> Spooled:
    out: Any = tempfile.SpooledTemporaryFile(max_size=SPOOLED_IN_MEMORY)  # noqa: SIM115 - the caller closes it
    digest, size, since = hashlib.sha256(), 0, 0
    broken: Unreadable | None = None
    # `read1` gives what there is: a stream that breaks off loses nothing that came before.
    read = getattr(source, "read1", source.read)
    try:
        while broken is None:
            try:
                block = read(BLOCK)
            except Exception as wrong:  # noqa: BLE001 - every library of compression has errors of its own
                broken = told(wrong)
                break
            if not block:
                break
            if size + len(block) > budget.limits.file_bytes:
                block = block[: budget.limits.file_bytes - size]
                broken = Unreadable("too-large", "a file larger than may be read; its beginning was read")
            size += len(block)
            budget.spend(len(block), depth)
            if member.packed is not None:
                _refuse_claims(size, member.packed(), budget.limits)
            digest.update(block)
            out.write(block)
            since += len(block)
            if since > PULSE_BYTES:
                budget.pulse()
                since = 0
    except Unreadable:
        out.close()
        raise
    out.seek(0)
    return Spooled(out, digest.hexdigest(), size, broken)


def in_memory(data: bytes) -> Callable[[], BinaryIO]:
    """How a member opens whose bytes are at hand."""
    return lambda: io.BytesIO(data)
