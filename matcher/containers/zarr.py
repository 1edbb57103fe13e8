"""Folders that are Zarr stores, on disk or inside a zip: each is handed on as one file, a stored zip.

A store's chunks mean nothing one by one. Not a container of its own: `walking` and `containers/zip.py` ask for it.
"""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import BinaryIO, cast

from matcher.contents import Unreadable
from matcher.formats.zarr_store import MARKS

_MOST_FILES = 1_000_000


def is_store(names: Collection[str]) -> bool:
    """Whether a folder with these names in it is a store, and no repository besides."""
    return not set(MARKS).isdisjoint(names) and ".git" not in names


def stores_among(paths: Iterable[str]) -> list[str]:
    """The outermost folders that are stores, each with its last `/`; "" where all of it is one."""
    marked = sorted({path[: path.rfind("/") + 1] for path in paths if path.rpartition("/")[2] in MARKS})
    stores: list[str] = []
    for folder in marked:
        if not any(folder.startswith(one) for one in stores):
            stores.append(folder)
    return stores


def packed_folder(folder: Path, most: int) -> BinaryIO:
    """A store on disk; links are passed over.

    Raises:
        Unreadable: it is larger than may be read, or of too many files.
    """
    files, size = [], 0
    for path in folder.rglob("*"):
        if path.is_symlink() or not path.is_file():
            continue
        size += path.stat().st_size
        files.append(path)
        if size > most or len(files) > _MOST_FILES:
            raise Unreadable("too-large", "a store larger than may be read")
    return _packed((str(path.relative_to(folder)), _opener(path)) for path in files)


def packed_members(
    archive: zipfile.ZipFile, entries: Iterable[zipfile.ZipInfo], store: str, most: int
) -> BinaryIO:
    """A store inside a zip, under the same limits."""
    inside = [one for one in entries if one.filename.startswith(store)]
    if sum(one.file_size for one in inside) > most:
        raise Unreadable("too-large", "a store larger than may be read")
    return _packed((one.filename[len(store) :], _member(archive, one)) for one in inside)


def _opener(path: Path) -> Callable[[], BinaryIO]:
    return lambda: path.open("rb")


def _member(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Callable[[], BinaryIO]:
    return lambda: cast("BinaryIO", archive.open(entry))


def _packed(files: Iterable[tuple[str, Callable[[], BinaryIO]]]) -> BinaryIO:
    """The same bytes for the same files, whatever order they come in."""
    out = tempfile.TemporaryFile()  # noqa: SIM115 - whoever reads it closes it
    ordered = sorted(files, key=lambda one: (one[0] not in MARKS, one[0]))
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, opened in ordered:
            with opened() as source, archive.open(zipfile.ZipInfo(name), "w", force_zip64=True) as target:
                shutil.copyfileobj(source, target)
    out.seek(0)
    return cast("BinaryIO", out)
