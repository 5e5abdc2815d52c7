"""Somebody behind the laptop: a container, a virtual machine, or a device on its hotspot.

 namespace guest              the laptop
┌────────────────┐           ┌──────────────────────────────┐
│ eth0           ├── guest0 ─┤ docker0           cable0 ────┤  masqueraded, or translated to
│ 10.77.0.2      │           │ 10.77.0.1         tether0 ───┤  the address of the way out
│ 2001:db8:77::2 │           │ 2001:db8:77::1               │
└────────────────┘           └──────────────────────────────┘
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
from collections.abc import Iterator
from pathlib import Path

from tests.lab.lab import Lab
from tests.lab.link import Link

GUEST = "guest"
FORWARD = ("net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
NODAD = "net.ipv6.conf.default.accept_dad=0"

MASQUERADE = "masquerade"
SNAT = "snat"
NONE = "none"

LAPTOP_SIDE = f"""
link add docker0 type bridge
addr add 10.77.0.1/24 dev docker0
addr add 2001:db8:77::1/64 dev docker0 nodad
link set docker0 up
link add guest0 type veth peer name eth0 netns {GUEST}
link set guest0 up master docker0
"""
GUEST_SIDE = """
link set lo up
link set eth0 up
addr add 10.77.0.2/24 dev eth0
addr add 2001:db8:77::2/64 dev eth0 nodad
route add default via 10.77.0.1
route add default via 2001:db8:77::1
"""

CLONE_NEWNET = 0x40000000  # sched.h
_libc = ctypes.CDLL(None, use_errno=True)


def add_guest(lab: Lab, nat: str = MASQUERADE) -> None:
    """Put a guest behind the laptop; `nat` is how its packets get the laptop's address, if any."""
    lab.sh("ip", "netns", "add", GUEST)
    lab.sh("sysctl", "-q", *FORWARD)
    lab.commands.sh("ip", "-batch", "-", stdin=LAPTOP_SIDE)
    lab.commands.sh("ip", "-n", GUEST, "-batch", "-", stdin=GUEST_SIDE)
    for link in lab.links.values():
        link.filter_sources()  # or what keeps a wrong address would seem to work
    if nat != NONE:
        rules = "masquerade" if nat == MASQUERADE else _snat(lab)
        lab.commands.sh("nft", "-f", "-", stdin=_table(rules))


def guest_goes_by(lab: Lab, link: Link, target: str) -> None:
    """Route what the guest sends to a target over a link, as somebody's policy routing may."""
    router = lab.sh("ip", "-j", "route", "show", "default", "dev", link.name)
    gateway = json.loads(router)[0]["gateway"]
    lab.sh("ip", "route", "add", "default", "via", gateway, "dev", link.name, "table", "77")
    lab.sh("ip", "rule", "add", "from", "10.77.0.2", "to", target, "lookup", "77")


def _snat(lab: Lab) -> str:
    return "\n".join(
        f'oifname "{link.name}" snat ip to {link.address()}' for link in lab.links.values()
    )


def _table(rules: str) -> str:
    return f"""
table inet guests {{
  chain postrouting {{
    type nat hook postrouting priority srcnat;
    iifname != "docker0" accept
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
