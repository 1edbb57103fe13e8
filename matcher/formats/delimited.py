"""Tables as text: comma, tab, semicolon, bar or blanks between cells, in any encoding, with a header or without.

Arrow parses what is regular, at hundreds of megabytes a second; rows that do not fit, and texts in other encodings
than UTF-8, go through Python's csv module. Cells stay as they stand: nothing is turned into numbers or dates here.
"""

from __future__ import annotations

import csv
import itertools
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, TextIO

from matcher.contents import Cells, Limits, Opened, Table
from matcher.formats.encodings import decoded, encoding_of, text_of

FORMAT = "csv"
DELIMITERS = (",", "\t", ";", "|")
LOOKED_AT = 60
HEAD_BYTES = 64 << 10
BLOCK_BYTES = 4 << 20
MOST_CELLS = 2_000_000
"""Cells of one part: a wide table comes in fewer rows a part."""
_NUMBER = re.compile(r"[-+]?(\d[\d ,.]*|\.\d+)([eE][-+]?\d+)?%?")
_DATE = re.compile(r"\d{1,4}[-/.年]\d{1,2}[-/.月]\d{1,4}日?([ T]\d{1,2}:\d{2}.*)?")
_MISSING = {"", "na", "nan", "null", "none", "n/a", ".", "-"}
_MOST_CELL = 1 << 20


def sniff(name: str, head: bytes) -> int:
    """3 where the name says so and rows agree, 2 where only the rows do, 0 where they do not."""
    text = decoded(head)
    if text is None or text.lstrip()[:1] in ("{", "[", "<"):
        return 0
    lines = _whole_lines(text, len(head))
    delimiter = delimiter_of(lines)
    if delimiter is None:
        return 0
    if name.lower().endswith((".csv", ".tsv", ".tab", ".psv")):
        return 3
    rows = _cells(lines[:LOOKED_AT], delimiter)
    # Prose and code have commas too; a table has the same number of cells in nearly every row.
    counts = Counter(len(row) for row in rows)
    width, agreeing = counts.most_common(1)[0]
    return 2 if len(rows) >= 3 and width >= 2 and agreeing >= 0.95 * len(rows) else 0


def read(opened: Opened, limits: Limits) -> Iterator[Table]:
    """The rows in parts of `limits.rows_per_part`; short rows are filled, long ones kept to the usual width."""
    head = opened.stream.read(HEAD_BYTES)
    lines = _whole_lines(decoded(head) or "", len(head))
    delimiter = delimiter_of(lines) or ","
    shape = _shape_of(lines, delimiter)
    given = 0
    if shape is not None and encoding_of(head) in ("utf-8", "utf-8-sig"):
        regular = _Regular(opened, limits, delimiter, shape)
        yield from regular.tables()
        if regular.is_complete:
            return
        given = regular.given
    with text_of(opened.stream, head) as text:
        rows = _rows(text, delimiter)
        if shape is None:
            yield from parts_of(opened.name, rows, limits)
        else:
            body = itertools.islice(rows, shape.rows_before, None)
            yield from _in_parts(opened.name, _beyond(body, shape.width, given), limits, shape)


@dataclass(frozen=True, slots=True)
class _Shape:
    """What the beginning of a table tells of it."""

    columns: tuple[str, ...]
    has_header: bool
    lines_before: int
    """Lines over the first row of values: a preamble and the header."""
    rows_before: int

    @property
    def width(self) -> int:
        return len(self.columns)


def _shape_of(lines: list[str], delimiter: str) -> _Shape | None:
    """The shape of a table; None where its beginning is not regular."""
    numbered = list(itertools.islice(_numbered_rows(lines, delimiter), LOOKED_AT))
    rows = [row for _, row in numbered]
    if not rows:
        return None
    width = Counter(len(row) for row in rows).most_common(1)[0][0]
    start = _first_of_width(rows, width)
    has_header = is_header(rows[start:])
    columns = _named(rows[start], width) if has_header else _numbered(width)
    rows_before = start + has_header
    lines_before = numbered[rows_before - 1][0] if rows_before else 0
    return _Shape(columns, has_header, lines_before, rows_before)


