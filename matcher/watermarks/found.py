"""What is kept of a found file for reading marks: its numeric columns and its calls, within bounds of memory."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from matcher.contents import Cells, Genotypes, Part, Table
from matcher.tables.cell_bytes import bytes_of, looks_of
from matcher.tables.cells import EMPTY, MOSTLY
from matcher.tables.rows import RowSketch
from matcher.tables.shapes import MOST_LONG_COLUMNS
from matcher.watermarks.digits import decimals_of
from matcher.watermarks.pseudonyms import Design, coded_cells, coded_id
from matcher.watermarks.roster import plain_id

MOST_CALLS = 200_000_000
MOST_ROWS = 500_000
MOST_COLUMNS = 600
MOST_IDS = 1_000_000
MOST_SHAPED_CELLS = 4_000_000
"""Cells of a file that are kept whole, for tables that turn out to be long, on their side or without names."""


LOOKED_AT = 400
"""Cells by which a column is thought to hold decimals."""
_COMMA = re.compile(r"[-+]?\d+(?:,\d+)?")


@dataclass(slots=True)
class FoundColumn:
    """One numeric column: its values and the most decimals seen."""

    values: list[npt.NDArray[np.float64]] = field(default_factory=list)
    decimals: int = 0


@dataclass(slots=True)
class FoundTable:
    columns: tuple[str, ...]
    rows_count: int = 0
    unread: dict[int, list[Sequence[str]]] = field(default_factory=dict)
    """Cells of numeric columns, read as numbers only where a cohort has marked releases."""
    known: dict[int, FoundColumn] | None = None
    """The same as numbers, once they were asked for."""

    @property
    def numeric(self) -> dict[int, FoundColumn]:
        if self.known is None:
            self.known = {at: _column(parts) for at, parts in self.unread.items()}
            self.unread = {}
        return self.known

    def decimal_columns(self) -> Iterable[int]:
        """The columns that hold numbers with decimals."""
        return self.unread if self.known is None else self.known


@dataclass(slots=True)
class Found:
    """The sketch of this matcher."""

    tables: dict[tuple[str, tuple[str, ...]], FoundTable] = field(default_factory=dict)
    genotypes: dict[tuple[str, ...], list[Genotypes]] = field(default_factory=dict)
    calls_count: int = 0
    ids: dict[Design, set[int]] = field(default_factory=dict)
    """What could be ids of a release, by design; `ids_of` adds what waits."""
    waiting: list[Sequence[str]] = field(default_factory=list)
    """Columns that may be ids, read only where a cohort has marked releases."""
    rows: RowSketch | None = None
    """Tables in each of their shapes; filled with what is `whole` once somebody asks, or by another matcher."""
    is_shared: bool = False
    whole: list[Table] = field(default_factory=list)
    cells_count: int = 0

    def share(self, rows: RowSketch) -> None:
        """Takes the tables that another matcher keeps of the same file, in place of keeping them as well."""
        self.rows, self.is_shared = rows, True

    def shaped(self) -> RowSketch:
        """The first cells of every table, as `row-values` keeps and reads them."""
        assert self.rows is not None
        for part in self.whole:
            self.rows.add(part)
        self.whole.clear()
        return self.rows

    def add(self, part: Part) -> None:
        if isinstance(part, Table):
            self._add_table(part)
        elif isinstance(part, Genotypes) and 0 < part.dosages.size <= MOST_CALLS - self.calls_count:
            self.calls_count += part.dosages.size
            if part.samples not in self.genotypes:
                self.waiting.append([plain_id(one) for one in part.samples])
            self.genotypes.setdefault(part.samples, []).append(part)

    def ids_of(self, design: Design) -> set[int]:
        """What could be ids of a release; among them canaries are looked for."""
        for cells in self.waiting:
            self._add_ids(cells)
        self.waiting.clear()
        return self.ids.get(design, set())

    def _add_ids(self, cells: Sequence[str]) -> None:
        for cell in cells:
            known = coded_id(cell.strip())
            if known is not None:
                seen = self.ids.setdefault(known[0], set())
                if len(seen) < MOST_IDS:
                    seen.add(known[1])

    def _add_table(self, part: Table) -> None:
        if part.rows_count == 0:
            return
        self._keep_whole(part)
        table = self.tables.setdefault((part.name, part.columns), FoundTable(part.columns))
        if not table.rows_count:
            for at in range(min(len(part.columns), MOST_COLUMNS)):
                if has_decimals(part.cells[at]):
                    table.unread[at] = []
        if table.rows_count + part.rows_count > MOST_ROWS:
            return
        for column_cells in part.cells[:MOST_COLUMNS]:
            if _may_be_ids(column_cells):
                self.waiting.append(_kept(column_cells))
        for at, parts in table.unread.items():
            parts.append(_kept(part.cells[at]))
        table.rows_count += part.rows_count

    def _keep_whole(self, part: Table) -> None:
        if self.rows is None or self.is_shared:
            return
        self.cells_count += part.rows_count * len(part.cells)
        if self.cells_count <= MOST_SHAPED_CELLS:
            self.whole.append(replace(part, cells=tuple(_kept(cells) for cells in part.cells)))
        elif len(part.columns) <= MOST_LONG_COLUMNS:  # the first lines of a long table may be of one variable
            self.shaped().add(part)


def _kept(cells: Sequence[str]) -> Sequence[str]:
    """The column without the strings that others made of it, which take several times the memory."""
    return Cells(cells.arrow) if isinstance(cells, Cells) else cells


def _may_be_ids(cells: Sequence[str]) -> bool:
    filled, coded = coded_cells(cells, 100)
    return filled > 0 and filled - coded <= filled // 2


def has_decimals(cells: Sequence[str]) -> bool:
    looks = looks_of(cells, LOOKED_AT)
    if not looks.points:
        return _has_decimal_commas(cells)
    if 2 * looks.numbers >= looks.filled:
        return True
    filled = [one for one in cells[:LOOKED_AT] if one.strip()]
    numbers = sum(_number(one) is not None for one in filled)
    return bool(filled) and numbers >= 0.5 * len(filled) and any("." in one for one in filled)


def _has_decimal_commas(cells: Sequence[str]) -> bool:
    """Whether most cells are numbers with a comma for a point, or whole ones."""
    data, offsets = bytes_of(cells, LOOKED_AT)
    if not (data[offsets[0] : offsets[-1]] == ord(",")).any():
        return False
    filled = [one for cell in cells[:LOOKED_AT] if (one := cell.strip().lower()) not in EMPTY]
    fits = [one for one in filled if _COMMA.fullmatch(one)]
    return len(fits) >= MOSTLY * len(filled) and any("," in one for one in fits)


def _number(cell: str) -> float | None:
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if abs(value) < 1e12 else None


def _column(parts: Sequence[Sequence[str]]) -> FoundColumn:
    if any(_has_decimal_commas(cells) for cells in parts):
        parts = [[cell.replace(",", ".") for cell in cells] for cells in parts]
    read = [_parsed(cells) for cells in parts]
    return FoundColumn([values for values, _ in read], max((decimals for _, decimals in read), default=0))


def _parsed(cells: Sequence[str]) -> tuple[npt.NDArray[np.float64], int]:
    out = np.full(len(cells), np.nan)
    places: list[int] = []
    for i, cell in enumerate(cells):
        value = _number(cell)
        if value is not None and value == value:
            out[i] = value
            places.append(decimals_of(cell))
    if not places:
        return out, 0
    # one cell in fifty may have more (a float that could not be written shortly)
    known = np.array(places)
    known = np.where(known < 0, 9, known)
    return out, int(np.quantile(known, 0.98, method="higher"))
