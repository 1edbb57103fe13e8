"""A gutted letter is told: each element is held to what it was drafted with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlmodel import Session

from crawler.models import now
from takedown import cases, notices
from takedown.models import Notice
from takedown.people import find_person
from tests.takedown.leak import BUNDLE, FORK_BUNDLE, SENDER, add_leak, add_people, engine_at, log_at, match

NUMBER = f"CW-{now().year}-0001"
IDS = "no number that may be a participant's"


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    engine = engine_at(tmp_path)
    with Session(engine) as session:
        add_people(session)
        add_leak(session)
        session.add_all([match(BUNDLE), match(FORK_BUNDLE)])
        session.flush()
        cases.open_cases(session, log=log_at(tmp_path))
        yield session
    engine.dispose()


def missing(session: Session, folder: Path, letter: str = "github-dmca.en", **changed: str) -> list[str]:
    """What a letter lacks after an edit: `old` in its body is replaced by `new`, or subject or recipient is."""
    log = log_at(folder)
    made = notices.draft(session, NUMBER, author="cohortwatch", sender=SENDER, log=log)
    notice = next(one for one in made if one.letter == letter)
    body = notice.body.decode()
    assert changed.get("old", "") in body
    if "old" in changed:
        body = body.replace(changed["old"], changed["new"])
    _edit(session, folder, notice, body, changed)
    return [
        one["element"]
        for one in notices.check(session, notice.id or 0)
        if not one["present"] and one["element"] != "an address to send it to"
    ]


def _edit(session: Session, folder: Path, notice: Notice, body: str, changed: dict[str, str]) -> None:
    notices.edit(
        session,
        notice.id or 0,
        by=find_person(session, "lena"),
        subject=changed.get("subject", notice.subject),
        body=body,
        recipient=changed.get("recipient", notice.recipient),
        log=log_at(folder),
    )


@pytest.mark.parametrize("letter", ["github-dmca.en", "institution.en"])
def test_a_letter_as_drafted_lacks_nothing(session: Session, tmp_path: Path, letter: str) -> None:
    assert missing(session, tmp_path, letter, old="To ", new="To: ") == []


@pytest.mark.parametrize(
    ("old", "new", "element"),
    [
        (SENDER.signatory, "A person", "sender's name and e-mail"),
        (SENDER.email, "someone@else.example", "sender's name and e-mail"),
        (SENDER.postal_address, "somewhere", "postal address"),
        (SENDER.telephone, "+44 1", "telephone"),
        (SENDER.work, "Something unpublished.", "the work, and that it is unpublished"),
        (SENDER.right_claimed, "We are right.", "right claimed"),
        ("981 participants", "many participants", "what the file holds, in counts and fields"),
        ("with the fields eid, sex", "which is on offer", "what the file holds, in counts and fields"),
    ],
)
def test_what_was_taken_out_is_missing(
    session: Session, tmp_path: Path, old: str, new: str, element: str
) -> None:
    assert missing(session, tmp_path, old=old, new=new) == [element]


@pytest.mark.parametrize("number", ["4211337", "421 1337", "421-1337", "4 2 1 1 3 3 7", "４２１１３３７"])
@pytest.mark.parametrize("where", ["subject", "recipient", "body", "telephone line"])
def test_what_may_be_an_id_is_told_wherever_it_stands(
    session: Session, tmp_path: Path, number: str, where: str
) -> None:
    text = f"about {number}"
    changed = {
        "subject": {"subject": text},
        "recipient": {"recipient": f"{number}@mail.example"},
        "body": {"old": "To the", "new": f"{text}. To the"},
        "telephone line": {"old": SENDER.telephone, "new": f"{SENDER.telephone}, {text}"},
    }[where]
    assert missing(session, tmp_path, **changed) == [IDS]


@pytest.mark.parametrize(
    "text", ["2026-11-21", "CW-2026-0001", "21003-0.0", "1,234,567 people", SENDER.telephone]
)
def test_dates_cases_fields_and_the_senders_own_numbers_are_no_ids(
    session: Session, tmp_path: Path, text: str
) -> None:
    assert missing(session, tmp_path, subject=f"About {text}") == []
