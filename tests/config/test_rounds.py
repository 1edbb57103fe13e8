"""A round that examines keeps what the pictures of listings look like, and a case then tells which are alike."""

from __future__ import annotations

import csv
import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from sqlmodel import Session, select
from typer.testing import CliRunner

from config.cli import app
from config.cli.failures import one_line
from config.rounds import examine_round
from config.workspace import Workspace, open_workspace
from crawler.models import Answer, Capture, Copy, Find, Source
from matcher.models import FoundPicture, Match
from takedown import cases
from takedown.models import Case
from tests.matcher.formats.test_recognised import LATIN, drawn, made_rows
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


def with_ocr(workspace: Workspace) -> Workspace:
    limits = workspace.settings.limits.model_copy(update={"ocr": True})
    return replace(workspace, settings=workspace.settings.model_copy(update={"limits": limits}))


def add_listing_with_screenshot(workspace: Workspace, picture: bytes) -> None:
    """A listing whose text names nothing, and the screenshot of its page."""
    taken = {"screenshot_object": workspace.vault.put(picture), "screenshot_sha256": "f" * 64}
    with Session(workspace.engine) as session:
        session.add(Source(id=1, name="shop", platform="storefront", address=SHOP))
        capture = Capture(url=SHOP, status=200, answer=Answer.PAGE, sha256="e" * 64, size_bytes=1, **taken)
        session.add(capture)
        text = add_find(session, workspace, "listing", "l.txt", b"look at the picture")
        rest = {"source_id": 1, "platform": "storefront", "details": {"is_listing": True}}
        session.add(Copy(find_sha256=text, url=SHOP, capture_id=capture.id, **rest))
        session.commit()


@pytest.mark.skipif(shutil.which("tesseract") is None, reason="tesseract is not installed")
def test_a_table_that_only_a_screenshot_shows_is_matched_with_ocr_and_not_without(
    workspace: Workspace, tmp_path: Path
) -> None:
    rows = made_rows(4, 400)
    table = tmp_path / "pheno.csv"
    with table.open("w", newline="") as file:
        csv.writer(file).writerows([["eid", "birth", "bmi"], *rows])
    added = CliRunner().invoke(app, ["cohort", "add", "ukx", "--title", "X", "--phenotypes", str(table)])
    assert added.exit_code == 0, added.output
    leaked = [["eid", "birth", "bmi"], *rows[40:64]]
    add_listing_with_screenshot(workspace, encoded(drawn(leaked, 200, LATIN)))
    failures: list[str] = []
    assert examine_round(workspace, failures) == (1, [])
    with Session(workspace.engine) as session:
        find = session.exec(select(Find)).one()
        find.examined_version = None
        session.add(find)
        session.commit()
    examined, found = examine_round(with_ocr(workspace), failures)
    assert (examined, failures) == (1, [])
    assert [(one["cohort"], one["name"]) for one in found] == [("ukx", "screenshot.png")]
    with Session(workspace.engine) as session:
        assert session.exec(select(Match.path)).all() == ["screenshot.png"]


@pytest.mark.usefixtures("workspace")
def test_ocr_without_its_program_is_told_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = tmp_path / "settings.toml"
    settings.write_text(settings.read_text().replace("ocr = false", "ocr = true"))
    monkeypatch.setenv("PATH", str(tmp_path))
    told = CliRunner().invoke(app, ["examine", str(settings)]).exception
    assert told is not None
    assert one_line(told) == (
        "[limits] ocr is on and tesseract is not there; "
        "install tesseract-ocr and tesseract-ocr-chi-sim, or set ocr = false"
    )
