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
from pathlib import PurePosixPath
from typing import Any, TextIO

from matcher.contents import Cells, Limits, Opened, Table, Text
from matcher.formats.delimiters import (
    DELIMITERS,
    LOOKED_AT,
    between_blanks,
    cells_of,
    delimiter_of,
    whole_rows,
)
from matcher.formats.encodings import decoded, encoding_of, text_of
from matcher.formats.headers import MISSING, first_of_width, head_of, is_value
from matcher.tables.spellings import headings

FORMAT = "csv"
_RECORD_END = "\x1e"
"""What ends rows where ASCII's own separators are used and there are no lines."""
HEAD_BYTES = 64 << 10
BLOCK_BYTES = 4 << 20
MOST_CELLS = 2_000_000
"""Cells of one part: a wide table comes in fewer rows a part."""
_LONGEST_HEAD = 16 << 20
_FEWEST_LINES = 8
"""Lines that tell the shape of a table; of wide ones they do not stand in the first `HEAD_BYTES`."""
_WIDE = 500
_LEAST_OF_WIDE = 0.8
"""Of the cells of a wide row those that are numbers, dates or missing."""
_TOKEN = re.compile(r"[\w.:/|%#-]{1,80}")
_LINES_A_BLOCK = 4
_MOST_BY_ARROW = 200
"""Columns of a table above which Arrow takes more memory and time than rows that are read one by one."""
_SECTION = re.compile(r"\s*\[[A-Za-z ]{2,30}\]\s*\n")
_MOST_CELL = 1 << 20


def sniff(name: str, head: bytes) -> int:
    """3 where the name says so and rows agree, 2 where only the rows do, 0 where they do not."""
    text = decoded(head)
    if text is None or (text.lstrip()[:1] in ("{", "[", "<") and not _SECTION.match(text)):
        return 0
    lines = _whole_lines(text, len(head))
    delimiter = delimiter_of(lines)
    if delimiter is None or (delimiter not in DELIMITERS and _is_named_as_code(name)):
        return 0
    is_named = name.lower().endswith((".csv", ".tsv", ".tab", ".psv"))
    rows = whole_rows(lines[:LOOKED_AT], delimiter)
    # Prose and code have commas too; a table has the same number of cells in nearly every row.
    counts = Counter(len(row) for row in rows)
    width, agreeing = counts.most_common(1)[0]
    if _SECTION.match(text) and width > 2:  # what stands over Illumina's reports is narrower than they are
        rows = rows[first_of_width(rows, width) :]
    is_table = is_named or (len(rows) >= 3 and width >= 2 and agreeing >= 0.95 * len(rows))
    if delimiter == " " and (agreeing < len(rows) or lines[0].endswith(" \\")):
        return int(is_table)  # cells may be empty or hold blanks: `fixed_width` tells where they stand
    if not is_table and len(head) >= HEAD_BYTES and len(rows) < 3:
        is_drawn = text.lstrip().startswith("|")  # as Markdown does
        return int(not is_drawn and all(map(_is_wide, rows)))  # whatever else could be told is surer
    return (3 if is_named else 2) if is_table else 0


def _is_wide(row: list[str]) -> bool:
    """Whether a line that takes much of what may be looked at is a row of values or of names, and no prose or code."""
    cells = [cell.strip() for cell in row[1:-1]]  # the last may be cut
    if len(cells) < _WIDE:
        return False
    values = sum(is_value(cell) or cell.lower() in MISSING for cell in cells)
    if values >= _LEAST_OF_WIDE * len(cells):
        return True
    return len(set(cells)) == len(cells) and all(map(_TOKEN.fullmatch, cells))


def read(opened: Opened, limits: Limits) -> Iterator[Table | Text]:
    """What stands over the table as text, and its rows in parts of `limits.rows_per_part`.

    Short rows are filled, long ones kept to the usual width.
    """
    head = _beginning(opened)
    lines = _whole_lines(decoded(head) or "", len(head))
    if len(lines) < 2 and len(head) >= HEAD_BYTES:  # a list in one line
        from matcher.formats.plain_text import read as read_text

        opened.stream.seek(0)
        yield from read_text(opened, limits)
        return
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
        regular = _Regular(opened, limits, delimiter, shape, longest=max(map(len, lines)))
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


def _beginning(opened: Opened) -> bytes:
    """What tells the shape of a table: more than a recogniser may look at where its lines are long."""
    head = opened.stream.read(HEAD_BYTES)
    while (
        max(head.count(b"\n"), head.count(b"\r")) <= _FEWEST_LINES and HEAD_BYTES <= len(head) < _LONGEST_HEAD
    ):
        more = opened.stream.read(len(head))
        if not more:
            break
        head += more
    return head


def _is_named_as_code(name: str) -> bool:
    """Whether blanks and signs are the language's, as in a list of constants (`ERROR = 1`)."""
    return PurePosixPath(name).suffix.lower() in headings("code_endings")


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
    columns, has_header, rows_before = head_of(rows)
    lines_before = numbered[rows_before - 1][0] if rows_before else 0
    return _Shape(columns, has_header, lines_before, rows_before)


def _numbered_rows(lines: list[str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Rows with the number of lines up to their end."""
    if delimiter == " ":
        told = ((number, between_blanks(line)) for number, line in enumerate(lines, 1))
        yield from ((number, cells) for number, cells in told if cells)
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
    longest: int = 0
    """Signs of the longest line that was looked at."""
    given: int = 0
    is_complete: bool = False
    odd: list[str] = field(default_factory=list)
    """Rows of another width, as text."""

    def tables(self) -> Iterator[Table]:
        import pyarrow as pa
        from pyarrow import csv as arrow_csv

        names = [f"c{number}" for number in range(self.shape.width)]
        # Arrow sets aside a whole block's bytes for every column.
        block = min(BLOCK_BYTES, self.limits.memory_bytes // (4 * len(names)))
        if len(names) > _MOST_BY_ARROW or block < _LINES_A_BLOCK * self.longest:
            return
        self.opened.stream.seek(0)
        try:
            reader = arrow_csv.open_csv(
                pa.PythonFile(self.opened.stream, mode="r"),
                arrow_csv.ReadOptions(
                    use_threads=False,
                    block_size=block,
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
            rows = cells_of(self.odd, self.delimiter)
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
    columns, header, before = head_of(first, has_header)
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


def _rows(text: Iterable[str], delimiter: str) -> Iterator[list[str]]:
    if delimiter == " ":
        yield from (cells for line in text if (cells := between_blanks(line)))
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
