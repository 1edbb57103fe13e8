"""A release that has its columns from the cohort tells what one with cells of its own tells, to the last digit."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from sqlmodel import SQLModel, create_engine

from matcher.enrol import Enrolment, add_cohort, add_release
from matcher.errors import NotEnrolled
from matcher.library import cohort_folder, release_folder
from matcher.prf import subkey
from matcher.sketches import EnrolledCohort, EnrolledRelease, Evidence
from matcher.tables.cell_ids import hashes_of_cells
from matcher.tables.enrol import PARTICIPANTS_FILE, ROWS_FOLDER
from matcher.tables.row_index import RowIndex, open_index, slots_of
from matcher.tables.rows import compare, sketch
from matcher.tables.shared_columns import STAMP_FILE, stamped
from matcher.tables.withdrawal import withdraw_rows
from tests.matcher.tables.made import (
    KEYS,
    draw_ids,
    draw_people,
    enrol_cohort,
    enrol_release,
    pick,
    table,
    write_csv,
)

COUNT, HELD = 3_000, 2_000
IDS, PEOPLE = draw_ids(41, COUNT), draw_people(41, COUNT)
COLUMNS = list(PEOPLE)
GIVEN = draw_ids(43, COUNT, 6_000_000, 9_000_000)
"""Ids of a release of its own."""
ORDER = [int(i) for i in np.random.default_rng(5).permutation(COUNT)[:HELD]]
EIGHT = ["21001-0.0", "53-0.0", "50-0.0", "34-0.0", "31-0.0", "30600-0.0", "21002-0.0", "41270-0.0"]
GONE = ORDER[:40]
Columns = dict[str, list[str]]


def plain() -> Columns:
    """Two participants in three, in another order, cells as the cohort has them."""
    return {"eid": [IDS[i] for i in ORDER], **pick(PEOPLE, ORDER)}


def changed() -> Columns:
    """One column marked in a few digits, one recoded, one rounded, one of other people, one renamed, one new."""
    columns = plain()
    columns["30600-0.0"] = [
        f"{float(cell) + 0.001:.3f}" if cell and i % 90 == 0 else cell
        for i, cell in enumerate(columns["30600-0.0"])
    ]
    columns["20116-0.0"] = [cell and f"Level {cell}" for cell in columns["20116-0.0"]]
    columns["21001-0.0"] = [cell and f"{float(cell):.1f}" for cell in columns["21001-0.0"]]
    columns["50-0.0"] = columns["50-0.0"][1:] + columns["50-0.0"][:1]
    columns["height_of_mother"] = columns.pop("30610-0.0")
    columns["new"] = [f"{i / 7:.4f}" for i in range(HELD)]
    return columns


def lacking() -> Columns:
    """Cells blanked since: one in thirty of every column, one in three of one; and six columns left out."""
    columns = {name: cells for name, cells in plain().items() if name not in COLUMNS[-6:]}
    rng = np.random.default_rng(6)
    for name in list(columns)[1:]:
        blank = rng.random(HELD) < (1 / 3 if name == "53-0.0" else 1 / 30)
        columns[name] = ["" if b else cell for b, cell in zip(blank, columns[name], strict=True)]
    return columns


def joined() -> Columns:
    """A hundred people besides whom the cohort does not know."""
    new = draw_people(44, 100)
    columns = {name: [*cells, *new.get(name, ())] for name, cells in plain().items()}
    columns["eid"] += draw_ids(44, 100, 9_000_000, 9_900_000)
    return columns


MADE: dict[str, Callable[[], Columns]] = {
    "plain": plain, "changed": changed, "lacking": lacking, "joined": joined,
}  # fmt: skip
SHARED = {"plain": 20, "changed": 18, "lacking": 13, "joined": 20}
"""Columns that such a release has from the cohort."""


@pytest.fixture(scope="module")
def enrolled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cohort under `c` with a release of every kind, and under `alone` the same releases on their own."""
    folder = tmp_path_factory.mktemp("sharing")
    enrol_cohort(folder / "c", [write_csv(folder / "all.csv", {"eid": IDS, **PEOPLE})], None, KEYS)
    for name, make in MADE.items():
        add(folder, name, [write_csv(folder / f"{name}.csv", make())])
    own = write_csv(folder / "own.csv", {**plain(), "eid": [GIVEN[i] for i in ORDER]})
    whose = write_csv(folder / "whose.csv", {"participant": IDS, "release_id": GIVEN})
    add(folder, "listed", [own], whose)
    wrong = write_csv(folder / "wrong.csv", {"participant": [*IDS[1:], IDS[0]], "release_id": GIVEN})
    add(folder, "mislisted", [own], wrong)
    return folder


