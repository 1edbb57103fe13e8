"""A watch for each test: an empty database and an empty quarantine."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crawler.crawling import Watch


@pytest.fixture
def watch(tmp_path: Path) -> Watch:
    return Watch(tmp_path)
