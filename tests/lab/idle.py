"""Many connections that nothing is sent over: who is told that they ended, and when."""

from __future__ import annotations

import errno
import select
import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass

from tests.lab.spec import TARGETS, TARGETS6
from tests.lab.witness import ECHO, Observer


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of connection to the echo server."""

    name: str
    type: socket.SocketKind
    target: str

    @property
    def family(self) -> socket.AddressFamily:
        """The version of IP."""
        return socket.AF_INET6 if ":" in self.target else socket.AF_INET


KINDS = (
    Kind("TCP over IPv4", socket.SOCK_STREAM, TARGETS[0]),
    Kind("TCP over IPv6", socket.SOCK_STREAM, TARGETS6[0]),
    Kind("UDP over IPv4", socket.SOCK_DGRAM, TARGETS[0]),
    Kind("UDP over IPv6", socket.SOCK_DGRAM, TARGETS6[0]),
)


@dataclass(frozen=True, slots=True)
class Told:
    """How the owner of a connection heard of its end."""

    kind: Kind
    at: float
    """Monotonic time in seconds."""
    error: str
    """The name of the errno; "" for an orderly end."""


class IdleConnections(Observer):
    """So many connections of each kind, made now, that only wait."""

    def __init__(self, count: int, kinds: Iterable[Kind] = KINDS) -> None:
        super().__init__()
        self.told: list[Told] = []
        self._open: dict[int, tuple[Kind, socket.socket]] = {}
        self._poll = select.poll()
        for kind in [kind for kind in kinds for _ in range(count)]:
            connection = connected(kind)
            self._open[connection.fileno()] = kind, connection
            self._poll.register(connection, select.POLLIN)

    @property
    def left(self) -> int:
        """How many were not told anything."""
        return len(self._open)

    def _watch(self) -> None:
        while not self._over.is_set():
            for descriptor, _ in self._poll.poll(50):
                self._note(descriptor)
        for _, connection in self._open.values():
            connection.close()

    def _note(self, descriptor: int) -> None:
        now = time.monotonic()
        self._poll.unregister(descriptor)
        kind, connection = self._open.pop(descriptor)
        error = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        connection.close()
        self.told.append(Told(kind, now, errno.errorcode[error] if error else ""))


def connected(kind: Kind) -> socket.socket:
    """Return a new connection, which the routes lead by the active link."""
    connection = socket.socket(kind.family, kind.type)
    connection.settimeout(2)
    connection.connect((kind.target, ECHO))
    return connection
