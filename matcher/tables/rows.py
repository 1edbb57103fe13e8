"""Matcher `row-values`: rows of a find that are rows of a cohort, without any id, by the values they hold together.

Null: the rows are of other people, of nobody (columns shuffled, values synthetic), or no rows of people at all; see
`linkage` for how its chance is measured. Columns are aligned by their names, then by their values; an alignment by
values is paid for with the number of columns it was chosen from, for every column of the key. What several tables of
one file give is corrected for their number. A table that is long, or lies on its side (`shapes`), is compared as it
stands and in its other shape, as two tables.

Which release: rows whose values are those of the participant behind their release id (`pairing`), and rows that one
release held and another did not. Rows that only one of them held speak for it, rows that all held say nothing, and
since a find may be any part of a larger whole, the odds against the cohort at large are capped (FROM_SELECTION).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import log10
from pathlib import Path

import numpy as np
import numpy.typing as npt

from matcher.contents import Cells, Part, Table
from matcher.prf import subkey
from matcher.sketches import EnrolledCohort, EnrolledRelease, Evidence, MatchingKeys, ReleaseEvidence
from matcher.tables.alignment import align_by_values
from matcher.tables.cell_bytes import picked
from matcher.tables.cell_ids import hashes_of_cells, share_of_ids
from matcher.tables.cells import Column
from matcher.tables.enrol import ROWS_FOLDER
from matcher.tables.found_columns import read_found_column
from matcher.tables.linkage import Aligned, Linked, align, align_by_name, hits_of, link
from matcher.tables.long_lines import LongLines, long_lines
from matcher.tables.odds import FROM_SELECTION, log10_e_value, log10_lacking
from matcher.tables.pairing import pair
from matcher.tables.row_index import RowIndex, open_index
from matcher.tables.shapes import Shaped, long_roles, stood_upright, widened
from matcher.tables.spellings import is_field, is_id_name, read_name

NAME = "row-values"
VERSION = "1"

CELLS_KEPT = 2_000_000
LEAST_ROWS_KEPT, MOST_ROWS_KEPT = 1_000, 20_000
MOST_TABLES = 50
MOST_COLUMNS = 4_000
"""Of a table that has more the first are looked at."""
MOST_ID_COLUMNS = 6
WORTH_NAMING_COLUMNS = 4.0
"""Odds by name below which columns are aligned by their values as well."""
CANDIDATE = 0.001
SCREENED = 3_000
"""Rows of a table that are compared first; the others only where these say anything."""
LOOKED_AT = 200
"""Cells by which a column is thought to hold ids."""


@dataclass(slots=True)
class _Kept:
    """Every so many rows of one table."""

    columns: tuple[str, ...]
    rows_most: int
    parts: list[list[Cells]]
    """By column, its kept cells in pieces."""
    stride: int = 1
    rows: int = 0
    held: int = 0
    lines: LongLines | None = None
    """Of a long table that was thinned: all lines of some keys."""

    def add(self, part: Table, hash_key: bytes) -> None:
        if self.lines is not None:
            self.lines.add(part.cells)
        first = -self.rows % self.stride
        for kept, cells in zip(self.parts, part.cells, strict=False):
            kept.append(picked([cells], first, self.stride))
        self.held += len(range(first, part.rows_count, self.stride))
        self.rows += part.rows_count
        if self.stride == 1 and self.held > self.rows_most:
            self.lines = long_lines(hash_key, self.all_cells(), CELLS_KEPT)
        while self.parts and self.held > self.rows_most:
            self.stride *= 2
            self.parts = [[picked(kept, 0, 2)] for kept in self.parts]
            self.held = -(-self.held // 2)

    def cells(self, column: int) -> Cells:
        """The kept cells of one column."""
        kept = self.parts[column]
        if len(kept) != 1:
            kept[:] = [picked(kept, 0, 1)]
        return kept[0]

    def all_cells(self) -> list[Cells]:
        return [self.cells(i) for i in range(len(self.parts))]

    def thinned(self, most: int) -> _Kept:
        """Fewer rows of it, or itself where it has no more."""
        step = -(-self.held // most)
        if step < 2:
            return self
        parts = [[picked(kept, 0, step)] for kept in self.parts]
        return _Kept(
            self.columns, self.rows_most, parts, self.stride * step, self.rows, -(-self.held // step)
        )


@dataclass(slots=True)
class RowSketch:
    """Some rows of each table of one file, as text until they are compared."""

    key: bytes
    id_key: bytes
    tables: dict[tuple[str, tuple[str, ...]], _Kept] = field(default_factory=dict)
    """By name and columns: two tables of one name are not one."""
    headed: list[_Kept] = field(default_factory=list)
    """The tables that are compared, each without its row of names; filled with `first`."""
    first: list[ReadTable] | None = None
    whole: dict[int, ReadTable] = field(default_factory=dict)

    def add(self, part: Part) -> None:
        if not isinstance(part, Table) or len(part.columns) < 2:
            return
        name = (part.name, part.columns)
        kept = self.tables.get(name)
        if kept is None:
            if len(self.tables) >= MOST_TABLES and not self._drop_a_shorter(part.rows_count):
                return
            columns = (
                part.columns[:MOST_COLUMNS] if part.has_header else ("",) * len(part.columns[:MOST_COLUMNS])
            )
            most = int(np.clip(CELLS_KEPT // len(columns), LEAST_ROWS_KEPT, MOST_ROWS_KEPT))
            kept = self.tables[name] = _Kept(columns, most, [[] for _ in columns])
        if len(part.cells) == len(part.columns):
            kept.add(part, self.key)

    def _drop_a_shorter(self, rows: int) -> bool:
        """Lets go of the shortest table where it has fewer rows: small ones must not hide a large one behind them."""
        shortest = min(self.tables, key=lambda name: self.tables[name].rows)
        if self.tables[shortest].rows >= rows:
            return False
        del self.tables[shortest]
        return True

    def screened(self) -> list[ReadTable]:
        """Some rows of every table as hashes; read once for all cohorts."""
        if self.first is None:
            self.headed = [headed(kept) for kept in self.tables.values() if kept.rows >= 2]
            self.headed += [other for kept in self.headed if (other := in_other_shape(kept)) is not None]
            self.first = [_read(kept.thinned(SCREENED), self.key, self.id_key) for kept in self.headed]
        return self.first

    def full(self, at: int) -> ReadTable:
        """All rows that were kept of a table, for one that is worth it."""
        one, kept = self.screened()[at], self.headed[at]
        if one.kept is kept:
            return one
        if at not in self.whole:
            self.whole[at] = _read(kept, self.key, self.id_key)
        return self.whole[at]


@dataclass(frozen=True, slots=True)
class ReadTable:
    """A table as hashes: its columns of values, and on demand those that may hold ids."""

    kept: _Kept
    names: list[str]
    columns: list[Column]
    id_key: bytes
    by_values: dict[Path, tuple[list[Aligned], Linked | None]] = field(default_factory=dict)
    """What `linked_by_values` found, by the folder of the index."""

    def ids(self) -> list[npt.NDArray[np.uint64]]:
        """Columns that may hold ids, hashed: distinct, most in form; asked for only where releases are to be told."""
        found: list[npt.NDArray[np.uint64]] = []
        for i, name in enumerate(self.kept.columns):
            cells = self.kept.cells(i)
            first = cells[:LOOKED_AT]
            few = len(set(first)) < 0.8 * len(first) or share_of_ids(first) < 0.3
            if few and not is_id_name(name):
                continue
            hashes = hashes_of_cells(self.id_key, cells)
            if (hashes != 0).mean() > 0.5 and len(found) < MOST_ID_COLUMNS:
                found.append(hashes)
        return found


def headed(kept: _Kept) -> _Kept:
    """A table whose first row is names of fields or of a participants' column, though its reader took it for data."""
    first = [kept.cells(i)[0] for i in range(len(kept.parts)) if kept.held]
    if (
        any(kept.columns)
        or len(first) < 2
        or not (
            any(is_id_name(name) for name in first) or sum(is_field(name) for name in first) > len(first) / 2
        )
    ):
        return kept
    below = [[picked(cells, 1, 1)] for cells in kept.parts]
    return _Kept(tuple(first), kept.rows_most, below, kept.stride, kept.rows - 1, kept.held - 1, kept.lines)