def add(folder: Path, name: str, files: list[Path], listed: Path | None = None) -> None:
    for place in (folder / "c" / "releases" / name, folder / "alone" / name):
        place.mkdir(parents=True)
        said = enrol_release(place, folder / "c", ids=listed, files=files, id_column=None, keys=KEYS)
        assert said.ids_count >= 1


NAMES = [*MADE, "listed", "mislisted"]


def index_of(folder: Path) -> RowIndex:
    index = open_index(folder / ROWS_FOLDER)
    assert index is not None
    return index


def shared_in(index: RowIndex) -> int:
    return sum(one.shared is not None for one in index.columns)


def require_same(index: RowIndex, own: RowIndex) -> None:
    """Both answer the same to whatever is asked."""
    assert [replace(one, shared=None) for one in index.columns] == list(own.columns)
    assert (index.records_count, index.by_name) == (own.records_count, own.by_name)
    some = np.random.default_rng(1).integers(0, own.records_count, 50)
    for column, one in enumerate(own.columns):
        for tag in one.tags:
            cells = own.cells(column, tag)
            assert index.cells(column, tag).tobytes() == cells.tobytes()
            assert index.cells_at(column, tag, some).tobytes() == cells[some].tobytes()
            codes, values = index.coded(column, tag)
            assert (values[codes] == cells).all()
            assert not values[0]
            asked = np.unique(np.r_[cells[cells != 0][::9], np.arange(1, 40, dtype=np.uint32)])
            assert (index.counts_of(column, tag, asked) == own.counts_of(column, tag, asked)).all()
            slots = slots_of(asked[:5])
            assert (index.records_in(column, tag, slots) == own.records_in(column, tag, slots)).all()


def evidence(folder: Path, places: dict[str, Path], ids: list[str] = IDS) -> list[list[Evidence]]:
    """What finds of several kinds say of the cohort in `folder` and of releases in these places."""
    releases = tuple(EnrolledRelease(name, f"Institute {name}", place) for name, place in places.items())
    cohort = EnrolledCohort("c", COUNT, folder / "c", releases)
    rows = ORDER[300:500]
    finds = [
        table(pick(PEOPLE, rows, EIGHT)),
        table({f"v{i}": cells for i, cells in enumerate(pick(PEOPLE, rows).values())}, has_header=False),
        table({"eid": [ids[row] for row in rows], **pick(PEOPLE, rows, EIGHT)}),
        table(pick(changed(), range(300, 500), [name for name in COLUMNS if name != "30610-0.0"])),
        table(pick(draw_people(99, 200), range(200), EIGHT)),
    ]
    found = []
    for find in finds:
        one = sketch(KEYS)
        one.add(find)
        found.append(compare(one, cohort, KEYS))
    return found


@pytest.mark.parametrize("name", NAMES)
def test_an_index_that_shares_answers_as_one_of_its_own(enrolled: Path, name: str) -> None:
    index, own = index_of(enrolled / "c" / "releases" / name), index_of(enrolled / "alone" / name)
    assert not shared_in(own)
    require_same(index, own)


