"""Tables as text: comma, tab, semicolon, bar, blanks or any other sign between cells, in any encoding.

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

from matcher.contents import Cells, Limits, Opened, Table, Text
from matcher.formats.encodings import decoded, encoding_of, text_of

FORMAT = "csv"
ROW_NAME = "row_name"
"""The name of a column that R gives none."""
DELIMITERS = (",", "\t", ";", "|")
_KNOWN = " " + "".join(DELIMITERS)
_NO_DELIMITERS = frozenset(" \"'-_./+\r\n\f\v\0\x85\xa0\ufeff").union(DELIMITERS)
_RECORD_END = "\x1e"
"""What ends rows where ASCII's own separators are used and there are no lines."""
LOOKED_AT = 60
_MOST_LINES = 5
"""Lines of a row that has line breaks in its cells."""
HEAD_BYTES = 64 << 10
BLOCK_BYTES = 4 << 20
MOST_CELLS = 2_000_000
"""Cells of one part: a wide table comes in fewer rows a part."""
_SECTION = re.compile(r"\s*\[[A-Za-z ]{2,30}\]\s*\n")
_NUMBER = re.compile(r"[-+]?(\d[\d ,.]*|\.\d+)([eE][-+]?\d+)?%?")
_DATE = re.compile(r"\d{1,4}(?:([-/.])\d{1,2}\1|年\d{1,2}月)\d{1,4}日?([ T]\d{1,2}:\d{2}.*)?")
"""`34-0.0` is the name of a field."""
_MISSING = {"", "na", "nan", "null", "none", "n/a", ".", "-"}
_MOST_CELL = 1 << 20


def sniff(name: str, head: bytes) -> int:
    """3 where the name says so and rows agree, 2 where only the rows do, 0 where they do not."""
    text = decoded(head)
    if text is None or (text.lstrip()[:1] in ("{", "[", "<") and not _SECTION.match(text)):
        return 0
    lines = _whole_lines(text, len(head))
    delimiter = delimiter_of(lines)
    if delimiter is None:
        return 0
    is_named = name.lower().endswith((".csv", ".tsv", ".tab", ".psv"))
    rows = _whole_rows(lines[:LOOKED_AT], delimiter)
    # Prose and code have commas too; a table has the same number of cells in nearly every row.
    counts = Counter(len(row) for row in rows)
    width, agreeing = counts.most_common(1)[0]
    if _SECTION.match(text) and width > 2:  # what stands over Illumina's reports is narrower than they are
        rows = rows[_first_of_width(rows, width) :]
    is_table = is_named or (len(rows) >= 3 and width >= 2 and agreeing >= 0.95 * len(rows))
    if delimiter == " " and (agreeing < len(rows) or lines[0].endswith(" \\")):
        return int(is_table)  # cells may be empty or hold blanks: `fixed_width` tells where they stand
    return (3 if is_named else 2) if is_table else 0


def read(opened: Opened, limits: Limits) -> Iterator[Table | Text]:
    """What stands over the table as text, and its rows in parts of `limits.rows_per_part`.

    Short rows are filled, long ones kept to the usual width.
    """
    head = opened.stream.read(HEAD_BYTES)
    lines = _whole_lines(decoded(head) or "", len(head))
    delimiter = delimiter_of(lines) or ","
    shape = _shape_of(lines, delimiter)
    given = 0
    end = _end_of(decoded(head) or "")
    is_plain = delimiter.isascii() and end == "\n" and encoding_of(head) in ("utf-8", "utf-8-sig")
    if delimiter == " " and any("  " in line or "\t" in line for line in lines):
        is_plain = False  # to Arrow each blank of a run is a delimiter
    if shape is not None and shape.preamble:
        yield Text(opened.name, "\n".join(lines[: shape.preamble]))
    if shape is not None and is_plain:
        regular = _Regular(opened, limits, delimiter, shape)
        yield from regular.tables()
        if regular.is_complete:
            return
        given = regular.given
    with text_of(opened.stream, head) as text:
        rows = _rows(text if end == "\n" else _records(text), delimiter)
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
    def preamble(self) -> int:
        """Lines over the table that are none of it."""
        return self.lines_before - self.has_header

    @property
    def width(self) -> int:
        return len(self.columns)


