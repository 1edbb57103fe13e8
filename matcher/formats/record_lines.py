"""Lines that are a record each, wherever in a text: `eid=1 sex=0 bmi=27.1`, logfmt, libsvm's `1 1:0.5 7:1.2`.

What a record lacks is an empty cell. Lines with other names each (a program's options) and short runs are no table.
The text comes in pieces; a table may cross them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice, pairwise

from matcher.contents import Limits, Table
from matcher.formats.headers import numbered

LEAST_ROWS, LEAST_CELLS = 3, 12
_LEAST_FILLED = 0.25
"""Of all cells of a table: records with other names each would unfold to far more than they take."""
_MOST_WIDE = 4_000
_MOST_CELLS = 200_000
"""Cells of one part."""
_MOST_TABLES = 2_000
_MOST_LINE = 1 << 20
_NAME = r"[\w.@/-]{1,100}+"
_VALUE = r"\"(?:[^\"\\]|\\.){0,4000}+\"|'[^']{0,4000}+'|[^\s\"',;&|]*+"
_BETWEEN = r"(?:[ \t]*+[,;&|][ \t]*+|[ \t]++)"
_END = r"[ \t,;&|]*+\r?"
_PAIRS = re.compile(rf"[ \t]*+{_NAME}=(?:{_VALUE})(?:{_BETWEEN}{_NAME}=(?:{_VALUE}))++{_END}")
_PAIR = re.compile(rf"({_NAME})=({_VALUE})")
_ESCAPED = re.compile(r"\\(.)")
_NUMBER = r"[-+]?+(?:\d++\.?+\d*+|\.\d++)(?:[eE][-+]?+\d++)?+"
_LABEL = rf"{_NUMBER}(?:,{_NUMBER})*+"
_SPARSE_VALUE = rf"{_NUMBER}|nan|NaN"
_SPARSE_END = r"[ \t]*+(?:#.*+)?+\r?"
_SPARSE = re.compile(rf"{_LABEL}(?:[ \t]++\d{{1,9}}+:(?:{_SPARSE_VALUE})){{2,}}+{_SPARSE_END}")
_MINUTES = re.compile("[0-5][0-9]")
"""Of a time of day."""
_REMARK = re.compile(r"#.*+")
_MAY_BE_ONE = re.compile(rf"\n(?:[ \t]*+{_NAME}=[^\n=]*+=|[-+.\d][\d,.+-]*+[ \t]++\d++:)")
"""Found in a text many times faster than lines are looked at one by one."""
_ALIKE = 20
"""Records of the same names, one behind the other, from which they are looked for as a whole."""
_MOST_LAYOUTS, _MOST_IN_LAYOUT = 100, 400
_LABEL_NAME = "label"

Names = tuple[str, ...]
Record = tuple[Names, Sequence[str]]
Block = tuple[Names, list[Sequence[str]]]
"""Records of the same names."""


def mostly_records(text: str) -> bool:
    """Whether nearly all filled lines of a text are records."""
    if "=" not in text and ":" not in text:
        return False
    rows = sum(table.rows_count for table in record_tables("", text, Limits()))
    return rows > 0 and rows >= 0.9 * sum(map(bool, map(str.strip, text.splitlines()))) - 1


def record_tables(name: str, text: str, limits: Limits) -> Iterator[Table]:
    """The tables of a text that is at hand."""
    tables = RecordLines(name, limits)
    yield from tables.feed(text)
    yield from tables.end()


@dataclass(slots=True)
class RecordLines:
    """The tables of one text, which comes in pieces."""

    name: str
    limits: Limits
    tables: int = 0
    _rest: str = ""
    _of: Callable[[str], Record | None] | None = None
    """What reads the records of the run that goes on."""
    _blocks: list[Block] = field(default_factory=list)
    _layout: re.Pattern[str] | None = None
    """What tells all cells of a record that has the names of the last."""
    _layouts: int = 0
    _given: dict[str, None] = field(default_factory=dict)
    """The columns of the table that is read, once some of its rows were given."""

    def feed(self, piece: str) -> Iterator[Table]:
        """The tables that end in this piece."""
        text = f"\n{self._rest}{piece}"
        at, last = 0, text.rfind("\n")
        self._rest = text[last + 1 :][:_MOST_LINE]
        while at < last:
            if self._of is None:
                may_be = _MAY_BE_ONE.search(text, at, last)
                if may_be is None:
                    break
                at = may_be.start()
            start, at = at + 1, text.find("\n", at + 1)
            line = text[start:at]
            if self._layout is not None and (found := self._layout.fullmatch(line)) is not None:
                self._blocks[-1][1].append(found.groups())
            else:
                yield from self._take(line)
        if sum(len(names) * len(rows) for names, rows in self._blocks) >= _MOST_CELLS:
            yield from self._give()

    def end(self) -> Iterator[Table]:
        """The table at the end of the text."""
        yield from self._take(self._rest)
        yield from self._close()

    def _take(self, line: str) -> Iterator[Table]:
        record = self._of(line) if self._of is not None else None
        if record is None:
            if self._of is not None and (not line or line.isspace()):
                return
            yield from self._close()
            reader = _reader_of(line) if self.tables < _MOST_TABLES else None
            record = reader(line) if reader is not None else None
            if record is None:
                return
            self._of = reader
        self._add(*record)

    def _add(self, names: Names, cells: Sequence[str]) -> None:
        if not self._blocks or self._blocks[-1][0] != names:
            self._layout = None
            self._blocks.append((names, []))
        rows = self._blocks[-1][1]
        rows.append(cells)
        if len(rows) == _ALIKE and self._layouts < _MOST_LAYOUTS and len(names) <= _MOST_IN_LAYOUT:
            self._layouts += 1
            self._layout = _layout_of(names, is_sparse=self._of is _sparse)

    def _close(self) -> Iterator[Table]:
        if self._of is not None:
            yield from self._give()
            self._of, self._layout, self._blocks, self._given = None, None, [], {}

    def _give(self) -> Iterator[Table]:
        blocks, self._blocks = self._blocks, [(self._blocks[-1][0], [])]
        columns = dict(self._given)
        for names in dict.fromkeys(names for names, _ in blocks):
            columns.update(dict.fromkeys(names))
        rows = sum(len(rows) for _, rows in blocks)
        cells = sum(len(names) * len(rows) for names, rows in blocks)
        is_begun = bool(self._given)
        is_table = cells >= _LEAST_FILLED * len(columns) * rows and len(columns) <= _MOST_WIDE
        if not is_table or not (is_begun or (rows >= LEAST_ROWS and cells >= LEAST_CELLS)):
            return
        self.tables += not is_begun
        self._given = columns
        yield from self._parts(tuple(columns), blocks)

    def _parts(self, columns: Names, blocks: list[Block]) -> Iterator[Table]:
        name, has_names = f"{self.name}, lines of records {self.tables}", self._of is not _sparse
        shown = columns if has_names else numbered(len(columns))
        rows = chain.from_iterable(_rows(columns, names, some) for names, some in blocks)
        while some := list(islice(rows, self.limits.rows_per_part)):
            yield Table(name, shown, tuple(map(_unquoted, zip(*some, strict=True))), has_names)


def _rows(columns: Names, names: Names, rows: list[Sequence[str]]) -> Iterable[Sequence[str]]:
    """Records as rows, with an empty cell for what they lack."""
    if names == columns:
        return rows
    at = {name: number for number, name in enumerate(names)}
    places = [at.get(name, len(names)) for name in columns]
    return ([(*row, "")[place] for place in places] for row in rows)


def _layout_of(names: Names, *, is_sparse: bool) -> re.Pattern[str]:
    if is_sparse:
        pairs = (rf"[ \t]++{name}:({_SPARSE_VALUE})" for name in names[1:])
        return re.compile(rf"({_LABEL}){''.join(pairs)}{_SPARSE_END}")
    return re.compile(rf"[ \t]*+{_BETWEEN.join(f'{re.escape(name)}=({_VALUE})' for name in names)}{_END}")


def _reader_of(line: str) -> Callable[[str], Record | None] | None:
    """What may read a line as a record, told by its first signs."""
    if "=" in line:
        return _pairs
    return _sparse if ":" in line and line[0] in "0123456789+-." else None


def _pairs(line: str) -> Record | None:
    if "=" not in line or _PAIRS.fullmatch(line) is None:
        return None
    found = _PAIR.findall(line)
    names = tuple(name for name, _ in found)
    return (names, [value for _, value in found]) if len(set(names)) == len(names) else None


def _unquoted(cells: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(_without_quotes, cells)) if any(cell[:1] in ("'", '"') for cell in cells) else cells


def _without_quotes(cell: str) -> str:
    if len(cell) < 2 or cell[0] not in "\"'":
        return cell
    return _ESCAPED.sub(r"\1", cell[1:-1]) if "\\" in cell else cell[1:-1]


def _sparse(line: str) -> Record | None:
    if _SPARSE.fullmatch(line) is None:
        return None
    label, *pairs = _REMARK.sub("", line).split()
    split = [pair.split(":") for pair in pairs]
    at = [int(index) for index, _ in split]
    if any(b <= a for a, b in pairwise(at)) or all(_MINUTES.fullmatch(value) for _, value in split):
        return None
    return (_LABEL_NAME, *(index for index, _ in split)), [label, *(value for _, value in split)]
