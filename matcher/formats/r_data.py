"""R's own files (`.rds`, `.RData`, `.RDataTmp`): data frames, matrices, vectors and lists of them; R never runs.

Only the stream of values is parsed: a promise, a function or a piece of code in it is passed over, never evaluated.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from math import isnan
from typing import Any

from matcher.contents import Limits, Opened, Table, Text, Unreadable
from matcher.formats.delimited import parts_of

FORMAT = "r-data"
_PLAIN = (b"RDX2\n", b"RDX3\n", b"RDA2\n", b"RDA3\n", b"X\n\0\0\0", b"A\n2\n", b"A\n3\n")
_MOST_BYTES = 512 << 20
_DEEPEST = 12
_MOST_VARIABLES = 10_000
_NO_DATA = ("NIL", "NILVALUE", "CLO", "ENV", "LANG", "PROM", "BUILTIN", "SPECIAL", "BCODE", "EXTPTR")


def sniff(name: str, head: bytes) -> int:
    return 5 if head.startswith(_PLAIN) else 0


def read(opened: Opened, limits: Limits) -> Iterator[Table | Text]:
    """Every data frame, matrix or vector of the file.

    Raises:
        Unreadable: it is damaged, or larger than may be held.
    """
    import rdata

    if opened.size > min(_MOST_BYTES, limits.file_bytes):
        raise Unreadable("too-large", "an R file of more than 512 MiB")
    data = opened.stream.read()
    try:
        parsed = rdata.parser.parse_data(data)
    except RecursionError:
        raise Unreadable("bomb", "lists nested deeper than may be read") from None
    except MemoryError:
        raise
    except Exception as wrong:  # noqa: BLE001 - the parser raises what it likes on a hostile stream
        raise Unreadable("damaged", type(wrong).__name__) from None
    left_out = 0
    for one in _variables(parsed):
        if one.object.info.type.name in _NO_DATA:
            continue
        value = _converted(one)
        left_out += value is None
        yield from _parts(opened.name, value, limits, 0)
    if left_out:
        raise Unreadable("unsupported", f"{left_out} of its values are of a class that is not read")


def _variables(parsed: Any) -> Iterator[Any]:
    """Every variable of an .RData file on its own, so that one that cannot be converted costs only itself."""
    from rdata.parser import RObjectType

    at, count = parsed.object, 0
    if at.info.type != RObjectType.LIST:
        yield parsed
        return
    while at.info.type == RObjectType.LIST and count < _MOST_VARIABLES:
        yield dataclasses.replace(parsed, object=at.value[0])
        at, count = at.value[1], count + 1


def _converted(parsed: Any) -> Any:
    """The value in Python's types; None where it is of a class that is not read."""
    import rdata

    try:
        return rdata.conversion.convert(parsed, default_encoding="utf8")
    except (MemoryError, RecursionError):
        raise Unreadable("bomb", "more or deeper than may be read") from None
    except Exception:  # noqa: BLE001 - the caller counts it
        return None


def _parts(name: str, value: Any, limits: Limits, depth: int) -> Iterator[Table | Text]:
    import numpy as np
    import pandas as pd  # type: ignore[import-untyped,unused-ignore]

    if depth > _DEEPEST or value is None:
        return
    if isinstance(value, pd.DataFrame):
        yield from _frame(name, value, limits)
    elif isinstance(value, Mapping):
        if _is_frame(value):
            yield from _frame(name, pd.DataFrame(dict(value)), limits)
            return
        for number, one in enumerate(value.values()):
            yield from _parts(f"{name} {number}", one, limits, depth + 1)
    elif isinstance(value, np.ndarray) and value.ndim == 2:
        yield from _frame(name, pd.DataFrame(value), limits)
    elif isinstance(value, (pd.Series, pd.Categorical, np.ndarray)):
        yield from _vector(name, value, limits)
    elif isinstance(value, str):
        yield Text(name, value)
    elif isinstance(value, Sequence):
        if value and all(isinstance(one, str) for one in value):
            yield from _vector(name, value, limits)
            return
        for number, one in enumerate(value):
            yield from _parts(f"{name} {number}", one, limits, depth + 1)


def _vector(name: str, values: Any, limits: Limits) -> Iterator[Table]:
    """A column without a name; arrays of more dimensions than two are laid flat."""
    flat = values.reshape(-1) if getattr(values, "ndim", 1) > 1 else values
    yield from parts_of(name, ([_cell(one)] for one in flat), limits, has_header=False)


def _is_frame(value: Mapping[Any, Any]) -> bool:
    """A data.table or tibble whose class is not known comes as a list of columns of one length."""
    lengths = {len(one) for one in value.values() if hasattr(one, "__len__") and not isinstance(one, str)}
    return len(value) > 1 and len(lengths) == 1 and lengths != {1} and all(
        hasattr(one, "__len__") and not isinstance(one, (str, Mapping)) for one in value.values()
    )  # fmt: skip


def _frame(name: str, frame: Any, limits: Limits) -> Iterator[Table]:
    columns = [str(one) for one in frame.columns]
    named = any(not one.isdigit() for one in columns)
    index = [str(one) for one in frame.index]
    # Row names are often the participants; a plain count is not.
    keep_index = index != [str(one) for one in range(len(index))] and index != [
        str(one + 1) for one in range(len(index))
    ]
    header = [*(["row_name"] if keep_index else []), *(columns if named else [f"V{one}" for one in columns])]
    rows = (
        [*([index[number]] if keep_index else []), *map(_cell, row)]
        for number, row in enumerate(frame.itertuples(index=False, name=None))
    )
    yield from parts_of(name, _with(header, rows), limits, has_header=True)


def _with(header: list[str], rows: Iterator[list[str]]) -> Iterator[list[str]]:
    yield header
    yield from rows


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and isnan(value)):
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if hasattr(value, "item"):
        return _cell(value.item())
    return str(value)