@pytest.mark.parametrize(("name", "count"), [*SHARED.items(), ("listed", 20)])
def test_what_is_equal_is_shared_and_nothing_else(enrolled: Path, name: str, count: int) -> None:
    index = index_of(enrolled / "c" / "releases" / name)
    assert shared_in(index) == count
    apart = {one.name for one in index.columns if one.shared is not None and one.shared.has_apart}
    whole = {one.name for one in index.columns if one.shared is None}
    if name == "changed":
        assert "30600-0.0" in apart  # its marked digits alone
        assert whole == {"50-0.0", "new", "20116-0.0"}  # a rounded one is the cohort's at fewer decimals
        renamed = next(one for one in index.columns if one.name == "height_of_mother")
        assert renamed.shared is not None
        assert index_of(enrolled / "c").columns[renamed.shared.column].name == "30610-0.0"
    if name in ("plain", "listed"):
        assert not apart
    if name == "lacking":
        assert whole == {"53-0.0"}
    size = {
        folder: bytes_under(folder / ROWS_FOLDER)
        for folder in (index.folder.parent, enrolled / "alone" / name)
    }
    smaller = {"plain": 6, "listed": 6, "changed": 2, "lacking": 2, "joined": 2}[name]
    assert size[index.folder.parent] * smaller < size[enrolled / "alone" / name]


def bytes_under(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir() if path.suffix == ".npy")


def test_a_list_that_says_the_wrong_person_shares_next_to_nothing(enrolled: Path) -> None:
    assert shared_in(index_of(enrolled / "c" / "releases" / "mislisted")) <= 1


def test_evidence_is_the_same_with_and_without_sharing(enrolled: Path) -> None:
    shared = {name: enrolled / "c" / "releases" / name for name in NAMES}
    alone = {name: enrolled / "alone" / name for name in NAMES}
    for ids in (IDS, GIVEN):
        found = evidence(enrolled, shared, ids)
        assert found == evidence(enrolled, alone, ids)
        assert found[0][0].log10_odds > 8
        assert not found[4]
    one = evidence(enrolled, {"listed": shared["listed"]}, GIVEN)
    assert one == evidence(enrolled, {"listed": alone["listed"]}, GIVEN)
    assert one[2][0].releases


def assert_forgotten(folder: Path, ids: list[str]) -> None:
    """Every record of these people of the cohort, or of a release that keeps its ids, is empty."""
    index = index_of(folder)
    people = np.load(folder / ROWS_FOLDER / PARTICIPANTS_FILE)
    hashes, records = (np.load(folder / "ids" / f"{name}.npy") for name in ("hashes", "records"))
    numbers = records[np.isin(hashes, hashes_of_cells(subkey(KEYS.ids, "ids"), ids))]
    assert numbers.size == len(ids)
    gone = np.isin(people, numbers)
    assert gone.any()
    for column, one in enumerate(index.columns):
        assert not index.cells(column, one.tags[0])[gone].any()
        assert index.cells(column, one.tags[0])[~gone].any()


def only_theirs(folder: Path) -> npt.NDArray[np.uint32]:
    """Hashes of cells that those who go have in the cohort or a release, and nobody else has in either."""
    places = [(folder / "c", GONE), *((folder / "alone" / name, range(len(GONE))) for name in NAMES)]
    theirs, others = [], []
    for place, gone in places:
        index = index_of(place)
        for cells in (index.cells(i, tag) for i, one in enumerate(index.columns) for tag in one.tags):
            theirs.append(cells[list(gone)])
            others.append(np.delete(cells, list(gone)))
    return np.setdiff1d(np.concatenate(theirs), np.append(np.concatenate(others), 0))


def values_on_disk(folder: Path) -> npt.NDArray[np.uint32]:
    return np.unique(np.concatenate([np.load(path) for path in folder.rglob("values_*.npy")]))


