"""Forgets what waits for a neighbour's hardware address (rtnetlink(7), RTM_DELNEIGH).

A packet to a router that does not answer ARP or neighbour discovery waits in the kernel, up to 3 s,
behind the guard's hook: it has passed. Were the cable put back meanwhile it would leave by a link
that is guarded by now. Deleting the unresolved neighbour drops its queue, and tells the senders.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable, Iterator

from netswap.adapters import netlink

_RTM_DELNEIGH, _RTM_GETNEIGH = 29, 30
_NUD_INCOMPLETE = 0x01
"""The only state in which packets wait (net/core/neighbour.c, __neigh_event_send)."""
_NDA_DST = 1

_NEIGHBOUR = struct.Struct("=BxxxiHBB")  # ndmsg: family, interface, state, flags, type


def forget_unresolved(ifname: str) -> int:
    """Delete the unresolved neighbours of a link, IPv4 and IPv6; return how many there were.

    Raises OSError if there is no such link or the kernel cannot be asked, PermissionError without
    CAP_NET_ADMIN.
    """
    index = socket.if_nametoindex(ifname)
    with socket.socket(
        socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE
    ) as channel:
        channel.bind((0, 0))
        return sum(_delete(channel, body) for body in unresolved(_dump(channel), index))


def _dump(channel: socket.socket) -> list[bytes]:
    """Ask for the neighbours of both families."""
    body = _NEIGHBOUR.pack(socket.AF_UNSPEC, 0, 0, 0, 0)
    return netlink.ask(channel, netlink.build(_RTM_GETNEIGH, netlink.NLM_F_DUMP, body))


def _delete(channel: socket.socket, body: bytes) -> bool:
    try:
        netlink.ask(channel, delete_request(body))
    except FileNotFoundError:
        return False  # its time was over meanwhile
    return True


def unresolved(bodies: Iterable[bytes], index: int) -> Iterator[bytes]:
    """Pick the neighbours of a device for whose address packets may wait."""
    for body in bodies:
        _family, device, state, _flags, _type = _NEIGHBOUR.unpack_from(body)
        if device == index and state == _NUD_INCOMPLETE:
            yield body


def delete_request(body: bytes) -> bytes:
    """Ask for the end of the neighbour that an answer to a dump tells of."""
    family, device, *_ = _NEIGHBOUR.unpack_from(body)
    address = netlink.attributes(body[_NEIGHBOUR.size :])[_NDA_DST]
    attribute = struct.pack("=HH", 4 + len(address), _NDA_DST) + address
    head = _NEIGHBOUR.pack(family, device, 0, 0, 0)
    return netlink.build(_RTM_DELNEIGH, netlink.NLM_F_ACK, head + attribute)
