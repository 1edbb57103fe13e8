"""A file of a release is told byte for byte, a pointer to it too; what two recipients got names neither."""

from __future__ import annotations

import hashlib
from pathlib import Path

from matcher.examine import Examiner
from matcher.sketches import EnrolledCohort, EnrolledRelease
from matcher.texts.exact_copies import write_files
from tests.matcher.tables.made import KEYS

ONE, SHARED, SHORT = b"image of a scan " * 200, b"the same for all " * 200, b"hello\n"


def library(folder: Path) -> tuple[EnrolledCohort, ...]:
    releases = []
    for name, files in (("r1", (ONE, SHARED, SHORT)), ("r2", (SHARED, SHORT))):
        (folder / name).mkdir(parents=True)
        lines = [{"sha256": hashlib.sha256(one).hexdigest(), "bytes": len(one)} for one in files]
        paths = [folder / name / f"file{number}" for number in range(len(files))]
        for path, one in zip(paths, files, strict=True):
            path.write_bytes(one)
        write_files(folder / name, paths, lines)
        releases.append(EnrolledRelease(name, f"Institute {name}", folder / name))
    return (EnrolledCohort("c", 100, folder, tuple(releases)),)


def answer(folder: Path, data: bytes) -> dict[str, object]:
    (folder / "found").write_bytes(data)
    (line,) = Examiner(library(folder / "library"), KEYS).paths([folder / "found"])
    return line


def test_a_file_of_one_release_accuses_its_recipient(tmp_path: Path) -> None:
    line = answer(tmp_path, ONE)
    (match,) = line["matches"]  # type: ignore[misc]
    assert (line["verdict"], match["release"], match["standing"]) == ("confirmed", "r1", "accuse")


def test_a_pointer_to_it_does_as_well(tmp_path: Path) -> None:
    digest = hashlib.sha256(ONE).hexdigest()
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {len(ONE)}\n"
    (match,) = answer(tmp_path, pointer.encode())["matches"]  # type: ignore[misc]
    assert match["release"] == "r1"
    assert "points to" in match["evidence"][0]["why"]


def test_a_file_that_two_recipients_got_names_neither(tmp_path: Path) -> None:
    (match,) = answer(tmp_path, SHARED)["matches"]  # type: ignore[misc]
    assert match["verdict"] == "confirmed"
    assert match["release"] is None


def test_one_byte_more_is_another_file(tmp_path: Path) -> None:
    assert answer(tmp_path, ONE + b".")["verdict"] == "none"


def test_a_file_that_may_be_anybodys_says_nothing(tmp_path: Path) -> None:
    assert answer(tmp_path, SHORT)["verdict"] == "none"
