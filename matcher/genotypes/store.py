"""The cohort's genotypes variant by variant, two bits a call, encrypted: a few hundred variants are read cheaply.

`calls.bin` holds one row of ceil(N / 4) bytes a variant, each row under AES-CTR with the variant's number as
nonce (the key is fresh for each store, wrapped by the workspace's); `variants.npz` holds places, names, alleles and
frequencies; `linkage.bin` the first thousand or so participants' calls, from which linkage is told, encrypted too;
`samples.npy` keyed hashes of sample ids. No id is kept. Next door: `sites` (which variants two files share).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from matcher.contents import Genotypes
from matcher.genotypes.planes import counts, packed, unpacked
from matcher.genotypes.variants import (
    allele_code,
    chromosome_code,
    is_autosome,
    is_palindromic,
    is_snp,
    name_number,
)

FOLDER = "genotypes"
BUILDS = "builds"
"""The folder inside it with one file for every other build (see `builds`)."""
LINKAGE_SAMPLES = 1024
"""Participants whose calls tell which variants are linked; a multiple of 4."""
_LINKAGE_ROW = LINKAGE_SAMPLES // 4
_LINKAGE_NONCE = 1 << 62

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Build:
    """Where the store's variants lie in another build of the genome; 0 where that is not known."""

    name: str
    chromosomes: npt.NDArray[np.uint8]
    positions: Numbers


@dataclass(frozen=True, slots=True)
class Store:
    """An opened store; arrays have one entry a variant, in the order in which they were enrolled."""

    folder: Path
    key: bytes
    samples_count: int
    chromosomes: npt.NDArray[np.uint8]
    positions: Numbers
    names: Numbers
    """`name_number` of the variant's name; 0 where it has none."""
    alleles_a: npt.NDArray[np.uint8]
    alleles_b: npt.NDArray[np.uint8]
    """`allele_code`s; calls count allele b."""
    frequencies: npt.NDArray[np.float64]
    """Frequency of allele b among called genotypes."""
    withdrawn: npt.NDArray[np.bool_]
    """Participants who have withdrawn: they are looked for no more."""
    other_builds: tuple[Build, ...] = ()

    def packed_rows(self, numbers: Numbers) -> npt.NDArray[np.uint8]:
        """The rows of these variants, two bits a call: variants × ceil(samples / 4)."""
        width = (self.samples_count + 3) // 4
        out = np.empty((len(numbers), width), np.uint8)
        with (self.folder / "calls.bin").open("rb") as file:
            for place, number in enumerate(numbers):
                file.seek(int(number) * width)
                out[place] = np.frombuffer(_crypt(self.key, int(number), file.read(width)), dtype=np.uint8)
        return out

    def rows(self, numbers: Numbers) -> npt.NDArray[np.int8]:
        """Calls (variants × samples, -1 missing) of the variants with these numbers."""
        return unpacked(self.packed_rows(numbers), self.samples_count)

    def linkage_rows(self, numbers: Numbers) -> npt.NDArray[np.int8]:
        """Calls of the participants from whom linkage is told (variants × up to LINKAGE_SAMPLES)."""
        people = min(LINKAGE_SAMPLES, self.samples_count)
        out = np.empty((len(numbers), _LINKAGE_ROW), np.uint8)
        with (self.folder / "linkage.bin").open("rb") as file:
            for place, number in enumerate(numbers):
                file.seek(int(number) * _LINKAGE_ROW)
                row = _crypt(self.key, _LINKAGE_NONCE + int(number), file.read(_LINKAGE_ROW))
                out[place] = np.frombuffer(row, dtype=np.uint8)
        return unpacked(out, people)


def write_store(folder: Path, parts: Iterable[Genotypes], key: bytes) -> tuple[tuple[str, ...], int]:
    """Writes the store of a cohort or release; gives the samples' ids and the number of variants kept.

    Only autosomal SNPs whose strand can be told are kept: others say nothing that these do not.

    Raises:
        ValueError: a part holds other samples than the first.
    """
    place = folder / FOLDER
    place.mkdir(parents=True, exist_ok=True)
    secret = os.urandom(32)
    columns: dict[str, list[npt.NDArray[np.generic]]] = {}
    samples: tuple[str, ...] = ()
    count = 0
    with (place / "calls.bin").open("wb") as file, (place / "linkage.bin").open("wb") as linkage:
        for part in parts:
            samples = samples or part.samples
            if part.samples != samples:
                raise ValueError(
                    "all genotype files of a cohort must hold the same samples in the same order"
                )
            kept = _kept(part)
            rows = packed(part.dosages[kept])
            for row in rows:
                head = np.full(_LINKAGE_ROW, 255, np.uint8)
                head[: len(row)] = row[:_LINKAGE_ROW]
                file.write(_crypt(secret, count, row.tobytes()))
                linkage.write(_crypt(secret, _LINKAGE_NONCE + count, head.tobytes()))
                count += 1
            _append(columns, part, kept, counts(rows, len(samples)))
    nonce = os.urandom(12)
    (place / "key.bin").write_bytes(nonce + AESGCM(key).encrypt(nonce, secret, FOLDER.encode()))
    if columns:
        whole: dict[str, Any] = {name: np.concatenate(pieces) for name, pieces in columns.items()}
        np.savez(place / "variants.npz", **whole)
    np.save(place / "samples.npy", hashes_of(samples, key))
    return samples, count


