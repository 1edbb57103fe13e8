"""Which addresses may be asked: nothing inside a private network unless a source is set to allow it."""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urlsplit


class PrivateAddress(ValueError):
    """A host that is, or resolves to, an address inside a private network."""


def public_address(url: str, *, allow_private: bool) -> tuple[str, int]:
    """The numeric address and port to connect to: every address of the host must be public.

    Connecting to the number that was checked, not to the name, leaves no room for a name that resolves otherwise
    the second time.

    Raises:
        PrivateAddress: one of them is not, or the address is no http(s) address.
        OSError: the host has no address.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise PrivateAddress("only http and https addresses are asked")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    numbers = [str(one[4][0]) for one in found]
    if not allow_private:
        for number in numbers:
            if not is_public(number):
                raise PrivateAddress("the host resolves to a private network")
    return numbers[0], port


def is_public(number: str) -> bool:
    """Whether a numeric address is of the open internet."""
    address = ipaddress.ip_address(number.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address.is_global and not address.is_multicast
