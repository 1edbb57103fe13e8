"""The schedule's ledger: what was missed or killed is due at once, what ended well is not done twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from config.schedule import due_at, read_ledger, write_ledger


def test_what_never_ran_is_due_at_once(tmp_path: Path) -> None:
    assert due_at(tmp_path, "patrol", 60) <= datetime.now(UTC)


def test_what_ended_well_is_due_after_its_interval(tmp_path: Path) -> None:
    ended = datetime.now(UTC) - timedelta(minutes=10)
    write_ledger(tmp_path, "patrol", ended)
    assert due_at(tmp_path, "patrol", 60) == ended + timedelta(minutes=60)
    assert due_at(tmp_path, "recheck", 60) <= datetime.now(UTC)


def test_what_was_missed_while_nothing_was_up_is_caught_up_once(tmp_path: Path) -> None:
    write_ledger(tmp_path, "patrol", datetime.now(UTC) - timedelta(days=9))
    assert due_at(tmp_path, "patrol", 60) <= datetime.now(UTC)


def test_a_ledger_that_was_being_written_when_it_was_killed_is_still_whole(tmp_path: Path) -> None:
    write_ledger(tmp_path, "patrol", datetime.now(UTC))
    (tmp_path / ".runs.json").write_text("{half")
    assert set(read_ledger(tmp_path)) == {"patrol"}


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\x93", b"[]", b"[" * 9000, b'{"patrol": 7}', b'{"patrol": "soon"}', b'{"patrol": null}'],
)
def test_a_damaged_ledger_makes_every_pass_due_and_is_written_anew(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "runs.json").write_bytes(content)
    assert due_at(tmp_path, "patrol", 60) <= datetime.now(UTC)
    write_ledger(tmp_path, "patrol", datetime.now(UTC))
    assert due_at(tmp_path, "patrol", 60) > datetime.now(UTC)


@pytest.mark.parametrize("ended", ["2020-01-01T00:00:00", "9998-12-31T00:00:00+00:00"])
def test_a_time_without_a_zone_or_of_a_wrong_clock_silences_no_pass(tmp_path: Path, ended: str) -> None:
    (tmp_path / "runs.json").write_text(json.dumps({"patrol": ended}))
    assert due_at(tmp_path, "patrol", 60) <= datetime.now(UTC)


@pytest.mark.slow
def test_a_schedule_that_is_killed_goes_on_after_a_restart(tmp_path: Path) -> None:
    """A real schedule, killed with SIGKILL before its first pass ends, then started again and stopped politely."""
    command = [sys.executable, "-m", "config.cli", "--home", str(tmp_path)]
    subprocess.run([*command, "init"], check=True, capture_output=True)
    first = subprocess.Popen([*command, "schedule"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(1.5)
    first.kill()
    first.wait()
    second = subprocess.Popen(
        [*command, "schedule"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    deadline = time.monotonic() + 60
    while set(read_ledger(tmp_path)) != {"patrol", "recheck"} and time.monotonic() < deadline:
        time.sleep(0.2)
    assert set(read_ledger(tmp_path)) == {"patrol", "recheck"}
    os.kill(second.pid, signal.SIGTERM)
    said, _ = second.communicate(timeout=30)
    assert "schedule.stopped" in said
    assert second.returncode == 0


def test_two_schedules_do_not_run_in_one_workspace(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "config.cli", "--home", str(tmp_path)]
    subprocess.run([*command, "init"], check=True, capture_output=True)
    first = subprocess.Popen([*command, "schedule"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 30
    while not (tmp_path / "schedule.lock").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(0.5)
    second = subprocess.run([*command, "schedule"], capture_output=True, text=True, timeout=60)
    first.kill()
    first.wait()
    assert second.returncode == 2
    assert "another schedule is running" in second.stderr
