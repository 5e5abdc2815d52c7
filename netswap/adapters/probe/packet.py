"""Echo requests and replies as bytes. Pure.

A request is crafted by scapy once; each probe only patches the sequence number in (a scapy craft
costs half a millisecond of CPU, a patch a microsecond). A reply is trusted only if every bit that
we know of it is right, since a raw socket gets every echo reply that reaches the machine: other
people's pings, and whatever somebody makes up.

IPv4 and IPv6 (RFC 792, RFC 4443 section 4) share the layout, type · code · checksum · identifier ·
sequence · data, and differ in what a raw socket carries: for IPv4 replies come with their IP header
and checksums are ours; for IPv6 neither (RFC 3542 sections 3 and 3.1).
"""

from __future__ import annotations

import struct
from enum import IntEnum

from netswap.adapters.probe import craft

SEQUENCES = 1 << 16
"""Sequence numbers have 16 bits."""

_ECHO = struct.Struct("!BBHHH")
_V4_REQUEST, _V4_REPLY = 8, 0
_V6_REQUEST, _V6_REPLY = 128, 129
_ERRORS = (b"\x03", b"\x0b")
"""Destination unreachable, time exceeded."""
_ICMP_PROTOCOL = 1


class Family(IntEnum):
    """The version of IP."""

    V4 = 4
    V6 = 6


class EchoTemplate:
    """Requests of one sender, told from all others by identifier and token."""

    def __init__(self, ident: int, token: bytes, family: Family = Family.V4) -> None:
        self._ident, self._token, self._family = ident, token, family
        crafted = craft.echo_request(ident, 0, token)
        self._checksum = int.from_bytes(crafted[2:4])
        self._tail = crafted[_ECHO.size :]

    def request(self, sequence: int) -> bytes:
        """Build the request with this sequence number, 0 to 65535."""
        if not 0 <= sequence < SEQUENCES:
            raise ValueError(f"a sequence number has 16 bits: {sequence}")
        if self._family is Family.V6:
            header = _ECHO.pack(_V6_REQUEST, 0, 0, self._ident, sequence)
        else:
            checksum = _patched(self._checksum, sequence)
            header = _ECHO.pack(_V4_REQUEST, 0, checksum, self._ident, sequence)
        return header + self._tail

    def sequence_of(self, datagram: bytes) -> int | None:
        """Return the sequence number if this is a reply to one of our requests, else None."""
        if self._family is Family.V6:
            return self._sequence_in(datagram, _V6_REPLY)
        message = _icmp_in(datagram)
        return self._sequence_in(message, _V4_REPLY) if _sum(message) == 0xFFFF else None

    def refused(self, datagram: bytes) -> bool:
        """Whether a router says that it could not deliver a request of ours (RFC 792; IPv4 only).

        It quotes no more than identifier and sequence, so it can be made up: a reason to ask
        again, never a verdict.
        """
        message = _icmp_in(datagram)
        if self._family is Family.V6 or message[:1] not in _ERRORS or _sum(message) != 0xFFFF:
            return False
        quoted = _icmp_in(message[_ECHO.size :])
        if len(quoted) < _ECHO.size:
            return False
        kind, code, _checksum, ident, _sequence = _ECHO.unpack_from(quoted)
        return (kind, code, ident) == (_V4_REQUEST, 0, self._ident)

    def _sequence_in(self, message: bytes, reply: int) -> int | None:
        if len(message) != _ECHO.size + len(self._token):
            return None
        kind, code, _checksum, ident, sequence = _ECHO.unpack_from(message)
        ours = (kind, code, ident) == (reply, 0, self._ident)
        return sequence if ours and message[_ECHO.size :] == self._token else None


def _icmp_in(datagram: bytes) -> bytes:
    """Cut off the IPv4 header, whose length is in its first byte (RFC 791); b"" if it is none."""
    if len(datagram) < 20 or datagram[0] >> 4 != Family.V4 or datagram[9] != _ICMP_PROTOCOL:
        return b""
    header_length = (datagram[0] & 0x0F) * 4
    return datagram[header_length:] if header_length >= 20 else b""


def _patched(checksum: int, sequence: int) -> int:
    """Update the checksum for a sequence that was 0: HC' = ~(~HC + ~m + m') (RFC 1624 eqn. 3)."""
    total = (~checksum & 0xFFFF) + 0xFFFF + sequence
    total = (total & 0xFFFF) + (total >> 16)
    return ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF


def _sum(message: bytes) -> int:
    """Add up 16-bit words in one's complement (RFC 1071); 0xFFFF where the checksum is right."""
    if len(message) % 2:
        message += b"\0"
    total: int = sum(struct.unpack(f"!{len(message) // 2}H", message))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total
