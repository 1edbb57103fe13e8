"""A folder that is built beside its place and put there whole: whoever reads sees all of it or nothing.

A run that is killed leaves only the folder beside it, whose name begins with a dot and which nobody reads; the next
run takes it over. Two runs never build one folder at a time: the kernel lets the lock go when its holder dies.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from matcher.errors import AlreadyEnrolled


@contextmanager
def published(folder: Path, keep: Collection[str] = ()) -> Iterator[Path]:
    """The folder to build in; what is in it takes the place of `folder` when the block ends well.

    Of what a killed run left there, the members named in `keep` are still there, for the block to go on with.

    Raises:
        AlreadyEnrolled: another process is at it.
    """
    unfinished = folder.with_name(f".{folder.name}.unfinished")
    with _held(unfinished):
        for left in unfinished.iterdir():
            if left.name not in keep:
                _remove(left)
        try:
            yield unfinished
        except Exception:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise
        sync_tree(unfinished)
        if folder.exists():  # left by a run that died before its row was written
            shutil.rmtree(folder)
        unfinished.rename(folder)
        sync(folder.parent)


def sync(path: Path) -> None:
    """Waits until a file's bytes, or a folder's list of names, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(folder: Path) -> None:
    for place, _, names in os.walk(folder):
        for name in names:
            sync(Path(place, name))
        sync(Path(place))


def replace_file(path: Path, data: bytes) -> None:
    """Writes a small file so that it is there whole, old or new, whatever happens."""
    unfinished = path.with_name(f".{path.name}.unfinished")
    unfinished.write_bytes(data)
    sync(unfinished)
    unfinished.replace(path)
    sync(path.parent)


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Makes the folder, if it is not there, and holds it alone."""
    while True:
        folder.mkdir(parents=True, mode=0o700, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                name = folder.name.removeprefix(".").removesuffix(".unfinished")
                raise AlreadyEnrolled(
                    f"{name!r} is being added by another process; wait for it to end"
                ) from None
            # Whoever held it before may have put it in its place, or removed it, while we came.
            if not folder.exists() or folder.stat().st_ino != os.fstat(descriptor).st_ino:
                continue
            yield
            return
        finally:
            os.close(descriptor)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
