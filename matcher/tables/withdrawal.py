"""Empties the rows of participants who withdrew, in a cohort's index or a release's, so that they match no more."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from matcher.prf import subkey
from matcher.sketches import MatchingKeys
from matcher.tables.cell_ids import hashes_of_cells
from matcher.tables.enrol import HASHES_FILE, IDS_FOLDER, PARTICIPANTS_FILE, RECORDS_FILE, ROWS_FOLDER
from matcher.tables.row_index import open_index, withdraw
from matcher.tables.row_keys import records_of


def withdraw_rows(folder: Path, ids: Iterable[str], keys: MatchingKeys) -> int:
    """Empties every record of these participants; how many of them the index of rows in this folder holds."""
    rows = folder / ROWS_FOLDER
    if open_index(rows) is None or not (rows / PARTICIPANTS_FILE).exists():
        return 0
    known = np.load(folder / IDS_FOLDER / HASHES_FILE, allow_pickle=False)
    behind = np.load(folder / IDS_FOLDER / RECORDS_FILE, allow_pickle=False)
    hashes = hashes_of_cells(subkey(keys.ids, "ids"), list(ids))
    people = np.unique(records_of(hashes, known, behind))
    people = people[people >= 0]
    records = np.flatnonzero(np.isin(np.load(rows / PARTICIPANTS_FILE, allow_pickle=False), people))
    if records.size:
        withdraw(rows, records)
    return int(people.size)
