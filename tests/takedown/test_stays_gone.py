"""What is gone stays watched: through answers that say nothing, in closed cases, in every case that holds the copy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import pytest
from sqlmodel import Session, col, select

from crawler.ask import Sighting
from crawler.models import Copy, Find, Whereabouts, now
from takedown import cases, notices
from takedown.log import AuditLog
from takedown.models import Case, CaseCopy, Recheck
from takedown.recheck import CHANGED, recheck
from tests.takedown.leak import BLOB, BUNDLE, FORK_BUNDLE, NUMBER, SENDER, match

pytestmark = pytest.mark.usefixtures("confirmed")

FIRST, FORK = "https://github.example/a/study", "https://github.example/b/study"
OTHER = "d" * 64
DAY = timedelta(days=1)


def see(
    session: Session,
    log: AuditLog,
    whereabouts: Whereabouts | Callable[[str], Whereabouts],
    *,
    at: datetime | None = None,
    note: str | None = None,
    numbers: Sequence[str] | None = (NUMBER,),
) -> int:
    """A re-check in which every address is there; how many were asked."""
    asked: list[Copy] = []

    def ask(copies: Sequence[Copy]) -> list[Sighting]:
        asked.extend(copies)
        told = whereabouts if callable(whereabouts) else lambda _: whereabouts
        return [Sighting(one.id or 0, None, told(one.url), note, at or now()) for one in copies]

    recheck(session, ask=ask, log=log, numbers=numbers, at=at)
    session.commit()
    return len(asked)


def days_asked(
    session: Session, log: AuditLog, days: int, told: Callable[[int], Whereabouts], start: datetime
) -> list[int]:
    return [
        day
        for day in range(days)
        if see(session, log, told(day), at=start + day * DAY + timedelta(minutes=1), numbers=None)
    ]


def state(session: Session, number: str = NUMBER) -> str:
    return str(session.exec(select(Case.state).where(Case.number == number)).one())


def copy_at(session: Session, url: str) -> Copy:
    return session.exec(select(Copy).where(Copy.url == url, Copy.find_sha256 != OTHER)).one()


def put_in_place(session: Session, url: str, *, is_examined: bool = True, **held: object) -> None:
    """What the crawl finds at an address later: other content, which may match."""
    session.add(Find(sha256=OTHER, kind="file", name="x", size_bytes=9, vault_object="1"))
    session.flush()
    session.get_one(Find, OTHER).examined_version = "1" if is_examined else None
    session.add(Copy(find_sha256=OTHER, source_id=1, url=url, platform="github", last_seen_at=now() + DAY))
    if held:
        session.add(match(OTHER, content="e" * 64, path="", **held))
    session.commit()


def test_the_days_are_counted_from_the_first_clear_answer_that_it_is_gone(
    session: Session, log: AuditLog
) -> None:
    def told(day: int) -> Whereabouts:
        return Whereabouts.UP if day < 2 else Whereabouts.BLOCKED if day < 40 else Whereabouts.GONE

    assert days_asked(session, log, 140, told, now()) == [*range(41), 41, 43, 47, 70, 130]


def test_a_day_without_a_clear_answer_is_made_up_for(session: Session, log: AuditLog) -> None:
    def told(day: int) -> Whereabouts:
        return Whereabouts.UNKNOWN if 30 <= day < 33 else Whereabouts.GONE

    assert days_asked(session, log, 100, told, now()) == [0, 1, 3, 7, 30, 31, 32, 33, 90]


def test_a_closed_case_is_watched_and_opened_again_by_what_comes_back(
    session: Session, log: AuditLog
) -> None:
    start = now()
    see(session, log, Whereabouts.GONE, at=start)
    cases.close(session, NUMBER, by="rosa", reason="done", log=log)
    session.commit()
    gone = days_asked(session, log, 20, lambda _: Whereabouts.GONE, start)
    assert gone == [1, 3, 7]
    assert state(session) == "closed"
    see(session, log, Whereabouts.UP, at=start + 31 * DAY, numbers=None)
    assert state(session) == "confirmed"
    assert session.exec(select(Case.closed_at)).one() is None


@pytest.mark.parametrize("seen", [Whereabouts.UNKNOWN, Whereabouts.BLOCKED])
def test_what_is_not_known_opens_nothing_again(session: Session, log: AuditLog, seen: Whereabouts) -> None:
    session.add(Find(sha256=OTHER, kind="file", name="x", size_bytes=9, vault_object="1"))
    session.flush()
    handed_in = Copy(
        find_sha256=OTHER, source_id=1, url="tip:0", platform="tips", whereabouts=Whereabouts.UNKNOWN
    )
    session.add(handed_in)
    session.add(match(OTHER, content=BLOB, path=""))
    session.flush()
    cases.open_cases(session, log=log)
    see(session, log, lambda url: Whereabouts.GONE if url.startswith("http") else Whereabouts.UNKNOWN)
    assert state(session) == "removed"
    cases.close(session, NUMBER, by="rosa", reason="done", log=log)
    see(session, log, seen)
    assert state(session) == "closed"


def test_what_the_crawl_comes_across_again_is_asked_at_once(session: Session, log: AuditLog) -> None:
    start = now()
    for day in (0, 1, 3, 7, 30, 90):
        see(session, log, Whereabouts.GONE, at=start + day * DAY)
    assert see(session, log, Whereabouts.UP, at=start + 200 * DAY, numbers=None) == 0
    found = copy_at(session, FORK)
    found.last_seen_at = start + 200 * DAY
    session.add(found)
    session.commit()
    assert see(session, log, Whereabouts.UP, at=start + 201 * DAY, numbers=None) == 1
    assert (copy_at(session, FORK).whereabouts, state(session)) == (Whereabouts.BACK, "confirmed")


def test_a_copy_of_two_cases_is_asked_once_and_ends_both(session: Session, log: AuditLog) -> None:
    session.add_all([match(BUNDLE, cohort="other"), match(FORK_BUNDLE, cohort="other")])
    session.flush()
    (second,) = cases.open_cases(session, log=log)
    number = second.number
    cases.confirm(session, number, by="rosa", reason="seen", log=log)
    session.commit()
    assert see(session, log, Whereabouts.GONE, numbers=None) == 2
    assert (state(session), state(session, number)) == ("removed", "removed")
    assert len(session.exec(select(Recheck)).all()) == 4
    see(session, log, Whereabouts.UP)
    assert (state(session), state(session, number)) == ("confirmed", "confirmed")


def test_a_fork_that_is_left_keeps_the_case_open(session: Session, log: AuditLog) -> None:
    see(session, log, lambda url: Whereabouts.UP if url == FORK else Whereabouts.GONE)
    assert state(session) == "confirmed"
    see(session, log, Whereabouts.GONE)
    assert state(session) == "removed"


# Other content at the address.


def test_a_harmless_file_in_its_place_is_neither_up_nor_gone(session: Session, log: AuditLog) -> None:
    put_in_place(session, FIRST)
    see(session, log, Whereabouts.UP, note=CHANGED)
    assert copy_at(session, FIRST).whereabouts == Whereabouts.UNKNOWN
    told = session.exec(select(Recheck.note).where(Recheck.copy_id == copy_at(session, FIRST).id)).one()
    assert told == "other content is there now, in which nothing of the cohort was recognised"
    assert copy_at(session, FORK).whereabouts == Whereabouts.UP
    made = notices.draft(session, NUMBER, author="cohortwatch", sender=SENDER, log=log)
    assert all(FIRST not in one.body.decode() for one in made)


def test_what_was_not_examined_yet_changes_nothing(session: Session, log: AuditLog) -> None:
    put_in_place(session, FIRST, is_examined=False)
    see(session, log, Whereabouts.UP, note=CHANGED)
    assert copy_at(session, FIRST).whereabouts == Whereabouts.UP
    asked = session.exec(select(Recheck)).all()
    assert {one.note for one in asked} == {"other content is there now, which was not examined yet"}


def test_the_same_leak_in_other_bytes_stays_in_its_case(session: Session, log: AuditLog) -> None:
    see(session, log, Whereabouts.GONE)
    put_in_place(session, FIRST, release="app-2", recipient="Institute B")
    assert cases.open_cases(session, log=log) == []
    assert state(session) == "confirmed"
    query = select(CaseCopy.why).join(Copy, col(Copy.id) == CaseCopy.copy_id)
    assert session.exec(query.where(Copy.find_sha256 == OTHER)).one() == "at the same address"


def test_another_cohorts_leak_in_its_place_is_another_case(session: Session, log: AuditLog) -> None:
    put_in_place(session, FIRST, cohort="other")
    (opened,) = cases.open_cases(session, log=log)
    assert opened.cohort == "other"
    see(session, log, Whereabouts.UP, note=CHANGED)
    assert copy_at(session, FIRST).whereabouts == Whereabouts.UNKNOWN


@pytest.mark.parametrize("why", ["the same address", "a fork"])
def test_what_was_dismissed_does_not_swallow_other_content(session: Session, log: AuditLog, why: str) -> None:
    cases.dismiss(session, NUMBER, by="rosa", reason="made up", log=log)
    put_in_place(session, FIRST)
    found = session.exec(select(Copy).where(Copy.find_sha256 == OTHER)).one()
    found.url, found.origin = (FIRST, None) if why == "the same address" else (f"{FIRST}-2", FIRST)
    session.add_all([found, match(OTHER, content="e" * 64, path="")])
    session.flush()
    assert len(cases.open_cases(session, log=log)) == 1


# Moves.


def test_a_letter_names_the_address_that_a_copy_moved_to(session: Session, log: AuditLog) -> None:
    see(session, log, Whereabouts.MOVED, note="https://github.example/a/renamed")
    made = notices.draft(session, NUMBER, author="cohortwatch", sender=SENDER, log=log)
    letter = next(one for one in made if one.letter == "github-dmca.en")
    assert f"{FIRST}/blob/0123456789ab/data/pheno.csv, now at https://github.example/a/renamed" in (
        letter.body.decode()
    )
    see(session, log, Whereabouts.UP)
    assert "moved_to" not in copy_at(session, FIRST).details


def test_a_repository_that_was_gone_and_stands_elsewhere_is_back(session: Session, log: AuditLog) -> None:
    for copy in session.exec(select(Copy)).all():
        copy.details = {"clone_url": copy.url}
        session.add(copy)
    session.commit()
    see(session, log, Whereabouts.PRIVATE)
    see(session, log, Whereabouts.MOVED, note="https://github.example/c/study")
    assert copy_at(session, FIRST).whereabouts == Whereabouts.BACK
    assert state(session) == "confirmed"
