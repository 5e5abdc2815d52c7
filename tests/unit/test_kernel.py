"""Route dumps read without a kernel."""

from __future__ import annotations

import socket
import struct

from hypothesis import given
from hypothesis import strategies as st

from netswap.adapters import netlink
from netswap.adapters.kernel.routes import DefaultRoute, dump_request, parse_defaults

NAMES = {1: "lo", 2: "eth0", 3: "tether0"}
MULTIPATH = 9


def attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def number(kind: int, value: int) -> bytes:
    return attribute(kind, struct.pack("=I", value))


def route(
    *attributes: bytes,
    family: int = socket.AF_INET,
    to_bits: int = 0,
    from_bits: int = 0,
    table: int = 254,
    kind: int = 1,
    flags: int = 0,
) -> bytes:
    head = struct.pack("=BBBBBBBBI", family, to_bits, from_bits, 0, table, 3, 0, kind, flags)
    return head + b"".join(attributes)


def by(index: int, metric: int = 100) -> tuple[bytes, bytes]:
    return number(4, index), number(6, metric)


def parsed(*bodies: bytes) -> list[DefaultRoute]:
    return list(parse_defaults(bodies, NAMES))


def test_the_defaults_of_both_families_are_read() -> None:
    v6 = route(*by(3, 1024), number(15, 254), family=socket.AF_INET6, table=0)

    assert parsed(route(*by(2)), v6) == [
        DefaultRoute(4, 100, "eth0"),
        DefaultRoute(6, 1024, "tether0"),
    ]


def test_without_a_metric_it_is_zero() -> None:
    assert parsed(route(number(4, 2))) == [DefaultRoute(4, 0, "eth0")]


def test_what_is_no_usable_default_is_left_out() -> None:
    assert not parsed(
        route(*by(2), to_bits=24),
        route(*by(2), from_bits=64),
        route(*by(2), table=52),
        route(*by(2), number(15, 51820), table=252),
        route(*by(2), kind=7),
        route(*by(2), flags=0x200),
        route(*by(1)),
        route(*by(9)),
        route(number(6, 4278198272)),
    )


def test_each_hop_of_a_multipath_route_counts() -> None:
    hops = struct.pack("=HBBi", 8, 0, 0, 2) + struct.pack("=HBBi", 8, 0, 0, 3)

    assert parsed(route(attribute(MULTIPATH, hops), number(6, 5))) == [
        DefaultRoute(4, 5, "eth0"),
        DefaultRoute(4, 5, "tether0"),
    ]


def test_the_request_is_a_netlink_message_that_parses_back() -> None:
    (message,) = netlink.parse(dump_request(socket.AF_INET6))

    assert message.kind == 26
    assert message.body[0] == socket.AF_INET6


@given(st.binary(max_size=200))
def test_noise_ends_instead_of_looping(noise: bytes) -> None:
    list(netlink.parse(noise))
    netlink.attributes(noise)
    parsed(route(attribute(MULTIPATH, noise)))


def test_messages_are_taken_apart_up_to_a_bad_length() -> None:
    data = netlink.build(3, 0, b"abcd") + netlink.build(4, 0, b"") + b"\xff" * 16

    assert list(netlink.parse(data)) == [netlink.Message(3, b"abcd"), netlink.Message(4, b"")]


def test_a_dump_that_something_changed_under_is_asked_for_again() -> None:
    """The kernel says so (NLM_F_DUMP_INTR): what is in it may be twice, or not at all."""
    assert asked(dump(b"half", DUMP_INTR), dump(b"all.", 0)) == [b"all."]


def test_what_changes_all_the_time_is_taken_as_it_is() -> None:
    assert asked(*[dump(b"half", DUMP_INTR)] * netlink.TRIES) == [b"half"]


DUMP_INTR = 0x10


def dump(body: bytes, flags: int) -> bytes:
    part, end = netlink.build(24, flags, body), netlink.build(3, flags, bytes(4))
    return part + end


def asked(*dumps: bytes) -> list[bytes]:
    """Ask a kernel that gives these answers."""
    here, kernel = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with here, kernel:
        here.settimeout(5)
        for answer in dumps:
            kernel.send(answer)
        return netlink.ask(here, dump_request(socket.AF_INET))
