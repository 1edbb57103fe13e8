"""YAML: lists of mappings, and mappings of mappings that are alike, as tables; the lines round them as text.

Only the parser's events are looked at: no tag is followed, nothing is constructed, and an alias is never unfolded but
counted by what it would unfold to. A file is bounded in bytes and in depth.
"""

from __future__ import annotations

import io
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any, TextIO

import yaml

from matcher.contents import Limits, Opened, Table, Text, Unreadable
from matcher.formats.delimited import parts_of
from matcher.formats.encodings import decoded, encoding_of
from matcher.sniffing import HEAD_BYTES

FORMAT = "yaml"
_SUFFIXES = (".yaml", ".yml")
_MOST_BYTES = 32 << 20
_DEEPEST = 40
_FEWEST_ROWS = 3
_HELD = 50_000
"""Records of one list that are gathered before they are given."""
_MOST_LISTS = 2_000
_FREE_LETTERS = 8 << 20
_MOST_UNFOLDED = 20
"""Letters with aliases unfolded per letter in the file, beyond the free ones; more is a bomb."""
_PIECE = 1 << 20
_ITEM = re.compile(r"[ \t]*-[ \t]+(?:\{|(?:\"[^\"]{1,80}\"|'[^']{1,80}'|\w[^:#{}\[\]]{0,80}):(?:\s|$))")
_KEY = re.compile(r"[ \t]*(?:\"[^\"]{1,80}\"|'[^']{1,80}'|[\w<][^:#{}\[\]]{0,80}):(?:\s|$)")
_KEYED = re.compile(r"(?:\"[^\"]{1,80}\"|'[^']{1,80}'|\w[\w.-]{0,80}):\s*")
_LEAF = re.compile(r"[ \t]*(?:-(?:\s|$)|#|---|\.\.\.|$)")
_NOTHING = {"~", "null", "Null", "NULL"}

Value = str | list[str] | dict[str, str] | None
Span = tuple[int, int]


