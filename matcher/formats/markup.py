"""HTML and XML: tables and repeated elements as rows, the rest as text. Nothing outside is loaded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import chain
from typing import Any

from matcher.contents import Limits, Opened, Table, Text, Unreadable
from matcher.formats.delimited import parts_of
from matcher.formats.encodings import decoded
from matcher.formats.notebook import html_tables

FORMAT = "markup"
_MOST_BYTES = 64 << 20
_FEWEST_ROWS = 3
_HTML = (b"<!doctype html", b"<html", b"<table", b"<body", b"<head", b"<div", b"<p>")


def sniff(name: str, head: bytes) -> int:
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:200].lower()
    if not start.startswith(b"<"):
        return 0
    if start.startswith((b"<?xml", *_HTML)) or name.lower().endswith((".xml", ".html", ".htm", ".xhtml")):
        return 4
    return 0


def read(opened: Opened, limits: Limits) -> Iterator[Table | Text]:
    """Tables first, then the running text.

    Raises:
        Unreadable: it is damaged, or larger than may be held.
    """
    if opened.size > _MOST_BYTES:
        raise Unreadable("too-large", "markup of more than 64 MiB")
    data = opened.stream.read()
    if any(data.lstrip()[:200].lower().startswith(one) for one in _HTML) or b"<html" in data[:4096].lower():
        yield from _html(opened.name, data, limits)
    else:
        yield from _xml(opened.name, data, limits)


def _html(name: str, data: bytes, limits: Limits) -> Iterator[Table | Text]:
    from lxml import html

    text = decoded(data) or data.decode("utf-8", "replace")
    yield from html_tables(text, limits)
    try:
        root = html.fromstring(text.encode(), parser=html.HTMLParser(encoding="utf-8", no_network=True))
    except (ValueError, SyntaxError) as wrong:
        raise Unreadable("damaged", type(wrong).__name__) from None
    for one in root.iter("style"):
        one.text = None
    yield Text(name, "\n".join(str(piece).strip() for piece in root.itertext() if piece.strip()))


def _xml(name: str, data: bytes, limits: Limits) -> Iterator[Table | Text]:
    from defusedxml.common import DefusedXmlException  # type: ignore[import-untyped,unused-ignore]
    from defusedxml.ElementTree import fromstring  # type: ignore[import-untyped,unused-ignore]

    try:
        root = fromstring(data)
    except DefusedXmlException:
        raise Unreadable("bomb", "XML that unfolds entities") from None
    except (SyntaxError, ValueError, RecursionError) as wrong:
        raise Unreadable("damaged", type(wrong).__name__) from None
    repeated = 0
    for parent in root.iter():
        kinds = Counter(str(child.tag) for child in parent)
        for kind, count in kinds.items():
            if count >= _FEWEST_ROWS:
                records = [_record(child) for child in parent if child.tag == kind]
                columns = list(dict.fromkeys(key for one in records for key in one))
                if columns:
                    rows = ([one.get(key, "") for key in columns] for one in records)
                    repeated += 1
                    yield from parts_of(name, chain([columns], rows), limits, has_header=True)
    yield Text(name, "\n".join(piece.strip() for piece in root.itertext() if piece.strip()))


def _record(element: Any) -> dict[str, str]:
    """An element's attributes and its children's texts by name."""
    out = {_local(key): str(value) for key, value in element.attrib.items()}
    for child in element:
        text = "".join(child.itertext()).strip()
        if text:
            out.setdefault(_local(child.tag), text)
        out |= {f"{_local(child.tag)}.{_local(key)}": str(value) for key, value in child.attrib.items()}
    if not len(element) and element.text and element.text.strip():
        out.setdefault("text", element.text.strip())
    return out


def _local(tag: object) -> str:
    return str(tag).rpartition("}")[2]
