"""The quarantine: found bytes, encrypted at rest, each object under a key of its own.

An object is one file: a header, its key wrapped by the master key, and chunks of 1 MiB, each sealed by
AES-256-GCM with the object's id, the chunk's number and whether it is the last as associated data. So no chunk
can be altered, moved to another object, reordered or cut off. Shredding destroys the wrapped key, and with it
the content.
"""

from __future__ import annotations

import io
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from crawler.errors import VaultFault

MAGIC = b"cwq1"
CHUNK = 1 << 20
_NONCE, _TAG, _KEY = 12, 16, 32
_WRAPPED = _NONCE + _KEY + _TAG
IN_MEMORY = 64 << 20
"""Objects up to this many bytes are decrypted into memory, larger ones into an unnamed temporary file."""

UNFINISHED_SECONDS = 3600.0


class Vault:
    """The quarantine folder under one master key (32 bytes)."""

    def __init__(self, folder: Path, master_key: bytes) -> None:
        self._folder = folder
        self._master = AESGCM(master_key)

    def put(self, content: bytes | BinaryIO) -> str:
        """Seals content and gives its object id; it is on disk, whole, when this returns."""
        stream = io.BytesIO(content) if isinstance(content, bytes) else content
        name = secrets.token_hex(16)
        path = self._path(name)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        key = AESGCM.generate_key(256)
        nonce = os.urandom(_NONCE)
        unfinished = path.with_name(f".{name}.unfinished")
        with unfinished.open("xb") as file:
            unfinished.chmod(0o600)
            file.write(MAGIC + nonce + self._master.encrypt(nonce, key, name.encode()))
            sealed = AESGCM(key)
            number, chunk = 0, stream.read(CHUNK)
            while True:
                following = stream.read(CHUNK)
                file.write(sealed.encrypt(_chunk_nonce(number), chunk, _about(name, number, not following)))
                if not following:
                    break
                number, chunk = number + 1, following
            file.flush()
            os.fsync(file.fileno())
        unfinished.rename(path)
        _sync_folder(path.parent)
        return name

    def open(self, name: str) -> BinaryIO:
        """The content as a seekable stream; closing it leaves nothing behind.

        Raises:
            VaultFault: no such object, or it was shredded or altered.
        """
        path = self._path(name)
        try:
            file = path.open("rb")
        except OSError:
            raise VaultFault(f"quarantine object {name} is missing; look for it in a backup") from None
        with file:
            key = self._unwrap(name, file.read(len(MAGIC) + _WRAPPED))
            out: BinaryIO = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # type: ignore[assignment]  # noqa: SIM115
            size = path.stat().st_size
            number = 0
            while True:
                sealed = file.read(CHUNK + _TAG)
                is_last = file.tell() >= size
                try:
                    out.write(key.decrypt(_chunk_nonce(number), sealed, _about(name, number, is_last)))
                except (InvalidTag, ValueError):
                    out.close()
                    raise VaultFault(
                        f"quarantine object {name} was altered or cut; restore it from a backup"
                    ) from None
                if is_last:
                    break
                number += 1
        out.seek(0)
        return out

    def read(self, name: str) -> bytes:
        with self.open(name) as stream:
            return stream.read()

    def shred(self, name: str) -> None:
        """Destroys the object's key and then the object; nothing can read it again."""
        path = self._path(name)
        if not path.exists():
            return
        with path.open("r+b") as file:
            file.seek(len(MAGIC))
            file.write(os.urandom(_WRAPPED))
            file.flush()
            os.fsync(file.fileno())
        path.unlink()

    def names(self) -> Iterator[str]:
        """Every object that is there."""
        for path in self._folder.glob("??/*"):
            if not path.name.startswith("."):
                yield path.name

    def stored_at(self, name: str) -> float:
        """When the object was put, in seconds since 1970; now, where it has just gone."""
        try:
            return self._path(name).stat().st_mtime
        except OSError:
            return time.time()

    def workplace(self) -> Path:
        """A folder for content on its way into the vault, such as a clone; emptied by `clear_workplace`."""
        folder = self._folder / ".workplace"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder

    def clear_workplace(self) -> None:
        """Removes what a process that died left in the workplace, and its unfinished objects."""
        shutil.rmtree(self._folder / ".workplace", ignore_errors=True)
        for path in self._folder.glob("??/.*.unfinished"):
            if time.time() - path.stat().st_mtime > UNFINISHED_SECONDS:
                path.unlink(missing_ok=True)

    def _unwrap(self, name: str, head: bytes) -> AESGCM:
        nonce, wrapped = head[len(MAGIC) : len(MAGIC) + _NONCE], head[len(MAGIC) + _NONCE :]
        try:
            if not head.startswith(MAGIC):
                raise InvalidTag
            return AESGCM(self._master.decrypt(nonce, wrapped, name.encode()))
        except (InvalidTag, ValueError):
            raise VaultFault(
                f"quarantine object {name} was shredded, altered, or is of another key"
            ) from None

    def _path(self, name: str) -> Path:
        if not name or set(name) - set("0123456789abcdef"):
            raise VaultFault("that is not the name of a quarantine object")
        return self._folder / name[:2] / name


def _chunk_nonce(number: int) -> bytes:
    # Each object has a key of its own, so a counter never repeats under a key.
    return number.to_bytes(_NONCE, "big")


def _about(name: str, number: int, is_last: bool) -> bytes:
    return f"{name}/{number}/{'last' if is_last else 'more'}".encode()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
