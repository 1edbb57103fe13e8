"""A round that examines keeps what the pictures of listings look like, and a case then tells which are alike."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from sqlmodel import Session, select
from typer.testing import CliRunner

from config.cli import app
from config.rounds import examine_round
from config.workspace import Workspace, open_workspace
from crawler.models import Copy, Find, Source
from matcher.models import FoundPicture
from takedown import cases
from takedown.models import Case
from tests.matcher.pictures_drawn import advertisement, encoded, jpeg, scaled, scene
from tests.takedown.leak import match

SHOP = "https://shop.example"


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("COHORTWATCH_HOME", str(tmp_path))
    assert CliRunner().invoke(app, ["init"]).exit_code == 0
    return open_workspace(tmp_path)


def add_find(session: Session, workspace: Workspace, kind: str, name: str, content: bytes) -> str:
    sha256, stored = hashlib.sha256(content).hexdigest(), workspace.vault.put(content)
    session.add(Find(sha256=sha256, kind=kind, name=name, size_bytes=len(content), vault_object=stored))
    session.flush()
    return sha256


def add_listing(session: Session, workspace: Workspace, number: int, picture: bytes) -> None:
    url, shown = f"{SHOP}/item/{number}", f"{SHOP}/pictures/{number}"
    text = add_find(session, workspace, "listing", "l.txt", f"offer {number}".encode())
    seen = add_find(session, workspace, "picture", "picture.png", picture)
    rest = {"source_id": 1, "platform": "storefront"}
    session.add(Copy(find_sha256=text, url=url, details={"is_listing": True, "picture": shown}, **rest))
    session.add(Copy(find_sha256=seen, url=shown, details={"listing": url}, **rest))
    changes = {"verdict": "probable", "release": "", "answer": {"content": "text"}}
    session.add(match(text, content=text, path="", **changes))


def test_a_relist_with_the_same_picture_recoded_is_told_in_the_case(workspace: Workspace) -> None:
    relisted = encoded(jpeg(scaled(advertisement(5), 0.6), 50), "JPEG", quality=50)
    with Session(workspace.engine) as session:
        session.add(Source(id=1, name="shop", platform="storefront", address=SHOP))
        session.flush()
        for number, picture in enumerate((encoded(advertisement(5)), relisted, encoded(scene(5)))):
            add_listing(session, workspace, number, picture)
        add_find(session, workspace, "picture", "picture.png", b"\x89PNG\r\n\x1a\n broken")
        add_find(session, workspace, "file", "plot.png", encoded(scene(6)))
        session.commit()
    failures: list[str] = []
    examined, _ = examine_round(workspace, failures)
    assert (examined, failures) == (8, [])
    with Session(workspace.engine) as session:
        assert len(session.exec(select(FoundPicture)).all()) == 3
        cases.open_cases(session, log=workspace.log)
        session.commit()
        numbers = session.exec(select(Case.number).order_by(Case.number)).all()
        told = [[one["case"] for one in cases.case_view(session, number)["hints"]] for number in numbers]
    assert told == [[numbers[1]], [numbers[0]], []]
    shown = CliRunner().invoke(app, ["case", "show", numbers[0]])
    assert (
        f"hint: {SHOP}/item/0 shows a picture much like that of the listing in {numbers[1]}" in shown.output
    )
