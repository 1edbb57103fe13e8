"""A time-stamping authority made with `openssl ts`, behind a small HTTP server on loopback."""

from __future__ import annotations

import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

CONFIGURATION = """[tsa]
default_tsa = here
[here]
serial = {folder}/serial
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
crypto_device = builtin
"""


def make_authority(folder: Path, name: str) -> Path:
    """Root and signing certificate of an authority; answers the root's PEM."""
    folder.mkdir(parents=True, exist_ok=True)

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)

    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", "30",
            "-subj", f"/CN={name} root")  # fmt: skip
    openssl(
        "req",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        "tsa.key",
        "-out",
        "tsa.csr",
        "-subj",
        f"/CN={name}",
    )
    (folder / "extensions").write_text("extendedKeyUsage=critical,timeStamping\n")
    openssl("x509", "-req", "-in", "tsa.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "30",
            "-extfile", "extensions", "-out", "tsa.pem")  # fmt: skip
    (folder / "serial").write_text("01\n")
    (folder / "tsa.cnf").write_text(CONFIGURATION.format(folder=folder))
    return folder / "ca.pem"


def reply(folder: Path, query: bytes) -> bytes:
    with tempfile.TemporaryDirectory(dir=folder) as place:
        asked, answered = Path(place) / "q", Path(place) / "a"
        asked.write_bytes(query)
        subprocess.run(
            ["openssl", "ts", "-reply", "-config", str(folder / "tsa.cnf"), "-section", "here", "-queryfile",
             str(asked), "-signer", str(folder / "tsa.pem"), "-inkey", str(folder / "tsa.key"), "-out", str(answered)],
            check=True, capture_output=True,
        )  # fmt: skip
        return answered.read_bytes()


@contextmanager
def serving(folder: Path, fixed: bytes | None = None, status: int = 200) -> Iterator[tuple[str, list[bytes]]]:
    """The authority's address, and every query that it got; `fixed` is answered whatever is asked."""
    asked: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = self.rfile.read(int(self.headers["Content-Length"]))
            asked.append(query)
            body = reply(folder, query) if fixed is None else fixed
            self.send_response(status)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *words: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
