"""HTML and XML: tables and repeated elements (`xml_records`) as rows, the rest as text. Nothing outside is loaded."""

from __future__ import annotations

from collections.abc import Iterator

from matcher.contents import Limits, Opened, Table, Text, Unreadable
from matcher.formats.encodings import decoded
from matcher.formats.notebook import html_tables
from matcher.formats.xml_records import read_xml

FORMAT = "markup"
_MOST_BYTES = 64 << 20
_BLANK = b"\xef\xbb\xbf \t\r\n"
_HTML = (b"<!doctype html", b"<html", b"<table", b"<body", b"<head", b"<div", b"<p>")


def sniff(name: str, head: bytes) -> int:
    start = head.lstrip(_BLANK)[:200].lower()
    if not start.startswith(b"<"):
        return 0
    if start.startswith((b"<?xml", *_HTML)) or name.lower().endswith((".xml", ".html", ".htm", ".xhtml")):
        return 4
    return 0


def read(opened: Opened, limits: Limits) -> Iterator[Table | Text]:
    """Tables first, then the running text.

    Raises:
        Unreadable: it is damaged, or a page larger than may be held.
    """
    head = opened.stream.read(4096)
    opened.stream.seek(0)
    is_html = head.lstrip(_BLANK)[:200].lower().startswith(_HTML) or b"<html" in head.lower()
    if not is_html:
        yield from read_xml(opened.name, opened.stream, limits)
        return
    if opened.size > _MOST_BYTES:
        raise Unreadable("too-large", "a page of more than 64 MiB")
    yield from _html(opened.name, opened.stream.read(), limits)


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
