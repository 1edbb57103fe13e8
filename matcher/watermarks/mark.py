"""`mark_release`: a marked copy for one recipient, in the formats of its inputs, streamed.

What detection needs is kept under COHORT/marks/ (see `roster`): the source as it was, and who got what.
The marked copy itself is kept nowhere: it can be made again from source and key.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from matcher.errors import BadSourceFile
from matcher.watermarks import genotype_source
from matcher.watermarks import phenotypes as tables
from matcher.watermarks.added import Added, added_canaries
from matcher.watermarks.canaries import (
    joined,
    with_people,
)
from matcher.watermarks.codes import DIGIT_RATES
from matcher.watermarks.commitment import manifest_digest, sign_manifest
from matcher.watermarks.genotype_files import open_genotypes, turned, variants_per_block
from matcher.watermarks.genotype_marks import mark_block, mark_seconds
from matcher.watermarks.pseudonyms import Design, pseudonyms
from matcher.watermarks.roster import (
    Roster,
    digest_of,
    manifest_file,
    plain_id,
    release_file,
    sealing_key,
    source_file,
)
from matcher.watermarks.sealed import SealedReader, SealedWriter
from matcher.watermarks.units import chromosome_word, cohort_key, derive, recipient_key, sip_key

VERSION = 2
"""Of the committed analysis: releases of version 1 are scored without steps, as was committed to for them."""
NewIds = Callable[[npt.NDArray[np.int64]], list[str]]


@dataclass(frozen=True, slots=True)
class MarkedFile:
    """One file of the marked copy, and the digest of the source that it was made from."""

    path: Path
    sha256: str
    source_sha256: str
    kind: str
    """`phenotypes`, `genotypes`, or `beside` for the other files of a set."""
    rows_count: int
    changed_count: int
    places: npt.NDArray[np.int64] | None = field(default=None, repr=False, compare=False)
    """Of genotypes, which sample of the source each sample is; -1 for canaries."""


@dataclass(frozen=True, slots=True)
class MarkedRelease:
    """What was handed over."""

    files: tuple[MarkedFile, ...]
    ids_file: Path
    """The bridge `participant,release_id`: read it to register the release, then call `forget_ids`."""
    ids_count: int
    manifest: dict[str, Any] = field(default_factory=dict)

    def of_kind(self, kind: str) -> list[Path]:
        """The marked files of `genotypes` (one of each set) or `phenotypes`."""
        return [one.path for one in self.files if one.kind == kind]

    def forget_ids(self) -> None:
        """Removes the bridge, which holds participants' ids; it can be made again from the key."""
        self.ids_file.unlink(missing_ok=True)


def mark_release(
    *,
    cohort_folder: Path,
    release: str,
    recipient: str,
    genotypes: Sequence[Path],
    phenotypes: Sequence[Path],
    out: Path,
    key: bytes,
    id_column: str | None = None,
    canaries: int = 0,
    donors: Path | None = None,
    protected: Iterable[tuple[str, int]] = (),
    id_design: Design = "10-digit",
) -> MarkedRelease:
    """Writes marked copies into `out` and keeps what detection needs in the cohort's folder.

    `key` is `MatchingKeys.marks`. `donors` is a genotype file of people who are in no release, from whom canaries are
    copied. `protected` are variants, (chromosome, position), that must not be touched.

    Raises:
        BadSourceFile: a file that cannot be marked, or an `out` that is not empty.
    """
    if canaries and genotypes and donors is None:
        raise BadSourceFile(
            "canaries are copied from people who are in no release; give their genotypes with --donors"
        )
    _check(out, [*genotypes, *phenotypes])
    roster = Roster.read(cohort_folder, key)
    before = roster.units.size
    release_key = sip_key(derive(key, "release", release, recipient, "ids"))
    bridge: dict[str, str] = {}
    added = added_canaries(
        canaries,
        release,
        recipient,
        [*genotypes],
        phenotypes,
        id_column,
        roster,
        release_key,
        id_design,
        donors,
    )

    def new_ids(numbers: npt.NDArray[np.int64]) -> list[str]:
        return pseudonyms(numbers, release_key, id_design)

    guarded = frozenset((chromosome_word(one), position) for one, position in protected)
    files: list[MarkedFile] = []
    sources: list[str] = []
    for path in phenotypes:
        made = _mark_table(cohort_folder, path, out, roster, recipient, id_column, new_ids, bridge, added)
        files.append(made)
        sources.append(made.source_sha256)
    for path in genotypes:
        some = _mark_genotypes(cohort_folder, path, out, roster, recipient, guarded, new_ids, bridge, added)
        files += some
        sources.append(some[0].source_sha256)
    if roster.units.size != before:
        roster.write(cohort_folder)
    kept = {
        "version": VERSION,
        "release": release,
        "recipient": recipient,
        "sources": sources,
        "design": id_design,
        "participants": int(roster.units.size),
        "canaries": added.record,
    }
    committed = _committed(cohort_folder, files, guarded, id_design)
    signed = keep_release(cohort_folder, key, kept, committed)
    ids_file = _write_bridge(release_file(cohort_folder, release).with_suffix(".ids.csv"), bridge)
    manifest = {
        "marks_version": VERSION,
        "id_design": id_design,
        "canaries": canaries,
        "commitment_sha256": manifest_digest(signed),
        "files": [
            {
                "name": one.path.name,
                "sha256": one.sha256,
                "rows": one.rows_count,
                "source_sha256": one.source_sha256,
            }
            for one in files
        ],
    }
    return MarkedRelease(tuple(files), ids_file, len(bridge), manifest)


