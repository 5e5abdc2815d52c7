"""Which devices have which address: two routers of one make give the same lease (rtnetlink(7))."""

from __future__ import annotations

import socket
import struct
from collections.abc import Collection, Iterable, Iterator

from netswap.adapters import netlink
from netswap.adapters.kernel import routes

_RTM_GETADDR = 22
_ADDRESS = struct.Struct("=BBBBI")  # ifaddrmsg: family, prefix length, flags, scope, interface
_IFA_ADDRESS, _IFA_LOCAL = 1, 2
_UNIVERSE = 0
_FAMILIES = (socket.AF_INET, socket.AF_INET6)


def shared(addresses: Collection[str], ifname: str) -> frozenset[str]:
    """Return which of these addresses another device than this one has, too.

    `ifname` is "" for a device that is gone. Raises OSError where the kernel cannot be asked.
    """
    with routes.channel() as channel:
        request = netlink.build(_RTM_GETADDR, netlink.NLM_F_DUMP, _ADDRESS.pack(0, 0, 0, 0, 0))
        bodies = netlink.ask(channel, request)
    names = dict(socket.if_nameindex())
    return frozenset(
        address
        for address, index in parse(bodies)
        if address in addresses and names.get(index, ifname) != ifname
    )


def parse(bodies: Iterable[bytes]) -> Iterator[tuple[str, int]]:
    """Yield addresses that are good beyond their own network, and the index of their device."""
    for body in bodies:
        family, _bits, _flags, scope, index = _ADDRESS.unpack_from(body)
        if family in _FAMILIES and scope == _UNIVERSE:
            found = netlink.attributes(body[_ADDRESS.size :])
            known = found.get(_IFA_LOCAL) or found.get(_IFA_ADDRESS)  # no peer: neither if it is 0
            if known:
                yield socket.inet_ntop(family, known), index
