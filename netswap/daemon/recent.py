"""The last transitions, kept in memory, and the clock on the wall that they are told by."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable
from datetime import date

from netswap.core.actions import Kind

KEPT = 500
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
        self._known: OrderedDict[float, float] = OrderedDict()

    def today(self) -> date:
        """Return the day, where the computer is."""
        return date.fromtimestamp(self.now_s())

    def ahead_s(self) -> float:
        """Return by how much it is ahead of the monotonic clock: what changes where it is set."""
        return self.now_s() - self._monotonic_s()

    def __call__(self, at_s: float) -> float:
        """Return seconds since the epoch."""
        if at_s not in self._known:
            self._known[at_s] = round(self.ahead_s() + at_s, 3)
            if len(self._known) > KEPT:
                self._known.popitem(last=False)
        return self._known[at_s]
