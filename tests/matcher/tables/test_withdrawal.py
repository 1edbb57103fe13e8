"""Who withdrew is emptied from an index that others read meanwhile, and whatever interrupts it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from matcher.sketches import EnrolledCohort
from matcher.tables.enrol import ROWS_FOLDER
from matcher.tables.row_index import open_index
from matcher.tables.rows import compare, sketch
from matcher.tables.withdrawal import withdraw_rows
from tests.matcher.tables.made import KEYS, draw_ids, draw_people, enrol_cohort, pick, table, write_csv

COUNT = 4_000
IDS, PEOPLE = draw_ids(21, COUNT), draw_people(21, COUNT)
GONE = IDS[:50]
READER = """
import sys
from pathlib import Path
from matcher.tables.row_index import open_index
index = open_index(Path(sys.argv[1]))
def total():
    return sum(int(index.cells_at(c, one.tags[0], slice(None)).sum()) for c, one in enumerate(index.columns))
before = total()
print("reading", flush=True)
while not Path(sys.argv[2]).exists():
    assert total() == before
assert total() == before
"""


@pytest.fixture(scope="module")
def enrolled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("withdrawal")
    enrol_cohort(folder / "c", [write_csv(folder / "all.csv", {"eid": IDS, **PEOPLE})], None, KEYS)
    return folder / "c"


def odds(folder: Path, rows: range) -> float:
    one = sketch(KEYS)
    one.add(table(pick(PEOPLE, rows)))
    return max((e.log10_odds for e in compare(one, EnrolledCohort("c", COUNT, folder), KEYS)), default=0.0)


def arrays(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / ROWS_FOLDER).glob("[!.]*.npy")}


def test_what_a_reader_has_mapped_stays_as_it_was(enrolled: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(enrolled, tmp_path / "c")
    index = open_index(folder / ROWS_FOLDER)
    assert index is not None
    records = np.arange(COUNT)
    before = index.cells_at(0, index.columns[0].tags[0], records)
    assert withdraw_rows(folder, GONE, KEYS) == 50
    assert (index.cells_at(0, index.columns[0].tags[0], records) == before).all()
    anew = open_index(folder / ROWS_FOLDER)
    assert anew is not None
    assert not anew.cells_at(0, anew.columns[0].tags[0], records)[:50].any()


def test_another_process_reads_on_while_people_withdraw(enrolled: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(enrolled, tmp_path / "c")
    command = [sys.executable, "-c", READER, str(folder / ROWS_FOLDER), str(tmp_path / "enough")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "reading\n"
        for start in range(0, 200, 20):
            assert withdraw_rows(folder, IDS[start : start + 20], KEYS) == 20
        (tmp_path / "enough").touch()
        assert reader.wait(60) == 0  # a file cut short under its mapping would end it by SIGBUS


@pytest.mark.parametrize("replaced", [0, 1, 2, 3, 40])
def test_an_interrupted_withdrawal_leaves_a_readable_index_and_is_finished_by_another(
    enrolled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, replaced: int
) -> None:
    whole = shutil.copytree(enrolled, tmp_path / "whole")
    assert withdraw_rows(whole, GONE, KEYS) == 50
    folder = shutil.copytree(enrolled, tmp_path / "c")
    done, replace = [0], Path.replace

    def until_it_stops(path: Path, target: Path) -> Path:
        if done[0] == replaced:
            raise KeyboardInterrupt
        done[0] += 1
        return replace(path, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", until_it_stops)
        with pytest.raises(KeyboardInterrupt):
            withdraw_rows(folder, GONE, KEYS)
    assert odds(folder, range(50, 100)) > 4
    assert withdraw_rows(folder, GONE, KEYS) == 50
    assert arrays(folder) == arrays(whole)
    assert odds(folder, range(50)) < 1
    assert odds(folder, range(50, 100)) > 4


def test_withdrawing_twice_changes_nothing_more(enrolled: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(enrolled, tmp_path / "c")
    withdraw_rows(folder, GONE, KEYS)
    once = arrays(folder)
    assert withdraw_rows(folder, [*GONE, "99", "not an id"], KEYS) == 50
    assert arrays(folder) == once
