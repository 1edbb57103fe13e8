"""Which releases of its cohort a find whose people are known can come from, and from what time its people are.

Two kinds of reasons are kept apart. What a release did not hold cannot come from it: found people whom it lacked (up
to slips of registers and of matching), found sites that it lacked (these may be imputed, so they weigh little). Nobody
who holds a part of a release can make that by choosing. That none of the found is among those whom a release held
beyond another, or among those who withdrew later, is what a random draw would show and what choosing makes at will
(cases only, one centre only): it is told apart, capped at FROM_SELECTION, and never used to name a release.

Whatever is not known of a release is taken to be everything, so that it stays as a rival. The cohort at large
(its own staff, a hand-over that nobody registered) is a rival too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln

from matcher.tables.odds import FROM_SELECTION, SLIPS, log10_e_value, log10_lacking

Numbers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Dates = npt.NDArray[np.datetime64]

SLIP_RATES = (0.0005, 0.005, SLIPS)
FROM_SITES = 2.0
"""The most that sites weigh: whoever has a public panel imputes them."""
MOST_TOLD = 0.9
"""The most that is told beside other evidence: it names nobody alone (that needs 3), and with rows of the same people,
whose odds are capped at 5 for the same reason, it accuses nobody (that needs 6)."""
LEAST_HELD = 0.9
REJECTED = 3.0
"""log10 odds at which a time is outside the window."""


@dataclass(frozen=True, slots=True)
class Find:
    """The found people, by their numbers in the cohort, and the found sites, by any numbers that releases share."""

    people: Numbers
    sites: Numbers


@dataclass(frozen=True, slots=True)
class Held:
    """What is known of one release; None is not known. Of people and sites those that are in the find are enough."""

    name: str
    people: Numbers | None = None
    people_count: int | None = None
    """How many people the release held in all; by default as many as `people` has."""
    sites: Numbers | None = None
    handed_over: date | None = None


@dataclass(frozen=True, slots=True)
class Fit:
    """How one release fits."""

    release: str
    log10_odds: float
    """Against the likeliest other origin, from what choosing cannot make; capped."""
    against: str
    """That origin: another release, or "" for the cohort at large."""
    if_drawn_at_random: float
    """The same if the found people were a random draw of what the release held; within ± FROM_SELECTION."""
    people_lacking: int
    """Found people whom it did not hold."""
    sites_lacking: int
    withdrawn_before: int
    """Found people who had withdrawn when it was handed over."""
    people_known: bool
    held_share: float
    """Share of the found people whom it held."""


@dataclass(frozen=True, slots=True)
class Window:
    """When the find's people were drawn: not before `earliest`, before `latest`; None where that is open."""

    earliest: date | None
    earliest_log10_odds: float
    latest: date | None
    latest_log10_odds: float


def weigh(
    find: Find, releases: Sequence[Held], cohort_size: int, withdrawn: Dates | None = None
) -> list[Fit]:
    """How each release fits the find, the best first.

    `withdrawn` is the day on which each person of the cohort withdrew, NaT for those who did not; a release whose
    people are not known is taken to have held everybody who had not withdrawn when it was handed over.
    """
    people, sites = np.unique(find.people), np.unique(find.sites)
    held = [_people_held(people, one, withdrawn) for one in releases]
    with_sites = [_among(sites, one.sites) for one in releases]
    counts = [_people_count(one, cohort_size, withdrawn) for one in releases]
    drawn = [_drawn(flags, count, cohort_size) for flags, count in zip(held, counts, strict=True)]
    at_large = _drawn(np.ones(len(people), np.bool_), cohort_size, cohort_size)
    fits = []
    for at, one in enumerate(releases):
        rivals = [(_against_cohort(held[at], counts[at] / max(1, cohort_size)), "")]
        rivals += [
            (_against(held[at], held[other], with_sites[at], with_sites[other]), releases[other].name)
            for other in range(len(releases))
            if other != at
        ]
        odds, against = min(rivals)
        best_other = max([at_large, *(drawn[other] for other in range(len(releases)) if other != at)])
        fits.append(
            Fit(
                release=one.name,
                log10_odds=odds,
                against=against,
                if_drawn_at_random=_capped(drawn[at] - best_other),
                people_lacking=int((~held[at]).sum()),
                sites_lacking=int((~with_sites[at]).sum()),
                withdrawn_before=_withdrawn_before(people, one.handed_over, withdrawn),
                people_known=one.people is not None,
                held_share=float(held[at].mean()) if len(people) else 0.0,
            )
        )
    return sorted(fits, key=lambda fit: (-fit.log10_odds, -fit.if_drawn_at_random, fit.release))


def worth_telling(fits: Sequence[Fit]) -> list[tuple[Fit, float]]:
    """The releases that may be told beside other evidence, with the log10 odds to tell.

    Those whose people are known, who held nearly all of the found, and that fit better than every other origin.
    """
    return [
        (fit, min(MOST_TOLD, fit.log10_odds))
        for fit in fits
        if fit.people_known and fit.held_share >= LEAST_HELD and fit.log10_odds > 0
    ]


