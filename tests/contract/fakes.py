"""Fakes that keep the same contracts as the real adapters."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from netswap.adapters.nft.errors import GuardError
from netswap.adapters.nft.ruleset import checked
from netswap.adapters.probe.icmp import ProbeFailure, Reply
from netswap.adapters.probe.packet import SEQUENCES
from netswap.core.model import REFUSE, Barrier


class FakeGuard:
    """A guard without a kernel; tests may set `packets` to what it should have refused."""

    def __init__(self) -> None:
        self._guarded: dict[str, Barrier] | None = None
        self.packets = 0

    def open(self) -> None:
        self._guarded = {}
        self.packets = 0

    def block(self, ifname: str, barrier: Barrier = REFUSE) -> None:
        self._links()[checked(ifname)] = barrier

    def unblock(self, ifname: str) -> None:
        self._links().pop(checked(ifname), None)

    def guarded(self) -> Mapping[str, Barrier]:
        return dict(self._links())

    def refused(self) -> int:
        self._links()
        return self.packets

    def close(self) -> None:
        self._guarded = None

    def _links(self) -> dict[str, Barrier]:
        if self._guarded is None:
            raise GuardError("the guard is not open", "call open() first")
        return self._guarded


class FakeProber:
    """A prober whose targets answer when a test says so."""

    def __init__(self, on_reply: Callable[[Reply], None]) -> None:
        self._on_reply = on_reply
        self._closed = False
        self.answering: set[str] = set()
        self.failing: str | None = None
        """The reason why nothing can be sent."""
        self.sent: list[tuple[str, int]] = []

    def send(self, target: str, sequence: int) -> None:
        if not 0 <= sequence < SEQUENCES:
            raise ValueError(f"a sequence number has 16 bits: {sequence}")
        if self.failing is not None:
            raise ProbeFailure(self.failing)
        self.sent.append((target, sequence))
        if target in self.answering:
            self.answer(target, sequence)

    def answer(self, target: str, sequence: int) -> None:
        """Answer a probe, perhaps late."""
        if not self._closed:
            self._on_reply(Reply(target, sequence, time.monotonic()))

    def close(self) -> None:
        self._closed = True
