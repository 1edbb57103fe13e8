"""A leak is found in every form in which people publish tables and lists, and another cohort's is not taken for it."""

from __future__ import annotations

import polars as pl
import pytest

from matcher.examine import Examiner
from matcher.sketches import EnrolledCohort
from tests.matcher.disguises import FORMS, ID_FORMS
from tests.matcher.tables.made import KEYS, cohort_of_ids, draw_ids, draw_people, enrol_cohort, write_csv

PEOPLE = 5_000
FIELDS = [
    *("34-0.0", "53-0.0", "50-0.0", "21002-0.0", "21001-0.0"),
    *("41270-0.0", "30600-0.0", "30610-0.0", "4100-0.0", "4101-0.0"),
]


@pytest.fixture(scope="module")
def examiner(tmp_path_factory: pytest.TempPathFactory) -> Examiner:
    folder = tmp_path_factory.mktemp("cohort")
    source = write_csv(folder / "cohort.csv", {"eid": draw_ids(1, PEOPLE), **draw_people(2, PEOPLE)})
    enrol_cohort(folder / "c", [source], "eid", KEYS)
    return Examiner((EnrolledCohort("c", PEOPLE, folder / "c"),), KEYS)


@pytest.fixture(scope="module")
def by_ids(tmp_path_factory: pytest.TempPathFactory) -> Examiner:
    folder = tmp_path_factory.mktemp("ids")
    return Examiner((cohort_of_ids(folder, {}, draw_ids(1, PEOPLE)),), KEYS)


def some_of(seed: int) -> pl.DataFrame:
    """60 people of a cohort, without their ids."""
    return pl.DataFrame(draw_people(seed, PEOPLE)).sample(60, seed=4).select(FIELDS)


def verdicts(examiner: Examiner, data: bytes) -> set[str]:
    return {one["verdict"] for one in examiner.content("x", data)}


@pytest.mark.parametrize("form", FORMS)
def test_values_are_found_in_any_form(form: str, examiner: Examiner) -> None:
    assert verdicts(examiner, FORMS[form](some_of(2))) & {"probable", "confirmed"}


@pytest.mark.parametrize("form", FORMS)
def test_another_cohort_of_the_same_dictionary_is_not_accused(form: str, examiner: Examiner) -> None:
    assert verdicts(examiner, FORMS[form](some_of(3))) <= {"none", "possible"}


@pytest.mark.parametrize("form", ID_FORMS)
def test_ids_are_found_in_any_form(form: str, by_ids: Examiner) -> None:
    ids = draw_ids(1, PEOPLE)[:60]
    assert verdicts(by_ids, ID_FORMS[form](ids).encode()) & {"probable", "confirmed"}


@pytest.mark.parametrize("form", ID_FORMS)
def test_other_ids_in_the_same_form_are_not(form: str, by_ids: Examiner) -> None:
    taken = set(draw_ids(1, PEOPLE))
    ids = [one for one in draw_ids(9, PEOPLE) if one not in taken][:60]
    assert verdicts(by_ids, ID_FORMS[form](ids).encode()) <= {"none", "possible"}


def test_a_leak_behind_many_small_tables_is_found(examiner: Examiner) -> None:
    """Sixty tables of a script are more than are compared; those with most rows are."""
    small = "".join(
        f"case_{number} = [({number}, 1.5, 'a'), (2, {number}.5, 'b'), (3, 3.5, 'c'), (4, 1.25, 'd'), "
        f"(5, 2.5, 'e'), (6, 6.5, 'f'), (7, 7.5, 'g')]\n\n\n"
        for number in range(60)
    )
    leak = FORMS["python rows"](some_of(2))
    assert verdicts(examiner, small.encode() + leak) & {"probable", "confirmed"}
