"""The cohort's genotypes variant by variant, two bits a call, encrypted: a few hundred variants are read cheaply.

`calls.bin` holds one row of ceil(N / 4) bytes a variant, each row under AES-CTR with the variant's number as
nonce (the key is fresh for each store, wrapped by the workspace's); `variants.npz` holds positions, alleles and
frequencies; `samples.npy` keyed hashes of sample ids. No id is kept.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from matcher.contents import Genotypes
from matcher.genotypes.variants import chromosome_name, is_autosome, is_palindromic, is_snp

FOLDER = "genotypes"
_SHIFTS = np.array([0, 2, 4, 6], dtype=np.uint8)


@dataclass(frozen=True, slots=True)
class Store:
    """An opened store; arrays have one entry a variant."""

    folder: Path
    key: bytes
    samples_count: int
    chromosomes: npt.NDArray[np.str_]
    positions: npt.NDArray[np.int64]
    names: npt.NDArray[np.str_]
    alleles_a: npt.NDArray[np.str_]
    alleles_b: npt.NDArray[np.str_]
    frequencies: npt.NDArray[np.float64]
    """Frequency of allele b among called genotypes."""

    def rows(self, numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.int8]:
        """Dosages (variants × samples, -1 missing) of the variants with these numbers."""
        width = (self.samples_count + 3) // 4
        out = np.empty((len(numbers), self.samples_count), dtype=np.int8)
        with (self.folder / "calls.bin").open("rb") as file:
            for place, number in enumerate(numbers):
                file.seek(int(number) * width)
                packed = np.frombuffer(_crypt(self.key, int(number), file.read(width)), dtype=np.uint8)
                calls = ((packed[:, None] >> _SHIFTS) & 3).reshape(-1)[: self.samples_count].astype(np.int8)
                out[place] = np.where(calls == 3, -1, calls)
        return out


def write_store(folder: Path, parts: Iterable[Genotypes], key: bytes) -> tuple[int, int]:
    """Writes the store of a cohort or release; gives the numbers of samples and of variants kept.

    Only autosomal SNPs whose strand can be told are kept: others say nothing that these do not.
    """
    place = folder / FOLDER
    place.mkdir(parents=True, exist_ok=True)
    secret = os.urandom(32)
    columns: dict[str, list[npt.NDArray[np.generic]]] = {}
    samples: tuple[str, ...] = ()
    count = 0
    with (place / "calls.bin").open("wb") as file:
        for part in parts:
            samples = samples or part.samples
            if part.samples != samples:
                raise ValueError(
                    "all genotype files of a cohort must hold the same samples in the same order"
                )
            kept = _kept(part)
            dosages = part.dosages[kept]
            for row in dosages:
                file.write(_crypt(secret, count, _packed(row)))
                count += 1
            _append(columns, part, kept, dosages)
    nonce = os.urandom(12)
    (place / "key.bin").write_bytes(nonce + AESGCM(key).encrypt(nonce, secret, FOLDER.encode()))
    whole: dict[str, Any] = {name: np.concatenate(pieces) for name, pieces in columns.items()}
    np.savez(place / "variants.npz", **whole)
    hashes = [hashlib.blake2b(one.encode(), key=key, digest_size=8).digest() for one in samples]
    np.save(place / "samples.npy", np.frombuffer(b"".join(hashes), dtype=np.uint64))
    return len(samples), count


def open_store(folder: Path, key: bytes) -> Store | None:
    """The store in a cohort's or release's folder, or None."""
    place = folder / FOLDER
    if not (place / "variants.npz").exists():
        return None
    wrapped = (place / "key.bin").read_bytes()
    secret = AESGCM(key).decrypt(wrapped[:12], wrapped[12:], FOLDER.encode())
    with np.load(place / "variants.npz", allow_pickle=False) as columns:
        return Store(
            folder=place,
            key=secret,
            samples_count=len(np.load(place / "samples.npy", allow_pickle=False)),
            chromosomes=columns["chromosomes"],
            positions=columns["positions"],
            names=columns["names"],
            alleles_a=columns["alleles_a"],
            alleles_b=columns["alleles_b"],
            frequencies=columns["frequencies"],
        )


def _kept(part: Genotypes) -> npt.NDArray[np.bool_]:
    return np.array(
        [
            is_snp(a, b) and not is_palindromic(a, b) and is_autosome(chromosome_name(chromosome))
            for a, b, chromosome in zip(part.alleles_a, part.alleles_b, part.chromosomes, strict=True)
        ],
        dtype=bool,
    )


def _append(
    columns: dict[str, list[npt.NDArray[np.generic]]],
    part: Genotypes,
    kept: npt.NDArray[np.bool_],
    dosages: npt.NDArray[np.int8],
) -> None:
    called = (dosages >= 0).sum(axis=1)
    total = np.where(dosages > 0, dosages, 0).sum(axis=1, dtype=np.int64)
    values: dict[str, npt.NDArray[np.generic]] = {
        "chromosomes": np.array([chromosome_name(one) for one in part.chromosomes], dtype="U2")[kept],
        "positions": part.positions[kept],
        "names": np.array(part.names, dtype="U20")[kept],
        "alleles_a": np.array(part.alleles_a, dtype="U1")[kept],
        "alleles_b": np.array(part.alleles_b, dtype="U1")[kept],
        "frequencies": total / np.maximum(1, 2 * called),
    }
    for name, value in values.items():
        columns.setdefault(name, []).append(value)


def _packed(row: npt.NDArray[np.int8]) -> bytes:
    calls = np.where(row < 0, 3, row).astype(np.uint8)
    padded = np.pad(calls, (0, -len(calls) % 4), constant_values=3).reshape(-1, 4)
    return bytes((padded << _SHIFTS).sum(axis=1, dtype=np.uint8))


def _crypt(key: bytes, number: int, data: bytes) -> bytes:
    """AES-256-CTR; a row is shorter than 2**36 bytes, so counters of two rows never meet."""
    cipher = Cipher(algorithms.AES(key), modes.CTR(number.to_bytes(8, "big") + bytes(8)))
    return cipher.encryptor().update(data)
