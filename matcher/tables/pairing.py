"""Ids and values that belong together: a row with a release's id whose values are those of just that participant.

Null: the release did not contribute, and somebody who has its ids put them beside rows from elsewhere. Which id is
whose is known to the biobank and to the recipient alone, so the values of such rows agree with the participant behind
the id as rarely as they do when ids are shifted against rows; that rate is measured on the find itself and raised. An
id that another set of the cohort gives to the same participant (a release that keeps the cohort's own ids) says
nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log10

import numpy as np
import numpy.typing as npt

from matcher.sketches import EnrolledCohort, ReleaseEvidence
from matcher.tables.cells import Column, short
from matcher.tables.enrol import HASHES_FILE, IDS_FOLDER, RECORDS_FILE, ROWS_FOLDER
from matcher.tables.linkage import align_by_name
from matcher.tables.odds import log10_e_value
from matcher.tables.row_index import RowIndex, open_index
from matcher.tables.row_keys import records_of

LEAST_ROWS = 3
LEAST_CELLS = 2
LEAST_CHANCE = 0.005
SHIFTS = 20


@dataclass(frozen=True, slots=True)
class _Holder:
    """A set of ids with the record behind each, and the index that those records are in."""

    name: str
    hashes: npt.NDArray[np.uint64]
    records: npt.NDArray[np.int64]
    index: RowIndex


def pair(
    ids: Sequence[npt.NDArray[np.uint64]],
    columns: Sequence[Column],
    names: Sequence[tuple[str, int, int]],
    cohort: EnrolledCohort,
) -> list[ReleaseEvidence]:
    """What pairs of id and values say of each release; `ids` are the hashed cells of every column that may hold ids."""
    holders = _holders(cohort)
    evidence = []
    agreeing: dict[str, list[tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_], float]]] = {}
    for holder in holders:
        agreeing[holder.name] = [_agreement(holder, cells, columns, names) for cells in ids]
    for holder in holders:
        if not holder.name:
            continue
        best, why = 0.0, ""
        for at in range(len(ids)):
            agree, looked, chance = agreeing[holder.name][at]
            elsewhere = np.zeros(agree.size, dtype=bool)
            for other, found in agreeing.items():
                if other != holder.name:
                    elsewhere |= found[at][0]
            counted = looked & ~elsewhere
            if counted.sum() < LEAST_ROWS:
                continue
            hits = int((agree & counted).sum())
            odds = log10_e_value(np.full(hits, chance), int(counted.sum()) - hits) - log10(len(ids))
            if odds > best:
                best = odds
                why = (
                    f"{hits:,} of {int(counted.sum()):,} rows have the values of the participant behind their id of "
                    f"this release; ids put beside other rows would in at most {chance:.2g} of cases"
                )
        if best > 0:
            evidence.append(ReleaseEvidence(holder.name, best, beyond_ids=True, why=why))
    return evidence


def _agreement(
    holder: _Holder,
    ids: npt.NDArray[np.uint64],
    columns: Sequence[Column],
    names: Sequence[tuple[str, int, int]],
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_], float]:
    """By row: values agree with the record behind the id; id is known at all; and the chance of agreeing."""
    nothing = np.zeros(ids.size, dtype=bool)
    records = records_of(ids, holder.hashes, holder.records)
    known = records >= 0
    aligned = align_by_name(columns, names, holder.index)
    if known.sum() < LEAST_ROWS or len(aligned) < LEAST_CELLS:
        return nothing, nothing, 1.0
    rows = np.flatnonzero(known)
    find = [short(columns[one.find].hashes[one.tag])[rows] for one in aligned]
    source = [holder.index.cells_at(one.column, one.tag, records[rows]) for one in aligned]
    looked_rows, agree_rows = _compare(find, source, 0)
    looked, agree = nothing.copy(), nothing.copy()
    looked[rows], agree[rows] = looked_rows, agree_rows
    steps = np.unique(np.linspace(1, rows.size - 1, SHIFTS).astype(int))
    shifted = [_compare(find, source, step) for step in steps]
    total = sum(int(one.sum()) for one, _ in shifted)
    rate = sum(int(one.sum()) for _, one in shifted) / max(1, total)
    chance = max(LEAST_CHANCE, 3 * rate, 3.0 / max(1, total))
    return agree, looked, min(1.0, chance)


def _compare(
    find: Sequence[npt.NDArray[np.uint32]],
    source: Sequence[npt.NDArray[np.uint32]],
    step: int,
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """By row: whether enough cells are filled on both sides, and whether four in five of them agree.

    `source` is of the record behind each row's id, and shifted by `step` rows.
    """
    both = np.zeros(find[0].size, dtype=np.int64)
    same = np.zeros(find[0].size, dtype=np.int64)
    for cells, own in zip(find, source, strict=True):
        theirs = np.roll(own, step)
        filled = (cells != 0) & (theirs != 0)
        both += filled
        same += filled & (cells == theirs)
    looked = both >= LEAST_CELLS
    return looked, looked & (same >= 0.8 * both)


def _holders(cohort: EnrolledCohort) -> list[_Holder]:
    folders = [("", cohort.folder), *((one.name, one.folder) for one in cohort.releases)]
    holders = []
    for name, folder in folders:
        ids = folder / IDS_FOLDER
        if not (ids / RECORDS_FILE).exists():
            continue
        index = open_index(folder / ROWS_FOLDER) or open_index(cohort.folder / ROWS_FOLDER)
        if index is not None:
            hashes = np.load(ids / HASHES_FILE, mmap_mode="r", allow_pickle=False)
            records = np.load(ids / RECORDS_FILE, mmap_mode="r", allow_pickle=False)
            holders.append(_Holder(name, hashes, records, index))
    return holders
