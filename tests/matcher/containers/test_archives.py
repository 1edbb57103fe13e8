"""Archives that other programs wrote, broken ones and bombs: read or told honestly, at small cost."""

from __future__ import annotations

import gzip
import io
import subprocess
import tarfile
import time
import zipfile
from pathlib import Path

import pytest

from matcher import reader_process
from matcher.contents import Limits
from tests.matcher.reading.found import LEAK, LEAKED, one, read


def run(*words: object, cwd: Path | None = None) -> None:
    subprocess.run([str(word) for word in words], check=True, capture_output=True, cwd=cwd)


@pytest.fixture
def leak(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "leak.csv").write_text(LEAK)
    return tmp_path / "in" / "leak.csv"


PACKED = {
    "leak.csv.gz": ("gzip", "-k", "leak.csv"),
    "leak.csv.bz2": ("bzip2", "-k", "leak.csv"),
    "leak.csv.xz": ("xz", "-k", "leak.csv"),
    "leak.csv.zst": ("zstd", "-q", "leak.csv"),
    "x.tar": ("tar", "cf", "x.tar", "leak.csv"),
    "x.tar.gz": ("tar", "czf", "x.tar.gz", "leak.csv"),
    "x.tgz": ("tar", "czf", "x.tgz", "leak.csv"),
    "x.tar.bz2": ("tar", "cjf", "x.tar.bz2", "leak.csv"),
    "x.tar.xz": ("tar", "cJf", "x.tar.xz", "leak.csv"),
    "x.zip": ("7z", "a", "-tzip", "x.zip", "leak.csv"),
    "x.7z": ("7z", "a", "x.7z", "leak.csv"),
    "x.cpio": ("sh", "-c", "echo leak.csv | cpio -o -H newc > x.cpio"),
}


@pytest.mark.parametrize("name", PACKED)
def test_what_other_programs_packed_is_read(name: str, leak: Path) -> None:
    if name == "x.cpio" and subprocess.run(["sh", "-c", "command -v cpio"], capture_output=True).returncode:
        pytest.skip("no cpio here")
    run(*PACKED[name], cwd=leak.parent)
    # The name is only a hint: without it the content tells.
    (leak.parent / name).rename(leak.parent / "unnamed")
    leak.unlink()
    file = one(leak.parent)
    assert file.holds(LEAKED)
    assert (file.format, file.skipped) == ("csv", None)


