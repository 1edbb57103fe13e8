"""The release gate: what may leave, and what is said of what may not."""

from __future__ import annotations

from typing import Any

import pytest

from matcher.gate import RULES, Breach, Policy, breaches, sarif


def answer(**changes: Any) -> dict[str, Any]:
    whole = {
        "path": "out/a.csv",
        "bytes": 10,
        "content": "aggregate",
        "content_reason": "summary statistics",
        "verdict": "none",
        "matches": [],
        "skipped": None,
    }
    return {**whole, **changes}


def test_an_aggregate_that_matches_nobody_may_leave() -> None:
    assert breaches(answer(), Policy()) == []


def test_a_file_with_participants_may_not_leave_whatever_it_calls_itself() -> None:
    match = {"participants_matched": 12, "cohort": "c"}
    (broken,) = breaches(answer(content="text", verdict="possible", matches=[match]), Policy())
    assert broken == Breach("out/a.csv", "participants", "possible: 12 participants of c")


@pytest.mark.parametrize("content", ["individual-level", "identifiers", "unknown"])
def test_content_that_is_not_named_may_not_leave(content: str) -> None:
    (broken,) = breaches(answer(content=content), Policy())
    assert broken.rule == "content"


def test_what_could_not_be_read_may_not_leave() -> None:
    (broken,) = breaches(answer(skipped="encrypted", content="unknown"), Policy())
    assert broken.rule == "unread"
    assert breaches(answer(skipped="encrypted"), Policy(unread_may_leave=True)) == []


def test_sarif_names_every_rule_and_every_breach() -> None:
    made = sarif([Breach("a", "unread", "x")], "1.0")
    (run,) = made["runs"]
    assert {rule["id"] for rule in run["tool"]["driver"]["rules"]} == set(RULES)
    assert run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "a"
