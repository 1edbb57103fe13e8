"""The clumsy and the hostile at the command line: one line that says what to do, the right code, nothing lost."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from config.cli.session import print_json
from config.workspace import EXAMPLE
from tests.config.test_command_line import run
from tests.matcher.tables.made import draw_ids, draw_people, write_csv

BEYOND = "9223372036854775808"
STEERING = "\x1b[2J\u202e"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a workspace that holds one cohort, and the file of the cohort."""
    folder = tmp_path_factory.mktemp("made")
    run(folder / "home", "init", code=0)
    write_csv(folder / "all.csv", {"eid": draw_ids(3, 200), **draw_people(3, 200)})
    run(folder / "home", "cohort", "add", "northmoor", "--phenotypes", str(folder / "all.csv"), code=0)
    return folder


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Path:
    """A copy of it that a test may break."""
    shutil.copytree(made / "home", tmp_path / "home")
    return tmp_path / "home"


def refused(home: Path, *arguments: str) -> str:
    """What is said, in one line that steers no terminal and blames nobody who is not at fault."""
    done = run(home, *arguments, code=2)
    said = done.stderr.removesuffix("\n")
    assert said.isprintable(), said
    assert said.startswith("cohortwatch: ")
    assert "fault in cohortwatch" not in said
    assert ";" in said
    return said


