"""Wrong files: an honest `skipped` or a reading, no traceback, never more than one GiB of memory."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from config.demo.commands import Terminal
from config.demo.shapes import delimited
from tests.walk.conftest import Biobank

GIGABYTE = 1 << 30


@pytest.fixture(scope="module")
def examined(biobank: Biobank, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """All wrong files through one run of the command, in a process whose children are measured."""
    folder = tmp_path_factory.mktemp("wrong")
    table = delimited(("eid", *biobank.cohort.columns), biobank.rows["r-1"][:60])
    whole = gzip.compress(table, mtime=0)
    (folder / "cut.csv.gz").write_bytes(whole[: len(whole) // 2])
    (folder / "headless.vcf").write_bytes(b"1\t100\trs1\tA\tG\t.\tPASS\t.\tGT\t0/1\n" * 50)
    (folder / "empty.csv").touch()
    (folder / "utf16.csv").write_bytes(table.decode().encode("utf-16"))
    (folder / "named.csv").write_bytes(b"\x00\x01\x02" * 4000)
    (folder / "notebook.ipynb").write_bytes(b'{"cells": [{"cell_type"')
    (folder / "not-really.zip").write_bytes(b"PK\x03\x04" + b"\x00" * 40)
    (folder / "loop").symlink_to(folder)
    _zeros(folder / "zeros.zip")
    said = subprocess.run(
        [sys.executable, "-c", _MEASURED, "examine", str(folder), "--json"],
        capture_output=True,
        text=True,
        env=Terminal(biobank.template).environ,
        check=False,
    )
    assert said.returncode == 1, said.stderr
    assert "Traceback" not in said.stderr
    *rows, last = [json.loads(line) for line in said.stdout.splitlines()]
    readers, most = map(int, said.stderr.split()[-2:])
    assert readers
    assert most * 1024 < GIGABYTE
    assert last["summary"]
    return {Path(row["path"]).name: row for row in rows}


_MEASURED = """
import os, pathlib, resource, runpy, sys
def most_held(process):
    status = pathlib.Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
try:
    runpy.run_module("config.cli", run_name="__main__", alter_sys=True)
finally:
    waiting = pathlib.Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    ended = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    print(len(waiting), max(ended, *map(most_held, ["self", *waiting])), file=sys.stderr)
"""
"""What it held itself is asked of its own memory, not of `getrusage`: that also counts what the process that started
it held, here one that has run other tests for minutes."""


def _zeros(path: Path) -> None:
    """Ten gigabytes of zeros, which a zip holds in ten megabytes."""
    block = bytes(1 << 24)
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("zeros.csv", "w", force_zip64=True) as member,
    ):
        for _ in range(10 * GIGABYTE // len(block)):
            member.write(block)


@pytest.mark.parametrize(
    ("name", "skipped"),
    [
        ("cut.csv.gz!/cut.csv", "damaged"),
        ("not-really.zip", "damaged"),
        ("zeros.zip!/zeros.csv", "bomb"),
    ],
)
def test_what_cannot_be_read_in_full_says_why(
    examined: dict[str, dict[str, Any]], name: str, skipped: str
) -> None:
    assert _of(examined, name)["skipped"] == skipped


@pytest.mark.parametrize("name", ["empty.csv", "headless.vcf", "named.csv", "notebook.ipynb"])
def test_what_holds_nothing_accuses_nobody(examined: dict[str, dict[str, Any]], name: str) -> None:
    assert _of(examined, name)["verdict"] == "none"


def test_a_table_in_utf_16_is_read(examined: dict[str, dict[str, Any]]) -> None:
    row = _of(examined, "utf16.csv")
    assert row["verdict"] == "confirmed"
    assert row["matches"][0]["release"] == "r-1"
    assert row["skipped"] is None


def test_what_was_read_before_the_damage_counts(examined: dict[str, dict[str, Any]]) -> None:
    assert _of(examined, "cut.csv.gz!/cut.csv")["verdict"] in ("probable", "confirmed")


def _of(examined: dict[str, dict[str, Any]], name: str) -> dict[str, Any]:
    return examined[Path(name).name]
