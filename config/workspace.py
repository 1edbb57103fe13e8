"""The workspace: settings, keys, database, quarantine and log, opened when first asked for."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from config import keys as key_files
from config.errors import BadSettings, Busy, NoWorkspace
from config.settings import SETTINGS_FILE, Settings, read_settings

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from config.keys import KeyRing
    from crawler.vault import Vault
    from matcher.contents import Limits
    from matcher.enrol import Enrolment
    from takedown.log import AuditLog

EXAMPLE = Path(__file__).parent / "example.toml"


@dataclass(frozen=True)
class Workspace:
    """What a command works with."""

    settings: Settings

    @cached_property
    def keys(self) -> KeyRing:
        return key_files.read_keys(self.settings.keys_folder)

    @cached_property
    def engine(self) -> Engine:
        from config.database import open_engine

        return open_engine(self.settings.database)

    @cached_property
    def vault(self) -> Vault:
        from crawler.vault import Vault

        return Vault(self.settings.quarantine_folder, self.keys.quarantine)

    @cached_property
    def log(self) -> AuditLog:
        from takedown.log import AuditLog

        return AuditLog(self.settings.audit_file, self.keys.log)

    @property
    def enrolment(self) -> Enrolment:
        from matcher.enrol import Enrolment

        return Enrolment(self.engine, self.settings.indexes_folder, self.keys.matching)

    @property
    def limits(self) -> Limits:
        from matcher.contents import Limits
        from matcher.formats.recognised import NEEDED, PROGRAM

        given = self.settings.limits
        if given.ocr and shutil.which(PROGRAM) is None:
            raise BadSettings(f"[limits] ocr is on and {PROGRAM} is not there; {NEEDED}, or set ocr = false")
        return Limits(
            file_bytes=given.file_bytes,
            total_bytes=given.total_bytes,
            memory_bytes=given.memory_bytes,
            seconds=given.seconds,
            ocr=given.ocr,
        )

    @contextmanager
    def sole(self, what: str) -> Iterator[None]:
        """Holds the workspace for one pass of `what`; a second process gets `Busy` at once.

        The kernel lets the lock go when its holder dies, however it dies.
        """
        path = self.settings.home / f"{what}.lock"
        with path.open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Busy(f"another {what} is running in {self.settings.home}; wait for it to end") from None
            yield


def make_workspace(home: Path) -> Workspace:
    """Makes what is missing of a workspace; what is there stays as it is."""
    from config.database import migrate
    from matcher.publishing import replace_file

    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    settings_file = home / SETTINGS_FILE
    if not settings_file.exists():
        replace_file(settings_file, EXAMPLE.read_bytes())
    workspace = Workspace(read_settings(home))
    key_files.make_keys(workspace.settings.keys_folder)
    for folder in (workspace.settings.quarantine_folder, workspace.settings.indexes_folder):
        folder.mkdir(mode=0o700, exist_ok=True)
    migrate(workspace.engine)
    return workspace


def open_workspace(home: Path) -> Workspace:
    """The workspace at `home`, its tables brought up to date.

    Raises:
        NoWorkspace: nothing was made there, or its database is gone: an empty one would find nothing and say so.
    """
    from config.database import is_made, migrate

    settings = read_settings(home)
    if not settings.keys_folder.is_dir():
        raise NoWorkspace(f"there is no workspace at {home}; run `cohortwatch --home {home} init`")
    workspace = Workspace(settings)
    if not is_made(workspace.engine):
        raise NoWorkspace(
            f"the database of {home} is gone; put it back or mend its address, "
            f"or run `cohortwatch --home {home} init` to begin with an empty one"
        )
    migrate(workspace.engine)
    return workspace
