"""Small sites on loopback, in threads of their own: pages by path, and anything else a page may do."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Page = tuple[int, dict[str, str], bytes]
Behaviour = Callable[[BaseHTTPRequestHandler], None]
"""Answers a request by itself, badly if it likes."""


@dataclass
class Served:
    """A site that is up; `pages` may change while it is."""

    address: str
    port: int
    pages: dict[str, Page | Behaviour]
    asked: list[str] = field(default_factory=list)
    """Paths in the order in which they were asked, robots.txt left out."""
    headers: list[dict[str, str]] = field(default_factory=list)
    times: list[float] = field(default_factory=list)

    def count(self, path: str) -> int:
        return self.asked.count(path)


@contextmanager
def answering(
    pages: Mapping[str, Page | Behaviour], *, host: str = "127.0.0.1", port: int = 0
) -> Iterator[Served]:
    """Serves `pages` by path with query, else by path, else the page called `*`, else 404."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if self.path != "/robots.txt":
                site.asked.append(self.path)
                site.times.append(time.monotonic())
                site.headers.append({name.lower(): value for name, value in self.headers.items()})
            plain = self.path.partition("?")[0]
            page = site.pages.get(self.path) or site.pages.get(plain)
            if page is None and self.path != "/robots.txt":
                page = site.pages.get("*")
            if callable(page):
                with suppress(OSError):
                    page(self)
                self.close_connection = True
                return
            status, headers, body = page or (404, {}, b"not here")
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            with suppress(OSError):
                self.wfile.write(body)

        do_POST = do_HEAD = do_GET  # noqa: N815

        def log_message(self, *said: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 64

        def handle_error(self, request: object, client_address: object) -> None:
            pass

    server = Server((host, port), Handler)
    site = Served(f"http://{host}:{server.server_port}", server.server_port, dict(pages))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def html(text: str, **headers: str) -> Page:
    return 200, {"Content-Type": "text/html; charset=utf-8", **headers}, text.encode()


def listing_page(name: str, text: str, *, extra: str = "", sku: str = "1") -> Page:
    """A page with one product, marked up as JSON-LD."""
    import json

    offer = {"@type": "Offer", "price": "99.00", "priceCurrency": "CNY", "seller": {"name": "a shop"}}
    product = {"@context": "https://schema.org", "@type": "Product", "name": name, "description": text}
    markup = json.dumps({**product, "sku": sku, "offers": offer}, ensure_ascii=False)
    return html(
        f"<!doctype html><html><head><title>{name}</title><script type='application/ld+json'>{markup}</script></head>"
        f"<body><main><h1>{name}</h1><p>{text}</p>{extra}</main></body></html>"
    )
