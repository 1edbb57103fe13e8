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

from matcher.genotypes import planes
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
            out.rows(f"calls/{i}", planes.packed(one.dosages[one.first : last]))
            if one.block.seconds is not None:
                seconds = turned(one.block.seconds, variants).copy()
                seconds[never] = -1
                seconds[:, file.kin] = -1
                ambiguous += int((seconds >= 0).sum())
                out.rows(f"seconds/{i}", planes.packed(seconds))
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

    def before(self, block: int) -> int:
        """How many variants of the block before it are in a block's halo."""
        return int(min(HALO, self.starts[block] - self.starts[block - 1])) if block else 0

    def packed_rows(self, at: npt.NDArray[np.int64], kind: str = "calls") -> npt.NDArray[np.uint8]:
        """Variants by their place in the source, two bits a call; `seconds` are the ambiguous ones' second calls."""
        out = np.empty((at.size, (self.people.size + 3) // 4), dtype=np.uint8)
        for where, rows in self._each_block(at, kind):
            out[where] = rows
        return out

    def calls(
        self, at: npt.NDArray[np.int64], columns: npt.NDArray[np.int64], kind: str = "calls"
    ) -> Dosages:
        """The same for some samples: variants × columns, -1 where missing (of `seconds`: where there is none)."""
        out = np.empty((at.size, columns.size), dtype=np.int8)
        for where, rows in self._each_block(at, kind):
            out[where] = unpacked(rows, columns)
        return out

    def seconds(self, block: int) -> Dosages:
        """The second calls of a whole block, for all samples."""
        rows = self.packed_rows(np.arange(self.starts[block], self.starts[block + 1]), "seconds")
        return planes.unpacked(rows, self.people.size)

    def _each_block(
        self, at: npt.NDArray[np.int64], kind: str
    ) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8]]]:
        which = np.searchsorted(self.starts, at, side="right") - 1
        for block in np.unique(which).tolist():
            where = np.flatnonzero(which == block)
            yield where, self.reader.rows(f"{kind}/{block}", at[where] - self.starts[block])


def unpacked(rows: npt.NDArray[np.uint8], columns: npt.NDArray[np.int64]) -> Dosages:
    """Calls of some samples of packed rows."""
    codes = (rows[:, columns >> 2] >> ((columns & 3) << 1).astype(np.uint8)) & 3
    return np.where(codes == 3, -1, codes).astype(np.int8)
