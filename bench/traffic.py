"""Programs that never stop sending, whatever becomes of it: all the traffic a laptop may have.

`python -m bench.traffic WAY…` sends for ever by each of these ways: `any` follows the routes, a
device is bound to, an address is sent from.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.lab.spec import TARGETS, TARGETS6

ECHO, MDNS, SSDP = 7, 5353, 1900
TARGET = {socket.AF_INET: TARGETS[1], socket.AF_INET6: TARGETS6[1]}
GROUPS = {
    socket.AF_INET: (("224.0.0.251", MDNS), ("239.255.255.250", SSDP)),
    socket.AF_INET6: (("ff02::fb", MDNS), ("ff02::c", SSDP)),
}
PATIENCE_S = 0.3
"""After this an answer is taken to be lost."""
OFTEN_S, SELDOM_S = 0.01, 0.05
DATA = b"something of the user's"


@dataclass(frozen=True, slots=True)
class Way:
    """By which way to send: None for what the routes say."""

    family: socket.AddressFamily
    device: str | None = None
    source: str | None = None

    @property
    def target(self) -> tuple[str, int]:
        """The echo server of this family."""
        return TARGET[self.family], ECHO

    def socket(self, kind: int, protocol: int = 0) -> socket.socket:
        """Open a socket that goes this way."""
        made = socket.socket(self.family, kind, protocol)
        made.settimeout(PATIENCE_S)
        if self.device:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, self.device.encode())
        if self.source:
            made.bind((self.source, 0))
        return made


def ways(argument: str) -> list[Way]:
    """Read an argument: a way for each version of IP, for an address the one it is of."""
    if ":" in argument:
        return [Way(socket.AF_INET6, source=argument)]
    if argument[0].isdecimal():
        return [Way(socket.AF_INET, source=argument)]
    device = None if argument == "any" else argument
    return [Way(family, device) for family in TARGET]


def tcp(way: Way) -> None:
    """Connect, ask and get answers for a while, connect again."""
    with way.socket(socket.SOCK_STREAM) as stream:
        stream.connect(way.target)
        for _ in range(100):
            stream.sendall(DATA)
            stream.recv(1000)
            time.sleep(SELDOM_S)


def udp(way: Way) -> None:
    """Send datagrams, and go on when one is refused."""
    with way.socket(socket.SOCK_DGRAM) as datagrams:
        for _ in range(1000):
            with contextlib.suppress(OSError):
                datagrams.sendto(DATA, way.target)
            time.sleep(OFTEN_S)


def quic(way: Way) -> None:
    """Ask over connected UDP and ask again when no answer comes; three times, then anew."""
    with way.socket(socket.SOCK_DGRAM) as connection:
        connection.connect(way.target)
        for _ in range(100):
            _asked(connection)
            time.sleep(SELDOM_S)


def _asked(connection: socket.socket) -> bytes:
    for _ in range(3):
        connection.send(DATA)
        with contextlib.suppress(TimeoutError):
            return connection.recv(1000)
    raise TimeoutError


def ping(way: Way) -> None:
    """Ping by a raw socket without netswap's mark."""
    protocol = socket.IPPROTO_ICMP if way.family == socket.AF_INET else socket.IPPROTO_ICMPV6
    with way.socket(socket.SOCK_RAW, protocol) as raw:
        for sequence in range(1000):
            with contextlib.suppress(OSError):
                raw.sendto(echo_request(way.family, sequence), (TARGET[way.family], 0))
            time.sleep(SELDOM_S)


def echo_request(family: socket.AddressFamily, sequence: int) -> bytes:
    """Build an echo request; the kernel adds the checksum to an IPv6 one only."""
    kind = 8 if family == socket.AF_INET else 128
    ident = os.getpid() & 0xFFFF
    message = struct.pack("!BBHHH", kind, 0, 0, ident, sequence) + DATA + b"!"
    total = sum(struct.unpack(f"!{len(message) // 2}H", message))
    total = (total & 0xFFFF) + (total >> 16)
    checksum = ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF
    return message[:2] + struct.pack("!H", checksum) + message[4:]


def multicast(way: Way) -> None:
    """Look for printers and televisions, as mDNS and SSDP do, in all groups."""
    assert way.device
    index = socket.if_nametoindex(way.device)
    scope = (0, index) if way.family == socket.AF_INET6 else ()
    with way.socket(socket.SOCK_DGRAM) as datagrams:
        for group, _ in GROUPS[way.family]:
            _join(datagrams, group, index)
        for _ in range(100):
            for target in GROUPS[way.family]:
                with contextlib.suppress(OSError):
                    datagrams.sendto(DATA, (*target, *scope))
            time.sleep(SELDOM_S)


def _join(datagrams: socket.socket, group: str, index: int) -> None:
    address = socket.inet_pton(datagrams.family, group)
    if datagrams.family == socket.AF_INET:
        request = address + struct.pack("=4xi", index)  # ip_mreqn
        datagrams.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, request)
    else:
        request = address + struct.pack("=i", index)  # ipv6_mreq
        datagrams.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, request)


def programs(way: Way) -> Iterator[Callable[[Way], None]]:
    """Yield what can be sent by a way."""
    yield from (tcp, udp, quic, ping)
    if way.device:
        yield multicast


def endless(program: Callable[[Way], None], way: Way) -> None:
    """Start a program again whenever it ends, for whatever reason."""
    while True:
        with contextlib.suppress(OSError):
            program(way)
        time.sleep(SELDOM_S)


def main(arguments: list[str]) -> None:
    """Start every program by every way."""
    for argument in arguments:
        for way in ways(argument):
            for program in programs(way):
                threading.Thread(target=endless, args=(program, way), daemon=True).start()
    threading.Event().wait()


if __name__ == "__main__":
    main(sys.argv[1:])
