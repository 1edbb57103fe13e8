"""What the letters say: of the standing of a release, of what was found, in the language of the reader."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session, select

from config.demo.settings import write_settings
from config.settings import read_settings
from crawler.models import Copy, now
from takedown import cases, notices
from takedown.errors import BadSender
from takedown.grounds import grounds_of
from takedown.letters import letters
from takedown.models import Notice
from takedown.recipients import Directory
from takedown.sender import Sender
from tests.takedown.leak import BUNDLE, FORK_BUNDLE, SENDER, add_leak, add_people, engine_at, log_at, match

PLACES = Directory({"github": "dmca@127.0.0.1"}, {"Institute A": "dpo@127.0.0.1"})


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    engine = engine_at(tmp_path)
    with Session(engine) as session:
        add_people(session)
        add_leak(session)
        yield session
    engine.dispose()


def drafted(session: Session, folder: Path, **changes: object) -> dict[str, Notice]:
    """The letters of one case whose matches have these values, by name."""
    session.add_all([match(BUNDLE, **changes), match(FORK_BUNDLE, **changes)])
    session.flush()
    log = log_at(folder)
    cases.open_cases(session, log=log)
    made = notices.draft(
        session, f"CW-{now().year}-0001", author="cohortwatch", sender=SENDER, log=log, directory=PLACES
    )
    return {one.letter: one for one in made}


def complete(session: Session, notice: Notice) -> bool:
    return all(row["present"] for row in notices.check(session, notice.id or 0) if row["needed"])


def test_a_release_that_may_be_looked_into_is_only_asked_about(session: Session, tmp_path: Path) -> None:
    made = drafted(session, tmp_path, standing="investigate", false_accusation_probability=2e-4)
    assert "institution.en" not in made
    letter = made["institution-question.en"]
    assert letter.subject == "Question about release app-1: please check"
    text = letter.body.decode().lower()
    for word in (
        "deriv",
        "coincidence",
        "chance",
        "destruction",
        "destroy",
        "one in",
        "copies found",
        "proves",
    ):
        assert word not in text, word
    assert "check that every copy of release app-1" in text
    assert complete(session, letter)


def test_a_release_that_may_be_accused_is_named_as_before(session: Session, tmp_path: Path) -> None:
    made = drafted(session, tmp_path)
    assert "institution-question.en" not in made
    letter = made["institution.en"]
    assert letter.subject == "Data delivered to Institute A: copies found in public (app-1)"
    text = " ".join(letter.body.decode().split())
    assert "derives at least in part from the release app-1 delivered to Institute A" in text
    assert "did not contribute is below one in 100,000,000" in text
    assert "certificate of destruction" in text
    assert complete(session, letter)


def test_one_file_that_accuses_is_enough_and_its_chance_is_given(session: Session, tmp_path: Path) -> None:
    session.add(
        match(BUNDLE, path="x", standing="investigate", false_accusation_probability=1e-9, content="9" * 64)
    )
    made = drafted(session, tmp_path)
    assert "below one in 100,000,000" in " ".join(made["institution.en"].body.decode().split())


# Why it is illegal: chosen by what was found, and in the language of the reader.


def answer(content: str, matcher: str = "row-values") -> dict[str, Any]:
    return {"content": content, "columns": [], "match": {"evidence": [{"matcher": matcher}]}}


def sold(
    session: Session, folder: Path, platform: str, sender: Sender = SENDER, **changes: Any
) -> dict[str, Notice]:
    """The letters to a platform that offers this at one address."""
    for copy in session.exec(select(Copy)).all():
        copy.platform, copy.details = platform, {"item": "71001"}
        session.add(copy)
    changes = {"path": "", "release": "", "recipient": None, "standing": None, **changes}
    session.add(match(BUNDLE, **changes))
    session.flush()
    log = log_at(folder)
    cases.open_cases(session, log=log)
    made = notices.draft(
        session,
        f"CW-{now().year}-0001",
        author="cohortwatch",
        sender=sender,
        log=log,
        directory=Directory({platform: "abuse@127.0.0.1"}),
    )
    return {one.letter: one for one in made}


SAID = {
    "identifiers": ("Article 4(1) and (5)", ("health", "genetic", "Article 9")),
    "individual-level": ("may include data concerning health", ("genetic",)),
    "genotypes": ("It holds genetic data of people", ("health",)),
    "aggregate": ("Directive 96/9/EC", ("health", "genetic", "2016/679")),
}


@pytest.mark.parametrize("found", sorted(SAID))
def test_a_platform_is_told_why_it_is_illegal_and_nothing_that_was_not_found(
    session: Session, tmp_path: Path, found: str
) -> None:
    held = answer("individual-level", "genotype-identity") if found == "genotypes" else answer(found)
    notice = sold(session, tmp_path, "git_server", answer=held)["platform.en"]
    text = " ".join(notice.body.decode().split())
    there, absent = SAID[found]
    assert there in text
    assert "Directive 96/9/EC" in text
    assert "Article 16" in text
    for word in absent:
        assert word not in text, word
    assert complete(session, notice)


def test_a_notice_that_lost_its_reasons_is_not_complete(session: Session, tmp_path: Path) -> None:
    notice = sold(session, tmp_path, "git_server")["platform.en"]
    notice.body = notice.body.replace(b"Why it is illegal.", b"")
    assert not complete(session, notice)


def test_the_reasons_of_several_finds_are_one_sentence() -> None:
    found = [
        match(BUNDLE, answer=answer("identifiers")),
        match(BUNDLE, answer=answer("individual-level", "genotype-identity")),
        match(BUNDLE, answer=answer("individual-level")),
        match(BUNDLE, answer=answer("documentation")),
    ]
    said = grounds_of(found)
    assert "It holds genetic data, records and identifiers of people" in " ".join(said["nature_text"].split())
    assert said["illegal_text"].count("It is also") == 1


CHINESE = {
    "organisation_zh": "示例生物样本库",
    "signatory_zh": "伊内丝",
    "postal_address_zh": "示例市示例街 1 号，邮编 100000",
    "authority_zh": "权利人",
    "work_zh": "示例生物样本库参与者数据库。",
    "right_claimed_zh": "我方主张数据库著作权。",
    "registration_zh": "登记号 01234567",
}


def test_a_letter_in_chinese_is_in_chinese(session: Session, tmp_path: Path) -> None:
    made = sold(session, tmp_path, "storefront", replace(SENDER, **CHINESE), answer=answer("text"))
    letter = made["marketplace.zh"]
    text = letter.body.decode()
    assert "商品 71001" in text
    assert "第一千一百九十五条" in text
    latin = re.findall(
        r"[A-Za-z]{3,}", re.sub(r"https://\S+?(?=，|$)|\S+@\S+|SHA-256", "", text, flags=re.MULTILINE)
    )
    assert latin == []
    assert complete(session, letter)
    assert "item 71001" in made["marketplace.en"].body.decode()
    assert complete(session, made["marketplace.en"])


def test_where_no_chinese_text_is_set_the_other_is_used(session: Session, tmp_path: Path) -> None:
    text = sold(session, tmp_path, "storefront", answer=answer("text"))["marketplace.zh"].body.decode()
    assert SENDER.work in text
    assert SENDER.organisation in text


@pytest.mark.parametrize("content", ["identifiers", "text"])
def test_a_shop_is_told_of_no_sensitive_data_that_was_not_found(
    session: Session, tmp_path: Path, content: str
) -> None:
    made = sold(session, tmp_path, "storefront", answer=answer(content))
    for word in ("健康", "基因", "敏感"):
        assert word not in made["marketplace.zh"].body.decode()
    for word in ("health", "genetic"):
        assert word not in made["marketplace.en"].body.decode()


def test_the_demo_signs_in_chinese(tmp_path: Path) -> None:
    given = {"github": "http://127.0.0.1:1", "git": "http://127.0.0.1:2", "shop": "http://127.0.0.1:3"}
    write_settings(
        tmp_path, addresses=given, institutions={}, mail_port=25, console_port=0, has_browser=False
    )
    told = Sender(**read_settings(tmp_path).sender.model_dump()).slots()
    in_chinese = [text for name, text in told.items() if name.endswith("_zh")]
    assert len(in_chinese) == len(CHINESE)
    assert all(re.search(r"[\u4e00-\u9fff]", text) for text in in_chinese)


def test_a_placeholder_is_refused_in_chinese_too() -> None:
    with pytest.raises(BadSender, match="work_zh"):
        replace(SENDER, work_zh="CHANGE ME")


@pytest.mark.parametrize("name", sorted(letters()))
def test_the_sender_is_named_without_stumbling(name: str) -> None:
    body = letters()[name].body.template
    assert "writing for" not in body
    assert "agreement with us says" not in body
    assert "; $authority" not in body


def test_one_copy_is_told_as_one(session: Session, tmp_path: Path) -> None:
    text = sold(session, tmp_path, "storefront", answer=answer("text"))["marketplace.en"].body.decode()
    assert "and found one copy; it is listed above" in text
    assert "What we found is an offer or a text that names the cohort." in text


def test_one_item_at_two_addresses_is_one_listing(session: Session, tmp_path: Path) -> None:
    session.add(match(FORK_BUNDLE, path="", release="", recipient=None, standing=None))
    made = sold(session, tmp_path, "storefront", answer=answer("text"))
    assert made["marketplace.en"].subject == "Notice on a listing offering participants' research data"
    assert made["marketplace.zh"].subject.startswith("关于 1 条")
    assert "(2 addresses)" in made["marketplace.en"].body.decode()
    assert "共 2 条" in made["marketplace.zh"].body.decode()


@pytest.mark.parametrize("name", ["withdrawn_20260411.csv", "4211337.csv"])
def test_a_day_a_digest_and_a_whole_commit_in_an_address_are_no_stray_ids(
    session: Session, tmp_path: Path, name: str
) -> None:
    whole = "0123456789ab" + "1234" * 7
    for copy in session.exec(select(Copy)).all():
        copy.details = {"head": whole}
        session.add(copy)
    notice = drafted(session, tmp_path, path=f"study@0123456789ab:{name}")["github-dmca.en"]
    assert whole in notice.body.decode()
    assert "4211337" not in notice.body.decode()
    assert complete(session, notice)