def in_other_shape(kept: _Kept) -> _Kept | None:
    """A long table made wide, or one that lies on its side stood upright; None for any other."""
    cells = kept.lines.cells() if kept.lines is not None else kept.all_cells()
    roles = long_roles(cells) if kept.lines is not None or kept.stride == 1 else None
    if roles is not None:
        halvings = kept.lines.halvings if kept.lines is not None else 0
        return _of_shaped(widened(kept.columns, cells, roles, CELLS_KEPT), 1 << halvings)
    upright = stood_upright(kept.columns, cells) if kept.lines is None else None
    return _of_shaped(upright, 1) if upright is not None else None


def _of_shaped(shaped: Shaped, stride: int) -> _Kept | None:
    """The table in its new shape, its first rows and columns as many as are kept of any; None if hardly one is left."""
    columns = shaped.columns[:MOST_COLUMNS]
    rows = len(shaped.cells[0]) if shaped.cells else 0
    if len(columns) < 2 or rows < 2:
        return None
    parts = [[picked([cells[:MOST_ROWS_KEPT]], 0, 1)] for cells in shaped.cells[:MOST_COLUMNS]]
    return _Kept(columns, MOST_ROWS_KEPT, parts, stride, rows * stride, min(rows, MOST_ROWS_KEPT))


