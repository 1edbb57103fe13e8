"""`cohortwatch console`."""

from __future__ import annotations

from typing import Annotated

import typer

from config.cli.session import opened


def console(
    host: Annotated[str | None, typer.Option(help="Default: the settings'.")] = None,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Default: the settings'; 0 takes one that is free."),
    ] = None,
) -> None:
    """Serve the web console."""
    from config.serving import serve_console

    serve_console(opened(), host, port)
