"""What the demo sees with, beside the witnesses of the lab: a program that insists on one link, and
every packet that leaves the laptop, stamped by the kernel.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from typing import NamedTuple

from tests.lab.capture import Capture
from tests.lab.sniff import ETH_P_ALL, classify
from tests.lab.spec import TARGETS
from tests.lab.witness import ECHO, Observer

PROBED, OTHER = TARGETS
"""The target that netswapd is told to probe, and one that only other programs talk to."""

SO_TIMESTAMPNS = 35
"""Have the kernel stamp each packet (socket(7)); with its wall clock, as a struct timespec."""
TIMESPEC = struct.Struct("@ll")


class Insister(Observer):
    """A program that insists on one link, whichever is active: a datagram every 10 ms.

    A datagram that the guard refuses fails at once (EPERM), so it tells to the datagram when the
    guard was set and lifted.
    """

    INTERVAL_S = 0.01

    def __init__(self, interface: str) -> None:
        super().__init__()
        self._refused: list[tuple[float, float]] = []
        self._left: list[float] = []
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())

    def guarded_since(self, since: float) -> float | None:
        """Return when the guard was first seen after `since`: it stood for sure from then on."""
        return next((end for start, end in list(self._refused) if start >= since), None)

    def guarded_until(self, until: float) -> float | None:
        """Return when the guard was last seen before `until`: it stood for sure until then."""
        earlier = (start for start, _ in reversed(self._refused) if start <= until)
        return next(earlier, None)

    def is_guarded(self) -> bool:
        """Tell whether the newest datagram was refused."""
        return bool(self._refused) and (not self._left or self._refused[-1][0] > self._left[-1])

    def _watch(self) -> None:
        with self._udp:
            while not self._over.wait(self.INTERVAL_S):
                start = time.monotonic()
                try:
                    self._udp.sendto(b"over this link, please", (OTHER, ECHO))
                except PermissionError:
                    self._refused.append((start, time.monotonic()))
                except OSError:
                    continue  # no route or no address: says nothing about the guard
                else:
                    self._left.append(start)


class Departure(NamedTuple):
    """A packet that left the laptop."""

    at: float
    interface: str
    length: int
    kind: str
    """As in `sniff.Packet`."""
    destination: str


class Departures(Observer):
    """Every packet that leaves the laptop, behind all filters.

    The kernel's own time stamps, since what left just before the guard was set must not count as a
    leak only because it was read late.
    """

    def __init__(self) -> None:
        super().__init__()
        self._packets: list[Departure] = []
        self._raw = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
        self._raw.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._raw.settimeout(0.05)

    def leaked(self, interface: str, since: float, until: float) -> list[Departure]:
        """Return what left by a link and was neither link-keeping nor a probe."""
        return [
            packet
            for packet in list(self._packets)
            if packet.interface == interface
            and since <= packet.at <= until
            and packet.kind not in Capture.LINK_KEEPING
            and (packet.kind, packet.destination) != ("echo", PROBED)
        ]

    def _watch(self) -> None:
        with self._raw:
            while not self._over.is_set():
                with contextlib.suppress(OSError):  # our time-out; ENETDOWN when a link goes down
                    self._read()

    def _read(self) -> None:
        packet, ancillary, _, (interface, ethertype, direction, *_) = self._raw.recvmsg(
            65536, socket.CMSG_SPACE(TIMESPEC.size)
        )
        if direction == socket.PACKET_OUTGOING and interface != "lo":
            _, _, stamp = ancillary[0]
            seconds, nanoseconds = TIMESPEC.unpack(stamp)
            at = seconds + nanoseconds / 1e9 - boot_time()
            kind, _, _, destination = classify(ethertype, packet)
            self._packets.append(Departure(at, interface, len(packet), kind, destination))


def boot_time() -> float:
    """Return the wall-clock time of the monotonic clock's zero, to 50 µs."""
    while True:
        before, now, after = time.monotonic(), time.time(), time.monotonic()
        if after - before < 50e-6:
            return now - after
