"""A witness of UDP: a stream of datagrams to the echo server, as of a call or a VPN."""

from __future__ import annotations

import contextlib
import select
import socket
import time

from tests.lab.link import Link
from tests.lab.spec import TARGETS
from tests.lab.witness import ECHO, Observer


class Stream(Observer):
    """Sends a datagram every 20 ms from one unconnected socket, and notes the answers."""

    def __init__(
        self, target: str = TARGETS[0], interval_s: float = 0.02, over: Link | None = None
    ) -> None:
        super().__init__()
        self.answers: list[tuple[float, float]] = []
        """When each datagram that was answered was sent, and when its answer came."""
        self.refused = 0
        """How many could not be sent: the guard says no at once."""
        self._target = target
        self._interval_s = interval_s
        family = socket.AF_INET6 if ":" in target else socket.AF_INET
        self._udp = socket.socket(family, socket.SOCK_DGRAM)
        self._udp.setblocking(False)
        if over is not None:
            self._udp.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, over.name.encode())

    def answered(self, since: float = 0) -> float | None:
        """Return when the first answer came to what was sent since then."""
        return next((came for sent, came in list(self.answers) if sent >= since), None)

    def _watch(self) -> None:
        due = time.monotonic()
        while not self._over.is_set():
            if time.monotonic() >= due:
                self._send()
                due += self._interval_s
            if select.select([self._udp], [], [], max(0.0, due - time.monotonic()))[0]:
                self._receive()
        self._udp.close()

    def _send(self) -> None:
        try:
            self._udp.sendto(str(time.monotonic()).encode(), (self._target, ECHO))
        except PermissionError:
            self.refused += 1
        except OSError:
            pass  # no route at the moment, or an ICMP error that arrived: try again

    def _receive(self) -> None:
        with contextlib.suppress(OSError):  # an ICMP error that arrived
            self.answers.append((float(self._udp.recv(100)), time.monotonic()))
