"""Paths and streams are read in a child that is limited, and nothing that was found is lost."""

from __future__ import annotations

import gzip
import io
import os
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from matcher import reader_process, reading
from matcher.contents import FileEnded, FileStarted, Limits, Table
from matcher.reading import read_bytes, read_path
from matcher.walking import BEHIND
from tests.matcher.reading.found import COLUMNS, LEAK, LEAKED, ROWS, gathered, one, read, rows_of

Frame = tuple[str, dict[str, Any]]
KILLER = "kills-its-reader"
HANGER = "hangs-its-reader"
HOG = "eats-all-memory"


def test_a_table_arrives_cell_for_cell(tmp_path: Path) -> None:
    (tmp_path / "leak.csv").write_text(LEAK)
    file = one(tmp_path / "leak.csv")
    assert file.format == "csv"
    assert file.tables[0].columns == COLUMNS
    assert rows_of(file.tables) == list(ROWS)


def test_bytes_are_read_like_a_path(tmp_path: Path) -> None:
    (from_bytes,) = gathered(read_bytes("leak.csv", LEAK.encode()))
    (from_stream,) = gathered(read_bytes("leak.csv", io.BytesIO(LEAK.encode())))
    (tmp_path / "leak.csv").write_text(LEAK)
    assert from_bytes.parts == from_stream.parts == one(tmp_path / "leak.csv").parts


def test_a_stream_finds_the_files_that_stood_beside_it() -> None:
    bim = "".join(f"1 rs{n} 0 {n + 1} A G\n" for n in range(4)).encode()
    fam = "".join(f"f i{n} 0 0 1 -9\n" for n in range(3)).encode()
    bed = b"\x6c\x1b\x01" + bytes(4)
    (file,) = gathered(read_bytes("x.bed", bed, beside={"x.bim": bim, "x.fam": fam}))
    assert file.skipped is None
    assert file.parts[0].samples == ("i0", "i1", "i2")  # type: ignore[union-attr]


def test_every_file_of_a_folder_is_named_once(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "leak.csv").write_text(LEAK)
    (tmp_path / "a" / "empty").write_bytes(b"")
    (tmp_path / "random").write_bytes(bytes(range(256)) * 9)
    found = {file.path.removeprefix(f"{tmp_path}/"): file for file in read(tmp_path)}
    assert set(found) == {"a/b/leak.csv", "a/empty", "random"}
    assert (found["a/empty"].format, found["a/empty"].skipped) == ("empty", None)
    assert found["random"].skipped == "unsupported"


def test_links_devices_and_pipes_of_a_folder_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "x.csv").write_text(LEAK)
    (tmp_path / "found").mkdir()
    (tmp_path / "found" / "link.csv").symlink_to(tmp_path / "secret" / "x.csv")
    (tmp_path / "found" / "folder").symlink_to(tmp_path / "secret")
    os.mkfifo(tmp_path / "found" / "pipe")
    assert read(tmp_path / "found") == []


def test_a_pipe_that_is_named_itself_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert one(tmp_path / "pipe").skipped == "unsupported"


def test_a_folder_deeper_than_a_stack_is_walked(tmp_path: Path) -> None:
    deep = tmp_path
    for _ in range(600):
        deep = deep / "d"
    deep.mkdir(parents=True)
    (deep / "leak.csv").write_text(LEAK)
    assert one(tmp_path).holds(LEAKED)


