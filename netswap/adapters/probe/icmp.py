"""The ICMP prober: asks targets by way of one link and tells who answered.

The I/O half of `packet.py`: raw sockets of our own, bound to the device, marked so that the guard
lets them pass, and asyncio's reader. Sending never blocks; a probe that could not leave is a
`ProbeFailure`, a fact about this machine and not about the link.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import secrets
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Protocol

from netswap.adapters import inet6
from netswap.adapters.probe import sieve
from netswap.adapters.probe.packet import EchoTemplate, Family

_SOL_RAW, _ICMP_FILTER = 255, 1  # linux/icmp.h; a set bit keeps the type out
_ICMP6_FILTER = 1  # linux/icmpv6.h; likewise, eight 32-bit words for 256 types
_REPLIES_AND_ERRORS = struct.pack("=I", ~(1 << 0 | 1 << 3 | 1 << 11) & 0xFFFFFFFF)
_ONLY_ECHO6_REPLY = struct.pack("=8I", *(0xFFFFFFFF ^ (word == 4) << 1 for word in range(8)))

_TOKEN_BYTES = 16
_AT_ONCE = 64
"""Datagrams read per wake-up, so that a flood of pings cannot hold up the event loop."""

_REASONS = {
    errno.ENETUNREACH: "no route by this link",
    errno.EHOSTUNREACH: "no route to the target",
    errno.ENODEV: "no such device",
    errno.ENXIO: "no such device",
    errno.ENETDOWN: "the link is down",
    errno.EPERM: "blocked by a local firewall",
    errno.EACCES: "forbidden by a local route",
    errno.ENOBUFS: "no buffer space: the link's queue is full",
    errno.EAGAIN: "the socket's send buffer is full",
    errno.EADDRNOTAVAIL: "the link has no address",
    errno.EAFNOSUPPORT: "this kernel has no such version of IP",
}


@dataclass(frozen=True, slots=True)
class Reply:
    """A target's answer."""

    target: str
    """As it was written in `send`."""
    sequence: int
    received_s: float
    """By time.monotonic()."""


