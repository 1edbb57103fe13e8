"""What every format gives is the same wherever the file lies: in a folder, in an archive, in a git history."""

from __future__ import annotations

import subprocess
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from matcher.contents import Genotypes, Part, Table
from tests.matcher.formats.test_hostile import write_genotypes, write_tables
from tests.matcher.reading.found import File, read

UNTOLD = {"x.log", "x.nosex", "x.zip", "x.tar.gz"}
"""What programs left beside the files, and what is an archive itself."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One file of every format, as other programs wrote it where they do."""
    folder = tmp_path_factory.mktemp("formats")
    write_genotypes(folder)
    write_tables(folder)
    for name in UNTOLD:
        (folder / name).unlink(missing_ok=True)
    return folder


@pytest.fixture(scope="module")
def outside(folder: Path) -> dict[str, File]:
    files = {Path(file.path).name: file for file in read(folder)}
    assert len(files) > 40
    unread = {name: file.skipped for name, file in files.items() if file.skipped}
    assert not unread, "the files are sound"
    return files


def zipped(folder: Path, place: Path) -> Path:
    with zipfile.ZipFile(place / "all.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.iterdir()):
            archive.write(path, path.name)
    return place / "all.zip"


def tarred(folder: Path, place: Path) -> Path:
    with tarfile.open(place / "all.tar.gz", "w:gz") as archive:
        archive.add(folder, "all")
    return place / "all.tar.gz"


def in_history(folder: Path, place: Path) -> Path:
    """In a bare repository, so that no checked-out copy is read instead."""
    git = ["git", "-c", "user.name=A", "-c", "user.email=a@example.org", "-C", str(folder)]
    store = ["--git-dir", str(place / "all.git"), "--work-tree", str(folder)]
    subprocess.run(["git", "init", "-q", "--bare", str(place / "all.git")], check=True)
    subprocess.run([*git, *store, "add", "."], check=True)
    subprocess.run([*git, *store, "commit", "-qm", "all"], check=True)
    return place / "all.git"


@pytest.mark.parametrize("way", [zipped, tarred, in_history])
def test_a_file_gives_the_same_inside(
    way: object, folder: Path, outside: dict[str, File], tmp_path: Path
) -> None:
    assert callable(way)
    inside = {file.path.rpartition("/")[2].rpartition(":")[2]: file for file in read(way(folder, tmp_path))}
    for name, file in outside.items():
        assert name in inside, f"{name} is not told"
        found = inside[name]
        assert (found.skipped, found.format) == (file.skipped, file.format), name
        assert found.ended is not None
        assert file.ended is not None
        assert found.ended.sha256 == file.ended.sha256
        assert len(found.parts) == len(file.parts), name
        for one, other in zip(found.parts, file.parts, strict=True):
            assert same(one, other), name


def same(one: Part, other: Part) -> bool:
    """Whether two parts hold the same, whatever their names say of the place."""
    if isinstance(one, Genotypes) and isinstance(other, Genotypes):
        return (
            np.array_equal(one.dosages, other.dosages)
            and np.array_equal(one.positions, other.positions)
            and (one.samples, one.names, one.alleles_a) == (other.samples, other.names, other.alleles_a)
        )
    if isinstance(one, Table) and isinstance(other, Table):
        cells = [[list(column) for column in part.cells] for part in (one, other)]
        return cells[0] == cells[1] and one.columns == other.columns
    return type(one) is type(other) and replace(one, name="") == replace(other, name="")
