"""The IPv6 addresses of this machine, as /proc/net/if_inet6 lists them.

A line is: address, index, prefix length, scope and flags, all hexadecimal, then the device
(net/ipv6/addrconf.c, if6_seq_show).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from ipaddress import IPv6Address
from pathlib import Path

_IF_INET6 = Path("/proc/self/net/if_inet6")
_TEMPORARY, _DEPRECATED, _TENTATIVE = 0x01, 0x20, 0x40
"""linux/if_addr.h: one of those that change for privacy (RFC 8981); past its preferred lifetime;
not seen yet to be nobody else's (RFC 4862)."""


@dataclass(frozen=True, slots=True)
class Address:
    """An address of a device."""

    ifname: str
    address: IPv6Address
    usable: bool
    """Whether the kernel prefers it, as a source, to other devices' addresses (RFC 6724)."""
    temporary: bool = False
    """Whether the kernel made it up, for privacy (RFC 8981): once flushed it does not come back."""
    prefix: int = 128
    """How many bits its network has."""


def addresses(listing: Path = _IF_INET6) -> list[Address]:
    """Return every address of every device; none where the kernel has no IPv6."""
    try:
        return [_parse(line) for line in listing.read_bytes().split(b"\n") if line]
    except FileNotFoundError:
        return []


def _parse(line: bytes) -> Address:
    """Read a line. A name may be any bytes but ASCII's white space, of which bytes are split at."""
    address, _index, length, _scope, flags, ifname = line.split()
    usable = not int(flags, 16) & (_DEPRECATED | _TENTATIVE)
    temporary = bool(int(flags, 16) & _TEMPORARY)
    prefix = int(length, 16)
    packed = bytes.fromhex(address.decode("ascii"))
    return Address(os.fsdecode(ifname), IPv6Address(packed), usable, temporary, prefix)
