"""Which of a cohort's columns a release's column is, and which of the cohort's records each of its records is.

A release's records are the cohort's by their participants; where a participant has several, by the cells of a few
telling columns, else by their order. Neither has to be right for the index to be: every column is compared cell by
cell at each of its tags, what differs is kept apart, and a column that differs much is kept whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from matcher.tables.cells import Hashes32
from matcher.tables.coded_columns import CodedColumn, code_column
from matcher.tables.row_index import RowIndex, SourceFile, text_columns
from matcher.tables.spellings import read_name

Numbers = npt.NDArray[np.int64]

MOST_APART = 1 / 8
"""A column of which more cells differ is kept whole: one that differs takes the bytes of several that do not."""
SAMPLED = 256
"""Records by which a column of another name is looked for."""
ALIKE = 0.8
MOST_ALIKE = 3
TELLING = 8
"""Columns of a file by which the records of one participant are told apart."""


@dataclass(frozen=True, slots=True)
class Found:
    """A column of the cohort's index that is the release's, but for the cells of these records."""

    column: int
    apart: Numbers


@dataclass(slots=True)
class Sharing:
    """The cohort's index, and by record of the release the cohort's record, -1 where it is not known."""

    index: RowIndex
    records: npt.NDArray[np.int32]
    _known: npt.NDArray[np.bool_] = field(init=False)
    _by_name: dict[str, int] = field(init=False)
    _sample: Numbers = field(init=False)
    _sampled: dict[tuple[int, ...], tuple[list[int], npt.NDArray[np.uint32]]] = field(
        init=False, default_factory=dict
    )

    def __post_init__(self) -> None:
        self._known = self.records >= 0
        self._by_name = {one.name: i for i, one in reversed(list(enumerate(self.index.columns)))}
        known = np.flatnonzero(self._known)
        self._sample = known[np.unique(np.linspace(0, known.size - 1, min(SAMPLED, known.size)).astype(int))]

    def found(self, column: CodedColumn) -> Found | None:
        """The cohort's column of the same cells: of the same name, else of any; None if there is none."""
        for at in self._candidates(column):
            apart = self._apart(column, at)
            if apart is not None:
                return Found(at, apart)
        return None

    def _candidates(self, column: CodedColumn) -> Iterator[int]:
        named = (self._by_name.get(column.name), self.index.by_name.get(read_name(column.name)))
        tried = {at for at in named if at is not None and self._has(at, column)}
        yield from tried
        for at in self._alike(column):
            if at not in tried:
                yield at

    def _has(self, at: int, column: CodedColumn) -> bool:
        return set(column.values) <= set(self.index.columns[at].tags)

    def _alike(self, column: CodedColumn) -> list[int]:
        """The cohort's columns that agree with this one on most records of a sample."""
        tags = tuple(column.values)
        if tags not in self._sampled:
            could_be = [at for at in range(len(self.index.columns)) if self._has(at, column)]
            records = self.records[self._sample].astype(np.int64)
            cells = [self.index.cells_at(at, tags[0], records) for at in could_be]
            self._sampled[tags] = could_be, np.array(cells, dtype=np.uint32).reshape(len(cells), records.size)
        could_be, theirs = self._sampled[tags]
        own = column.values[tags[0]][column.codes[self._sample]]
        filled = (own != 0) | (theirs != 0)
        alike = ((own == theirs) & filled).sum(axis=1) / np.maximum(1, filled.sum(axis=1))
        order = np.argsort(-alike, kind="stable")[:MOST_ALIKE]
        return [could_be[i] for i in order if alike[i] >= ALIKE]

    def _apart(self, column: CodedColumn, at: int) -> Numbers | None:
        """The records whose cell is another at any tag, or None if they are many.

        Mostly a number of the release stands for one of the cohort's, and the hashes behind the two are compared once
        for all of its records; records for which it does not are looked at one by one.
        """
        theirs = self.index.coded(at, next(iter(column.values)))[0][np.maximum(self.records, 0)].astype(
            np.int64
        )
        theirs[~self._known] = 0
        usual = np.zeros(column.counts.size, dtype=np.int64)
        usual[column.codes] = theirs
        single = np.flatnonzero(usual[column.codes] != theirs)
        other = np.zeros(column.counts.size, dtype=np.bool_)
        alone = np.zeros(single.size, dtype=np.bool_)
        for tag, own in column.values.items():
            values = self.index.coded(at, tag)[1]
            other |= own != values[usual]
            alone |= own[column.codes[single]] != values[theirs[single]]
        differs = other[column.codes]
        differs[single] = alone
        apart = np.flatnonzero(differs)
        return apart if apart.size <= MOST_APART * differs.size else None


