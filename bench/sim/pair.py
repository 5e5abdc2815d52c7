"""Two links under netswap's whole engine, in simulated time: which one carries traffic, and when.

The world obeys every step at once, as a NetworkManager that works does within milliseconds.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from itertools import count
from typing import NamedTuple

from bench.sim.line import Line
from netswap.core.actions import Action, AnnounceSwap, Apply, SendProbe
from netswap.core.engine import Engine
from netswap.core.events import Applied, Elapsed, Event, Observed, Replied
from netswap.core.model import Link, Route, World
from netswap.core.settings import Settings
from tests.unit.worlds import take_all

FIRST, SECOND = "cable", "phone"
START = World(
    (
        Link(FIRST, ifname="cable0", v4=Route(100, 100)),
        Link(SECOND, ifname="tether0", v4=Route(200, 200), metered=True),
    )
)


class Swap(NamedTuple):
    """Traffic moved to another link."""

    at_s: float
    to: str
    reason: str


class Pair:
    """The preferred link with the line given, and a metered backup beside it."""

    def __init__(self, settings: Settings, first: Line, second: Line | None = None) -> None:
        self.swaps: list[Swap] = []
        self._lines: Mapping[str, Line] = {FIRST: first, SECOND: second or Line()}
        self._world = START
        self._engine = Engine(settings, 0.0)
        self._coming: list[tuple[float, int, Event]] = [(0.0, 0, Observed(START))]
        self._count = count(1)

    def until(self, end_s: float) -> list[Swap]:
        """Go on up to a time; return all swaps so far."""
        now_s = 0.0
        while True:
            deadline_s = self._engine.next_deadline_s()
            next_s = end_s if deadline_s is None else deadline_s
            event: Event = Elapsed()
            if self._coming and self._coming[0][0] <= next_s:
                next_s, _, event = heapq.heappop(self._coming)
            if next_s > end_s:
                return self.swaps
            now_s = max(now_s, next_s)
            self._engine.handle(event, now_s)
            for action in self._engine.take_actions():
                self._perform(action, now_s)

    def _perform(self, action: Action, now_s: float) -> None:
        match action:
            case SendProbe(link, _, sequence, targets):
                for target in targets:
                    rtt_s = self._lines[link].fate(now_s, target)
                    if rtt_s is not None:
                        self._later(now_s + rtt_s, Replied(link, sequence, target))
            case Apply(steps):
                self._world = take_all(steps, self._world)
                self._later(now_s, Applied(self._world))
            case AnnounceSwap(_, to, reason):
                self.swaps.append(Swap(now_s, to, reason))

    def _later(self, at_s: float, event: Event) -> None:
        heapq.heappush(self._coming, (at_s, next(self._count), event))
