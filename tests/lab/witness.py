"""Independent observers: what a user of the laptop, the kernel and the ISP see.

Each is a context manager that watches from a thread or a process of its own. All times are
monotonic, and the same in every namespace.
"""

from __future__ import annotations

import contextlib
import errno
import select
import socket
import threading
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from tests.lab import kernel
from tests.lab.capture import Capture
from tests.lab.commands import wait_until
from tests.lab.link import Link
from tests.lab.spec import TARGETS

__all__ = ["Capture", "HeldConnection", "NewConnections", "RouteWatch", "Try"]

ECHO = 7
RTMGRP_IPV4_ROUTE = 0x40
"""Multicast group of changes to IPv4 routes (rtnetlink(7))."""


class Observer:
    """A thread that watches between `with` and its end."""

    def __init__(self) -> None:
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Try:
    """One attempt to make a new connection."""

    start: float
    end: float
    error: str | None
    """None: it succeeded; else the name of the errno, ETIMEDOUT for our own patience."""


class NewConnections(Observer):
    """Tries a new TCP connection every 50 ms, as a user who keeps clicking.

    A try that gets no answer does not delay the next: they overlap.
    """

    def __init__(
        self,
        target: str = TARGETS[0],
        interval_s: float = 0.05,
        patience_s: float = 0.3,
        over: str | None = None,
        mark: int = 0,
    ) -> None:
        """Connect over whichever link is active, or over the device named; with a mark, if any."""
        super().__init__()
        self.tries: list[Try] = []
        """In the order in which they ended."""
        self._target = target
        self._device = over.encode() if over else b""
        self._mark = mark
        self._interval_s = interval_s
        self._patience_s = patience_s

    def take(self) -> list[Try]:
        """Return what has ended since the last time, and forget it."""
        taken = self.tries[:]
        del self.tries[: len(taken)]
        return taken

    def failures(self, since: float = 0, until: float = float("inf")) -> list[Try]:
        """Return the tries that began in this time and failed."""
        return [a for a in list(self.tries) if a.error and since <= a.start <= until]

    def successes(self, since: float = 0, until: float = float("inf")) -> list[Try]:
        """Return the tries that began in this time and succeeded."""
        return [a for a in list(self.tries) if not a.error and since <= a.start <= until]

    def offline_s(self, since: float) -> float | None:
        """Return the seconds from an event to the first success after the first failure.

        0 if nothing failed; None while nothing has succeeded since.
        """
        failures = self.failures(since)
        if not failures:
            return 0.0
        first = min(failure.start for failure in failures)
        return min((a.end - since for a in self.successes(first)), default=None)

    def _watch(self) -> None:
        pending: dict[int, tuple[socket.socket, float]] = {}
        poll = select.poll()
        due = time.monotonic()
        while not self._over.is_set():
            if time.monotonic() >= due:
                self._begin(pending, poll)
                due += self._interval_s
            for descriptor, _ in poll.poll(max(0.0, due - time.monotonic()) * 1000):
                self._end(pending, poll, descriptor)
            self._give_up(pending, poll)
        for tcp, _ in pending.values():
            tcp.close()

    def _begin(self, pending: dict[int, tuple[socket.socket, float]], poll: select.poll) -> None:
        family = socket.AF_INET6 if ":" in self._target else socket.AF_INET
        tcp = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        now = time.monotonic()
        error = self._connect(tcp)
        if error not in {0, errno.EINPROGRESS}:
            tcp.close()
            self.tries.append(Try(now, time.monotonic(), errno.errorcode[error]))
            return
        pending[tcp.fileno()] = (tcp, now)
        poll.register(tcp, select.POLLOUT)

    def _connect(self, tcp: socket.socket) -> int:
        try:
            tcp.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, self._device)
        except OSError as error:  # ENODEV
            return error.errno or errno.ENODEV
        if self._mark:
            tcp.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, self._mark)
        return tcp.connect_ex((self._target, ECHO))

    def _end(
        self,
        pending: dict[int, tuple[socket.socket, float]],
        poll: select.poll,
        descriptor: int,
        error: int | None = None,
    ) -> None:
        tcp, start = pending.pop(descriptor)
        poll.unregister(descriptor)
        if error is None:
            error = tcp.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        tcp.close()
        name = errno.errorcode[error] if error else None
        self.tries.append(Try(start, time.monotonic(), name))

    def _give_up(self, pending: dict[int, tuple[socket.socket, float]], poll: select.poll) -> None:
        overdue = time.monotonic() - self._patience_s
        for descriptor in [d for d, (_, start) in pending.items() if start < overdue]:
            self._end(pending, poll, descriptor, errno.ETIMEDOUT)


