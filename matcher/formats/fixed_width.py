"""Tables whose columns are told by where they stand in a line: printed frames, SQL shells, columns filled with blanks.

A column is a run of positions between positions that are blank in the first lines, header included, so that a cell may
be empty or hold several words. What stands over, between and under such tables is text.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain, islice, pairwise, starmap
from operator import itemgetter
from typing import Any
from unicodedata import combining, east_asian_width

import numpy as np
import numpy.typing as npt

from matcher.contents import Limits, Opened, Table, Text
from matcher.formats.headers import is_header, is_value, value_columns
from matcher.formats.markdown_parts import Begun, Lines, Rows, is_too_short, parts_between, surety

FORMAT = "fixed-width"
_WINDOW = 60
"""Lines that tell the columns."""
_FEWEST = 6
"""Lines of the shortest table: names and what `head` prints."""
_ENOUGH = 10
"""Lines whose columns are believed where more lines agree on fewer: another table may follow right below."""
_COLUMNS = 3
_MOST_TRIES = 200
"""Places of a file where a table might begin and none did; behind so many it is text."""
_MOST_LINE = 1 << 16
_LOOKED_AT = 2_000
"""Letters of a line in which values are looked for."""
_RULE = re.compile(r" *[-=]+(?: +[-=]+)+ *")
_A_VALUE = re.compile(r"(?:^| )[-+.]{0,2}\d")
_TWO_VALUES = re.compile(r"(?:^| )[-+.]{0,2}\d[^ ]* (?:.* )?[-+.]{0,2}\d")
_FOOTER = re.compile(r" *\(\d+ rows?[^)]{0,40}\) *")
_DRAWN = {
    sign: "=" if chr(sign) == "═" else "-" if chr(sign) in "─━┄┅┈┉╌╍" else " "
    for sign in range(0x2500, 0x2580)
}
"""SQLite, PostgreSQL, DuckDB and polars draw frames."""
_WORD = re.compile(r"[^ ]+")
_MISSING = {"na", "nan", "nat", "<na>", "null", "(null)", "none", "."}

Places = npt.NDArray[np.bool_]
Column = tuple[int, int]


def sniff(name: str, head: bytes) -> int:
    """2 where the beginning of a text that is no script has such a table in it; a table of any other kind is surer."""
    has_gaps = b"  " in head or b"\0" in head
    return 2 * (has_gaps and surety(name, head, (), _Begins(), str.isspace) > 0)


def read(opened: Opened, limits: Limits) -> Iterator[Table | Text]:
    """Tables as they come, blocks side by side as tables of their own, and the text round them."""
    yield from parts_between(opened, limits, _Begins(), str.isspace)


@dataclass(frozen=True)
class _Layout:
    """Where the cells of a line stand."""

    columns: tuple[Column, ...]
    cuts: tuple[int, ...]
    """The position behind each column but the last that is blank in a line as most are."""
    is_shown: bool
    """Signs that are shown two columns wide take two positions."""
    header: tuple[str, ...] = ()
    is_block: bool = False
    """One of several blocks side by side: what comes behind a blank line is the next."""

    def line(self, line: str) -> str:
        text = _without_frame(line)
        return _as_shown(text) if self.is_shown and not text.isascii() else text

    def cells(self, text: str) -> list[str] | None:
        """The cells of a line, None where a word of it stands in two columns or the line is far too short."""
        if is_too_short(bisect_left(self.columns, (len(text),)), len(self.columns)):
            return None
        text = text.ljust(self.cuts[-1] + 1)
        if "".join(self._signs_at(text)).isspace():
            cells = list(map(str.strip, self._pieces(text)))
        else:
            moved = self._moved(text)
            if moved is None:
                return None
            cells = [text[a:b].strip() for a, b in pairwise((0, *moved, len(text)))]
        return [cell.replace("\0", "") for cell in cells] if self.is_shown else cells

    @cached_property
    def _signs_at(self) -> Callable[[str], tuple[str, ...]]:
        """What takes the signs at the cuts from a line, in one go."""
        return itemgetter(*self.cuts)

    @cached_property
    def _pieces(self) -> Callable[[str], tuple[str, ...]]:
        return itemgetter(*starmap(slice, pairwise((0, *self.cuts, None))))

    def _moved(self, text: str) -> tuple[int, ...] | None:
        """Cuts for a line whose cells are longer than those that told the columns."""
        cuts: list[int] = []
        for cut, ((_, end), (start, _)) in zip(self.cuts, pairwise(self.columns), strict=True):
            at = cut if text[cut] == " " else text.rfind(" ", end, start)
            if at < 0:
                return None
            cuts.append(at)
        return tuple(cuts)

    def odd_cells(self, text: str) -> list[str]:
        """The cells of a line that is not aligned: word by word, or each word where most of it stands."""
        words = text.replace("\0", "").split()
        if len(words) == len(self.columns):
            return words
        cells = [""] * len(self.columns)
        ends = [end for _, end in self.columns]
        for word in _WORD.finditer(text):
            at = min(int(np.searchsorted(ends, word.start(), "right")), len(ends) - 1)
            cells[at] = f"{cells[at]} {word[0]}".strip().replace("\0", "")
        return cells

    def begins_again(self, cells: list[str]) -> bool:
        """Whether a line names other columns over rows whose names have no title, as R prints wide frames."""
        return bool(self.header) and not self.header[0] and not cells[0] and not any(map(is_value, cells))


_Told = tuple[_Layout, int, list[str]]
"""A layout, the lines over the second row to give (a header, and a rule below it), and the first row to give."""


class _Begins:
    """Tells where a table begins; tried only where lines with values begin, and over rules."""

    def __init__(self) -> None:
        self._tries = 0
        self._was_row = False
        self._after_block = False

    def __call__(self, line: str, lines: Lines) -> Begun | None:
        line = _without_frame(line)
        was_row, self._was_row = self._was_row, _is_row(line)
        if self._tries >= _MOST_TRIES or not line.strip() or len(line) >= _MOST_LINE:
            return None
        if was_row and self._was_row:
            return None
        if not self._was_row and not _are_names([line, *_looked_at(lines, 2)]):
            return None
        window = [line, *_looked_at(lines, _WINDOW)]
        looks = _A_VALUE if self._after_block else _TWO_VALUES
        told = sum(looks.search(line, 0, _LOOKED_AT) is not None for line in window[1:_ENOUGH])
        if len(window) < _FEWEST or 2 * told < len(window[1:_ENOUGH]):
            return None
        is_block = window[0].endswith(" \\")
        fewest = 2 if is_block or self._after_block else _COLUMNS
        begun = _begun(window, lines, fewest)
        self._tries += begun is None
        if begun is not None:
            self._was_row, self._after_block = False, is_block
        return begun


def _looked_at(lines: Lines, most: int) -> list[str]:
    """The lines that follow, up to a blank one; none is taken."""
    taken: list[str] = []
    for line in islice(lines, most):
        taken.append(line)
        if not line.strip() or len(line) >= _MOST_LINE:
            break
    lines.put_back(taken)
    told = taken[:-1] if taken and (not taken[-1].strip() or len(taken[-1]) >= _MOST_LINE) else taken
    return list(map(_without_frame, told))


def _are_names(window: list[str]) -> bool:
    """Whether what stands under a line is a row or a rule, or the name of an index and then a row."""
    if len(window) < 3:
        return False
    line, first, second = window
    if _RULE.fullmatch(first) or (_A_VALUE.search(first, 0, _LOOKED_AT) and _values(first, 1)):
        return True
    return line[:1] == " " and len(first.split()) == 1 and _is_row(second)


def _is_row(line: str) -> bool:
    """Whether at least two words of a line are values; most lines do not even look so."""
    return _TWO_VALUES.search(line, 0, _LOOKED_AT) is not None and _values(line, 2)


def _values(line: str, least: int) -> bool:
    told = (word for word in line[:_LOOKED_AT].split() if _is_told(word))
    return len(list(islice(told, least))) == least


def _is_told(word: str) -> bool:
    return word[-1] not in ",;" and is_value(word)


def _begun(window: list[str], lines: Lines, fewest: int) -> Begun | None:
    is_block = window[0].endswith(" \\")
    if is_block:
        window[0] = window[0][:-1].rstrip()
    if "\t" in "".join(window[:_FEWEST]):
        return None
    best: _Told | None = None
    for told in _windows(window):
        if best is not None and len(told) < _ENOUGH:
            break
        found = [best, _table(told, fewest, is_shown=False, is_block=is_block)]
        if not all(map(str.isascii, told)):
            found.append(_table(list(map(_as_shown, told)), fewest, is_shown=True, is_block=is_block))
        best = max(filter(None, found), key=lambda one: len(one[0].columns), default=None)
    if best is None:
        return None
    layout, above, first = best
    for _ in range(above - 1):  # the line that was tried is taken already
        next(lines)
    return chain([first], _rows(layout, lines)), bool(layout.header)


def _windows(window: list[str]) -> Iterator[list[str]]:
    """All lines; those before one that has no values, which may begin the next block or follow on a short table."""
    yield window
    ends = (n for n, line in enumerate(window) if n >= _FEWEST and not any(map(_is_told, line.split())))
    yield from (window[:end] for end in islice(ends, 1))


def _rows(layout: _Layout, lines: Lines) -> Rows:
    """The rows up to where lines no longer fit; rules and names that come again on every page are passed over."""
    header = list(layout.header)
    for line in lines:
        text = layout.line(line)
        if not text.strip():
            following = layout.line(lines.peek())
            if layout.is_block or not _goes_on(layout, following):
                lines.put_back([line])
                return
            continue
        if _RULE.fullmatch(text):
            continue
        cells = layout.cells(text)
        if cells is None and len(line) < _MOST_LINE and _goes_on(layout, layout.line(lines.peek())):
            cells = layout.odd_cells(text)
        elif cells is None or layout.begins_again(cells) or _FOOTER.fullmatch(text):
            lines.put_back([line])
            return
        if cells != header:
            yield cells


def _goes_on(layout: _Layout, text: str) -> bool:
    cells = layout.cells(text)
    return cells is not None and sum(map(bool, cells)) > 1 and not layout.begins_again(cells)


def _table(lines: list[str], fewest: int, *, is_shown: bool, is_block: bool) -> _Told | None:
    """What the lines agree on, or None."""
    ruled = len(lines) > 2 and _RULE.fullmatch(lines[1]) is not None
    body = [line for line in lines[1:] if not (ruled and _RULE.fullmatch(line))]
    columns = [one.span() for one in _WORD.finditer(lines[1])] if ruled else _columns(lines, fewest)
    if not columns or not body:
        return None
    layout = _Layout(tuple(columns), _cuts(columns, _places(body)), is_shown, (), is_block)
    rows = [cells for line in body if (cells := layout.cells(line)) is not None]
    if len(rows) < max(1, len(body) - _most_odd(len(body))):
        return None
    above = layout.cells(lines[0])
    if above is None and not ruled and all(map(_is_of_words, zip(*rows, strict=True))):
        above = _names_beside(lines[0].split(), len(columns))
    if above is None:
        return None
    has_header = ruled or is_header([above, *rows])
    if not _is_of_values(above, rows, has_header=has_header, is_sure=ruled or fewest < _COLUMNS):
        return None
    return replace(layout, header=tuple(above) if has_header else ()), 2 if ruled else 1, above


def _columns(lines: list[str], fewest: int) -> list[Column]:
    """The columns that lines agree on; none where they are too few, or where a blank between cells tells more."""
    columns = _agreed(_places(lines))
    width, even = Counter(len(line.split()) for line in lines[1:]).most_common(1)[0]
    if len(columns) < fewest or (width > len(columns) and even >= 0.95 * (len(lines) - 1)):
        return []
    joined = _joined(lines[0], columns, lines[1:])
    return joined if len(joined) >= fewest else []


def _is_of_words(column: tuple[str, ...]) -> bool:
    """Whether nearly all cells are one word, so that no column was taken for a part of its neighbour."""
    return sum(" " in cell for cell in column) <= 0.1 * len(column)


def _names_beside(words: list[str], width: int) -> list[str] | None:
    """Names that do not stand over their columns, one each; rows may have names of their own besides."""
    if len(words) == width:
        return words
    return ["", *words] if len(words) == width - 1 else None


def _is_of_values(above: list[str], rows: list[list[str]], *, has_header: bool, is_sure: bool) -> bool:
    """Whether enough columns, and enough of the words, are values, as in no prose, code or list of contents.

    More are asked for where not all columns but the first, which an index may be, have names.
    """
    values = value_columns(rows)
    if is_sure:
        return values >= 1
    words = [word for row in rows for cell in row for word in cell.split()]
    told = sum(_is_told(word) or word.lower() in _MISSING for word in words)
    if has_header and all(above[1:]):
        return values >= 2 and told >= 0.35 * len(words)
    filled = sum(bool(cell) for row in rows for cell in row)
    is_full = len(rows) >= _ENOUGH - 1 and filled >= 0.5 * len(rows) * len(above)
    return is_full and values >= 3 and told >= 0.5 * len(words)


def _places(lines: list[str]) -> Places:
    """Which positions of which lines (lines × positions) are not blank."""
    width = max(map(len, lines))
    signs = "".join(line.ljust(width) for line in lines).encode("utf-32-le", "replace")
    return np.asarray(np.frombuffer(signs, np.uint32).reshape(len(lines), width) != ord(" "))


def _agreed(places: Places) -> list[Column]:
    """The columns that all lines agree on, but for a few that have a word in two columns of all others.

    A column that few lines have anything in is one all the same, as no word leads from it into its neighbour.
    """
    most = _most_odd(len(places))
    likely = _runs(places.sum(axis=0) > most)
    sums = np.zeros((len(places), places.shape[1] + 1), np.int32)
    np.cumsum(places, axis=1, out=sums[:, 1:])
    odd = np.zeros(len(places), np.bool_)
    for (_, end), (start, _) in pairwise(likely):
        odd |= sums[:, start + 1] - sums[:, end - 1] == start - end + 2
    if odd.sum() > max(most, 1):
        return []
    kept: Any = places[~odd]
    return _runs(kept.any(axis=0)) if len(kept) else []


def _runs(is_filled: npt.NDArray[np.bool_]) -> list[Column]:
    edges = np.flatnonzero(np.diff(np.concatenate(([0], is_filled.view(np.int8), [0]))))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def _joined(names: str, columns: list[Column], body: list[str]) -> list[Column]:
    """The columns without those that only the words of a cell make: a neighbour's name stands over them, or nothing."""
    cells = [[line[start:end].strip() for start, end in columns] for line in [names, *body]]
    named = [bool(cell) for cell in cells[0]]
    worded = [not value_columns([[cell] for cell in column]) for column in zip(*cells[1:], strict=True)]
    at_end = sum(names[end - 1 : end].strip() != "" for _, end in columns)
    at_start = sum(names[start : start + 1].strip() != "" for start, _ in columns)
    if any(map(is_value, cells[0])):
        return columns
    to_right, joined = at_end >= at_start, [columns[0]]
    for number in range(1, len(columns)):
        extra = number - 1 if to_right else number
        is_apart = columns[number][0] - columns[number - 1][1] > 1 or named[extra]
        if is_apart or not (worded[number] and worded[number - 1]):
            joined.append(columns[number])
        else:
            joined[-1] = (joined[-1][0], columns[number][1])
    return joined


def _cuts(columns: list[Column], body: Places) -> tuple[int, ...]:
    """Where lines are cut: right before columns that are aligned on the left, else right behind the one before."""
    cuts: list[int] = []
    for (_, end), (start, next_end) in pairwise(columns):
        filled = body[:, start:next_end].any(axis=1).sum()
        on_the_left = body[:, start].sum() if start < body.shape[1] else 0
        cuts.append(start - 1 if on_the_left >= 0.95 * filled else end)
    return tuple(cuts)


def _most_odd(lines: int) -> int:
    return lines // 12


def _without_frame(line: str) -> str:
    """A line without its end, and with blanks and dashes for the lines that are drawn round its cells."""
    text = line.rstrip("\r\n")
    return text if text.isascii() else text.translate(_DRAWN)


def _as_shown(line: str) -> str:
    """The line with a filler behind what is shown two columns wide, and none of what takes no room."""
    if line.isascii():
        return line
    signs = (sign for sign in line if not combining(sign))
    return "".join(sign + "\0" if east_asian_width(sign) in "WF" else sign for sign in signs)
