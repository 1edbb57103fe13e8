"""The page of a case shows that another listing has a like picture, apart from why it matched."""

from __future__ import annotations

from sqlmodel import Session, select

from takedown import cases
from takedown.models import Case
from tests.takedown.console.conftest import Door
from tests.takedown.console.seeded import Seeded
from tests.takedown.test_likeness import LOOK, add_listing, apart


def test_a_like_picture_is_shown_as_a_hint_at_its_copy(address: str, workspace: Seeded) -> None:
    with Session(workspace.engine) as session:
        for number in (901, 902):
            add_listing(session, number, apart(number - 901), cohort="pictured")
        cases.open_cases(session, log=workspace.log)
        session.commit()
        one, other = session.exec(
            select(Case.number).where(Case.cohort == "pictured").order_by(Case.number)
        ).all()
    page = Door(address, workspace.session_token("rosa")).get(f"/case/{one}").text
    why, copies = page.split('id="copies"')
    hint = f"Hint: it shows a picture much like that of the listing in {other} (1 of 64 bits apart)"
    assert hint in copies
    assert "a hint, no evidence" in copies
    assert f'href="/case/{other}"' in copies
    assert "a picture much like" not in why
    assert f"{LOOK:016x}" not in page
