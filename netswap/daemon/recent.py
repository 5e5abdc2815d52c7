"""The last transitions, kept in memory, and the clock on the wall that they are told by."""

from __future__ import annotations

import time
from collections import OrderedDict, deque

from netswap.core.actions import Kind

KEPT = 500
Entry = tuple[float, str, str, str]
"""When (seconds since the epoch), kind, link, text."""


class Recent:
    """A bounded list of transitions."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=KEPT)

    def add(self, kind: Kind, link: str, text: str) -> Entry:
        """Note what has just happened."""
        entry = time.time(), kind.value, link, text
        self._entries.append(entry)
        return entry

    def since(self, at: float) -> list[Entry]:
        """Return what happened since then, oldest first."""
        return [entry for entry in self._entries if entry[0] >= at]


class Wall:
    """From monotonic times to times on the wall; one and the same answer for the same time.

    A clock that is set does not move the past.
    """

    def __init__(self) -> None:
        self._known: OrderedDict[float, float] = OrderedDict()

    def __call__(self, at_s: float) -> float:
        """Return seconds since the epoch."""
        if at_s not in self._known:
            self._known[at_s] = round(time.time() - time.monotonic() + at_s, 3)
            if len(self._known) > KEPT:
                self._known.popitem(last=False)
        return self._known[at_s]
