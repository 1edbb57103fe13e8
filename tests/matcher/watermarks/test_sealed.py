"""Sealed files: single rows are read back, and none passes for another."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from matcher.watermarks.sealed import SealedReader, SealedWriter, UnreadableMarks

KEY = bytes(range(32))
ROWS = np.random.default_rng(1).integers(0, 256, (9, 50)).astype(np.uint8)


@pytest.fixture
def sealed(tmp_path: Path) -> Path:
    with SealedWriter(tmp_path / "a.sealed", KEY) as out:
        out.rows("calls", ROWS)
        out.array("whole", ROWS)
        out.rows("none", ROWS[:0])
    return tmp_path / "a.sealed"


def test_rows_are_read_in_any_order_and_from_files_that_sealed_them_together(sealed: Path) -> None:
    reader = SealedReader(sealed, KEY)
    wanted = np.array([8, 0, 3, 3])
    assert np.array_equal(reader.rows("calls", wanted), ROWS[wanted])
    assert np.array_equal(reader.rows("whole", wanted), ROWS[wanted])  # as earlier versions wrote
    assert reader.rows("none", wanted[:0]).shape == (0, 50)
    assert ROWS[0].tobytes() not in sealed.read_bytes()


@pytest.mark.parametrize("at", [0, 5, 77])
def test_a_row_that_was_changed_or_put_in_anothers_place_is_refused(sealed: Path, at: int) -> None:
    size = 12 + 50 + 16
    content = bytearray(sealed.read_bytes())
    first, second = content[8 : 8 + size], content[8 + size : 8 + 2 * size]
    content[8 : 8 + 2 * size] = second + first
    content[8 + 4 * size + at] ^= 1
    sealed.write_bytes(content)
    reader = SealedReader(sealed, KEY)
    for row in (0, 1, 4):
        with pytest.raises(UnreadableMarks):
            reader.rows("calls", np.array([row]))
    assert np.array_equal(reader.rows("calls", np.array([2])), ROWS[2:3])


def test_rows_are_not_read_with_another_key(sealed: Path) -> None:
    with pytest.raises(UnreadableMarks):
        SealedReader(sealed, KEY[::-1])
