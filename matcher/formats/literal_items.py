"""Flat lists and records of plain values in the text of a program, found by brackets; nothing is evaluated.

An item is `[1, 2.5, "x"]`, `c(1L, NA)`, `{'a': 1, 'b': None}` or `list(a = 1, b = "x")`: scalars alone, in any of the
ways in which Python, R, JavaScript, MATLAB, Julia and their kin write them. A variable, a range or a call inside
makes it none. The text comes in pieces; an item may cross them. Time is linear in the text, since the search goes on
where an item broke off, and what is held is one item and the end of the last piece.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from matcher.formats.literal_screen import regions_of

MOST_CELLS = 2_000_000
"""Cells of one list; a longer one is none."""
LEAD = 400
"""Letters before an item that are kept with it: its name, and what stands between it and the one before."""
_MARGIN = 8_192
"""Longer than any one element, so that none is cut where a piece ends."""
_LEAST_PIECE = 1 << 18
"""Letters that are waited for, since more has to be looked at closely where a piece ends."""
_STRING = r""""(?:[^"\\\n]|\\.){0,2000}+"|'(?:[^'\\\n]|\\.){0,2000}+'|`(?:[^`\\\n]|\\.){0,2000}+`"""
_NUMBER = r"[-+]?+(?:\d[\d_]*+(?:\.\d*+)?+|\.\d++)(?:[eE][-+]?\d++)?+[LnfF]?+"
_WORD = (
    r"(?:(?:pd|np|numpy|math)\.)?+(?:NA(?:_[a-z]++_)?+|NaN|nan|NaT|None|null|NULL|nil|undefined|missing|nothing|"
    r"[Tt]rue|[Ff]alse|TRUE|FALSE|T|F)(?![\w.(\[])"
)
_WRAPPED = (
    r"(?P<call>(?:np|numpy)\.(?:float|int|uint|str|bool|datetime)\w*+|(?:pd\.)?+Timestamp|(?:datetime\.)?+date(?:time)?+|"
    r"Decimal|as\.Date|(?:new )?+Date|float|int|str)"
    rf"\(\s{{0,20}}+(?P<inner>{_STRING}|{_NUMBER}|{_WORD})(?P<others>[^()\[\]{{}}\n]{{0,80}}+)\)"
)
_PASSED = r"(?:\s{1,500}+|#[^\n]{0,300}+|//[^\n]{0,300}+|%[^\n]{0,300}+|\.\.\.[ \t]*+\n){0,20}+"
"""Blanks, comments, and MATLAB's sign that a row goes on."""
_KEY = rf"(?:(?P<key>{_STRING}|:?[A-Za-z_.][\w.]{{0,200}}+|\d{{1,20}}+)\s{{0,20}}+(?P<sep>=>|:=?|=)(?![=~])\s{{0,99}}+)"
_VALUE = (
    rf"(?:(?P<quoted>{_STRING})|(?P<plain>{_NUMBER}|{_WORD}|~[\w.]{{1,200}}+|~`[^`\n]{{1,200}}+`)|{_WRAPPED})"
)
_ELEMENT = re.compile(rf"{_PASSED}{_KEY}?+{_VALUE}(?P<end>{_PASSED}[,;\])}}]|\s{{1,500}}+)")
_OPENS = re.compile(r"[\[({]")
_BEGINS = re.compile(rf"(?={_PASSED}{_KEY}?+{_VALUE}(?:\s{{0,500}}+[,;]|\s{{1,500}}+[^\s\])}}]))")
_CLOSES = re.compile(rf"{_PASSED}[\])}}]")
_SIMPLE = rf"""\s*+(?:{_NUMBER}|{_WORD}|"[^"\\\n,]*+"|'[^'\\\n,]*+')\s*+"""
_ALL_SIMPLE = re.compile(rf"{_SIMPLE}(?:,{_SIMPLE})*+(?:,\s*+)?+(?=[\])}}])")
"""A whole list with commas between that can be divided without a look at each element."""
_MISSING = frozenset(
    ["NA", "NA_integer_", "NA_real_", "NA_character_", "NaN", "nan", "NaT", "None", "null", "NULL", "nil", "undefined",
     "missing", "nothing"]
)  # fmt: skip
_MOST_SIMPLE = 1 << 20
_ESCAPED = re.compile(r"\\(.)")
_PARTS_OF_DATE = re.compile(r"\s*,\s*(\d{1,2})\s*,\s*(\d{1,2})\b")


@dataclass(slots=True)
class Item:
    """One flat list or record; `cells` is empty in the last of a text, which only tells what stands behind."""

    lead: str
    """What stands before its bracket, back to the item before it or for LEAD letters."""
    distance: int
    """Letters between the item before it and its bracket."""
    bracket: str
    cells: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    breaks: list[int] = field(default_factory=list)
    """Cells before each `;` that ends a row of a matrix."""
    lines: list[int] = field(default_factory=list)
    """Cells before each end of a line without a comma."""
    has_commas: bool = False

    def width(self) -> int:
        """The length of a row where it is a matrix with `;` or lines between its rows; 0 of any other."""
        ends = self.breaks or ([] if self.has_commas else self.lines)
        ends = [*dict.fromkeys(end for end in ends if 0 < end < len(self.cells)), len(self.cells)]
        steps = {after - before for before, after in zip([0, *ends], ends, strict=False)}
        return steps.pop() if len(ends) > 1 and len(steps) == 1 else 0


