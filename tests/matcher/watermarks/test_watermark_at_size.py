"""The bench of watermarks at a biobank's size, at a small one: every step runs, and every leak is told rightly."""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from config.cli import app
from tests.bench import watermark_at_size as bench

_command = bench.command


def _here(home: Path, *words: str, fine: tuple[int, ...] = (0,)) -> bench.Ran:
    """The command in this process, whose start takes longer than the command; the first is run as the bench does."""
    if words == ("init",):
        return _command(home, *words)
    said = io.StringIO()
    with redirect_stdout(said):
        code = app(["--home", str(home), *words], standalone_mode=False) or 0
    assert code in fine
    return bench.Ran(code, said.getvalue(), 1.0, 1.0, 0.0, 0.0)


@pytest.mark.timeout(200)
def test_the_bench_names_the_marked_copy_and_nobody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bench, "command", _here)
    # With a key of chance so small a leak would go unseen now and then, as it may.
    monkeypatch.setenv("COHORTWATCH_MASTER_KEY", "5a" * 32)
    assert bench.run(tmp_path, people=600, variants=300, releases=4, seed=0)
    said = capsys.readouterr().out
    assert said.count("| confirmed | r0 |") == 4  # two leaks, each in two formats
    assert "| unmarked source, .bed | 300 × 150 | confirmed | nobody |" in said
    assert "| strangers, .bed | 300 × 150 | none | nobody |" in said
    assert "3 more releases registered" in said
    assert (tmp_path / "source.bed").stat().st_size == 3 + 150 * 300
