"""Which releases of its cohort a find whose people are known can come from, and when those were handed over.

Two kinds of reasons are kept apart. What a release did not hold cannot come from it: found people whom it lacked (up
to slips of registers and of matching), found sites that it lacked (these may be imputed, so they weigh little). Nobody
who holds a part of a release can make that by choosing. That none of the found is among those whom a release held
beyond another is what a random draw would show and what choosing makes at will
(cases only, one centre only): it is told apart, capped at FROM_SELECTION, and never used to name a release.

Whatever is not known of a release is taken to be everything, so that it stays as a rival. The cohort at large
(its own staff, a hand-over that nobody registered) is a rival too.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln

from matcher.tables.odds import FROM_SELECTION, SLIPS, log10_e_value, log10_lacking

Numbers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

SLIP_RATES = (0.0005, 0.005, SLIPS)
FROM_SITES = 2.0
"""The most that sites weigh: whoever has a public panel imputes them."""
MOST_TOLD = 0.9
"""The most that is told beside other evidence: it names nobody alone (that needs 3), and with rows of the same people,
whose odds are capped at 5 for the same reason, it accuses nobody (that needs 6)."""
LEAST_HELD = 0.9
REJECTED = 3.0
"""log10 odds at which a release did not hold the found people."""


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
    people_known: bool
    held_share: float
    """Share of the found people whom it held."""


@dataclass(frozen=True, slots=True)
class Window:
    """The hand-overs of the releases that held the found people: from the first of them to the last."""

    first: date
    last: date
    log10_odds: float
    """Against those that were handed over at another time."""


def weigh(find: Find, releases: Sequence[Held], cohort_size: int) -> list[Fit]:
    """How each release fits the find, the best first; one whose people are not known held everybody."""
    people, sites = np.unique(find.people), np.unique(find.sites)
    held = _Patterns.of(_among_each(people, [one.people for one in releases]), len(people))
    with_sites = _Patterns.of(_among_each(sites, [one.sites for one in releases]), len(sites))
    counts = [_people_count(one, cohort_size) for one in releases]
    kinds = list(zip(held.which, counts, strict=True))
    drawn_of = {kind: _drawn(held.flags[kind[0]], kind[1], cohort_size) for kind in set(kinds)}
    against = {
        kind: _against_cohort(held.flags[kind[0]], kind[1] / max(1, cohort_size)) for kind in set(kinds)
    }
    drawn = [drawn_of[kind] for kind in kinds]
    at_large = _drawn(np.ones(len(people), np.bool_), cohort_size, cohort_size)
    best_others = _highest_of_others(drawn)
    rivals = _nearest_rivals([one.name for one in releases], held, with_sites)
    fits = []
    for at, one in enumerate(releases):
        own, own_sites = held.flags[held.which[at]], with_sites.flags[with_sites.which[at]]
        odds, rival = min((against[kinds[at]], ""), rivals[at])
        fits.append(
            Fit(
                release=one.name,
                log10_odds=odds,
                against=rival,
                if_drawn_at_random=_capped(drawn[at] - max(at_large, best_others[at])),
                people_lacking=int((~own).sum()),
                sites_lacking=int((~own_sites).sum()),
                people_known=one.people is not None,
                held_share=float(own.mean()) if len(people) else 0.0,
            )
        )
    return sorted(fits, key=lambda fit: (-fit.log10_odds, -fit.if_drawn_at_random, fit.release))


@dataclass(frozen=True, slots=True)
class _Patterns:
    """What releases held of the found, each pattern once: of thousands of releases most are alike."""

    flags: Flags
    """Patterns × found."""
    which: list[int]
    """The pattern of each release."""

    @classmethod
    def of(cls, rows: Sequence[Flags], width: int) -> _Patterns:
        numbers: dict[bytes, int] = {}
        which = [numbers.setdefault(np.packbits(row).tobytes(), len(numbers)) for row in rows]
        rows_of = dict(zip(which, rows, strict=True))
        return cls(
            np.array([rows_of[at] for at in range(len(numbers))], np.bool_).reshape(len(numbers), width),
            which,
        )

    def against_each(self) -> Iterator[Floats]:
        """log10 odds of each pattern against every one, by what one held and the other lacked."""
        odds = _lacking_by_count(self.flags.shape[1])
        held = self.flags.astype(np.float32)  # whole numbers up to 2**24 are exact in it
        sizes = held.sum(axis=1)
        for own, size in zip(held, sizes, strict=True):
            both = held @ own
            yield odds[(size - both).astype(np.int64)] - odds[(sizes - both).astype(np.int64)]


def _lacking_by_count(found: int) -> Floats:
    """`log10_lacking` by how many of the found the one held and the other lacked."""
    every, nobody = np.ones(found, np.bool_), np.zeros(found, np.bool_)
    return np.array([log10_lacking(every & (np.arange(found) < only), nobody) for only in range(found + 1)])


def _nearest_rivals(names: Sequence[str], held: _Patterns, with_sites: _Patterns) -> list[tuple[float, str]]:
    """By release, the least odds against any other release, and the first by name of those that have them."""
    alike: dict[tuple[int, int], list[str]] = {}
    for key, name in zip(zip(held.which, with_sites.which, strict=True), names, strict=True):
        insort(alike.setdefault(key, []), name)
    keys = sorted(alike)
    first = np.array([alike[key][0] for key in keys])
    by_people, by_sites = np.array(keys, dtype=np.int64).reshape(-1, 2).T
    sites_odds = [np.clip(row, -FROM_SITES, FROM_SITES) for row in with_sites.against_each()]
    people_odds = zip(range(len(held.flags)), held.against_each(), strict=True)
    nearest: dict[tuple[int, int], tuple[float, str]] = {}
    pattern, row = next(people_odds, (0, np.zeros(0)))
    for at, key in enumerate(keys):
        while pattern < key[0]:
            pattern, row = next(people_odds)
        odds = np.clip(row[by_people], -FROM_SELECTION, FROM_SELECTION) + sites_odds[key[1]][by_sites]
        odds[at] = np.inf
        least = float(odds.min())
        nearest[key] = (least, min(first[odds == least].tolist(), default=""))
    rivals = []
    for key, name in zip(zip(held.which, with_sites.which, strict=True), names, strict=True):
        others = [other for other in alike[key][:2] if other != name]
        rivals.append(min([nearest[key], *((0.0, other) for other in others[:1])]))
    return rivals


def _highest_of_others(values: Sequence[float]) -> list[float]:
    """By value, the highest of all the others; minus infinity where there is none."""
    highest, second = (*sorted(values, reverse=True), -np.inf, -np.inf)[:2]
    return [second if value == highest else highest for value in values]


def worth_telling(fits: Sequence[Fit]) -> list[tuple[Fit, float]]:
    """The releases that may be told beside other evidence, with the log10 odds to tell.

    Those whose people are known, who held nearly all of the found, and that fit better than every other origin.
    """
    return [
        (fit, min(MOST_TOLD, fit.log10_odds))
        for fit in fits
        if fit.people_known and fit.held_share >= LEAST_HELD and fit.log10_odds > 0
    ]


def window(people: Numbers, releases: Sequence[Held]) -> Window | None:
    """When the releases that held the found people were handed over.

    A release held them if those whom it lacked are no more than slips. None where a release that held them, or may
    have, has no date, where none held them, and where every dated release did, so that dates tell nothing.
    """
    people = np.unique(people)
    held = _Patterns.of(_among_each(people, [one.people for one in releases]), len(people))
    lacked_of = [log10_lacking(np.ones(len(people), np.bool_), row) for row in held.flags]
    lacked = [lacked_of[at] for at in held.which]
    holding = [one.handed_over for one, odds in zip(releases, lacked, strict=True) if odds < REJECTED]
    dates = [day for day in holding if day is not None]
    if not dates or len(dates) < len(holding):
        return None
    first, last = min(dates), max(dates)
    others = [
        odds
        for one, odds in zip(releases, lacked, strict=True)
        if one.handed_over is not None and not first <= one.handed_over <= last
    ]
    return Window(first, last, min(FROM_SELECTION, *others)) if others else None


def why_release(fit: Fit, people: int) -> str:
    told = f"{people - fit.people_lacking:,} of {people:,} found participants are in this release"
    return f"{told}, more than in any other; who chose them could have made that, so it names nobody alone"


def when_told(found: Window | None) -> str:
    if found is None:
        return ""
    days = f"on {found.first}" if found.first == found.last else f"from {found.first} to {found.last}"
    return f"; of the releases, those that held these participants were handed over {days}"


def _people_count(release: Held, cohort_size: int) -> int:
    if release.people_count is not None:
        return release.people_count
    return cohort_size if release.people is None else len(np.unique(release.people))


def _among_each(wanted: Numbers, known: Sequence[Numbers | None]) -> list[Flags]:
    """Which of the wanted each knows; what several share is looked at once."""
    distinct = {id(one): one for one in known}
    flags = {number: _among(wanted, one) for number, one in distinct.items()}
    return [flags[id(one)] for one in known]


def _among(wanted: Numbers, known: Numbers | None) -> Flags:
    return np.ones(len(wanted), np.bool_) if known is None else np.isin(wanted, known)


def _against_cohort(held: Flags, share: float) -> float:
    """log10 odds of a release that held that share of the cohort, against the cohort at large."""
    if share >= 1 or not len(held):
        return 0.0
    chances = np.full(int(held.sum()), share)
    return _capped(log10_e_value(chances, int((~held).sum())))


def _drawn(held: Flags, count: int, cohort_size: int) -> float:
    """log10 of the chance that a random draw out of `count` people of the cohort, with slips, is just these.

    How often slips occur is not known: the mean over SLIP_RATES.
    """
    inside, outside = int(held.sum()), int((~held).sum())
    if inside > count or outside > cohort_size - count:
        return -np.inf
    rates = np.array(SLIP_RATES)
    slips = _log10_ways(len(held), outside) + inside * np.log10(1 - rates)
    if outside:
        slips = slips + outside * np.log10(rates)
    peak = float(slips.max())
    mean = peak + float(np.log10(np.mean(10.0 ** (slips - peak))))
    return mean - _log10_ways(count, inside) - _log10_ways(cohort_size - count, outside)


def _log10_ways(whole: int, part: int) -> float:
    return float((gammaln(whole + 1) - gammaln(part + 1) - gammaln(whole - part + 1)) / np.log(10))


def _capped(log10_odds: float) -> float:
    # Two origins that cannot be at all are alike.
    return 0.0 if np.isnan(log10_odds) else float(np.clip(log10_odds, -FROM_SELECTION, FROM_SELECTION))
