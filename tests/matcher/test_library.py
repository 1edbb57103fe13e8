"""What makes finds be examined anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from matcher import library
from matcher.sketches import EnrolledCohort


def test_finds_are_examined_anew_by_a_new_program_and_for_a_new_cohort(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cohort = EnrolledCohort("c", 10, tmp_path / "c")
    before = library.version([cohort])
    assert library.version([cohort]) == before
    assert library.version([cohort, EnrolledCohort("d", 10, tmp_path / "d")]) != before
    monkeypatch.setattr(library, "program_version", lambda name: "9.9.9")
    assert library.version([cohort]) != before
