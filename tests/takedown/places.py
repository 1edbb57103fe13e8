"""A web server on this machine that answers every address as a test says, for re-checks over the real crawler."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from crawler.ask import Sighting, ask_again
from crawler.models import Copy
from tests.crawler.crawling import MANNERS, plan

DATA = b"eid,sex,bmi\n" + b"".join(b"%d,%d,%d.5\n" % (row, row % 2, 20 + row % 9) for row in range(400))
DATA_SHA256 = hashlib.sha256(DATA).hexdigest()
SECONDS = 0.5


@dataclass(frozen=True)
class Said:
    """One answer; `lost` promises more bytes than it sends, `late` comes after everyone's patience."""

    status: int = 200
    body: bytes = b""
    kind: str = "text/html; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)
    lost: int = 0
    late: bool = False


def page(title: str, body: str = "") -> bytes:
    return (
        f"<html><head><title>{title}</title></head><body><main>{body or title}</main></body></html>".encode()
    )


def file(body: bytes = DATA, **rest: object) -> Said:
    return Said(body=body, kind="text/csv", **rest)  # type: ignore[arg-type]


class Place:
    """`answers` by path; `*` is every other."""

    def __init__(self, address: str, answers: dict[str, Said]) -> None:
        self.address = address
        self.answers = answers

    def ask(self, copies: Sequence[Copy], platform: str = "storefront") -> list[Sighting]:
        plans = [plan(platform, f"{self.address}/", name="place")]
        return ask_again(plans, replace(MANNERS, timeout_seconds=SECONDS), copies)


@contextmanager
def place() -> Iterator[Place]:
    answers: dict[str, Said] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            otherwise = Said(404) if path == "/robots.txt" else answers["*"]
            said = answers.get(path, otherwise)
            if said.late:
                time.sleep(SECONDS * 2)
                return
            self.send_response(said.status)
            for name, value in {"Content-Type": said.kind, **said.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(said.body) + said.lost))
            self.end_headers()
            self.wfile.write(said.body)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield Place(f"http://127.0.0.1:{server.server_port}", answers)
    finally:
        server.shutdown()
        server.server_close()
