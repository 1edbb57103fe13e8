"""The database: migrations make what the models say, on SQLite and on PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError, StatementError
from sqlmodel import Session, select

from config.database import METADATA, migrate, open_engine
from crawler.models import Lead, Source
from matcher.models import Cohort, Release


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    address = f"sqlite:///{tmp_path}/x.sqlite3"
    if request.param == "postgresql":
        address = request.getfixturevalue("postgresql_address")
    engine = open_engine(address)
    migrate(engine)
    yield engine
    engine.dispose()


def test_migrations_make_the_tables_of_the_models(engine: Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []


def test_migrating_twice_changes_nothing(engine: Engine) -> None:
    migrate(engine)


def test_a_row_without_its_parent_is_refused(engine: Engine) -> None:
    with Session(engine) as session:
        session.add(Release(cohort_id=99, name="r", recipient="x"))
        with pytest.raises(IntegrityError):
            session.commit()


def test_a_state_that_does_not_exist_is_refused(engine: Engine) -> None:
    with Session(engine) as session:
        session.add(Source(id=1, name="s", platform="p", address="http://x"))
        session.commit()
    with Session(engine) as session:
        session.add(Lead(source_id=1, url="u", kind="page", state="nonsense"))
        with pytest.raises((StatementError, LookupError)):
            session.commit()


def test_writers_that_read_first_do_not_lose_to_each_other(engine: Engine) -> None:
    with Session(engine) as session:
        session.add(Cohort(name="c", title="t", participants_count=0))
        session.commit()

    def count_up() -> None:
        for _ in range(20):
            with Session(engine) as session:
                row = session.exec(select(Cohort).with_for_update()).one()
                row.participants_count += 1
                session.add(row)
                session.commit()

    threads = [threading.Thread(target=count_up) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with Session(engine) as session:
        assert session.exec(select(Cohort)).one().participants_count == 80