@pytest.fixture
def bad_readers(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Children that read as ours do, and have besides what broken libraries have: faults, loops and greed."""
    place = tmp_path_factory.mktemp("bad")
    (place / "sitecustomize.py").write_text(
        "import os, signal, sys\n"
        "if any('reading_child' in word for word in sys.orig_argv):\n"
        "    from matcher.formats import plain_text\n"
        "    read = plain_text.read\n"
        "    def bad(opened, limits):\n"
        "        for part in read(opened, limits):\n"
        f"            if {KILLER!r} in part.text: os.kill(os.getpid(), signal.SIGSEGV)\n"
        f"            while {HANGER!r} in part.text: pass\n"
        f"            if {HOG!r} in part.text: os.abort()\n"
        "            yield part\n"
        "    plain_text.read = bad\n"
    )
    monkeypatch.setattr(reader_process, "FURTHER_MODULES", str(place))


def fresh(memory_bytes: int) -> Limits:
    """Limits that no idle child has, so that a new one starts."""
    return Limits(memory_bytes=memory_bytes, seconds=2)


def test_a_file_that_kills_its_reader_costs_only_itself(bad_readers: None, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("a.csv", LEAK)
        archive.writestr("b.txt", f"this {KILLER}")
        archive.writestr("c.txt", f"this {HANGER}")
        archive.writestr("d.txt", f"this {HOG}")
        archive.writestr("e.csv", LEAK)
    (tmp_path / "y.csv").write_text(LEAK)
    found = {file.path.removeprefix(f"{tmp_path}/"): file for file in read(tmp_path, fresh(2**30 + 1))}
    assert {path: file.skipped for path, file in found.items()} == {
        "x.zip!/a.csv": None,
        "x.zip!/b.txt": "damaged",
        "x.zip!/c.txt": "timeout",
        "x.zip!/d.txt": "bomb",
        "x.zip!/e.csv": None,
        "y.csv": None,
    }
    assert found["x.zip!/b.txt"].ended.sha256  # type: ignore[union-attr]
    assert all(found[path].holds(LEAKED) for path in ("x.zip!/a.csv", "x.zip!/e.csv", "y.csv"))


def test_readers_that_die_again_and_again_are_given_up(bad_readers: None, tmp_path: Path) -> None:
    for number in range(30):
        (tmp_path / f"{number:02}.txt").write_text(KILLER)
    files = read(tmp_path, fresh(2**30 + 2))
    assert len(files) == 21
    assert files[-1].path == str(tmp_path)
    assert files[-1].skipped == "timeout"


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[reader_process.Reader]:
    """Every child that starts from now on, dead or alive."""
    every: list[reader_process.Reader] = []
    start = reader_process.Reader.__init__

    def recorded(child: reader_process.Reader, memory_bytes: int) -> None:
        start(child, memory_bytes)
        every.append(child)

    monkeypatch.setattr(reader_process.Reader, "__init__", recorded)
    return every


def test_a_child_that_is_killed_from_outside_is_replaced(
    started: list[reader_process.Reader], tmp_path: Path
) -> None:
    for number in range(6):  # each is more than the child can send ahead of whoever listens
        (tmp_path / f"{number}.csv").write_text(LEAK * 2_000)
    limits = fresh(2**30 + 3)
    begun: list[str] = []
    ended: list[FileEnded] = []
    for event in read_path(tmp_path, limits):
        if isinstance(event, FileStarted):
            begun.append(event.path)
        if isinstance(event, FileEnded):
            ended.append(event)
            if len(ended) == 2:
                os.kill(started[0].pid, signal.SIGKILL)
    assert len(started) == 2
    assert len(set(begun)) == len(ended) == 6
    assert sum(end.skipped is None for end in ended) >= 5


@pytest.mark.parametrize(
    ("sent", "skipped", "detail"),
    [
        (signal.SIGKILL, "too-large", "its reader was ended from outside"),
        (signal.SIGTERM, "too-large", "its reader was ended from outside"),
        (signal.SIGABRT, "bomb", "reading it was ended here"),
        (signal.SIGBUS, "damaged", "reading it was ended here"),
    ],
)
def test_a_small_file_is_not_blamed_for_what_the_system_does(
    bad_readers: None,
    started: list[reader_process.Reader],
    tmp_path: Path,
    sent: signal.Signals,
    skipped: str,
    detail: str,
) -> None:
    (tmp_path / "a.txt").write_text(f"this {HANGER}")
    (tmp_path / "b.csv").write_text(LEAK)
    limits = Limits(memory_bytes=2**30 + 20 + sent, seconds=60)
    ended: list[FileEnded] = []
    for event in read_path(tmp_path, limits):
        if isinstance(event, FileStarted) and event.path.endswith("a.txt"):
            os.kill(started[0].pid, sent)
        if isinstance(event, FileEnded):
            ended.append(event)
    assert [(Path(end.path).name, end.skipped) for end in ended] == [("a.txt", skipped), ("b.csv", None)]
    assert ended[0].detail == detail


@pytest.mark.parametrize("inside", [False, True])
def test_a_child_that_ends_between_two_files_costs_none(
    inside: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that ends twice at the same place is the fault of what comes there, and that is told."""
    outer: list[Frame] = [("opening", {"path": "a.zip", "place": [0]})] if inside else []
    first, second = ([0, 0], [0, 1]) if inside else ([0], [1])
    children = iter(
        [
            [*outer, *read_whole("1", first)],
            [*outer, *read_whole("2", second)],
            outer,
            outer,
        ]
    )
    asked: list[list[int]] = []

    @contextmanager
    def scripted(_memory: int) -> Iterator[Any]:
        frames = next(children, None)

        class Child:
            def ask(self, job: dict[str, Any], _descriptors: list[int]) -> None:
                asked.append(list(job["after"]))

            def frames(self, _seconds: float) -> Iterator[tuple[dict[str, Any], memoryview]]:
                for kind, header in frames or ():
                    yield {"kind": kind, **header}, memoryview(b"")
                if frames is not None:
                    raise reader_process.ReaderGone("crashed")

        yield Child()

    monkeypatch.setattr(reading, "reader", scripted)
    ends = [one for one in read_path(Path("x")) if isinstance(one, FileEnded)]
    assert [one.path for one in ends] == ["1", "2", "a.zip" if inside else "x"]
    assert [one.skipped for one in ends] == [None, None, "damaged"]
    assert asked[:4] == [[], [*first, BEHIND], [*second, BEHIND], [*second, BEHIND]]
    assert asked[4:] == ([[0, BEHIND]] if inside else [])


def test_a_history_loses_nothing_where_its_reader_ends_now_and_then(
    started: list[reader_process.Reader], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed while it goes through what was read already, and while it reads on: only what was read is told so."""
    folder = tmp_path / "history"
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    for number in range(300):
        (folder / f"{number:03}.csv").write_text(LEAK * 100 + f"{number}\n")
    who = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    subprocess.run(["git", "-C", str(folder), "add", "."], check=True)
    subprocess.run(["git", "-C", str(folder), *who, "commit", "-qm", "all"], check=True)
    whole = {file.path: file.skipped for file in read(folder, fresh(2**30 + 11))}
    monkeypatch.setattr(reader_process, "TAKEN_AHEAD", 1 << 16)
    ended: list[FileEnded] = []
    for event in read_path(folder, fresh(2**30 + 12)):
        if isinstance(event, FileEnded):
            ended.append(event)
            if len(ended) in (60, 120, 121, 240) and started[-1].is_alive:
                os.kill(started[-1].pid, signal.SIGKILL)
    assert len(started) >= 4
    assert len(ended) == len(whole)
    assert {end.path for end in ended} == set(whole)
    assert sum(end.skipped is not None for end in ended) <= 4


def read_whole(path: str, place: list[int]) -> list[Frame]:
    told = {"path": path, "sha256": "", "size": 1}
    return [
        ("opening", {"path": path, "place": place}),
        ("started", told),
        ("ended", told | {"format": "csv", "skipped": None, "detail": ""}),
        ("closed", {"after": [*place, BEHIND]}),
    ]


def test_one_child_serves_many_small_files(started: list[reader_process.Reader]) -> None:
    for _ in range(50):
        list(read_bytes("a.csv", LEAK.encode(), limits=fresh(2**30 + 7)))
    assert len(started) == 1


def test_what_a_child_had_to_compile_at_its_start_is_not_counted_against_files(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cold"))
    beside = {"x.bim": b"1 rs1 0 1 A G\n", "x.fam": b"f i1 0 0 1 -9\n"}
    (file,) = gathered(read_bytes("x.bed", b"\x6c\x1b\x01\0", limits=fresh(600 << 20), beside=beside))
    assert file.skipped is None
    assert list((tmp_path / "cold").rglob("*.nbi"))


def test_two_readings_at_once_do_not_mix() -> None:
    first, second = read_bytes("a.csv", LEAK.encode()), read_bytes("b.csv", b"x,y\n1,2\n3,4\n")
    mixed = [next(first), next(second), *first, *second]
    names = [event.name for event in mixed if isinstance(event, Table)]
    assert sorted(names) == ["a.csv", "b.csv"]


def test_threads_may_read_at_once() -> None:
    wrong: list[str] = []

    def work(number: int) -> None:
        for _ in range(10):
            (file,) = gathered(read_bytes(f"{number}.csv", f"n,m\n{number},1\n{number},2\n".encode()))
            if not file.holds(str(number)):
                wrong.append(file.path)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_reading_that_is_left_in_the_middle_leaves_no_child_behind(
    started: list[reader_process.Reader], tmp_path: Path
) -> None:
    for number in range(5):
        (tmp_path / f"{number}.csv").write_text(LEAK)
    limits = fresh(2**30 + 4)
    events = read_path(tmp_path, limits)
    next(events)
    (child,) = started
    assert child.is_alive
    events.close()
    assert not child.is_alive


def test_nothing_that_was_put_aside_outlives_a_parent_that_is_killed(tmp_path: Path) -> None:
    """A git bundle is put aside to be read; whoever kills the program must not leave found content on the disk."""
    aside = tmp_path / "aside"
    aside.mkdir()
    repository, bundle = tmp_path / "repository", tmp_path / "found.bundle"
    repository.mkdir()
    (repository / "leak.csv").write_text(LEAK * 50_000)  # more than the child can send before anybody listens
    for words in (
        ("init", "-q"),
        ("add", "."),
        ("-c", "user.name=x", "-c", "user.email=x@example.org", "commit", "-qm", "x"),
        ("bundle", "create", "-q", str(bundle), "HEAD"),
    ):
        subprocess.run(["git", *words], cwd=repository, check=True)
    program = (
        "import sys, time; from pathlib import Path; from matcher.reading import read_path\n"
        "events = read_path(Path(sys.argv[1])); next(events); print('open', flush=True); time.sleep(60)"
    )
    reading = subprocess.Popen(
        [sys.executable, "-c", program, str(bundle)],
        cwd=Path(reader_process.__file__).parent.parent,
        env=os.environ | {"TMPDIR": str(aside)},
        stdout=subprocess.PIPE,
    )
    assert reading.stdout is not None
    assert reading.stdout.readline() == b"open\n"
    assert list(aside.glob("cohortwatch-reading-*/git-*/found"))
    reading.kill()
    reading.communicate()
    for _ in range(200):
        if not list(aside.iterdir()):
            return
        time.sleep(0.1)
    raise AssertionError("what was put aside is still there")


def test_the_child_sees_no_secret_of_its_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COHORTWATCH_MASTER_KEY", "not-for-children")
    with reader_process.reader(2**30 + 5) as child:
        environment = Path(f"/proc/{child.pid}/environ").read_bytes()
    assert b"not-for-children" not in environment


def peak_of(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def test_a_large_table_is_streamed_and_its_end_is_seen(tmp_path: Path) -> None:
    line = "2000001,1,24.5,aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n" * 1000
    with gzip.open(tmp_path / "large.csv.gz", "wt", 1) as file:
        file.write("eid,sex,bmi,note\n")
        for _ in range(1200):  # about 56 MB
            file.write(line)
        file.write(f"{LEAKED},1,2,3\n")
    limits = Limits(memory_bytes=2**30 + 6)
    last = None
    for event in read_path(tmp_path / "large.csv.gz", limits):
        last = event if isinstance(event, Table) else last
        if isinstance(event, FileEnded):
            assert event.skipped is None
    assert last is not None
    assert last.cells[0][-1] == LEAKED
    assert peak_of(reader_process._idle[limits.memory_bytes][0].pid) < 400 << 20


def test_a_reader_that_gives_up_leaves_the_file_to_the_reader_of_text(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    place = tmp_path_factory.mktemp("gives-up")
    (place / "sitecustomize.py").write_text(
        "import importlib\n"
        "from matcher.contents import Unreadable\n"
        "delimited = importlib.import_module('matcher.formats.delimited')\n"
        "def gives_up(opened, limits):\n"
        "    with delimited.text_of(opened.stream, b'') as text:\n"
        "        text.readline()\n"
        "        raise Unreadable('damaged', 'for a test')\n"
        "    yield\n"
        "delimited.read = gives_up\n"
    )
    monkeypatch.setattr(reader_process, "FURTHER_MODULES", str(place))
    (file,) = gathered(read_bytes("a.csv", LEAK.encode(), limits=fresh(2**30 + 8)))
    assert file.skipped == "damaged"
    assert LEAKED in str(file.parts)
