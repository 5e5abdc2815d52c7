"""Routes by source: what a link's own addresses send leaves by that link, whichever leads.

Where connections over a link may go on after the traffic has moved, their packets would follow the
new default route with the old link's address, and an ISP that filters sources drops them (RFC
2827). For each such link there is a table of its own with a copy of its default routes, and two
rules for each of its addresses: first all routes of the main table but the defaults, so that
networks, containers and split tunnels are reached as ever, then that table.

IPv6 has a last default route there that leads nowhere. NetworkManager takes the link's own away for
some seconds just then (docs/facts.md, N5), and the copy goes with it. Sent by another link a packet
would be lost, or refused and the connection end; so it waits, and is sent again.

A program that is bound to no address has none yet when the kernel looks for its route, so no rule
matches: only what has a source already is held to it. Where the default route in use is not one of
our links', as that of a VPN in the main table, nothing of that family is held.

All that is made here bears a protocol number of netswap's own. That is how what a dead netswapd
left is known.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Collection, Iterable, Iterator, Mapping

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
_RTM_NEWRULE, _RTM_DELRULE, _RTM_GETRULE = 32, 33, 34
_RTA_OIF, _RTA_PRIORITY, _RTA_TABLE, _RTA_PREF = 4, 6, 15, 20
_RTN_UNREACHABLE = 7
_LOOPBACK = 1
"""The index of lo, everywhere."""
_FRA_SRC, _FRA_PRIORITY, _FRA_SUPPRESS_PREFIXLEN, _FRA_TABLE, _FRA_PROTOCOL = 2, 6, 14, 15, 21
_FR_ACT_TO_TBL = 1
_MAIN = 254
_NO_LIMIT = 2**32 - 1
_METRIC, _LAST = 1024, 2**32 - 1
"""Each has a table to itself: any number would do, but that what leads nowhere comes last."""
_FAMILIES = (socket.AF_INET, socket.AF_INET6)

Rule = tuple[int, bytes, int, int]
"""Family, source address, table, and up to which prefix length its routes do not count."""


def hold(links: Mapping[str, Collection[str]], ours: Collection[str]) -> None:
    """Have exactly these links' addresses held to their links; what stands for others goes.

    `ours` are all links. Nothing is done where nothing differs. A link that is gone holds nothing,
    and one without an IPv4 default route no IPv4. Raises OSError where the kernel refuses, as one
    without policy routing does.
    """
    with routes.channel() as channel:
        _make_so(channel, *_wanted(channel, links, {*links, *ours}))


def _wanted(
    channel: socket.socket, links: Mapping[str, Collection[str]], ours: Collection[str]
) -> tuple[list[Rule], list[bytes]]:
    names = dict(socket.if_nameindex())
    rules: list[Rule] = []
    ways: list[bytes] = []
    for family in _FAMILIES:
        bodies = netlink.ask(channel, routes.dump_request(family))
        leader = min(routes.parse_defaults(bodies, names), default=None)
        if leader and leader.ifname not in ours:
            continue
        for index, ifname in names.items():
            if ifname not in links:
                continue  # there may be thousands
            needed = list(_rules(family, links.get(ifname, ()), TABLES + index))
            single = [routes.by_one_hop(body, index) for body in bodies]
            there = list(_ways(family, TABLES + index, ahead.over(ifname, single)))
            if needed and there:
                rules += needed
                ways += there
    return rules, ways


def _ways(family: int, table: int, standing: Iterable[tuple[int, bytes]]) -> Iterator[bytes]:
    """Yield what is to stand in a link's table."""
    if best := min(standing, default=None):
        yield in_table(best[1], table, _METRIC)
    if family == socket.AF_INET6:
        yield nowhere(table)


def _rules(family: int, sources: Collection[str], table: int) -> Iterator[Rule]:
    for source in sorted(sources):
        if (":" in source) == (family == socket.AF_INET6):
            packed = socket.inet_pton(family, source)
            yield family, packed, _MAIN, 0
            yield family, packed, table, _NO_LIMIT


def _make_so(channel: socket.socket, rules: list[Rule], ways: list[bytes]) -> None:
    """Routes first, for what is to go by them; rules first, for what is to do so no more."""
    standing, there = _own_rules(channel), _own_routes(channel)
    _delete(channel, _RTM_DELRULE, [rule_body(rule) for rule in standing if rule not in rules])
    _delete(channel, _RTM_DELROUTE, [body for body in there if body not in ways])
    _create(channel, _RTM_NEWROUTE, [body for body in ways if body not in there])
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
        and _number(_found(body)[_RTA_TABLE]) > TABLES  # in others it is somebody else's number
    )
    return [_as_it_stands(body) for body in bodies]


def _as_it_stands(body: bytes) -> bytes:
    found = _found(body)
    return in_table(body, _number(found[_RTA_TABLE]), _number(found[_RTA_PRIORITY]))


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


def in_table(body: bytes, table: int, metric: int) -> bytes:
    """Return the route of a dump as it is to be asked for in a table, as one of ours. Pure."""
    asked = ahead.with_metric(body, metric)
    family, to, source, tos, _table, _protocol, *rest = routes.ROUTE.unpack_from(asked)
    found = _found(asked)
    found[_RTA_TABLE] = struct.pack("=I", table)
    rows = b"".join(netlink.attribute(kind, found[kind]) for kind in sorted(found))
    return routes.ROUTE.pack(family, to, source, tos, 0, PROTOCOL, *rest) + rows


def nowhere(table: int) -> bytes:
    """Return an IPv6 default route that is the last in a table, and leads nowhere. Pure."""
    found = {
        _RTA_OIF: struct.pack("=I", _LOOPBACK),
        _RTA_PRIORITY: struct.pack("=I", _LAST),
        _RTA_TABLE: struct.pack("=I", table),
        _RTA_PREF: b"\0",
    }
    rows = b"".join(netlink.attribute(kind, value) for kind, value in found.items())
    head = (socket.AF_INET6, 0, 0, 0, 0, PROTOCOL, 0, _RTN_UNREACHABLE, 0)
    return routes.ROUTE.pack(*head) + rows


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
