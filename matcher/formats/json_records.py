"""JSON: records, lines of records, columns by name, nested lists of them; strings elsewhere as text.

A file of one value is held whole and so bounded; JSON lines are streamed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice
from typing import Any

from matcher.contents import Limits, Opened, Table, Text, Unreadable
from matcher.formats.delimited import parts_of

FORMAT = "json"
_MOST_BYTES = 128 << 20
_MOST_LINE = 64 << 20
_DEEPEST = 40
_LOOKED_AT = 2_000
_TEXT_PIECE = 1 << 20


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
    """Records as tables, whatever else as text.

    Raises:
        Unreadable: it is damaged, nested deeper than may be read, or too large to be held.
    """
    first = opened.stream.readline(_MOST_LINE)
    following = opened.stream.readline(_MOST_LINE)
    opened.stream.seek(0)
    if _is_value(first) and _is_value(following):
        yield from _records(opened.name, _lines(opened), limits)
        return
    if opened.size > _MOST_BYTES:
        raise Unreadable("too-large", "one JSON value of more than 128 MiB")
    try:
        value = json.loads(opened.stream.read())
    except RecursionError:
        raise Unreadable("bomb", "nested deeper than may be read") from None
    except ValueError as wrong:
        raise Unreadable("damaged", type(wrong).__name__) from None
    yield from _parts(opened.name, value, limits, 0)


def _is_value(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), (dict, list))
    except (ValueError, RecursionError):
        return False


def _lines(opened: Opened) -> Iterator[Any]:
    while line := opened.stream.readline(_MOST_LINE):
        if line.strip():
            try:
                yield json.loads(line)
            except RecursionError:
                raise Unreadable("bomb", "nested deeper than may be read") from None
            except ValueError:
                raise Unreadable("damaged", "a line that is no JSON; those before were read") from None


def _parts(name: str, value: Any, limits: Limits, depth: int) -> Iterator[Table | Text]:
    if depth > _DEEPEST:
        raise Unreadable("bomb", "nested deeper than may be read")
    if isinstance(value, list):
        if any(isinstance(one, (dict, list)) for one in value[:_LOOKED_AT]):
            yield from _records(name, value, limits, depth)
        elif value:
            yield from parts_of(name, ([cell(one)] for one in value), limits, has_header=False)
    elif isinstance(value, dict):
        columns = _columns(value)
        if columns:
            width = max(map(len, columns.values()))
            rows = (
                [cell(one[at]) if at < len(one) else "" for one in columns.values()] for at in range(width)
            )
            yield from parts_of(name, chain([list(columns)], rows), limits, has_header=True)
        rest = {key: one for key, one in value.items() if key not in columns}
        flat = {key: one for key, one in rest.items() if not isinstance(one, (dict, list))}
        if flat:
            yield Text(name, "\n".join(f"{key}: {cell(one)}" for key, one in flat.items())[:_TEXT_PIECE])
        if len(rest) > 3 and all(isinstance(one, dict) for one in rest.values()):
            # Keyed by participant: the keys are a column of their own.
            yield from _records(name, ({"key": key, **one} for key, one in rest.items()), limits, depth)
            return
        for number, one in enumerate(rest.values()):
            if isinstance(one, (dict, list)):
                yield from _parts(f"{name} {number}", one, limits, depth + 1)
    elif value is not None:
        yield Text(name, cell(value)[:_TEXT_PIECE])


def _columns(value: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Columns by name: lists of plain values, or pandas' dictionaries by row, all of one length."""
    found = {}
    for key, one in value.items():
        # pandas writes a column as values by row; with more keys outside than inside they are records.
        by_row = isinstance(one, dict) and len(one) >= len(value)
        plain = list(one.values()) if by_row else one
        if (
            isinstance(plain, list)
            and plain
            and not any(isinstance(x, (dict, list)) for x in plain[:_LOOKED_AT])
        ):
            found[key] = plain
    lengths = {len(one) for one in found.values()}
    return found if len(found) >= 2 and len(lengths) == 1 else {}


def _records(name: str, values: Iterable[Any], limits: Limits, depth: int = 0) -> Iterator[Table | Text]:
    """Objects as rows, with the names of the first few hundred as columns; lists as rows without a header."""
    # What is in memory is looked at whole; of a stream the beginning tells the columns.
    every = iter(values)
    first = values if isinstance(values, list) else list(islice(every, _LOOKED_AT))
    every = iter(()) if first is values else every
    objects = [one for one in first if isinstance(one, dict)]
    if not objects:
        rows = (
            [cell(x) for x in one] if isinstance(one, list) else [cell(one)] for one in chain(first, every)
        )
        yield from parts_of(name, rows, limits)
        return
    columns = list(dict.fromkeys(key for one in objects for key in _flat(one)))
    body = (_flat(one) if isinstance(one, dict) else {columns[0]: cell(one)} for one in chain(first, every))
    yield from parts_of(
        name,
        chain([columns], ([one.get(key, "") for key in columns] for one in body)),
        limits,
        has_header=True,
    )
    for one in objects:
        for inner in one.values():
            if isinstance(inner, list) and inner and isinstance(inner[0], (dict, list)):
                yield from _parts(f"{name} inside", inner, limits, depth + 1)


def _flat(value: Mapping[str, Any], before: str = "", depth: int = 0) -> dict[str, str]:
    """An object's plain values, nested ones by dotted names."""
    out: dict[str, str] = {}
    for key, one in value.items():
        if isinstance(one, dict) and depth < 4:
            out |= _flat(one, f"{before}{key}.", depth + 1)
        else:
            out[f"{before}{key}"] = cell(one)
    return out


def cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return value if isinstance(value, str) else str(value)
