"""Writes the indexes of a cohort or a release from its phenotype files and lists of ids.

Under the folder that it is handed: `ids/` (keyed hashes of the ids, and how densely they lie) and `rows/` (keyed
hashes of the cells, see `row_index`). Nothing else of the files is kept. A cohort's own participants' ids are a set
like those of its releases.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from matcher.errors import BadSourceFile
from matcher.prf import subkey
from matcher.sketches import MatchingKeys
from matcher.tables.id_space import measure
from matcher.tables.row_index import SourceFile, build
from matcher.tables.sources import ID_COLUMNS, id_column_of, read_batches, read_columns
from matcher.tables.spellings import is_id_name
from matcher.tables.tokens import tokens_of_ids

IDS_FOLDER = "ids"
ROWS_FOLDER = "rows"
PARTICIPANT_COLUMN = "participant"
RELEASE_ID_COLUMN = "release_id"


@dataclass(frozen=True, slots=True)
class TablesEnrolled:
    """What a cohort's phenotype files held."""

    participants_count: int
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReleaseTablesEnrolled:
    """What a release's list of ids and phenotype files held."""

    ids_count: int
    columns: tuple[str, ...] = ()


def enrol_cohort(
    folder: Path, files: Sequence[Path], id_column: str | None, keys: MatchingKeys
) -> TablesEnrolled:
    """Indexes a cohort's participants: their ids and their values.

    Raises:
        BadSourceFile: a file is no table, or has no column of ids.
    """
    ids, columns = _enrol_tables(folder, files, id_column, keys)
    enrol_ids(folder, ids, keys)
    return TablesEnrolled(len(ids), columns)


def enrol_release(
    folder: Path,
    cohort_folder: Path,  # noqa: ARG001 - where what releases share may be kept once
    *,
    ids: Path | None,
    files: Sequence[Path],
    id_column: str | None,
    keys: MatchingKeys,
) -> ReleaseTablesEnrolled:
    """Indexes what one release held: its ids (from the list, else from its files) and its values.

    Raises:
        BadSourceFile: a file is no table or no list, or has no ids.
    """
    listed = read_ids(ids) if ids is not None else []
    seen: list[str] = []
    columns: tuple[str, ...] = ()
    if files:
        seen, columns = _enrol_tables(folder, files, id_column, keys)
    count = enrol_ids(folder, listed or seen, keys) if listed or seen else 0
    return ReleaseTablesEnrolled(count, columns)


def enrol_ids(folder: Path, ids: Iterable[str], keys: MatchingKeys) -> int:
    """Writes the keyed set of these ids; how many there are."""
    tokens, words = tokens_of_ids(subkey(keys.ids, "ids"), ids)
    if not tokens.count:
        return 0
    place = folder / IDS_FOLDER
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    np.save(place / "hashes.npy", np.sort(tokens.hashes), allow_pickle=False)
    measure(tokens, words).save(place)
    return tokens.count


def read_ids(path: Path) -> list[str]:
    """A release's ids: one a line, or the `release_id` column of a CSV.

    Raises:
        BadSourceFile: the file is empty or no text.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BadSourceFile(
            f"{path.name} cannot be read as a list of ids; give text, one id a line"
        ) from error
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        raise BadSourceFile(f"{path.name} holds no ids; give one id a line, or participant,release_id")
    head = [name.strip().lower() for name in next(csv.reader([lines[0]]))]
    usual = {name.lower() for name in ID_COLUMNS}
    if RELEASE_ID_COLUMN in head:
        at = head.index(RELEASE_ID_COLUMN)
        rows = csv.reader(lines[1:])
        return [row[at].strip() for row in rows if len(row) > at and row[at].strip()]
    if len(head) > 1:
        raise BadSourceFile(
            f"{path.name} has {len(head)} columns, none named release_id; give one id a line, or participant,release_id"
        )
    return lines[1:] if head[0] in usual | {"id", "ids", PARTICIPANT_COLUMN} else lines


def _enrol_tables(
    folder: Path, files: Sequence[Path], id_column: str | None, keys: MatchingKeys
) -> tuple[list[str], tuple[str, ...]]:
    """Indexes the values of these files; the distinct ids in order, and the names of the other columns.

    Files with one row a participant are put side by side; of a file with several, each row is a record of its own.
    """
    ids: dict[str, int] = {}
    columns: dict[str, None] = {}
    read: list[tuple[Path, tuple[str, ...], list[int]]] = []
    for file in files:
        names = read_columns(file)
        column = id_column_of(names, id_column)
        if column is None:
            wanted = id_column or ", ".join(ID_COLUMNS)
            raise BadSourceFile(
                f"{file.name} has no column of participants named {wanted}; say which with --id-column"
            )
        others = tuple(
            dict.fromkeys(name for name in names if name and not is_id_name(name) and name != column)
        )
        columns |= dict.fromkeys(others)
        people = [
            ids.setdefault(one.strip(), len(ids)) if one else -1
            for batch in read_batches(file, [column])
            for one in batch.column(0).to_pylist()
        ]
        read.append((file, others, people))
    if not ids:
        raise BadSourceFile(f"{files[0].name} has no rows; give a file with participants")
    records_count = len(ids)
    sources = []
    for file, others, people in read:
        places = np.array(people, dtype=np.int64)
        if len(set(people)) < len(people) or -1 in people:
            places = np.arange(records_count, records_count + len(people))
            records_count += len(people)
        sources.append(SourceFile(file, others, places))
    if columns:
        build(folder / ROWS_FOLDER, sources, records_count, subkey(keys.values, "cells"))
    return list(ids), tuple(columns)
