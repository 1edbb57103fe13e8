"""Arrays of a pickle, put together from what NumPy would have been given, and how their cells are written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from matcher.formats.pickle_values import Inert, Pairs

Cells = Sequence[Any] | npt.NDArray[Any]
RAW = (bytes, bytearray)
_KINDS = frozenset("biufcSUMmOV")


def dtype_of(value: Any) -> np.dtype[Any] | None:
    """The type of an array's cells; None where it is none that is known."""
    if (
        not isinstance(value, Inert)
        or value.name not in ("numpy.dtype", "numpy._core.multiarray.dtype")
        or not value.given
    ):
        return None
    name = value.given[0]
    state = value.state if isinstance(value.state, tuple) else ()
    if isinstance(name, Inert) and name.name.endswith(".record"):
        return _record(state)
    if not isinstance(name, str) or name[:1] not in _KINDS:
        return None
    if name[0] == "V":
        return _record(state)
    if name[0] in "Mm":
        return np.dtype(f"{name[:2]}[{_unit(state)}]")
    order = state[1] if len(state) > 1 and state[1] in ("<", ">") else "="
    return np.dtype(name if name[0] in "bO" else f"{order}{name}")


def _unit(state: tuple[Any, ...]) -> str:
    """The unit of a date, which stands last in the state of its type."""
    last = state[-1] if state and isinstance(state[-1], tuple) else ()
    unit = last[1][0] if len(last) == 2 and isinstance(last[1], tuple) and last[1] else b"ns"
    return unit.decode("ascii") if unit in (b"D", b"s", b"ms", b"us", b"ns", b"h", b"m") else "ns"


def _record(state: tuple[Any, ...]) -> np.dtype[Any] | None:
    """A type of several fields: their names, types and places."""
    names, fields = (state[3], state[4]) if len(state) > 5 else (None, None)
    if not isinstance(names, (tuple, list)) or not isinstance(fields, Pairs):
        return None
    found = {key: value for key, value in fields.pairs if isinstance(key, str) and isinstance(value, tuple)}
    types = [dtype_of(found[name][0]) for name in names]
    if any(one is None or one.hasobject for one in types):  # NumPy takes None for a float
        return None
    offsets = [int(found[name][1]) for name in names]
    return np.dtype({"names": list(names), "formats": types, "offsets": offsets, "itemsize": int(state[5])})


def array_of(value: Any) -> Any:
    """An array as NumPy would have it; None of anything else."""
    if not isinstance(value, Inert):
        return None
    name = value.name.rpartition(".")[2]
    if name == "_reconstruct" and isinstance(value.state, tuple) and len(value.state) == 5:
        _, shape, dtype, is_fortran, raw = value.state
        return _shaped(raw, dtype_of(dtype), shape, "F" if is_fortran else "C")
    if name == "_frombuffer" and len(value.given) == 4:
        raw, dtype, shape, order = value.given
        return _shaped(raw, dtype_of(dtype), shape, "F" if order == "F" else "C")
    if name == "NumpyArrayWrapper" and value.items:
        order = "F" if value.at("order") == "F" else "C"
        return _shaped(value.items[0], dtype_of(value.at("dtype")), value.at("shape"), order)
    if name == "scalar" and len(value.given) == 2:
        return _shaped(value.given[1], dtype_of(value.given[0]), (1,), "C")
    return None


def _shaped(raw: Any, dtype: np.dtype[Any] | None, shape: Any, order: Any) -> Any:
    if (
        dtype is None
        or not isinstance(shape, tuple)
        or not all(isinstance(one, int) and one >= 0 for one in shape)
    ):
        return None
    if dtype.hasobject:
        if not isinstance(raw, list) or len(raw) != prod(shape):
            return None
        cells = np.empty(len(raw), object)
        cells[:] = raw
        return cells.reshape(shape, order=order)
    if not isinstance(raw, RAW) or len(raw) != prod(shape) * dtype.itemsize:
        return None
    return np.frombuffer(raw, dtype).reshape(shape, order=order)


def cells_of(values: Cells) -> Iterator[str]:
    """A column's cells as text; what is missing is empty."""
    if isinstance(values, np.ndarray) and values.dtype.kind in "Mm":
        shown = np.datetime_as_string(values, unit="auto") if values.dtype.kind == "M" else values.astype(str)
        values = np.where(np.isnat(values), "", shown)
    for one in values.tolist() if isinstance(values, np.ndarray) else values:
        yield written(one)


def written(value: Any) -> str:
    """One cell; what is no plain value is left empty."""
    if isinstance(value, float):
        if value != value:
            return ""
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else f"{value:.12g}"
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, Inert):
        found = array_of(value)
        return written(found.reshape(-1)[0].item()) if found is not None and found.size == 1 else ""
    return str(value) if isinstance(value, (str, int, complex)) else ""