@pytest.mark.parametrize(
    "arguments",
    [
        ("notice", "show", BEYOND),
        ("tip", "http://["),
        ("tip", "https://x:99999999/"),
        ("tip", "http://x\u202e/"),
        ("tip", "~nobody-of-that-name/x"),
        ("tip", STEERING),
        ("case", "show", STEERING),
        ("case", "show", os.fsdecode(b"\xff")),
        ("release", "verify", "northmoor", STEERING),
        ("console", "--port", "65536"),
        ("console", "--host", "name.invalid", "--port", "0"),
        ("person", "add", "a/b", "--role", "legal", "--full-name", "A", "--email", "a@b.org"),
        ("person", "add", "", "--role", "legal", "--full-name", "A", "--email", "a@b.org"),
        ("person", "add", "ann", "--role", "legal", "--full-name", "A\nB", "--email", "a@b.org"),
        ("person", "add", "ann", "--role", "legal", "--full-name", "A", "--email", "a@b.org\nBcc: x@y.org"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_line(made: Path, arguments: tuple[str, ...]) -> None:
    refused(made / "home", *arguments)


@pytest.mark.parametrize("recipient", ["", "A\nBcc: x@example.org", STEERING])
def test_a_recipient_is_one_line_of_text(made: Path, tmp_path: Path, recipient: str) -> None:
    given = ("northmoor", "r-1", "--recipient", recipient, "--phenotypes", str(made / "all.csv"))
    assert "recipient" in refused(made / "home", "release", "add", *given)
    assert "recipient" in refused(made / "home", "release", "mark", *given, "--out", str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_a_file_that_is_no_text_is_not_marked(made: Path, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(b"\xff\xfe\x81" * 500)
    given = ("--recipient", "A", "--phenotypes", str(tmp_path / "x.csv"), "--out", str(tmp_path / "out"))
    refused(made / "home", "release", "mark", "northmoor", "r-1", *given)


def test_the_help_that_is_recommended_can_be_typed(made: Path) -> None:
    assert "`cohortwatch notice show --help`" in refused(made / "home", "notice", "show", "abc")


def test_a_password_that_is_no_text_is_refused(made: Path) -> None:
    words = ("person", "add", "ann", "--role", "legal", "--full-name", "A", "--email", "a@b.org")
    command = [sys.executable, "-m", "config.cli", "--home", str(made / "home"), *words, "--password-stdin"]
    done = subprocess.run(command, input=b"\xff" * 20 + b"\n", capture_output=True, timeout=60)
    assert done.returncode == 2
    assert b"UTF-8" in done.stderr


def test_an_empty_home_is_not_the_folder_one_stands_in(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "config.cli", "--home", "", "init"]
    path = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    done = subprocess.run(command, cwd=tmp_path, env=path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "--home" in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["what?x=1", "number#1", "per%41cent", "of $(id); it"])
def test_a_workspace_may_have_any_name_and_keeps_to_its_folder(tmp_path: Path, name: str) -> None:
    run(tmp_path / name, "init", code=0)
    run(tmp_path / name, "cohort", "list", code=0)
    assert [one.name for one in tmp_path.iterdir()] == [name]
    assert (tmp_path / name / "cohortwatch.sqlite3").is_file()


def test_a_database_that_is_gone_is_told_and_no_empty_one_takes_its_place(home: Path, made: Path) -> None:
    for file in home.glob("cohortwatch.sqlite3*"):
        file.unlink()
    assert "put it back" in refused(home, "examine", str(made / "all.csv"))
    assert "put it back" in refused(home, "patrol")
    assert not list(home.glob("cohortwatch.sqlite3*"))


def test_a_database_of_a_newer_program_is_left_alone(home: Path) -> None:
    with sqlite3.connect(home / "cohortwatch.sqlite3") as database:
        database.execute("UPDATE alembic_version SET version_num = '0099'")
    database.close()
    assert "newer cohortwatch" in refused(home, "cohort", "list")
    assert "newer cohortwatch" in refused(home, "init")


def test_a_damaged_database_is_told_as_such(home: Path) -> None:
    for file in home.glob("cohortwatch.sqlite3*"):
        file.unlink()
    (home / "cohortwatch.sqlite3").write_bytes(b"\x93" * 9000)
    assert "put back a copy" in refused(home, "cohort", "list")


@pytest.mark.parametrize(
    "address", ["postgresql://u:hidden@h:abc/x", "postgresql://u:hidden@[::1/x", "nonsense"]
)
def test_an_address_of_a_database_is_refused_without_its_password(
    made: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("COHORTWATCH_DATABASE_URL", address)
    assert "hidden" not in refused(made / "home", "cohort", "list")


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("master.key", b""),
        ("master.key", b"0" * 64),
        ("master.check", b"\x93\xff"),
        ("master.wrapped", b"[" * 100_000),
    ],
)
def test_keys_that_were_tampered_with_are_told_by_init_as_well(home: Path, file: str, content: bytes) -> None:
    (home / "keys" / file).write_bytes(content)
    (home / "keys" / file).chmod(0o600)
    refused(home, "audit", "verify")
    refused(home, "init")


def test_a_log_that_was_taken_away_does_not_hold(home: Path) -> None:
    for file in home.glob("audit.jsonl*"):
        file.unlink()
    assert json.loads(run(home, "audit", "verify", "--json", code=1).stdout)["holds"] is False


def test_a_log_of_brackets_does_not_hold(home: Path) -> None:
    (home / "audit.jsonl").write_bytes(b"[" * 100_000 + b"\n")
    run(home, "audit", "verify", code=1)


def test_a_source_that_cannot_be_crawled_is_named(home: Path) -> None:
    text = (
        '[operator]\nname = "A"\ncontact = "a@example.org"\n[[sources]]\nname = "s"\nplatform = "no-such"\n'
    )
    (home / "settings.toml").write_text(f'{text}address = "http://127.0.0.1:9"\n')
    assert "no-such" in refused(home, "crawl")
    assert "no-such" in refused(home, "patrol")


def shell(home: Path, script: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    command = f'"{sys.executable}" -m config.cli --home "{home}"'
    return subprocess.run(
        ["bash", "-c", script.replace("COHORTWATCH", command)],
        env={**os.environ, **environment}, capture_output=True, timeout=120,
    )  # fmt: skip


@pytest.mark.parametrize("command", ["cohort list", "cohort list --json", "audit verify"])
def test_a_reader_that_goes_away_is_no_find(made: Path, command: str) -> None:
    done = shell(made / "home", f"COHORTWATCH {command} | true; exit ${{PIPESTATUS[0]}}")
    assert done.returncode != 1
    assert done.stderr == b""


@pytest.mark.parametrize("command", ["cohort list", "cohort list --json", "audit verify"])
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
def test_a_full_disk_behind_the_answer_is_told(made: Path, command: str) -> None:
    done = shell(made / "home", f"COHORTWATCH {command} > /dev/full")
    assert done.returncode == 2
    assert done.stderr == b"cohortwatch: no space left on device; free some space and run it again\n"


def test_closed_streams_are_no_fault(made: Path) -> None:
    closed = shell(made / "home", "COHORTWATCH cohort list >&-")
    assert (closed.returncode, closed.stderr) == (0, b"")
    silent = shell(made / "home", "COHORTWATCH case show x 2>&-")
    assert (silent.returncode, silent.stdout) == (2, b"")


def test_answers_fit_terminals_of_other_encodings_and_json_is_utf_8_everywhere(home: Path) -> None:
    with sqlite3.connect(home / "cohortwatch.sqlite3") as database:
        database.execute("UPDATE cohort SET title = 'Größe 队列'")
    database.close()
    table = shell(home, "COHORTWATCH cohort list", PYTHONIOENCODING="ascii")
    assert table.returncode == 0
    table.stdout.decode("ascii")
    lines = shell(home, "COHORTWATCH cohort list --json", PYTHONIOENCODING="latin-1").stdout
    assert json.loads(lines.decode("utf-8"))["title"] == "Größe 队列"


def test_a_program_that_takes_the_answer_as_text_gets_json() -> None:
    taken = io.StringIO()
    with redirect_stdout(taken):
        print_json({"title": "Größe 队列", "path": os.fsdecode(b"\xff")})
    assert json.loads(taken.getvalue()) == {"title": "Größe 队列", "path": "\udcff"}


def test_a_pipe_given_as_a_file_is_not_waited_for(made: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    pipe = str(tmp_path / "pipe")
    assert "not a file" in refused(
        made / "home", "cohort", "build", "northmoor", "GRCh37", "--positions", pipe
    )
    assert "not a file" in refused(made / "home", "cohort", "withdraw", "northmoor", "--ids", pipe)
    assert "not a file" in refused(made / "home", "panel", "add", "p", "--genotypes", pipe)


@pytest.mark.parametrize(
    ("sent", "seconds"),
    [(signal.SIGINT, 1.5), (signal.SIGINT, 6.0), (signal.SIGTERM, 6.0), (signal.SIGHUP, 6.0)],
)  # while it loads, and while it waits
def test_who_stops_a_command_is_told_so_in_one_line(made: Path, sent: signal.Signals, seconds: float) -> None:
    words = ("person", "add", "ann", "--role", "legal", "--full-name", "A", "--email", "a@b.org")
    command = [sys.executable, "-m", "config.cli", "--home", str(made / "home"), *words, "--password-stdin"]
    running = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
    )
    time.sleep(seconds)
    running.send_signal(sent)
    out, err = running.communicate(timeout=60)
    assert (running.returncode, out, err) == (2, b"", b"cohortwatch: stopped\n")


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_console_that_is_stopped_has_ended_well(made: Path, sent: signal.Signals) -> None:
    command = [sys.executable, "-m", "config.cli", "--home", str(made / "home"), "console", "--port", "0"]
    running = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
    )
    assert running.stdout is not None
    assert b"http://" in running.stdout.readline()
    time.sleep(3)
    running.send_signal(sent)
    _, err = running.communicate(timeout=60)
    assert (running.returncode, err) == (0, b"")


def test_under_nohup_a_command_outlives_its_terminal(made: Path) -> None:
    words = ("person", "add", "zoe", "--role", "legal", "--full-name", "A", "--email", "a@b.org")
    running = subprocess.Popen(
        [sys.executable, "-m", "config.cli", "--home", str(made / "home"), *words, "--password-stdin"],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),  # noqa: PLW1509
    )
    time.sleep(6)
    running.send_signal(signal.SIGHUP)
    _, err = running.communicate(b"a password that is long enough\n", timeout=60)
    assert (running.returncode, err) == (0, b"")


def test_settings_that_a_full_disk_cut_off_are_not_left_behind(tmp_path: Path) -> None:
    made_on_full = shell(tmp_path / "home", "ulimit -f 1; trap '' XFSZ; COHORTWATCH init")
    assert made_on_full.returncode == 2
    assert not (tmp_path / "home" / "settings.toml").exists()
    run(tmp_path / "home", "init", code=0)
    assert (tmp_path / "home" / "settings.toml").read_bytes() == EXAMPLE.read_bytes()
