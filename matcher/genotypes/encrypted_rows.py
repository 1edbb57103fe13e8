"""Rows of calls, two bits each, under AES-256-CTR: any stretch of any row is read without the rest.

A row's number is its nonce and no two rows are shorter than 2**36 bytes, so counters never meet. Rows that were
written by two runs of one enrolment are under two keys: one that is written again under its number shows nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

LINKAGE_SAMPLES = 1024
"""Participants whose calls tell which variants are linked; a multiple of 4."""
LINKAGE_ROW = LINKAGE_SAMPLES // 4
CALLS_FILE, LINKAGE_FILE = "calls.bin", "linkage.bin"
_LINKAGE_NONCE = 1 << 62
_BLOCK = 16

Numbers = npt.NDArray[np.int64]
Packed = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class EncryptedRows:
    """The calls of a store that keeps a copy of them."""

    folder: Path
    secrets: tuple[bytes, ...]
    secret_of: npt.NDArray[np.uint16]
    """For each row, which of the keys it is under."""
    samples_count: int

    def packed(self, numbers: Numbers, first: int, last: int) -> Packed:
        """Calls of the people from `first` (a multiple of 64) up to `last`: rows × bytes, two bits a call."""
        width, start, stop = (self.samples_count + 3) // 4, first // 4, (last + 3) // 4
        return self._read(CALLS_FILE, numbers, 0, width, (start, stop))

    def linkage(self, numbers: Numbers) -> Packed:
        """Calls of the first LINKAGE_SAMPLES people, kept apart so that they are read in short stretches."""
        return self._read(LINKAGE_FILE, numbers, _LINKAGE_NONCE, LINKAGE_ROW, (0, LINKAGE_ROW))

    def _read(self, name: str, numbers: Numbers, nonce: int, width: int, part: tuple[int, int]) -> Packed:
        start, stop = part
        out = np.empty((len(numbers), stop - start), np.uint8)
        with (self.folder / name).open("rb") as file:
            for place, number in enumerate(numbers.tolist()):
                file.seek(number * width + start)
                secret = self.secrets[self.secret_of[number]]
                row = crypt(secret, nonce + number, file.read(stop - start), start)
                out[place] = np.frombuffer(row, dtype=np.uint8)
        return out


@dataclass(slots=True)
class RowsWriter:
    """Appends rows to the two files under one key."""

    secret: bytes
    calls: Path
    linkage: Path
    count: int
    """Rows that are there already."""

    def add(self, rows: Packed) -> None:
        with self.calls.open("ab") as calls, self.linkage.open("ab") as linkage:
            for row in rows:
                head = np.full(LINKAGE_ROW, 255, np.uint8)
                head[: len(row)] = row[:LINKAGE_ROW]
                calls.write(crypt(self.secret, self.count, row.tobytes()))
                linkage.write(crypt(self.secret, _LINKAGE_NONCE + self.count, head.tobytes()))
                self.count += 1


def crypt(key: bytes, number: int, data: bytes, start: int = 0) -> bytes:
    """AES-256-CTR of a row's bytes from `start`, a multiple of 16."""
    counter = number.to_bytes(8, "big") + (start // _BLOCK).to_bytes(8, "big")
    return Cipher(algorithms.AES(key), modes.CTR(counter)).encryptor().update(data)
