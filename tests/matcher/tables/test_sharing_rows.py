"""A release of a cohort with several rows a participant shares what is equal, whichever rows it left out."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from matcher.tables.withdrawal import withdraw_rows
from tests.matcher.tables.made import KEYS, draw_ids, draw_people, enrol_cohort, pick, write_csv
from tests.matcher.tables.test_sharing import add, assert_forgotten, index_of, require_same, shared_in

PARTICIPANTS, ROWS = 800, 1_600
IDS, PEOPLE = draw_ids(41, PARTICIPANTS), draw_people(41, PARTICIPANTS)
Columns = dict[str, list[str]]


def rows_of(seed: int) -> Columns:
    """None, one or several rows a participant, and one row of nobody."""
    rng = np.random.default_rng(seed)
    people = np.sort(rng.integers(0, PARTICIPANTS, ROWS))
    columns = {"eid": [IDS[i] for i in people], "instance": [str(v) for v in rng.integers(0, 4, ROWS)]}
    for i in range(6):
        columns[f"v{seed}_{i}"] = [f"{v:.3f}" for v in rng.normal(5, 2, ROWS)]
    columns["eid"][7] = ""
    return columns


def test_several_rows_a_participant_are_told_by_their_cells(tmp_path: Path) -> None:
    """The cohort has two files of up to three rows a participant; a release leaves rows out, and one file."""

    first, second = rows_of(1), rows_of(2)
    once = {"eid": IDS, **PEOPLE}
    files = [write_csv(tmp_path / f"{i}.csv", one) for i, one in enumerate((once, first, second))]
    enrol_cohort(tmp_path / "c", files, None, KEYS)
    kept = [i for i in np.random.default_rng(3).permutation(ROWS).tolist() if i % 3]
    part = write_csv(tmp_path / "part.csv", pick(second, kept))
    add(tmp_path, "part", [part])
    add(tmp_path, "both", [files[0], part])
    last = list({eid: i for i, eid in enumerate(second["eid"]) if eid}.values())
    add(tmp_path, "last", [write_csv(tmp_path / "last.csv", pick(second, last))])  # one row a participant
    for name, count in (("part", 7), ("both", 27), ("last", 7)):
        index, own = index_of(tmp_path / "c" / "releases" / name), index_of(tmp_path / "alone" / name)
        require_same(index, own)
        assert shared_in(index) == count
    gone = second["eid"][100]
    for folder in (tmp_path / "c", *(tmp_path / "c" / "releases").iterdir()):
        assert withdraw_rows(folder, [gone], KEYS) == 1
        assert_forgotten(folder, [gone])
