"""SQLite databases: every plain table, opened read-only and immutable; views and triggers never run."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from itertools import chain
from urllib.parse import quote

from matcher.contents import Limits, Opened, Table, Unreadable
from matcher.formats.delimited import parts_of

FORMAT = "sqlite"
_MAGIC = b"SQLite format 3\0"
_MOST_TABLES = 2_000


def sniff(name: str, head: bytes) -> int:
    return 5 if head.startswith(_MAGIC) else 0


def read(opened: Opened, limits: Limits) -> Iterator[Table]:
    """Tables one after the other, rows as they stand.

    Raises:
        Unreadable: it is damaged.
    """
    # SQLite follows links to the name of a file; one that was unpacked has none, so it gets a private copy.
    with tempfile.NamedTemporaryFile(suffix=".sqlite") as copy:
        shutil.copyfileobj(opened.stream, copy)
        copy.flush()
        try:
            base = sqlite3.connect(f"file:{quote(copy.name)}?mode=ro&immutable=1", uri=True)
        except sqlite3.Error as wrong:
            raise Unreadable("damaged", type(wrong).__name__) from None
        try:
            base.execute("PRAGMA trusted_schema=OFF")
            base.text_factory = lambda data: data.decode("utf-8", "replace")
            yield from _tables(base, opened.name, limits)
        except sqlite3.Error as wrong:
            raise Unreadable("damaged", type(wrong).__name__) from None
        finally:
            base.close()


def _tables(base: sqlite3.Connection, name: str, limits: Limits) -> Iterator[Table]:
    listed = base.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' "
        "AND sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY name"
    ).fetchmany(_MOST_TABLES)
    for number, (table,) in enumerate(listed):
        quoted = '"' + str(table).replace('"', '""') + '"'
        rows = base.execute(f"SELECT * FROM {quoted}")  # noqa: S608 - a quoted name of the file's own schema
        columns = [str(one[0]) for one in rows.description]
        shown = name if number == 0 else f"{name} table {number + 1}"
        body = ([_cell(value) for value in row] for row in rows)
        yield from parts_of(shown, chain([columns], body), limits, has_header=True)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)
