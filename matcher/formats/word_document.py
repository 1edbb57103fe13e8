"""Word documents (docx): tables and running text."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator

from matcher.contents import Limits, Opened, Table, Text, Unreadable
from matcher.formats.delimited import parts_of

FORMAT = "docx"
_ZIP = b"PK\x03\x04"
_MOST_BYTES = 128 << 20


def sniff(name: str, head: bytes) -> int:
    if not head.startswith(_ZIP):
        return 0
    first = head[30 : 30 + int.from_bytes(head[26:28], "little")]
    if first.startswith(b"word/"):
        return 6
    office = first.startswith((b"[Content_Types].xml", b"_rels/.rels", b"docProps/"))
    return 5 if office and (name.lower().endswith(".docx") or b"word/" in head) else 0


def read(opened: Opened, limits: Limits) -> Iterator[Table | Text]:
    """Tables in order, then the paragraphs as one text.

    Raises:
        Unreadable: it is damaged, or unfolds to far more than it is.
    """
    import docx

    if opened.size > _MOST_BYTES:
        raise Unreadable("too-large", "a document of more than 128 MiB")
    data = opened.stream.read()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > max(
                256 << 20, limits.ratio * len(data)
            ):
                raise Unreadable("bomb", "far more comes out than went in")
        document = docx.Document(io.BytesIO(data))
        for table in document.tables:
            yield from parts_of(opened.name, ([one.text for one in row.cells] for row in table.rows), limits)
        yield Text(opened.name, "\n".join(one.text for one in document.paragraphs))
    except (Unreadable, MemoryError):
        raise
    except Exception as wrong:  # noqa: BLE001 - a broken package fails anywhere
        raise Unreadable("damaged", type(wrong).__name__) from None
