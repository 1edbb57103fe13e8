"""Columns that a release has from its cohort: which of the cohort's, and which record of the cohort each record is.

A release's index keeps no cells of such a column, only where it differs. `records.npy` says for every record of the
release which record of the cohort it is: -1 for nobody's that is known, and -2 less the record where it was withdrawn
from the release. Column C with cells of its own has them in the files of `coded_columns`, for the records that
`apart_C.npy` names, in order. So the cohort's cells are on the disk once, and who is withdrawn from the cohort is
withdrawn from what is shared.

`cohort` in `columns.json` says where the cohort's index is, from the release's own folder, and its stamp, which is
drawn anew whenever that index is built: a release never reads from an index other than the one it was compared with.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from matcher.publishing import replace_file
from matcher.tables.coded_columns import Codes, empty_column, narrowest, replace_array

RECORDS_FILE = "records.npy"
STAMP_FILE = "stamp"

Records = npt.NDArray[np.signedinteger[Any]]


@dataclass(frozen=True, slots=True)
class SharedColumn:
    """Where a column's cells are: the cohort's column, and whether some records have cells of their own."""

    column: int
    has_apart: bool


def stamped(folder: Path) -> str:
    """The stamp of the index in this folder, drawn now if it has none."""
    held = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)  # two releases that are added at a time get one stamp
        stamp = stamp_of(folder)
        if stamp is None:
            stamp = secrets.token_hex(16)
            replace_file(folder / STAMP_FILE, stamp.encode())
        return stamp
    finally:
        os.close(held)


def stamp_of(folder: Path) -> str | None:
    """The stamp of the index in this folder, or None where no release shares with it."""
    path = folder / STAMP_FILE
    return path.read_text(encoding="ascii") if path.exists() else None


def reference(folder: Path, cohort: Path) -> dict[str, str]:
    """What an index in `folder` writes down of the cohort's index that it shares with."""
    return {"folder": os.path.relpath(cohort, folder), "stamp": stamped(cohort)}


def cohort_of(folder: Path, said: Mapping[str, str]) -> Path | None:
    """The cohort's index that the one in `folder` shares with; None if it is there no more, or was built anew since."""
    cohort = Path(os.path.normpath(folder / said["folder"]))
    return cohort if stamp_of(cohort) == said["stamp"] else None


def linked(folder: Path) -> Records:
    """By record of the release in this folder, the cohort's; also where it was withdrawn."""
    records: Records = np.load(folder / RECORDS_FILE, allow_pickle=False)
    return np.where(records < -1, -2 - records, records)


def codes_through(
    codes: Codes, distinct: int, records: Records, apart: tuple[Records, Codes] | None, own_distinct: int
) -> Codes:
    """The cohort's codes by record of the release; numbers from `distinct` on are of the cells that are its own.

    With `values_with` they give the same cells as an index of its own.
    """
    through = codes[np.maximum(records, 0)]
    through[records < 0] = 0
    if apart is None:
        return through
    through = through.astype(narrowest(distinct + own_distinct))
    at, own = apart
    through[at] = np.where(own == 0, 0, own.astype(np.int64) + distinct - 1)
    return through


def values_with(values: npt.NDArray[np.uint32], own: npt.NDArray[np.uint32] | None) -> npt.NDArray[np.uint32]:
    """The hash behind each number of `codes_through`."""
    return values if own is None else np.concatenate([values, own[1:]])


def empty_apart(folder: Path, at: int, tags: list[int], records: npt.NDArray[np.int64]) -> None:
    """Empties what these records have of their own in a shared column."""
    places = np.flatnonzero(np.isin(np.load(folder / f"apart_{at}.npy", allow_pickle=False), records))
    if places.size:
        empty_column(folder, at, tags, places)


def unlink_records(folder: Path, records: npt.NDArray[np.int64]) -> None:
    """Reads these records from the cohort no more; whose they were is kept, to withdraw again by the same ids."""
    held: Records = np.load(folder / RECORDS_FILE, allow_pickle=False)
    held[records] = np.where(held[records] >= 0, -2 - held[records], held[records])
    replace_array(folder / RECORDS_FILE, held)
