"""Routes that somebody else put over a link: a user, a VPN.

NetworkManager removes them whenever a link's settings are reapplied (docs/facts.md, N43), which is
how netswap sets a metric. They are put back. Default routes are not among them: those over a link
are NetworkManager's business.
"""

from __future__ import annotations

import socket
from collections import defaultdict
from collections.abc import Iterable

from netswap.adapters import netlink
from netswap.adapters.kernel import ahead, routes

BOOT = 3
"""RTPROT_BOOT: what `ip route add` and VPNs use. NetworkManager's own have other numbers."""

_RTM_NEWROUTE, _RTM_DELROUTE = 24, 25


def over(ifname: str) -> list[bytes]:
    """Return them, as they can be put back. Raises OSError where the kernel cannot be asked."""
    index = socket.if_nametoindex(ifname)
    with routes.channel() as channel:
        ways = routes.ways(routes.dump(channel))
        return [
            ahead.with_metric(way.body, way.metric)
            for way in ways
            if way.protocol == BOOT and way.bits and way.index == index
        ]


def doubled(bodies: list[bytes]) -> frozenset[str]:
    """Return the devices that have default routes of different metrics, not counting others'."""
    names = dict(socket.if_nameindex())
    metrics: dict[tuple[str, int], set[int]] = defaultdict(set)
    for way in routes.ways(bodies):
        if not way.bits and way.protocol != BOOT and way.index in names:
            metrics[names[way.index], way.family].add(way.metric)
    return frozenset(name for (name, _), found in metrics.items() if len(found) > 1)


def put_back(bodies: Iterable[bytes]) -> list[bytes]:
    """Put back those that are missing, as far as that can be done now; return which were.

    The kernel refuses what stands, and what leads nowhere: its gateway or source may have gone.
    Raises OSError where the kernel cannot be asked.
    """
    flags = netlink.NLM_F_ACK | netlink.NLM_F_CREATE | netlink.NLM_F_APPEND  # after one of ours
    with routes.channel() as channel:
        return [body for body in bodies if _done(channel, _RTM_NEWROUTE, flags, body)]


def take_away(bodies: Iterable[bytes]) -> None:
    """Take away what was put back. Raises OSError where the kernel cannot be asked."""
    with routes.channel() as channel:
        for body in bodies:
            _done(channel, _RTM_DELROUTE, netlink.NLM_F_ACK, body)


def _done(channel: socket.socket, request: int, flags: int, body: bytes) -> bool:
    try:
        netlink.ask(channel, netlink.build(request, flags, body))
    except OSError:
        return False
    return True
