"""Evidence in the console: the picture with its recorded digest or nothing, and never found bytes."""

from __future__ import annotations

import hashlib

from sqlmodel import Session, col, select

from crawler.models import Capture
from tests.takedown.console.conftest import Door
from tests.takedown.console.seeded import Seeded


def _shot(workspace: Seeded) -> Capture:
    with Session(workspace.engine) as session:
        query = select(Capture).where(col(Capture.screenshot_object).is_not(None))
        capture = session.exec(query).first()
        assert capture is not None
        session.expunge(capture)
    return capture


def _replace(workspace: Seeded, capture: Capture, content: bytes, *, and_digest: bool) -> None:
    with Session(workspace.engine) as session:
        row = session.get_one(Capture, capture.id)
        row.screenshot_object = workspace.vault.put(content)
        if and_digest:
            row.screenshot_sha256 = hashlib.sha256(content).hexdigest()
        session.add(row)
        session.commit()


def test_the_screenshot_comes_with_its_kind_and_cannot_act(address: str, workspace: Seeded) -> None:
    capture = _shot(workspace)
    answer = Door(address, workspace.session_token("ada")).get(f"/evidence/{capture.id}/screenshot")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Content-Disposition"].startswith("inline; filename=")
    assert hashlib.sha256(answer.content).hexdigest() == capture.screenshot_sha256


def test_an_altered_screenshot_is_refused_and_told_in_the_log(address: str, workspace: Seeded) -> None:
    capture = _shot(workspace)
    _replace(workspace, capture, b"\x89PNG\r\n\x1a\nanother", and_digest=False)
    answer = Door(address, workspace.session_token("ada")).get(f"/evidence/{capture.id}/screenshot")
    assert answer.status_code == 409
    assert "it was altered" in answer.text
    assert workspace.log.entries()[-1]["action"] == "evidence.digest-differs"


def test_what_is_no_picture_is_never_served_as_one(address: str, workspace: Seeded) -> None:
    capture = _shot(workspace)
    for content in (b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>", b"<html>", b""):
        _replace(workspace, capture, content, and_digest=True)
        answer = Door(address, workspace.session_token("ada")).get(f"/evidence/{capture.id}/screenshot")
        assert answer.status_code == 415
        assert b"<svg xmlns" not in answer.content


def test_a_shredded_object_is_told_and_the_page_still_stands(address: str, workspace: Seeded) -> None:
    capture = _shot(workspace)
    assert capture.screenshot_object
    assert capture.warc_object
    workspace.vault.shred(capture.screenshot_object)
    workspace.vault.shred(capture.warc_object)
    door = Door(address, workspace.session_token("ada"))
    assert door.get(f"/evidence/{capture.id}/screenshot").status_code == 410
    page = door.get(f"/evidence/{capture.id}")
    assert page.status_code == 200
    assert "missing" in page.text
    assert str(capture.warc_sha256) in page.text
