"""HDF5 (pandas, h5ad, plain): datasets of one and two dimensions as tables, frames of columns side by side.

Nothing outside the file is followed: external links, external storage and virtual datasets are passed over.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from matcher.contents import Limits, Opened, Table, Unreadable
from matcher.formats.beside import real_path
from matcher.formats.delimited import MOST_CELLS, parts_of
from matcher.formats.numpy_array import tables_of_array
from matcher.opening import FREE_BYTES

FORMAT = "hdf5"
_MAGIC = b"\x89HDF\r\n\x1a\n"
_MOST_OBJECTS = 20_000
_DEEPEST = 20
_FEWEST_COLUMNS = 2
_MOST_LABELS = 1_000_000


def sniff(name: str, head: bytes) -> int:
    return 5 if head.startswith(_MAGIC) else 0


def read(opened: Opened, limits: Limits) -> Iterator[Table]:
    """Every group whose datasets are columns of one length as one table; every other dataset as its own.

    Raises:
        Unreadable: it is damaged, or points outside itself.
    """
    import h5py

    outside: list[str] = []
    with real_path(opened, ".h5", is_resolved=True) as path:
        try:
            with h5py.File(path, "r", locking=False) as file:
                yield from _group(opened.name, file, limits, outside, opened.size * limits.ratio)
        except (OSError, RuntimeError, ValueError, KeyError, TypeError) as wrong:
            raise Unreadable("damaged", type(wrong).__name__) from None
    if outside:
        raise Unreadable(
            "unsupported", f"{len(outside)} of its parts stand outside it; they were not followed"
        )


def _group(
    name: str, group: Any, limits: Limits, outside: list[str], most: int, depth: int = 0
) -> Iterator[Table]:
    import h5py

    if depth > _DEEPEST:
        raise Unreadable("bomb", "groups nested deeper than may be read")
    columns: dict[str, Any] = {}
    rest: list[Any] = []
    for key, one in _own(group, outside):
        if isinstance(one, h5py.Group):
            labels = _labels_of(one)
            if labels is None:
                yield from _group(name, one, limits, outside, most, depth + 1)
            else:
                columns[key] = labels
        elif one.size and one.nbytes > max(FREE_BYTES, most):
            raise Unreadable("bomb", "a dataset that claims far more than the file holds")
        elif one.ndim == 1 and not one.dtype.names:
            columns[key] = one
        else:
            rest.append(one)
    if len({len(one) for one in columns.values()}) == 1 and len(columns) >= _FEWEST_COLUMNS:
        yield from side_by_side(f"{name} {group.name}", columns, limits)
    else:
        rest = [*columns.values(), *rest]
    for one in rest:
        if isinstance(one, Labels):
            for start in range(0, len(one), limits.rows_per_part):
                cells = _cells(one[start : start + limits.rows_per_part])
                yield from parts_of(
                    f"{name} {group.name}", ([one] for one in cells), limits, has_header=False
                )
            continue
        yield from dataset(f"{name} {one.name}", one, limits)


def _own(group: Any, outside: list[str]) -> Iterator[tuple[str, Any]]:
    """Groups and datasets that stand in the file itself; names of the others go to `outside`."""
    import h5py

    for key in list(group)[:_MOST_OBJECTS]:
        one = group[key] if isinstance(group.get(key, getlink=True), h5py.HardLink) else None
        if one is None or (isinstance(one, h5py.Dataset) and (one.external or one.is_virtual)):
            outside.append(key)
        elif isinstance(one, h5py.Group | h5py.Dataset):
            yield key, one


@dataclass(frozen=True, slots=True)
class Labels:
    """A column that is kept as codes of labels, as AnnData keeps one; a code below 0 is a missing value."""

    codes: Any
    labels: list[str]

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, at: slice) -> Any:
        codes = self.codes[at]
        return np.array(
            [self.labels[code] if 0 <= code < len(self.labels) else "" for code in codes.tolist()], object
        )


def _labels_of(group: Any) -> Labels | None:
    import h5py

    if set(group) != {"codes", "categories"}:
        return None
    if any(not isinstance(group.get(key, getlink=True), h5py.HardLink) for key in group):
        return None
    codes, labels = group["codes"], group["categories"]
    for one in (codes, labels):
        if not isinstance(one, h5py.Dataset) or one.external or one.is_virtual or one.ndim != 1:
            return None
    if codes.dtype.kind not in "iu" or len(labels) > _MOST_LABELS:
        return None
    return Labels(codes, _cells(labels[:]))


def side_by_side(name: str, columns: dict[str, Any], limits: Limits) -> Iterator[Table]:
    count = len(next(iter(columns.values())))
    step = max(1, min(limits.rows_per_part, MOST_CELLS // len(columns)))
    for start in range(0, count, step):
        cells = [_cells(one[start : start + step]) for one in columns.values()]
        rows = (list(row) for row in zip(*cells, strict=True))
        yield from parts_of(name, chain([list(columns)], rows), limits, has_header=True)


def dataset(name: str, one: Any, limits: Limits) -> Iterator[Table]:
    if not one.shape or not one.size:
        return
    width = max(1, one.size // len(one))
    if width > MOST_CELLS:
        raise Unreadable("too-large", "a row of more cells than may be held")
    step = max(1, MOST_CELLS // width)
    for start in range(0, len(one), step):
        piece = one[start : start + step]
        if piece.dtype.hasobject:
            flat = _cells(piece.reshape(-1))
            yield from parts_of(name, ([cell] for cell in flat), limits, has_header=False)
        else:
            yield from tables_of_array(name, piece, limits)


def _cells(values: Any) -> list[str]:
    return [one.decode("utf-8", "replace") if isinstance(one, bytes) else str(one) for one in values.tolist()]
