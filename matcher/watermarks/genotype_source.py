"""The source's calls, sealed: written once a file, read by marker (models) and detector (calls and models).

Blocks are packed in two bits a call, in the file's order. A block's neighbours reach `HALO` variants
into the blocks beside it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from matcher.watermarks.budget import spread_marks
from matcher.watermarks.codes import Rates, ambiguous_rates
from matcher.watermarks.genotype_files import Block, GenotypeFile, turned, variants_per_block
from matcher.watermarks.plausible import HALO, TRAINING_SAMPLE, Model, eligible_shares, train
from matcher.watermarks.roster import Roster, digest_of, sealing_key, source_file
from matcher.watermarks.sealed import SealedReader, SealedWriter
from matcher.watermarks.units import chromosome_word

Dosages = npt.NDArray[np.int8]
LEAST_AMBIGUOUS = 0.005
"""The share of ambiguous calls from which a file counts as imputed."""


@dataclass(slots=True)
class WithHalo:
    """A block with the neighbours on its sides; the block's rows begin at `first`."""

    block: Block
    dosages: Dosages
    first: int


def with_halo(blocks: Iterable[Block]) -> Iterator[WithHalo]:
    """Blocks in canonical coding, each with the ends of its neighbours; holds two blocks at most."""
    previous: Dosages | None = None
    waiting: tuple[Block, Dosages] | None = None
    for block in blocks:
        calls = turned(block.dosages, block.variants)
        if waiting is not None:
            yield _joined(previous, waiting, calls)
            previous = waiting[1][-HALO:].copy()
        waiting = (block, calls)
    if waiting is not None:
        yield _joined(previous, waiting, None)


def _joined(previous: Dosages | None, waiting: tuple[Block, Dosages], following: Dosages | None) -> WithHalo:
    before = previous if previous is not None else waiting[1][:0]
    after = following[:HALO] if following is not None else waiting[1][:0]
    return WithHalo(
        waiting[0], np.ascontiguousarray(np.concatenate([before, waiting[1], after])), before.shape[0]
    )


def keep_source(
    cohort_folder: Path, file: GenotypeFile, roster: Roster, protected: frozenset[tuple[str, int]]
) -> tuple[str, int]:
    """Writes what marks are read against, unless it is kept already; answers the digest and the variants' count."""
    digest = source_digest(file.path, protected)
    place = source_file(cohort_folder, digest)
    key = sealing_key(roster.master)
    if place.exists():
        return digest, int(SealedReader(place, key).json("meta")["variants"])
    samples = roster.numbers(file.samples)
    sample, apart = samples_for_training(samples.size)
    shares, counts, frequencies = [], [], []
    ambiguous = 0
    units: list[int] = []
    places: list[tuple[str, int, str, str, str]] = []
    with SealedWriter(place, key) as out:
        for i, one in enumerate(with_halo(file.blocks(variants_per_block(samples.size)))):
            variants = one.block.variants
            mine = [variant.unit for variant in variants]
            never = np.array(
                [
                    not variant.autosomal
                    or (chromosome_word(variant.chromosome), variant.position) in protected
                    for variant in variants
                ]
            )
            last = one.first + len(variants)
            model = train(np.ascontiguousarray(one.dosages[:, sample]), one.first, last, never)
            share, frequency = eligible_shares(one.dosages[:, apart], one.first, model)
            shares.append(share)
            frequencies.append(frequency)
            counts.append(len(variants))
            units += mine
            places += [
                (
                    v.chromosome,
                    v.position,
                    v.name,
                    min(v.a.upper(), v.b.upper()),
                    max(v.a.upper(), v.b.upper()),
                )
                for v in variants
            ]
            out.array(f"calls/{i}", packed(one.dosages[one.first : last]))
            if one.block.seconds is not None:
                seconds = turned(one.block.seconds, variants).copy()
                seconds[never] = -1
                seconds[:, file.kin] = -1
                ambiguous += int((seconds >= 0).sum())
                out.array(f"seconds/{i}", packed(seconds))
            for name in ("offsets", "weights", "means", "steps"):
                out.array(f"{name}/{i}", getattr(model, name))
        eligible = np.concatenate([*shares, np.zeros(0)])
        spread, densities, changed = spread_marks(
            eligible, np.concatenate([*frequencies, np.zeros(0)]), eligible.size * samples.size
        )
        out.array("densities", densities)
        out.array("people", samples)
        out.array("kin", file.kin)
        out.array("units", np.array(units, dtype=np.uint64))
        out.json("places", places)
        out.json("kind", "genotypes")
        meta = {
            "variants": len(units),
            "blocks": counts,
            "share": float(eligible.mean() if eligible.size else 0),
        }
        even = ambiguous / max(1, len(units) * samples.size)
        imputed = even >= LEAST_AMBIGUOUS
        rates = ambiguous_rates(even) if imputed else spread
        meta |= {"imputed": imputed, "ambiguous": even, "changed": changed, "rates": rates.as_json()}
        out.json("meta", meta)
    return digest, len(units)