def hashes_of(samples: Iterable[str], key: bytes) -> npt.NDArray[np.uint64]:
    """Keyed hashes of sample ids, 64 bits each."""
    hashes = [hashlib.blake2b(one.encode(), key=key, digest_size=8).digest() for one in samples]
    return np.frombuffer(b"".join(hashes), dtype=np.uint64)


def withdraw(folder: Path, samples: Iterable[str], key: bytes) -> int:
    """Participants who are to be looked for no more; gives how many of these the store holds.

    Raises:
        FileNotFoundError: there is no store in the folder.
    """
    place = folder / FOLDER
    known = np.load(place / "samples.npy", allow_pickle=False)
    gone = np.isin(known, hashes_of(samples, key))
    before = _withdrawn(place, len(known))
    unfinished = place / ".withdrawn.npy"
    np.save(unfinished, before | gone)
    unfinished.replace(place / "withdrawn.npy")
    return int(gone.sum())


def open_store(folder: Path, key: bytes) -> Store | None:
    """The store in a cohort's or release's folder, or None; one that was opened and has not changed is kept."""
    place = folder / FOLDER
    try:
        changed = (place / "key.bin").stat().st_mtime_ns
    except FileNotFoundError:
        return None
    if not (place / "variants.npz").exists():
        return None
    beside = (place / "withdrawn.npy", place / BUILDS)
    return _open(place, key, (changed, *(one.stat().st_mtime_ns if one.exists() else 0 for one in beside)))


@lru_cache(maxsize=8)
def _open(place: Path, key: bytes, _changed: tuple[int, ...]) -> Store:
    wrapped = (place / "key.bin").read_bytes()
    secret = AESGCM(key).decrypt(wrapped[:12], wrapped[12:], FOLDER.encode())
    samples_count = len(np.load(place / "samples.npy", allow_pickle=False))
    with np.load(place / "variants.npz", allow_pickle=False) as columns:
        return Store(
            folder=place,
            key=secret,
            samples_count=samples_count,
            chromosomes=columns["chromosomes"],
            positions=columns["positions"],
            names=columns["names"],
            alleles_a=columns["alleles_a"],
            alleles_b=columns["alleles_b"],
            frequencies=columns["frequencies"],
            withdrawn=_withdrawn(place, samples_count),
            other_builds=tuple(_build(path) for path in sorted((place / BUILDS).glob("*.npz"))),
        )


def _build(path: Path) -> Build:
    with np.load(path, allow_pickle=False) as columns:
        return Build(path.stem, columns["chromosomes"], columns["positions"])


def _withdrawn(place: Path, samples_count: int) -> npt.NDArray[np.bool_]:
    marks = place / "withdrawn.npy"
    if not marks.exists():
        return np.zeros(samples_count, dtype=bool)
    loaded: npt.NDArray[np.bool_] = np.load(marks, allow_pickle=False)
    return loaded


def _kept(part: Genotypes) -> npt.NDArray[np.bool_]:
    return np.array(
        [
            is_snp(a, b) and not is_palindromic(a, b) and is_autosome(chromosome)
            for a, b, chromosome in zip(part.alleles_a, part.alleles_b, part.chromosomes, strict=True)
        ],
        dtype=bool,
    )


def _append(
    columns: dict[str, list[npt.NDArray[np.generic]]],
    part: Genotypes,
    kept: npt.NDArray[np.bool_],
    calls: npt.NDArray[np.int64],
) -> None:
    """Adds what is kept of each variant; `calls` are the numbers of calls 0, 1, 2 and missing."""
    called = calls[:, :3].sum(axis=1)
    values: dict[str, npt.NDArray[np.generic]] = {
        "chromosomes": np.array([chromosome_code(one) for one in part.chromosomes], dtype=np.uint8)[kept],
        "positions": part.positions[kept],
        "names": np.array([name_number(one) for one in part.names], dtype=np.int64)[kept],
        "alleles_a": np.array([allele_code(one) for one in part.alleles_a], dtype=np.uint8)[kept],
        "alleles_b": np.array([allele_code(one) for one in part.alleles_b], dtype=np.uint8)[kept],
        "frequencies": (calls[:, 1] + 2 * calls[:, 2]) / np.maximum(1, 2 * called),
    }
    for name, value in values.items():
        columns.setdefault(name, []).append(value)


def _crypt(key: bytes, number: int, data: bytes) -> bytes:
    """AES-256-CTR; a row is shorter than 2**36 bytes, so counters of two rows never meet."""
    cipher = Cipher(algorithms.AES(key), modes.CTR(number.to_bytes(8, "big") + bytes(8)))
    return cipher.encryptor().update(data)
