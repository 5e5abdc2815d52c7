"""What a check asks, taken apart: an address and a port, a name, a URL. Pure.

Every function raises ValueError with what is wrong, to follow the text in a message.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address

_LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_URL = re.compile(r"http://(?P<host>[^/:?#@]+)(:(?P<port>\d+))?(?P<path>[/?][!-~]*)?")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A host, an IPv4 address or a name, and a TCP port of it; for a URL also what follows."""

    host: str
    port: int
    path: str = ""

    @property
    def is_address(self) -> bool:
        """Whether the host needs no name server."""
        return is_address(self.host)

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def endpoint(text: str) -> Endpoint:
    """Read ADDRESS:PORT."""
    host, _, port = text.rpartition(":")
    if not is_address(host):
        raise ValueError("is not an IPv4 address and a port")
    return Endpoint(host, _port(port))


def url(text: str) -> Endpoint:
    """Read http://HOST[:PORT][/PATH]. A fragment is for the reader, and not sent."""
    found = _URL.fullmatch(text.partition("#")[0])
    if found is None:
        raise ValueError("is not a URL that begins with http://")
    host, path = found["host"], found["path"] or "/"
    if not is_address(host):
        host = name(host)
    return Endpoint(host, _port(found["port"] or "80"), path if path[0] == "/" else f"/{path}")


def name(text: str) -> str:
    """Read a domain name (RFC 1035, section 2.3.4): labels of 63 at most, 253 altogether."""
    if is_address(text):
        raise ValueError("is an address, not a domain name")
    labels = text.removesuffix(".").split(".")
    if len(text) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError("is not a domain name")
    return text.removesuffix(".")


def is_address(text: str) -> bool:
    """Whether it is an IPv4 address."""
    try:
        IPv4Address(text)
    except AddressValueError:
        return False
    return True


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= 65535):
        raise ValueError("has no port from 1 to 65535")
    return int(text)


READERS = {"tcp": endpoint, "dns": name, "http": url}
"""How the target of each method is read."""
