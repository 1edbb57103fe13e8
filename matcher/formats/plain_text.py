"""Running text: readmes, scripts, logs, lists of ids, whatever decodes; and the tables that are written out in it."""

from __future__ import annotations

from collections.abc import Iterator

from matcher.contents import Limits, Opened, Table, Text
from matcher.formats.encodings import decoded, encoding_of
from matcher.formats.tables_in_text import is_mostly_tables, parts_of_text

FORMAT = "text"
_OTHERS = (".yml", ".yaml")
_SIGNS = (b"(", b"[", b"{", b"\\begin")


def sniff(name: str, head: bytes) -> int:
    """3 where most of it is written out as programs or LaTeX do, whose lines look like a delimited table's."""
    if encoding_of(head) is None:
        return 0
    is_other = name.lower().endswith(_OTHERS) or not any(sign in head for sign in _SIGNS)
    text = None if is_other else decoded(head)
    return 3 if text and text.lstrip()[:1] not in "{[<-" and is_mostly_tables(text) else 1


def read(opened: Opened, limits: Limits) -> Iterator[Table | Text]:
    """The text in pieces of about 1 MiB that end with a line, each before the tables that end in it."""
    yield from parts_of_text(opened, limits)
