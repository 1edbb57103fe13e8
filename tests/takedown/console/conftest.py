"""A seeded console on loopback, and a real browser to look at it with."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, sync_playwright

from config.browser import find_browser
from takedown.console.guard import COOKIE, csrf_token
from tests.takedown.console.seeded import Seeded, open_seeded, seed_workspace, serving


class Door:
    """A person's side of the console over HTTP, with the token that its forms carry."""

    def __init__(self, address: str, token: str) -> None:
        self.csrf = csrf_token(token)
        self.http = httpx.Client(base_url=address, cookies={COOKIE: token}, timeout=30)

    def get(self, path: str) -> httpx.Response:
        return self.http.get(path)

    def post(self, path: str, **form: str) -> httpx.Response:
        return self.http.post(path, data={"csrf": self.csrf, **form})


@pytest.fixture(scope="session")
def lived_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A seeded folder that tests copy, since making one takes seconds."""
    folder = tmp_path_factory.mktemp("seeded")
    seed_workspace(folder).engine.dispose()
    return folder


@pytest.fixture
def workspace(lived_in: Path, tmp_path: Path) -> Seeded:
    shutil.copytree(lived_in, tmp_path, dirs_exist_ok=True)
    return open_seeded(tmp_path)


@pytest.fixture
def address(workspace: Seeded) -> Iterator[str]:
    with serving(workspace.app()) as at:
        yield at


@pytest.fixture(scope="module")
def shared(lived_in: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Seeded, str]]:
    """One workspace for the tests of a file that change nothing, or where it does not matter."""
    folder = tmp_path_factory.mktemp("console")
    shutil.copytree(lived_in, folder, dirs_exist_ok=True)
    made = open_seeded(folder)
    with serving(made.app()) as at:
        yield made, at


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser for one file's tests: while one is open, nothing else in this thread may run an event loop."""
    with sync_playwright() as playwright:
        path = find_browser()
        assert path, "no Chromium; run `make setup`"
        opened: Any = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield opened
        opened.close()
