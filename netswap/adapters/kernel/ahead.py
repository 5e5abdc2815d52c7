"""A default route in the kernel ahead of NetworkManager, so that a swap waits for nobody.

NetworkManager's Reapply restarts DHCP before it commits a route: 10 to 30 ms during which a
computer with a dead link stays offline, or connections go on being made over a link that is about
to be left, and for ever where NetworkManager hangs. What is made here is a copy of NetworkManager's
own route, alike but for the metric: the very route that the Reapply is about to make, and that
NetworkManager then takes for its own. IPv4 only.

Where NetworkManager refuses, or does not answer, the copy stays: offline would be worse. It is then
for whoever made it to take it away again.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import struct
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from netswap.adapters import netlink
from netswap.adapters.kernel import routes

_RTM_NEWROUTE, _RTM_DELROUTE = 24, 25
_RTA_PRIORITY, _RTA_CACHEINFO, _RTA_EXPIRES = 6, 12, 23
_TICKS = os.sysconf("SC_CLK_TCK")
"""In which the kernel tells times, each second."""
GONE = frozenset({errno.ENOENT, errno.ESRCH, errno.ENODEV})
"""What the kernel says where there is nothing to be deleted (any more)."""


@dataclass(frozen=True, slots=True)
class Ahead:
    """A route that was added, in place of others or beside them."""

    metric: int
    body: bytes
    replaced: tuple[bytes, ...] = ()
    """NetworkManager's own, which are gone."""
    beside: frozenset[int] = frozenset()
    """Metrics of the link's other default routes, which stayed."""
    leads: bool = False
    """Whether it goes before those of all other links."""


def lower(ifname: str, metric: int, links: Collection[str] = ()) -> Ahead | None:
    """Let a link's IPv4 default route stand at a lower metric, beside where it stands now.

    It goes before a route of the same metric by one of `links`, and by no other device. Returns
    None where there is nothing to be done: it stands as low, or has no such route. Raises OSError
    where the kernel refuses, or another device has the metric.
    """
    with routes.channel() as channel:
        bodies = netlink.ask(channel, routes.dump_request(socket.AF_INET))
        standing = min(over(ifname, bodies), default=None)
        if standing is None or standing[0] <= metric:
            return None
        others = [r for r in routes.defaults(bodies) if r.ifname != ifname]
        rivals = {r.ifname for r in others if r.metric == metric}
        body = with_metric(standing[1], metric)
        _make(channel, body, 0 if rivals <= set(links) else netlink.NLM_F_EXCL)
    leads = all(r.metric >= metric for r in others if r.ifname in links)
    return Ahead(metric, body, leads=leads)


def higher(ifname: str, metric: int) -> Ahead | None:
    """Let the IPv4 default route of the link that leads stand at a higher metric, not where it is.

    What leads it all, such as a VPN, does not count. Returns None where there is nothing to be
    done: it does not lead, or would still lead there. Raises OSError where the kernel refuses.
    """
    with routes.channel() as channel:
        bodies = netlink.ask(channel, routes.dump_request(socket.AF_INET))
        standing = sorted(over(ifname, bodies))
        others = [r.metric for r in routes.defaults(bodies) if r.ifname != ifname]
        rivals = [other for other in others if standing and standing[0][0] <= other < metric]
        if not rivals:
            return None
        body = with_metric(standing[0][1], metric)
        if metric not in dict(standing):
            _make(channel, body)
        low = tuple(with_metric(route, at) for at, route in standing if at <= min(rivals))
        for route in low:
            _delete(channel, route)
    stay = frozenset(at for at, _ in standing if at > min(rivals))
    return Ahead(metric, body, low, stay)


def withdraw(ahead: Ahead) -> None:
    """Take it away again; one that is gone is fine. Raises OSError where the kernel refuses.

    What it replaced is put back before, unless NetworkManager has made another one meanwhile. The
    only default route over its link is left: it is NetworkManager's own by now, to which somebody
    else gave that metric after it had refused us.
    """
    with routes.channel() as channel:
        if _others(channel, ahead) <= ahead.beside:
            for body in ahead.replaced:
                with contextlib.suppress(OSError):  # it is there again, or its link is not
                    _make(channel, body)
        if _others(channel, ahead):
            _delete(channel, ahead.body)


def _others(channel: socket.socket, ahead: Ahead) -> set[int]:
    """Return the metrics of the other default routes over its link."""
    bodies = netlink.ask(channel, routes.dump_request(socket.AF_INET))
    links = (route.ifname for route in routes.defaults([ahead.body]))
    return {metric for link in links for metric, _ in over(link, bodies)} - {ahead.metric}


def _make(channel: socket.socket, body: bytes, more: int = 0) -> None:
    """Add a route, before those of the same metric that lead by other links."""
    flags = netlink.NLM_F_ACK | netlink.NLM_F_CREATE | more
    netlink.ask(channel, netlink.build(_RTM_NEWROUTE, flags, body))


def _delete(channel: socket.socket, body: bytes) -> None:
    try:
        netlink.ask(channel, netlink.build(_RTM_DELROUTE, netlink.NLM_F_ACK, body))
    except OSError as error:
        if error.errno not in GONE:
            raise


def over(ifname: str, bodies: list[bytes]) -> Iterator[tuple[int, bytes]]:
    """Yield metric and body of the default routes over this link alone."""
    names = dict(socket.if_nameindex())
    for body in bodies:
        found = list(routes.parse_defaults([body], names))
        if [route.ifname for route in found] == [ifname]:
            yield found[0].metric, body


def with_metric(body: bytes, metric: int) -> bytes:
    """Return the route of a dump as it is to be asked for, with another metric. Pure.

    One that is to expire tells its time left in rta_cacheinfo (linux/rtnetlink.h), and is asked for
    with another attribute.
    """
    head = routes.ROUTE.size
    *fields, flags = routes.ROUTE.unpack_from(body)
    found = netlink.attributes(body[head:])
    _, _, left = struct.unpack_from("=IIi", found.pop(_RTA_CACHEINFO, bytes(12)))
    if left > 0:
        found[_RTA_EXPIRES] = struct.pack("=I", max(1, left // _TICKS))
    found[_RTA_PRIORITY] = struct.pack("=I", metric)
    rows = b"".join(netlink.attribute(kind, value) for kind, value in found.items())
    return routes.ROUTE.pack(*fields, flags & routes.RTNH_F_ONLINK) + rows