def test_who_withdrew_is_on_the_disk_no_more_in_the_cohort_and_in_every_release(
    enrolled: Path, tmp_path: Path
) -> None:
    shutil.copytree(enrolled / "c", tmp_path / "c")
    theirs = only_theirs(enrolled)
    assert theirs.size > 100
    assert np.isin(theirs, values_on_disk(tmp_path / "c")).all()
    places = {name: tmp_path / "c" / "releases" / name for name in NAMES}
    before = evidence(tmp_path, places)
    held = index_of(places["plain"])
    column = next(i for i, one in enumerate(held.columns) if one.name == "30600-0.0")
    mapped = held.cells(column, 3).copy()
    withdrawn = [IDS[i] for i in GONE]
    for folder in (tmp_path / "c", *places.values()):
        if folder.name != "mislisted":  # whose list says that they are others
            assert withdraw_rows(folder, withdrawn, KEYS) == len(GONE)
        else:
            assert withdraw_rows(folder, [*withdrawn, *(GIVEN[i] for i in GONE)], KEYS) >= len(GONE)
    assert not np.isin(theirs, values_on_disk(tmp_path / "c")).any()
    for name in ("plain", "changed", "lacking", "joined"):
        assert_forgotten(places[name], withdrawn)
    listed = index_of(places["listed"])
    assert all(not listed.cells(i, one.tags[0])[: len(GONE)].any() for i, one in enumerate(listed.columns))
    assert (held.cells(column, 3) == mapped).all()  # who had it open reads on
    after = evidence(tmp_path, places)
    assert [bool(one) for one in after] == [bool(one) for one in before]
    for name in ("plain", "listed"):  # and once more finds the same people and changes nothing
        files = {path: path.read_bytes() for path in (places[name] / ROWS_FOLDER).iterdir()}
        assert withdraw_rows(places[name], withdrawn, KEYS) == len(GONE)
        assert files == {path: path.read_bytes() for path in (places[name] / ROWS_FOLDER).iterdir()}


def test_a_release_alone_forgets_by_its_own_ids(enrolled: Path, tmp_path: Path) -> None:
    shutil.copytree(enrolled / "c", tmp_path / "c")
    cohort, listed = tmp_path / "c", tmp_path / "c" / "releases" / "listed"
    before = {path: path.read_bytes() for path in (cohort / ROWS_FOLDER).iterdir()}
    assert withdraw_rows(listed, [GIVEN[i] for i in GONE], KEYS) == len(GONE)
    assert before == {path: path.read_bytes() for path in (cohort / ROWS_FOLDER).iterdir()}
    own = shutil.copytree(enrolled / "alone" / "listed", tmp_path / "own")
    assert withdraw_rows(own, [GIVEN[i] for i in GONE], KEYS) == len(GONE)
    require_same(index_of(listed), index_of(own))


