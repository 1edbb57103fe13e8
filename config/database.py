"""The database: engine, pragmas, migrations; the one place that imports every package's models."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event, text
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


def open_engine(address: str | Path) -> Engine:
    """An engine for SQLite (WAL, foreign keys, writers begin at once) or PostgreSQL; a path is SQLite's file.

    A connection with the execution option `reading` begins without the write lock.

    Raises:
        BadSettings: the address is none of a database that is known.
    """
    try:
        engine = _engine(address)
    except (ArgumentError, ImportError, ValueError):  # their words may quote the address, and so its password
        raise BadSettings(
            "the database's address cannot be used; give sqlite:///FILE or postgresql://USER@HOST/NAME "
            "in COHORTWATCH_DATABASE_URL or as database_url in settings.toml"
        ) from None
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _set_pragmas)
        event.listen(engine, "begin", _begin)
    return engine


def _engine(address: str | Path) -> Engine:
    if isinstance(address, Path):  # in an address a question mark or a number sign of the path would end it
        return create_engine(URL.create("sqlite", database=str(address)))
    if address.startswith("postgresql://"):
        address = "postgresql+psycopg://" + address.removeprefix("postgresql://")
    return create_engine(address, pool_pre_ping=not address.startswith("sqlite"))


def is_made(engine: Engine) -> bool:
    """Whether the database holds tables; asking makes none, and no file either.

    Raises:
        BadSettings: it cannot be reached.
    """
    file = engine.url.database
    if engine.dialect.name == "sqlite" and file and file != ":memory:" and not Path(file).exists():
        return False
    return _version(engine) is not None


def migrate(engine: Engine) -> None:
    """Brings the tables to the newest form; changes nothing where they are.

    Raises:
        BadSettings: the database cannot be reached, or a newer program made it.
    """
    version = _version(engine)
    if version == newest_version():
        return
    if version is not None and version not in _versions():
        raise BadSettings(
            f"the database was made by a newer cohortwatch (its tables are number {version}); "
            "run that one, or bring this one up to date"
        )
    from alembic import command
    from alembic.config import Config

    settings = Config()
    settings.set_main_option("script_location", str(MIGRATIONS))
    try:
        with engine.begin() as connection:
            settings.attributes["connection"] = connection
            command.upgrade(settings, "head")
    except OperationalError as wrong:
        raise _unusable(wrong) from None


def newest_version() -> str:
    """The newest migration's name, as files are numbered."""
    return max(_versions())


def _versions() -> list[str]:
    return [path.stem.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py")]


def _version(engine: Engine) -> str | None:
    """What the tables are; None where there are none. Asked before each command, so it must not load Alembic."""
    try:
        with engine.execution_options(reading=True).connect() as connection:
            version: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    except ProgrammingError:
        return None
    except OperationalError as wrong:
        if "no such table" in str(wrong.orig):
            return None
        raise _unusable(wrong) from None
    return version


def _unusable(wrong: OperationalError) -> BadSettings:
    return BadSettings(
        f"the database cannot be used ({wrong.orig}); see that it runs at that address, that its disk is not full, "
        "and that this account may write to it"
    )


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
