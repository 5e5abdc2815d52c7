"""Somebody behind the laptop: a container, a virtual machine, or a device on its hotspot.

 namespace guest              the laptop
┌────────────────┐           ┌──────────────────────────────┐
│ eth0           ├───────────┤ guest0            cable0 ────┤  masqueraded, or translated to
│ 192.0.2.2      │           │ 192.0.2.1         tether0 ───┤  the address of the way out
│ fd00:2::2      │           │ fd00:2::1                    │
└────────────────┘           └──────────────────────────────┘
"""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Iterator
from pathlib import Path

from tests.lab.lab import Lab

GUEST = "guest"
FORWARD = ("net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
NODAD = "net.ipv6.conf.default.accept_dad=0"

MASQUERADE = "masquerade"
SNAT = "snat"

LAPTOP_SIDE = f"""
link add guest0 type veth peer name eth0 netns {GUEST}
link set guest0 up
addr add 192.0.2.1/24 dev guest0
addr add fd00:2::1/64 dev guest0 nodad
"""
GUEST_SIDE = """
link set lo up
link set eth0 up
addr add 192.0.2.2/24 dev eth0
addr add fd00:2::2/64 dev eth0 nodad
route add default via 192.0.2.1
route add default via fd00:2::1
"""

CLONE_NEWNET = 0x40000000  # sched.h
_libc = ctypes.CDLL(None, use_errno=True)


def add_guest(lab: Lab, nat: str = MASQUERADE) -> None:
    """Put a guest behind the laptop; `nat` is how its packets get the laptop's address."""
    lab.sh("ip", "netns", "add", GUEST)
    lab.sh("sysctl", "-q", *FORWARD)
    lab.commands.sh("ip", "-batch", "-", stdin=LAPTOP_SIDE)
    lab.commands.sh("ip", "-n", GUEST, "-batch", "-", stdin=GUEST_SIDE)
    rules = "masquerade" if nat == MASQUERADE else _snat(lab)
    lab.commands.sh("nft", "-f", "-", stdin=_table(rules))


def _snat(lab: Lab) -> str:
    return "\n".join(
        f'oifname "{link.name}" snat ip to {link.address()}' for link in lab.links.values()
    )


def _table(rules: str) -> str:
    return f"""
table inet guests {{
  chain postrouting {{
    type nat hook postrouting priority srcnat;
    iifname != "guest0" accept
    {rules}
  }}
}}
"""


@contextlib.contextmanager
def inside(netns: str) -> Iterator[None]:
    """Make the sockets of this thread in a namespace; each stays in the one it was made in."""
    with Path("/proc/thread-self/ns/net").open() as home, Path("/run/netns", netns).open() as there:
        _setns(there.fileno())
        try:
            yield
        finally:
            _setns(home.fileno())


def _setns(descriptor: int) -> None:
    if _libc.setns(descriptor, CLONE_NEWNET):  # os.setns is there from Python 3.12 on
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
