"""Routes by source: what a link's own addresses send leaves by that link, whichever leads.

Where connections over a link may go on after the traffic has moved, their packets would follow the
new default route with the old link's address, and an ISP that filters sources drops them (RFC
2827). For each such link there is a table of its own with a copy of its default routes, and two
rules for each of its addresses: first all routes of the main table but the defaults, so that
networks, containers and split tunnels are reached as ever, then that table.

A program that is bound to no address has none yet when the kernel looks for its route, so no rule
matches: only what has a source already is held to it.

All that is made here bears a protocol number of netswap's own. That is how what a dead netswapd
left is known.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Collection, Iterator, Mapping

from netswap.adapters import netlink
from netswap.adapters.kernel import ahead, routes

PROTOCOL = 110
""""n". Nobody's in iproute2's etc/rt_protos."""
TABLES = 0x6E730000
""""ns". A link's table is this plus its index."""
PREFERENCE = 32765
"""The last before the main table's rule, 32766; of rules alike the older goes first.

So every VPN's rules go before these: those of strongSwan (220), Tailscale (5210 to 5270), and of
all that let the kernel choose, which gives them one less than the lowest there is (wg-quick).
"""

_RTM_NEWROUTE, _RTM_DELROUTE = 24, 25
_RTM_GETADDR = 22
_RTM_NEWRULE, _RTM_DELRULE, _RTM_GETRULE = 32, 33, 34
_RTA_TABLE = 15
_FRA_SRC, _FRA_PRIORITY, _FRA_SUPPRESS_PREFIXLEN, _FRA_TABLE, _FRA_PROTOCOL = 2, 6, 14, 15, 21
_FR_ACT_TO_TBL = 1
_MAIN = 254
_NO_LIMIT = 2**32 - 1
_METRIC = 1024
"""Each has a table to itself: any number would do."""
_UNIVERSE = 0

_ADDRESS = struct.Struct("=BBBBI")  # ifaddrmsg: family, prefix length, flags, scope, interface
_IFA_ADDRESS, _IFA_LOCAL = 1, 2
_FAMILIES = (socket.AF_INET, socket.AF_INET6)

Rule = tuple[int, bytes, int, int]
"""Family, source address, table, and up to which prefix length its routes do not count."""


def addresses(ifname: str) -> frozenset[str]:
    """Return the addresses of a device that are good beyond its own network; none if it is gone.

    Raises OSError where the kernel cannot be asked.
    """
    with routes.channel() as channel:
        request = netlink.build(_RTM_GETADDR, netlink.NLM_F_DUMP, _ADDRESS.pack(0, 0, 0, 0, 0))
        bodies = netlink.ask(channel, request)
    return frozenset(_parse_addresses(ifname, bodies))


def _parse_addresses(ifname: str, bodies: list[bytes]) -> Iterator[str]:
    names = dict(socket.if_nameindex())
    for body in bodies:
        family, _bits, _flags, scope, index = _ADDRESS.unpack_from(body)
        if family in _FAMILIES and scope == _UNIVERSE and names.get(index) == ifname:
            found = netlink.attributes(body[_ADDRESS.size :])
            yield socket.inet_ntop(family, found.get(_IFA_LOCAL, found[_IFA_ADDRESS]))


def hold(links: Mapping[str, Collection[str]]) -> None:
    """Have exactly these links' addresses held to their links; what stands for others goes.

    Nothing is done where nothing differs. A link without a default route, or that is gone, holds
    nothing. Raises OSError where the kernel refuses, as one without policy routing does.
    """
    with routes.channel() as channel:
        _make_so(channel, *_wanted(channel, links))


def _wanted(
    channel: socket.socket, links: Mapping[str, Collection[str]]
) -> tuple[list[Rule], list[bytes]]:
    indices = {name: index for index, name in socket.if_nameindex()}
    rules: list[Rule] = []
    copies: list[bytes] = []
    for ifname in links.keys() & indices.keys():
        table = TABLES + indices[ifname]
        for family in _FAMILIES:
            bodies = netlink.ask(channel, routes.dump_request(family))
            if standing := min(ahead.over(ifname, bodies), default=None):
                copies.append(in_table(standing[1], table))
                rules += _rules(family, links[ifname], table)
    return rules, copies


