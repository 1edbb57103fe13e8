"""The workspace's keys: one master key, from which every other is derived.

The master key lies in `keys/master.key` (mode 0600), in `COHORTWATCH_MASTER_KEY` (64 hex digits), or wrapped in
`keys/master.wrapped` (see `custody`), never in the database. Losing it makes indexes, quarantine and marks unreadable
for good, so a new one is made only where no workspace was made before.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from config.custody import WRAPPED_FILE, Holder, place_secret, read_wrapped, write_wrapped
from config.errors import BadKeys
from matcher.key_files import key_of, read_key_file
from matcher.sketches import MatchingKeys

KEY_VARIABLE = "COHORTWATCH_MASTER_KEY"
KEY_FILE = "master.key"
CHECK_FILE = "master.check"


@dataclass(frozen=True, slots=True, repr=False)
class KeyRing:
    """Every key that packages are handed, each 32 bytes."""

    quarantine: bytes
    log: bytes
    sessions: bytes
    master_mark: bytes
    matching: MatchingKeys

    def __repr__(self) -> str:
        return "KeyRing(…)"


def derive(master: bytes, purpose: str) -> bytes:
    """32 bytes for one purpose: HKDF-SHA256 (RFC 5869) of the master key."""
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"cohortwatch/1/" + purpose.encode()).derive(
        master
    )


def make_keys(folder: Path) -> bool:
    """Makes the master key unless there is one; True where it was made now."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _held(folder):
        return _make_keys(folder)


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Holds the folder, so that two that make a workspace at once make one key and not two."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _make_keys(folder: Path) -> bool:
    if os.environ.get(KEY_VARIABLE):
        _write_check(folder, _from_environment())
        return False
    path = folder / KEY_FILE
    if path.exists() or (folder / WRAPPED_FILE).exists():
        return False
    if (folder / CHECK_FILE).exists():
        raise BadKeys(
            f"{path} is gone but this workspace was made with it; put it back, a new key reads nothing old"
        )
    master = secrets.token_bytes(32)
    place_secret(path, master.hex() + "\n")
    _write_check(folder, master)
    return True


def read_keys(folder: Path, *, insists: bool = False) -> KeyRing:
    """The key ring of a workspace; `insists` as in `custody.read_wrapped`.

    Raises:
        BadKeys: no key, a key that others may read, or the key of another workspace.
    """
    master = _master(folder, insists=insists)
    return KeyRing(
        quarantine=derive(master, "quarantine"),
        log=derive(master, "log"),
        sessions=derive(master, "sessions"),
        master_mark=derive(master, "release-marks"),
        matching=MatchingKeys(
            ids=derive(master, "ids"),
            values=derive(master, "values"),
            genotypes=derive(master, "genotypes"),
            texts=derive(master, "texts"),
            marks=derive(master, "marks"),
        ),
    )


def _master(folder: Path, *, insists: bool = False) -> bytes:
    if os.environ.get(KEY_VARIABLE):
        master = _from_environment()
    else:
        master = read_wrapped(folder, insists=insists) or _from_file(folder / KEY_FILE)
    check = folder / CHECK_FILE
    if check.exists() and not hmac.compare_digest(check.read_bytes().strip(), _check(master).encode()):
        raise BadKeys(f"the master key is not the one that {folder.parent} was made with; give the right key")
    return master


def rotate_keys(folder: Path, holder: Holder | None) -> None:
    """Gives the master key to another holder, or wraps it anew; None puts it back into a file.

    Every derived key stays as it is: old releases stay detectable, indexes and quarantine readable.

    Raises:
        BadKeys: the present holder does not open it, or the new one does not give it back.
    """
    if os.environ.get(KEY_VARIABLE):
        raise BadKeys(
            f"${KEY_VARIABLE} holds the master key itself; unset it after putting the key into a file"
        )
    master = _master(folder)
    _write_check(folder, master)
    if holder is None:
        place_secret(folder / KEY_FILE, master.hex() + "\n")
        (folder / WRAPPED_FILE).unlink(missing_ok=True)
        return
    write_wrapped(folder, master, holder, _check(master)[:32])
    plain = folder / KEY_FILE
    if plain.exists():
        plain.write_bytes(b"\0" * plain.stat().st_size)
        plain.unlink()


def _check(master: bytes) -> str:
    return hashlib.sha256(derive(master, "check")).hexdigest()


def _write_check(folder: Path, master: bytes) -> None:
    path = folder / CHECK_FILE
    if not path.exists():
        place_secret(path, _check(master) + "\n")


def _from_environment() -> bytes:
    try:
        return key_of(os.environ[KEY_VARIABLE], f"${KEY_VARIABLE}")
    except ValueError as wrong:
        raise BadKeys(str(wrong)) from None


def _from_file(path: Path) -> bytes:
    if not path.is_file():
        raise BadKeys(f"no master key at {path}; put it back there, or set ${KEY_VARIABLE}")
    try:
        return read_key_file(path)
    except ValueError as wrong:
        raise BadKeys(str(wrong)) from None
