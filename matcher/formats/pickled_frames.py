"""Frames and columns of a pickle, put together from what pandas and Arrow would have been given."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from matcher.formats.headers import ROW_NAME
from matcher.formats.pickle_values import Inert, Pairs
from matcher.formats.pickled_arrays import RAW, Cells, array_of

_MOST_COLUMNS = 1 << 27
_MASKED = ("IntegerArray", "FloatingArray", "BooleanArray")
_CATEGORIES = ("Categorical", "__pyx_unpickle_NDArrayBacked")
_INSIDE = ("_ndarray", "_data", "_pa_array")
"""Where pandas' own kinds of columns keep what they are made of."""
Column = tuple[str, Cells]
Block = tuple[Sequence[int], Sequence[Cells]]


def frame_of(value: Any) -> list[Column] | None:
    """The columns of a frame or a series of pandas, its index before them if it does not just count."""
    if not isinstance(value, Inert) or _last(value) not in ("DataFrame", "Series"):
        return None
    axes, blocks = _managed(value.at("_mgr") or value.at("_data"))
    if not axes or not blocks:
        return None
    *heads, index = (_index(one) for one in axes)
    names = [_text(one) for one in heads[0]] if heads and heads[0] is not None else [_text(value.at("_name"))]
    columns: dict[int, Cells] = {}
    for places, cells in blocks:
        columns |= dict(zip(places, cells, strict=False))
    count = len(index) if index is not None else max(len(cells) for cells in columns.values())
    found: list[Column] = [
        (names[at] if at < len(names) and names[at] else f"column_{at + 1}", columns[at])
        for at in sorted(columns)
    ]
    if index is not None and not isinstance(index, range):
        found.insert(0, (ROW_NAME, index))
    return [(name, cells) for name, cells in found if len(cells) == count]


def _last(value: Inert) -> str:
    return value.name.rpartition(".")[2]


def _managed(held: Any) -> tuple[list[Any], list[Block]]:
    """The axes of what pandas keeps a frame in, and its blocks: which columns, and their cells."""
    if not isinstance(held, Inert):
        return [], []
    if isinstance(held.state, tuple) and len(held.state) == 4 and isinstance(held.state[3], Pairs):
        kept = held.state[3].at("0.14.1")  # as pandas wrote it until 1.2
        axes, given = (kept.at("axes"), kept.at("blocks")) if isinstance(kept, Pairs) else ((), ())
        pieces = [(one.at("values"), one.at("mgr_locs")) for one in given or () if isinstance(one, Pairs)]
    elif len(held.given) >= 2:
        given, axes = (_listed(one) for one in held.given[:2])
        pieces = [one.given[:2] for one in given if isinstance(one, Inert) and len(one.given) >= 2]
    else:
        return [], []
    return list(axes or ()), [(_places(where), _rows(values)) for values, where in pieces]


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (tuple, list)) else [value]


def _places(value: Any) -> Sequence[int]:
    """The columns that a block is of."""
    if isinstance(value, Inert) and _last(value) == "BlockPlacement" and value.given:
        value = value.given[0]
    if isinstance(value, Inert) and _last(value) == "slice":
        start, stop, step = value.given
        return range(start or 0, min(stop, _MOST_COLUMNS), step or 1)
    found = array_of(value)
    return range(_MOST_COLUMNS) if found is None else [int(one) for one in found.reshape(-1)]


def _rows(value: Any) -> Sequence[Cells]:
    """The columns of a block, which stand in it as rows."""
    found = array_of(value)
    if found is not None:
        return list(found) if found.ndim == 2 else [found]
    column = column_of(value)
    return [] if column is None else [column]


def column_of(value: Any) -> Cells | None:
    """One column: an array, categories, numbers with some missing, dates, or text of Arrow; None of anything else."""
    found = array_of(value)
    if found is not None:
        flat: Cells = found.reshape(-1)
        return flat if max(found.shape, default=0) == found.size else None
    if not isinstance(value, Inert):
        return None
    kind = _last(value)
    if kind in _CATEGORIES:
        return _categories(value)
    if kind in _MASKED:
        return _masked(array_of(value.at("_data")), array_of(value.at("_mask")))
    if kind == "chunked_array" and value.given:
        pieces = [_of_arrow(one) for one in _listed(value.given[0])]
        return None if None in pieces else [cell for piece in pieces for cell in piece or ()]
    if kind == "_restore_array":
        return _of_arrow(value)
    return next((column_of(one) for key in _INSIDE if (one := value.at(key)) is not None), None)


def _masked(cells: Any, mask: Any) -> Cells | None:
    if cells is None or mask is None:
        return None
    return [None if gone else one for one, gone in zip(cells.tolist(), mask.tolist(), strict=True)]


def _categories(value: Inert) -> Cells | None:
    """The labels behind the codes of a column of categories; dates, which pandas keeps alike, have none."""
    parts = [*value.state] if isinstance(value.state, tuple) else []
    about = [one for one in (value.at("_dtype"), *parts) if isinstance(one, Inert)]
    kinds = [one for one in about if _last(one) == "CategoricalDtype"]
    arrays = [array_of(one) for one in (value.at("_ndarray"), value.at("_codes"), *parts)]
    codes = [one for one in arrays if one is not None]
    if not codes:
        return None
    cells: npt.NDArray[Any] = codes[0].reshape(-1)
    labels = _index(kinds[0].at("categories")) if kinds else None
    if labels is None:
        return cells
    return [labels[one] if 0 <= one < len(labels) else None for one in cells.tolist()]


def _of_arrow(value: Any) -> list[str] | None:
    """Text of Arrow from its buffers: whether there is any, where it begins, and all of it."""
    held = value.given[0] if isinstance(value, Inert) and value.given else None
    if not isinstance(held, tuple) or len(held) < 5:
        return None
    kind, length, _, offset, buffers = held[:5]
    raw = [one.given[0] if isinstance(one, Inert) and one.given else one for one in buffers or ()]
    if len(raw) != 3 or not all(isinstance(one, RAW) for one in raw[1:]):
        return None
    is_large = isinstance(kind, Inert) and "large" in f"{kind.name} {kind.given}"
    ends = np.frombuffer(raw[1], np.int64 if is_large else np.int32)[offset : offset + length + 1].tolist()
    data = bytes(raw[2])
    return [data[start:end].decode("utf-8", "replace") for start, end in pairwise(ends)]


def _index(value: Any) -> Sequence[Any] | None:
    """The labels of an axis; a range where it only counts; None where they are not known."""
    given = value.given[1] if isinstance(value, Inert) and len(value.given) > 1 else None
    if not isinstance(given, Pairs):
        found = column_of(value)
        return found.tolist() if isinstance(found, np.ndarray) else found
    if given.at("stop") is not None:
        return range(given.at("start") or 0, given.at("stop"), given.at("step") or 1)
    data = given.at("data")
    if isinstance(data, list):
        return data
    return _index(data) if data is not value else None


def _text(value: Any) -> str:
    """A heading; one of several levels with blanks between."""
    if isinstance(value, tuple):
        return " ".join(map(_text, value))
    return str(value) if isinstance(value, (str, int, float)) else ""
