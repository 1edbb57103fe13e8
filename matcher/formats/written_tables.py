"""Rows of tables that are written out in a text, gathered until a table is told from them and given in parts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from matcher.contents import Limits, Table
from matcher.formats.delimited import parts_of, rows_under

LEAST_ROWS, LEAST_CELLS = 3, 12
MOST_CELLS = 200_000
"""Cells that are gathered before they are given."""


@dataclass(slots=True)
class WrittenTables:
    """The tables of one text; `kind` is the language that they are written in."""

    name: str
    kind: str
    limits: Limits
    count: int = 0
    rows: list[list[str]] = field(default_factory=list)
    cells: int = 0
    given: tuple[str, ...] = ()
    """The columns of the table that is read, once some of its rows were given."""

    @property
    def is_full(self) -> bool:
        return self.cells >= MOST_CELLS

    def add(self, row: list[str]) -> None:
        self.rows.append(row)
        self.cells += len(row)

    def give(self, has_header: bool | None = None) -> Iterator[Table]:
        """What was gathered, where it is a table or more of one."""
        rows, cells = self.rows, self.cells
        self.rows, self.cells = [], 0
        if self.given:
            yield from rows_under(self.given, self._named(), rows, self.limits)
        elif len(rows) >= LEAST_ROWS and cells >= LEAST_CELLS:
            self.count += 1
            for part in parts_of(self._named(), rows, self.limits, has_header):
                self.given = part.columns
                yield part

    def close(self, has_header: bool | None = None) -> Iterator[Table]:
        """The rest of a table that ends here."""
        yield from self.give(has_header)
        self.given = ()

    def _named(self) -> str:
        return f"{self.name}, {self.kind} table {self.count}"
