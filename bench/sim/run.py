"""One link, probed by netswap's own `Tracks` over a line, in simulated time.

It does what the engine does around its tracks: a reply or a deadline comes, what is lost by then is
counted, what is due is sent. The clock jumps from one to the next.

Where all packets have fared alike for SETTLED rounds, and will until a known moment, the clock
jumps to the last round before that moment: what is skipped would have left the link as it is, but
for the counters of probes. `tests/sim/test_skipping.py` proves it.
"""

from __future__ import annotations

import heapq
from math import floor, inf
from typing import NamedTuple

from bench.sim.line import Line
from netswap.core.actions import Say, SendProbe
from netswap.core.events import Replied
from netswap.core.health import Health
from netswap.core.model import Link, Route, State, World
from netswap.core.settings import Settings
from netswap.core.track import Track
from netswap.core.tracks import Tracks

NAME = "cable"
WORLD = World((Link(NAME, ifname="cable0", v4=Route(100)),))

CONVERGED = 300
"""After how many equal replies the smoothed round trip is what it will ever be."""


class Change(NamedTuple):
    """What netswap thinks of the link from now on."""

    at_s: float
    verdict: str


def verdict(health: Health) -> str:
    """Sum up a link's health in one word; all but "good" moves traffic to another link."""
    if health.state is State.UP:
        return "degraded" if health.degraded else "good"
    return str(health.state.value)


def _silent(_: Say) -> None:
    pass


class Run:
    """A link that begins up. `changes` are what became of it so far."""

    def __init__(self, settings: Settings, line: Line, *, skips: bool = True) -> None:
        self.line = line
        self.now_s = 0.0
        self.changes: list[Change] = []
        self._interval_s = settings.probe.interval_s
        self._settled_s = max(CONVERGED, settings.quality.window) * self._interval_s
        self._skips = skips
        self._restless_s = 0.0
        """Since when all packets have fared alike."""
        self._steady_s = 0.0
        """Until when they will."""
        self._verdict = ""
        self._tracks = Tracks(settings, _silent)
        self._tracks.observe(WORLD, 0.0)
        self._sent: list[SendProbe] = []
        self._replies: list[tuple[float, int, str]] = []
        """Those on their way, with the time of arrival."""

    @property
    def track(self) -> Track:
        """The link's track, to look at."""
        track = self._tracks.four(NAME)
        assert track
        return track

    @property
    def fine(self) -> bool:
        """Whether the link carries traffic, as far as it is for netswap."""
        return self._verdict == "good"

    def until(self, end_s: float) -> list[Change]:
        """Go on up to a time; return all changes so far."""
        while self.step(end_s):
            pass
        return self.changes

    def until_bad(self, end_s: float) -> float:
        """Go on until netswap gives the link up; return when, infinity where it does not."""
        while self.step(end_s):
            if not self.fine and self._verdict != State.UNKNOWN.value:
                return self.now_s
        return inf

    def step(self, end_s: float) -> bool:
        """Go on to what happens next; return whether something does, up to and with end_s."""
        next_s = max(self.now_s, self._tracks.deadline_s(NAME, WORLD))
        if self._replies:
            next_s = min(next_s, self._replies[0][0])
        elif self._skips and self._settled:
            next_s = max(next_s, self._skip_to_s(end_s))
        if next_s > end_s:
            return False
        self.now_s = next_s
        self._handle(next_s)
        return True

    def _handle(self, now_s: float) -> None:
        if self._replies and self._replies[0][0] <= now_s:
            _, sequence, target = heapq.heappop(self._replies)
            self._tracks.take(Replied(NAME, sequence, target), now_s)
        self._tracks.expire(now_s)
        due = self._tracks.send(NAME, WORLD, now_s)
        self._sent = [probe for probe in due if isinstance(probe, SendProbe)]
        if self._sent:
            self._note_steadiness(now_s)
        self._draw()
        self._note_verdict(now_s)

    def _draw(self) -> None:
        """Settle what becomes of the probes that have just left."""
        for probe in self._sent:
            for target in probe.targets:
                rtt_s = self.line.fate(self.now_s, target)
                if rtt_s is not None:
                    heapq.heappush(self._replies, (self.now_s + rtt_s, probe.sequence, target))

    def redraw(self, seed: int) -> None:
        """Go on with other luck, that of the probes that have just left included."""
        self.line.reseed(seed)
        left = {probe.sequence for probe in self._sent}
        self._replies = [reply for reply in self._replies if reply[1] not in left]
        heapq.heapify(self._replies)
        self._draw()

    def _note_verdict(self, now_s: float) -> None:
        seen = verdict(self.track.health)
        if seen != self._verdict:
            self._verdict = seen
            self._restless_s = now_s
            self.changes.append(Change(now_s, seen))

    # skipping

    def _note_steadiness(self, now_s: float) -> None:
        steady_s = self.line.steady_until(now_s)
        if steady_s != self._steady_s:
            self._steady_s, self._restless_s = steady_s, now_s

    @property
    def _settled(self) -> bool:
        return self.now_s - self._restless_s > self._settled_s and not self.track.uneasy

    def _skip_to_s(self, end_s: float) -> float:
        """Return the last moment of a round before something may be different."""
        served_s = self.track.health.penalty.suppressed_until_s or inf
        steady_s = min(self._steady_s, served_s, end_s)
        return floor(steady_s / self._interval_s) * self._interval_s
