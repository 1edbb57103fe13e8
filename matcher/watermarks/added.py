"""The canaries of one release while it is marked: their ids, places, calls and rows, and what is kept of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from matcher.watermarks import phenotypes as tables
from matcher.watermarks.canaries import canary_calls, canary_key, keep_donors, places_among
from matcher.watermarks.canary_rows import canary_rows
from matcher.watermarks.digits import Field
from matcher.watermarks.genotype_files import open_genotypes
from matcher.watermarks.genotype_source import GenotypeSource
from matcher.watermarks.pseudonyms import Design, canary_ids, coded_id
from matcher.watermarks.roster import Roster
from matcher.watermarks.units import U64


@dataclass(slots=True)
class Added:
    """The canaries of one release, and what the detector will need of them."""

    key: U64
    ids: list[str]
    donors: Path | None
    record: dict[str, Any]

    def where(self, people: int) -> npt.NDArray[np.int64]:
        return places_among(self.key, len(self.ids), people)

    def rows(
        self, path: Path, layout: tables.Layout, fields: Sequence[Field], digest: str, rows: int
    ) -> tables.Batch | None:
        if not self.ids:
            return None
        made = canary_rows(path, layout, fields, self.key, len(self.ids), rows)
        self.record["tables"][digest] = made.record
        made.cells[layout.id_at] = self.ids
        if layout.family_at is not None:
            made.cells[layout.family_at] = self.ids
        return made.cells

    def calls(
        self,
        folder: Path,
        digest: str,
        source: GenotypeSource,
        samples: Sequence[str],
        roster: Roster,
    ) -> npt.NDArray[np.int8] | None:
        if not self.ids or self.donors is None:
            return None
        donors = keep_donors(folder, self.donors, digest, source.units, samples, roster)
        self.record["donors"][digest] = donors.digest
        return canary_calls(self.key, len(self.ids), source.units, source.places(), donors)


def added_canaries(
    count: int,
    release: str,
    recipient: str,
    genotypes: Sequence[Path],
    phenotypes: Sequence[Path],
    id_column: str | None,
    roster: Roster,
    release_key: U64,
    design: Design,
    donors: Path | None,
) -> Added:
    """Ids for canaries: all participants must be known first, so that two ids come before all others."""
    key = canary_key(roster.master, release, recipient)
    if not count:
        return Added(key, [], donors, {})
    numbers = [np.zeros(0, dtype=np.int64)]
    for path in phenotypes:
        layout = tables.layout_of(path, id_column)
        numbers += [roster.numbers(tables.plain_ids(one, layout)) for one in tables.batches(path, layout)]
    numbers += [roster.numbers(open_genotypes(path).samples) for path in genotypes]
    taken = np.unique(np.concatenate(numbers))
    ids, lowest = canary_ids(count, taken, release_key, key, design)
    known = [coded_id(one) for one in ids]
    record = {
        "ids": [str(one[1]) for one in known if one is not None],
        "lowest": lowest,
        "taken": int(taken.size),
        "tables": {},
        "donors": {},
    }
    return Added(key, ids, donors, record)
