"""Empties the rows of participants who withdrew, in a cohort's index or a release's, so that they match no more.

What a release shares with its cohort is emptied with the cohort's; what it has of its own, with the release's. A
release that shares knows whose its records are, so that the cohort's ids reach them though it has ids of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from matcher.prf import subkey
from matcher.sketches import MatchingKeys
from matcher.tables.cell_ids import hashes_of_cells
from matcher.tables.enrol import HASHES_FILE, IDS_FOLDER, PARTICIPANTS_FILE, RECORDS_FILE, ROWS_FOLDER
from matcher.tables.row_index import cohort_behind, withdraw
from matcher.tables.row_keys import records_of
from matcher.tables.shared_columns import linked


def withdraw_rows(folder: Path, ids: Iterable[str], keys: MatchingKeys) -> int:
    """Empties every record of these participants; how many of them the index of rows in this folder holds."""
    rows = folder / ROWS_FOLDER
    if not (rows / "columns.json").exists() or not (rows / PARTICIPANTS_FILE).exists():
        return 0
    hashes = hashes_of_cells(subkey(keys.ids, "ids"), list(ids))
    participants = np.load(rows / PARTICIPANTS_FILE, allow_pickle=False)
    people = _people(folder, hashes)
    cohort = cohort_behind(rows)
    if cohort is not None:  # where it is not the one that was shared with, nothing of it is read either
        of_cohort = np.load(cohort / PARTICIPANTS_FILE, allow_pickle=False)
        theirs = np.flatnonzero(np.isin(of_cohort, _people(cohort.parent, hashes)))
        people = np.union1d(people, participants[np.isin(linked(rows), theirs)])
        people = people[people >= 0]
    records = np.flatnonzero(np.isin(participants, people))
    if records.size:
        withdraw(rows, records)
    return int(people.size)


def _people(folder: Path, hashes: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    """The numbers of the participants with these ids."""
    known = np.load(folder / IDS_FOLDER / HASHES_FILE, allow_pickle=False)
    behind = np.load(folder / IDS_FOLDER / RECORDS_FILE, allow_pickle=False)
    people = np.unique(records_of(hashes, known, behind))
    return people[people >= 0]
