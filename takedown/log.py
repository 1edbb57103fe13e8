"""The audit log: append-only JSON lines, hash-chained and signed.

Every entry holds the SHA-256 of the one before it and an Ed25519 signature, so an altered, removed or reordered
entry breaks the chain. A signed head beside the log holds its length, so a cut end is found as well. Entries hold
counts, names of cases and people, and digests; never an id or a value of a participant.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

FIRST = "0" * 64
UNREADABLE = (ValueError, KeyError, AttributeError, TypeError, RecursionError, InvalidSignature)
"""What a line raises that is not as it was written; brackets without end exhaust the reader of JSON."""


@dataclass(frozen=True, slots=True)
class Verified:
    """Whether the log holds; `fault` says where it does not."""

    holds: bool
    entries_count: int
    fault: str | None = None


class AuditLog:
    """One log file; several processes may append to it at once.

    `signing_key` is 32 bytes, the seed of the Ed25519 key.
    """

    def __init__(self, path: Path, signing_key: bytes) -> None:
        self._path = path
        self._head_path = path.with_name(path.name + ".head")
        self._key = Ed25519PrivateKey.from_private_bytes(signing_key)

    @property
    def public_key(self) -> Ed25519PublicKey:
        return self._key.public_key()

    def append(self, *, actor: str, action: str, subject: str, details: dict[str, Any] | None = None) -> None:
        """Adds one entry, on disk when this returns.

        A last line that a killed process left half-written is closed and told by an entry of its own.
        """
        with self._locked(exclusive=True) as log:
            whole, torn = _lines(log.read())
            previous = hashlib.sha256(whole[-1]).hexdigest() if whole else FIRST
            count = len(whole)
            if torn:
                log.write(b"\n")
                previous = hashlib.sha256(torn + b"\n").hexdigest()
                count += 1
                torn_details = {"line": count, "sha256": previous}
                previous = self._write(
                    log, count, previous, "cohortwatch", "log.torn-line", "log", torn_details
                )
                count += 1
            previous = self._write(log, count, previous, actor, action, subject, details or {})
            self._write_head(count + 1, previous)

    def require_writable(self) -> None:
        """Asked before something is done that cannot be taken back, and told after it.

        Raises:
            OSError: an entry could not be added.
        """
        with self._locked(exclusive=True):
            unfinished = self._head_path.with_name(self._head_path.name + ".new")
            unfinished.touch()
            unfinished.unlink()

    def entries(self) -> list[dict[str, Any]]:
        """Every entry that can be read, oldest first; `verify` says whether they hold."""
        with self._locked(exclusive=False) as log:
            whole, _ = _lines(log.read())
        read = []
        for line in whole:
            try:
                read.append(json.loads(line))
            except (ValueError, RecursionError):
                continue
        return read

    def verify(self) -> Verified:
        """Follows the chain, the signatures and the head, and stops at the first fault."""
        with self._locked(exclusive=False) as log:
            whole, torn = _lines(log.read())
            head = self._head_path.read_bytes() if self._head_path.exists() else None
        fault = verify_lines(whole, self.public_key)
        if fault is None and head is not None:
            fault = self._verify_head(whole, head)
        elif fault is None and whole:
            fault = "the head beside the log is missing, so its end may have been cut off"
        if fault is None and torn:
            fault = f"line {len(whole) + 1} is half-written; the next entry will mark it"
        return Verified(fault is None, len(whole), fault)

    def export(self, folder: Path) -> None:
        """Writes the log, its head, its public key and how to check them into a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        with self._locked(exclusive=False) as log:
            (folder / "audit.jsonl").write_bytes(log.read())
        if self._head_path.exists():
            (folder / "audit.jsonl.head").write_bytes(self._head_path.read_bytes())
        pem = self.public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        (folder / "public-key.pem").write_bytes(pem)
        (folder / "HOW-TO-CHECK.txt").write_text(HOW_TO_CHECK, encoding="utf-8")

    def _write(
        self,
        log: BinaryIO,
        number: int,
        previous: str,
        actor: str,
        action: str,
        subject: str,
        details: dict[str, Any],
    ) -> str:
        entry = {
            "number": number,
            "at": datetime.now(UTC).isoformat(),
            "actor": actor,
            "action": action,
            "subject": subject,
            "details": details,
            "previous": previous,
        }
        signature = self._key.sign(signed_bytes(entry)).hex()
        line = (
            json.dumps({**entry, "signature": signature}, ensure_ascii=False, sort_keys=True).encode() + b"\n"
        )
        log.write(line)
        log.flush()
        os.fsync(log.fileno())
        return hashlib.sha256(line).hexdigest()

    def _write_head(self, count: int, last: str) -> None:
        head = {"count": count, "last": last}
        signature = self._key.sign(signed_bytes(head)).hex()
        unfinished = self._head_path.with_name(self._head_path.name + ".new")
        with unfinished.open("wb") as file:
            file.write(json.dumps({**head, "signature": signature}, sort_keys=True).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(self._head_path)

    def _verify_head(self, whole: list[bytes], raw: bytes) -> str | None:
        try:
            head = json.loads(raw)
            signature = bytes.fromhex(head.pop("signature"))
            self.public_key.verify(signature, signed_bytes(head))
            count, last = int(head["count"]), str(head["last"])
        except UNREADABLE:
            return "the head beside the log was altered"
        if raw != json.dumps({**head, "signature": signature.hex()}, sort_keys=True).encode() + b"\n":
            return "the head beside the log was altered"
        # A process killed between the entry and the head leaves one entry more, never one fewer.
        if len(whole) < count:
            return f"the log ends after {len(whole)} entries, but {count} were written"
        if count and hashlib.sha256(whole[count - 1]).hexdigest() != last:
            return f"entry {count - 1} is not the one that was written"
        return None

    @contextmanager
    def _locked(self, *, exclusive: bool) -> Iterator[BinaryIO]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a+b") as log:
            fcntl.flock(log, fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH)
            log.seek(0)
            yield log


HOW_TO_CHECK = """\
Each line of audit.jsonl is one entry. Its "previous" is the SHA-256 of the whole line before it, line break included
(64 zeros for the first). Its "signature" is Ed25519 (public-key.pem) over the entry without "signature", as JSON
with sorted keys, no spaces after separators and UTF-8. audit.jsonl.head holds the number of entries and the
SHA-256 of the last line, signed in the same way.
"""


def signed_bytes(entry: dict[str, Any]) -> bytes:
    """What is signed of an entry: canonical JSON without the signature."""
    return json.dumps(entry, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def verify_lines(lines: list[bytes], key: Ed25519PublicKey) -> str | None:
    """The first fault in a chain of whole lines, or None."""
    previous = FIRST
    for number, line in enumerate(lines):
        digest = hashlib.sha256(line).hexdigest()
        fault = _line_fault(line, number, previous, key)
        if fault is not None and not _is_marked_torn(lines, number, digest, key):
            return fault
        previous = digest
    return None


def _line_fault(line: bytes, number: int, previous: str, key: Ed25519PublicKey) -> str | None:
    try:
        entry = json.loads(line)
        signature = bytes.fromhex(entry.pop("signature"))
        key.verify(signature, signed_bytes(entry))
    except UNREADABLE:
        return f"entry {number} was altered"
    whole = (
        json.dumps({**entry, "signature": signature.hex()}, ensure_ascii=False, sort_keys=True).encode()
        + b"\n"
    )
    if whole != line:
        return f"entry {number} was altered"
    if entry.get("number") != number or entry.get("previous") != previous:
        return f"entry {number} does not follow the one before it"
    return None


def _is_marked_torn(lines: list[bytes], number: int, digest: str, key: Ed25519PublicKey) -> bool:
    """Whether the next entry, signed, says that this line was left half-written."""
    if number + 1 >= len(lines) or _line_fault(lines[number + 1], number + 1, digest, key) is not None:
        return False
    marker = json.loads(lines[number + 1])
    return bool(marker["action"] == "log.torn-line" and marker["details"].get("sha256") == digest)


def _lines(data: bytes) -> tuple[list[bytes], bytes]:
    """Whole lines with their line breaks, and what stands after the last of them."""
    *whole, rest = data.split(b"\n")
    return [line + b"\n" for line in whole], rest
