"""Canary participants: made-up people of one release, copied with few switches from donors who are in no release.

A canary's calls follow one donor along a chromosome and change donor `SWITCHES` times in a centimorgan (taken as a
megabase): short pieces of many donors, or long pieces of people who were released, would give it away. Its
measurements are drawn near those of rows that resemble each other, with a keyed offset that the detector knows. Two
canaries have the smallest ids of the release, so that the head of a sorted file shows them.

Canaries are in no roster and in no count. Someone who compares whole genomes can find them; they catch the careless.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from matcher.errors import BadSourceFile
from matcher.watermarks.genotype_files import Block, GenotypeFile, open_genotypes, turned
from matcher.watermarks.roster import Roster, digest_of, marks_folder, sealing_key
from matcher.watermarks.sealed import SealedReader, SealedWriter
from matcher.watermarks.units import U64, chromosome_word, derive, draws, sip_key

Dosages = npt.NDArray[np.int8]
SWITCHES = 3  # in a hundred megabases
LEAST_DONORS = 8
LEAST_COVERED = 0.99
DONOR_VARIANTS = 1_024
_PLACE, _SWITCH, _DONOR, _LIKE = 1, 2, 3, 4


def canary_key(master: bytes, release: str, recipient: str) -> U64:
    return sip_key(derive(master, "release", release, recipient, "canaries"))


def drawn(key: U64, purpose: int, canary: int, what: npt.NDArray[np.uint64]) -> U64:
    """The draws of one canary for one purpose over many units."""
    first = np.full(what.size, (purpose << 32) + canary, dtype=np.uint64)
    return np.asarray(draws(key, first, what))


def steps(
    chromosomes: Sequence[str], positions: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.bool_]]:
    """For each variant the threshold under which a canary changes donor there, and where a chromosome begins."""
    words = np.array([chromosome_word(one) for one in chromosomes], dtype=object)
    begins = np.ones(len(words), dtype=bool)
    begins[1:] = words[1:] != words[:-1]
    apart = np.abs(np.diff(positions, prepend=positions[:1]))
    limits = [min(2**64 - 1, int(one) * SWITCHES * 2**64 // 10**8) for one in apart.tolist()]
    return np.array(limits, dtype=np.uint64), begins


def path(
    key: U64,
    canary: int,
    units: U64,
    limits: npt.NDArray[np.uint64],
    begins: npt.NDArray[np.bool_],
    donors: int,
) -> npt.NDArray[np.int64]:
    """The donor that a canary is copied from at each variant of a file."""
    change = (drawn(key, _SWITCH, canary, units) < limits) | begins
    chosen = (drawn(key, _DONOR, canary, units) % np.uint64(donors)).astype(np.int64)
    last = np.maximum.accumulate(np.where(change, np.arange(units.size), 0))
    return np.asarray(chosen[last])


@dataclass(slots=True)
class Donors:
    """Calls of the donors at a source's variants, variants × donors, counting the later allele."""

    calls: Dosages
    digest: str


def donors_file(cohort_folder: Path, digest: str) -> Path:
    return marks_folder(cohort_folder) / f"{digest[:32]}.donors.sealed"


def keep_donors(
    cohort_folder: Path, donors: Path, source: str, units: U64, people: Sequence[str], roster: Roster
) -> Donors:
    """The donors' calls at a source's variants, kept sealed for the detector.

    Raises:
        BadSourceFile: too few donors, variants that they do not have, or a donor who is in a release.
    """
    file = open_genotypes(donors)
    if len(file.samples) < LEAST_DONORS:
        raise BadSourceFile(
            f"{donors.name} has fewer than {LEAST_DONORS} donors; hold back more people, or leave --canaries out"
        )
    if roster.knows(file.samples) or set(file.samples) & set(people):
        raise BadSourceFile(f"{donors.name} has people who are in a release; donors must be in none")
    digest = hashlib.sha256(f"{source}|{digest_of(donors)}".encode()).hexdigest()
    place = donors_file(cohort_folder, digest)
    if place.exists():
        return read_donors(cohort_folder, digest, roster.master)
    at_of = {int(unit): i for i, unit in enumerate(units.tolist())}
    calls = np.full((units.size, len(file.samples)), -1, dtype=np.int8)
    covered = np.zeros(units.size, dtype=bool)
    for block in file.blocks(DONOR_VARIANTS):
        rows = turned(block.dosages, block.variants)
        for v, variant in enumerate(block.variants):
            at = at_of.get(variant.unit)
            if at is not None:
                calls[at], covered[at] = rows[v], True
    if covered.mean() < LEAST_COVERED:
        raise BadSourceFile(
            f"{donors.name} has {covered.mean():.0%} of the source's variants; give donors typed at all of them"
        )
    with SealedWriter(place, sealing_key(roster.master)) as out:
        out.array("calls", calls)
    return Donors(calls, digest)


def read_donors(cohort_folder: Path, digest: str, master: bytes) -> Donors:
    calls = SealedReader(donors_file(cohort_folder, digest), sealing_key(master)).array("calls")
    return Donors(np.ascontiguousarray(calls, dtype=np.int8), digest)


def canary_calls(
    key: U64, count: int, units: U64, places: Sequence[tuple[str, int, str, str, str]], donors: Donors
) -> Dosages:
    """Calls of every canary at a source's variants, variants × canaries, counting the later allele."""
    limits, begins = steps([one[0] for one in places], np.array([one[1] for one in places], dtype=np.int64))
    rows = np.arange(units.size)
    out = np.empty((units.size, count), dtype=np.int8)
    for k in range(count):
        out[:, k] = donors.calls[rows, path(key, k, units, limits, begins, donors.calls.shape[1])]
    return out


