"""Sealed files: named arrays under AES-256-GCM, written in one pass, read one by one, or row by row.

What the detector needs of the source (calls, values, models) lies here under a key derived from the marks key; the
file without the key shows names of parts and sizes only as ciphertext. Layout: magic, parts (12-byte nonce,
ciphertext), the sealed table of parts, and its offset.
"""

from __future__ import annotations

import io
import json
import os
import secrets
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from matcher.errors import MatcherError

MAGIC = b"cwmarks1"
_TABLE = b"\x00table"
SMALL = 1 << 16


class UnreadableMarks(MatcherError):
    """A sealed file that is damaged or was sealed under another key."""


class SealedWriter:
    """Writes a sealed file beside its final place and moves it there when closed well."""

    def __init__(self, path: Path, key: bytes) -> None:
        self._path = path
        self._unfinished = path.with_name(f".{path.name}.unfinished")
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(self._unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        self._file = os.fdopen(descriptor, "wb")
        self._cipher = AESGCM(key)
        self._table: dict[str, tuple[int, ...]] = {}
        self._file.write(MAGIC)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._file.close()
            self._unfinished.unlink(missing_ok=True)
            return
        offset = self._file.tell()
        self._write(_TABLE, json.dumps(self._table).encode())
        self._file.write(offset.to_bytes(8, "big"))
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._unfinished.replace(self._path)

    def _write(self, name: bytes, data: bytes) -> int:
        nonce = secrets.token_bytes(12)
        return self._file.write(nonce + self._cipher.encrypt(nonce, data, name))

    def json(self, name: str, value: Any) -> None:
        at = self._file.tell()
        self._table[name] = (at, self._write(name.encode(), json.dumps(value).encode()))

    def array(self, name: str, value: npt.NDArray[Any]) -> None:
        plain = io.BytesIO()
        np.save(plain, value, allow_pickle=False)
        at = self._file.tell()
        self._table[name] = (at, self._write(name.encode(), plain.getvalue()))

    def rows(self, name: str, value: npt.NDArray[np.uint8]) -> None:
        """Bytes of which single rows will be read: each is sealed by itself."""
        at, size = self._file.tell(), 0
        for number, row in enumerate(value):
            size = self._write(f"{name}/{number}".encode(), row.tobytes())
        self._table[name] = (at, size, *value.shape)


class SealedReader:
    """Reads parts of a sealed file.

    Raises:
        UnreadableMarks: the file is damaged, or the key is not the one it was sealed under.
    """

    def __init__(self, path: Path, key: bytes) -> None:
        self._path = path
        self._cipher = AESGCM(key)
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(0)
            # there may be one file for each of many releases: a small one is read at once
            self._whole = file.read() if size <= SMALL else None
            head = file.read(len(MAGIC)) if self._whole is None else self._whole[: len(MAGIC)]
            if size < len(MAGIC) + 8 or head != MAGIC:
                raise UnreadableMarks(f"{path.name} is not a file of marks; restore it from a copy")
            file.seek(size - 8)
            at = int.from_bytes(file.read(8), "big")
        self._table: dict[str, tuple[int, ...]] = json.loads(self._read(_TABLE, at, size - 8 - at))

    def _read(self, name: bytes, at: int, size: int) -> bytes:
        if self._whole is not None:
            return self._opened(name, self._whole[at : at + size])
        with self._path.open("rb") as file:
            file.seek(at)
            return self._opened(name, file.read(size))

    def _opened(self, name: bytes, sealed: bytes) -> bytes:
        try:
            return self._cipher.decrypt(sealed[:12], sealed[12:], name)
        except (InvalidTag, ValueError):
            raise UnreadableMarks(
                f"{self._path.name} is damaged or was sealed under another key; give the workspace its own key"
            ) from None

    def __contains__(self, name: str) -> bool:
        return name in self._table

    def json(self, name: str) -> Any:
        return json.loads(self._read(name.encode(), *self._table[name]))

    def array(self, name: str) -> npt.NDArray[Any]:
        plain = io.BytesIO(self._read(name.encode(), *self._table[name]))
        value: npt.NDArray[Any] = np.load(plain, allow_pickle=False)
        return value

    def rows(self, name: str, numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
        """Rows of what `SealedWriter.rows` wrote, or of an array of bytes that lies there whole."""
        if len(self._table[name]) == 2:
            whole: npt.NDArray[np.uint8] = self.array(name)[numbers]
            return whole
        at, size, _, width = self._table[name]
        out = np.empty((numbers.size, width), dtype=np.uint8)
        with self._path.open("rb", buffering=0) as file:
            for place, number in enumerate(numbers.tolist()):
                file.seek(at + number * size)
                out[place] = np.frombuffer(
                    self._opened(f"{name}/{number}".encode(), file.read(size)), np.uint8
                )
        return out
