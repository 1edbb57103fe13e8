"""One small table by seed, what a reader gave of it as rows, and the files of hostile strangers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from matcher.contents import FileEnded, Limits, Table
from matcher.reading import read_path

COLUMNS = ("eid", "sex", "bmi", "visit")


def rows(count: int = 60, seed: int = 5) -> list[list[str]]:
    rng = np.random.default_rng(seed)
    ids = rng.choice(4_000_000, count, replace=False) + 1_000_000
    return [
        [str(one), str(rng.integers(2)), f"{rng.normal(27, 4):.2f}", f"20{rng.integers(10, 20)}-05-11"]
        for one in ids
    ]  # fmt: skip


def write_csv(path: Path, count: int = 60) -> Path:
    path.write_text("\n".join(",".join(row) for row in [list(COLUMNS), *rows(count)]) + "\n")
    return path


def found_rows(parts: list[Any]) -> list[list[str]]:
    tables = [part for part in parts if isinstance(part, Table)]
    assert all(table.columns == tables[0].columns for table in tables)
    return [list(row) for table in tables for row in zip(*table.cells, strict=True)]


def same(found: list[list[str]], wanted: list[list[str]]) -> bool:
    """Equal up to how a number is written (27.1 and 27.10)."""
    return [[_plain(cell) for cell in row] for row in found] == [
        [_plain(cell) for cell in row] for row in wanted
    ]


def _plain(cell: str) -> str:
    try:
        return repr(round(float(cell), 6))
    except ValueError:
        return cell.removesuffix(" 00:00:00")


def ended(path: Path, limits: Limits | None = None) -> tuple[FileEnded, list[Any]]:
    """What the limited child process says of a file, and the parts that it gave before."""
    events = list(read_path(path, limits or Limits()))
    ends = [event for event in events if isinstance(event, FileEnded)]
    return ends[-1], [event for event in events if isinstance(event, Table)]
