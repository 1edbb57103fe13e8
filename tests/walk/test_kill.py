"""A patrol that is killed at any moment loses nothing and doubles nothing."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session, select

from config.demo.commands import Terminal
from config.workspace import open_workspace
from crawler.models import Copy, Find
from matcher.models import Match
from takedown.models import Case, CaseCopy, CaseMatch, Notice, NoticeCopy
from tests.walk.conftest import Biobank, Web, fresh

ROUNDS = 5
KILLS_A_ROUND = 4


def state_of(home: Path) -> dict[str, Any]:
    """Everything that a pass leaves behind, without numbers and times."""
    workspace = open_workspace(home)
    with Session(workspace.engine) as session:
        copies = {one.id: one for one in session.exec(select(Copy)).all()}
        matches = {one.id: one for one in session.exec(select(Match)).all()}
        cases = {one.id: one for one in session.exec(select(Case)).all()}
        notices = {one.id: one for one in session.exec(select(Notice)).all()}
        grouped = [
            (
                sorted(copies[link.copy_id].url for link in _links(session, CaseCopy, key)),
                sorted(
                    (matches[link.match_id].path, matches[link.match_id].release)
                    for link in _links(session, CaseMatch, key)
                ),
                sorted((one.letter, one.recipient) for one in notices.values() if one.case_id == key),
            )
            for key in cases
        ]
        named = Counter(
            (notices[one.notice_id].letter, notices[one.notice_id].recipient, copies[one.copy_id].url)
            for one in session.exec(select(NoticeCopy)).all()
        )
        return {
            "finds": sorted(one.sha256 for one in session.exec(select(Find)).all()),
            "copies": Counter((one.url, one.find_sha256) for one in copies.values()),
            "matches": Counter((one.find_sha256, one.path, one.release) for one in matches.values()),
            "cases": sorted(grouped),
            "addresses in notices": named,
        }


def _links(session: Session, table: Any, case: int | None) -> list[Any]:
    return list(session.exec(select(table).where(table.case_id == case)).all())


@pytest.fixture(scope="module")
def undisturbed(
    biobank: Biobank, web: Web, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, Any], float]:
    """What one pass that nobody kills leaves, and the seconds that it takes."""
    terminal = fresh(biobank, web, tmp_path_factory.mktemp("undisturbed") / "workspace")
    terminal.run("patrol", ends=(1,), shown=False)
    state = state_of(terminal.home)
    assert len(state["cases"]) == 3
    assert set(state["copies"].values()) == {1}
    seconds = terminal.seconds["patrol"]
    terminal.run("patrol", ends=(0,), shown=False)
    assert state_of(terminal.home) == state
    return state, seconds


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_a_patrol_that_was_killed_is_made_good_by_the_next(
    workspace: Terminal, undisturbed: tuple[dict[str, Any], float], seed: int
) -> None:
    expected, seconds = undisturbed
    moments = random.Random(seed)
    for _ in range(KILLS_A_ROUND):
        _kill_after(workspace, moments.uniform(0.3, seconds))
    workspace.run("patrol", ends=(0, 1), shown=False)
    assert state_of(workspace.home) == expected
    workspace.run("audit", "verify", shown=False)


def _kill_after(workspace: Terminal, seconds: float) -> None:
    running = subprocess.Popen(
        [sys.executable, "-m", "config.cli", "patrol"],
        env=workspace.environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    time.sleep(seconds)
    running.kill()
    running.wait()
