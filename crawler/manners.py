"""Where requests may go: every connection passes one door, which refuses private addresses.

The door is a small forward proxy on loopback, in a thread of its own. Scrapy, Chromium, git and httpx all
go through it, so there is one place that resolves a name, looks at every address behind it, and connects to
the very address that it looked at: neither a redirect nor a name that changes its answer gets past it.
TLS runs through it from end to end.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import secrets
import socket
import threading
from collections.abc import Collection
from types import TracebackType
from typing import Self
from urllib.parse import SplitResult, urlsplit

from crawler.plans import SourcePlan

HEAD_BYTES = 64 << 10
CONNECT_SECONDS = 30.0
REFUSED, UNREACHABLE = 403, 502


_OF_THE_MACHINE = tuple(
    ipaddress.ip_network(one)
    for one in (
        "169.254.0.0/16",
        "fe80::/10",
        "fd00:ec2::254/128",
        "fd20:ce::254/128",
        "100.100.100.200/32",
        "168.63.129.16/32",
        "192.0.0.192/32",
    )
)
"""Link-local addresses and those where clouds tell a machine its own credentials: nothing is ever searched there."""


def is_private(address: str) -> bool:
    """True for every address that is not plainly out on the public internet."""
    ip = _innermost(address)
    return ip is None or not ip.is_global or ip.is_multicast or is_of_the_machine(address)


def is_of_the_machine(address: str) -> bool:
    """True where not even a source inside the network may lead."""
    ip = _innermost(address)
    return ip is not None and any(ip in network for network in _OF_THE_MACHINE)


def _innermost(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address, or the IPv4 address that it carries inside."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return None
    if isinstance(ip, ipaddress.IPv4Address):
        return ip
    inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
    if inner is None and ip in ipaddress.ip_network("64:ff9b::/96"):
        inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return inner or ip


class Door:
    """A forward proxy that leads out; to private addresses only with `allow_private`, and only at those `places`.

    Its own refusals carry the header `self.mark`, whose name no site can know.
    """

    def __init__(self, *, allow_private: bool = False, places: Collection[str] | None = None) -> None:
        self._allow_private = allow_private
        self._places = None if places is None else {_place(urlsplit(one)) for one in places}
        self.mark = f"x-door-{secrets.token_hex(8)}"
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, name="door", daemon=True)
        self._port = 0
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        self._thread.start()
        self._started.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, wrong: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(
            asyncio.start_server(self._take, "127.0.0.1", 0, limit=HEAD_BYTES)
        )
        self._port = server.sockets[0].getsockname()[1]
        self._started.set()
        self._loop.run_forever()
        server.close()
        left = asyncio.all_tasks(self._loop)
        for task in left:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = self._loop.create_task(self._serve(reader, writer))
        self._tasks.add(task)  # the loop itself holds tasks only weakly
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._pass_through(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError, ValueError):
            pass  # either side left; the asker sees a closed connection
        finally:
            with contextlib.suppress(Exception):
                writer.close()

    async def _pass_through(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        line, *headers = head[:-4].split(b"\r\n")
        method, target, _version = line.split(b" ", 2)
        if method == b"CONNECT":
            host, _, port_text = target.decode("ascii").rpartition(":")
            port = int(port_text)
        else:
            url = urlsplit(target.decode("ascii"))
            if url.scheme != "http" or not url.hostname:
                await self._refuse(writer, REFUSED, "not an address of the web")
                return
            host, port = url.hostname, url.port or 80
        try:
            far_reader, far_writer = await self._connect(host.strip("[]"), port)
        except _Refused as refusal:
            await self._refuse(writer, REFUSED, str(refusal))
            return
        except (OSError, TimeoutError) as wrong:
            await self._refuse(writer, UNREACHABLE, _reason(wrong))
            return
        try:
            if method == b"CONNECT":
                writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
                await asyncio.gather(_pipe(reader, far_writer), _pipe(far_reader, writer))
            else:
                far_writer.write(_origin_form(method, target, headers))
                sending = asyncio.ensure_future(_pipe(reader, far_writer, half_close=False))
                await _answer_once(far_reader, writer)
                sending.cancel()
        finally:
            with contextlib.suppress(Exception):
                far_writer.close()

    async def _connect(self, host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        found = await self._loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(one[4][0]) for one in found))
        may_enter = self._allow_private and (self._places is None or (host.lower(), port) in self._places)
        if any(is_of_the_machine(one) or (is_private(one) and not may_enter) for one in addresses):
            raise _Refused("private address")
        last: Exception = OSError("no address")
        for address in addresses:
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    return await asyncio.open_connection(address, port, limit=HEAD_BYTES)
            except (OSError, TimeoutError) as wrong:
                last = wrong
        raise last

    async def _refuse(self, writer: asyncio.StreamWriter, status: int, reason: str) -> None:
        said = f"HTTP/1.1 {status} {reason}\r\n{self.mark}: {reason}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        writer.write(said.encode("ascii", "replace"))
        await writer.drain()


def doors_of(plans: Collection[SourcePlan]) -> dict[bool, Door]:
    """The door out, and the one for sources inside the network, which leads in there at their own addresses only."""
    places = [plan.address for plan in plans if plan.allow_private]
    return {False: Door(), True: Door(allow_private=True, places=places)}


class _Refused(Exception):
    pass


def _place(address: SplitResult) -> tuple[str, int]:
    return address.hostname or "", address.port or (443 if address.scheme == "https" else 80)


def _reason(wrong: Exception) -> str:
    if isinstance(wrong, socket.gaierror):
        return "name not found"
    if isinstance(wrong, TimeoutError):
        return "timed out"
    if isinstance(wrong, ConnectionRefusedError):
        return "connection refused"
    return "unreachable"


def _origin_form(method: bytes, target: bytes, headers: list[bytes]) -> bytes:
    url = urlsplit(target.decode("ascii"))
    path = (url.path or "/") + (f"?{url.query}" if url.query else "")
    kept = [
        one
        for one in headers
        if not one.lower().startswith((b"proxy-", b"connection:", b"keep-alive:", b"host:"))
    ]
    host = url.netloc.rpartition("@")[2].encode("ascii")
    lines = [
        method + b" " + path.encode("ascii") + b" HTTP/1.1",
        b"Host: " + host,
        *kept,
        b"Connection: close",
    ]
    return b"\r\n".join(lines) + b"\r\n\r\n"


async def _answer_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Passes one answer on and says that the connection ends with it, so that the next one gets its own check."""
    head = await reader.readuntil(b"\r\n\r\n")
    while head.startswith((b"HTTP/1.1 100", b"HTTP/1.0 100")):
        head = await reader.readuntil(b"\r\n\r\n")
    lines = [
        one
        for one in head[:-4].split(b"\r\n")
        if not one.lower().startswith((b"connection:", b"keep-alive:"))
    ]
    writer.write(b"\r\n".join([*lines, b"Connection: close"]) + b"\r\n\r\n")
    await _pipe(reader, writer)


async def _pipe(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, half_close: bool = True
) -> None:
    try:
        while chunk := await reader.read(HEAD_BYTES):
            writer.write(chunk)
            await writer.drain()
    except OSError:
        pass
    finally:
        if half_close:
            with contextlib.suppress(OSError, RuntimeError):
                if writer.can_write_eof():
                    writer.write_eof()
