"""The kernel's own view of the default routes, and a bell that rings when links or routes change.

NetworkManager says what it wants; these are what counts. Only the main table is read (rtnetlink(7);
/proc/net/ipv6_route would mix all tables up, a VPN's among them).
"""

from __future__ import annotations

import asyncio
import errno
import socket
import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from netswap.adapters import netlink

_RTM_GETROUTE = 26
_RTN_UNICAST = 1
_RT_TABLE_MAIN = 254
_RTM_F_CLONED = 0x200
_RTA_DST, _RTA_OIF, _RTA_GATEWAY, _RTA_PRIORITY = 1, 4, 5, 6
_RTA_MULTIPATH, _RTA_TABLE = 9, 15
RTNH_F_ONLINK = 4
"""The only flag of a route or hop that is asked for; the others tell how it is (linux/rtnetlink.h).
"""

ROUTE = struct.Struct("=BBBBBBBBI")  # rtmsg
_NEXT_HOP = struct.Struct("=HBBi")  # rtnexthop: length, flags, hops, interface

_GROUPS = 0x1 | 0x10 | 0x40 | 0x100 | 0x400
"""RTMGRP_LINK, IPV4_IFADDR, IPV4_ROUTE, IPV6_IFADDR, IPV6_ROUTE (linux/rtnetlink.h)."""

_AT_ONCE = 64
"""Messages read per wake-up; the event loop calls again if there are more."""


@dataclass(frozen=True, slots=True, order=True)
class DefaultRoute:
    """A default route; the lowest metric of a family carries the traffic."""

    family: int
    """4 or 6."""
    metric: int
    ifname: str


@dataclass(frozen=True, slots=True)
class Way:
    """A route of the main table that leads by one device."""

    family: int
    bits: int
    """The length of its prefix."""
    destination: bytes
    """Empty for a default route."""
    gateway: bytes
    """Empty where there is none."""
    index: int
    """Of the device."""
    metric: int
    protocol: int
    """Who made it (rtnetlink(7), rtm_protocol)."""
    body: bytes

    @property
    def host(self) -> bool:
        """Whether it leads to one address."""
        return bool(self.destination) and self.bits == len(self.destination) * 8


def default_routes() -> tuple[DefaultRoute, ...]:
    """Read the main table's default routes, per family the one in use first.

    Unreachable, blackhole and loopback ones lead nowhere and are left out.
    """
    with channel() as asked:
        return defaults(dump(asked))


def defaults(bodies: Iterable[bytes]) -> tuple[DefaultRoute, ...]:
    """Pick the default routes out of a dump, per family the one in use first."""
    return tuple(sorted(parse_defaults(bodies, dict(socket.if_nameindex()))))


def dump(asked: socket.socket) -> list[bytes]:
    """Ask for all routes of both families, in the kernel's order."""
    return [
        body
        for family in (socket.AF_INET, socket.AF_INET6)
        for body in netlink.ask(asked, dump_request(family))
    ]


def ways(bodies: Iterable[bytes]) -> Iterator[Way]:
    """Pick what leads by one device out of a dump. Pure."""
    for body in bodies:
        family, bits, from_bits, _tos, table, protocol, _scope, kind, flags = ROUTE.unpack_from(
            body
        )
        if from_bits or kind != _RTN_UNICAST or flags & _RTM_F_CLONED:
            continue
        found = netlink.attributes(body[ROUTE.size :])
        if _number(found.get(_RTA_TABLE), table) == _RT_TABLE_MAIN and _RTA_OIF in found:
            yield Way(
                family, bits, found.get(_RTA_DST, b""), found.get(_RTA_GATEWAY, b""),
                _number(found[_RTA_OIF], 0), _number(found.get(_RTA_PRIORITY), 0), protocol, body,
            )  # fmt: skip


def dump_request(family: int) -> bytes:
    """Ask for all routes of a family."""
    body = ROUTE.pack(family, 0, 0, 0, 0, 0, 0, 0, 0)
    return netlink.build(_RTM_GETROUTE, netlink.NLM_F_DUMP, body)