def places_among(key: U64, count: int, people: int) -> npt.NDArray[np.int64]:
    """Before which person of a file each canary stands: the first two at the head, the others anywhere."""
    if not count:
        return np.zeros(0, dtype=np.int64)
    where = drawn(key, _PLACE, 0, np.arange(count, dtype=np.uint64)) % np.uint64(max(1, people))
    where[:2] = 0
    return where.astype(np.int64)


def joined(
    block: Block, marked: Dosages, added: Dosages, where: npt.NDArray[np.int64], key: U64
) -> tuple[Block, Dosages]:
    """The block with canaries among its people; `added` counts what the block counts.

    What a format holds beside the call (depth, phase, probabilities) is a real participant's with the same call.
    """
    rows, count = added.shape
    like = np.full((rows, count), -1, dtype=np.int64)
    for v in range(rows):
        start = drawn(key, _LIKE, v, np.arange(count, dtype=np.uint64))
        for call in np.unique(added[v]):
            same = np.flatnonzero(block.dosages[v] == call)
            if same.size:
                mine = added[v] == call
                like[v, mine] = same[(start[mine] % np.uint64(same.size)).astype(np.int64)]
    dosages = np.insert(block.dosages, where, added, axis=1)
    payload = None if block.payload is None else _payload(block.payload, added, like, where)
    return Block(block.variants, dosages, payload), np.insert(marked, where, added, axis=1)


def _payload(
    payload: object, added: Dosages, like: npt.NDArray[np.int64], where: npt.NDArray[np.int64]
) -> object:
    if isinstance(payload, tuple):  # PLINK 2: alleles and whether they are phased
        alleles, phased = payload
        pairs = alleles.reshape(alleles.shape[0], -1, 2)
        rows = np.arange(pairs.shape[0])[:, None]
        bare = np.stack([added == 2, added >= 1], axis=2).astype(alleles.dtype)
        bare[added < 0] = -9
        new = np.where((like >= 0)[:, :, None], pairs[rows, like], bare)
        phase = np.where(like >= 0, phased[rows, like], False)
        wide = np.insert(pairs, where, new, axis=1)
        return wide.reshape(wide.shape[0], -1).copy(), np.insert(phased, where, phase, axis=1)
    assert isinstance(payload, list)
    if payload and isinstance(payload[0], bytes):
        return [_line(*one, where) for one in zip(payload, added, like, strict=True)]
    return [(name, _likely(p, a, b, where)) for (name, p), a, b in zip(payload, added, like, strict=True)]


def _line(line: bytes, calls: Dosages, like: npt.NDArray[np.int64], where: npt.NDArray[np.int64]) -> bytes:
    cells = line.rstrip(b"\r\n").split(b"\t")
    people = cells[9:]
    bare = {0: b"0/0", 1: b"0/1", 2: b"1/1"}
    new = [
        people[at] if at >= 0 else bare.get(int(call), b"./.") for call, at in zip(calls, like, strict=True)
    ]
    whole = np.insert(np.array(people, dtype=object), where, np.array(new, dtype=object))
    return b"\t".join([*cells[:9], *whole.tolist()]) + b"\n"


def _likely(
    probabilities: npt.NDArray[np.float64],
    calls: Dosages,
    like: npt.NDArray[np.int64],
    where: npt.NDArray[np.int64],
) -> npt.NDArray[np.float64]:
    sure = np.zeros((calls.size, 3))
    known = calls >= 0
    sure[known, calls[known]] = 1.0
    sure[~known] = 1 / 3
    new = np.where((like >= 0)[:, None], probabilities[like], sure)
    return np.asarray(np.insert(probabilities, where, new, axis=0))


def with_people(file: GenotypeFile, where: npt.NDArray[np.int64]) -> GenotypeFile:
    """The same file with rows for canaries among the lists of its people, for its writer's lists of samples."""
    import copy

    wide: Any = copy.copy(file)
    names = [f"\x00canary{k}" for k in range(where.size)]

    def among(listed: Sequence[object], new: list[object]) -> list[object]:
        kept = np.empty(len(listed), dtype=object)
        kept[:] = list(listed)
        extra = np.empty(len(new), dtype=object)
        extra[:] = new
        return list(np.insert(kept, where, extra).tolist())

    wide.samples = [str(one) for one in among(file.samples, list(names))]
    if (people := getattr(file, "people", None)) is not None:
        columns = getattr(file, "psam_columns", ["FID", "IID", "PAT", "MAT"])
        wide.people = among(
            people,
            [
                _person(people[min(w, len(people) - 1)], columns, n)
                for w, n in zip(where.tolist(), names, strict=True)
            ],
        )
    if lines := getattr(file, "lines", None):
        body = lines[2:]
        copies: list[object] = [body[min(w, len(body) - 1)] for w in where.tolist()]
        wide.lines = [*lines[:2], *among(body, copies)]
    made: GenotypeFile = wide
    return made


def _person(like: Sequence[str], columns: Sequence[str], name: str) -> list[str]:
    """A founder whose other columns (sex) are those of the person at its side."""
    cells = list(like)
    for at, column in enumerate(columns[: len(cells)]):
        if column == "IID":
            cells[at] = name
        elif column == "FID":
            cells[at] = name if cells[at] != "0" else "0"
        elif column in ("PAT", "MAT", "SID"):
            cells[at] = "0"
    return cells