def _shape_of(lines: list[str], delimiter: str) -> _Shape | None:
    """The shape of a table; None where its beginning is not regular."""
    numbered = list(itertools.islice(_numbered_rows(lines, delimiter), LOOKED_AT))
    rows = [row for _, row in numbered]
    if not rows:
        return None
    columns, has_header, rows_before = _head_of(rows)
    lines_before = numbered[rows_before - 1][0] if rows_before else 0
    return _Shape(columns, has_header, lines_before, rows_before)


def _head_of(rows: list[list[str]], has_header: bool | None = None) -> tuple[tuple[str, ...], bool, int]:
    """A table's columns, whether they are names that stand over it, and how many rows come before the first of values.

    R names rows and gives their column no name: its header is one cell shorter.
    """
    width = Counter(len(row) for row in rows).most_common(1)[0][0]
    start = _first_of_width(rows, width)
    if is_header(rows[start:]) if has_header is None else has_header:
        return _named(rows[start], width), True, start + 1
    above = rows[start - 1] if start and has_header is None else []
    if len(above) == width - 1 >= 2 and is_header([[ROW_NAME, *above], *rows[start:]]):
        return _named([ROW_NAME, *above], width), True, start
    return _numbered(width), False, start


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
    columns, header, before = _head_of(first, has_header)
    body = itertools.chain(first[before:], every)
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
        rows = _whole_rows(lines, delimiter)
        counts = Counter(len(row) for row in rows)
        width, agreeing = max(counts.items(), key=lambda one: (one[1], one[0]))
        count = max(len(rows), len(lines) / _MOST_LINES)
        score = (agreeing / count, width, delimiter)
        if width >= 2 and agreeing >= 0.6 * count and (best is None or score[:2] > best[:2]):
            best = score
    known = best[2] if best else None
    rare = _rare_delimiter(lines, is_alone=known is None)
    return rare if rare and (known is None or _share(lines, rare) > _share(lines, known)) else known


def _rare_delimiter(lines: list[str], *, is_alone: bool) -> str | None:
    """Any other sign that divides every line into as many cells, if two columns of them are values.

    A colon stands in times of day, and `<` before values that were too small to tell: where another sign may divide
    the lines as well, cells do not begin or end with it.
    """
    best: tuple[int, str] | None = None
    for sign in set(lines[0]) - _NO_DELIMITERS if len(lines) >= 3 else ():
        if sign.isalnum() or len({one.count(sign) for one in lines}) > 1:
            continue
        rows = _cells(lines, sign)
        width, values = len(rows[0]), value_columns(rows[1:])
        is_told = is_alone and _divides_no_times(rows) if sign == ":" else values >= 2
        if not is_alone and any(cell != cell.strip(_KNOWN) for row in rows for cell in row):
            continue
        if width >= 3 and is_told and all(len(row) == width for row in rows):
            best = max(best or (0, ""), (values, sign))
    return best[1] if best else None


def _divides_no_times(rows: list[list[str]]) -> bool:
    """Whether colons stand between the cells of a table, not in times of day, addresses or names of variants."""
    width, values = len(rows[0]), value_columns(rows[1:])
    is_long = any(len(cell) > 3 and is_value(cell) for cell in rows[1])
    return is_long and values >= 3 and (width >= 6 or (width >= 4 and is_header(rows)))


def _share(lines: list[str], delimiter: str) -> float:
    """The share of columns that are values."""
    rows = _cells(lines, delimiter)
    return value_columns(rows[1:]) / max(1, min(map(len, rows), default=1))