class ProbeFailure(Exception):  # noqa: N818 - a fact to report, not a mistake
    """A probe did not leave this machine; `reason` says why in plain words."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Prober(Protocol):
    """What the daemon needs of a prober, which is made for one link with a callback for replies."""

    def send(self, target: str, sequence: int) -> None:
        """Send one probe to an address; raise ProbeFailure if it could not leave.

        `sequence` is 0 to 65535. The reply, if it comes, goes to the callback, however late.
        """

    def close(self) -> None:
        """Stop listening; closing twice is fine."""


class MakeProber(Protocol):
    """How a prober is made, for a device."""

    def __call__(
        self,
        ifname: str,
        on_reply: Callable[[Reply], None],
        *,
        mark: int,
        on_refusal: Callable[[], None],
    ) -> Prober:
        """Make one, to be used in the running event loop."""


class IcmpProber:
    """ICMP echo through one device. Make and use it in a running event loop.

    `on_refusal` is called when a router says that it cannot deliver a request.
    """

    def __init__(
        self,
        ifname: str,
        on_reply: Callable[[Reply], None],
        *,
        mark: int,
        on_refusal: Callable[[], None] = lambda: None,
    ) -> None:
        self._ifname, self._on_reply, self._mark = ifname, on_reply, mark
        self._on_refusal = on_refusal
        ident, token = secrets.randbits(16), secrets.token_bytes(_TOKEN_BYTES)
        self.ident = ident
        """By which replies to our requests are told from those to others'; 16 bits."""
        self._templates = {family: EchoTemplate(ident, token, family) for family in Family}
        self._targets: dict[IPv4Address | IPv6Address, str] = {}
        self._sockets: dict[Family, _BoundSocket] = {}
        self._loop = asyncio.get_running_loop()

    def send(self, target: str, sequence: int) -> None:
        """Send one echo request."""
        address = _without_zone(target)
        family = Family(address.version)
        request = self._templates[family].request(sequence)
        self._targets[address] = target
        bound = self._socket(family)
        try:
            if isinstance(address, IPv6Address) and not self._can_ask(address):
                raise ProbeFailure("the link has no usable IPv6 address")
            bound.raw.sendto(request, (str(address), 0))
        except OSError as error:
            raise ProbeFailure(in_words(error)) from error

    def close(self) -> None:
        """Close the sockets; replies on their way are lost."""
        for family in list(self._sockets):
            self._close(family)

    def _can_ask(self, target: IPv6Address) -> bool:
        """Tell whether the link has a source for this target.

        Where it has none, while its address is tentative for one, the kernel takes one of another
        link's (RFC 6724 section 4), and the answer would go there: no loss of this link.
        """
        return any(
            a.usable and a.address.is_link_local == target.is_link_local
            for a in inet6.addresses()
            if a.ifname == self._ifname
        )

    def _socket(self, family: Family) -> _BoundSocket:
        """Return the socket bound to the device that has the link's name *now*.

        SO_BINDTODEVICE remembers the device's index: a tether that was unplugged and came back
        under its old name is another device, which the old socket would never reach.
        """
        try:
            index = socket.if_nametoindex(self._ifname)
        except OSError as error:
            raise ProbeFailure(_REASONS[errno.ENODEV]) from error
        if (bound := self._sockets.get(family)) is not None:
            if bound.index == index:
                return bound
            self._close(family)
        raw = _open(family, self._ifname, self._mark)
        with contextlib.suppress(OSError):  # without, strangers' replies cost time, nothing else
            sieve.attach(raw, self.ident, family)
        bound = self._sockets[family] = _BoundSocket(raw, index)
        self._loop.add_reader(bound.raw, self._drain, family, bound.raw)
        return bound

    def _close(self, family: Family) -> None:
        raw = self._sockets.pop(family).raw
        self._loop.remove_reader(raw)
        raw.close()

    def _drain(self, family: Family, raw: socket.socket) -> None:
        """Read what is there, up to a bound; the event loop calls again if more is."""
        for _ in range(_AT_ONCE):
            try:
                datagram, source = raw.recvfrom(65535)
            except OSError:
                # Nothing left; or the device went down, which the next send reports in words.
                return
            self._take(family, datagram, source[0])

    def _take(self, family: Family, datagram: bytes, source: str) -> None:
        template = self._templates[family]
        sequence = template.sequence_of(datagram)
        if sequence is None and template.refused(datagram):
            self._on_refusal()
        target = self._targets.get(_without_zone(source))
        if sequence is not None and target is not None:
            self._on_reply(Reply(target, sequence, time.monotonic()))


@dataclass(frozen=True, slots=True)
class _BoundSocket:
    raw: socket.socket
    index: int


def _open(family: Family, ifname: str, mark: int) -> socket.socket:
    """Open a raw socket on a device that hears nothing but echo replies, and errors by IPv4."""
    version, protocol = {
        Family.V4: (socket.AF_INET, socket.IPPROTO_ICMP),
        Family.V6: (socket.AF_INET6, socket.IPPROTO_ICMPV6),
    }[family]
    try:
        raw = socket.socket(version, socket.SOCK_RAW | socket.SOCK_NONBLOCK, protocol)
    except PermissionError as error:
        raise ProbeFailure("not permitted: CAP_NET_RAW is missing") from error
    except OSError as error:
        raise ProbeFailure(in_words(error)) from error
    try:
        if family is Family.V4:
            raw.setsockopt(_SOL_RAW, _ICMP_FILTER, _REPLIES_AND_ERRORS)
        else:
            raw.setsockopt(socket.IPPROTO_ICMPV6, _ICMP6_FILTER, _ONLY_ECHO6_REPLY)
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, mark)
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, ifname.encode())
    except PermissionError as error:
        raw.close()
        raise ProbeFailure("not permitted: CAP_NET_ADMIN is missing") from error
    except OSError as error:
        raw.close()
        raise ProbeFailure(in_words(error)) from error
    return raw


@lru_cache(maxsize=256)
def _without_zone(address: str) -> IPv4Address | IPv6Address:
    """Parse an address; the zone of a link-local one (RFC 4007) is the link itself."""
    return ip_address(address.partition("%")[0])


def in_words(error: OSError) -> str:
    """Say why something could not leave this machine."""
    number = error.errno or 0
    return _REASONS.get(number) or os.strerror(number).lower()
