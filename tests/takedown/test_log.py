"""The audit log: whatever is altered, cut or moved is found; what a killed process left is told, not hidden."""

from __future__ import annotations

import json
import multiprocessing
from pathlib import Path

import pytest

from takedown.log import AuditLog

KEY = bytes(range(32))


@pytest.fixture
def log(tmp_path: Path) -> AuditLog:
    log = AuditLog(tmp_path / "audit.jsonl", KEY)
    for number in range(4):
        log.append(actor="ines", action="case.confirm", subject=f"CW-2026-000{number}", details={"n": number})
    return log


def test_a_log_that_nobody_touched_holds(log: AuditLog) -> None:
    verified = log.verify()
    assert verified.holds
    assert verified.entries_count == 4


def test_every_flipped_byte_is_found(log: AuditLog, tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    whole = path.read_bytes()
    for place in range(len(whole)):
        altered = bytearray(whole)
        altered[place] ^= 0x01
        path.write_bytes(altered)
        assert not log.verify().holds, f"byte {place}"
    path.write_bytes(whole)
    assert log.verify().holds


@pytest.mark.parametrize("change", ["removed", "reordered", "cut", "emptied", "doubled"])
def test_lines_that_were_removed_or_moved_are_found(log: AuditLog, tmp_path: Path, change: str) -> None:
    path = tmp_path / "audit.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    changed = {
        "removed": lines[:1] + lines[2:],
        "reordered": [lines[1], lines[0], *lines[2:]],
        "cut": lines[:-1],
        "emptied": [],
        "doubled": [*lines, lines[-1]],
    }[change]
    path.write_bytes(b"".join(changed))
    assert not log.verify().holds


def test_a_head_that_was_altered_or_removed_is_found(log: AuditLog, tmp_path: Path) -> None:
    head = tmp_path / "audit.jsonl.head"
    whole = head.read_bytes()
    for place in range(len(whole)):
        altered = bytearray(whole)
        altered[place] ^= 0x01
        head.write_bytes(altered)
        assert not log.verify().holds, f"byte {place}"
    head.unlink()
    assert not log.verify().holds


def test_a_line_that_a_killed_process_left_half_written_is_told(log: AuditLog, tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    with path.open("ab") as file:
        file.write(b'{"number": 4, "act')
    assert not log.verify().holds
    log.append(actor="ines", action="case.close", subject="CW-2026-0001")
    assert log.verify().holds
    assert "log.torn-line" in [entry["action"] for entry in log.entries()]


def test_the_entry_of_another_key_is_found(log: AuditLog, tmp_path: Path) -> None:
    AuditLog(tmp_path / "audit.jsonl", bytes(32)).append(actor="mallory", action="x", subject="y")
    assert not log.verify().holds


def _append(path: Path, count: int) -> None:
    log = AuditLog(path, KEY)
    for number in range(count):
        log.append(actor="p", action="a", subject=str(number))


def test_two_processes_append_without_breaking_the_chain(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_append, args=(path, 25)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    verified = AuditLog(path, KEY).verify()
    assert (verified.holds, verified.entries_count) == (True, 50)


def test_an_export_says_how_to_check_it(log: AuditLog, tmp_path: Path) -> None:
    log.export(tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "audit.jsonl", "audit.jsonl.head", "public-key.pem", "HOW-TO-CHECK.txt",
    }  # fmt: skip
    assert json.loads((tmp_path / "out" / "audit.jsonl").read_text().splitlines()[0])["actor"] == "ines"
