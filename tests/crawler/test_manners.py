"""The door: where requests may go, and what it does with those that may not."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import httpx
import pytest

import crawler.manners
from crawler.manners import HEAD_BYTES, Door, doors_of, is_private
from crawler.plans import Manners, SourcePlan
from tests.crawler.servers import Served, answering

METADATA = "169.254.169.254"


@contextmanager
def through(door: Door) -> Iterator[httpx.Client]:
    with door, httpx.Client(proxy=door.address, trust_env=False, timeout=5) as client:
        yield client


def said_by(door: Door, said: bytes) -> bytes:
    """What the door answers to raw bytes; empty where it hangs up."""
    host, port = door.address.removeprefix("http://").split(":")
    with suppress(OSError), socket.create_connection((host, int(port)), timeout=5) as asker:
        asker.sendall(said)
        asker.shutdown(socket.SHUT_WR)
        return asker.recv(4096)
    return b""


@pytest.fixture
def site() -> Iterator[Served]:
    with answering({"/": (200, {"Content-Type": "text/html"}, b"<p>hello")}) as served:
        yield served


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """Names that resolve to what a test says, one answer after the other where there are lists of lists."""
    told: dict[str, Any] = {}
    resolve = socket.getaddrinfo

    def resolved(host: Any, port: Any, *rest: Any, **named: Any) -> Any:
        if host not in told:
            return resolve(host, port, *rest, **named)
        found = told[host]
        if isinstance(found[0], list):
            found = found.pop(0) if len(found) > 1 else found[0]
        families = [socket.AF_INET6 if ":" in one else socket.AF_INET for one in found]
        pairs = zip(families, found, strict=True)
        return [(family, socket.SOCK_STREAM, 6, "", (one, int(port))) for family, one in pairs]

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    return told


@pytest.fixture
def public_internet(monkeypatch: pytest.MonkeyPatch) -> str:
    """An address of this machine that the door takes for one of the public internet."""
    plain = is_private
    monkeypatch.setattr(crawler.manners, "is_private", lambda one: one != "127.0.0.2" and plain(one))
    return "127.0.0.2"


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "0.0.0.0", "100.64.0.1", METADATA, "224.0.0.1",
        "255.255.255.255", "198.18.0.1", "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "2002:7f00:1::",
        "168.63.129.16", "2001:db8::1", "not an address", "",
    ],
)  # fmt: skip
def test_an_address_that_is_not_out_on_the_internet_is_private(address: str) -> None:
    assert is_private(address)


@pytest.mark.parametrize("address", ["140.82.121.4", "8.8.8.8", "2606:4700::1", "::ffff:8.8.8.8"])
def test_an_address_out_on_the_internet_is_not_private(address: str) -> None:
    assert not is_private(address)


def test_the_door_refuses_this_machine_and_marks_its_refusal(site: Served) -> None:
    door = Door()
    with through(door) as client:
        answer = client.get(site.address)
    assert answer.status_code == 403
    assert answer.headers[door.mark] == "private address"
    assert site.asked == []


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "127.1",
        "2130706433",
        "0x7f000001",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
        "LOCALHOST.",
    ],
)
def test_no_spelling_of_this_machine_gets_through_the_door(site: Served, host: str) -> None:
    with Door() as door:
        for head in (f"GET http://{host}:{site.port}/", f"CONNECT {host}:{site.port}"):
            assert said_by(door, f"{head} HTTP/1.1\r\n\r\n".encode()).split()[1] in (b"403", b"502")
    assert site.asked == []


def test_a_tunnel_to_a_private_address_is_refused(site: Served) -> None:
    with through(Door()) as client, pytest.raises(httpx.ProxyError, match="private address"):
        client.get(f"https://127.0.0.1:{site.port}/")
    assert site.asked == []


def test_a_source_inside_the_network_is_reached_through_its_door(site: Served) -> None:
    with through(Door(allow_private=True)) as client:
        assert client.get(site.address).text == "<p>hello"


def test_the_inner_door_leads_in_only_where_a_source_is(site: Served) -> None:
    with answering({"/": (200, {}, b"another service of the operator")}) as other:
        plan = SourcePlan(name="inside", platform="storefront", address=site.address, allow_private=True)
        with through(doors_of([plan])[True]) as client:
            assert client.get(site.address).status_code == 200
            assert client.get(other.address).status_code == 403
        assert other.asked == []


@pytest.mark.parametrize("host", [METADATA, "[fe80::1]", "[::ffff:169.254.169.254]", "100.100.100.200"])
def test_no_door_leads_to_the_metadata_of_a_cloud(host: str) -> None:
    for door in (Door(), Door(allow_private=True), Door(allow_private=True, places=[f"http://{host}/"])):
        with door:
            for head in (f"GET http://{host}/latest/meta-data/", f"CONNECT {host}:80"):
                said = said_by(door, f"{head} HTTP/1.1\r\n\r\n".encode())
                assert said.startswith(b"HTTP/1.1 403 private address")


def test_a_name_with_one_private_address_among_two_is_refused(
    site: Served, names: dict[str, list[str]], public_internet: str
) -> None:
    for found in (["127.0.0.1", public_internet], [public_internet, "127.0.0.1"], [public_internet, "::1"]):
        names["two.example"] = found
        with through(Door()) as client:
            assert client.get(f"http://two.example:{site.port}/").status_code == 403
    assert site.asked == []


def test_a_name_with_two_public_addresses_is_reached_at_the_one_that_answers(
    names: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crawler.manners, "is_private", lambda one: False)
    with answering({"/": (200, {}, b"here")}, host="127.0.0.2") as served:
        names["two.example"] = ["127.0.0.3", "127.0.0.2"]
        with through(Door()) as client:
            assert client.get(f"http://two.example:{served.port}/").content == b"here"


def test_a_name_that_changes_its_answer_after_the_look_leads_nowhere_else(
    names: dict[str, Any], public_internet: str
) -> None:
    with answering({"/": (200, {}, b"public")}, host=public_internet) as served:
        names["rebound.example"] = [[public_internet], ["127.0.0.1"]]
        with through(Door()) as client:
            assert client.get(f"http://rebound.example:{served.port}/").content == b"public"
            assert client.get(f"http://rebound.example:{served.port}/").status_code == 403


def test_a_name_that_nobody_has_is_told_as_not_found() -> None:
    door = Door()
    with through(door) as client:
        answer = client.get("http://nowhere.invalid/")
    assert answer.status_code == 502
    assert answer.headers[door.mark] in ("name not found", "unreachable")


def test_a_closed_port_is_told_as_refused_connection() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        door = Door(allow_private=True)
        with through(door) as client:
            answer = client.get(f"http://127.0.0.1:{taken.getsockname()[1]}/")
    assert (answer.status_code, answer.headers[door.mark]) == (502, "connection refused")


def test_a_site_cannot_speak_in_the_name_of_the_door(site: Served) -> None:
    assert Door().mark != Door().mark


@pytest.mark.parametrize(
    "said",
    [
        b"GET / HTTP/1.1\r\n\r\n", b"nonsense\r\n\r\n", b"\r\n\r\n", b"GET ftp://a.example/ HTTP/1.1\r\n\r\n",
        b"CONNECT a.example HTTP/1.1\r\n\r\n", b"CONNECT a.example:99999999 HTTP/1.1\r\n\r\n",
        b"GET http://[::1 HTTP/1.1\r\n\r\n", "GET http://ü.example/ HTTP/1.1\r\n\r\n".encode(),
        b"GET http:///path HTTP/1.1\r\n\r\n", b"GET http://" + b"a" * (2 * HEAD_BYTES) + b"/ HTTP/1.1\r\n\r\n",
        b"GET http://" + b"a" * 300 + b"/ HTTP/1.1\r\n\r\n", b"CONNECT a\0b:80 HTTP/1.1\r\n\r\n",
    ],
    ids=range(12),
)  # fmt: skip
def test_the_door_outlives_whatever_is_said_to_it(site: Served, said: bytes) -> None:
    door = Door(allow_private=True)
    with through(door) as client:
        assert not said_by(door, said).startswith(b"HTTP/1.1 200")
        assert client.get(site.address).status_code == 200


def test_many_pass_the_door_at_once(site: Served) -> None:
    with Door(allow_private=True) as door:
        answers: list[int] = []

        def ask() -> None:
            with httpx.Client(proxy=door.address, trust_env=False, timeout=20) as client:
                answers.extend(client.get(site.address).status_code for _ in range(5))

        threads = [threading.Thread(target=ask) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert answers == [200] * 80


def test_the_door_tells_a_site_nothing_of_the_way(site: Served) -> None:
    with through(Door(allow_private=True)) as client:
        client.get(site.address, headers={"Proxy-Authorization": "Basic secret", "Connection": "keep-alive"})
    (headers,) = site.headers
    assert headers["host"] == f"127.0.0.1:{site.port}"
    assert not any(name.startswith(("proxy-", "via", "x-forwarded")) for name in headers)


def test_the_crawler_names_itself_and_who_runs_it() -> None:
    manners = Manners(operator="Bio\r\nbank (north)", contact="watch@biobank.example")
    assert "watch@biobank.example" in manners.user_agent
    assert "\n" not in manners.user_agent
    assert manners.user_agent.startswith("cohortwatch/")