def _numbered_rows(lines: list[str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Rows with the number of lines up to their end."""
    if delimiter == " ":
        yield from ((number, cells) for number, line in enumerate(lines, 1) if (cells := line.split()))
        return
    reader = csv.reader(lines, delimiter=delimiter)
    try:
        for row in reader:
            if row and not row[0].startswith("##"):
                yield reader.line_num, row
    except csv.Error:
        return


@dataclass(slots=True)
class _Regular:
    """A table through Arrow. Where Arrow gives up, `given` says how many rows of the right width it gave."""

    opened: Opened
    limits: Limits
    delimiter: str
    shape: _Shape
    given: int = 0
    is_complete: bool = False
    odd: list[str] = field(default_factory=list)
    """Rows of another width, as text."""

    def tables(self) -> Iterator[Table]:
        import pyarrow as pa
        from pyarrow import csv as arrow_csv

        names = [f"c{number}" for number in range(self.shape.width)]
        self.opened.stream.seek(0)
        try:
            reader = arrow_csv.open_csv(
                pa.PythonFile(self.opened.stream, mode="r"),
                arrow_csv.ReadOptions(
                    use_threads=False,
                    block_size=BLOCK_BYTES,
                    column_names=names,
                    skip_rows=self.shape.lines_before,
                ),
                arrow_csv.ParseOptions(delimiter=self.delimiter, invalid_row_handler=self._put_aside),
                arrow_csv.ConvertOptions(
                    column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
                ),
            )
            for batch in reader:
                yield from self._parts(batch)
                yield from self._odd_rows()
        except pa.ArrowInvalid:
            return
        self.is_complete = True
        yield from self._odd_rows()

    def _parts(self, batch: Any) -> Iterator[Table]:
        for start in range(0, batch.num_rows, self.limits.rows_per_part):
            part = batch.slice(start, self.limits.rows_per_part)
            self.given += part.num_rows
            cells = tuple(Cells(column) for column in part.columns)
            yield Table(self.opened.name, self.shape.columns, cells, self.shape.has_header)

    def _put_aside(self, row: Any) -> str:
        if row.text is not None:
            self.odd.append(row.text)
        return "skip"

    def _odd_rows(self) -> Iterator[Table]:
        """Rows that are shorter or longer than the others; runs of blanks make a space-aligned table."""
        if self.odd:
            rows = _cells(self.odd, self.delimiter)
            self.odd = []
            yield from _in_parts(self.opened.name, rows, self.limits, self.shape)


def parts_of(
    name: str, rows: Iterable[list[str]], limits: Limits, has_header: bool | None = None
) -> Iterator[Table]:
    """Rows of cells as tables; whether the first is a header is told from the rows unless it is given."""
    every = iter(rows)
    first = list(itertools.islice(every, LOOKED_AT))
    if not first:
        return
    width = Counter(len(row) for row in first).most_common(1)[0][0]
    start = _first_of_width(first, width)
    first = first[start:]
    header = is_header(first) if has_header is None else has_header
    columns = _named(first[0], width) if header else _numbered(width)
    body = itertools.chain(first[1:] if header else first, every)
    yield from _in_parts(name, body, limits, _Shape(columns, header, 0, 0))


def rows_under(
    columns: Iterable[str], name: str, rows: Iterable[list[str]], limits: Limits, *, has_header: bool = True
) -> Iterator[Table]:
    """Rows of columns that are known, as tables."""
    yield from _in_parts(name, rows, limits, _Shape(tuple(columns), has_header, 0, 0))


def _in_parts(name: str, rows: Iterable[list[str]], limits: Limits, shape: _Shape) -> Iterator[Table]:
    every, width = iter(rows), shape.width
    most = max(1, min(limits.rows_per_part, MOST_CELLS // max(width, 1)))
    while chunk := list(itertools.islice(every, most)):
        filled = [row if len(row) == width else _fitted(row, width) for row in chunk]
        yield Table(name, shape.columns, tuple(zip(*filled, strict=True)), shape.has_header)


def _fitted(row: list[str], width: int) -> list[str]:
    """A longer row keeps its surplus in the last cell, so that nothing is lost."""
    if len(row) > width:
        return [*row[: width - 1], " ".join(row[width - 1 :])]
    return row + [""] * (width - len(row))


def _beyond(rows: Iterable[list[str]], width: int, given: int) -> Iterator[list[str]]:
    """What is left once so many rows of that width were given."""
    for row in rows:
        if given and len(row) == width:
            given -= 1
        elif not given:
            yield row


def delimiter_of(lines: list[str]) -> str | None:
    """The delimiter that divides the lines most evenly; a single blank stands for any run of blanks."""
    told = (line for line in lines if line.strip() and not line.startswith("##"))
    lines = list(itertools.islice(told, LOOKED_AT))
    if not lines:
        return None
    best: tuple[float, int, str] | None = None
    for delimiter in (*DELIMITERS, " "):
        if sum(delimiter in line for line in lines) < 0.6 * len(lines) and delimiter != " ":
            continue
        counts = Counter(len(row) for row in _cells(lines, delimiter))
        width, agreeing = max(counts.items(), key=lambda one: (one[1], one[0]))
        score = (agreeing / len(lines), width, delimiter)
        if width >= 2 and agreeing >= 0.6 * len(lines) and (best is None or score[:2] > best[:2]):
            best = score
    return best[2] if best else None


def is_header(rows: list[list[str]]) -> bool:
    """Whether the first row names columns: no cell of it looks like a value where those below do."""
    if len(rows) < 2:
        return bool(rows) and not any(_is_value(cell) for cell in rows[0])
    first, below = rows[0], rows[1:]
    if any(_is_value(cell) for cell in first if cell.strip()):
        # `31-0.0` and the like are names of fields, not numbers.
        return False
    if len({cell.strip() for cell in first}) < len(first):
        return False
    columns = list(zip(*(row for row in below if len(row) == len(first)), strict=False))
    if any(any(_is_value(cell) for cell in column) for column in columns):
        return True
    # Only words: a header's words do not come again below.
    return not any(first[number] in column for number, column in enumerate(columns))


def _is_value(cell: str) -> bool:
    cell = cell.strip()
    return bool(cell.lower() not in _MISSING and (_NUMBER.fullmatch(cell) or _DATE.fullmatch(cell)))


def _first_of_width(rows: list[list[str]], width: int) -> int:
    """Lines of a preamble are narrower than the table that they stand over."""
    return next((number for number, row in enumerate(rows) if len(row) == width), 0)


def _named(first: list[str], width: int) -> tuple[str, ...]:
    names = (first + [""] * width)[:width]
    return tuple(
        name.strip().lstrip("\ufeff#") or f"column_{number + 1}" for number, name in enumerate(names)
    )


def _numbered(width: int) -> tuple[str, ...]:
    return tuple(f"column_{number + 1}" for number in range(width))


def _whole_lines(text: str, head_length: int) -> list[str]:
    lines = text.splitlines()
    return lines[:-1] if head_length >= HEAD_BYTES and len(lines) > 1 else lines


def _cells(lines: list[str], delimiter: str) -> list[list[str]]:
    if delimiter == " ":
        return [line.split() for line in lines]
    try:
        return [row for row in csv.reader(lines, delimiter=delimiter) if row]
    except csv.Error:
        return [line.split(delimiter) for line in lines]


def _rows(text: TextIO, delimiter: str) -> Iterator[list[str]]:
    if delimiter == " ":
        yield from (cells for line in text if (cells := line.split()))
        return
    csv.field_size_limit(_MOST_CELL)
    reader = csv.reader((line.replace("\0", "") for line in text), delimiter=delimiter)
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error:
            continue
        if row and not row[0].startswith("##"):
            yield row
