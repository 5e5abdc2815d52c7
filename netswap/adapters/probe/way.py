"""The link that a check goes by, and the sockets that take it there.

They are bound to the device and marked so that the guard lets them pass. What goes wrong on this
machine is a `ProbeFailure`, a fact about the machine; everything else is an answer, or none.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from dataclasses import dataclass
from typing import Protocol

from netswap.adapters.probe.icmp import ProbeFailure, in_words
from netswap.core.settings import CheckSettings
from netswap.core.target import Endpoint


@dataclass(frozen=True, slots=True)
class Way:
    """By which device, with which mark, and who resolves names there (IPv4 addresses)."""

    ifname: str
    mark: int
    servers: tuple[str, ...] = ()

    def socket(self, kind: socket.SocketKind) -> socket.socket:
        """Open an IPv4 socket that sends by the link only. Raises ProbeFailure."""
        try:
            bound = socket.socket(socket.AF_INET, kind | socket.SOCK_NONBLOCK)
        except OSError as error:
            raise ProbeFailure(in_words(error)) from error
        try:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, self.mark)
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, self.ifname.encode())
        except OSError as error:
            bound.close()
            raise ProbeFailure(in_words(error)) from error
        return bound


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a check."""

    ok: bool
    reason: str = ""


class Method(Protocol):
    """How a check is made; it takes `timeout_s` at most, whatever the other side does."""

    async def __call__(self, check: CheckSettings, way: Way) -> Verdict:
        """Make the check once. Raises ProbeFailure where it cannot be made from here."""


async def connect(tcp: socket.socket, to: Endpoint) -> None:
    """Connect. Raises ProbeFailure where no packet could leave, OSError for what came back."""
    address = (to.host, to.port)
    if (number := tcp.connect_ex(address)) not in (0, errno.EINPROGRESS):
        raise ProbeFailure(in_words(OSError(number, "")))
    if number:
        await asyncio.get_running_loop().sock_connect(tcp, address)


def broken(error: OSError, who: object) -> str:
    """Say how a connection broke. Raises ProbeFailure where it was this machine that ended it."""
    if error.errno == errno.ECONNABORTED:  # SOCK_DESTROY, when the link was left or guarded
        raise ProbeFailure("this machine ended the connection") from error
    reasons = {
        errno.ECONNREFUSED: f"{who} refused the connection",
        errno.ECONNRESET: f"{who} broke the connection off",
        errno.EPIPE: f"{who} broke the connection off",
        errno.EHOSTUNREACH: f"{who} cannot be reached",
        errno.ENETUNREACH: f"{who} cannot be reached",
    }
    return reasons.get(error.errno or 0) or f"{who}: {in_words(error)}"


def silence(who: object, timeout_s: float) -> str:
    """Say that nothing came back."""
    return f"no answer from {who} within {timeout_s:g} s"