def sniff(name: str, head: bytes) -> int:
    """3 where lines begin records, 2 where the name says so and the beginning does not gainsay it."""
    text = decoded(head)
    if text is None or not (b":" in head or b"{" in head):
        return 0
    is_named = name.lower().endswith(_SUFFIXES)
    if text.lstrip()[:1] in "{[":
        return 2 if is_named else 0
    lines = text.splitlines()[: None if len(head) < HEAD_BYTES else -1]
    if is_named:
        told = sum(_KEY.match(line) is not None or line.lstrip().startswith("- ") for line in lines)
        return 3 if told >= _FEWEST_ROWS else 2 * (len(head) >= HEAD_BYTES)
    odd = (line for line in lines if not any(one.match(line) for one in (_ITEM, _KEY, _LEAF)))
    if len(lines) - sum(1 for _ in islice(odd, len(lines) // 20 + 1)) < 0.95 * len(lines):
        return 0
    records = sum(_ITEM.match(line) is not None or _KEYED.fullmatch(line) is not None for line in lines)
    return 3 if records >= _FEWEST_ROWS else 0


def read(opened: Opened, limits: Limits) -> Iterator[Table | Text]:
    """Tables, then the text of the lines that hold none of them.

    Raises:
        Unreadable: it is too large, nested deeper than may be read, unfolds to far more than it is, or breaks off
            behind records. What has no records and is no YAML (a template, say) is text.
    """
    if opened.size > _MOST_BYTES:
        raise Unreadable("too-large", "YAML of more than 32 MiB")
    data = opened.stream.read()
    text = io.StringIO(data.decode(encoding_of(data[:HEAD_BYTES]) or "utf-8", "replace"), newline="")
    walk, broken = _Walk(opened.name, limits), ""
    try:
        yield from walk.tables(text)
    except yaml.YAMLError as wrong:
        broken = type(wrong).__name__
    yield from walk.rest()
    yield from _lines_outside(opened.name, text, sorted(walk.spans))
    if broken and walk.given:
        raise Unreadable("damaged", f"no YAML from somewhere on ({broken}); what stands before was read")


@dataclass(slots=True)
class _List:
    """The records of all lists that stand under the same keys."""

    records: list[dict[str, str]] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)
    name: str = ""


class _Walk:
    """One pass over the events of a file."""

    def __init__(self, name: str, limits: Limits) -> None:
        self.spans: list[Span] = []
        self._name, self._limits = name, limits
        self._lists: dict[str, _List] = {}
        self.given = 0
        self._anchors: dict[str, tuple[int, Value]] = {}
        self._letters = self._unfolded = self._last_line = 0
        self._events: Iterator[Any] = iter(())

    def tables(self, text: TextIO) -> Iterator[Table]:
        self._events = iter(yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
        for event in self._events:
            if isinstance(event, yaml.NodeEvent):
                yield from self._valued(event, "", 0, [])

    def rest(self) -> Iterator[Table]:
        """What was gathered and not given yet."""
        for one in self._lists.values():
            yield from self._given(one)

    def _valued(self, event: Any, place: str, depth: int, out: list[Value]) -> Iterator[Table]:
        """Goes through a node and appends its value: a text, a list of texts, a mapping made flat, or None."""
        before, end = self._unfolded, event.end_mark
        if isinstance(event, yaml.AliasEvent):
            size, value = self._anchors.get(str(event.anchor), (0, None))
            self._count(1, 1 + size)
            out.append(value)
            self._last_line = end.line
            return
        if depth > _DEEPEST:
            raise Unreadable("bomb", "nested deeper than may be read")
        if isinstance(event, yaml.ScalarEvent):
            out.append("" if event.implicit[0] and event.value in _NOTHING else event.value)
            self._count(1 + len(event.value), 1 + len(event.value))
            self._last_line = max(self._last_line, end.line - (end.column == 0))
        elif isinstance(event, yaml.SequenceStartEvent):
            yield from self._sequence(event, place, depth, out)
        else:
            yield from self._mapping(event, place, depth, out)
        if event.anchor and len(self._anchors) < 100_000:
            self._anchors[event.anchor] = (self._unfolded - before, out[-1])

    def _count(self, letters: int, unfolded: int) -> None:
        self._letters += letters
        self._unfolded += unfolded
        if self._unfolded > max(_FREE_LETTERS, _MOST_UNFOLDED * self._letters):
            raise Unreadable("bomb", "YAML whose aliases unfold to far more than it holds")

    def _sequence(self, start: Any, place: str, depth: int, out: list[Value]) -> Iterator[Table]:
        first, of_records = start.start_mark.line, 0
        values: list[Value] = []
        self._count(1, 1)
        inside = f"{place}[]"
        found: list[Value] = []
        for event in self._events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            yield from self._valued(event, inside, depth + 1, found)
            value = found.pop()
            if isinstance(value, dict) and value:
                of_records += 1
                yield from self._add(inside, value)
            else:
                values.append(value)
        self._ends(event)
        if of_records:
            self._span(inside, (first, self._last_line))
        elif len(values) >= _FEWEST_ROWS and all(isinstance(one, list) and len(one) > 1 for one in values):
            self.spans.append((first, self._last_line))
            yield from parts_of(
                self._next_name(), (one for one in values if isinstance(one, list)), self._limits
            )
        plain = [one for one in values if isinstance(one, str)]
        out.append(plain if len(plain) == len(values) and not of_records else None)

    def _mapping(self, start: Any, place: str, depth: int, out: list[Value]) -> Iterator[Table]:
        first = start.start_mark.line
        pairs: list[tuple[str, Value]] = []
        self._count(1, 1)
        found: list[Value] = []
        for event in self._events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            yield from self._valued(event, place, depth + 1, found)
            named = found.pop()
            key = sys.intern(named) if isinstance(named, str) else ""
            yield from self._valued(next(self._events), f"{place}.{key}"[:1000], depth + 1, found)
            pairs.append((key, found.pop()))
        self._ends(event)
        keyed = [(key, value) for key, value in pairs if isinstance(value, dict) and value]
        if len(keyed) == len(pairs) > _FEWEST_ROWS and _are_alike([one for _, one in keyed]):
            # Keyed by participant: the keys are a column of their own.
            for key, value in keyed:
                yield from self._add(f"{place}{{}}", {"key": key} | value)
            self._span(f"{place}{{}}", (first, self._last_line))
            out.append(None)
        else:
            out.append(_flat(pairs))

    def _ends(self, event: Any) -> None:
        if event.end_mark.index > event.start_mark.index:  # a bracket; what is indented has no end of its own
            self._last_line = max(self._last_line, event.end_mark.line)

    def _add(self, place: str, record: dict[str, str]) -> Iterator[Table]:
        one = self._lists.get(place)
        if one is None:
            if len(self._lists) >= _MOST_LISTS:
                return
            one = self._lists[place] = _List()
        one.records.append(record)
        if len(one.records) >= _HELD:
            yield from self._given(one)

    def _span(self, place: str, span: Span) -> None:
        if place in self._lists:
            self._lists[place].spans.append(span)
            if self._lists[place].name:  # given already
                self.spans.append(span)

    def _given(self, one: _List) -> Iterator[Table]:
        """The records as rows; a part with columns that those before had not is a table of its own."""
        records, one.records = one.records, []
        if not records or not (one.name or (len(records) >= _FEWEST_ROWS and _are_alike(records))):
            return
        columns = list(dict.fromkeys(chain(one.columns, chain.from_iterable(records))))
        if columns != one.columns:
            one.columns, one.name = columns, self._next_name()
        self.spans += one.spans
        rows = ([record.get(key, "") for key in columns] for record in records)
        yield from parts_of(one.name, chain([columns], rows), self._limits, has_header=True)

    def _next_name(self) -> str:
        self.given += 1
        return self._name if self.given == 1 else f"{self._name} list {self.given}"


def _flat(pairs: list[tuple[str, Value]]) -> dict[str, str]:
    """A mapping's texts by key, those of mappings in it by dotted keys; what is merged (`<<`) gives way to its own."""
    flat: dict[str, str] = {}
    for key, value in pairs:
        if isinstance(value, dict) and key == "<<":
            flat = value | flat
        elif isinstance(value, dict):
            flat |= {sys.intern(f"{key}.{inner}"): one for inner, one in value.items()}
        else:
            flat[key] = ", ".join(value) if isinstance(value, list) else value or ""
    return flat


def _are_alike(records: list[dict[str, str]]) -> bool:
    """Whether most of what the records hold stands under keys that at least half of them have; settings do not."""
    counts = Counter(chain.from_iterable(records))
    shared = sum(count for count in counts.values() if 2 * count >= len(records))
    return shared >= 0.8 * counts.total()


def _lines_outside(name: str, text: TextIO, spans: list[Span]) -> Iterator[Text]:
    """The lines that stand in none of the spans, in pieces of about 1 MiB."""
    text.seek(0)
    at, number, held = 0, 0, 0
    outside: list[str] = []
    while line := text.readline(_MOST_BYTES):
        while at < len(spans) and spans[at][1] < number:
            at += 1
        if at == len(spans) or number < spans[at][0]:
            outside.append(line)
            held += len(line)
        number += 1
        if not line.isascii():  # YAML ends lines with these as well
            number += sum(line.count(sign) for sign in "\x85\u2028\u2029")
        if held >= _PIECE:
            yield Text(name, "".join(outside))
            outside, held = [], 0
    if held:
        yield Text(name, "".join(outside))
