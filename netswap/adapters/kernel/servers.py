"""Routes to the servers of VPNs, which are to be reached by the link that carries traffic.

A VPN with a default route in the main table needs a route of its own to its server, by the gateway
that there was when it connected: else its own packets would enter the tunnel. It stays there when
that link is left. So while it is left the same server has a second route, before the VPN's, by the
link that leads. The VPN's own is never touched: without the second one all is as it was found.

What is taken for such a route: one address, by a gateway, or by none where the link's default route
has none (a modem, PPP), made by no part of NetworkManager or the kernel (protocol `boot`), to an
address that is not private, and that only this route keeps out of a device that is no link. Routes
made here bear a protocol number of netswap's own, which NetworkManager leaves alone.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Collection, Iterable, Iterator, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from netswap.adapters import netlink
from netswap.adapters.kernel import ahead, routes
from netswap.adapters.kernel.foreign import BOOT
from netswap.adapters.kernel.routes import Way
from netswap.core.model import Server

PROTOCOL = 111
""""o". Nobody's in iproute2's etc/rt_protos; the neighbour of that of routes by source."""

_PRIVATE = [
    ip_network(network)
    for network in (
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16",
        "127.0.0.0/8", "fc00::/7", "fe80::/10", "::1",
    )
]  # fmt: skip
"""Nobody reaches these by another link (RFC 1918, 6598, 3927, 4193, 4291)."""

_RTM_NEWROUTE, _RTM_DELROUTE = 24, 25
_RTA_DST, _RTA_OIF, _RTA_GATEWAY, _RTA_PRIORITY, _RTA_VIA = 1, 4, 5, 6, 18
"""A gateway of the other family is in RTA_VIA (RFC 5549)."""
_MAIN, _RTN_UNICAST = 254, 1
_LINK = 253
"""The scope of what is reached without a gateway (rtnetlink(7))."""


def servers(ways: Sequence[Way], links: Collection[str]) -> tuple[Server, ...]:
    """Return the servers that have such a route over one of the links, or still one of ours."""
    names = dict(socket.if_nameindex())
    direct = {(way.family, way.index) for way in ways if not (way.bits or way.gateway)}
    hosts: dict[bytes, list[Way]] = {}
    for way in ways:
        if way.host and _to_a_server(way, direct):
            hosts.setdefault(way.destination, []).append(way)
    networks = [way for way in ways if not way.host]
    found = [_server(address, hosts[address], names, networks, links) for address in sorted(hosts)]
    return tuple(server for server in found if server.found or server.own)


def tunnelled(bodies: Iterable[bytes], links: Collection[str]) -> frozenset[bytes]:
    """Return those of these routes that keep one address out of a tunnel, there or not.

    Raises OSError where the kernel cannot be asked.
    """
    with routes.channel() as channel:
        networks = [way for way in routes.ways(routes.dump(channel)) if not way.host]
    names = dict(socket.if_nameindex())
    return frozenset(
        way.body
        for way in routes.ways(bodies)
        if way.host and _tunnelled(_address(way.destination), networks, names, links)
    )


def _to_a_server(way: Way, direct: Collection[tuple[int, int]]) -> bool:
    """Whether it may be one to a server. `direct` are families and devices without a gateway."""
    by_the_link = bool(way.gateway) or (way.family, way.index) in direct
    return way.protocol == PROTOCOL or (way.protocol == BOOT and by_the_link)


def _server(
    packed: bytes,
    hosts: Sequence[Way],
    names: dict[int, str],
    networks: Sequence[Way],
    links: Collection[str],
) -> Server:
    address = _address(packed)
    theirs = next((way for way in hosts if way.protocol == BOOT), None)
    found = names.get(theirs.index, "") if theirs else ""
    if found not in links or _private(address) or not _tunnelled(address, networks, names, links):
        found = ""
    first = min(hosts, key=lambda way: way.metric)  # of two alike, the kernel's first
    ours = first.protocol == PROTOCOL
    return Server(str(address), names.get(first.index, "") if ours else found, found, own=ours)


def _private(address: IPv4Address | IPv6Address) -> bool:
    return any(address in network for network in _PRIVATE)


def _tunnelled(
    address: IPv4Address | IPv6Address,
    networks: Sequence[Way],
    names: dict[int, str],
    links: Collection[str],
) -> bool:
    """Whether it would go by a device that is no link, if it had no route to itself."""
    covering = [way for way in networks if _covers(way, address)]
    best = min(covering, key=lambda way: (-way.bits, way.metric), default=None)
    return best is not None and names.get(best.index, "lo") not in links


def _covers(way: Way, address: IPv4Address | IPv6Address) -> bool:
    size = address.max_prefixlen
    if way.family != (socket.AF_INET if size == 32 else socket.AF_INET6):
        return False
    network = int.from_bytes(way.destination) if way.destination else 0
    return int(address) >> (size - way.bits) == network >> (size - way.bits)


def reach(address: str, ifname: str) -> None:
    """Have a server reached by a link; by the VPN's own route, where that is by this link, or "".

    Raises OSError where the kernel refuses, LookupError where there can be no such route.
    """
    packed = ip_address(address).packed
    with routes.channel() as channel:
        bodies = routes.dump(channel)
        hosts = [way for way in routes.ways(bodies) if way.host and way.destination == packed]
        own = [way for way in hosts if way.protocol == PROTOCOL]
        wanted = list(_wanted(hosts, bodies, ifname))
        for way in own:
            _delete(channel, ahead.with_metric(way.body, way.metric))
        flags = netlink.NLM_F_ACK | netlink.NLM_F_CREATE  # before one of the same metric
        for body in wanted:
            netlink.ask(channel, netlink.build(_RTM_NEWROUTE, flags, body))


def _wanted(hosts: Sequence[Way], bodies: list[bytes], ifname: str) -> Iterator[bytes]:
    names = dict(socket.if_nameindex())
    theirs = next((way for way in hosts if way.protocol == BOOT), None)
    if theirs is None or not ifname or names.get(theirs.index) == ifname:
        return
    index = socket.if_nametoindex(ifname)
    family = [routes.by_one_hop(body, index) for body in bodies if body[0] == theirs.family]
    standing = min(ahead.over(ifname, family), default=None)
    if standing is None:
        raise LookupError(f"{ifname} has no default route")
    if theirs.family == socket.AF_INET6 and theirs.metric == 1:  # 0 would be 1024
        raise LookupError("nothing goes before a route of metric 1")
    yield second(theirs, standing[1])


def second(theirs: Way, default: bytes) -> bytes:
    """Return the route to the same host by the gateway of a default route. Pure.

    In IPv4 a new route goes before one of the same metric; in IPv6 they would share the load.
    """
    *_, flags = routes.ROUTE.unpack_from(default)
    led = netlink.attributes(default[routes.ROUTE.size :])
    metric = theirs.metric - (theirs.family == socket.AF_INET6)
    gateway = {kind: led[kind] for kind in (_RTA_GATEWAY, _RTA_VIA) if kind in led}
    asked = {
        _RTA_DST: theirs.destination,
        _RTA_OIF: led[_RTA_OIF],
        **gateway,
        _RTA_PRIORITY: struct.pack("=I", metric),
    }
    rows = b"".join(netlink.attribute(kind, value) for kind, value in asked.items())
    scope = 0 if gateway else _LINK
    bits = len(theirs.destination) * 8
    head = routes.ROUTE.pack(
        theirs.family, bits, 0, 0, _MAIN, PROTOCOL, scope, _RTN_UNICAST,
        flags & routes.RTNH_F_ONLINK,
    )  # fmt: skip
    return head + rows


def _delete(channel: socket.socket, body: bytes) -> None:
    try:
        netlink.ask(channel, netlink.build(_RTM_DELROUTE, netlink.NLM_F_ACK, body))
    except OSError as error:
        if error.errno not in ahead.GONE:
            raise


def _address(packed: bytes) -> IPv4Address | IPv6Address:
    return IPv4Address(packed) if len(packed) == 4 else IPv6Address(packed)
