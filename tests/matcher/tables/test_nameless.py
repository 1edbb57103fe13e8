"""Tables whose columns have no names: which columns they are, and what is paid for telling."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from matcher.prf import subkey
from matcher.sketches import EnrolledCohort
from matcher.tables.alignment import align_by_values
from matcher.tables.cells import read_column
from matcher.tables.enrol import ROWS_FOLDER
from matcher.tables.likelihood import candidates_of, cut_at, rows_asked
from matcher.tables.row_index import RowIndex, open_index
from matcher.tables.rows import compare, sketch
from matcher.tables.spellings import read_name
from matcher.tables.withdrawal import withdraw_rows
from tests.matcher.tables.made import KEYS, draw_ids, draw_people, enrol_cohort, pick, table, write_csv

COUNT = 20_000
PEOPLE = draw_people(1, COUNT)
SIX = ["21001-0.0", "53-0.0", "50-0.0", "34-0.0", "31-0.0", "30600-0.0"]
PROBABLE = 4.0


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> EnrolledCohort:
    folder = tmp_path_factory.mktemp("nameless")
    columns = {"eid": draw_ids(1, COUNT), **PEOPLE}
    enrol_cohort(folder, [write_csv(folder / "all.csv", columns)], None, KEYS)
    return EnrolledCohort("c", COUNT, folder)


@pytest.fixture(scope="module")
def index(cohort: EnrolledCohort) -> RowIndex:
    opened = open_index(cohort.folder / ROWS_FOLDER)
    assert opened is not None
    return opened


def odds(cohort: EnrolledCohort, columns: dict[str, list[str]]) -> float:
    one = sketch(KEYS)
    nameless = {f"column_{i}": cells for i, cells in enumerate(columns.values())}
    one.add(table(nameless, has_header=False))
    return max((found.log10_odds for found in compare(one, cohort, KEYS)), default=0.0)


def some(
    seed: int, count: int, names: list[str], people: dict[str, list[str]] = PEOPLE
) -> dict[str, list[str]]:
    top = len(next(iter(people.values())))
    rows = np.random.default_rng(seed).choice(top, count, replace=False)
    return pick(people, [int(row) for row in rows], names)


def aligned_names(columns: dict[str, list[str]], index: RowIndex) -> dict[str, str]:
    read = [read_column(subkey(KEYS.values, "cells"), cells, every_level=True) for cells in columns.values()]
    aligned, _ = align_by_values(read, index)
    names = list(columns)
    return {names[one.find]: index.columns[one.column].name for one in aligned}


@pytest.mark.parametrize("seed", range(5))
def test_each_column_is_told_by_its_values(index: RowIndex, seed: int) -> None:
    told = aligned_names(some(seed, 50, SIX), index)
    assert len(told) >= 5
    assert all(name == column for name, column in told.items())


def test_columns_of_one_distribution_are_told_apart_by_who_has_which(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    like = {f"{4000 + i}-0.0": [f"{v:.1f}" for v in rng.normal(100, 15, 4000)] for i in range(8)}
    path = write_csv(tmp_path / "x.csv", {"eid": draw_ids(2, 4000), **like})
    enrol_cohort(tmp_path / "c", [path], None, KEYS)
    index = open_index(tmp_path / "c" / ROWS_FOLDER)
    assert index is not None
    part = some(1, 60, list(like)[2:6], like)
    assert aligned_names(part, index) == {name: name for name in part}


def test_the_weights_behind_prices_add_up_to_no_more_than_one(index: RowIndex) -> None:
    for count in (3, 50):
        columns = [
            read_column(subkey(KEYS.values, "cells"), cells, every_level=True)
            for cells in some(9, count, SIX).values()
        ]
        for prices in candidates_of(columns, cut_at(columns, rows_asked(columns)), index)[0]:
            assert prices
            assert sum(10.0**-price for price in prices.values()) <= 1 + 1e-9
            assert min(prices.values()) > 0


@pytest.mark.parametrize("seed", range(6))
def test_fifty_rows_of_six_columns_are_found(cohort: EnrolledCohort, seed: int) -> None:
    assert odds(cohort, some(seed, 50, SIX)) > 3 * PROBABLE


def test_rows_of_strangers_among_them_do_not_hide_them(cohort: EnrolledCohort) -> None:
    ours, others = some(3, 40, SIX), some(4, 60, SIX, draw_people(77, 2000))
    assert odds(cohort, {name: ours[name] + others[name] for name in SIX}) > PROBABLE


@pytest.mark.parametrize("count", [3, 5, 50, 1000])
def test_strangers_and_shuffled_columns_are_not_accused(cohort: EnrolledCohort, count: int) -> None:
    rng = np.random.default_rng(count)
    others = draw_people(501, 4000, shift=0.1)
    found = []
    for seed in range(12):
        found.append(odds(cohort, some(seed, count, [*SIX, "21002-0.0", "4100-0.0"], others)))
        mine = some(seed, count, [*SIX, "21002-0.0", "4100-0.0"])
        found.append(odds(cohort, {name: list(rng.permutation(cells)) for name, cells in mine.items()}))
    assert max(found) < PROBABLE


def test_who_withdrew_is_found_no_more_and_others_are(tmp_path: Path) -> None:
    ids = draw_ids(7, 3000)
    people = draw_people(7, 3000)
    visits = {"eid": [ids[0], ids[0], ids[1], ids[5]] * 20, "40000-0.0": [f"{v:.5f}" for v in range(80)]}
    files = [write_csv(tmp_path / "x.csv", {"eid": ids, **people}), write_csv(tmp_path / "v.csv", visits)]
    enrol_cohort(tmp_path / "c", files, None, KEYS)
    cohort = EnrolledCohort("c", 3000, tmp_path / "c")
    gone, stay = pick(people, range(60), SIX), pick(people, range(60, 120), SIX)
    assert odds(cohort, gone) > PROBABLE
    assert withdraw_rows(cohort.folder, [*ids[:60], "7654321"], KEYS) == 60
    assert odds(cohort, gone) < 1
    assert odds(cohort, stay) > PROBABLE
    index = open_index(cohort.folder / ROWS_FOLDER)
    assert index is not None
    visits_of = index.by_name[read_name("40000-0.0")]
    assert not index.cells(visits_of, 0).any()  # every visit was of somebody who withdrew
