"""Serves the console with what the settings say."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from config.errors import BadSettings, ConfigError
from config.parties import directory_of, route_of, sender_of
from config.workspace import Workspace


def console_app(workspace: Workspace) -> Any:
    """The console of one workspace, an ASGI application."""
    from config.cli.failures import one_line
    from config.rounds import recheck_round
    from takedown.console.app import make_app

    def recheck(numbers: Sequence[str] | None) -> list[dict[str, Any]]:
        try:
            with workspace.sole(
                "patrol"
            ):  # as `recheck` does: two at once would ask twice and write over each other
                return recheck_round(workspace, numbers)
        except Exception as wrong:  # its words are shown on a page, and may quote what no page may hold
            raise ConfigError(one_line(wrong)) from wrong

    return make_app(
        engine=workspace.engine,
        vault=workspace.vault,
        log=workspace.log,
        sender=sender_of(workspace),
        route=route_of(workspace),
        directory=directory_of(workspace),
        recheck=recheck,
        secure_cookies=workspace.settings.console.secure_cookies,
    )


def serve_console(workspace: Workspace, host: str | None, port: int | None) -> None:
    """Serves until stopped."""
    import uvicorn

    place = workspace.settings.console
    door = _door(host or place.host, port if port is not None else place.port)
    with door:
        address, port = door.getsockname()[:2]
        shown = f"[{address}]" if ":" in address else address
        print(f"The console is at http://{shown}:{port} (stop it with Ctrl-C)", flush=True)
        config = uvicorn.Config(console_app(workspace), log_level="warning", server_header=False)
        with suppress(KeyboardInterrupt):  # to be stopped is how it ends well
            uvicorn.Server(config).run(sockets=[door])


def _door(host: str, port: int) -> socket.socket:
    """Where the console listens; taken before it is told that it does.

    Raises:
        BadSettings: that address is none of this machine's, or taken.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family)
    except (OSError, UnicodeError) as wrong:
        said = (getattr(wrong, "strerror", None) or "no such name").lower()
        raise BadSettings(
            f"the console cannot listen at {host}, port {port} ({said}); give another --host or --port, "
            "or stop what listens there"
        ) from None
