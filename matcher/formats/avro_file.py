"""Avro container files, record by record."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

from matcher.contents import Limits, Opened, Table, Unreadable
from matcher.formats.delimited import parts_of
from matcher.formats.json_tables import cell

FORMAT = "avro"
_MAGIC = b"Obj\x01"


def sniff(name: str, head: bytes) -> int:
    return 5 if head.startswith(_MAGIC) else 0


def read(opened: Opened, limits: Limits) -> Iterator[Table]:
    """Records as rows.

    Raises:
        Unreadable: it is damaged.
    """
    import fastavro

    try:
        reader = fastavro.reader(opened.stream)  # type: ignore[arg-type,unused-ignore]
        schema: Any = reader.writer_schema
        columns = [str(one["name"]) for one in schema.get("fields", [])]
        rows = ([cell(one.get(key)) for key in columns] for one in reader)  # type: ignore[union-attr,unused-ignore]
        yield from parts_of(opened.name, chain([columns], rows), limits, has_header=True)
    except MemoryError:
        raise
    except Exception as wrong:  # noqa: BLE001 - the library raises what it likes on a hostile stream
        raise Unreadable("damaged", type(wrong).__name__) from None
