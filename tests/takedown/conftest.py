"""A workspace with one leak, as tests of notices and re-checks begin with it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlmodel import Session

from takedown import cases
from takedown.log import AuditLog
from tests.takedown.leak import NUMBER, engine_at, log_at, open_leak


@pytest.fixture
def log(tmp_path: Path) -> AuditLog:
    return log_at(tmp_path)


@pytest.fixture
def session(tmp_path: Path, log: AuditLog) -> Iterator[Session]:
    engine = engine_at(tmp_path)
    with Session(engine) as session:
        open_leak(session, log)
        yield session
    engine.dispose()


@pytest.fixture
def confirmed(session: Session, log: AuditLog) -> None:
    """The case of the leak is confirmed."""
    cases.confirm(session, NUMBER, by="rosa", reason="seen", log=log)
    session.commit()
