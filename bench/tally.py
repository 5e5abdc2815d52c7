"""What left by a link that was guarded, and what it was. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import NamedTuple

LINK_KEEPING = ("arp", "ndp", "mld", "igmp", "dhcp4", "dhcp6", "dhcp4-unwanted")
"""Kinds that keep the link itself alive (`tests.lab.sniff.Packet`)."""
PROBE, NEARBY, LEAKED = "probe", "multicast", "leaked"


class Seen(NamedTuple):
    """A packet of the laptop, as its ISP saw it."""

    at: float
    """By the kernel's stamp at its arrival, as monotonic time in seconds."""
    length: int
    kind: str
    """As in `tests.lab.sniff.Packet`."""
    protocol: int
    source: str
    destination: str
    echo: str
    """Identifier and data of an echo request, in hexadecimal; "-" for anything else."""


@dataclass(frozen=True, slots=True)
class Guarded:
    """A time in which the guard stood before a link."""

    link: str
    moved: float
    """When the route had moved away from it."""
    start: float
    end: float


@dataclass(slots=True)
class Tally:
    """What left by a link in one guarded time."""

    packets: Counter[str] = field(default_factory=Counter)
    """How many of each kind."""
    size: Counter[str] = field(default_factory=Counter)
    """How many bytes of each kind."""
    before: int = 0
    """Bytes that were not link-keeping, after the route had moved and before the guard stood."""
    leaks: list[Seen] = field(default_factory=list)

    def count(self, packet: Seen, what: str) -> None:
        """Count a packet."""
        self.packets[what] += 1
        self.size[what] += packet.length
        if what == LEAKED:
            self.leaks.append(packet)


def tallies(seen: Iterable[Seen], times: Sequence[Guarded], probes: Collection[str]) -> list[Tally]:
    """Count what left by one link in each of the times it was guarded, which are in order."""
    counted = [Tally() for _ in times]
    moved = [time.moved for time in times]
    for packet in seen:
        place = bisect_right(moved, packet.at) - 1
        if place < 0 or packet.at >= times[place].end:
            continue
        what = kind(packet, probes)
        if packet.at >= times[place].start:
            counted[place].count(packet, what)
        elif what in {NEARBY, LEAKED}:
            counted[place].before += packet.length
    return counted


def kind(packet: Seen, probes: Collection[str]) -> str:
    """Return what a packet is: of a link-keeping kind, a probe, multicast, or leaked.

    `probes` are the identifiers and data that the daemon's echo requests are known by.
    """
    if packet.kind in LINK_KEEPING:
        return packet.kind
    if packet.kind == "echo" and packet.echo in probes:
        return PROBE
    return NEARBY if ip_address(packet.destination).is_multicast else LEAKED
