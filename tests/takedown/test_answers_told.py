"""What an address answers, and what becomes of the copy and its case: every answer, from up and from gone."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlmodel import Session, select

from crawler.models import Copy, Find, Source, Whereabouts
from takedown import cases
from takedown.log import AuditLog
from takedown.models import Case, Recheck
from takedown.recheck import recheck
from tests.takedown.leak import NUMBER, add_people, engine_at, log_at, match
from tests.takedown.places import DATA, DATA_SHA256, Place, Said, file, page, place

UP, GONE, BACK, MOVED = "up", "gone", "back", "moved"
UNCLEAR = {
    "a page of refusal": Said(403, page("Forbidden")),
    "a refusal": Said(403, b"no", "text/plain"),
    "a sign-in asked": Said(401, page("x"), headers={"WWW-Authenticate": "Basic"}),
    "a log-in page": Said(200, page("Log in", '<form><input type="password"></form>')),
    "a log-in page without a name": Said(200, page("Welcome", '<form><input type="password"></form>')),
    "a redirect to a log-in page": Said(302, headers={"Location": "/login"}),
    "not found, said with 200": Said(200, page("Page not found", "The page could not be found.")),
    "not found in Chinese, said with 200": Said(200, page("页面不存在", "您访问的页面不存在或已被删除")),
    "a challenge with 200": Said(200, page("Just a moment...")),
    "a challenge with 403": Said(403, page("Just a moment...")),
    "a challenge with 503": Said(503, page("Just a moment...")),
    "a challenge in Chinese": Said(200, page("安全验证", "请完成验证")),
    "another country": Said(200, page("Not available in your country")),
    "a question of age": Said(200, page("Are you 18 or older?")),
    "maintenance with 200": Said(200, page("Maintenance", "We will be back soon.")),
    "maintenance with 503": Said(503, page("Maintenance"), headers={"Retry-After": "3600"}),
    "a fault": Said(500, page("error")),
    "a gateway's fault": Said(502),
    "no answer in time": Said(late=True),
    "an answer cut short": file(DATA[:500], lost=3000),
    "nothing": file(b""),
    "an empty page": Said(200),
    "the file packed": Said(200, gzip.compress(DATA, mtime=0), "application/gzip"),
    "rows in another order": file(b"\n".join(sorted(DATA.splitlines()))),
    "other names of columns": file(DATA.replace(b"eid", b"person", 1)),
    "half of the rows": file(DATA[: len(DATA) // 2]),
    "a harmless file": file(b"a,b\n1,2\n"),
    "a tombstone as text": Said(200, b"removed by the moderators\n", "text/plain"),
    "a tombstone as a page": Said(200, page("This file has been removed")),
    "a redirect in a circle": Said(301, headers={"Location": "/data.csv"}),
    "a redirect to the front page": Said(302, headers={"Location": "/front"}),
    "a domain for sale": Said(200, page("data.example is for sale", "Buy this domain")),
}
CLEAR = {
    "the same bytes": (file(), UP, BACK),
    "the same bytes from a cache": (file(headers={"Age": "86400", "X-Cache": "HIT"}), UP, BACK),
    "not found": (Said(404, page("Not found")), GONE, GONE),
    "gone": (Said(410, page("Gone")), GONE, GONE),
    "closed for legal reasons": (Said(451, page("Unavailable")), GONE, GONE),
    "a move for good": (Said(301, headers={"Location": "/new.csv"}), MOVED, GONE),
    "a move for now": (Said(302, headers={"Location": "/new.csv"}), MOVED, GONE),
    "a move that keeps the method": (Said(308, headers={"Location": "/new.csv"}), MOVED, GONE),
}
ANSWERS = {**{name: (said, UP, GONE) for name, said in UNCLEAR.items()}, **CLEAR}


@pytest.fixture(scope="module")
def site() -> Iterator[Place]:
    with place() as made:
        yield made


@pytest.fixture
def log(tmp_path: Path) -> AuditLog:
    return log_at(tmp_path)


@pytest.fixture
def session(tmp_path: Path, site: Place, log: AuditLog) -> Iterator[Session]:
    engine = engine_at(tmp_path)
    site.answers.clear()
    site.answers |= {"/new.csv": file(), "/front": Said(200, page("Shop")), "*": file()}
    site.answers["/login"] = Said(200, page("Log in", '<input type="password">'))
    with Session(engine) as session:
        add_people(session)
        session.add(Source(id=1, name="place", platform="storefront", address=site.address))
        session.add(Find(sha256=DATA_SHA256, kind="file", name="data.csv", size_bytes=9, vault_object="0"))
        session.flush()
        url = f"{site.address}/data.csv"
        session.add(
            Copy(
                find_sha256=DATA_SHA256,
                source_id=1,
                url=url,
                platform="storefront",
                details={"source": "place"},
            )
        )
        session.add(match(DATA_SHA256, path=""))
        session.flush()
        cases.open_cases(session, log=log)
        cases.confirm(session, NUMBER, by="rosa", reason="seen", log=log)
        session.commit()
        yield session
    engine.dispose()


def see(session: Session, log: AuditLog, site: Place) -> tuple[str, str]:
    """What a re-check leaves: where the copy is, and the state of its case."""
    recheck(session, ask=site.ask, log=log, numbers=[NUMBER])
    session.commit()
    (copy,) = session.exec(select(Copy)).all()
    return str(copy.whereabouts), str(session.exec(select(Case.state)).one())


@pytest.mark.parametrize("name", sorted(ANSWERS))
def test_an_answer_moves_a_copy_and_its_case_only_where_it_is_clear(
    session: Session, log: AuditLog, site: Place, name: str
) -> None:
    said, from_up, from_gone = ANSWERS[name]
    site.answers["*"] = said
    assert see(session, log, site) == (from_up, "removed" if from_up == GONE else "confirmed")
    site.answers["*"] = Said(404)
    assert see(session, log, site) == (GONE, "removed")
    site.answers["*"] = said
    assert see(session, log, site) == (from_gone, "removed" if from_gone == GONE else "confirmed")


@pytest.mark.parametrize("name", sorted(UNCLEAR))
def test_what_is_not_clear_is_told_so_with_its_reason(
    session: Session, log: AuditLog, site: Place, name: str
) -> None:
    site.answers["*"] = UNCLEAR[name]
    see(session, log, site)
    (asked,) = session.exec(select(Recheck)).all()
    assert asked.whereabouts in (Whereabouts.UNKNOWN, Whereabouts.BLOCKED)
    assert asked.note


def test_robots_that_forbid_are_not_gone(session: Session, log: AuditLog, site: Place) -> None:
    site.answers["/robots.txt"] = Said(200, b"User-agent: *\nDisallow: /\n", "text/plain")
    assert see(session, log, site) == (UP, "confirmed")


@pytest.mark.parametrize(
    ("status", "platform", "told"),
    [(403, "git_server", "up"), (401, "git_server", "private"), (404, "git_server", "gone")],
)
def test_a_git_server_that_refuses_us_does_not_say_that_it_is_private(
    session: Session, log: AuditLog, site: Place, status: int, platform: str, told: str
) -> None:
    (copy,) = session.exec(select(Copy)).all()
    copy.platform, copy.details = platform, {"source": "place", "clone_url": copy.url, "head": "0" * 40}
    session.add(copy)
    session.commit()
    site.answers["*"] = Said(status, b"no", "text/plain")
    recheck(session, ask=lambda copies: site.ask(copies, platform), log=log, numbers=[NUMBER])
    assert session.exec(select(Copy.whereabouts)).one() == told
