"""Writes a store file by file, so that a run that was killed goes on with the file at which it stopped.

After each file what was read of it is on the disk and `progress.json` says so; rows of a file that was not read to
its end are cut off by the next run, which writes them anew under a key of its own. Files that changed meanwhile, or
others, make it start over. The folder is published whole only when it is finished (see `matcher.publishing`).
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from matcher.contents import Genotypes
from matcher.genotypes.encrypted_rows import CALLS_FILE, LINKAGE_FILE, LINKAGE_ROW, RowsWriter
from matcher.genotypes.planes import counts, packed
from matcher.genotypes.variants import (
    allele_code,
    chromosome_code,
    is_autosome,
    is_palindromic,
    is_snp,
    name_number,
)
from matcher.publishing import replace_file, sync

FOLDER = "genotypes"
KEY_FILE, SAMPLES_FILE, VARIANTS_FILE = "key.bin", "samples.npy", "variants.npz"
PROGRESS_FILE = "progress.json"
SECRET_BYTES = 32
_BESIDE = (".bim", ".fam", ".pvar", ".pvar.zst", ".psam", ".map", ".sample", ".snp", ".ind")
"""Files that say what a file of calls holds."""

Column = npt.NDArray[Any]
Columns = dict[str, list[Column]]


@dataclass(slots=True)
class Building:
    """A store that is being written in `place`; `copies` is False where calls stay in the cohort's own files."""

    place: Path
    key: bytes
    copies: bool = True
    samples: tuple[str, ...] = ()
    count: int = 0
    secrets: list[bytes] = field(default_factory=list)
    done: list[dict[str, Any]] = field(default_factory=list)
    """What `file_mark` says of each file that was read to its end."""

    def go_on(self, marks: Sequence[dict[str, Any]]) -> int:
        """Takes over what a killed run left of these files; gives how many of them need not be read again.

        Where it left nothing that fits them, the folder is emptied.
        """
        self.place.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not (self.copies and self._took_over(marks)):
            self.start_over()
        return len(self.done)

    def start_over(self) -> None:
        """Empties the folder."""
        for left in self.place.iterdir():
            if left.is_file():
                left.unlink()
        self.samples, self.count, self.secrets, self.done = (), 0, [], []

    def add_file(self, parts: Iterable[Genotypes], mark: dict[str, Any]) -> None:
        """Takes the calls of one file.

        Raises:
            ValueError: a part holds other samples than the first.
        """
        start, columns = self.count, dict[str, list[Column]]()
        self.secrets.append(os.urandom(SECRET_BYTES))
        writer = RowsWriter(self.secrets[-1], self.place / CALLS_FILE, self.place / LINKAGE_FILE, self.count)
        row_of_file = 0
        for part in parts:
            self._same_samples(part.samples)
            kept = _kept(part)
            rows = packed(part.dosages[kept])
            if self.copies:
                writer.add(rows)
            self.count += len(rows)
            _append(columns, part, kept, counts(rows, len(self.samples)))
            columns.setdefault("file_rows", []).append(row_of_file + np.flatnonzero(kept))
            row_of_file += len(kept)
        written = self.count - start
        columns["files"] = [np.full(written, len(self.done), np.uint16)]
        self._save_piece(columns)
        self.done.append(mark)
        self._check_point()

    def finish(self) -> int:
        """Joins what was kept of each file; gives the number of variants."""
        pieces = []
        for number in range(len(self.done)):
            with np.load(self._piece(number), allow_pickle=False) as columns:
                pieces.append(dict(columns))
        pieces = [one for one in pieces if len(one["files"])]
        if pieces:
            whole: dict[str, Any] = {
                name: np.concatenate([one[name] for one in pieces]) for name in pieces[0]
            }
            np.savez(self.place / VARIANTS_FILE, **whole)
        if not self.done:
            self._save_samples()
            self._save_key()
        (self.place / PROGRESS_FILE).unlink(missing_ok=True)
        for number in range(len(self.done)):
            self._piece(number).unlink()
        return self.count

    def _same_samples(self, samples: tuple[str, ...]) -> None:
        self.samples = self.samples or samples
        if samples != self.samples:
            raise ValueError("all genotype files of a cohort must hold the same samples in the same order")

    def _piece(self, number: int) -> Path:
        return self.place / f"file-{number:05}.npz"

    def _save_piece(self, columns: Columns) -> None:
        path = self._piece(len(self.done))
        whole: dict[str, Any] = {name: np.concatenate(pieces) for name, pieces in columns.items()}
        np.savez(path, **whole)
        sync(path)

    def _save_key(self) -> None:
        nonce = os.urandom(12)
        sealed = AESGCM(self.key).encrypt(nonce, b"".join(self.secrets), FOLDER.encode())
        replace_file(self.place / KEY_FILE, nonce + sealed)

    def _save_samples(self) -> None:
        out = io.BytesIO()
        np.save(out, hashes_of(self.samples, self.key))
        replace_file(self.place / SAMPLES_FILE, out.getvalue())

    def _check_point(self) -> None:
        for name in (CALLS_FILE, LINKAGE_FILE) if self.copies else ():
            (self.place / name).touch()
            sync(self.place / name)
        self._save_key()
        self._save_samples()
        said = {"files": self.done, "rows": self.count, "samples": len(self.samples)}
        replace_file(self.place / PROGRESS_FILE, json.dumps(said).encode())

    def _took_over(self, marks: Sequence[dict[str, Any]]) -> bool:
        """Whether a killed run left something that fits; its unfinished rows are cut off."""
        try:
            said = json.loads((self.place / PROGRESS_FILE).read_bytes())
            secrets = opened_secrets(self.place, self.key)
        except (OSError, ValueError, InvalidTag):
            return False
        done = len(said["files"])
        fits = said["files"] == list(marks[:done]) and len(secrets) == done
        if not fits or not all(self._piece(number).exists() for number in range(done)):
            return False
        keep = {KEY_FILE, SAMPLES_FILE, PROGRESS_FILE, CALLS_FILE, LINKAGE_FILE}
        keep |= {self._piece(number).name for number in range(done)}
        for left in self.place.iterdir():
            if left.name not in keep:
                left.unlink()
        self.done, self.count, self.secrets = said["files"], said["rows"], list(secrets)
        os.truncate(self.place / CALLS_FILE, self.count * ((said["samples"] + 3) // 4))
        os.truncate(self.place / LINKAGE_FILE, self.count * LINKAGE_ROW)
        return True

    def take_samples(self, samples: tuple[str, ...]) -> bool:
        """Tells a building that goes on whose calls it holds; False where they are not those of the run before."""
        known = np.load(self.place / SAMPLES_FILE, allow_pickle=False)
        self.samples = samples
        return bool(np.array_equal(known, hashes_of(samples, self.key)))


def file_mark(path: Path) -> dict[str, Any]:
    """What tells a file from another or from itself when changed, without reading it."""
    about = path.stat()
    beside = [path.with_suffix(suffix) for suffix in _BESIDE]
    return {
        "path": str(path.resolve()),
        "bytes": about.st_size,
        "changed": about.st_mtime_ns,
        "beside": [one.stat().st_mtime_ns if one.exists() else 0 for one in beside],
    }


def hashes_of(samples: Iterable[str], key: bytes) -> npt.NDArray[np.uint64]:
    """Keyed hashes of sample ids, 64 bits each."""
    hashes = [hashlib.blake2b(one.encode(), key=key, digest_size=8).digest() for one in samples]
    return np.frombuffer(b"".join(hashes), dtype=np.uint64)


def opened_secrets(place: Path, key: bytes) -> tuple[bytes, ...]:
    """The keys of the store's rows, one for each file.

    Raises:
        InvalidTag: they are not wrapped under this key.
    """
    wrapped = (place / KEY_FILE).read_bytes()
    joined = AESGCM(key).decrypt(wrapped[:12], wrapped[12:], FOLDER.encode())
    return tuple(joined[at : at + SECRET_BYTES] for at in range(0, len(joined), SECRET_BYTES))


def _kept(part: Genotypes) -> npt.NDArray[np.bool_]:
    """Only autosomal SNPs whose strand can be told are kept: others say nothing that these do not."""
    return np.array(
        [
            is_snp(a, b) and not is_palindromic(a, b) and is_autosome(chromosome)
            for a, b, chromosome in zip(part.alleles_a, part.alleles_b, part.chromosomes, strict=True)
        ],
        dtype=bool,
    )


def _append(
    columns: Columns, part: Genotypes, kept: npt.NDArray[np.bool_], calls: npt.NDArray[np.int64]
) -> None:
    """Adds what is kept of each variant; `calls` are the numbers of calls 0, 1, 2 and missing."""
    called = calls[:, :3].sum(axis=1)
    values: dict[str, Column] = {
        "chromosomes": np.array([chromosome_code(one) for one in part.chromosomes], dtype=np.uint8)[kept],
        "positions": part.positions[kept],
        "names": np.array([name_number(one) for one in part.names], dtype=np.int64)[kept],
        "alleles_a": np.array([allele_code(one) for one in part.alleles_a], dtype=np.uint8)[kept],
        "alleles_b": np.array([allele_code(one) for one in part.alleles_b], dtype=np.uint8)[kept],
        "frequencies": (calls[:, 1] + 2 * calls[:, 2]) / np.maximum(1, 2 * called),
    }
    for name, value in values.items():
        columns.setdefault(name, []).append(value)
