"""The leak bench: what counts as leaked, and when a link counts as guarded."""

from __future__ import annotations

import struct

from bench.guarded import standbys, times
from bench.tally import LEAKED, NEARBY, PROBE, Guarded, Seen, kind, tallies
from netswap.adapters import netlink

PROBES = {"abcd00"}
SPAN = Guarded("tether0", moved=10.0, start=10.1, end=20.0)


def seen(at: float, kind: str = "traffic", to: str = "198.51.100.2", echo: str = "-") -> Seen:
    return Seen(at, 100, kind, 17, "10.2.0.10", to, echo)


def test_only_netswaps_own_pings_are_probes() -> None:
    assert kind(seen(0, "echo", echo="abcd00"), PROBES) == PROBE
    assert kind(seen(0, "echo", echo="abcd01"), PROBES) == LEAKED


def test_multicast_is_told_apart_from_what_goes_further() -> None:
    assert kind(seen(0, to="224.0.0.251"), PROBES) == NEARBY
    assert kind(seen(0, to="ff02::fb"), PROBES) == NEARBY
    assert kind(seen(0, to="2001:db8:ffff::2"), PROBES) == LEAKED


def test_it_counts_only_while_the_link_is_guarded() -> None:
    packets = [seen(at) for at in (9.9, 10.05, 10.1, 19.9, 20.0, 25.0)]
    (tally,) = tallies(packets, [SPAN], PROBES)
    assert (tally.packets, tally.size) == ({LEAKED: 2}, {LEAKED: 200})
    assert tally.leaks == [packets[2], packets[3]]
    assert tally.before == 100, "the one after the route had moved"


def test_what_keeps_the_link_alive_never_leaked() -> None:
    (tally,) = tallies([seen(10.05, "arp"), seen(11, "dhcp4"), seen(12, "ndp")], [SPAN], PROBES)
    assert (tally.packets[LEAKED], tally.before) == (0, 0)
    assert tally.packets == {"dhcp4": 1, "ndp": 1}


def test_a_link_is_guarded_from_the_kernels_word_to_the_daemons() -> None:
    changes: list[tuple[float, str | None]] = [(5.0, "tether0"), (9.5, "cable0"), (15.0, "tether0")]
    blocked = [(0.0, "tether0"), (5.1, "cable0"), (10.0, "tether0")]
    unblocking = [(4.9, "tether0"), (9.0, "cable0"), (14.0, "tether0")]
    assert list(times("tether0", changes, blocked, unblocking, until=99)) == [
        Guarded("tether0", moved=0.0, start=0.0, end=4.9),
        Guarded("tether0", moved=9.5, start=10.0, end=14.0),
    ]
    (cable,) = times("cable0", changes, blocked, [], until=99)
    assert cable == Guarded("cable0", moved=5.0, start=5.1, end=99)


def attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + b"\0" * (-len(value) % 4)


def notification(message: int, name: bytes) -> bytes:
    """A change of a set's elements: table, set and, nested four deep, the name of a link."""
    element = attribute(1, attribute(1, attribute(1, b"tether0".ljust(16, b"\0"))))
    told = attribute(1, b"netswap\0") + attribute(2, name) + attribute(3, element)
    return netlink.build(10 << 8 | message, 0, b"\1\0\0\0" + told)


def test_the_kernel_tells_of_a_link_that_is_guarded_now() -> None:
    assert list(standbys(notification(12, b"standby\0"))) == ["tether0"]
    assert list(standbys(notification(12, b"silent\0"))) == []
    assert list(standbys(notification(14, b"standby\0"))) == []
