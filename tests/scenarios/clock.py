"""Simulated time: it jumps from one thing to the next."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from math import inf


class Clock:
    """What is to happen later, in the order of time, then in the order it was asked for."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self._later: list[tuple[float, int, Callable[[], None]]] = []
        self._count = itertools.count()

    def at(self, at_s: float, callback: Callable[[], None]) -> None:
        """Call back at a time."""
        heapq.heappush(self._later, (at_s, next(self._count), callback))

    def later(self, delay_s: float, callback: Callable[[], None]) -> None:
        """Call back after a while."""
        self.at(self.now_s + delay_s, callback)

    @property
    def next_s(self) -> float:
        """When the next callback is due."""
        return self._later[0][0] if self._later else inf

    def advance(self, to_s: float) -> bool:
        """Go to a time; call back once if something is due. Returns whether something was."""
        assert to_s >= self.now_s, f"time goes back from {self.now_s} to {to_s}"
        self.now_s = to_s
        if self.next_s > to_s:
            return False
        heapq.heappop(self._later)[2]()
        return True
