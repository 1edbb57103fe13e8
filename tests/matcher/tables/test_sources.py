"""The institution's own files: every row of them is enrolled, or the file is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from matcher.errors import BadSourceFile
from matcher.tables.sources import read_batches, read_columns

ROWS = [f"{1_000_000 + row},{row % 2},{row}" for row in range(40_000)]


def cells_of(path: Path) -> list[str]:
    return [cell for batch in read_batches(path, ["eid"]) for cell in batch.column(0).to_pylist()]


def written(path: Path, rows: list[str]) -> Path:
    path.write_text("\n".join(["eid,sex,bmi", *rows]) + "\n\n")
    return path


def test_every_row_is_read_and_blank_lines_at_the_end_are_none(tmp_path: Path) -> None:
    assert len(cells_of(written(tmp_path / "a.csv", ROWS))) == len(ROWS)


@pytest.mark.parametrize("at", [0, 39_999])
@pytest.mark.parametrize("row", ["1234567,1", "1234567,1,27.4,9", "1234567"])
def test_a_row_of_other_length_is_told_and_not_left_out(tmp_path: Path, at: int, row: str) -> None:
    source = written(tmp_path / "a.csv", [*ROWS[:at], row, *ROWS[at:]])
    with pytest.raises(BadSourceFile, match="header of 3; give every row") as told:
        cells_of(source)
    assert "1234567" not in str(told.value)
    assert "\n" not in str(told.value)


def test_columns_of_one_name_are_told_and_not_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("eid,sex,bmi,sex\n1234567,1,27.4,2\n")
    with pytest.raises(BadSourceFile, match="several columns named 'sex'"):
        read_columns(tmp_path / "a.csv")