def sketch(keys: MatchingKeys) -> RowSketch:
    """An empty sketch of one file."""
    return RowSketch(subkey(keys.values, "cells"), subkey(keys.ids, "ids"))


def compare(sketch: RowSketch, cohort: EnrolledCohort, keys: MatchingKeys) -> list[Evidence]:  # noqa: ARG001
    """The odds that the rows of a table are the cohort's participants."""
    index = open_index(cohort.folder / ROWS_FOLDER)
    if index is None or not sketch.tables:
        return []
    tables = sketch.screened()
    paired = _paired(sketch, cohort)
    linked = [one for at in range(len(tables)) if (one := _linked_at(sketch, at, index)) is not None]
    if not linked:
        return [Evidence(NAME, "values", 0.0, one.why, releases=(one,)) for one in paired]
    table, best = max(linked, key=lambda item: item[1].log10_odds)
    kept, columns = table.kept, table.columns
    odds = best.log10_odds - log10(len(tables))
    if odds <= 0:
        return [Evidence(NAME, "values", 0.0, one.why, releases=(one,)) for one in paired]
    matched, examined = int(best.matched.sum()), int(best.hits.size)
    sampled = f" (every {kept.stride}. of {kept.rows:,} rows looked at)" if kept.stride > 1 else ""
    return [
        Evidence(
            matcher=NAME,
            rests_on="values",
            log10_odds=odds,
            why=(
                f"{matched:,} of {examined:,} rows agree with one record each on {len(best.key)} columns together, "
                f"where a stranger's row would in at most {best.chance:.2g} of cases{sampled}"
            ),
            participants_matched=matched,
            participants_examined=examined,
            releases=_stronger(paired, _releases(columns, best, index, cohort.releases)),
        )
    ]


def _paired(sketch: RowSketch, cohort: EnrolledCohort) -> list[ReleaseEvidence]:
    """What ids beside values say of releases; the best table for each, corrected for the number of tables."""
    best: dict[str, ReleaseEvidence] = {}
    tables = sketch.screened() if cohort.releases else []
    for at, first in enumerate(tables):
        found = _pair(first, cohort)
        if not found:
            continue
        full = sketch.full(at)
        for one in found if full is first else _pair(full, cohort):
            odds = one.log10_odds - log10(len(tables))
            if odds > 0 and (one.release not in best or odds > best[one.release].log10_odds):
                best[one.release] = replace(one, log10_odds=odds)
    return list(best.values())


def _pair(table: ReadTable, cohort: EnrolledCohort) -> list[ReleaseEvidence]:
    ids = table.ids()
    return pair(ids, table.columns, [read_name(name) for name in table.names], cohort) if ids else []


