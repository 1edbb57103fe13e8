"""Records are looked up by their cells as a plain look at every record would have it, and roughly where so said."""

from __future__ import annotations

import numpy as np
import pytest

from matcher.tables import linkage
from matcher.tables.row_index import RowIndex, open_index, slots_of
from matcher.tables.row_keys import keys_of, twin_rate
from tests.matcher.tables.made import KEYS, draw_ids, draw_people, enrol_cohort, write_csv

COUNT = 20_000


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> RowIndex:
    folder = tmp_path_factory.mktemp("index")
    source = write_csv(folder / "all.csv", {"eid": draw_ids(1, COUNT), **draw_people(1, COUNT)})
    enrol_cohort(folder, [source], None, KEYS)
    opened = open_index(folder / "rows")
    assert opened is not None
    return opened


def places(index: RowIndex) -> list[tuple[int, int]]:
    return [(at, tag) for at, column in enumerate(index.columns) for tag in column.tags]


def test_records_of_slots_are_those_whose_cells_begin_so(index: RowIndex) -> None:
    for column, tag in places(index):
        cells = index.cells(column, tag)
        asked = cells[cells != 0][:7]
        expected = np.flatnonzero(np.isin(cells >> np.uint32(16), asked >> np.uint32(16)))
        found = index.records_in(column, tag, slots_of(asked))
        assert found.tolist() == expected.tolist()
        assert np.isin(asked, index.cells_at(column, tag, found)).all()


def test_no_slot_holds_no_record(index: RowIndex) -> None:
    nothing = slots_of(np.zeros(0, dtype=np.uint32))
    assert not nothing.any()
    assert not index.records_in(0, index.columns[0].tags[0], nothing).size


def test_a_part_of_the_records_tells_the_rate_of_twins(
    index: RowIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five standard errors at most where twins are seldom; where they are not, they never look so."""
    monkeypatch.setattr(linkage, "RECORDS_LOOKED_AT", COUNT // 4)
    monkeypatch.setattr(linkage, "STRETCH", 100)
    tried = 0
    for first, tag in places(index):
        for second, other in places(index):
            key = [linkage.Aligned(first, first, tag, 1.0), linkage.Aligned(second, second, other, 1.0)]
            exact = twin_rate(keys_of([index.cells(one.column, one.tag) for one in key]))
            rough = linkage._rough_twin_rate(key, index)
            if exact < 0.05:
                assert abs(rough - exact) < 5 * 4 * np.sqrt(2 * max(exact, 2e-4) / COUNT)
                tried += 1
            else:
                assert rough > linkage.SELDOM
    assert tried >= 20


def test_few_records_are_all_looked_at(index: RowIndex) -> None:
    key = [linkage.Aligned(0, at, index.columns[at].tags[0], 1.0) for at in (0, 1)]
    exact = twin_rate(keys_of([index.cells(one.column, one.tag) for one in key]))
    assert linkage._rough_twin_rate(key, index) == exact
