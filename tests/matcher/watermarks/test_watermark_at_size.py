"""The bench of watermarks at a biobank's size, at a small one: every step runs, and every leak is told rightly."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).resolve().parents[2] / "bench" / "watermark_at_size.py"


@pytest.mark.timeout(400)
def test_the_bench_names_the_marked_copy_and_nobody_else(tmp_path: Path) -> None:
    sizes = ("--people", "2000", "--variants", "500", "--releases", "20")
    done = subprocess.run(
        [sys.executable, str(BENCH), *sizes, "--folder", str(tmp_path)], capture_output=True, text=True, timeout=380
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("| confirmed | r0 |") == 4  # two leaks, each in two formats
    assert "| unmarked source, .bed | 1,000 × 250 | confirmed | nobody |" in done.stdout
    assert "| strangers, .bed | 1,000 × 250 | none | nobody |" in done.stdout
    assert "19 more releases registered" in done.stdout
    assert (tmp_path / "source.bed").stat().st_size == 3 + 500 * 500
