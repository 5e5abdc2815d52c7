"""The laptop's routes as the kernel has them, read without starting a process."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path

RTF_UP = 0x1
RTF_REJECT = 0x200
"""Flags of a route (linux/route.h)."""


@dataclass(frozen=True, slots=True, order=True)
class DefaultRoute:
    """A default route of the main table; the lowest metric wins."""

    metric: int
    interface: str
    gateway: str


def default_routes() -> list[DefaultRoute]:
    """Return the IPv4 default routes, the one in use first (proc(5), /proc/net/route)."""
    found = []
    for line in Path("/proc/self/net/route").read_text().splitlines()[1:]:
        interface, destination, gateway, flags, _, _, metric, mask, *_ = line.split()
        if destination == mask == "00000000" and int(flags, 16) & RTF_UP:
            address = socket.inet_ntoa(int(gateway, 16).to_bytes(4, "little"))
            found.append(DefaultRoute(int(metric), interface, address))
    return sorted(found)


def default_routes6() -> list[DefaultRoute]:
    """Return the IPv6 default routes, the one in use first (/proc/net/ipv6_route)."""
    found = []
    for line in Path("/proc/self/net/ipv6_route").read_text().splitlines():
        destination, length, _, _, gateway, metric, _, _, flags, interface = line.split()
        rejects = int(flags, 16) & RTF_REJECT
        if int(destination, 16) == int(length, 16) == 0 and not rejects and interface != "lo":
            address = socket.inet_ntop(socket.AF_INET6, bytes.fromhex(gateway))
            found.append(DefaultRoute(int(metric, 16), interface, address))
    return sorted(found)


def active() -> str | None:
    """Return the interface whose IPv4 default route is in use."""
    routes = default_routes()
    return routes[0].interface if routes else None
