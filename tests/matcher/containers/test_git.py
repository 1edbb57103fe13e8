"""Git repositories: the whole history, whatever was deleted or left behind, and nothing that the found one commands."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.matcher.reading.found import LEAK, LEAKED, File, read

WHO = {
    "GIT_AUTHOR_NAME": "a",
    "GIT_AUTHOR_EMAIL": "a@example.org",
    "GIT_COMMITTER_NAME": "a",
    "GIT_COMMITTER_EMAIL": "a@example.org",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "PATH": os.environ["PATH"],
}


def git(folder: Path, *words: str, given: bytes = b"") -> str:
    done = subprocess.run(
        ["git", "-c", "protocol.file.allow=always", *words],
        cwd=folder,
        env=WHO,
        input=given,
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.decode().strip()


def commit(folder: Path, name: str, content: str | None, message: str = "change") -> str:
    path = folder / name
    if content is None:
        path.unlink()
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", message)
    return git(folder, "rev-parse", "HEAD")


def repository(folder: Path, *more: str) -> Path:
    folder.mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main", *more)
    commit(folder, "README.md", "A thesis.\n")
    return folder


def by_end(files: list[File], end: str) -> File:
    (file,) = [file for file in files if file.path.endswith(end)]
    return file


@pytest.fixture
def leaky(tmp_path: Path) -> Path:
    return repository(tmp_path / "thesis")


def test_a_file_deleted_long_ago_is_found_with_the_commit_that_brought_it(leaky: Path) -> None:
    brought = commit(leaky, "data/raw.csv", LEAK)
    commit(leaky, "data/raw.csv", None, "clean up")
    commit(leaky, "README.md", "A finished thesis.\n")
    file = by_end(read(leaky), f"thesis@{brought}:data/raw.csv")
    assert file.holds(LEAKED)
    assert (file.format, file.skipped) == ("csv", None)


def test_other_branches_stashes_and_dropped_commits_are_read(leaky: Path) -> None:
    git(leaky, "checkout", "-qb", "side")
    commit(leaky, "side.csv", LEAK)
    git(leaky, "checkout", "-q", "main")
    commit(leaky, "dropped.csv", LEAK + "9,9,9\n")
    git(leaky, "reset", "-q", "--hard", "HEAD~1")
    (leaky / "README.md").write_text("stashed 7654321\n")
    git(leaky, "stash", "-q")
    git(leaky, "reflog", "expire", "--expire=now", "--all")
    files = read(leaky)
    assert by_end(files, ":side.csv").holds(LEAKED)
    assert by_end(files, ":dropped.csv").holds(LEAKED)
    assert any("7654321" in file.text for file in files)


def test_a_blob_that_no_commit_holds_is_read_by_its_own_name(leaky: Path) -> None:
    name = git(leaky, "hash-object", "-w", "--stdin", given=LEAK.encode())
    assert by_end(read(leaky), f"@{'0' * 40}:{name}").holds(LEAKED)


def test_each_blob_is_read_once_though_it_is_checked_out_and_copied(leaky: Path) -> None:
    commit(leaky, "a.csv", LEAK)
    commit(leaky, "copy of a.csv", LEAK)
    (leaky / "not yet added.csv").write_text("x,y\n1,2\n3,4\n")
    holding = [file for file in read(leaky) if file.holds(LEAKED)]
    assert len(holding) == 1
    assert [file.path for file in read(leaky) if "not yet" in file.path] == [f"{leaky}/not yet added.csv"]


def test_what_a_merge_brought_itself_is_told_by_the_merge(leaky: Path) -> None:
    git(leaky, "checkout", "-qb", "side")
    commit(leaky, "b.txt", "b\n")
    git(leaky, "checkout", "-q", "main")
    commit(leaky, "a.txt", "a\n")
    git(leaky, "merge", "-q", "--no-commit", "side")
    merged = commit(leaky, "evil.csv", LEAK, "merge")
    assert by_end(read(leaky), f"@{merged}:evil.csv").holds(LEAKED)


def test_paths_and_messages_are_a_text_of_their_own(leaky: Path) -> None:
    commit(leaky, "people/1000001/note.txt", "x\n", "drop participant 1000008")
    file = by_end(read(leaky), "commit-messages.txt")
    assert "1000008" in file.text or file.holds("1000008")
    assert "people/1000001/note.txt" in file.text or file.holds("people/1000001/note.txt")


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("form", ["checkout", "bare", "bundle", "sha256", "zip", "tar"])
def test_every_form_of_a_repository_gives_its_history(form: str, packed: bool, tmp_path: Path) -> None:
    folder = repository(tmp_path / "r", *(["--object-format=sha256"] if form == "sha256" else []))
    commit(folder, "gone.csv", LEAK)
    commit(folder, "gone.csv", None)
    if packed:
        git(folder, "gc", "-q")
    found = folder
    if form == "bare":
        found = tmp_path / "r.git"
        git(tmp_path, "clone", "-q", "--bare", str(folder), str(found))
    elif form == "bundle":
        found = tmp_path / "r.bundle"
        git(folder, "bundle", "create", "-q", str(found), "--all")
    elif form in ("zip", "tar"):
        found = tmp_path / f"r.{form}"
        words = ["7z", "a", "-tzip", str(found), "r"] if form == "zip" else ["tar", "cf", str(found), "r"]
        subprocess.run(words, cwd=tmp_path, check=True, capture_output=True)
    assert [file.skipped for file in read(found) if file.holds(LEAKED)] == [None]


def test_submodules_are_read(leaky: Path, tmp_path: Path) -> None:
    inner = repository(tmp_path / "inner")
    commit(inner, "leak.csv", LEAK)
    commit(inner, "leak.csv", None)
    git(leaky, "submodule", "--quiet", "add", str(inner), "sub")
    assert [file.path for file in read(leaky) if file.holds(LEAKED)] != []


def test_a_repository_within_a_folder_is_read_with_what_stands_beside_it(leaky: Path) -> None:
    commit(leaky, "gone.csv", LEAK)
    commit(leaky, "gone.csv", None)
    (leaky.parent / "beside.txt").write_text("x")
    paths = [file.path for file in read(leaky.parent)]
    assert f"{leaky.parent}/beside.txt" in paths
    assert any("gone.csv" in path for path in paths)


def test_the_files_of_a_plink_set_are_found_within_one_commit(leaky: Path) -> None:
    (leaky / "x.bed").write_bytes(b"\x6c\x1b\x01" + bytes(4))
    (leaky / "x.bim").write_text("".join(f"1 rs{n} 0 {n + 1} A G\n" for n in range(4)))
    commit(leaky, "x.fam", "".join(f"f i{n} 0 0 1 -9\n" for n in range(3)))
    git(leaky, "rm", "-q", "x.bed", "x.bim", "x.fam")
    git(leaky, "commit", "-qm", "oops")
    bed = by_end(read(leaky), ":x.bed")
    assert bed.skipped is None
    assert bed.parts[0].samples == ("i0", "i1", "i2")  # type: ignore[union-attr]


def test_a_plink_set_that_came_in_several_commits_is_found(leaky: Path) -> None:
    commit(leaky, "other/x.fam", "f stranger 0 0 1 -9\n")
    commit(leaky, "x.fam", "".join(f"f i{n} 0 0 1 -9\n" for n in range(3)))
    commit(leaky, "x.bim", "".join(f"1 rs{n} 0 {n + 1} A G\n" for n in range(4)))
    (leaky / "x.bed").write_bytes(b"\x6c\x1b\x01" + bytes(4))
    commit(leaky, "README.md", "With calls.\n")
    bed = by_end(read(leaky), ":x.bed")
    assert bed.parts[0].samples == ("i0", "i1", "i2")  # type: ignore[union-attr]


def test_a_checked_out_file_that_was_changed_is_read_though_its_size_is_a_blobs(leaky: Path) -> None:
    commit(leaky, "a.csv", LEAK)
    (leaky / "a.csv").write_text(LEAK.replace(LEAKED, "9999999"))
    changed = by_end(read(leaky), "/a.csv")
    assert changed.holds("9999999")
    assert not changed.holds(LEAKED)


def test_nothing_that_the_found_repository_commands_is_done(leaky: Path, tmp_path: Path) -> None:
    commit(leaky, "leak.csv", LEAK)
    touched = tmp_path / "touched"
    script = tmp_path / "evil.sh"
    script.write_text(f"#!/bin/sh\ntouch {touched}\n")
    script.chmod(0o755)
    for key in (
        "core.fsmonitor",
        "core.sshCommand",
        "core.pager",
        "diff.external",
        "filter.x.smudge",
        "core.editor",
    ):
        git(leaky, "config", key, str(script))
    git(leaky, "config", "remote.origin.url", f"ext::{script}")
    git(leaky, "config", "remote.origin.promisor", "true")
    git(leaky, "config", "extensions.partialClone", "origin")
    for hook in ("post-checkout", "reference-transaction", "post-index-change", "pre-auto-gc"):
        (leaky / ".git" / "hooks" / hook).symlink_to(script)
    for path in (leaky / ".git" / "objects").glob("??/*"):
        if path.stat().st_size < 60:
            path.unlink()  # something for a lazy fetch to fetch
            break
    assert any(file.holds(LEAKED) for file in read(leaky))
    assert not touched.exists()


def test_objects_of_other_repositories_are_not_borrowed(leaky: Path, tmp_path: Path) -> None:
    private = repository(tmp_path / "private" / "p")
    commit(private, "secret.csv", LEAK)
    (leaky / ".git" / "objects" / "info" / "alternates").write_text(f"{private}/.git/objects\n")
    assert not any(file.holds(LEAKED) for file in read(leaky))
    linked = repository(tmp_path / "linked")
    for path in (private / ".git" / "objects").glob("??"):
        if not (linked / ".git" / "objects" / path.name).exists():
            (linked / ".git" / "objects" / path.name).symlink_to(path)
    assert not any(file.holds(LEAKED) for file in read(linked))


def test_a_damaged_repository_gives_what_is_whole(leaky: Path) -> None:
    commit(leaky, "a.csv", LEAK)
    commit(leaky, "b.txt", "b " * 5000)
    big = max((leaky / ".git" / "objects").glob("??/*"), key=lambda path: path.stat().st_size)
    for path in (leaky / ".git" / "objects").glob("??/*"):
        if git(leaky, "cat-file", "-t", path.parent.name + path.name) == "blob" and path != big:
            damaged = path
    damaged.chmod(0o644)
    damaged.write_bytes(b"nonsense")
    files = read(leaky)
    assert any(file.path.endswith(":b.txt") for file in files)
    (leaky / ".git" / "objects" / "pack" / "pack-x.pack").write_bytes(b"PACK nonsense")
    assert any(file.path.endswith(":b.txt") for file in read(leaky))


def test_a_bundle_cut_in_half_is_told_as_damaged(leaky: Path, tmp_path: Path) -> None:
    commit(leaky, "a.csv", "".join(f"{n},{n * n % 7919}\n" for n in range(5000)))
    git(leaky, "bundle", "create", "-q", str(tmp_path / "x.bundle"), "--all")
    data = (tmp_path / "x.bundle").read_bytes()
    (tmp_path / "x.bundle").write_bytes(data[: len(data) // 2])
    assert [file.skipped for file in read(tmp_path / "x.bundle")] == ["damaged"]


def test_a_history_of_ten_thousand_blobs_is_read_to_its_end(tmp_path: Path) -> None:
    folder = tmp_path / "big"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    stream = bytearray()
    for number in range(500):
        stream += b"commit refs/heads/main\ncommitter a <a@example.org> %d +0000\ndata 1\nx\n" % (
            1.7e9 + number
        )
        for file in range(20):
            body = b"eid,sex,bmi\n" + b"".join(
                b"%d,%d,%d.5\n" % (2_000_000 + 97 * number + row, row % 2, 20 + file) for row in range(30)
            )
            stream += b"M 100644 inline %d/%d.csv\ndata %d\n%b\n" % (number % 40, file, len(body), body)
    git(folder, "fast-import", "--quiet", given=bytes(stream))
    files = read(folder)
    assert len(files) == 10_001
    assert all(file.skipped is None for file in files)
