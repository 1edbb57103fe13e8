"""What is kept of a release whose people and sites are its cohort's own: which of them it held, and no calls.

`held.bits` says which of the cohort's people and variants (by their numbers in its store) the release held, as bits;
releases that held the same have the same bytes. `samples.npy` has keyed hashes of its sample ids and `people.npz` who
of the cohort each is: both are for withdrawal only.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from matcher.errors import BadSourceFile
from matcher.genotypes.building import FOLDER, SAMPLES_FILE, hashes_of
from matcher.publishing import replace_file

HELD_FILE = "held.bits"
PEOPLE_FILE = "people.npz"

Numbers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Holding:
    """Which of the cohort's people, and which of its variants, one release held."""

    people: Flags
    sites: Flags


def write_holding(
    folder: Path, samples: tuple[str, ...], people: Numbers, holding: Holding, key: bytes
) -> None:
    """Writes a release's holding under `folder`, in place of whatever a killed run left of its genotypes.

    `people` are samples × alike: the cohort's people whom each sample is, -1 for nobody.
    """
    place = folder / FOLDER
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    for left in place.iterdir():
        left.unlink()
    np.save(place / SAMPLES_FILE, hashes_of(samples, key))
    np.savez_compressed(place / PEOPLE_FILE, people=people.astype(np.int32).T)
    _write_bits(place, holding)


def holding_bytes(folder: Path) -> bytes | None:
    """The holding of a cohort's release as it is written, for `read_holding`; None where it has none."""
    try:
        return (folder / FOLDER / HELD_FILE).read_bytes()
    except FileNotFoundError:
        return None


@lru_cache(maxsize=8)
def read_holding(written: bytes) -> Holding:
    """What `write_holding` wrote.

    Raises:
        BadSourceFile: it is not whole.
    """
    try:
        plain = np.frombuffer(zlib.decompress(written), np.uint8)
        people, sites = np.frombuffer(plain[:_HEAD], "<u8").tolist()
        middle = _HEAD + (people + 7) // 8
        bits = (np.unpackbits(plain[_HEAD:middle], count=people), np.unpackbits(plain[middle:], count=sites))
    except (zlib.error, ValueError):
        raise BadSourceFile(
            "what a release held is kept in a file that is damaged; put it back from your copy of the indexes"
        ) from None
    return Holding(*(one.view(np.bool_) for one in bits))


def withdraw_from_holding(folder: Path, samples: npt.NDArray[np.uint64]) -> int:
    """The people behind these keyed hashes are taken for not held any more; gives how many of the hashes it has."""
    place = folder / FOLDER
    gone = np.isin(np.load(place / SAMPLES_FILE, allow_pickle=False), samples)
    with np.load(place / PEOPLE_FILE, allow_pickle=False) as kept:
        people = kept["people"][:, gone]
    holding = read_holding((place / HELD_FILE).read_bytes())
    held = holding.people.copy()
    held[people[people >= 0]] = False
    _write_bits(place, Holding(held, holding.sites))
    return int(gone.sum())


_HEAD = 16
"""Bytes with how many people and how many variants there are bits of."""


def _write_bits(place: Path, holding: Holding) -> None:
    counts = np.array([len(holding.people), len(holding.sites)], "<u8").tobytes()
    plain = counts + np.packbits(holding.people).tobytes() + np.packbits(holding.sites).tobytes()
    replace_file(place / HELD_FILE, zlib.compress(plain))