def keep_release(
    cohort_folder: Path, key: bytes, kept: dict[str, Any], committed: dict[str, Any]
) -> dict[str, Any]:
    """Writes who got what (`kept`, sealed) and the signed commitment beside it; answers the latter."""
    release, recipient = str(kept["release"]), str(kept["recipient"])
    with SealedWriter(release_file(cohort_folder, release), sealing_key(key)) as sealed:
        sealed.json("release", kept)
    signed = sign_manifest(key, release, recipient, committed)
    manifest_file(cohort_folder, release).write_text(json.dumps(signed, indent=1) + "\n", encoding="ascii")
    return signed


def _committed(
    cohort_folder: Path, files: Sequence[MarkedFile], guarded: frozenset[tuple[str, int]], design: Design
) -> dict[str, Any]:
    """What the commitment says beside the keys: parameters, the protected list's digest, digests of all files."""
    return {
        "version": VERSION,
        "cohort": cohort_folder.name,
        "id_design": design,
        "digit_rates": DIGIT_RATES.as_json(),
        "protected_sha256": genotype_source.protected_digest(guarded),
        "files": [
            {
                "name": one.path.name,
                "sha256": one.sha256,
                "source": one.source_sha256,
                "kind": one.kind,
                "rows": one.rows_count,
            }
            for one in files
        ],
    }


def _check(out: Path, files: Sequence[Path]) -> None:
    if not files:
        raise BadSourceFile("there is nothing to mark; give --genotypes or --phenotypes")
    for file in files:
        if not file.is_file():
            raise BadSourceFile(f"{file} is not a file that can be read; check the path")
    if len({file.name for file in files}) < len(files):
        raise BadSourceFile("two files have the same name, so their copies would too; rename one")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise BadSourceFile(f"{out} is not an empty folder; name one that does not exist yet")
    out.mkdir(parents=True, exist_ok=True, mode=0o700)


def _mark_table(
    cohort_folder: Path,
    path: Path,
    out: Path,
    roster: Roster,
    recipient: str,
    id_column: str | None,
    new_ids: NewIds,
    bridge: dict[str, str],
    added: Added,
) -> MarkedFile:
    layout = tables.layout_of(path, id_column)
    digest = tables.keep_source(cohort_folder, path, layout, roster)
    reader = SealedReader(source_file(cohort_folder, digest), sealing_key(roster.master))
    for batch in tables.batches(path, layout):
        ids = tables.plain_ids(batch, layout)
        bridge.update(zip(ids, new_ids(roster.numbers(ids)), strict=True))
    fields = tables.source_fields(reader)
    extra = added.rows(path, layout, fields, digest, int(reader.array("people").size))
    rows, changed = tables.write_marked(
        path,
        out / path.name,
        layout,
        fields=fields,
        roster=roster,
        recipient=recipient,
        new_ids=new_ids,
        extra=extra,
        where=added.where(int(reader.array("people").size)),
    )
    return MarkedFile(out / path.name, digest_of(out / path.name), digest, "phenotypes", rows, changed)


def _mark_genotypes(
    cohort_folder: Path,
    path: Path,
    out: Path,
    roster: Roster,
    recipient: str,
    protected: frozenset[tuple[str, int]],
    new_ids: NewIds,
    bridge: dict[str, str],
    added: Added,
) -> list[MarkedFile]:
    file = open_genotypes(path)
    digest, rows = genotype_source.keep_source(cohort_folder, file, roster, protected)
    source = genotype_source.GenotypeSource.open(
        source_file(cohort_folder, digest), sealing_key(roster.master)
    )
    key0 = cohort_key(roster.master, "genotypes")
    key = recipient_key(roster.master, recipient, "genotypes")
    ids = new_ids(source.people)
    bridge.update(zip(map(plain_id, file.samples), ids, strict=True))
    people = roster.units[source.people]
    changed = 0
    target = out / file.path.name
    where = added.where(people.size)
    places = np.insert(np.arange(people.size), where, -1)
    calls = added.calls(cohort_folder, digest, source, file.samples, roster)
    with with_people(file, where).writer(
        target, np.insert(np.array(ids, dtype=object), where, added.ids).tolist()
    ) as writer:
        blocks = genotype_source.with_halo(file.blocks(variants_per_block(people.size)))
        for i, one in enumerate(blocks):
            units = source.units[source.starts[i] : source.starts[i + 1]]
            if source.imputed:
                own = one.dosages[one.first : one.first + units.size]
                marked, count = mark_seconds(own, source.seconds(i), units, people, key0, key, source.rates)
            else:
                marked, count = mark_block(
                    one.dosages,
                    one.first,
                    source.model(i),
                    units,
                    people,
                    key0,
                    key,
                    source.rates,
                    source.kin,
                )
            block, marked = one.block, turned(marked, one.block.variants)
            if calls is not None:
                here = turned(calls[source.starts[i] : source.starts[i + 1]], block.variants)
                block, marked = joined(block, marked, here, where, added.key)
            writer.write(block, marked)
            changed += count
    several = len(file.parts()) > 1
    made = [target.with_suffix(part.suffix) if several else target for part in file.parts()]
    kinds = ["genotypes", *["beside"] * (len(made) - 1)]
    return [
        MarkedFile(one, digest_of(one), digest, kind, rows, changed, places)
        for one, kind in zip(made, kinds, strict=True)
    ]


def _write_bridge(path: Path, bridge: dict[str, str]) -> Path:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["participant", "release_id"])
        rows.writerows([one, code] for code, one in sorted((code, one) for one, code in bridge.items()))
    return path