def samples_for_training(count: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Participants to learn from, and those to count eligible cells in: all, or as many others."""
    if count <= 2 * TRAINING_SAMPLE:
        return np.unique(np.linspace(0, count - 1, min(count, TRAINING_SAMPLE)).astype(np.int64)), np.arange(
            count
        )
    both = np.linspace(0, count - 1, 2 * TRAINING_SAMPLE).astype(np.int64)
    return both[::2], both[1::2]


def source_digest(path: Path, protected: frozenset[tuple[str, int]]) -> str:
    """Names a source together with its protected list: another list is another source."""
    digest = digest_of(path)
    if not protected:
        return digest
    return hashlib.sha256(f"{digest}|{protected_digest(protected)}".encode()).hexdigest()


def protected_digest(protected: frozenset[tuple[str, int]]) -> str:
    return hashlib.sha256("\n".join(f"{c}:{p}" for c, p in sorted(protected)).encode()).hexdigest()


@dataclass(slots=True)
class GenotypeSource:
    """The sealed source, opened."""

    reader: SealedReader
    people: npt.NDArray[np.int64]
    kin: npt.NDArray[np.bool_]
    units: npt.NDArray[np.uint64]
    rates: Rates
    starts: npt.NDArray[np.int64]
    """The first variant of every block, and the end."""
    densities: npt.NDArray[np.uint8]
    imputed: bool
    """True where ambiguous calls carry the marks, instead of calls that are plausible given their neighbours."""

    @classmethod
    def open(cls, place: Path, key: bytes) -> GenotypeSource:
        reader = SealedReader(place, key)
        meta: dict[str, Any] = reader.json("meta")
        units = reader.array("units")
        # sources that were kept by version 1 have one density for all
        densities = reader.array("densities") if "densities" in reader else np.zeros(units.size, np.uint8)
        return cls(
            reader,
            reader.array("people"),
            reader.array("kin"),
            units,
            Rates.from_json(meta["rates"]),
            np.concatenate([[0], np.cumsum(meta["blocks"])]).astype(np.int64),
            densities,
            bool(meta["imputed"]),
        )

    @property
    def blocks_count(self) -> int:
        return self.starts.size - 1

    def places(self) -> list[tuple[str, int, str, str, str]]:
        return [(c, p, name, low, high) for c, p, name, low, high in self.reader.json("places")]

    def model(self, block: int) -> Model:
        read = self.reader.array
        return Model(
            read(f"offsets/{block}"),
            read(f"weights/{block}"),
            read(f"means/{block}"),
            read(f"steps/{block}"),
            self.densities[self.starts[block] : self.starts[block + 1]],
        )

    def calls(self, block: int, columns: npt.NDArray[np.int64] | None = None) -> Dosages:
        """Calls of one block for some of its samples, or all."""
        return unpacked(self.reader.array(f"calls/{block}"), self.people.size, columns)

    def seconds(self, block: int, columns: npt.NDArray[np.int64] | None = None) -> Dosages:
        """The ambiguous calls of one block: the second call, or -1."""
        return unpacked(self.reader.array(f"seconds/{block}"), self.people.size, columns)

    def with_halo(self, block: int, columns: npt.NDArray[np.int64]) -> tuple[Dosages, int]:
        """The block's calls with its halo, and the row where the block begins."""
        parts = [self.calls(block, columns)]
        before = 0
        if block > 0:
            parts.insert(0, self.calls(block - 1, columns)[-HALO:])
            before = parts[0].shape[0]
        if block + 1 < self.blocks_count:
            parts.append(self.calls(block + 1, columns)[:HALO])
        return np.ascontiguousarray(np.concatenate(parts)), before


def packed(dosages: Dosages) -> npt.NDArray[np.uint8]:
    codes = (dosages & 3).astype(np.uint8)
    codes = np.pad(codes, ((0, 0), (0, -codes.shape[1] % 4)))
    four = codes.reshape(codes.shape[0], -1, 4)
    return np.asarray(four[:, :, 0] | four[:, :, 1] << 2 | four[:, :, 2] << 4 | four[:, :, 3] << 6)


def unpacked(raw: npt.NDArray[np.uint8], count: int, columns: npt.NDArray[np.int64] | None) -> Dosages:
    at = np.arange(count) if columns is None else columns
    codes = (raw[:, at >> 2] >> ((at & 3) << 1).astype(np.uint8)) & 3
    return np.where(codes == 3, -1, codes).astype(np.int8)
