"""Which tracked connections are forgotten, decided without a kernel."""

from __future__ import annotations

import errno
import socket
import struct
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from netswap.adapters import netlink
from netswap.adapters.conntrack import (
    Address,
    Flow,
    delete,
    delete_request,
    doomed,
    dump_request,
    parse_flows,
    tracked,
)

HERE, OTHER, GUEST, SERVER, BRIDGE = (
    "10.1.0.2",
    "10.2.0.2",
    "172.17.0.2",
    "203.0.113.9",
    "172.17.0.1",
)
OURS = (ip_address(HERE), ip_address("2001:db8:1::2"))


def flow(source: str, destination: str, answerer: str, answered: str) -> Flow:
    there = ip_address(source), ip_address(destination)
    back = ip_address(answerer), ip_address(answered)
    return Flow(socket.AF_INET, *there, *back, raw_id=b"")


@pytest.mark.parametrize(
    "forwarded",
    [
        flow(GUEST, SERVER, SERVER, HERE),
        flow("fd00::2", "2001:db8::9", "2001:db8::9", "2001:db8:1::2"),
        flow(GUEST, "192.0.2.1", SERVER, HERE),
        flow(SERVER, HERE, GUEST, SERVER),
    ],
    ids=["masqueraded", "masqueraded v6", "translated twice", "let in"],
)
def test_what_was_forwarded_by_the_address_is_forgotten(forwarded: Flow) -> None:
    assert doomed([forwarded], OURS) == [forwarded]


@pytest.mark.parametrize(
    "kept",
    [
        flow(GUEST, SERVER, SERVER, OTHER),
        flow(SERVER, OTHER, GUEST, SERVER),
        flow(GUEST, SERVER, SERVER, GUEST),
        flow(HERE, SERVER, SERVER, HERE),
        flow(SERVER, HERE, HERE, SERVER),
        flow(HERE, HERE, GUEST, BRIDGE),
        flow(GUEST, HERE, "172.17.0.3", BRIDGE),
        flow("127.0.0.1", "127.0.0.1", "127.0.0.1", "127.0.0.1"),
    ],
    ids=[
        "by another link",
        "let in by another link",
        "not translated",
        "our own",
        "our own server",
        "from here to a container",
        "from container to container",
        "loopback",
    ],
)
def test_all_else_is_kept(kept: Flow) -> None:
    assert doomed([kept], OURS) == []


def test_what_stays_reachable_is_kept() -> None:
    printer = flow(GUEST, "10.1.0.9", "10.1.0.9", HERE)
    scanner = flow("10.1.0.9", HERE, GUEST, "10.1.0.9")

    assert doomed([printer, scanner], OURS, [ip_network("10.1.0.0/24")]) == []


def entry(family: int, *ends: str) -> bytes:
    """Return an entry as the kernel puts it: source, destination, then both of the answers."""
    first = 1 if family == socket.AF_INET else 3
    packed = [socket.inet_pton(family, end) for end in ends]
    pairs = (packed[:2], packed[2:])
    tuples = b"".join(
        netlink.attribute(kind, _tuple(first, *pair)) for kind, pair in enumerate(pairs, 1)
    )
    return struct.pack("!BBH", family, 0, 0) + tuples + netlink.attribute(12, b"ID42")


def _tuple(first: int, source: bytes, destination: bytes) -> bytes:
    ip = netlink.attribute(first, source) + netlink.attribute(first + 1, destination)
    ports = netlink.attribute(1, b"\x06") + netlink.attribute(2, b"\x9c\x40")
    return netlink.attribute(1, ip) + netlink.attribute(2, ports)


@pytest.mark.parametrize(
    ("family", "ends"),
    [
        (socket.AF_INET, (GUEST, SERVER, SERVER, HERE)),
        (socket.AF_INET6, ("fd00::2", "2001:db8::9", "2001:db8::9", "2001:db8:1::2")),
    ],
)
def test_an_entry_is_read_and_named_exactly(family: int, ends: tuple[str, ...]) -> None:
    body = entry(family, *ends)
    (read,) = parse_flows([body], OURS)

    assert [str(end) for end in both_ways(read)] == list(ends)
    (asked,) = netlink.parse(delete_request(read))
    sent, got = (netlink.attributes(whole[4:]) for whole in (asked.body, body))
    assert (asked.kind, asked.body[0]) == (0x102, family)
    assert sent == {kind: got[kind] for kind in (1, 12)}


def both_ways(read: Flow) -> tuple[Address, ...]:
    return read.source, read.destination, read.answerer, read.answered


def test_what_names_none_of_our_addresses_is_not_taken_apart() -> None:
    assert list(parse_flows([b"no entry at all"], OURS)) == []


def test_both_families_are_asked_for() -> None:
    (message,) = netlink.parse(dump_request())
    assert (message.kind, message.body) == (0x101, bytes(4))


@pytest.mark.parametrize(("text", "expected"), [("0\n", False), ("17\n", True), (None, False)])
def test_without_tracking_nothing_is_asked(
    tmp_path: Path, text: str | None, *, expected: bool
) -> None:
    count = tmp_path / "nf_conntrack_count"
    if text is not None:
        count.write_text(text)
    assert tracked(count) is expected


@pytest.mark.parametrize(
    ("number", "forgotten"), [(0, True), (errno.ENOENT, False), (errno.EBUSY, False)]
)
def test_one_that_cannot_be_forgotten_holds_no_other_up(number: int, *, forgotten: bool) -> None:
    """Older kernels do not let go of what goes by a flowtable."""
    here, kernel = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with here, kernel:
        kernel.send(netlink.build(2, 0, struct.pack("=i", -number)))
        assert delete(here, flow(GUEST, SERVER, SERVER, HERE)) is forgotten
