"""Ids beside the values of their own participants speak for a release; ids put beside other rows do not."""

from __future__ import annotations

from pathlib import Path

import pytest

from matcher.sketches import EnrolledCohort, EnrolledRelease, ReleaseEvidence
from matcher.tables.rows import compare, sketch
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

COUNT = 3_000
PEOPLE = draw_people(4, COUNT)
OWN = draw_ids(4, COUNT)
RELEASED = {name: draw_ids(40 + i, COUNT) for i, name in enumerate("ab")}
TYPICAL = ["21001-0.0", "53-0.0", "50-0.0", "34-0.0"]


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> EnrolledCohort:
    """Two releases with lists of whose id is whose, and one, `same`, that keeps the cohort's own ids."""
    folder = tmp_path_factory.mktemp("pairs")
    enrol_cohort(folder, [write_csv(folder / "all.csv", {"eid": OWN, **PEOPLE})], None, KEYS)
    releases = []
    for name, ids in {**RELEASED, "same": OWN}.items():
        place = folder / "releases" / name
        place.mkdir(parents=True)
        listed = write_csv(folder / f"{name}.csv", {"participant": OWN, "release_id": ids})
        enrolled = enrol_release(place, folder, ids=listed, files=[], id_column=None, keys=KEYS)
        assert enrolled.ids_count == COUNT
        releases.append(EnrolledRelease(name, name, place))
    return EnrolledCohort("c", COUNT, folder, tuple(releases))


def said(cohort: EnrolledCohort, ids: list[str], rows: list[int]) -> dict[str, ReleaseEvidence]:
    one = sketch(KEYS)
    one.add(table({"eid": ids, **pick(PEOPLE, rows, TYPICAL)}))
    return {r.release: r for evidence in compare(one, cohort, KEYS) for r in evidence.releases}


def test_ids_beside_their_own_participants_values_speak_beyond_ids(cohort: EnrolledCohort) -> None:
    rows = list(range(100, 130))
    found = said(cohort, [RELEASED["b"][row] for row in rows], rows)
    assert found["b"].log10_odds > 8
    assert found["b"].beyond_ids
    assert set(found) == {"b"}


def test_planted_ids_beside_other_rows_say_nothing(cohort: EnrolledCohort) -> None:
    found = said(cohort, [RELEASED["b"][row] for row in range(500, 530)], list(range(100, 130)))
    assert all(one.log10_odds < 1 for one in found.values())


def test_a_release_that_keeps_the_cohorts_ids_is_not_told_from_the_cohort(cohort: EnrolledCohort) -> None:
    rows = list(range(200, 240))
    found = said(cohort, [OWN[row] for row in rows], rows)
    assert all(one.log10_odds < 1 for one in found.values())


def test_a_release_with_files_pairs_with_its_own_values(cohort: EnrolledCohort, tmp_path: Path) -> None:
    ids = draw_ids(77, 500)
    path = write_csv(tmp_path / "x.csv", {"eid": ids, **pick(PEOPLE, range(500))})
    place = tmp_path / "d"
    place.mkdir()
    assert (
        enrol_release(place, cohort.folder, ids=None, files=[path], id_column=None, keys=KEYS).ids_count
        == 500
    )
    wider = EnrolledCohort("c", COUNT, cohort.folder, (*cohort.releases, EnrolledRelease("d", "d", place)))
    found = said(wider, ids[10:40], list(range(10, 40)))
    assert found["d"].log10_odds > 8
    assert found["d"].beyond_ids