class HeldConnection(Observer):
    """A TCP connection to the echo server, kept open and read from, as an idle program does."""

    def __init__(self, target: str = TARGETS[0], over: Link | None = None) -> None:
        super().__init__()
        self.ended: tuple[float, str] | None = None
        """When and how it ended: the name of an errno, or EOF; None while it lives."""
        self.echoed = 0
        """The bytes that came back."""
        family = socket.AF_INET6 if ":" in target else socket.AF_INET
        self._tcp = socket.socket(family, socket.SOCK_STREAM)
        if over is not None:
            device = over.name.encode()
            self._tcp.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device)
        self._tcp.settimeout(2)
        try:
            self._tcp.connect((target, ECHO))
        except OSError:
            self._tcp.close()
            raise
        self._tcp.settimeout(None)

    @property
    def address(self) -> str:
        """The laptop's address that it is made from."""
        return str(self._tcp.getsockname()[0])

    def send(self, data: bytes = b"still there?") -> None:
        """Write; an error shows in `ended`, as the reader sees it too."""
        try:
            self._tcp.sendall(data)
        except OSError as error:
            self._end(error)

    def finish(self) -> None:
        """Say that nothing more will be sent, upon which the server ends it in an orderly way."""
        self._tcp.shutdown(socket.SHUT_WR)

    def answers(self, timeout_s: float = 0.3) -> bool:
        """Tell whether what is sent comes back in time."""
        before = self.echoed
        self.send()
        with contextlib.suppress(AssertionError):
            wait_until(lambda: self.echoed > before or self.ended, timeout_s, "an echo", patience=1)
        return self.echoed > before

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with contextlib.suppress(OSError):  # ENOTCONN: it has ended already
            self._tcp.shutdown(socket.SHUT_RDWR)
        super().__exit__(kind, error, traceback)
        self._tcp.close()

    def _watch(self) -> None:
        try:
            while data := self._tcp.recv(65536):
                self.echoed += len(data)
        except OSError as error:
            self._end(error)
        else:
            self.ended = self.ended or (time.monotonic(), "EOF")

    def _end(self, error: OSError) -> None:
        self.ended = self.ended or (time.monotonic(), errno.errorcode[error.errno or 0])


class RouteWatch(Observer):
    """Tells when the kernel's active link changed."""

    def __init__(self) -> None:
        super().__init__()
        self.changes: list[tuple[float, str | None]] = []
        """The monotonic time and the new active link; the first entry is the one at the start."""
        self._netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        self._netlink.bind((0, RTMGRP_IPV4_ROUTE))
        self._netlink.settimeout(0.05)
        self.changes.append((time.monotonic(), kernel.active()))

    def became(self, interface: str, since: float = 0) -> float | None:
        """Return when this link became active, if it did after `since`."""
        changes = list(self.changes)
        return next((at for at, active in changes if at >= since and active == interface), None)

    def wait_for(self, interface: str, timeout_s: float, since: float = 0) -> float:
        """Wait until this link becomes active after `since`; return when."""
        wait_until(
            lambda: self.became(interface, since) is not None, timeout_s, f"{interface} is active"
        )
        return self.became(interface, since) or 0.0

    def _watch(self) -> None:
        with self._netlink:
            while not self._over.is_set():
                with contextlib.suppress(TimeoutError):
                    self._netlink.recv(65536)
                active = kernel.active()
                if active != self.changes[-1][1]:
                    self.changes.append((time.monotonic(), active))
