"""Which releases a find can come from, told by its people and sites, when those were handed over, and silence."""

from __future__ import annotations

from dataclasses import replace
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
from matcher.tables.odds import FROM_SELECTION, log10_lacking
from matcher.verdict import judge
from tests.matcher.genotypes.people import KEYS, people, write_vcf

COHORT = 10_000
SITES = np.arange(5_000)
EVERYBODY = np.arange(COHORT)
Numbers = npt.NDArray[np.int64]


def some(of: Numbers, count: int, seed: int = 1) -> Numbers:
    return np.random.default_rng(seed).choice(of, count, replace=False)


def best(find: Find, *releases: Held) -> dict[str, Fit]:
    return {fit.release: fit for fit in weigh(find, releases, COHORT)}


def told(find: Find, *releases: Held) -> dict[str, float]:
    return {fit.release: odds for fit, odds in worth_telling(weigh(find, releases, COHORT))}


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


JANUARY, MAY, SEPTEMBER = date(2024, 1, 1), date(2024, 5, 1), date(2024, 9, 1)
GROWING = (
    Held("first", EVERYBODY[:4_000], handed_over=JANUARY),
    Held("second", EVERYBODY[600:6_000], handed_over=MAY),
    Held("third", EVERYBODY[1_200:9_000], handed_over=SEPTEMBER),
)
"""Six hundred withdraw and thousands join between one hand-over and the next."""


@pytest.mark.parametrize(
    ("who", "days"),
    [
        (EVERYBODY[:4_000], (JANUARY, JANUARY)),
        (EVERYBODY[600:6_000], (MAY, MAY)),
        (EVERYBODY[1_200:9_000], (SEPTEMBER, SEPTEMBER)),
        (EVERYBODY[1_200:6_000], (MAY, SEPTEMBER)),
        (EVERYBODY[600:4_000], (JANUARY, MAY)),
    ],
)
def test_the_window_is_of_the_releases_that_held_those_who_are_found(
    who: Numbers, days: tuple[date, date]
) -> None:
    answer = window(some(who, 2_000), GROWING)
    assert answer is not None
    assert (answer.first, answer.last) == days
    assert FROM_SELECTION >= answer.log10_odds >= 3


def test_what_every_release_held_or_none_did_has_no_window() -> None:
    assert window(some(EVERYBODY[1_200:4_000], 500), GROWING) is None
    assert window(some(EVERYBODY[9_000:], 500), GROWING) is None
    assert window(np.empty(0, np.int64), GROWING) is None
    assert window(some(EVERYBODY, 500), []) is None


@pytest.mark.parametrize("unknown", [Held("no date", EVERYBODY[:4_000]), Held("no people")])
def test_a_release_of_which_nothing_is_known_leaves_the_window_open(unknown: Held) -> None:
    assert window(some(EVERYBODY[:4_000], 2_000), GROWING) is not None
    assert window(some(EVERYBODY[:4_000], 2_000), [*GROWING, unknown]) is None


def test_a_release_without_a_date_that_did_not_hold_them_is_no_rival() -> None:
    elsewhere = Held("no date", EVERYBODY[5_000:])
    answer = window(some(EVERYBODY[:4_000], 2_000), [*GROWING, elsewhere])
    assert answer is not None
    assert answer.last == JANUARY


@pytest.mark.parametrize("count", [1, 2])
def test_few_people_leave_the_window_open(count: int) -> None:
    assert window(EVERYBODY[8_000 : 8_000 + count], GROWING) is None


def test_slips_of_the_true_release_move_no_window() -> None:
    """One found participant in a hundred is told wrongly as one whom no release held."""
    outside = cut = 0
    for seed in range(300):
        release = GROWING[seed % 3]
        assert release.people is not None
        people = some(release.people, 600, seed)
        people[:6] = some(EVERYBODY[9_000:], 6, seed)
        answer = window(people, GROWING)
        cut += answer is not None
        outside += answer is not None and not answer.first <= (release.handed_over or JANUARY) <= answer.last
    assert outside == 0
    assert cut > 290


def test_nothing_found_and_nothing_known_say_nothing() -> None:
    nobody = np.empty(0, np.int64)
    assert told(Find(nobody, nobody), Held("one", EVERYBODY[:10]), Held("x")) == {}
    assert weigh(Find(EVERYBODY, SITES), [], COHORT) == []
    assert told(Find(EVERYBODY[:5], SITES), Held("none", nobody, sites=nobody)) == {}
    (lies,) = weigh(Find(EVERYBODY[:5], SITES), [Held("lies", EVERYBODY[:5], people_count=1)], COHORT)
    assert lies.if_drawn_at_random == -FROM_SELECTION


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


def test_when_the_releases_that_held_them_were_handed_over_is_told(
    cohort: EnrolledCohort, tmp_path: Path
) -> None:
    dated = replace(
        cohort,
        releases=tuple(
            replace(one, delivered=day)
            for one, day in zip(cohort.releases, (JANUARY, MAY, SEPTEMBER), strict=True)
        ),
    )
    told_of = {
        name: found(_vcf(tmp_path / f"{name}.vcf", np.arange(first, first + 60), "X"), dated)[0].why
        for name, first in (("left", 20), ("right", 140))
    }
    held = "of the releases, those that held these participants were handed over"
    assert told_of["left"].endswith(f"{held} on 2024-01-01")
    assert told_of["right"].endswith(f"{held} from 2024-05-01 to 2024-09-01")
    assert held not in found(tmp_path / "left.vcf", cohort)[0].why


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


@pytest.mark.parametrize("seed", range(30))
def test_the_nearest_rival_is_that_of_a_look_at_every_pair(seed: int) -> None:
    """Releases that held the same of the found are weighed together; nobody may be lost by it."""
    rng = np.random.default_rng(seed)
    people, sites = rng.choice(300, 25, replace=False), rng.choice(90, 20, replace=False)
    kinds = [
        (
            None if rng.random() < 0.3 else np.union1d(people[rng.random(25) < 0.9], rng.choice(300, 50)),
            None if rng.random() < 0.4 else sites[rng.random(20) < 0.8],
        )
        for _ in range(4)
    ]
    chosen = [kinds[at] for at in rng.integers(0, 4, 7)]
    releases = [Held(f"r{at}", *kind[:1], None, kind[1]) for at, kind in enumerate(chosen)]
    flags = [
        tuple(
            np.ones(len(every), np.bool_) if known is None else np.isin(np.unique(every), known)
            for every, known in ((people, kind[0]), (sites, kind[1]))
        )
        for kind in chosen
    ]

    def odds(own: int, other: int) -> float:
        by_people, by_sites = (
            log10_lacking(flags[own][at], flags[other][at]) - log10_lacking(flags[other][at], flags[own][at])
            for at in (0, 1)
        )
        return float(np.clip(by_people, -FROM_SELECTION, FROM_SELECTION) + np.clip(by_sites, -2, 2))

    for fit in weigh(Find(people, sites), releases, 300):
        own = int(fit.release[1:])
        least, name = min((odds(own, other), f"r{other}") for other in range(7) if other != own)
        if fit.against:
            assert (fit.log10_odds, fit.against) == (pytest.approx(least), name)
        else:
            assert fit.log10_odds <= least + 1e-9
