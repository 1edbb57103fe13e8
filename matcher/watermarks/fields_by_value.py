"""Found tables whose columns bear none of the sources' names: in their other shape, and named by their values.

A leak without its header, with columns renamed, on its side or with a line for each cell is aligned as `row-values`
does it, by what its cells share with the cohort's index, and then marks are read as from any table. Only the find and
the cohort are looked at, never a recipient's bits, so a wrong name costs power and never validity (`odds`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from matcher.sketches import EnrolledCohort
from matcher.tables.enrol import ROWS_FOLDER
from matcher.tables.row_index import RowIndex, open_index
from matcher.tables.rows import ReadTable, linked_by_values
from matcher.tables.spellings import is_id_name
from matcher.watermarks.found import MOST_COLUMNS, Found, FoundTable, has_decimals
from matcher.watermarks.phenotypes import field_word

LEAST_FIELDS = 2
"""Fewer are not enough to tell whose a row is."""
MOST_TABLES = 8
"""Tables of one file that are named by their values, those with most rows."""


@dataclass(frozen=True, slots=True)
class _Shaped:
    """A table in one of its shapes, and the same as hashes of those of its columns that were `chosen`."""

    table: FoundTable
    chosen: list[int]
    read: ReadTable

    def named_by(self, index: RowIndex, fields: Collection[str]) -> FoundTable:
        """The table with the index's names for columns whose own say nothing, if its rows are the cohort's at all."""
        aligned, linked = linked_by_values(self.read, index)
        if linked is None or linked.log10_odds <= 0:
            return self.table
        names = list(self.table.columns)
        taken = {field_word(name) for name in names} & set(fields)
        for one in aligned:
            name, at = index.columns[one.column].name, self.chosen[one.find]
            if field_word(names[at]) not in fields and field_word(name) not in taken:
                names[at] = name
                taken.add(field_word(name))
        return replace(self.table, columns=tuple(names))


def with_fields(found: Found, cohort: EnrolledCohort, fields: Collection[str]) -> Found:
    """The find with its nameless tables as tables of the sources' `fields` (words of `field_word`), where they are any.

    Tables that bear names enough stay as they are.
    """
    named = {table.columns for table in found.tables.values() if _is_named(table, fields)}
    if not fields or found.rows is None or len(named) == len({one.columns for one in found.tables.values()}):
        return found
    index = open_index(cohort.folder / ROWS_FOLDER)
    shapes = sorted(_shapes(found, named), key=lambda one: -one.table.rows_count)
    tables = dict(found.tables)
    for number, one in enumerate(shapes[:MOST_TABLES]):
        table = one.table
        if index is not None and not _is_named(table, fields):
            table = one.named_by(index, fields)
        if len(_words(table) & set(fields)) >= LEAST_FIELDS:
            tables[f"shape {number}", table.columns] = table
    return replace(found, tables=tables)


def _shapes(found: Found, but: Collection[tuple[str, ...]]) -> Iterator[_Shaped]:
    """Every table in each of its shapes that could hold marks, but those of these columns."""
    rows = found.shaped()
    for read, kept in zip(rows.screened(), rows.headed, strict=True):
        if kept.columns in but:
            continue
        unread: dict[int, list[Sequence[str]]] = {}
        for at in range(min(len(kept.columns), MOST_COLUMNS)):
            cells = kept.cells(at)
            if has_decimals(cells):
                unread[at] = [cells]
        if len(unread) >= LEAST_FIELDS:
            chosen = [at for at, name in enumerate(kept.columns) if not is_id_name(name)]
            yield _Shaped(FoundTable(kept.columns, kept.held, unread), chosen, read)


def _words(table: FoundTable) -> set[str]:
    """The words of the columns that marks could be in."""
    return {field_word(table.columns[at]) for at in table.decimal_columns()}


def _is_named(table: FoundTable, fields: Collection[str]) -> bool:
    words = _words(table)
    known = len(words & set(fields))
    return known >= LEAST_FIELDS and 2 * known >= len(words)
