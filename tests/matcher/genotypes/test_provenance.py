"""Which releases a find can come from, told by its people, sites and withdrawals, and silence where it cannot be."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from matcher.contents import FileEnded
from matcher.genotypes import identity
from matcher.genotypes.enrol import enrol
from matcher.genotypes.provenance import (
    MOST_TOLD,
    Find,
    Fit,
    Held,
    weigh,
    window,
    worth_telling,
)
from matcher.reading import read_path
from matcher.sketches import EnrolledCohort, EnrolledRelease, Evidence
from matcher.tables.odds import FROM_SELECTION
from matcher.verdict import judge
from tests.matcher.genotypes.people import KEYS, people, write_vcf

COHORT = 10_000
SITES = np.arange(5_000)
EVERYBODY = np.arange(COHORT)
NEVER = np.datetime64("NaT")
Numbers = npt.NDArray[np.int64]


def some(of: Numbers, count: int, seed: int = 1) -> Numbers:
    return np.random.default_rng(seed).choice(of, count, replace=False)


def best(find: Find, *releases: Held) -> dict[str, Fit]:
    return {fit.release: fit for fit in weigh(find, releases, COHORT)}


def told(find: Find, *releases: Held) -> dict[str, float]:
    return {fit.release: odds for fit, odds in worth_telling(weigh(find, releases, COHORT))}


def none_withdrawn() -> npt.NDArray[np.datetime64]:
    return np.full(COHORT, NEVER, "datetime64[D]")


@pytest.mark.parametrize("count", [20, 200, 2_000])
def test_people_whom_one_release_held_speak_for_it(count: int) -> None:
    one, other = EVERYBODY[:4_000], EVERYBODY[3_000:7_000]
    find = Find(some(one, count), SITES)
    fits = best(find, Held("one", one, sites=SITES), Held("other", other, sites=SITES))
    assert fits["one"].log10_odds == FROM_SELECTION
    assert fits["other"].log10_odds < 0
    assert fits["other"].people_lacking > 0.6 * count
    assert told(find, Held("one", one), Held("other", other)) == {"one": MOST_TOLD}


def test_two_releases_with_the_same_people_and_sites_are_not_told_apart() -> None:
    one = EVERYBODY[:4_000]
    find = Find(some(one, 500), SITES)
    releases = Held("one", one, sites=SITES), Held("twin", one, sites=SITES), Held("far", EVERYBODY[5_000:])
    fits = best(find, *releases)
    assert fits["one"].log10_odds == fits["twin"].log10_odds == 0
    assert (fits["one"].against, fits["twin"].against) == ("twin", "one")
    assert told(find, *releases) == {}


def test_a_find_of_only_those_in_an_earlier_release_names_neither_it_nor_the_later() -> None:
    """Cases recruited early: all of them in the earlier release, which the later one contains."""
    early, late = EVERYBODY[:2_000], EVERYBODY[:6_000]
    find = Find(some(early, 400), SITES)
    releases = Held("early", early, sites=SITES), Held("late", late, sites=SITES)
    fits = best(find, *releases)
    assert fits["early"].log10_odds <= 0
    assert fits["late"].log10_odds <= 0
    assert told(find, *releases) == {}
    # What a random draw would show is said apart, and capped.
    assert fits["early"].if_drawn_at_random == FROM_SELECTION
    assert fits["late"].if_drawn_at_random == -FROM_SELECTION


def test_the_later_of_two_is_told_where_people_are_found_whom_the_earlier_had_not() -> None:
    early, late = EVERYBODY[:2_000], EVERYBODY[:6_000]
    find = Find(some(late, 400), SITES)
    assert told(find, Held("early", early), Held("late", late)) == {"late": MOST_TOLD}


@pytest.mark.parametrize("slips", [1, 20, 39])
def test_slips_of_a_large_find_say_nothing(slips: int) -> None:
    """Of 2,000 people of the earlier release a few are missing in its register: the later one covers any."""
    early, late = EVERYBODY[:2_000], EVERYBODY[:6_000]
    find = Find(np.concatenate([some(early, 2_000 - slips), EVERYBODY[2_000 : 2_000 + slips]]), SITES)
    assert told(find, Held("early", early), Held("late", late)) == {}


def test_a_release_of_which_nothing_is_known_stays_a_rival() -> None:
    """It may have held everybody, as the cohort at large does: nobody gains more than against that."""
    one = EVERYBODY[:9_900]
    find = Find(some(one, 50), SITES)
    fits = best(find, Held("one", one), Held("unknown"))
    assert fits["one"].log10_odds <= 0.5
    assert "unknown" not in told(find, Held("one", one), Held("unknown"))


def test_a_release_of_the_whole_cohort_is_never_told() -> None:
    find = Find(some(EVERYBODY, 500), SITES)
    assert told(find, Held("all", EVERYBODY), Held("few", EVERYBODY[:100])) == {}


def test_a_find_merged_from_two_releases_tells_neither() -> None:
    one, other = EVERYBODY[:3_000], EVERYBODY[3_000:6_000]
    find = Find(np.concatenate([some(one, 200), some(other, 200)]), SITES)
    assert told(find, Held("one", one), Held("other", other)) == {}


def test_a_find_of_people_in_no_release_tells_none() -> None:
    find = Find(some(EVERYBODY[8_000:], 200), SITES)
    fits = best(find, Held("one", EVERYBODY[:3_000]), Held("other", EVERYBODY[3_000:6_000]))
    assert max(fit.log10_odds for fit in fits.values()) <= 0


def test_sites_weigh_little_because_they_can_be_imputed() -> None:
    one = EVERYBODY[:4_000]
    find = Find(some(one, 200), SITES)
    fits = best(find, Held("array", one, sites=SITES[:500]), Held("sequence", one, sites=SITES))
    assert fits["sequence"].log10_odds == 2.0
    assert fits["array"].log10_odds == -2.0
    assert fits["array"].sites_lacking == 4_500


def test_strangers_to_every_register_over_many_draws_are_seldom_told() -> None:
    """People drawn from the cohort itself: a release gains three decades in fewer than one of 300 finds."""
    releases = [Held(f"r{n}", some(EVERYBODY, 6_000, seed=n)) for n in range(5)]
    high = 0
    for seed in range(300):
        fits = weigh(Find(some(EVERYBODY, 40, seed=100 + seed), SITES), releases, COHORT)
        high += any(fit.log10_odds >= 3 for fit in fits)
    assert high <= 1


def test_those_who_withdrew_before_a_release_speak_against_it() -> None:
    withdrawn = none_withdrawn()
    withdrawn[:300] = np.datetime64("2024-03-01")
    early, late = Held("early", handed_over=date(2023, 1, 1)), Held("late", handed_over=date(2025, 1, 1))
    find = Find(np.concatenate([EVERYBODY[:60], some(EVERYBODY[300:], 200)]), SITES)
    fits = {fit.release: fit for fit in weigh(find, [early, late], COHORT, withdrawn)}
    assert fits["late"].withdrawn_before == 60
    assert fits["early"].withdrawn_before == 0
    assert fits["late"].log10_odds == -FROM_SELECTION
    # Its people are not known by a list, and the cohort at large had them too: not told.
    assert fits["early"].log10_odds == 0


def test_the_window_ends_before_those_who_are_found_withdrew() -> None:
    withdrawn = none_withdrawn()
    withdrawn[:500] = np.datetime64("2022-01-01")
    withdrawn[500:1_000] = np.datetime64("2024-06-01")
    found = np.concatenate([EVERYBODY[500:600], some(EVERYBODY[1_000:], 1_800)])
    answer = window(found, COHORT, withdrawn)
    assert (answer.earliest, answer.latest) == (date(2022, 1, 1), date(2024, 6, 1))
    assert answer.earliest_log10_odds == answer.latest_log10_odds == FROM_SELECTION


def test_the_window_begins_where_nobody_found_is_among_those_who_withdrew() -> None:
    withdrawn = none_withdrawn()
    withdrawn[:500] = np.datetime64("2022-01-01")
    answer = window(some(EVERYBODY[500:], 400), COHORT, withdrawn)
    assert (answer.earliest, answer.latest) == (date(2022, 1, 1), None)
    assert FROM_SELECTION >= answer.earliest_log10_odds > 3


def test_the_window_begins_where_the_latest_had_joined() -> None:
    joined = np.full(COHORT, np.datetime64("2015-01-01"))
    joined[5_000:] = np.datetime64("2020-01-01")
    answer = window(some(EVERYBODY, 100), COHORT, none_withdrawn(), joined)
    assert answer.earliest == date(2020, 1, 1)


@pytest.mark.parametrize("count", [1, 5, 50])
def test_few_people_leave_the_window_open(count: int) -> None:
    withdrawn = none_withdrawn()
    withdrawn[:200] = np.datetime64("2022-01-01")
    answer = window(some(EVERYBODY[200:], count), COHORT, withdrawn)
    assert (answer.earliest, answer.latest) == (None, None)


def test_one_who_withdrew_is_a_slip() -> None:
    withdrawn = none_withdrawn()
    withdrawn[:20] = np.datetime64("2022-01-01")
    assert window(np.concatenate([EVERYBODY[:1], EVERYBODY[3_000:3_200]]), COHORT, withdrawn).latest is None


def test_the_window_holds_the_true_time_nearly_always() -> None:
    generator = np.random.default_rng(5)
    days = np.datetime64("2018-01-01") + generator.integers(0, 2_500, COHORT)
    withdrawn = np.where(generator.random(COHORT) < 0.15, days, NEVER).astype("datetime64[D]")
    outside = cut = 0
    for seed in range(200):
        at = np.datetime64("2018-01-01") + np.random.default_rng(seed).integers(100, 2_400)
        there = np.flatnonzero(~(withdrawn <= at))
        answer = window(some(there, 600, seed), COHORT, withdrawn)
        outside += (answer.earliest is not None and at < np.datetime64(answer.earliest)) or (
            answer.latest is not None and at >= np.datetime64(answer.latest)
        )
        cut += answer.earliest is not None or answer.latest is not None
    assert outside == 0
    assert cut > 150


def test_nothing_found_and_nothing_known_say_nothing() -> None:
    nobody = np.empty(0, np.int64)
    assert told(Find(nobody, nobody), Held("one", EVERYBODY[:10]), Held("x")) == {}
    assert weigh(Find(EVERYBODY, SITES), [], COHORT) == []
    assert told(Find(EVERYBODY[:5], SITES), Held("none", nobody, sites=nobody)) == {}
    (lies,) = weigh(Find(EVERYBODY[:5], SITES), [Held("lies", EVERYBODY[:5], people_count=1)], COHORT)
    assert lies.if_drawn_at_random == -FROM_SELECTION
    assert window(nobody, COHORT, none_withdrawn()).earliest is None
    assert window(EVERYBODY, COHORT, none_withdrawn()).latest is None


MEMBERS = 300


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> EnrolledCohort:
    """300 participants; `left` had 0…119 and `right` 100…219, under ids of their own; `twin` the same as `right`."""
    folder = tmp_path_factory.mktemp("provenance")
    releases = {"left": range(120), "right": range(100, 220), "twin": range(100, 220)}
    for name, who in {"cohort": range(MEMBERS), **releases}.items():
        enrol(folder / name, [_vcf(folder / f"{name}.vcf", np.array(who), name)], KEYS)
    return EnrolledCohort(
        "cohort",
        MEMBERS,
        folder / "cohort",
        tuple(EnrolledRelease(name, f"Institute of {name}", folder / name) for name in releases),
    )


def _vcf(path: Path, who: Numbers, prefix: str) -> Path:
    of = people(MEMBERS + 20)
    return write_vcf(path, of, of.dosages[:, who], [f"{prefix}{n}" for n in range(len(who))])


def found(path: Path, cohort: EnrolledCohort) -> list[Evidence]:
    sketch = identity.sketch(KEYS)
    for event in read_path(path):
        if not isinstance(event, FileEnded):
            sketch.add(event)
    return identity.compare(sketch, cohort, KEYS)


def without(cohort: EnrolledCohort, name: str) -> EnrolledCohort:
    kept = tuple(one for one in cohort.releases if one.name != name)
    return EnrolledCohort(cohort.name, cohort.participants_count, cohort.folder, kept)


def test_a_find_is_told_to_fit_its_release_and_names_nobody_alone(
    cohort: EnrolledCohort, tmp_path: Path
) -> None:
    evidence = found(_vcf(tmp_path / "x.vcf", np.arange(60), "X"), cohort)
    ((one,),) = (each.releases for each in evidence)
    assert (one.release, one.log10_odds) == ("left", MOST_TOLD)
    assert "60 of 60 found participants are in this release" in one.why
    answer = judge("cohort", evidence, cohorts_tried=1, releases_tried=1, releases_here=1)
    assert answer.verdict == "confirmed"
    assert answer.accusations == ()
    assert [candidate.release for candidate in answer.candidates] == ["left"]


def test_twins_and_what_all_had_are_told_of_none(cohort: EnrolledCohort, tmp_path: Path) -> None:
    assert [one.releases for one in found(_vcf(tmp_path / "r.vcf", np.arange(130, 190), "X"), cohort)] == [()]
    assert [one.releases for one in found(_vcf(tmp_path / "b.vcf", np.arange(100, 120), "X"), cohort)] == [()]
    assert [one.releases for one in found(_vcf(tmp_path / "n.vcf", np.arange(230, 290), "X"), cohort)] == [()]
    (one,) = found(tmp_path / "r.vcf", without(cohort, "twin"))
    assert [each.release for each in one.releases] == ["right"]


def test_strangers_and_kin_are_told_of_none(cohort: EnrolledCohort, tmp_path: Path) -> None:
    assert found(_vcf(tmp_path / "s.vcf", np.arange(MEMBERS, MEMBERS + 20), "X"), cohort) == []


def test_rows_of_the_same_people_and_these_never_accuse_together(
    cohort: EnrolledCohort, tmp_path: Path
) -> None:
    from matcher.sketches import ReleaseEvidence

    evidence = found(_vcf(tmp_path / "x.vcf", np.arange(60), "X"), cohort)
    rows = Evidence(
        "row-values", "values", 9.0, "", releases=(ReleaseEvidence("left", FROM_SELECTION, True, ""),)
    )
    answer = judge("cohort", [*evidence, rows], cohorts_tried=1, releases_tried=1, releases_here=3)
    assert [one.standing for one in answer.accusations] == ["investigate"]
