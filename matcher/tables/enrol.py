"""Writes the indexes of a cohort or a release from its phenotype files and lists of ids.

Under the folder that it is handed: `ids/` (keyed hashes of the ids, and how densely they lie) and `rows/` (keyed
hashes of the cells, see `row_index`). Nothing else of the files is kept. A cohort's own participants' ids are a set
like those of its releases. What a release's files have from the cohort, for participants that are known by the
cohort's ids or by the list, is not written again (`sharing`).
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from matcher.errors import BadSourceFile
from matcher.prf import subkey
from matcher.sketches import MatchingKeys
from matcher.tables.cell_ids import hashes_of_cells
from matcher.tables.id_space import measure
from matcher.tables.row_index import SourceFile, build, open_index
from matcher.tables.row_keys import records_of
from matcher.tables.sharing import Sharing, records_behind
from matcher.tables.sources import ID_COLUMNS, id_column_of, read_batches, read_columns
from matcher.tables.spellings import is_id_name
from matcher.tables.tokens import tokens_of_ids

IDS_FOLDER = "ids"
ROWS_FOLDER = "rows"
HASHES_FILE = "hashes.npy"
RECORDS_FILE = "records.npy"
PARTICIPANTS_FILE = "participants.npy"
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
    tables = _read_tables(files, id_column)
    if tables.columns:
        build(folder / ROWS_FOLDER, tables.files, tables.participants.size, subkey(keys.values, "cells"))
        np.save(folder / ROWS_FOLDER / PARTICIPANTS_FILE, tables.participants, allow_pickle=False)
    enrol_ids(folder, tables.ids, keys, tables.ids)
    return TablesEnrolled(len(tables.ids), tables.columns)


def enrol_release(
    folder: Path,
    cohort_folder: Path,
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
    listed = read_ids(ids) if ids is not None else {}
    seen: dict[str, int] = {}
    columns: tuple[str, ...] = ()
    if files:
        tables = _read_tables(files, id_column)
        seen, columns = tables.ids, tables.columns
        if columns:
            sharing = _sharing(folder, cohort_folder, tables, listed, keys)
            count, key = tables.participants.size, subkey(keys.values, "cells")
            build(folder / ROWS_FOLDER, tables.files, count, key, sharing)
            np.save(folder / ROWS_FOLDER / PARTICIPANTS_FILE, tables.participants, allow_pickle=False)
    records: dict[str, int] | None
    if files and listed:
        known = {one: seen.get(one, seen.get(person or "")) for one, person in listed.items()}
        records = {one: record for one, record in known.items() if record is not None}
    elif files:
        records = seen
    else:
        records = _records_of(cohort_folder, listed, keys)
    count = enrol_ids(folder, listed or seen, keys, records) if listed or seen else 0
    return ReleaseTablesEnrolled(count, columns)


def enrol_ids(
    folder: Path, ids: Iterable[str], keys: MatchingKeys, records: Mapping[str, int] | None = None
) -> int:
    """Writes the keyed set of these ids, and the record of values behind each where it is known; how many there are."""
    ids = list(ids)
    tokens, words = tokens_of_ids(subkey(keys.ids, "ids"), ids)
    if not tokens.count:
        return 0
    place = folder / IDS_FOLDER
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    ordered = np.sort(tokens.hashes)
    np.save(place / HASHES_FILE, ordered, allow_pickle=False)
    measure(tokens, words).save(place)
    if records:
        behind = np.full(ordered.size, -1, dtype=np.int64)
        hashes = hashes_of_cells(subkey(keys.ids, "ids"), list(records))
        where = np.minimum(np.searchsorted(ordered, hashes), ordered.size - 1)
        kept = ordered[where] == hashes
        behind[where[kept]] = np.array(list(records.values()), dtype=np.int64)[kept]
        np.save(place / RECORDS_FILE, behind, allow_pickle=False)
    return tokens.count


def _records_of(
    cohort_folder: Path, listed: Mapping[str, str | None], keys: MatchingKeys
) -> dict[str, int] | None:
    """The cohort's record behind each release id, where the list says whose it is."""
    place = cohort_folder / IDS_FOLDER
    named = {one: person for one, person in listed.items() if person}
    if not named or not (place / RECORDS_FILE).exists():
        return None
    known = np.load(place / HASHES_FILE, allow_pickle=False)
    behind = np.load(place / RECORDS_FILE, allow_pickle=False)
    hashes = hashes_of_cells(subkey(keys.ids, "ids"), list(named.values()))
    records = records_of(hashes, known, behind)
    return {one: int(record) for one, record in zip(named, records, strict=True) if record >= 0}


def read_ids(path: Path) -> dict[str, str | None]:
    """A release's ids, each with the participant where the file says who: one a line, or participant,release_id.

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
        who = head.index(PARTICIPANT_COLUMN) if PARTICIPANT_COLUMN in head else None
        rows = [row for row in csv.reader(lines[1:]) if len(row) > at and row[at].strip()]
        return {
            row[at].strip(): row[who].strip() if who is not None and len(row) > who else None for row in rows
        }
    if len(head) > 1:
        raise BadSourceFile(
            f"{path.name} has {len(head)} columns, none named release_id; give one id a line, or participant,release_id"
        )
    named = head[0] in usual | {"id", "ids", PARTICIPANT_COLUMN}
    return dict.fromkeys(lines[1:] if named else lines)


@dataclass(frozen=True, slots=True)
class _Tables:
    """Phenotype files before their values are read."""

    ids: dict[str, int]
    """The number of each participant, and of the first of their records."""
    columns: tuple[str, ...]
    files: list[SourceFile]
    participants: npt.NDArray[np.int64]
    """By record its participant's number, -1 where the row has no id."""


def _read_tables(files: Sequence[Path], id_column: str | None) -> _Tables:
    """The participants and the records of these files.

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
    participants = [np.arange(len(ids))]
    records_count = len(ids)
    sources = []
    for file, others, people in read:
        places = np.array(people, dtype=np.int64)
        if len(set(people)) < len(people) or -1 in people:
            places = np.arange(records_count, records_count + len(people))
            records_count += len(people)
            participants.append(np.array(people))
        sources.append(SourceFile(file, others, places))
    return _Tables(ids, tuple(columns), sources, np.concatenate(participants))


def _sharing(
    folder: Path,
    cohort_folder: Path,
    tables: _Tables,
    listed: Mapping[str, str | None],
    keys: MatchingKeys,
) -> Sharing | None:
    """What the release in `folder` can have from its cohort; None where none of its participants is known there."""
    index = open_index(cohort_folder / ROWS_FOLDER)
    kept = (cohort_folder / ROWS_FOLDER / PARTICIPANTS_FILE, cohort_folder / IDS_FOLDER / RECORDS_FILE)
    # Only under the cohort's own folder, so that they are moved and copied together.
    inside = folder.resolve().is_relative_to(cohort_folder.resolve())
    if index is None or not inside or not all(path.exists() for path in kept):
        return None
    participants, behind = (np.load(path, allow_pickle=False) for path in kept)
    known = np.load(cohort_folder / IDS_FOLDER / HASHES_FILE, allow_pickle=False)
    names = [listed.get(one) or one for one in tables.ids]
    people = records_of(hashes_of_cells(subkey(keys.ids, "ids"), names), known, behind)
    if not (people >= 0).any():
        return None
    of_records = np.where(tables.participants >= 0, people[tables.participants], -1)
    key = subkey(keys.values, "cells")
    return Sharing(index, records_behind(index, participants, tables.files, of_records, key))
