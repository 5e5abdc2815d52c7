"""Ends the connections that use an address, so that their owners notice at once (sock_diag(7)).

After a swap a connection bound to the old link's address cannot work any more. Its owner would find
out at its next send, by the guard's reset; one that only reads would wait for minutes. SOCK_DESTROY
wakes it now, with ECONNABORTED.

A socket that is bound to a device belongs to that device, whatever its address. One that is bound
to none is not ended where another device has its address, too: two routers of one make give the
same lease, and nothing tells by which of the two it goes.

Left alone are listening sockets, unconnected UDP sockets, connections within this machine, and the
DHCP clients that keep the address itself alive (NetworkManager's renews through a connected UDP
socket).
"""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from netswap.adapters import netlink

_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY, _SOCK_DESTROY = 20, 21

_SYN_SENT, _TIME_WAIT, _CLOSE, _LISTEN = 2, 6, 7, 10  # net/tcp_states.h
_TIMEWAIT_TIMER = 3  # idiag_timer (sock_diag(7))
_STATES = sum(1 << state for state in range(1, 12) if state not in {_TIME_WAIT, _CLOSE, _LISTEN})
"""Somebody may be waiting. A connected UDP socket counts as established, another as closed."""

_REQUEST = struct.Struct("=BBBBI")  # inet_diag_req_v2 without its id
_ID = struct.Struct("!HH16s16s")  # inet_diag_sockid: ports and addresses; then interface, cookie
_INTERFACE = struct.Struct("=I")  # native, unlike the ports
_ID_SIZE = 48
_REPLY_HEAD = 4  # inet_diag_msg before its id

_DNS_PORTS = {53, 853}
_DHCP_PORTS = {(68, 67), (546, 547)}

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Destroyed:
    """What `destroy` did."""

    ended: int
    supported: bool = True
    """False for a kernel without CONFIG_INET_DIAG_DESTROY, which can end nothing."""


@dataclass(frozen=True, slots=True)
class Connection:
    """One socket with a peer."""

    family: int
    protocol: int
    local: Address
    local_port: int
    peer: Address
    peer_port: int
    device: int
    """The index of that which it is bound to (SO_BINDTODEVICE), 0 if it is to none."""
    raw_id: bytes
    """As the kernel gave it, with the cookie: another socket on the same ports is not meant."""
    closed: bool = False
    """Whether its program is done with it: the kernel remembers it for a while, in FIN_WAIT2 too.
    There is nobody to be told, and before 6.0 Linux answered EOPNOTSUPP to who wanted it ended."""


def destroy(
    address: str, spare: Iterable[str] = (), *, ifname: str = "", shared: bool = False
) -> Destroyed:
    """End TCP and connected UDP sockets with this local address, IPv4-mapped ones included.

    `ifname` is the device that was left, "" where it is gone; what is bound to another one lives
    on. With `shared`, another device has the address too: what is bound to none lives on as well.

    Those with a peer in one of the networks in `spare` live on, but for lookups: the guard refuses
    name servers wherever they are, and a program that waits for one is to ask the next.

    Raises OSError if the kernel cannot be asked, PermissionError without CAP_NET_ADMIN.
    """
    with socket.socket(
        socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_SOCK_DIAG
    ) as channel:
        channel.connect((0, 0))
        ended = 0
        networks = [ip_network(network) for network in spare]
        found = doomed(_connections(channel), ip_address(address), networks)
        names = dict(socket.if_nameindex())
        for connection in over(found, names, ifname, shared=shared):
            try:
                netlink.ask(channel, destroy_request(connection))
            except FileNotFoundError:
                continue  # it ended by itself meanwhile
            except OSError as error:
                if error.errno == errno.EOPNOTSUPP:
                    return Destroyed(ended, supported=False)
                raise
            ended += 1
        return Destroyed(ended)


def connecting(addresses: Collection[str]) -> bool:
    """Tell whether a TCP connection from one of these addresses is about to come about.

    Raises OSError if the kernel cannot be asked.
    """
    wanted = {ip_address(address) for address in addresses}
    with socket.socket(
        socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_SOCK_DIAG
    ) as channel:
        channel.connect((0, 0))
        begun = _connections(channel, (socket.IPPROTO_TCP,), 1 << _SYN_SENT)
        return any(connection.local in wanted for connection in begun)


def _connections(
    channel: socket.socket,
    protocols: Collection[int] = (socket.IPPROTO_TCP, socket.IPPROTO_UDP),
    states: int = _STATES,
) -> list[Connection]:
    found = []
    for family in (socket.AF_INET, socket.AF_INET6):
        for protocol in protocols:
            try:
                bodies = netlink.ask(channel, dump_request(family, protocol, states))
            except FileNotFoundError:
                continue  # the kernel has no diagnostics for this protocol (udp_diag)
            found += [parse_connection(protocol, body) for body in bodies]
    return found


def dump_request(family: int, protocol: int, states: int = _STATES) -> bytes:
    """Ask for all sockets of a kind that have a peer."""
    body = _REQUEST.pack(family, protocol, 0, 0, states) + bytes(_ID_SIZE)
    return netlink.build(_SOCK_DIAG_BY_FAMILY, netlink.NLM_F_DUMP, body)


def destroy_request(connection: Connection) -> bytes:
    """Ask for the end of exactly this socket."""
    head = _REQUEST.pack(connection.family, connection.protocol, 0, 0, _STATES)
    return netlink.build(_SOCK_DESTROY, netlink.NLM_F_ACK, head + connection.raw_id)


def parse_connection(protocol: int, body: bytes) -> Connection:
    """Read one answer to a dump request (inet_diag_msg)."""
    family = body[0]
    raw_id = body[_REPLY_HEAD : _REPLY_HEAD + _ID_SIZE]
    local_port, peer_port, local, peer = _ID.unpack_from(raw_id)
    (device,) = _INTERFACE.unpack_from(raw_id, _ID.size)
    return Connection(
        family, protocol, _address(family, local), local_port, _address(family, peer), peer_port,
        device, raw_id, closed=body[2] == _TIMEWAIT_TIMER,
    )  # fmt: skip


def doomed(
    connections: Iterable[Connection], address: Address, spare: Collection[Network] = ()
) -> list[Connection]:
    """Pick those to end.

    Both ends of a connection within this machine are in the dump: such a one is known by its
    mirror image, or by having one address at both ends.
    """
    known = list(connections)
    ends = {(c.protocol, c.local, c.local_port, c.peer, c.peer_port) for c in known}
    return [
        c
        for c in known
        if c.local == address
        and not c.closed
        and c.local != c.peer
        and not c.peer.is_loopback
        and (c.peer_port in _DNS_PORTS or not any(c.peer in network for network in spare))
        and (c.protocol, c.peer, c.peer_port, c.local, c.local_port) not in ends
        and not (c.protocol == socket.IPPROTO_UDP and (c.local_port, c.peer_port) in _DHCP_PORTS)
    ]


def over(
    connections: Iterable[Connection], names: Mapping[int, str], ifname: str, *, shared: bool
) -> list[Connection]:
    """Pick those that go by a device, or are bound to one that is gone and go nowhere."""
    return [
        c
        for c in connections
        if (names.get(c.device, ifname) == ifname if c.device else not shared)
    ]


def _address(family: int, raw: bytes) -> Address:
    """Read an address; an IPv4 one in an IPv6 socket (::ffff:a.b.c.d) is an IPv4 address."""
    if family == socket.AF_INET:
        return IPv4Address(raw[:4])
    address = IPv6Address(raw)
    return address.ipv4_mapped or address
