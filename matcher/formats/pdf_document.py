"""PDF: the tables of every page, and its text; pages are bounded."""

from __future__ import annotations

from collections.abc import Iterator

from matcher.contents import Limits, Opened, Table, Text, Unreadable
from matcher.formats.delimited import parts_of

FORMAT = "pdf"
_MAGIC = b"%PDF-"
_MOST_PAGES = 2_000
_PAGES_WITH_TABLES = 200
"""Looking for tables costs a second a page; the text of later pages is still read."""


def sniff(name: str, head: bytes) -> int:
    return 5 if _MAGIC in head[:1024] else 0


def read(opened: Opened, limits: Limits) -> Iterator[Table | Text]:
    """Page by page.

    Raises:
        Unreadable: it is damaged, encrypted, or has more pages than may be read.
    """
    import pdfplumber

    try:
        with pdfplumber.open(opened.stream) as document:
            for number, page in enumerate(document.pages):
                if number >= _MOST_PAGES:
                    raise Unreadable("too-large", "more pages than may be read; the first were read")
                if number < _PAGES_WITH_TABLES:
                    for table in page.extract_tables():
                        rows = [[cell or "" for cell in row] for row in table]
                        yield from parts_of(opened.name, rows, limits)
                yield Text(opened.name, page.extract_text() or "")
                page.close()
    except (Unreadable, MemoryError):
        raise
    except Exception as wrong:  # noqa: BLE001 - a broken document fails anywhere
        said = f"{type(wrong).__name__} {wrong}".lower()
        raise Unreadable("encrypted" if "password" in said else "damaged", type(wrong).__name__) from None
