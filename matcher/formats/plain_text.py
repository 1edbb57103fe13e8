"""Running text: readmes, scripts, logs, lists of ids, whatever decodes; and the tables that are written out in it."""

from __future__ import annotations

from collections.abc import Iterator

from matcher.contents import Limits, Opened, Table, Text
from matcher.formats.encodings import decoded, encoding_of
from matcher.formats.tables_in_text import has_tables_of_its_own, is_mostly_tables, parts_of_text

FORMAT = "text"
_OTHERS = (".yml", ".yaml")
_SIGNS = (b"(", b"[", b"{", b"\\begin")
_SIGNS_OF_ITS_OWN = (b"=", b":", b"{|")


def sniff(name: str, head: bytes) -> int:
    """4 where it holds a wiki's tables or a record a line, 3 where most of it is written out as programs or LaTeX do.

    Their lines look like those of a delimited table.
    """
    if encoding_of(head) is None:
        return 0
    is_other = name.lower().endswith(_OTHERS)
    text = (
        None if is_other or not any(sign in head for sign in (*_SIGNS, *_SIGNS_OF_ITS_OWN)) else decoded(head)
    )
    begins = text.lstrip()[:2] if text else ""
    if not text or (begins[:1] in "{[<-" and begins != "{|"):
        return 1
    if has_tables_of_its_own(text):
        return 4
    return 3 if any(sign in head for sign in _SIGNS) and is_mostly_tables(text) else 1


def read(opened: Opened, limits: Limits) -> Iterator[Table | Text]:
    """The text in pieces of about 1 MiB that end with a line, each before the tables that end in it."""
    yield from parts_of_text(opened, limits)
