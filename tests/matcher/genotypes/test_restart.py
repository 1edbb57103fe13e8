"""`cohort add --genotypes` that is killed and started again ends as one that nobody disturbed."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from sqlmodel import Session, select

from config.demo.commands import Terminal
from config.workspace import open_workspace
from matcher.errors import AlreadyEnrolled, BadSourceFile
from matcher.genotypes.building import Building, file_mark
from matcher.genotypes.enrol import enrol
from matcher.genotypes.store import Store, open_store
from matcher.models import Cohort
from matcher.publishing import published
from tests.matcher.genotypes.people import KEYS, People, people, run, write_vcf

PEOPLE = 600
FILES = 4
COPIES = 3
"""Each file repeats its variants at other places, so that reading it takes a while."""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A cohort in several vcf.gz that bcftools packed, each of which takes some tenths of a second to read."""
    folder = tmp_path_factory.mktemp("files")
    of = people(PEOPLE)
    paths = []
    for number in range(FILES):
        on = np.flatnonzero((of.chromosomes - 1) * FILES // 8 == number)
        places = np.concatenate([of.positions[on] + copy * 70_000_000 for copy in range(COPIES)])
        some = People(np.tile(of.haplotypes[on], (COPIES, 1)), np.tile(of.chromosomes[on], COPIES), places)
        order = np.lexsort((some.positions, some.chromosomes))
        some = People(some.haplotypes[order], some.chromosomes[order], some.positions[order])
        vcf = write_vcf(folder / f"{number}.vcf", some, some.dosages, [f"P{n:05}" for n in range(PEOPLE)])
        run("bcftools", "view", "-Oz", "-o", folder / f"{number}.vcf.gz", vcf)
        vcf.unlink()
        paths.append(folder / f"{number}.vcf.gz")
    return paths


def content(store: Store) -> list[bytes]:
    """Everything that the store answers, whatever keys it is under."""
    every = np.arange(len(store.positions))
    columns = (store.chromosomes, store.positions, store.names, store.alleles_a, store.frequencies)
    return [
        store.rows(every).tobytes(),
        store.linkage_rows(every).tobytes(),
        *(one.tobytes() for one in columns),
    ]


def command(terminal: Terminal, files: list[Path]) -> subprocess.Popen[bytes]:
    words = [word for path in files for word in ("--genotypes", str(path))]
    return subprocess.Popen(
        [sys.executable, "-m", "config.cli", "cohort", "add", "c", *words],
        env=terminal.environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def of_workspace(home: Path) -> tuple[list[bytes], list[str], tuple[int, int]]:
    """What is enrolled, the names of all files of it, and the counts of the cohort's row."""
    workspace = open_workspace(home)
    store = open_store(home / "indexes" / "c", workspace.keys.matching.genotypes)
    assert store is not None
    names = sorted(str(path.relative_to(home / "indexes")) for path in (home / "indexes").rglob("*"))
    with Session(workspace.engine) as session:
        (row,) = session.exec(select(Cohort)).all()
    return content(store), names, (row.participants_count, row.variants_count)


@pytest.mark.slow
def test_a_killed_run_and_its_next_end_like_one_that_was_not_disturbed(
    files: list[Path], tmp_path: Path
) -> None:
    undisturbed = Terminal(tmp_path / "undisturbed")
    undisturbed.run("init", shown=False)
    running = command(undisturbed, files)
    _wait_for_genotypes(undisturbed, running)
    started = time.monotonic()
    assert running.wait() == 0
    seconds = time.monotonic() - started
    expected = of_workspace(undisturbed.home)
    moments = random.Random(3)
    went_on = 0
    for round_ in range(4):
        terminal = Terminal(tmp_path / f"killed-{round_}")
        terminal.run("init", shown=False)
        for kill in range(2):
            running = command(terminal, files)
            _wait_for_genotypes(terminal, running)
            if (round_, kill) == (
                0,
                0,
            ):  # at least one in the midst of the files, however fast the machine is now
                _wait_for_a_file(terminal, running)
            else:
                time.sleep(moments.uniform(0, seconds))
            running.kill()
            running.wait()
            assert of_workspace_or_none(terminal.home) in (None, expected), "half of an index is read"
            went_on += _progress(terminal).exists()
        last = command(terminal, files)
        said = last.communicate()[1]
        assert last.returncode == 0 or b"registered already" in said
        assert of_workspace(terminal.home) == expected
    assert went_on, "no kill fell into the reading of genotypes"


def _wait_for_genotypes(terminal: Terminal, running: subprocess.Popen[bytes]) -> None:
    """Until the command has come to the genotypes, or has ended."""
    while running.poll() is None and not (terminal.home / "indexes/.c.unfinished/genotypes").exists():
        time.sleep(0.01)


def _wait_for_a_file(terminal: Terminal, running: subprocess.Popen[bytes]) -> None:
    """Until the command has done with a file of genotypes, or has ended."""
    while running.poll() is None and not _progress(terminal).exists():
        time.sleep(0.001)


def _progress(terminal: Terminal) -> Path:
    return terminal.home / "indexes/.c.unfinished/genotypes/progress.json"


def of_workspace_or_none(home: Path) -> tuple[list[bytes], list[str], tuple[int, int]] | None:
    """As above; None where no cohort is registered, so that nothing is read."""
    with Session(open_workspace(home).engine) as session:
        has_row = bool(session.exec(select(Cohort)).all())
    return of_workspace(home) if has_row else None


def test_files_that_were_read_to_their_end_are_not_read_again(
    files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    enrol(whole, files, KEYS)
    _stop_before(files[2], cut, files, monkeypatch)
    with (cut / "genotypes" / "calls.bin").open("ab") as calls:
        calls.write(os.urandom(10_001))  # rows of the file that was being read
    assert Building(cut / "genotypes", KEYS.genotypes).go_on([file_mark(path) for path in files]) == 2
    enrol(cut, files, KEYS)
    one, other = (open_store(folder, KEYS.genotypes) for folder in (whole, cut))
    assert one is not None and other is not None  # noqa: PT018
    assert content(one) == content(other)
    assert sorted(p.name for p in (cut / "genotypes").iterdir()) == sorted(
        p.name for p in (whole / "genotypes").iterdir()
    )


@pytest.mark.parametrize("change", ["file", "order", "key", "progress", "piece"])
def test_what_does_not_fit_is_started_over(
    change: str, files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut = tmp_path / "cut"
    given = [Path(tmp_path / path.name) for path in files]
    for old, new in zip(files, given, strict=True):
        new.symlink_to(old) if change != "file" else new.write_bytes(old.read_bytes())
    _stop_before(given[2], cut, given, monkeypatch)
    keys = KEYS
    match change:
        case "file":
            os.utime(given[0], (1, 1))
        case "order":
            given = [given[1], given[0], *given[2:]]
        case "key":
            keys = type(KEYS)(KEYS.ids, KEYS.values, b"k" * 32, KEYS.texts, KEYS.marks)
        case "progress":
            (cut / "genotypes" / "progress.json").write_bytes(b'{"files": [')
        case "piece":
            (cut / "genotypes" / "file-00001.npz").unlink()
    assert Building(cut / "genotypes", keys.genotypes).go_on([file_mark(path) for path in given]) == 0
    enrol(cut, given, keys)
    enrol(tmp_path / "whole", given, keys)
    one, other = (open_store(folder, keys.genotypes) for folder in (cut, tmp_path / "whole"))
    assert one is not None and other is not None  # noqa: PT018
    assert content(one) == content(other)


def _stop_before(path: Path, folder: Path, files: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Enrols until a file is reached that is not there for a moment; nothing is cleaned up."""
    taken = path.rename(path.with_suffix(".taken"))
    place = Building(folder / "genotypes", KEYS.genotypes)
    from matcher.genotypes.enrol import parts_of

    done = files[: files.index(path)]
    place.go_on([file_mark(one) for one in done])
    for one in done:
        place.add_file(parts_of(one), file_mark(one))
    taken.rename(path)


def test_two_runs_never_build_one_folder(tmp_path: Path) -> None:
    with published(tmp_path / "c") as unfinished:
        (unfinished / "one").write_bytes(b"1")
        with pytest.raises(AlreadyEnrolled, match="another process"), published(tmp_path / "c"):
            pytest.fail("it was given away twice")
    assert (tmp_path / "c" / "one").read_bytes() == b"1"
    assert [path.name for path in tmp_path.iterdir()] == ["c"]


def test_a_file_that_cannot_be_used_leaves_nothing(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path / "home")
    terminal.run("init", shown=False)
    (tmp_path / "bad.vcf").write_text("##fileformat=VCFv4.2\nno header\n")
    with pytest.raises(BadSourceFile):
        enrol(tmp_path / "x", [tmp_path / "bad.vcf"], KEYS)
    running = command(terminal, [tmp_path / "bad.vcf"])
    assert b"Traceback" not in running.communicate()[1]
    assert running.returncode == 2
    assert list((terminal.home / "indexes").iterdir()) == []
