"""The database: engine, pragmas, migrations; the one place that imports every package's models."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import ArgumentError, OperationalError, ProgrammingError
from sqlmodel import Session, SQLModel

import crawler.models
import matcher.models
import takedown.models
from config.errors import BadSettings

MIGRATIONS = Path(__file__).parent / "migrations"
METADATA = SQLModel.metadata
MODELS = (crawler.models, matcher.models, takedown.models)


def open_engine(address: str) -> Engine:
    """An engine for SQLite (WAL, foreign keys, writers begin at once) or PostgreSQL.

    A connection with the execution option `reading` begins without the write lock.

    Raises:
        BadSettings: the address is none of a database that is known.
    """
    if address.startswith("postgresql://"):
        address = "postgresql+psycopg://" + address.removeprefix("postgresql://")
    try:
        engine = create_engine(address, pool_pre_ping=not address.startswith("sqlite"))
    except (ArgumentError, ImportError) as wrong:
        raise BadSettings(
            f"COHORTWATCH_DATABASE_URL cannot be used ({wrong}); give sqlite:/// or postgresql://"
        ) from None
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _set_pragmas)
        event.listen(engine, "begin", _begin)
    return engine


def migrate(engine: Engine) -> None:
    """Brings the tables to the newest form; changes nothing where they are.

    Raises:
        BadSettings: the database cannot be reached.
    """
    if _is_current(engine):
        return
    from alembic import command
    from alembic.config import Config

    settings = Config()
    settings.set_main_option("script_location", str(MIGRATIONS))
    try:
        with engine.begin() as connection:
            settings.attributes["connection"] = connection
            command.upgrade(settings, "head")
    except OperationalError as wrong:
        raise BadSettings(
            f"the database cannot be reached ({wrong.orig}); start it or mend its address"
        ) from None


def newest_version() -> str:
    """The newest migration's name, as files are numbered."""
    return max(path.stem.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def _is_current(engine: Engine) -> bool:
    """True where no migration is due; asked before each command, so it must not load Alembic."""
    try:
        with engine.execution_options(reading=True).connect() as connection:
            version = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    except (OperationalError, ProgrammingError):
        return False
    return version == newest_version()


@contextmanager
def reading(engine: Engine) -> Iterator[Session]:
    """A session that takes no write lock."""
    with Session(engine.execution_options(reading=True)) as session:
        yield session


def _set_pragmas(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions are begun by `_begin`, not by the driver
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "foreign_keys=ON", "busy_timeout=30000", "synchronous=FULL"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Connection) -> None:
    # A plain BEGIN that reads first and writes later fails with "locked" under a second writer.
    is_reading = connection.get_execution_options().get("reading", False)
    connection.exec_driver_sql("BEGIN" if is_reading else "BEGIN IMMEDIATE")
