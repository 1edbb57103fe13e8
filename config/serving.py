"""Serves the console with what the settings say."""

from __future__ import annotations

from typing import Any

from config.parties import directory_of, route_of, sender_of
from config.workspace import Workspace


def console_app(workspace: Workspace) -> Any:
    """The console of one workspace, an ASGI application."""
    from config.rounds import recheck_round
    from takedown.console.app import make_app

    return make_app(
        engine=workspace.engine,
        vault=workspace.vault,
        log=workspace.log,
        sender=sender_of(workspace),
        route=route_of(workspace),
        directory=directory_of(workspace),
        recheck=lambda numbers: recheck_round(workspace, numbers),
        secure_cookies=workspace.settings.console.secure_cookies,
    )


def serve_console(workspace: Workspace, host: str | None, port: int | None) -> None:
    """Serves until stopped."""
    import uvicorn

    place = workspace.settings.console
    host, port = host or place.host, port if port is not None else place.port
    print(f"The console is at http://{host}:{port} (stop it with Ctrl-C)", flush=True)
    uvicorn.run(console_app(workspace), host=host, port=port, log_level="warning", server_header=False)