def test_a_withdrawal_that_was_interrupted_is_finished_by_another(
    enrolled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(enrolled / "c", tmp_path / "whole" / "c")
    gone = [IDS[i] for i in GONE]
    whole = tmp_path / "whole" / "c" / "releases" / "changed"
    assert withdraw_rows(whole, gone, KEYS) == len(GONE)
    replaced = Path.replace
    for stop in (0, 1, 4, 9, 14):
        cohort = shutil.copytree(enrolled / "c", tmp_path / str(stop) / "c")
        folder, done = cohort / "releases" / "changed", [0]

        def until_it_stops(path: Path, target: Path, done: list[int] = done, stop: int = stop) -> Path:
            if done[0] == stop:
                raise KeyboardInterrupt
            done[0] += 1
            return replaced(path, target)

        with monkeypatch.context() as patched:
            patched.setattr(Path, "replace", until_it_stops)
            with pytest.raises(KeyboardInterrupt):
                withdraw_rows(folder, gone, KEYS)
        assert withdraw_rows(folder, gone, KEYS) == len(GONE)
        for path in (whole / ROWS_FOLDER).glob("[!.]*"):
            assert (folder / ROWS_FOLDER / path.name).read_bytes() == path.read_bytes()


def test_a_release_never_reads_from_a_cohort_that_was_enrolled_anew(enrolled: Path, tmp_path: Path) -> None:
    shutil.copytree(enrolled / "c", tmp_path / "c")
    places = {"plain": tmp_path / "c" / "releases" / "plain"}
    assert evidence(tmp_path, places)
    swapped = pick(PEOPLE, [1, 0, *range(2, COUNT)])  # the same people, values of two of them changed over
    enrol_cohort(tmp_path / "c", [write_csv(tmp_path / "anew.csv", {"eid": IDS, **swapped})], None, KEYS)
    with pytest.raises(NotEnrolled, match=r"'plain' .* add the release anew"):
        evidence(tmp_path, places)
    assert withdraw_rows(places["plain"], [IDS[i] for i in GONE], KEYS) == len(GONE)
    add_to = tmp_path / "c" / "releases" / "again"
    add_to.mkdir()
    path = enrolled / "plain.csv"
    enrol_release(add_to, tmp_path / "c", ids=None, files=[path], id_column=None, keys=KEYS)
    require_same(index_of(add_to), index_of(enrolled / "alone" / "plain"))
    assert shared_in(index_of(add_to)) == 20


def test_a_store_that_was_moved_reads_as_before(enrolled: Path, tmp_path: Path) -> None:
    shutil.copytree(enrolled / "c", tmp_path / "first" / "c")
    names = ("plain", "changed")
    before = evidence(tmp_path / "first", {n: tmp_path / "first" / "c" / "releases" / n for n in names})
    (tmp_path / "first").rename(tmp_path / "second")
    after = evidence(tmp_path / "second", {n: tmp_path / "second" / "c" / "releases" / n for n in names})
    assert after == before


def test_a_cohort_of_an_older_store_is_shared_with(enrolled: Path, tmp_path: Path) -> None:
    """It has no stamp, which is drawn once, whoever asks first."""
    shutil.copytree(enrolled / "c", tmp_path / "c", ignore=shutil.ignore_patterns("releases", STAMP_FILE))
    assert "cohort" not in json.loads((tmp_path / "c" / ROWS_FOLDER / "columns.json").read_text())
    with ThreadPoolExecutor(8) as threads:
        stamps = set(threads.map(lambda _: stamped(tmp_path / "c" / ROWS_FOLDER), range(32)))
    assert len(stamps) == 1
    add(tmp_path, "r", [enrolled / "plain.csv"])
    require_same(index_of(tmp_path / "c" / "releases" / "r"), index_of(tmp_path / "alone" / "r"))
    assert shared_in(index_of(tmp_path / "c" / "releases" / "r")) == 20


def test_releases_are_added_whole_through_the_registry(
    enrolled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Built beside its place and moved there; a run that dies on the way leaves none, and the next one adds it."""
    engine = create_engine(f"sqlite:///{tmp_path / 'registry.db'}")
    SQLModel.metadata.create_all(engine)
    enrolment = Enrolment(engine, tmp_path / "indexes", KEYS)
    add_cohort(enrolment, "c", phenotypes=[enrolled / "all.csv"])

    def release(name: str) -> Path:
        file = enrolled / "changed.csv"
        add_release(enrolment, "c", name, recipient="A", phenotypes=[file])
        return release_folder(tmp_path / "indexes", "c", name)

    with monkeypatch.context() as patched:
        patched.setattr("matcher.tables.row_index.reference", dies)
        with pytest.raises(KeyboardInterrupt):
            release("r")
    assert not release_folder(tmp_path / "indexes", "c", "r").exists()
    for name in ("r", "s"):
        require_same(index_of(release(name)), index_of(enrolled / "alone" / "changed"))
    assert index_of(cohort_folder(tmp_path / "indexes", "c")).cohort is None


def dies(*_: object) -> dict[str, str]:
    raise KeyboardInterrupt
