"""From evidence to a verdict: how sure, whose data, whose copy.

Pure computing. Odds are log10; within one kind of information only the best evidence counts, and only kinds that
are separate (ids, values, genotypes, text, bytes, marks) are added. Probabilities are corrected for every
cohort and every release that was tried (union bound), so that enrolling more of them never makes a
false accusation likelier than stated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from matcher.sketches import Evidence, Information, Relation

Verdict = Literal["confirmed", "probable", "possible", "none"]
Standing = Literal["accuse", "investigate"]

CONFIRMED_BELOW = 1e-9
PROBABLE_BELOW = 1e-4
POSSIBLE_BELOW = 1e-2
NAMED_BELOW = 1e-3
ACCUSED_BELOW = 1e-6
LEAST_PROBABILITY = 1e-300
"""No smaller probability is stated; a float would say 0."""
CANDIDATES_SHOWN = 10

_RANKS: dict[Verdict, int] = {"none": 0, "possible": 1, "probable": 2, "confirmed": 3}


@dataclass(frozen=True, slots=True)
class Accusation:
    """One release that the find may derive from, with the probability that naming it is wrong."""

    release: str
    false_accusation_probability: float
    standing: Standing | None
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict on one file for one cohort."""

    cohort: str
    verdict: Verdict
    false_match_probability: float
    relation: Relation | None
    participants_matched: int | None
    participants_examined: int | None
    accusations: tuple[Accusation, ...]
    """Releases that may be named, best first."""
    candidates: tuple[Accusation, ...]
    """Releases that remain where none may be named, best first."""
    evidence: tuple[Evidence, ...]


def probability(log10_odds: float, tried: int) -> float:
    """The chance that one of `tried` innocent hypotheses reaches these odds: union bound, in 0..1."""
    if log10_odds <= 0:
        return 1.0
    return float(min(1.0, max(LEAST_PROBABILITY, tried * 10.0 ** -min(log10_odds, 320.0))))


def best(verdicts: Sequence[Verdict]) -> Verdict:
    """The strongest of some verdicts; `none` of nothing."""
    return max(verdicts, key=_RANKS.__getitem__, default="none")


def is_at_least(verdict: Verdict, bar: Verdict) -> bool:
    return _RANKS[verdict] >= _RANKS[bar]


def judge(
    cohort: str, evidence: Sequence[Evidence], *, cohorts_tried: int, releases_tried: int, releases_here: int
) -> Judgement:
    """Weighs the evidence of all matchers for one cohort.

    `cohorts_tried` and `releases_tried` count all that are enrolled; `releases_here` those of this cohort.
    """
    odds = sum(_odds_by_information(evidence, releases_here).values())
    false_match = probability(odds, max(1, cohorts_tried))
    accusations = _accusations(evidence, max(1, releases_tried))
    named = tuple(one for one in accusations if one.false_accusation_probability < NAMED_BELOW)
    counted = _most_counted(evidence)
    return Judgement(
        cohort=cohort,
        verdict=_verdict(false_match),
        false_match_probability=false_match,
        relation=next((one.relation for one in evidence if one.relation is not None), None),
        participants_matched=counted.participants_matched if counted else None,
        participants_examined=counted.participants_examined if counted else None,
        accusations=named,
        candidates=() if named else accusations[:CANDIDATES_SHOWN],
        evidence=tuple(sorted(evidence, key=lambda one: -one.log10_odds)),
    )


def matches_of(judgement: Judgement, recipients: Mapping[str, str]) -> list[dict[str, Any]]:
    """The contract's `matches` of one judgement: one for each named release, or one that names none."""
    if judgement.verdict == "none":
        return []
    shared: dict[str, Any] = {
        "cohort": judgement.cohort,
        "verdict": judgement.verdict,
        "participants_matched": judgement.participants_matched,
        "participants_examined": judgement.participants_examined,
        "relation": judgement.relation,
        "false_match_probability": judgement.false_match_probability,
    }
    evidence = [
        {"matcher": one.matcher, "log10_odds": round(one.log10_odds, 2), "why": one.why}
        for one in judgement.evidence
    ]
    if not judgement.accusations:
        nobody = {"release": None, "recipient": None, "standing": None, "false_accusation_probability": None}
        candidates = [
            {
                "release": one.release,
                "recipient": recipients.get(one.release),
                "false_accusation_probability": one.false_accusation_probability,
            }
            for one in judgement.candidates
        ]
        return [{**shared, **nobody, "candidates": candidates, "evidence": evidence}]
    return [
        {
            **shared,
            "release": one.release,
            "recipient": recipients.get(one.release),
            "standing": one.standing,
            "false_accusation_probability": one.false_accusation_probability,
            "evidence": evidence,
            "release_evidence": list(one.why),
        }
        for one in judgement.accusations
    ]


def _verdict(false_match: float) -> Verdict:
    if false_match < CONFIRMED_BELOW:
        return "confirmed"
    if false_match < PROBABLE_BELOW:
        return "probable"
    return "possible" if false_match < POSSIBLE_BELOW else "none"


def _odds_by_information(evidence: Sequence[Evidence], releases_here: int) -> dict[Information, float]:
    """The best odds of each kind of information.

    What derives from a release of a cohort is of the cohort: release odds count for it, corrected for its releases.
    """
    from math import log10

    odds: dict[Information, float] = {}
    for one in evidence:
        through_release = max((r.log10_odds for r in one.releases), default=0.0) - log10(
            max(1, releases_here)
        )
        odds[one.rests_on] = max(odds.get(one.rests_on, 0.0), one.log10_odds, through_release)
    return odds


def _accusations(evidence: Sequence[Evidence], releases_tried: int) -> tuple[Accusation, ...]:
    """Every release that evidence speaks for, best first.

    e-values of separate information multiply, also where one of them is below 1 and so speaks against it.
    """
    by_release: dict[str, dict[tuple[Information, bool], float]] = {}
    why: dict[str, list[str]] = {}
    for one in evidence:
        for release in one.releases:
            kinds = by_release.setdefault(release.release, {})
            kind = (one.rests_on, release.beyond_ids)
            kinds[kind] = max(kinds.get(kind, -1e9), release.log10_odds)
            why.setdefault(release.release, []).append(release.why)
    accusations = []
    for release_name, kinds in by_release.items():
        odds = sum(kinds.values())
        if odds <= 0:
            continue
        beyond_ids = sum(value for (_, beyond), value in kinds.items() if beyond)
        false_accusation = probability(odds, releases_tried)
        accusations.append(
            Accusation(
                release=release_name,
                false_accusation_probability=false_accusation,
                standing=_standing(false_accusation, probability(beyond_ids, releases_tried)),
                why=tuple(why[release_name]),
            )
        )
    return tuple(sorted(accusations, key=lambda one: (one.false_accusation_probability, one.release)))


def _standing(false_accusation: float, without_ids: float) -> Standing | None:
    """Ids alone never accuse: what remains without them must itself be enough to investigate."""
    if false_accusation < ACCUSED_BELOW and without_ids < NAMED_BELOW:
        return "accuse"
    return "investigate" if false_accusation < NAMED_BELOW else None


def _most_counted(evidence: Sequence[Evidence]) -> Evidence | None:
    counted = [one for one in evidence if one.participants_matched is not None]
    return max(counted, key=lambda one: (one.log10_odds, one.participants_matched or 0), default=None)
