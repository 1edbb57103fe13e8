"""Pictures of listings give hints to the reader of a case, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlmodel import Session, select

from crawler.models import Copy, Find, Source
from matcher.models import FoundPicture
from matcher.pictures import ALIKE
from takedown import cases
from takedown.log import AuditLog
from takedown.models import Case, CaseCopy
from tests.takedown.leak import engine_at, log_at, match

LOOK = 0xF0E1D2C3B4A59687
SHOP = "https://shop.example"


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    engine = engine_at(tmp_path)
    with Session(engine) as session:
        session.add(Source(id=1, name="shop", platform="storefront", address=SHOP))
        session.flush()
        yield session
    engine.dispose()


@pytest.fixture
def log(tmp_path: Path) -> AuditLog:
    return log_at(tmp_path)


def apart(bits: int) -> int:
    return LOOK ^ ((1 << bits) - 1)


def add_listing(
    session: Session,
    number: int,
    look: int | None,
    *,
    cohort: str | None = "ukx",
    price: str = "9",
    text: int = 0,
) -> str:
    """A listing with a picture; its offer matches `cohort` where one is given."""
    url, picture = f"{SHOP}/item/{number}", f"{SHOP}/pictures/{number}"
    sha256, seen = f"{number:060x}{text:04x}", f"{number:063x}a"
    session.add(Find(sha256=sha256, kind="listing", name="l.txt", size_bytes=1, vault_object="0" * 32))
    if session.get(Find, seen) is None:
        session.add(Find(sha256=seen, kind="picture", name="p.png", size_bytes=1, vault_object="1" * 32))
        session.flush()
        session.add(Copy(find_sha256=seen, source_id=1, url=picture, platform="storefront"))
        if look is not None:
            session.add(FoundPicture(find_sha256=seen, appearance=f"{look:016x}"))
    session.flush()
    details = {"is_listing": True, "picture": picture, "price": price}
    title = f"offer {number}"
    session.add(
        Copy(find_sha256=sha256, source_id=1, url=url, platform="storefront", title=title, details=details)
    )
    if cohort:
        changes = {"verdict": "probable", "release": "", "standing": None, "answer": {"content": "text"}}
        session.add(match(sha256, content=sha256, path="", cohort=cohort, **changes))
    session.flush()
    return url


def hints(session: Session, log: AuditLog) -> dict[str, list[tuple[str, str | None, int]]]:
    """Hints of every case by its number: the other's address, its case, and the bits between."""
    cases.open_cases(session, log=log)
    numbers = session.exec(select(Case.number)).all()
    views = {number: cases.case_view(session, number) for number in numbers}
    return {
        number.rpartition("-")[2]: [
            (one["other_url"], one["case"] and one["case"].rpartition("-")[2], one["bits_apart"])
            for one in view["hints"]
        ]
        for number, view in views.items()
    }


def test_two_cases_with_like_pictures_are_told_of_each_other_and_stay_two(
    session: Session, log: AuditLog
) -> None:
    one, other = add_listing(session, 1, LOOK), add_listing(session, 2, apart(ALIKE))
    assert hints(session, log) == {"0001": [(other, "0002", ALIKE)], "0002": [(one, "0001", ALIKE)]}
    copies = session.exec(select(CaseCopy)).all()
    assert sorted(one.why for one in copies) == ["the find that opened it"] * 2


def test_the_words_say_hint_and_name_what_else_is_the_same(session: Session, log: AuditLog) -> None:
    add_listing(session, 1, LOOK, price="88")
    add_listing(session, 2, apart(2), price="88")
    cases.open_cases(session, log=log)
    number = session.exec(select(Case.number).order_by(Case.number)).first()
    (hint,) = cases.case_view(session, str(number))["hints"]
    assert "0002 (2 of 64 bits apart), and the same price: a hint, no evidence" in hint["says"]


def test_pictures_further_apart_and_pictures_without_a_look_give_none(
    session: Session, log: AuditLog
) -> None:
    add_listing(session, 1, LOOK)
    add_listing(session, 2, apart(ALIKE + 1))
    add_listing(session, 3, None)
    assert hints(session, log) == {"0001": [], "0002": [], "0003": []}


def test_a_listing_in_no_case_is_told_of_and_gets_no_case(session: Session, log: AuditLog) -> None:
    add_listing(session, 1, LOOK)
    scrubbed = add_listing(session, 2, apart(1), cohort=None)
    assert hints(session, log) == {"0001": [(scrubbed, None, 1)]}


def test_cases_of_another_cohort_are_not_named(session: Session, log: AuditLog) -> None:
    add_listing(session, 1, LOOK)
    add_listing(session, 2, LOOK, cohort="other")
    assert hints(session, log) == {"0001": [], "0002": []}


def test_a_picture_that_the_whole_shop_shows_tells_nothing(session: Session, log: AuditLog) -> None:
    add_listing(session, 1, LOOK)
    add_listing(session, 2, LOOK)
    for number in range(3, 7):
        add_listing(session, number, LOOK, cohort=None)
    assert hints(session, log) == {"0001": [], "0002": []}


def test_a_listing_that_changed_its_text_is_not_like_itself(session: Session, log: AuditLog) -> None:
    add_listing(session, 1, LOOK)
    add_listing(session, 1, LOOK, cohort=None, text=1)
    assert hints(session, log) == {"0001": []}