@pytest.mark.parametrize("name", [name for name in PACKED if name not in ("x.tar", "x.cpio")])
def test_half_of_an_archive_is_told_as_damaged(name: str, leak: Path) -> None:
    leak.write_text(LEAK + "".join(f"{number},{number * number % 977},1\n" for number in range(50_000)))
    run(*PACKED[name], cwd=leak.parent)
    data = (leak.parent / name).read_bytes()
    leak.unlink()
    (leak.parent / name).write_bytes(data[: len(data) // 2])
    files = read(leak.parent)
    assert "damaged" in [file.skipped for file in files]
    if name.endswith((".gz", ".xz", ".zst", ".tgz")) and "csv" in name:
        assert files[0].holds(LEAKED), "what came before the break is read"


def test_a_member_is_named_by_the_archives_that_it_stands_in(tmp_path: Path) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("d/leak.csv", LEAK)
    with tarfile.open(tmp_path / "x.tar.gz", "w:gz") as outer:
        info = tarfile.TarInfo("y.zip")
        info.size = len(inner.getvalue())
        outer.addfile(info, io.BytesIO(inner.getvalue()))
    file = one(tmp_path / "x.tar.gz")
    assert file.path == f"{tmp_path}/x.tar.gz!/x.tar!/y.zip!/d/leak.csv"
    assert file.holds(LEAKED)


def nested(depth: int) -> bytes:
    data, name = LEAK.encode(), "leak.csv"
    for _ in range(depth):
        held = io.BytesIO()
        with zipfile.ZipFile(held, "w") as archive:
            archive.writestr(name, data)
        data, name = held.getvalue(), "x.zip"
    return data


def test_archives_are_opened_eight_deep_and_no_deeper(tmp_path: Path) -> None:
    (tmp_path / "8.zip").write_bytes(nested(8))
    assert one(tmp_path / "8.zip").holds(LEAKED)
    (tmp_path / "9.zip").write_bytes(nested(9))
    assert one(tmp_path / "9.zip").skipped == "bomb"


def zeros(file: object, megabytes: int) -> None:
    for _ in range(megabytes // 16):
        file.write(bytes(16 << 20))  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def gigabytes_of_zeros(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """10 GB in one deflated member, made without deflating 10 GB: many gzip members of one piece."""
    one_piece = gzip.compress(bytes(64 << 20), 9)
    return one_piece * 160


def test_ten_gigabytes_of_zeros_are_refused_in_seconds(gigabytes_of_zeros: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.csv.gz").write_bytes(gigabytes_of_zeros)
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("zeros.csv.gz", gigabytes_of_zeros)
        archive.writestr("leak.csv", LEAK)
    limits = Limits(memory_bytes=2**30 + 10)
    began = time.monotonic()
    assert one(tmp_path / "x.csv.gz", limits).skipped == "bomb"
    files = read(tmp_path / "x.zip", limits)
    assert time.monotonic() - began < 15
    assert [file.skipped for file in files] == ["bomb", None]
    assert files[1].holds(LEAKED), "a leak beside a bomb is found"
    (child,) = reader_process._idle[limits.memory_bytes]
    assert int(Path(f"/proc/{child.pid}/status").read_text().partition("VmHWM:")[2].split()[0]) < 300 << 10


def test_a_member_that_claims_ten_gigabytes_is_refused_at_once(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("zeros.csv", "w", force_zip64=True) as file:
            zeros(file, 512)
        archive.writestr("leak.csv", LEAK)
    began = time.monotonic()
    assert [file.skipped for file in read(tmp_path / "x.zip")] == ["bomb", None]
    assert time.monotonic() - began < 3


def test_a_zip_whose_members_overlap_is_refused(tmp_path: Path) -> None:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(1 << 20))
        archive.writestr("other", bytes(1 << 20))
        for info in archive.filelist[1:]:
            info.header_offset = archive.filelist[0].header_offset
    (tmp_path / "x.zip").write_bytes(held.getvalue())
    assert one(tmp_path / "x.zip").skipped == "bomb"


def test_a_zip_that_holds_itself_ends(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(nested(40))
    assert one(tmp_path / "x.zip").skipped == "bomb"


@pytest.mark.parametrize("kind", ["zip", "7z"])
def test_an_encrypted_archive_is_told_as_encrypted(kind: str, leak: Path) -> None:
    run("7z", "a", "-psecret", f"x.{kind}", "leak.csv", cwd=leak.parent)
    leak.unlink()
    files = read(leak.parent)
    assert files
    assert all(file.skipped == "encrypted" for file in files)
    assert not any(file.parts for file in files)


def test_open_members_beside_encrypted_ones_are_read(leak: Path) -> None:
    run("7z", "a", "-tzip", "x.zip", "leak.csv", cwd=leak.parent)
    (leak.parent / "other.csv").write_text("a,b\n1,2\n")
    run("7z", "a", "-tzip", "-psecret", "x.zip", "other.csv", cwd=leak.parent)
    files = {file.path.rpartition("/")[2]: file.skipped for file in read(leak.parent / "x.zip")}
    assert files == {"leak.csv": None, "other.csv": "encrypted", "x.zip": "encrypted"}


def test_links_and_strange_names_in_a_tar_are_harmless(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        link = tarfile.TarInfo("link.csv")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
        for name in ("../../outside.csv", "/absolute.csv", "a\0b.csv"):
            info = tarfile.TarInfo(name)
            info.size = len(LEAK)
            archive.addfile(info, io.BytesIO(LEAK.encode()))
    files = read(tmp_path / "x.tar")
    assert len(files) == 3
    assert all(file.holds(LEAKED) for file in files)
    assert sorted(path.name for path in tmp_path.parent.iterdir() if path.name == "outside.csv") == []


def test_the_files_of_a_plink_set_are_found_beside_each_other_in_archives(tmp_path: Path) -> None:
    content = {
        "x.bed": b"\x6c\x1b\x01" + bytes(4),
        "x.bim": "".join(f"1 rs{n} 0 {n + 1} A G\n" for n in range(4)).encode(),
        "x.fam": "".join(f"f i{n} 0 0 1 -9\n" for n in range(3)).encode(),
    }
    for name, data in content.items():
        (tmp_path / name).write_bytes(data)
    run("tar", "cf", "x.tar", *content, cwd=tmp_path)
    run("7z", "a", "-tzip", "x.zip", *content, cwd=tmp_path)
    run("7z", "a", "x.7z", *content, cwd=tmp_path)
    for archive in ("x.tar", "x.zip", "x.7z"):
        (bed,) = [file for file in read(tmp_path / archive) if file.path.endswith(".bed")]
        assert bed.skipped is None, archive
        assert bed.parts[0].samples == ("i0", "i1", "i2")  # type: ignore[union-attr]


def test_too_many_members_are_a_bomb_and_the_first_are_read(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for number in range(30):
            archive.writestr(f"{number}.csv", LEAK)
    with tarfile.open(tmp_path / "x.tar", "w") as tar:
        for number in range(30):
            info = tarfile.TarInfo(f"{number}.csv")
            info.size = len(LEAK)
            tar.addfile(info, io.BytesIO(LEAK.encode()))
    limits = Limits(members=20)
    assert read(tmp_path / "x.zip", limits)[-1].skipped == "bomb"
    assert read(tmp_path / "x.tar", limits)[-1].skipped == "bomb"


def test_a_file_over_the_limit_is_read_up_to_it(tmp_path: Path) -> None:
    body = LEAK + "".join(f"{number},1,2\n" for number in range(100_000))
    (tmp_path / "x.csv.gz").write_bytes(gzip.compress(body.encode()))
    file = one(tmp_path / "x.csv.gz", Limits(file_bytes=100_000))
    assert file.skipped == "too-large"
    assert file.holds(LEAKED)
