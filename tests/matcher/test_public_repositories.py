"""Public research repositories accuse nobody: what stands in them is not the cohort's, whatever it looks like."""

from __future__ import annotations

from pathlib import Path

import pytest

from matcher.examine import Examiner
from matcher.sketches import EnrolledCohort, EnrolledRelease
from tests.matcher.research import KINDS, public_repository
from tests.matcher.tables.made import KEYS, draw_ids, draw_people, enrol_cohort, enrol_release, write_csv

PEOPLE = 5_000
REPOSITORIES = 40
_AT_PROBABLE = ("probable", "confirmed")


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> EnrolledCohort:
    """Ids and phenotypes of 5,000 people, and a release whose ids were drawn anew."""
    folder = tmp_path_factory.mktemp("cohort")
    people = draw_people(1, PEOPLE)
    own, given = draw_ids(2, PEOPLE), draw_ids(3, PEOPLE)
    source = write_csv(folder / "cohort.csv", {"eid": own, **people})
    enrol_cohort(folder / "index", [source], "eid", KEYS)
    (folder / "index" / "releases" / "r").mkdir(parents=True)
    handed = write_csv(folder / "release.csv", {"eid": given, **people})
    enrol_release(
        folder / "index" / "releases" / "r", folder / "index", ids=None, files=[handed], id_column="eid", keys=KEYS
    )  # fmt: skip
    release = EnrolledRelease("r", "Institute", folder / "index" / "releases" / "r")
    return EnrolledCohort("c", PEOPLE, folder / "index", (release,))


def write(folder: Path, files: dict[str, bytes]) -> None:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


@pytest.mark.slow
def test_no_public_repository_is_probable(cohort: EnrolledCohort, tmp_path: Path) -> None:
    kinds: set[str] = set()
    for seed in range(REPOSITORIES):
        files = public_repository(seed)
        kinds |= set(files)
        write(tmp_path / f"r{seed:03}", files)
    answers = list(Examiner((cohort,), KEYS).paths([tmp_path]))
    assert kinds == set(KINDS)
    assert len(answers) > 5 * REPOSITORIES
    assert [one["skipped"] for one in answers if one["skipped"]] == []
    accused = [(one["path"], one["verdict"]) for one in answers if one["verdict"] in _AT_PROBABLE]
    assert accused == []


@pytest.mark.parametrize("name", ["data/measurements.csv", "refs/pmids.txt", "README.md"])
def test_the_same_files_with_ids_of_the_cohort_are_confirmed(
    name: str, cohort: EnrolledCohort, tmp_path: Path
) -> None:
    """The twin: what is silent above is not silent because nothing is looked at."""
    lines = [f"{one},0.5" if name.endswith(".csv") else one for one in draw_ids(3, PEOPLE)[:60]]
    clean = public_repository(next(s for s in range(99) if name in public_repository(s)))[name]
    write(tmp_path, {name: b"\n".join([clean, *(line.encode() for line in lines)])})
    (answer,) = Examiner((cohort,), KEYS).paths([tmp_path])
    assert answer["verdict"] in _AT_PROBABLE