def is_header(rows: list[list[str]]) -> bool:
    """Whether the first row names columns: no cell of it looks like a value where those below do."""
    if len(rows) < 2:
        return bool(rows) and not any(is_value(cell) for cell in rows[0])
    first, below = rows[0], rows[1:]
    if any(is_value(cell) for cell in first if cell.strip()):
        # `31-0.0` and the like are names of fields, not numbers.
        return False
    columns = list(zip(*(row for row in below if len(row) == len(first)), strict=False))
    counts = Counter(cell.strip() for cell in first)
    for name, column in zip(first, columns, strict=False):
        # A name may come again over values; a row with cells that are empty or alike is no header.
        if counts[name.strip()] > 1 and bool(name.strip()) != bool(value_columns([[one] for one in column])):
            return False
    if not columns and len(counts) < len(first):
        return False
    if any(any(is_value(cell) for cell in column) for column in columns):
        return True
    # Only words: a header's words do not come again below.
    return not any(first[number] in column for number, column in enumerate(columns))


def is_value(cell: str) -> bool:
    """Whether a cell is a number or a date; what is missing is neither."""
    cell = cell.strip()
    return bool(cell.lower() not in _MISSING and (_NUMBER.fullmatch(cell) or _DATE.fullmatch(cell)))


def value_columns(rows: list[list[str]]) -> int:
    """How many columns of rows hold numbers or dates wherever they hold anything, in at least two rows."""
    found = 0
    for column in zip(*rows, strict=False):
        told = [cell for cell in column if cell.strip().lower() not in _MISSING]
        found += len(told) >= min(2, len(rows)) and sum(map(is_value, told)) >= 0.8 * len(told)
    return found


def _first_of_width(rows: list[list[str]], width: int) -> int:
    """Lines of a preamble are narrower than the table that they stand over."""
    return next((number for number, row in enumerate(rows) if len(row) == width), 0)


def _named(first: list[str], width: int) -> tuple[str, ...]:
    names = (first + [""] * width)[:width]
    return tuple(
        name.strip().lstrip("\ufeff#").strip('"') or f"column_{number + 1}"
        for number, name in enumerate(names)
    )


def _numbered(width: int) -> tuple[str, ...]:
    return tuple(f"column_{number + 1}" for number in range(width))


def _whole_lines(text: str, head_length: int) -> list[str]:
    lines = re.split("\r\n|\r|\n" if _end_of(text) == "\n" else _RECORD_END, text)
    lines = lines if lines[-1] else lines[:-1]
    return lines[:-1] if head_length >= HEAD_BYTES and len(lines) > 1 else lines


def _end_of(text: str) -> str:
    return _RECORD_END if _RECORD_END in text and "\n" not in text and "\r" not in text else "\n"


def _records(text: TextIO) -> Iterator[str]:
    """Rows that end with ASCII's sign for it; one longer than any honest row is cut."""
    rest = ""
    while piece := text.read(HEAD_BYTES):
        *rows, rest = (rest + piece).split(_RECORD_END)
        yield from rows if len(rest) <= BLOCK_BYTES else (*rows, rest)
        rest = rest if len(rest) <= BLOCK_BYTES else ""
    yield rest


def _whole_rows(lines: list[str], delimiter: str) -> list[list[str]]:
    """The rows of some lines; the last is left out where rows have several lines, as it may be cut."""
    rows = _cells(lines, delimiter)
    has_several = 2 < len(rows) < 0.9 * sum(map(bool, lines))
    return rows[:-1] if has_several else rows


def _cells(lines: list[str], delimiter: str) -> list[list[str]]:
    if delimiter == " ":
        return [line.split() for line in lines]
    try:
        return [row for row in csv.reader(lines, delimiter=delimiter) if row]
    except csv.Error:
        return [line.split(delimiter) for line in lines]


def _rows(text: Iterable[str], delimiter: str) -> Iterator[list[str]]:
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