def _stronger(
    paired: Sequence[ReleaseEvidence], by_rows: Sequence[ReleaseEvidence]
) -> tuple[ReleaseEvidence, ...]:
    """For each release the stronger of the two; both rest on the same values and are not added."""
    best = {one.release: one for one in by_rows}
    for one in paired:
        if one.release not in best or one.log10_odds > best[one.release].log10_odds:
            best[one.release] = one
    return tuple(best.values())


def _read(kept: _Kept, key: bytes, id_key: bytes) -> ReadTable:
    """Names and hashed columns of some rows of a table."""
    chosen = [i for i, name in enumerate(kept.columns) if not is_id_name(name)]
    names = [kept.columns[i] for i in chosen]
    return ReadTable(kept, names, [read_found_column(key, kept.cells(i)) for i in chosen], id_key)


def _linked_at(sketch: RowSketch, at: int, index: RowIndex) -> tuple[ReadTable, Linked] | None:
    """All kept rows of a table and what they say, where some of them say anything; else None.

    A column can be numbers in the rows that are looked at first and words in all: then those first rows stand.
    """
    first = sketch.screened()[at]
    outcome = _linked(first, index)
    if outcome is None or outcome.log10_odds <= 0:
        return None
    full = sketch.full(at)
    of_all = _linked(full, index) if full is not first else None
    return (full, of_all) if of_all is not None else (first, outcome)


def linked_by_values(table: ReadTable, index: RowIndex) -> tuple[list[Aligned], Linked | None]:
    """The columns of a table that align by their values, and what its rows say by them; reckoned once for an index."""
    if index.folder not in table.by_values:
        aligned, left_out = align_by_values(table.columns, index)
        table.by_values[index.folder] = aligned, link(table.columns, aligned, index, left_out)
    return table.by_values[index.folder]


def _linked(table: ReadTable, index: RowIndex) -> Linked | None:
    """The better of an alignment by name and one by values."""
    columns = table.columns
    by_name = link(columns, align_by_name(columns, [read_name(name) for name in table.names], index), index)
    if by_name is not None and by_name.log10_odds >= WORTH_NAMING_COLUMNS:
        return by_name
    _, by_values = linked_by_values(table, index)
    if by_name is None or by_values is None:
        return by_name or by_values
    return max(by_name, by_values, key=lambda one: one.log10_odds)


def _releases(
    columns: Sequence[Column], best: Linked, index: RowIndex, releases: Sequence[EnrolledRelease]
) -> tuple[ReleaseEvidence, ...]:
    """What the linked rows say of every release that was enrolled with values."""
    held: dict[str, npt.NDArray[np.bool_]] = {}
    shares: dict[str, float] = {}
    rows = best.hits
    for release in releases:
        own = open_index(release.folder / ROWS_FOLDER)
        if own is None:
            continue
        key = _key_in(columns, best.key, index, own)
        if key is None:
            continue
        held[release.name] = hits_of(columns, key, own)[rows]
        shares[release.name] = min(1.0, own.records_count / max(1, index.records_count))
    return tuple(
        ReleaseEvidence(
            release=name,
            log10_odds=_odds_of(name, held, shares),
            beyond_ids=True,
            why=f"{int(hits.sum()):,} of {hits.size:,} linked rows are in this release with these values",
        )
        for name, hits in held.items()
        if hits.mean() >= 0.5
    )


def _key_in(
    columns: Sequence[Column], key: Sequence[Aligned], index: RowIndex, release: RowIndex
) -> list[Aligned] | None:
    """The key in a release's own index, or None where the release did not hold one of its columns."""
    found = []
    for one in key:
        at = release.by_name.get(read_name(index.columns[one.column].name))
        aligned = align(one.find, columns[one.find], at, release) if at is not None else None
        if aligned is None:
            return None
        found.append(aligned)
    return found


def _odds_of(name: str, held: dict[str, npt.NDArray[np.bool_]], shares: dict[str, float]) -> float:
    """The odds for a release against the likeliest other origin: another release, or the cohort at large."""
    own, share = held[name], shares[name]
    at_large = log10_e_value(np.full(int(own.sum()), share), int((~own).sum())) if share < 1 else 0.0
    of_others = [log10_lacking(own, hits) for other, hits in held.items() if other != name]
    return max(CANDIDATE, min(FROM_SELECTION, at_large, *of_others))
