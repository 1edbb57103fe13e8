"""Files of SAS (sas7bdat, xpt), Stata (dta) and SPSS (sav, por), in chunks, with the labels of their codes.

ReadStat reads them, by name: a file that is only in memory is written out for a while.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from matcher.contents import Limits, Opened, Table, Unreadable
from matcher.formats.arrow_tables import Labels, tables_of
from matcher.formats.beside import real_path

FORMAT = "statistics-package"
_SAS = bytes.fromhex("000000000000000000000000c2ea8160b31411cfbd92080009c7318c181f1011")
_XPT = (b"HEADER RECORD*******LIBRARY HEADER", b"HEADER RECORD*******LIBV8   HEADER")
_SPSS = (b"$FL2@(#)", b"$FL3@(#)")
_POR = b"SPSS PORT FILE"
_STATA_OLD = range(0x69, 0x74)
_MOST_LABELS = 20_000


def sniff(name: str, head: bytes) -> int:
    return 5 if _kind(name, head) else 0


def _kind(name: str, head: bytes) -> str | None:
    if head.startswith(_SAS):
        return "sas7bdat"
    if head.startswith(_XPT):
        return "xport"
    if head.startswith(_SPSS):
        return "sav"
    if _POR in head[:500]:
        return "por"
    if head.startswith(b"<stata_dta>"):
        return "dta"
    # Before version 117 a Stata file begins with its version, byte order and a 1.
    old = len(head) > 10 and head[0] in _STATA_OLD and head[1] in (1, 2) and head[2] == 1
    return "dta" if old and name.lower().endswith(".dta") else None


def read(opened: Opened, limits: Limits) -> Iterator[Table]:
    """Rows in parts, dates as days, codes as they stand with their labels beside.

    Raises:
        Unreadable: it is damaged or encrypted.
    """
    import polars as pl
    import pyreadstat

    kind = _kind(opened.name, opened.stream.read(1024)) or "dta"
    opened.stream.seek(0)
    reader = getattr(pyreadstat, f"read_{kind}")
    with real_path(opened, f".{kind}") as path:
        try:
            yield from _chunks(reader, path, opened.name, limits)
        except (pyreadstat.PyreadstatError, pyreadstat.ReadstatError, pl.exceptions.PolarsError) as wrong:
            raise Unreadable("damaged", type(wrong).__name__) from None
        except (ValueError, OverflowError, UnicodeDecodeError, OSError) as wrong:
            raise Unreadable("damaged", type(wrong).__name__) from None


def _chunks(reader: Any, path: str, name: str, limits: Limits) -> Iterator[Table]:
    start, labels = 0, None
    while True:
        frame, told = reader(
            os.fspath(path),
            row_offset=start,
            row_limit=limits.rows_per_part,
            output_format="polars",
            disable_datetime_conversion=False,
        )
        labels = _labels(told) if labels is None else labels
        yield from tables_of(name, frame.to_arrow(), limits, labels)
        if frame.height < limits.rows_per_part:
            return
        start += frame.height


def _labels(told: Any) -> Labels:
    """Code → label by column, as the file carries them."""
    found = []
    for column, pairs in (told.variable_value_labels or {}).items():
        known = tuple((_code(code), str(label)) for code, label in list(pairs.items())[:_MOST_LABELS])
        found.append((str(column), known))
    return tuple(found)


def _code(code: Any) -> str:
    return str(int(code)) if isinstance(code, float) and code.is_integer() else str(code)
