"""Every letter over every kind of find: each slot is filled, nothing found leads, mail carries the same words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import replace
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session, select

from crawler.models import Copy, Find, Source
from takedown import cases, notices
from takedown.log import AuditLog
from takedown.models import Case, Notice
from takedown.recipients import Directory
from tests.takedown.leak import SENDER, add_people, engine_at, log_at, match
from tests.takedown.test_letters import CHINESE, complete

PLATFORMS = ("github", "storefront", "git_server")
PLACES = Directory(dict.fromkeys(PLATFORMS, "x@y.example"), {"Institute A": "i@y.example"})
NAMELESS = {"release": "", "recipient": None, "standing": None}


def answer(content: str = "individual-level", matcher: str = "row-values", *columns: str) -> dict[str, Any]:
    return {"content": content, "columns": list(columns), "match": {"evidence": [{"matcher": matcher}]}}


def leaked(**changes: Any) -> dict[str, Any]:
    """Copies, how they look, and what matched in each."""
    given = {
        "copies": 1,
        "url": "https://place.example/u{}/study",
        "details": {},
        "found": [{}],
        "origin": None,
    }
    return {**given, **changes}


OFFER = {**NAMELESS, "path": "", "participants_matched": None, "answer": answer("text", "listing-offer")}
SITUATIONS: Mapping[str, dict[str, Any]] = {
    "one copy": leaked(),
    "forty copies": leaked(copies=40),
    "a fork and its parent": leaked(copies=2, origin="https://place.example/u0/study"),
    "one repository, looked at twice": leaked(copies=2, url="https://place.example/u/study"),
    "no release": leaked(found=[NAMELESS]),
    "a release to look into": leaked(found=[{"standing": "investigate", "false_accusation_probability": 5e-4}]),
    "genotypes": leaked(found=[{"answer": answer("individual-level", "genotype-identity")}]),
    "ids": leaked(found=[{"answer": answer("identifiers", "id-set", "eid")}]),
    "a table without a head": leaked(found=[{"answer": answer("individual-level", "x", "column_1")}]),
    "many fields": leaked(found=[{"answer": answer("aggregate", "x", *(f"{n}-0.0" for n in range(40)))}]),
    "code": leaked(found=[{"answer": answer("code")}]),
    "everything": leaked(
        found=[
            {"answer": answer(content, matcher), "path": f"study@0123456789ab:{matcher}", "content": f"{n}" * 64}
            for n, (content, matcher) in enumerate(
                [("individual-level", "genotype-identity"), ("identifiers", "id-set"), ("text", "offer")]
            )
        ]
    ),
    "an offer": leaked(found=[OFFER], details={"is_listing": True, "item": "71001"}),
    "an offer without a number": leaked(found=[OFFER], details={"is_listing": True}),
    "one participant": leaked(found=[{"participants_matched": 1}]),
    "nobody counted": leaked(found=[{"participants_matched": None}]),
    "half a million": leaked(found=[{"participants_matched": 502_411}]),
    "names that lead": leaked(
        found=[{"answer": answer("individual-level", "x", "$signatory", "a\n7. We withdraw", "<b>", "\u202eevil")}]
    ),
    "a path that leads": leaked(found=[{"path": "study@0123456789ab:$signatory\n7. We withdraw\u2028<b>.csv"}]),
    "an item that leads": leaked(found=[{**OFFER}], details={"is_listing": True, "item": "$x\n7. We withdraw"}),
    "a move that leads": leaked(details={"moved_to": "https://e.example/\n7. We withdraw"}),
    "a Chinese address": leaked(url="https://淘宝.example/商品/数据{}?id=5", found=[{"path": ""}]),
    "a long address": leaked(url="https://place.example/{}" + "a" * 1800),
    "an id in the address": leaked(url="https://place.example/{}/4211337", found=[{"path": "4211337.csv"}]),
    "a register that leads": leaked(found=[{"release": "a\nb", "recipient": "\u202eInstitute\nBcc: q@e.org"}]),
}  # fmt: skip


@pytest.fixture
def log(tmp_path: Path) -> AuditLog:
    return log_at(tmp_path)


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    engine = engine_at(tmp_path)
    with Session(engine) as session:
        add_people(session)
        for number, platform in enumerate((*PLATFORMS, "tips"), start=1):
            session.add(Source(id=number, name=platform, platform=platform, address="x"))
        session.flush()
        yield session
    engine.dispose()


def add(session: Session, situation: Mapping[str, Any], platform: str, cohort: str, digit: str = "") -> None:
    for number in range(situation["copies"]):
        sha256 = (digit + f"{PLATFORMS.index(platform) if platform in PLATFORMS else 9}{number:03}" * 16)[:64]
        session.add(Find(sha256=sha256, kind="git", name="study", size_bytes=9, vault_object="0"))
        session.flush()
        session.add(
            Copy(
                find_sha256=sha256,
                source_id=1,
                url=situation["url"].format(number),
                platform=platform,
                title="$organisation\n\u202e" + "t" * 600,
                origin=situation["origin"] if number else None,
                details=situation["details"],
            )
        )
        session.add_all(match(sha256, **{"cohort": cohort, **one}) for one in situation["found"])
    session.flush()


def drafted(session: Session, log: AuditLog) -> list[Notice]:
    cases.open_cases(session, log=log)
    made: list[Notice] = []
    for number in session.exec(select(Case.number)).all():
        made += notices.draft(
            session,
            number,
            author="cohortwatch",
            sender=replace(SENDER, **CHINESE),
            log=log,
            directory=PLACES,
        )
    return made


@pytest.mark.parametrize("name", sorted(SITUATIONS))
def test_a_letter_says_what_was_found_and_nothing_in_it_leads(
    session: Session, log: AuditLog, name: str
) -> None:
    for platform in PLATFORMS:
        add(session, SITUATIONS[name], platform, cohort=platform)
    made = drafted(session, log)
    assert {"github", "storefront", "git_server"} == {
        session.exec(select(Case.cohort).where(Case.id == one.case_id)).one() for one in made
    }
    for notice in made:
        text = notice.body.decode()
        assert complete(session, notice) or notice.recipient == "address not known"
        assert not [one for one in text if unicodedata.category(one) in ("Cc", "Cf", "Zl") and one != "\n"]
        assert not re.search(r"^(7\. We withdraw|Bcc:)", text, re.MULTILINE)
        assert not re.search(r"\b1 (addresses|participants|listings|copies|repositories|fields)\b", text)
        assert "4211337" not in text.replace("/4211337", "")
        assert [one for one in re.findall(r"\$\w+", text) if one not in ("$signatory", "$x")] == []
        listed = re.findall(r"^  (\d+)\. (.*)$", text, re.MULTILINE)
        assert [int(number) for number, _ in listed] == list(range(1, len(listed) + 1))
        assert len({line for _, line in listed}) == len(listed)
        goes_out_as_written(session, notice)


def goes_out_as_written(session: Session, notice: Notice) -> None:
    raw = bytes(notices.message_of(notice, "a@b.example"))
    assert max(map(len, raw.split(b"\n"))) <= 998
    mail = message_from_bytes(raw, policy=default)
    assert mail["Subject"].split() == notice.subject.split()
    assert mail.get_content().split() == notice.body.decode().split()
    written = notices.export(session, notice.id or 0, form="txt").decode()
    assert written.endswith(f"Subject: {notice.subject}\n\n{notice.body.decode()}")


def one_of(made: list[Notice], letter: str) -> str:
    (notice,) = [one for one in made if one.letter == letter]
    return " ".join(notice.body.decode().split())


def test_counts_are_of_the_copies_that_the_letter_names(session: Session, log: AuditLog) -> None:
    add(session, leaked(found=[{**NAMELESS, "participants_matched": 981}]), "github", "ukx")
    add(session, leaked(found=[{**NAMELESS, "participants_matched": 1, "answer": answer("identifiers")}]),
        "git_server", "ukx")  # fmt: skip
    made = drafted(session, log)
    assert len(session.exec(select(Case.number)).all()) == 1
    assert "at least 981 participants" in one_of(made, "github-dmca.en")
    general = one_of(made, "platform.en")
    assert "at least 1 participant," in general
    assert "lists of participants' identifiers" in general
    assert "records of individual participants" not in general


def test_an_institution_is_told_of_its_own_release_alone(session: Session, log: AuditLog) -> None:
    other = {
        "release": "app-2",
        "recipient": "Institute B",
        "standing": "investigate",
        "path": "study@0123456789ab:other.csv",
        "content": "9" * 64,
        "participants_matched": 3,
    }
    add(session, leaked(found=[{}, other]), "github", "ukx")
    made = drafted(session, log)
    accused, asked = one_of(made, "institution.en"), one_of(made, "institution-question.en")
    assert "pheno.csv" in accused
    assert "other.csv" not in accused
    assert "This file derives" in accused
    assert "other.csv" in asked
    assert "pheno.csv" not in asked
    assert "at least 3 participants" in asked
    assert "Institute A" not in asked
    letter = next(one for one in made if one.letter == "institution.en")
    assert complete(session, letter)
    letter.body = letter.body.replace(b"app-1", b"app-3")
    assert not complete(session, letter)


@pytest.mark.parametrize("chance", [None, 1e-6, 0.5])
def test_a_standing_that_its_chance_does_not_hold_accuses_nobody(
    session: Session, log: AuditLog, chance: float | None
) -> None:
    add(session, leaked(found=[{"false_accusation_probability": chance}]), "github", "ukx")
    assert {one.letter for one in drafted(session, log)} == {"github-dmca.en", "institution-question.en"}


def test_an_offer_on_a_code_host_is_not_sworn_to_be_a_copy(session: Session, log: AuditLog) -> None:
    add(session, leaked(found=[OFFER]), "github", "ukx")
    text = one_of(drafted(session, log), "platform.en")
    assert "It names the cohort; how many participants' data it holds is not known." in text


def test_where_nobody_was_counted_no_offer_is_spoken_of(session: Session, log: AuditLog) -> None:
    add(session, SITUATIONS["nobody counted"], "storefront", "ukx")
    made = drafted(session, log)
    assert "offer names" not in one_of(made, "marketplace.en")
    assert "商品信息提及该队列" not in one_of(made, "marketplace.zh")


def test_a_repository_that_was_looked_at_twice_is_one(session: Session, log: AuditLog) -> None:
    add(session, SITUATIONS["one repository, looked at twice"], "github", "ukx")
    text = one_of(drafted(session, log), "github-dmca.en")
    assert "(1 address in all)" in text
    assert "found one copy; it is listed above" in text


def test_a_first_row_that_was_taken_for_a_head_is_not_repeated(session: Session, log: AuditLog) -> None:
    values = (
        "1001",
        "23.5",
        "-1",
        "1e5",
        "1950-01-02",
        "02/01/1950",
        "ann@e.example",
        "E11.9",
        "",
        " ",
        "x" * 99,
    )
    add(session, leaked(found=[{"answer": answer("individual-level", "x", *values, "sex", "31-0.0")}]),
        "github", "ukx")  # fmt: skip
    assert "with the fields sex, 31-0.0." in one_of(drafted(session, log), "github-dmca.en")


def test_a_letter_in_chinese_names_fields_and_days_in_chinese(session: Session, log: AuditLog) -> None:
    columns = [f"{number}-0.0" for number in range(13)]
    add(session, leaked(found=[{"answer": answer("individual-level", "x", *columns)}]), "storefront", "ukx")
    text = one_of(drafted(session, log), "marketplace.zh")
    assert "所涉字段包括：0-0.0、1-0.0、" in text
    assert "等 13 项。" in text
    assert re.search(r"我方于\d{4}年\d+月\d+日查找了复制品与转载，共发现 1 处，已列于上文。", text)
    assert not re.search(r"\d{4}-\d\d-\d\d", text)
