"""A text that has tables in it, as parts: tables by their rows, the lines round them as text; no format of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import PurePosixPath

from matcher.contents import Limits, Opened, Table, Text
from matcher.formats.delimited import parts_of
from matcher.formats.encodings import decoded, text_of
from matcher.formats.tables_in_text import tables_of_text
from matcher.sniffing import HEAD_BYTES
from matcher.tables.spellings import headings

MOST_LINE = 16 << 20
PIECE = 1 << 20
MOST_TABLES = 2_000
"""Tables of one file that are told apart; what comes behind them stays text."""
MOST_NARROW = 100
"""Columns up to which a row may be as short as it likes."""

Rows = Iterator[list[str]]
Begun = tuple[Rows, bool | None]
"""The rows of a table, and whether the first names columns."""


class Lines:
    """The lines of a text, with their ends; those that were looked at may be put back."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self._back: list[str] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        return self._back.pop() if self._back else next(self._lines)

    def peek(self) -> str:
        """The next line, "" at the end."""
        line = next(self, "")
        if line:
            self._back.append(line)
        return line

    def put_back(self, lines: list[str]) -> None:
        self._back.extend(reversed(lines))


Recogniser = Callable[[str, Lines], Begun | None]
"""Takes a line and those behind it; where a table begins, its rows, else None with no line taken."""
Verbatim = Callable[[str], bool]
"""Told of every line outside tables, whether it belongs to code that stands in the text."""


def parts_between(
    opened: Opened, limits: Limits, begins: Recogniser, verbatim: Verbatim
) -> Iterator[Table | Text]:
    """Tables as they come, and the text round them in pieces of about 1 MiB."""
    head = opened.stream.read(HEAD_BYTES)
    with text_of(opened.stream, head) as text:
        lines = Lines(iter(lambda: text.readline(MOST_LINE), ""))
        around: list[str] = []
        held = tables = 0
        for line in lines:
            begun = None if verbatim(line) or tables >= MOST_TABLES else begins(line, lines)
            if begun is not None:
                tables += 1
                name = opened.name if tables == 1 else f"{opened.name} table {tables}"
                yield from parts_of(name, begun[0], limits, begun[1])
                continue
            around.append(line)
            held += len(line)
            if held >= PIECE:
                yield from _text("".join(around), opened, limits)
                around, held = [], 0
        if held:
            yield from _text("".join(around), opened, limits)


def _text(text: str, opened: Opened, limits: Limits) -> Iterator[Table | Text]:
    """A text, and the tables that are written out in it, as in the code of a report."""
    yield Text(opened.name, text)
    yield from tables_of_text(opened.name, text, limits)


def surety(name: str, head: bytes, suffixes: tuple[str, ...], begins: Recogniser, verbatim: Verbatim) -> int:
    """5 where a text of that name has a table in its beginning, 3 where one of another name has.

    1 where a text of that name goes on behind what may be looked at; 0 of anything else, and of scripts, whose
    comments hold drawn tables that are nobody's data.
    """
    text = decoded(head)
    ending = PurePosixPath(name).suffix.lower()
    is_named = ending in suffixes
    if text is None or (not is_named and (ending in headings("code_endings") or text.lstrip()[:1] in "{[<")):
        return 0
    lines = Lines(text.splitlines(keepends=True))
    for line in lines:
        if not verbatim(line) and begins(line, lines) is not None:
            return 5 if is_named else 3
    return int(is_named and len(head) >= HEAD_BYTES)


def fitted(cells: list[str], width: int) -> list[str]:
    """As many cells as there are columns; a surplus stays in the last."""
    if len(cells) > width:
        return [*cells[: width - 1], " ".join(cells[width - 1 :])]
    return cells + [""] * (width - len(cells))


def is_too_short(count: int, width: int) -> bool:
    """Whether so few cells are no row of so wide a table: short rows would unfold to many times what they take."""
    return width > MOST_NARROW and 2 * count < width