def parse_defaults(bodies: Iterable[bytes], names: dict[int, str]) -> Iterator[DefaultRoute]:
    """Pick the default routes out of a dump; a device that has just gone has no name any more."""
    for body in bodies:
        family, to_bits, from_bits, _tos, table, _protocol, _scope, kind, flags = ROUTE.unpack_from(
            body
        )
        if to_bits or from_bits or kind != _RTN_UNICAST or flags & _RTM_F_CLONED:
            continue
        found = netlink.attributes(body[ROUTE.size :])
        if _number(found.get(_RTA_TABLE), table) != _RT_TABLE_MAIN:
            continue
        metric = _number(found.get(_RTA_PRIORITY), 0)
        for index in _interfaces(found):
            ifname = names.get(index, "lo")
            if ifname != "lo":
                yield DefaultRoute(6 if family == socket.AF_INET6 else 4, metric, ifname)


def _interfaces(found: dict[int, bytes]) -> Iterator[int]:
    """Read the device of a route, or of each hop of a multipath one."""
    if _RTA_OIF in found:
        yield _number(found[_RTA_OIF], 0)
    for index, _flags, _found in _hops(found):
        yield index


def _hops(found: dict[int, bytes]) -> Iterator[tuple[int, int, dict[int, bytes]]]:
    """Yield device, flags and attributes of each hop of a multipath route."""
    hops = found.get(_RTA_MULTIPATH, b"")
    while len(hops) >= _NEXT_HOP.size:
        length, flags, _weight, index = _NEXT_HOP.unpack_from(hops)
        yield index, flags, netlink.attributes(hops[_NEXT_HOP.size : length])
        hops = hops[max((length + 3) & ~3, _NEXT_HOP.size) :]


def by_one_hop(body: bytes, index: int) -> bytes:
    """Return a multipath default route as one by its first hop over a device, others as they are.

    Two routers on a network make such a one: NetworkManager adds a route for each, and the kernel
    joins those of IPv6 that are alike but for the gateway. Pure.
    """
    *fields, flags = ROUTE.unpack_from(body)
    found = {} if fields[1] else netlink.attributes(body[ROUTE.size :])
    hop = next((hop for hop in _hops(found) if hop[0] == index), None)
    if hop is None:
        return body
    del found[_RTA_MULTIPATH]
    found |= hop[2] | {_RTA_OIF: struct.pack("=I", index)}
    rows = b"".join(netlink.attribute(kind, value) for kind, value in found.items())
    return ROUTE.pack(*fields, flags | hop[1] & RTNH_F_ONLINK) + rows


def _number(value: bytes | None, default: int) -> int:
    return default if value is None else int(struct.unpack("=I", value)[0])


class RouteEvents:
    """Rings when links, addresses or routes may have changed; what did, one has to look.

    Make it in a running event loop. A burst rings once per wake-up.
    """

    def __init__(self, on_change: Callable[[], None]) -> None:
        self._on_change = on_change
        self._loop = asyncio.get_running_loop()
        self._channel = channel(_GROUPS)
        self._channel.setblocking(False)
        self._loop.add_reader(self._channel, self._drain)

    def close(self) -> None:
        """Stop listening; closing twice is fine."""
        if self._channel.fileno() >= 0:
            self._loop.remove_reader(self._channel)
            self._channel.close()

    def _drain(self) -> None:
        try:
            for _ in range(_AT_ONCE):
                self._channel.recv(1 << 16)
        except BlockingIOError:
            pass  # all read
        except OSError as error:
            if error.errno != errno.ENOBUFS:  # more changes than fit in the socket: a change too
                raise
        self._on_change()


def channel(groups: int = 0) -> socket.socket:
    """Open a socket to the kernel's routing, in these multicast groups (rtnetlink(7))."""
    made = socket.socket(
        socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE
    )
    made.bind((0, groups))
    return made
