"""From evidence to verdicts, names and standings."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.sketches import Evidence, ReleaseEvidence
from matcher.verdict import Judgement, judge, matches_of, probability


def judged(*evidence: Evidence, cohorts: int = 1, releases: int = 10) -> Judgement:
    return judge("c", evidence, cohorts_tried=cohorts, releases_tried=releases, releases_here=releases)


def of_ids(odds: float, release_odds: float | None = None) -> Evidence:
    releases = () if release_odds is None else (ReleaseEvidence("r1", release_odds, False, "ids"),)
    return Evidence("id-set", "ids", odds, "ids", 10, 10, None, releases)


@pytest.mark.parametrize(
    ("odds", "verdict"),
    [(0.0, "none"), (1.9, "none"), (2.5, "possible"), (4.5, "probable"), (9.5, "confirmed")],
)
def test_a_verdict_is_the_probability_that_it_is_false(odds: float, verdict: str) -> None:
    assert judged(of_ids(odds)).verdict == verdict


def test_more_cohorts_make_the_same_evidence_worth_less() -> None:
    assert judged(of_ids(9.5), cohorts=1).verdict == "confirmed"
    assert judged(of_ids(9.5), cohorts=1000).verdict == "probable"


def test_two_matchers_on_the_same_information_do_not_add() -> None:
    twice = judged(of_ids(6), of_ids(6))
    assert twice.false_match_probability == pytest.approx(1e-6)


def test_separate_information_adds() -> None:
    both = judged(of_ids(6), Evidence("row-values", "values", 6, "rows"))
    assert both.false_match_probability == pytest.approx(1e-12)


def test_ids_alone_never_accuse() -> None:
    (accused,) = judged(of_ids(300, 300)).accusations
    assert accused.standing == "investigate"
    assert accused.false_accusation_probability < 1e-200


def test_ids_with_marks_accuse() -> None:
    marks = Evidence("watermark", "marks", 0, "marks", releases=(ReleaseEvidence("r1", 12, True, "marks"),))
    (accused,) = judged(of_ids(20, 20), marks).accusations
    assert accused.standing == "accuse"


def test_a_weak_word_beyond_ids_does_not_turn_ids_into_an_accusation() -> None:
    weak = Evidence("row-values", "values", 2, "rows", releases=(ReleaseEvidence("r1", 0.5, True, "rows"),))
    (accused,) = judged(of_ids(20, 20), weak).accusations
    assert accused.standing == "investigate"


def test_evidence_against_a_release_counts() -> None:
    against = Evidence(
        "watermark", "marks", 0, "marks", releases=(ReleaseEvidence("r1", -15, True, "marks"),)
    )
    assert judged(of_ids(10, 10), against).accusations == ()


def test_where_no_release_may_be_named_the_candidates_are_listed_best_first() -> None:
    evidence = Evidence(
        "row-values", "values", 20, "rows", 5, 5, None,
        tuple(ReleaseEvidence(name, odds, True, "why") for name, odds in (("r1", 1.0), ("r2", 2.0), ("r3", -2.0))),
    )  # fmt: skip
    (match,) = matches_of(judged(evidence), {"r1": "One", "r2": "Two"})
    assert match["release"] is None
    assert match["standing"] is None
    assert [one["release"] for one in match["candidates"]] == ["r2", "r1"]


def test_several_releases_that_contributed_are_several_matches() -> None:
    bridge = Evidence(
        "id-set", "ids", 40, "ids", 9, 9, None,
        (ReleaseEvidence("r1", 20, False, "a"), ReleaseEvidence("r2", 30, False, "b")),
    )  # fmt: skip
    matches = matches_of(judged(bridge), {"r1": "One", "r2": "Two"})
    assert [(one["release"], one["recipient"]) for one in matches] == [("r2", "Two"), ("r1", "One")]


def test_a_release_speaks_for_its_cohort() -> None:
    marks = Evidence("watermark", "marks", 0, "marks", releases=(ReleaseEvidence("r1", 12, True, "marks"),))
    assert judged(marks, releases=10).false_match_probability == pytest.approx(1e-11)


def test_no_evidence_is_no_match() -> None:
    assert matches_of(judged(), {}) == []


@given(odds=st.floats(-1e6, 1e6), tried=st.integers(1, 10**6))
def test_a_probability_is_between_0_and_1_and_never_0(odds: float, tried: int) -> None:
    assert 0 < probability(odds, tried) <= 1
    json.dumps(probability(odds, tried), allow_nan=False)
