"""Notices by the command line: who may draft, and how a person's access comes back."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlmodel import Session

from config.rounds import draft_round
from config.settings import SenderSettings
from config.workspace import open_workspace
from takedown import cases
from tests.config.test_command_line import run
from tests.takedown.leak import BUNDLE, FORK_BUNDLE, SENDER, add_leak, add_people, match


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A workspace with people, a sender and one open case."""
    home = tmp_path / "home"
    run(home, "init", code=0)
    lines = [f'{name} = "{getattr(SENDER, name)}"' for name in SenderSettings.model_fields]
    (home / "settings.toml").write_text("\n".join(["[sender]", *lines]), encoding="utf-8")
    workspace = open_workspace(home)
    with Session(workspace.engine) as session:
        add_people(session)
        add_leak(session)
        session.add_all([match(BUNDLE), match(FORK_BUNDLE)])
        session.flush()
        (case,) = cases.open_cases(session, log=workspace.log)
        session.commit()
        (home / "number").write_text(case.number)
    return home


def draft(home: Path, *by: str, code: int) -> str:
    done = run(home, "notice", "draft", (home / "number").read_text(), *by, "--json", code=code)
    return done.stderr if code else done.stdout


@pytest.mark.parametrize("by", [("--by", "ghost"), ("--by", "cohortwatch"), ()])
def test_nobody_drafts_who_is_not_registered(home: Path, by: tuple[str, ...]) -> None:
    said = draft(home, *by, code=2)
    assert "nobody is registered as" in said
    assert "--by" in said
    assert draft(home, "--by", "rosa", code=0)


def test_a_role_without_the_right_does_not_draft(home: Path) -> None:
    assert "adam (auditor) may not draft" in draft(home, "--by", "adam", code=2)


def test_who_lost_their_access_drafts_again_once_it_is_given_back(home: Path) -> None:
    run(home, "person", "deactivate", "rosa", code=0)
    assert "nobody is registered as 'rosa'" in draft(home, "--by", "rosa", code=2)
    assert "rosa may sign in again" in run(home, "person", "activate", "rosa", code=0).stdout
    assert draft(home, "--by", "rosa", code=0)
    actions = [one["action"] for one in open_workspace(home).log.entries()]
    assert "person.activate" in actions


def test_a_patrol_drafts_by_itself(home: Path) -> None:
    assert draft_round(open_workspace(home)) > 0