def window(people: Numbers, cohort_size: int, withdrawn: Dates, joined: Dates | None = None) -> Window:
    """When the found people were drawn from the cohort, by who had joined and who had withdrawn at each time.

    A time is outside where the mean likelihood over all times is a thousand times its own, if the found people
    are a random draw of those who were in the cohort, up to slips. `joined` and `withdrawn` are days for each person
    of the cohort, NaT for not known or never. Odds are capped at FROM_SELECTION.
    """
    people = np.unique(people)
    days = [withdrawn, *([joined] if joined is not None else [])]
    events = np.unique(np.concatenate([day[~np.isnat(day)] for day in days]).astype("datetime64[D]"))
    if not len(people) or not len(events):
        return Window(None, 0.0, None, 0.0)
    # The state before all events, then the one from each event on.
    states = [events[0] - np.timedelta64(1, "D"), *events]
    each = np.array([_drawn_at(people, _there(withdrawn, joined, at), cohort_size) for at in states])
    likely, best = each[:, 0], each[:, 1]
    peak = float(likely.max())
    against = peak + float(np.log10(np.mean(10.0 ** (likely - peak)))) - best
    inside = np.flatnonzero(against < REJECTED)
    first, last = int(inside[0]), int(inside[-1])
    return Window(
        earliest=_day(events[first - 1]) if first else None,
        earliest_log10_odds=min(FROM_SELECTION, float(against[:first].min())) if first else 0.0,
        latest=_day(events[last]) if last < len(events) else None,
        latest_log10_odds=min(FROM_SELECTION, float(against[last + 1 :].min()))
        if last < len(events)
        else 0.0,
    )


def _people_held(people: Numbers, release: Held, withdrawn: Dates | None) -> Flags:
    """Which of the found people a release held: by its list, else all who had not withdrawn by then."""
    if release.people is not None:
        return np.isin(people, release.people)
    if withdrawn is None or release.handed_over is None:
        return np.ones(len(people), np.bool_)
    gone: Flags = withdrawn[people] <= np.datetime64(release.handed_over)
    return ~gone


def _people_count(release: Held, cohort_size: int, withdrawn: Dates | None) -> int:
    if release.people_count is not None:
        return release.people_count
    if release.people is not None:
        return len(np.unique(release.people))
    if withdrawn is None or release.handed_over is None:
        return cohort_size
    return cohort_size - int((withdrawn <= np.datetime64(release.handed_over)).sum())


def _withdrawn_before(people: Numbers, handed_over: date | None, withdrawn: Dates | None) -> int:
    if withdrawn is None or handed_over is None:
        return 0
    return int((withdrawn[people] <= np.datetime64(handed_over)).sum())


def _among(wanted: Numbers, known: Numbers | None) -> Flags:
    return np.ones(len(wanted), np.bool_) if known is None else np.isin(wanted, known)


def _against_cohort(held: Flags, share: float) -> float:
    """log10 odds of a release that held that share of the cohort, against the cohort at large."""
    if share >= 1 or not len(held):
        return 0.0
    chances = np.full(int(held.sum()), share)
    return _capped(log10_e_value(chances, int((~held).sum())))


def _against(held: Flags, others: Flags, sites: Flags, other_sites: Flags) -> float:
    """log10 odds of a release against another: by found people, and found sites, that the other lacked and it held."""
    by_people = log10_lacking(held, others) - log10_lacking(others, held)
    by_sites = log10_lacking(sites, other_sites) - log10_lacking(other_sites, sites)
    return _capped(by_people) + float(np.clip(by_sites, -FROM_SITES, FROM_SITES))


def _drawn_at(people: Numbers, there: Flags, cohort_size: int) -> tuple[float, float]:
    """`_drawn` of those who were there, over all rates of slips and at the best."""
    held, count = there[people], int(there.sum())
    return _drawn(held, count, cohort_size), _drawn(held, count, cohort_size, at_best=True)


def _drawn(held: Flags, count: int, cohort_size: int, *, at_best: bool = False) -> float:
    """log10 of the chance that a random draw out of `count` people of the cohort, with slips, is just these.

    How often slips occur is not known: the mean over SLIP_RATES, or with `at_best` at the rate up to SLIPS that suits
    the draw best, which no other origin or time can complain of.
    """
    inside, outside = int(held.sum()), int((~held).sum())
    if inside > count or outside > cohort_size - count:
        return -np.inf
    rates = np.array([min(SLIPS, outside / max(1, len(held)))] if at_best else SLIP_RATES)
    slips = _log10_ways(len(held), outside) + inside * np.log10(1 - rates)
    if outside:
        slips = slips + outside * np.log10(rates)
    peak = float(slips.max())
    mean = peak + float(np.log10(np.mean(10.0 ** (slips - peak))))
    return mean - _log10_ways(count, inside) - _log10_ways(cohort_size - count, outside)


def _log10_ways(whole: int, part: int) -> float:
    return float((gammaln(whole + 1) - gammaln(part + 1) - gammaln(whole - part + 1)) / np.log(10))


def _there(withdrawn: Dates, joined: Dates | None, at: np.datetime64) -> Flags:
    """Who was in the cohort at the end of a day."""
    there: Flags = ~(withdrawn <= at)
    return there & ~(joined > at) if joined is not None else there


def _capped(log10_odds: float) -> float:
    # Two origins that cannot be at all are alike.
    return 0.0 if np.isnan(log10_odds) else float(np.clip(log10_odds, -FROM_SELECTION, FROM_SELECTION))


def _day(moment: np.datetime64) -> date:
    day: date = moment.astype("datetime64[D]").item()
    return day
