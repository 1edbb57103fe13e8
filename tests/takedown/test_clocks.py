"""The clocks fit what the letters ask, and none runs from what has not happened."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from takedown import clocks
from takedown.letters import letters

SENT = datetime(2026, 3, 2, 9, tzinfo=UTC)


def running(letter: str) -> dict[str, timedelta]:
    return {one["name"]: one["due_at"] - SENT for one in clocks.due(None, [(letter, SENT)])}


def test_the_clocks_of_a_letter_to_an_institution_are_what_it_asks() -> None:
    assert "within 72 hours" in letters()["institution.en"].body.template
    assert "within seven days" in letters()["institution.en"].body.template
    assert sorted(running("institution.en").values()) == [timedelta(hours=72), timedelta(days=7)]
    assert "within seven days" in letters()["institution-question.en"].body.template
    assert list(running("institution-question.en").values()) == [timedelta(days=7)]


def test_no_counter_notice_runs_from_our_own_notice() -> None:
    assert running("github-dmca.en")
    assert not [name for name in running("github-dmca.en") if "counter" in name]
