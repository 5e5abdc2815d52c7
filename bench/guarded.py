"""When which link was guarded: the kernel's word for the beginning, the daemon's for the end."""

from __future__ import annotations

import contextlib
import re
import socket
import time
from collections.abc import Iterator, Sequence
from datetime import datetime

from bench.tally import Guarded
from netswap.adapters import netlink
from tests.lab.netswapd import Netswapd
from tests.lab.witness import Observer

_NETLINK_NETFILTER, _NFNLGRP_NFTABLES = 12, 7
_NEW_ELEMENT = 10 << 8 | 12  # NFNL_SUBSYS_NFTABLES, NFT_MSG_NEWSETELEM
_NFGENMSG_SIZE = 4
_SET, _ELEMENTS, _ELEMENT, _KEY, _VALUE = 2, 3, 1, 1, 1
"""Attributes of an element, the outermost first (linux/netfilter/nf_tables.h)."""

UNBLOCKING = re.compile(r"(?P<at>\S+ \S+) \S+ +Unblocking all packets .* interface (?P<link>\S+):")

Event = tuple[float, str]
"""A monotonic time and a link."""


class GuardWatch(Observer):
    """Notes when the kernel has put a link into the guard, a moment after it did.

    What leaves by the link in that moment would be taken for earlier than the guard: none can.
    """

    def __init__(self, daemon: Netswapd) -> None:
        super().__init__()
        self.blocked: list[Event] = []
        self.unblocking: list[Event] = []
        self._daemon, self._read = daemon, len(daemon.log)
        self._netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_NETFILTER)
        self._netlink.bind((0, 1 << _NFNLGRP_NFTABLES - 1))
        self._netlink.settimeout(0.05)

    def times(
        self, link: str, changes: Sequence[tuple[float, str | None]], until: float
    ) -> list[Guarded]:
        """Return when a link was guarded up to now; `changes` are those of the active link."""
        return list(times(link, changes, self.blocked, self.unblocking, until))

    def _watch(self) -> None:
        with self._netlink:
            while not self._over.is_set():
                with contextlib.suppress(TimeoutError):
                    data = self._netlink.recv(1 << 16)
                    self.blocked += [(time.monotonic(), link) for link in standbys(data)]

    def read_log(self) -> None:
        """Note when the daemon said that it unblocks; soon after it did, for clocks drift apart.

        It says so before it does, and what leaves from then on may leave.
        """
        clocks = time.time() - time.monotonic()
        lines = [line for _, line in self._daemon.log[self._read :]]
        self._read += len(lines)
        for match in filter(None, map(UNBLOCKING.match, lines)):
            at = datetime.fromisoformat(match["at"]).timestamp() - clocks
            self.unblocking.append((at, match["link"]))


def standbys(data: bytes) -> Iterator[str]:
    """Yield the links that a notification tells to be guarded from now on."""
    for message in netlink.parse(data):
        told = netlink.attributes(message.body[_NFGENMSG_SIZE:])
        if message.kind == _NEW_ELEMENT and told[_SET] == b"standby\0":
            value = told[_ELEMENTS]
            for attribute in (_ELEMENT, _KEY, _VALUE):
                value = netlink.attributes(value)[attribute]
            yield value.rstrip(b"\0").decode()


def times(
    link: str,
    changes: Sequence[tuple[float, str | None]],
    blocked: Sequence[Event],
    unblocking: Sequence[Event],
    until: float,
) -> Iterator[Guarded]:
    """Yield when a link was guarded, in order; `changes` are those of the active link."""
    for start in (at for at, guarded in blocked if guarded == link):
        moved = max((at for at, active in changes if at <= start and active != link), default=start)
        end = min((at for at, freed in unblocking if at > start and freed == link), default=until)
        yield Guarded(link, moved, start, end)
