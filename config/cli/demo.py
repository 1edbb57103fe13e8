"""`cohortwatch demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def demo(
    keep: Annotated[Path | None, typer.Option(help="Keep the workspace in this folder.")] = None,
    no_console: Annotated[
        bool, typer.Option("--no-console", help="End instead of leaving the console running.")
    ] = False,
) -> None:
    """The whole loop on sites that it starts on this machine; 0 when everything planted was told right, else 2."""
    from config.demo.run import run_demo

    raise typer.Exit(run_demo(keep, not no_console))
