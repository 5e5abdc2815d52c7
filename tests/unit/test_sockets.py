"""Which connections end, decided without a kernel."""

from __future__ import annotations

import socket
import struct
from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest

from netswap.adapters import netlink
from netswap.adapters.sockets import (
    Connection,
    destroy_request,
    doomed,
    dump_request,
    over,
    parse_connection,
)

HERE = ip_address("198.51.100.2")


def connection(
    local: str = "198.51.100.2",
    peer: str = "203.0.113.9",
    ports: tuple[int, int] = (40000, 443),
    protocol: int = socket.IPPROTO_TCP,
) -> Connection:
    return Connection(
        socket.AF_INET, protocol, ip_address(local), ports[0], ip_address(peer), ports[1],
        device=0, raw_id=bytes(48),
    )  # fmt: skip


@pytest.mark.parametrize("protocol", [socket.IPPROTO_TCP, socket.IPPROTO_UDP])
def test_a_connection_from_the_address_ends(protocol: int) -> None:
    ours = connection(protocol=protocol)

    assert doomed([ours, connection(local="198.51.100.3")], HERE) == [ours]


def test_a_connection_within_this_machine_lives() -> None:
    server = connection(local="198.51.100.3", peer="198.51.100.2", ports=(443, 40000))
    client = connection(peer="198.51.100.3")
    to_itself = connection(peer="198.51.100.2")
    loopback = connection(peer="127.0.0.1")

    assert not doomed([server, client, to_itself, loopback], HERE)
    assert doomed([client], HERE) == [client]


def test_what_is_closed_is_left_to_the_kernel_and_still_tells_who_is_within() -> None:
    closed = replace(connection(), closed=True)
    mirror = connection(local="203.0.113.9", peer="198.51.100.2", ports=(443, 40000))

    assert not doomed([closed], HERE)
    assert not doomed([closed, mirror], mirror.local)


@pytest.mark.parametrize("port", [53, 853])
def test_a_lookup_is_not_spared(port: int) -> None:
    """Whoever waits for a name server that cannot be reached any more is to ask the next one."""
    near = [ip_network("203.0.113.0/24")]
    lookup = connection(ports=(40000, port), protocol=socket.IPPROTO_UDP)

    assert doomed([connection(), lookup], HERE, near) == [lookup]


@pytest.mark.parametrize("ports", [(68, 67), (546, 547)])
def test_the_dhcp_client_lives(ports: tuple[int, int]) -> None:
    renewal = connection(ports=ports, protocol=socket.IPPROTO_UDP)
    no_dhcp = replace(renewal, protocol=socket.IPPROTO_TCP)

    assert doomed([renewal, no_dhcp], HERE) == [no_dhcp]


@pytest.mark.parametrize(
    ("ifname", "shared", "ends"),
    [
        ("cable0", False, ["unbound", "cable0", "vanished"]),
        ("cable0", True, ["cable0", "vanished"]),
        ("", False, ["unbound", "vanished"]),
        ("", True, ["vanished"]),
    ],
)
def test_what_is_bound_goes_by_its_device_alone(
    ifname: str, ends: list[str], *, shared: bool
) -> None:
    """And what is bound to none goes by any that has its address."""
    names = {7: "cable0", 8: "tether0"}
    bound = {"unbound": 0, "cable0": 7, "tether0": 8, "vanished": 9}
    made = {name: replace(connection(), device=index) for name, index in bound.items()}
    assert over(made.values(), names, ifname, shared=shared) == [made[name] for name in ends]


@pytest.mark.parametrize(
    ("family", "local", "expected"),
    [
        (socket.AF_INET, "198.51.100.2", "198.51.100.2"),
        (socket.AF_INET6, "2001:db8::2", "2001:db8::2"),
        (socket.AF_INET6, "::ffff:198.51.100.2", "198.51.100.2"),
    ],
)
def test_an_answer_is_read(family: int, local: str, expected: str) -> None:
    packed = socket.inet_pton(family, local).ljust(16, b"\0")
    raw_id = (
        struct.pack("!HH16s16s", 40000, 443, packed, packed) + struct.pack("=I", 7) + b"COOKIE42"
    )
    read = parse_connection(socket.IPPROTO_TCP, bytes([family, 1, 0, 0]) + raw_id + bytes(20))

    assert (read.local, read.local_port) == (ip_address(expected), 40000)
    assert (read.peer, read.peer_port) == (ip_address(expected), 443)
    assert read.device == 7
    assert destroy_request(read).endswith(raw_id)


def test_only_sockets_with_a_peer_are_asked_for() -> None:
    (message,) = netlink.parse(dump_request(socket.AF_INET, socket.IPPROTO_TCP))
    family, protocol, _ext, _pad, states = struct.unpack_from("=BBBBI", message.body)

    assert (family, protocol) == (socket.AF_INET, socket.IPPROTO_TCP)
    assert [bit for bit in range(32) if states >> bit & 1] == [1, 2, 3, 4, 5, 8, 9, 11]
    assert len(message.body) == 56  # inet_diag_req_v2
