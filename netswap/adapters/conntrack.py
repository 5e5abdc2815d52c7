"""Forgets forwarded connections that were translated to an address, so that they start afresh.

Containers, virtual machines and devices behind this computer share its address (NAT). The kernel
remembers for each of their connections which address that is (connection tracking). After a swap a
remembered one would go on with the address of the link that was left, over another link, where no
answer can come back. Forgotten, its next packet makes a new entry with the new link's address: a
stream of UDP goes on, and TCP gets the reset of a server that does not know it.

Nothing is asked, and no kernel module is loaded for the question, where no connection is tracked.
"""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from pathlib import Path

from netswap.adapters import netlink

_NETLINK_NETFILTER = 12
_CTNETLINK = 1 << 8  # NFNL_SUBSYS_CTNETLINK
_GET, _DELETE = _CTNETLINK | 1, _CTNETLINK | 2  # IPCTNL_MSG_CT_GET, IPCTNL_MSG_CT_DELETE
_HEAD = struct.Struct("!BBH")  # nfgenmsg: family, version, resource

_TUPLE_ORIG, _TUPLE_REPLY, _ID, _ZONE = 1, 2, 12, 18  # ctattr_type
_TUPLE_IP = 1  # ctattr_tuple
_SOURCES, _DESTINATIONS = (1, 3), (2, 4)  # ctattr_ip: of IPv4, of IPv6

_COUNT = Path("/proc/sys/net/netfilter/nf_conntrack_count")
"""How many connections this network namespace tracks; it is not there without nf_conntrack."""

_KEPT = frozenset({errno.ENOENT, errno.EBUSY})
"""It ended by itself meanwhile; or a flowtable has it, and the kernel, an older one, keeps it."""

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Flow:
    """One tracked connection: the way of its first packet, and the way its answers come."""

    family: int
    source: Address
    destination: Address
    answerer: Address
    """Where answers come from: the destination, unless that was translated."""
    answered: Address
    """Where answers go to: the source, unless that was translated."""
    raw_id: bytes
    """What names exactly this entry: another one with the same addresses and ports is not meant."""


def forget(addresses: Collection[str], spare: Iterable[str] = ()) -> int:
    """Forget forwarded connections that use one of these addresses; return how many.

    Those with a peer in one of the networks in `spare` are kept.

    Raises OSError if the kernel cannot be asked, PermissionError without CAP_NET_ADMIN.
    """
    if not tracked():
        return 0
    ours = [ip_address(address) for address in addresses]
    networks = [ip_network(network) for network in spare]
    with socket.socket(
        socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_NETFILTER
    ) as channel:
        channel.connect((0, 0))
        flows = parse_flows(_dump(channel), ours)
        return sum(delete(channel, flow) for flow in doomed(flows, ours, networks))


def tracked(count: Path = _COUNT) -> bool:
    """Whether any connection is tracked here; netlink would load a module for the question."""
    try:
        return int(count.read_text()) > 0
    except FileNotFoundError:
        return False


def _dump(channel: socket.socket) -> list[bytes]:
    try:
        return netlink.ask(channel, dump_request())
    except OSError as error:
        if error.errno == errno.EINVAL:  # a kernel without CONFIG_NF_CT_NETLINK
            return []
        raise


def delete(channel: socket.socket, flow: Flow) -> bool:
    """Forget one; return whether that was done. Raises OSError if the kernel cannot be asked."""
    try:
        netlink.ask(channel, delete_request(flow))
    except OSError as error:
        if error.errno not in _KEPT:
            raise
        return False
    return True


def dump_request() -> bytes:
    """Ask for every tracked connection, of both families."""
    return netlink.build(_GET, netlink.NLM_F_DUMP, _HEAD.pack(socket.AF_UNSPEC, 0, 0))


def delete_request(flow: Flow) -> bytes:
    """Ask for the end of exactly this entry."""
    return netlink.build(_DELETE, netlink.NLM_F_ACK, _HEAD.pack(flow.family, 0, 0) + flow.raw_id)


def parse_flows(bodies: Iterable[bytes], ours: Iterable[Address]) -> Iterator[Flow]:
    """Read the answers to a dump request in which one of these addresses is to be found.

    A router tracks many thousands; most are not even taken apart.
    """
    needles = [address.packed for address in ours]
    for body in bodies:
        if any(needle in body for needle in needles):
            yield _parse_flow(body)


def _parse_flow(body: bytes) -> Flow:
    found = netlink.attributes(body[_HEAD.size :])
    named = [kind for kind in (_TUPLE_ORIG, _ID, _ZONE) if kind in found]
    raw_id = b"".join(netlink.attribute(kind, found[kind]) for kind in named)
    return Flow(body[0], *_ends(found[_TUPLE_ORIG]), *_ends(found[_TUPLE_REPLY]), raw_id)


def _ends(value: bytes) -> tuple[Address, Address]:
    """Read source and destination of a tuple."""
    ip = netlink.attributes(netlink.attributes(value)[_TUPLE_IP])
    source, destination = (
        next(ip_address(ip[kind]) for kind in kinds if kind in ip)
        for kinds in (_SOURCES, _DESTINATIONS)
    )
    return source, destination


def doomed(
    flows: Iterable[Flow], ours: Collection[Address], spare: Collection[Network] = ()
) -> list[Flow]:
    """Pick those to forget: translated to one of our addresses, or from one of them inwards."""
    return [
        flow
        for flow in flows
        if (peer := _peer(flow, ours)) and not any(peer in network for network in spare)
    ]


def _peer(flow: Flow, ours: Collection[Address]) -> Address | None:
    """Return the far end of a forwarded connection by one of our addresses; None for others.

    This computer's own connections are not translated. A connection from one container to another
    by way of our address never leaves; it is known by being translated at both ends.
    """
    if flow.source in ours:
        return None
    if flow.answered in ours:
        return flow.answerer
    inwards = flow.destination in ours and flow.answerer not in ours
    return flow.source if inwards and flow.answered == flow.source else None
