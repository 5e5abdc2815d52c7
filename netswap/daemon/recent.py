"""The last transitions, kept in memory, and the clock on the wall that they are told by."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from datetime import date

from netswap.core.actions import Kind

KEPT = 500
SET_S = 0.05
"""By so much the clock on the wall was set; less is its being steered (adjtimex(8)), and let be."""
SETTINGS = 1000
"""Of the clock, that are remembered; a sleep is one, too."""
Entry = tuple[float, str, str, str]
"""When (seconds since the epoch), kind, link, text."""


def wall_s() -> float:
    """Return seconds since the epoch, by the clock that people see."""
    return time.time()


class Recent:
    """A bounded list of transitions."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        """Begin; `now_s` tells seconds since the epoch."""
        self._now_s = now_s
        self._entries: deque[Entry] = deque(maxlen=KEPT)

    def add(self, kind: Kind, link: str, text: str) -> Entry:
        """Note what has just happened."""
        entry = self._now_s(), kind.value, link, text
        self._entries.append(entry)
        return entry

    def since(self, at: float) -> list[Entry]:
        """Return what happened since then, oldest first."""
        return [entry for entry in self._entries if entry[0] >= at]


class Wall:
    """The clock on the wall, and from monotonic times to times on it.

    One and the same answer for the same time: a clock that is set does not move the past.
    """

    def __init__(
        self,
        now_s: Callable[[], float] = wall_s,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.now_s = now_s
        """Seconds since the epoch."""
        self._monotonic_s = monotonic_s
        self._looked_s = -math.inf
        self._ahead: deque[tuple[float, float]] = deque(maxlen=SETTINGS)
        """From when on, monotonic, and by how much it was ahead."""

    def today(self) -> date:
        """Return the day, where the computer is."""
        return date.fromtimestamp(self.now_s())

    def ahead_s(self) -> float:
        """Return by how much it is ahead of the monotonic clock: what changes where it is set."""
        return self.now_s() - self._monotonic_s()

    def __call__(self, at_s: float) -> float:
        """Return seconds since the epoch."""
        ahead_s = self.ahead_s()
        if not self._ahead or abs(ahead_s - self._ahead[-1][1]) > SET_S:
            self._ahead.append((self._looked_s, ahead_s))
        self._looked_s = self._monotonic_s()
        then_s = (then_s for since_s, then_s in reversed(self._ahead) if at_s > since_s)
        return round(at_s + next(then_s, self._ahead[0][1]), 3)