def records_behind(
    index: RowIndex,
    participants: Numbers,
    files: Sequence[SourceFile],
    people: Numbers,
    key: bytes,
) -> npt.NDArray[np.int32]:
    """By record of a release the cohort's record, -1 for nobody's that is known.

    `people` is by record of the release the cohort's participant or -1, `participants` the same by record of the
    cohort, and `files` are the release's.
    """
    found = _in_order(people, participants)
    if np.unique(participants).size < participants.size:
        told = np.zeros(found.size, dtype=np.bool_)
        for file in files:
            records = file.records[file.records >= 0]
            records = records[(people[records] >= 0) & ~told[records]]
            behind = _by_cells(index, participants, file, people, key)[records]
            found[records[behind >= 0]] = behind[behind >= 0]
            told[records[behind >= 0]] = True
    return found.astype(np.int32)


def _in_order(people: Numbers, participants: Numbers) -> Numbers:
    """A participant's records, the first with the first."""
    asked, known = _numbered(people), _numbered(participants)
    most = max(int(asked.max(initial=0)), int(known.max(initial=0))) + 1
    return _where(people * most + asked, people >= 0, participants * most + known, participants >= 0)


def _by_cells(
    index: RowIndex, participants: Numbers, file: SourceFile, people: Numbers, key: bytes
) -> Numbers:
    """The record of the same participant with the same cells in the file's telling columns, -1 where there is none."""
    at = {one.name: i for i, one in enumerate(index.columns)}
    telling = sorted(
        (name for name in file.columns if name in at),
        key=lambda name: -max(index.columns[at[name]].bits.values()) * index.columns[at[name]].filled,
    )[:TELLING]
    asked, known = people.astype(np.uint64), participants.astype(np.uint64)
    any_asked, any_known = np.zeros(people.size, np.bool_), np.zeros(participants.size, np.bool_)
    only = SourceFile(file.path, tuple(telling), file.records)
    for name, cells in text_columns([only], people.size) if telling else ():
        column = code_column(name, cells, key)
        shared = [tag for tag in column.values if tag in index.columns[at[name]].tags]
        if shared:
            own, theirs = column.cells(shared[0]), index.cells(at[name], shared[0])
            asked, known = _mixed(asked, own), _mixed(known, theirs)
            any_asked |= own != 0
            any_known |= theirs != 0
    return _where(asked, (people >= 0) & any_asked, known, (participants >= 0) & any_known)


def _mixed(keys: npt.NDArray[np.uint64], cells: Hashes32) -> npt.NDArray[np.uint64]:
    mixed = keys * np.uint64(0x9E3779B97F4A7C15) + cells
    mixed ^= mixed >> np.uint64(29)
    return np.asarray(mixed * np.uint64(0xBF58476D1CE4E5B9))


def _numbered(people: Numbers) -> Numbers:
    """By record, how many before it are of the same participant."""
    order = np.argsort(people, kind="stable")
    ordered = people[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if ordered.size else order
    before = np.empty(people.size, dtype=np.int64)
    before[order] = np.arange(people.size) - np.repeat(starts, np.diff(np.r_[starts, people.size]))
    return before


def _where(
    asked: npt.NDArray[np.generic],
    may_ask: npt.NDArray[np.bool_],
    known: npt.NDArray[np.generic],
    may_be: npt.NDArray[np.bool_],
) -> Numbers:
    """Where each key stands first among those that are known, -1 for none."""
    found = np.full(asked.size, -1, dtype=np.int64)
    places = np.flatnonzero(may_be)
    distinct, first = np.unique(known[places], return_index=True)
    if distinct.size:
        at = np.minimum(np.searchsorted(distinct, asked), distinct.size - 1)
        held = may_ask & (distinct[at] == asked)
        found[held] = places[first[at[held]]]
    return found
