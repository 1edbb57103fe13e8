"""XML of any size: elements that stand beside their like are rows, gathered and let go of as they come.

What an element holds further inside is part of its row; lists of elements inside rows are tables of their own.
Entities are never unfolded and nothing outside is loaded.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from matcher.contents import Limits, Table, Text, Unreadable
from matcher.formats.json_tables import Records

NODES_HELD = 50_000
_FEWEST_ROWS = 3
_MOST_KINDS = 500
Kind = tuple[str, str]
"""The names of an element and of what it stands in."""


def read_xml(name: str, stream: BinaryIO, limits: Limits) -> Iterator[Table | Text]:
    """Tables, and the text that is in none of them.

    Raises:
        Unreadable: it is damaged, after what stands before was given; it unfolds entities, or is nested too deep.
    """
    from lxml import etree

    tree = _Tree(name, limits)
    events = etree.iterparse(
        stream,
        ("end",),
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        remove_comments=True,
        remove_pis=True,
    )
    nodes, element = 0, None
    try:
        for _, element in events:
            if not nodes:
                tree.begin(element)
            nodes += 1
            if nodes % NODES_HELD == 0:
                yield from tree.given(element)
    except (SyntaxError, ValueError) as wrong:
        if "amplification" in str(wrong) or getattr(wrong, "code", 0) == etree.ErrorTypes.ERR_ENTITY_LOOP:
            raise Unreadable("bomb", "XML that unfolds entities") from None
        if element is not None:
            yield from tree.given(element, is_all=True)
        raise Unreadable(
            "damaged", f"no XML from some place on ({type(wrong).__name__}); what stands before was read"
        ) from None
    if element is not None:
        yield from tree.given(element, is_all=True)


@dataclass(slots=True)
class _Tree:
    """What was seen of a document, and the tables that are made of it."""

    name: str
    limits: Limits
    counts: dict[Any, Counter[str]] = field(default_factory=dict)
    """By element that has not ended, what was given of it so far."""
    repeated: set[Kind] = field(default_factory=set)
    """Kinds of which some element held a few: all the others of them are rows too."""
    listing: set[str] = field(default_factory=set)
    """The names of elements that hold such kinds."""
    tables: dict[Kind, Records] = field(default_factory=dict)

    def begin(self, element: Any) -> None:
        declared = element.getroottree().docinfo.internalDTD
        if declared is not None and any(True for _ in declared.iterentities()):
            raise Unreadable("bomb", "XML that unfolds entities")

    def given(self, last: Any, *, is_all: bool = False) -> Iterator[Table | Text]:
        """Tables and text of what ended up to the `last`, which is let go of; itself is kept, as text may follow it.

        The parser is ahead of its events, so what stands behind the last is left for later.
        """
        rows: dict[Kind, list[dict[str, str]]] = defaultdict(list)
        texts: list[str] = []
        line = [*reversed(list(last.iterancestors())), last]
        known, self.counts = self.counts, {}
        found = 0
        for number, element in enumerate(line):
            following = line[number + 1] if number + 1 < len(line) else None
            if following is None and not (is_all and number == 0):
                break  # the last itself is a child of the one before
            end = len(element) if is_all else element.index(following)
            children = [child for child in element[:end] if child is not following or following is last]
            if element not in known:
                texts += _own_text(element)
            self.counts[element] = known.get(element, Counter())
            texts += self._gather(element, children, rows, self.counts[element])
            found += sum(1 for child in children for _ in child.iter())
            if not is_all:
                del element[:end]
            if 2 * found > NODES_HELD and not is_all:
                break  # what is open further inside is a row that has only begun
        for kind, records in rows.items():
            yield from self._table(kind).parts(records)
        if texts:
            yield Text(self.name, "\n".join(texts))

    def _gather(
        self,
        parent: Any,
        children: Sequence[Any],
        rows: dict[Kind, list[dict[str, str]]],
        counts: Counter[str],
    ) -> list[str]:
        """Puts rows to their kinds; gives the text of what is no row."""
        counts.update(str(child.tag) for child in children)
        self._note(parent, counts)
        texts: list[str] = []
        for child in children:
            kind = (str(parent.tag), str(child.tag))
            texts += _pieces(child.tail)
            if kind in self.repeated:
                record = _record(child)
                if record:
                    rows[kind].append(record)
                self._inside(child, rows)
            else:
                texts += _own_text(child)
                texts += self._gather(child, list(child), rows, Counter())
        return texts

    def _note(self, parent: Any, counts: Counter[str]) -> None:
        new = {(str(parent.tag), tag) for tag, count in counts.items() if count >= _FEWEST_ROWS}
        self.repeated |= new
        self.listing |= {tag for tag, _ in new}

    def _inside(self, row: Any, rows: dict[Kind, list[dict[str, str]]]) -> None:
        """Lists inside a row; their text is in the row already."""
        for element in row.iter():
            if len(element) < _FEWEST_ROWS and element.tag not in self.listing:
                continue
            tags = [child.tag for child in element]
            if len(tags) - len(set(tags)) >= _FEWEST_ROWS - 1:
                self._note(element, Counter(tags))
            for child in element:
                if (element.tag, child.tag) in self.repeated:
                    rows[element.tag, child.tag].append(_record(child))

    def _table(self, kind: Kind) -> Records:
        if kind not in self.tables:
            if len(self.tables) > _MOST_KINDS:
                raise Unreadable("bomb", "more kinds of elements than any export has")
            number = len(self.tables)
            shown = f"{self.name} {number + 1}" if number else self.name
            self.tables[kind] = Records(shown, self.limits, _nothing_inside)
        return self.tables[kind]


def _nothing_inside(name: str, value: Any, limits: Limits, depth: int) -> Iterator[Table | Text]:
    """A record of XML is plain text by name."""
    yield from ()


def _own_text(element: Any) -> list[str]:
    return [f"{_local(key)}: {value}" for key, value in element.attrib.items()] + _pieces(element.text)


def _pieces(text: str | None) -> list[str]:
    return [text.strip()] if text and text.strip() else []


def _record(element: Any) -> dict[str, str]:
    """An element's attributes and its children's texts by name."""
    out = {_local(key): str(value) for key, value in element.attrib.items()}
    for child in element:
        text = ("".join(child.itertext()) if len(child) else child.text or "").strip()
        if text:
            out.setdefault(_local(child.tag), text)
        if child.attrib:
            out |= {f"{_local(child.tag)}.{_local(key)}": str(value) for key, value in child.attrib.items()}
    if any(piece and piece.strip() for piece in (element.text, *(child.tail for child in element))):
        out.setdefault("text", " ".join(piece.strip() for piece in element.itertext() if piece.strip()))
    return out


def _local(tag: object) -> str:
    return str(tag).rpartition("}")[2]
