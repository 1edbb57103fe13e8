"""Parts of a file that was handed over are told by their pieces, where nothing can be read of them."""

from __future__ import annotations

import hashlib
import io
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from matcher.examine import Examiner
from matcher.sketches import EnrolledCohort, EnrolledRelease
from matcher.texts.exact_copies import write_files
from matcher.texts.pieces import LEAST, MOST, pieces_of
from tests.matcher.tables.made import KEYS


def noise(seed: int, size: int) -> bytes:
    return np.random.default_rng(seed).bytes(size)


def zipped(folder: Path, seed: int) -> Path:
    """A zip of 2 MB, made by 7-Zip, of a table that hardly shrinks."""
    folder.mkdir(parents=True)
    rows = np.random.default_rng(seed).normal(size=(60_000, 4))
    lines = "\n".join(",".join(f"{value:.9f}" for value in row) for row in rows)
    (folder / "table.csv").write_text(f"a,b,c,d\n{lines}\n")
    subprocess.run(["7z", "a", "-tzip", "x.zip", "table.csv"], cwd=folder, check=True, capture_output=True)
    (folder / "table.csv").unlink()
    return folder / "x.zip"


@pytest.fixture(scope="module")
def handed_over(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("handed-over")
    return {name: zipped(folder / name, seed) for seed, name in enumerate(("one", "two", "both", "nobody"))}


@pytest.fixture(scope="module")
def examiner(handed_over: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Examiner:
    folder = tmp_path_factory.mktemp("library")
    releases = []
    for name, files in (("r1", ("one", "both")), ("r2", ("two", "both"))):
        (folder / name).mkdir()
        paths = [handed_over[one] for one in files]
        lines = [
            {"sha256": hashlib.sha256(one.read_bytes()).hexdigest(), "bytes": one.stat().st_size}
            for one in paths
        ]
        write_files(folder / name, paths, lines)
        releases.append(EnrolledRelease(name, f"Institute {name}", folder / name))
    return Examiner((EnrolledCohort("c", 100, folder, tuple(releases)),), KEYS)


def answered(examiner: Examiner, path: Path) -> dict[str, Any]:
    (line,) = examiner.paths([path])
    return line


def split(path: Path, folder: Path, size: str) -> list[Path]:
    folder.mkdir()
    subprocess.run(["split", "-b", size, str(path), f"{folder}/part-"], check=True)
    return sorted(folder.iterdir())


def test_every_part_of_a_file_that_was_split_names_the_release(
    examiner: Examiner, handed_over: dict[str, Path], tmp_path: Path
) -> None:
    parts = split(handed_over["one"], tmp_path / "parts", "300K")
    assert len(parts) >= 5
    for part in parts[:-1]:  # the last may be of any size
        line = answered(examiner, part)
        (match,) = line["matches"]
        assert (line["verdict"], match["release"]) == ("confirmed", "r1"), part.name
        assert "pieces" in match["evidence"][0]["why"]


def test_a_part_of_what_two_recipients_got_names_neither(
    examiner: Examiner, handed_over: dict[str, Path], tmp_path: Path
) -> None:
    part = split(handed_over["both"], tmp_path / "parts", "400K")[1]
    (match,) = answered(examiner, part)["matches"]
    assert match["verdict"] == "confirmed"
    assert match["release"] is None


def test_a_part_of_anothers_file_says_nothing(
    examiner: Examiner, handed_over: dict[str, Path], tmp_path: Path
) -> None:
    for part in split(handed_over["nobody"], tmp_path / "parts", "300K"):
        assert answered(examiner, part)["verdict"] == "none"


def test_a_part_behind_something_else_is_told(
    examiner: Examiner, handed_over: dict[str, Path], tmp_path: Path
) -> None:
    (tmp_path / "cover.bin").write_bytes(noise(9, 100_001) + handed_over["two"].read_bytes()[5_000:900_000])
    assert answered(examiner, tmp_path / "cover.bin")["matches"][0]["release"] == "r2"


def test_padding_and_noise_have_nothing_in_common(examiner: Examiner, tmp_path: Path) -> None:
    for name, data in (("zeros", bytes(1 << 20)), ("noise", noise(8, 1 << 20)), ("ff", b"\xff" * (1 << 20))):
        (tmp_path / name).write_bytes(b"\x01\x02" + data)
        assert answered(examiner, tmp_path / name)["verdict"] == "none"


def test_pieces_are_the_same_wherever_they_stand() -> None:
    data = noise(1, 3 << 20)
    whole = set(pieces_of(io.BytesIO(data)).tolist())
    shifted = set(pieces_of(io.BytesIO(b"x" * 12_345 + data)).tolist())
    assert len(whole & shifted) >= len(whole) - 4
    assert len(data) / MOST <= len(whole) <= len(data) / LEAST


def test_blocks_of_the_stream_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    data = noise(2, 2 << 20)
    at_once = pieces_of(io.BytesIO(data))
    monkeypatch.setattr("matcher.texts.pieces.BLOCK", 70_000)
    assert np.array_equal(pieces_of(io.BytesIO(data)), at_once)
    assert pieces_of(io.BytesIO(b"")).size == 0


def test_of_a_very_large_file_the_same_pieces_are_kept_whatever_part_is_seen() -> None:
    data = noise(3, 4 << 20)
    whole = pieces_of(io.BytesIO(data))
    few = pieces_of(io.BytesIO(data), most=20)
    assert np.array_equal(few, whole[:20])
