"""Types cohortwatch's own commands, as a user would, in processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


class DemoFailed(RuntimeError):
    """A command of the demo ended as it should not have."""


@dataclass
class Terminal:
    """Runs commands in one workspace, shows them, and keeps the seconds that each took."""

    home: Path
    variables: dict[str, str] = field(default_factory=dict)
    """Set for every command, beside what is set already."""
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def environ(self) -> dict[str, str]:
        return {**os.environ, "COHORTWATCH_HOME": str(self.home), "COLUMNS": "160", **self.variables}

    def run(
        self, *words: str, ends: tuple[int, ...] = (0,), shown: bool = True, by: str | None = None
    ) -> str:
        """What the command wrote on standard output.

        Raises:
            DemoFailed: it ended with another code, with what it said on standard error.
        """
        if shown:
            print(f"$ cohortwatch {' '.join(_quoted(one) for one in words)}", flush=True)
        environ = self.environ if by is None else {**self.environ, "COHORTWATCH_PERSON": by}
        started = time.monotonic()
        ran = subprocess.run(
            [sys.executable, "-m", "config.cli", *words],
            capture_output=True,
            text=True,
            env=environ,
            check=False,
        )
        took = time.monotonic() - started
        self.seconds[" ".join(words[:2])] = self.seconds.get(" ".join(words[:2]), 0.0) + took
        if ran.returncode not in ends:
            raise DemoFailed(
                f"`cohortwatch {words[0]}` ended with {ran.returncode}: {(ran.stdout + ran.stderr).strip()[-2000:]}"
            )
        if shown and "--json" not in words and ran.stdout.strip():
            print(ran.stdout.rstrip(), flush=True)
        return ran.stdout

    def rows(
        self, *words: str, ends: tuple[int, ...] = (0,), shown: bool = False, by: str | None = None
    ) -> list[dict[str, Any]]:
        """The JSON objects that a command prints."""
        said = self.run(*words, "--json", ends=ends, shown=shown, by=by)
        return [json.loads(line) for line in said.splitlines()]


def _quoted(word: str) -> str:
    return f'"{word}"' if " " in word or not word else word