class Scanner:
    """Gives the items of a text that comes in pieces."""

    def __init__(self) -> None:
        self._text = ""
        self._at = 0
        self._behind = 0
        """Where the last item ended, in the text that is held; negative where that is gone."""
        self._open: Item | None = None
        """An item that is begun, of which more is to come."""
        self._is_first = True

    def feed(self, piece: str) -> Iterator[Item]:
        """The items that are complete with this piece."""
        self._text += piece
        if len(self._text) >= _LEAST_PIECE:
            yield from self._items(len(self._text) - _MARGIN, is_last=False)
            self._let_go()

    def end(self) -> Iterator[Item]:
        """The items at the end of the text, and one without cells for what stands behind them."""
        yield from self._items(len(self._text), is_last=True)
        yield self._begun(len(self._text), "")

    def _items(self, until: int, *, is_last: bool) -> Iterator[Item]:
        item = self._open
        if item is not None and self._is_complete(item, until):
            yield self._closed(item)
        start = self._at
        if self._open is not None or start >= until:
            return
        regions = regions_of(self._text[start:], is_first=self._is_first, is_last=is_last)
        self._is_first = False
        for first, behind in regions:
            self._at = max(self._at, min(until, start + first))
            yield from self._items_of(min(until, start + behind), until)
            if self._is_open():
                return
        self._at = max(self._at, until)

    def _items_of(self, behind: int, until: int) -> Iterator[Item]:
        """The items that begin before `behind`; they may end behind it, but not be cut at `until`."""
        while self._at < behind:
            found = _OPENS.search(self._text, self._at, behind)
            if found is None:
                self._at = max(self._at, behind)
                return
            self._at = found.end()
            if _BEGINS.match(self._text, self._at) is None:
                continue
            item = self._begun(found.start(), found[0])
            simple = _ALL_SIMPLE.match(self._text, self._at, self._at + _MOST_SIMPLE)
            if simple is not None:
                yield self._simple(item, simple[0])
            elif self._is_complete(item, until):
                yield self._closed(item)
            elif self._is_open():
                return

    def _is_open(self) -> bool:
        return self._open is not None

    def _begun(self, start: int, bracket: str) -> Item:
        distance = start - self._behind
        return Item(self._text[max(0, start - min(distance, LEAD)) : start], distance, bracket)

    def _simple(self, item: Item, body: str) -> Item:
        self._at += len(body) + 1
        cells = body.split(",")
        if not cells[-1].strip():
            cells.pop()
        item.cells = [cell_of(cell.strip()) for cell in cells]
        item.has_commas = True
        return self._closed(item)

    def _closed(self, item: Item) -> Item:
        self._behind = self._at
        return item

    def _is_complete(self, item: Item, until: int) -> bool:
        """Reads elements up to the closing bracket. Where none can be, the item is dropped and the search goes on."""
        self._open = item
        while self._at < until:
            found = _ELEMENT.match(self._text, self._at)
            if found is None:
                closing = _CLOSES.match(self._text, self._at)
                self._at = closing.end() if closing else self._at
                self._open = None
                return closing is not None and _is_whole(item)
            self._at = found.end()
            is_item = _add(item, found) and len(item.cells) <= MOST_CELLS
            is_closed = found["end"][-1] in "])}"
            if not is_item or is_closed:
                self._open = None
                return is_item and is_closed and _is_whole(item)
        return False

    def _let_go(self) -> None:
        keep = self._at if self._open is not None else max(0, self._at - LEAD)
        self._text = self._text[keep:]
        self._at -= keep
        self._behind -= keep


def _is_whole(item: Item) -> bool:
    """Whether all elements have keys, or none."""
    return len(item.cells) > 1 and len(item.keys) in (0, len(item.cells))


def _add(item: Item, found: re.Match[str]) -> bool:
    """Adds an element; False where it makes the item none: `1:60` is a range, not a key."""
    key = found["key"]
    if key is not None:
        if key[0].isdigit() and (item.bracket != "{" and found["sep"] == ":"):
            return False
        item.keys.append(_unquoted(key) if key[0] in "\"'`" else key.lstrip(":"))
    item.cells.append(_cell(found))
    end = found["end"]
    sign = end[-1]
    if sign == ",":
        item.has_commas = True
    elif sign == ";":
        item.breaks.append(len(item.cells))
    elif "\n" in end and sign not in "])}":
        item.lines.append(len(item.cells))
    return len(item.keys) in (0, len(item.cells))


def _cell(found: re.Match[str]) -> str:
    quoted, plain = found["quoted"], found["plain"]
    if quoted is not None:
        return _unquoted(quoted)
    if plain is not None:
        return cell_of(plain)
    inner = cell_of(found["inner"])
    rest = _PARTS_OF_DATE.match(found["others"]) if "date" in found["call"] else None
    if rest is not None:
        return f"{inner}-{int(rest[1]):02}-{int(rest[2]):02}"
    return inner.removesuffix(" 00:00:00")


def cell_of(scalar: str) -> str:
    """What a scalar without escapes says: `"x"` x, `5L` 5, `NA` nothing."""
    first = scalar[0]
    if first in "\"'`":
        return _unquoted(scalar)
    if first.isalpha():
        return "" if scalar.rpartition(".")[2] in _MISSING else scalar
    if first == "~":
        return f"~{scalar[1:].strip('`')}"
    return scalar.rstrip("LnfF").replace("_", "")


def _unquoted(text: str) -> str:
    text = text[1:-1]
    return _ESCAPED.sub(r"\1", text) if "\\" in text else "" if text in _MISSING else text
