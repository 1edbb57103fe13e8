"""JSON: records, lines of records, columns by name, nested lists of them; strings elsewhere as text.

A file of any size is read: what is too large to be held comes as a stream (`json_stream`) and is given batch by batch.

Next door: `json_tables` (batches of records as tables), `json_members` (an object too large to be held).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

from matcher.contents import Limits, Opened, Table, Text, Unreadable
from matcher.formats.delimited import parts_of
from matcher.formats.encodings import encoding_of
from matcher.formats.json_members import parts_of_stream
from matcher.formats.json_stream import DEEPEST, Cursor, Streamed, StreamedList, StreamedObject
from matcher.formats.json_tables import TEXT_PIECE, Records, cell, is_container

FORMAT = "json"
HEAD_BYTES = 64 << 10


def sniff(name: str, head: bytes) -> int:
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if not start.startswith((b"{", b"[")):
        return 0
    if name.lower().endswith((".json", ".jsonl", ".ndjson", ".geojson")):
        return 3
    return 2 if _first_value(start) else 0


def _first_value(start: bytes) -> bool:
    """Whether the beginning reads as JSON: code in braces does not."""
    text = start.decode("utf-8", "replace")
    try:
        json.JSONDecoder().raw_decode(text)
    except ValueError as wrong:
        at = getattr(wrong, "pos", 0)
        return len(start) >= 64 << 10 and at > len(text) - 4096
    except RecursionError:
        return True
    return True


def read(opened: Opened, limits: Limits) -> Iterator[Table | Text]:
    """Records as tables, whatever else as text; all that stands before a damage is given.

    Raises:
        Unreadable: it is damaged, or nested deeper than may be read.
    """
    head = opened.stream.read(HEAD_BYTES)
    opened.stream.seek(0)
    cursor = Cursor(opened.stream, encoding_of(head) or "utf-8")
    values = cursor.values()
    for first in values:
        if isinstance(first, StreamedList | StreamedObject):
            yield from _parts(opened.name, first, limits, 0)
            continue
        following = next(values, None)
        if following is None:
            yield from _parts(opened.name, first, limits, 0)
        else:
            records = Records(opened.name, limits, _parts)
            for batch in cursor.batches(chain([first, following], values)):
                yield from records.parts(batch)
    if cursor.fault is not None:
        raise cursor.fault


def _parts(name: str, value: Any, limits: Limits, depth: int) -> Iterator[Table | Text]:
    """What a value holds, whether it is held or comes as a stream."""
    if depth > DEEPEST:
        raise Unreadable("bomb", "nested deeper than may be read")
    if isinstance(value, StreamedObject):
        yield from parts_of_stream(name, value, limits, depth, _parts)
    elif isinstance(value, list | StreamedList):
        records = Records(name, limits, _parts, depth)
        batches: Iterator[list[Any] | Streamed] = (
            iter([value]) if isinstance(value, list) else value.batches()
        )
        for batch in batches:
            yield from records.parts(batch)
    elif isinstance(value, dict):
        yield from _object(name, value, limits, depth)
    elif value is not None:
        yield Text(name, cell(value)[:TEXT_PIECE])


def _object(name: str, value: Mapping[str, Any], limits: Limits, depth: int) -> Iterator[Table | Text]:
    columns = _columns(value)
    if columns:
        width = max(map(len, columns.values()))
        rows = ([cell(one[at]) if at < len(one) else "" for one in columns.values()] for at in range(width))
        yield from parts_of(name, chain([list(columns)], rows), limits, has_header=True)
    rest = {key: one for key, one in value.items() if key not in columns}
    flat = {key: one for key, one in rest.items() if not is_container(one)}
    if flat:
        yield Text(name, "\n".join(f"{key}: {cell(one)}" for key, one in flat.items())[:TEXT_PIECE])
    if len(rest) > 3 and all(isinstance(one, dict) for one in rest.values()):
        # Keyed by participant: the keys are a column of their own.
        records = Records(name, limits, _parts, depth)
        yield from records.parts([{"key": key, **one} for key, one in rest.items()])
        return
    for number, (key, one) in enumerate(rest.items()):
        if key == "data" and isinstance(one, list) and "columns" in rest:  # as pandas splits a frame
            records = Records(f"{name} {number}", limits, _parts, depth + 1, header=rest["columns"])
            yield from records.parts(one)
        elif is_container(one):
            yield from _parts(f"{name} {number}", one, limits, depth + 1)


def _columns(value: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Columns by name: lists of plain values, or pandas' dictionaries by row, all of one length."""
    found: dict[str, list[Any]] = {}
    for key, one in value.items():
        # pandas writes a column as values by row; with more keys outside than inside they are records.
        by_row = isinstance(one, dict) and len(one) >= len(value)
        plain = list(one.values()) if by_row else one
        if isinstance(plain, list) and plain and not any(map(is_container, plain)):
            if not found and isinstance(one, dict) and list(one)[:2] != ["0", "1"]:
                found["key"] = list(one)  # rows with names, which may be ids
            found[key] = plain
    lengths = {len(one) for one in found.values()}
    return found if len(found) - ("key" in found and "key" not in value) >= 2 and len(lengths) == 1 else {}
