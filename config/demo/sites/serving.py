"""Serves a WSGI application on a loopback port in a thread of its own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def served(make: Callable[[str], Any]) -> Iterator[str]:
    """Starts what `make(address)` gives and answers with its address; stopped on the way out."""
    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    app: list[Any] = []

    def answer(environ: dict[str, Any], start: Callable[..., Any]) -> Any:
        return app[0](environ, start)

    server = make_server("127.0.0.1", 0, answer, threaded=True)
    address = f"http://127.0.0.1:{server.server_port}"
    app.append(make(address))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield address
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=10)