def _rules(family: int, sources: Collection[str], table: int) -> Iterator[Rule]:
    for source in sorted(sources):
        if (":" in source) == (family == socket.AF_INET6):
            packed = socket.inet_pton(family, source)
            yield family, packed, _MAIN, 0
            yield family, packed, table, _NO_LIMIT


def _make_so(channel: socket.socket, rules: list[Rule], copies: list[bytes]) -> None:
    """Routes first, for what is to go by them; rules first, for what is to do so no more."""
    standing, there = _own_rules(channel), _own_routes(channel)
    _delete(channel, _RTM_DELRULE, [rule_body(rule) for rule in standing if rule not in rules])
    _delete(channel, _RTM_DELROUTE, [body for body in there if body not in copies])
    _create(channel, _RTM_NEWROUTE, [body for body in copies if body not in there])
    _create(channel, _RTM_NEWRULE, [rule_body(rule) for rule in rules if rule not in standing])


def _own_rules(channel: socket.socket) -> list[Rule]:
    head = routes.ROUTE.pack(0, 0, 0, 0, 0, 0, 0, 0, 0)
    bodies = netlink.ask(channel, netlink.build(_RTM_GETRULE, netlink.NLM_F_DUMP, head))
    parsed = (netlink.attributes(body[routes.ROUTE.size :]) for body in bodies)
    return [
        (body[0], found[_FRA_SRC], _number(found[_FRA_TABLE]), _limit(found))
        for body, found in zip(bodies, parsed, strict=True)
        if found.get(_FRA_PROTOCOL) == bytes([PROTOCOL]) and _FRA_SRC in found
    ]


def _limit(found: dict[int, bytes]) -> int:
    return _number(found.get(_FRA_SUPPRESS_PREFIXLEN, b"\xff" * 4))


def _own_routes(channel: socket.socket) -> list[bytes]:
    bodies = (
        body
        for family in _FAMILIES
        for body in netlink.ask(channel, routes.dump_request(family))
        if routes.ROUTE.unpack_from(body)[5] == PROTOCOL
    )
    return [in_table(body, _number(_found(body)[_RTA_TABLE])) for body in bodies]


def _found(body: bytes) -> dict[int, bytes]:
    return netlink.attributes(body[routes.ROUTE.size :])


def _create(channel: socket.socket, kind: int, bodies: list[bytes]) -> None:
    flags = netlink.NLM_F_ACK | netlink.NLM_F_CREATE | netlink.NLM_F_EXCL
    for body in bodies:
        netlink.ask(channel, netlink.build(kind, flags, body))


def _delete(channel: socket.socket, kind: int, bodies: list[bytes]) -> None:
    for body in bodies:
        try:
            netlink.ask(channel, netlink.build(kind, netlink.NLM_F_ACK, body))
        except OSError as error:
            if error.errno not in ahead.GONE:
                raise


def in_table(body: bytes, table: int) -> bytes:
    """Return the route of a dump as it is to be asked for in a table, as one of ours. Pure."""
    asked = ahead.with_metric(body, _METRIC)
    family, to, source, tos, _table, _protocol, *rest = routes.ROUTE.unpack_from(asked)
    found = _found(asked)
    found[_RTA_TABLE] = struct.pack("=I", table)
    rows = b"".join(netlink.attribute(kind, found[kind]) for kind in sorted(found))
    return routes.ROUTE.pack(family, to, source, tos, 0, PROTOCOL, *rest) + rows


def rule_body(rule: Rule) -> bytes:
    """Return a rule as it is to be asked for (linux/fib_rules.h). Pure."""
    family, source, table, limit = rule
    numbers = ((_FRA_PRIORITY, PREFERENCE), (_FRA_TABLE, table), (_FRA_SUPPRESS_PREFIXLEN, limit))
    rows = [netlink.attribute(_FRA_SRC, source)]
    rows += [netlink.attribute(kind, struct.pack("=I", number)) for kind, number in numbers]
    rows += [netlink.attribute(_FRA_PROTOCOL, bytes([PROTOCOL]))]
    head = routes.ROUTE.pack(family, 0, len(source) * 8, 0, 0, 0, 0, _FR_ACT_TO_TBL, 0)
    return head + b"".join(rows)


def _number(value: bytes) -> int:
    return int(struct.unpack("=I", value)[0])
