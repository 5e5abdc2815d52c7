"""One link over time: when it is probed, which probes are under way, what they say of its health.

Rules: a probe that is not answered before the next one is due (`interval_s`) is lost; a reply to a
lost probe still counts as late for `LATE_S`; nothing is counted while the link has an obstacle.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from math import inf

from netswap.core import health as evidence
from netswap.core.health import Health
from netswap.core.model import Link, State
from netswap.core.settings import ProbeSettings

LATE_S = 10.0
REMEMBERED = 60
"""How many of the last probes the loss is told of."""
SEQUENCES = 1 << 16
PUNCTUAL = 0.02
"""A probe that is sent this share of its interval late is still on time."""


@dataclass(frozen=True, slots=True)
class _Probe:
    sent_s: float
    lost_s: float


class Track:
    """The probing of one link."""

    def __init__(
        self, settings: ProbeSettings, link: Link, state: State, now_s: float, *, new: bool
    ) -> None:
        self.link = link
        self.health = Health(state=state, since_s=now_s)
        self._settings = settings
        self._activation = link.activation if link.usable and not new else ""
        """The last one that was seen at work: the lease of another one is fresh."""
        self._sequence = 0
        self._slot_s = -inf
        """When the newest probe was due; the next one is due an interval later, without drift."""
        self._waiting: dict[int, _Probe] = {}
        self._missed: dict[int, _Probe] = {}
        self._outcomes: deque[bool] = deque(maxlen=REMEMBERED)
        """Which of the last probes were answered."""
        if not link.usable:
            self._obstruct(now_s)
        elif new:
            self.connect(state, now_s)

    def observe(self, link: Link, state_if_new: State, now_s: float) -> None:
        """Take note of how the link looks now; another device behind it is a new start."""
        replaced = link.ifname != self.link.ifname
        self.link = link
        if not link.usable:
            self._obstruct(now_s)
        elif self.health.obstacle or replaced:
            self.connect(state_if_new, now_s)
        else:  # another activation without anything in between: NetworkManager was restarted
            self._activation = link.activation

    def connect(self, state: State, now_s: float) -> None:
        """Begin anew with a link that was just activated; nothing if it has an obstacle."""
        if self.link.usable:
            fresh = self.link.activation != self._activation
            self._activation = self.link.activation
            self.health = evidence.connected(self.health, state, now_s, fresh=fresh)
            self._forget()

    def send(self, now_s: float, interval_s: float) -> int | None:
        """Return the sequence of the probe to send now, None when none is due."""
        due_s = self._slot_s + interval_s
        if self.health.obstacle or now_s < due_s:
            return None
        self._slot_s = due_s if now_s - due_s < interval_s else now_s
        self._sequence = (self._sequence + 1) % SEQUENCES
        self._waiting[self._sequence] = _Probe(now_s, self._lost_s(now_s))
        self.health = evidence.sent(self.health)
        return self._sequence

    def _lost_s(self, now_s: float) -> float:
        """Return when a probe sent now is lost: with the next one's slot, to wake up once for both.

        One that was sent late, on a busy machine, has its full time all the same.
        """
        punctual = now_s - self._slot_s < PUNCTUAL * self._settings.interval_s
        return (self._slot_s if punctual else now_s) + self._settings.interval_s

    def replied(self, sequence: int, now_s: float) -> None:
        """Count a reply, be it in time or late; one to no probe of ours is ignored."""
        if probe := self._waiting.pop(sequence, None):
            self._missed.clear()
            self._outcomes.append(True)
            rtt_s = now_s - probe.sent_s
            self.health = evidence.replied(self.health, rtt_s, self._settings.rise, now_s)
        elif late := self._missed.pop(sequence, None):
            self._missed = {s: p for s, p in self._missed.items() if p.sent_s > late.sent_s}
            if False in self._outcomes:
                self._outcomes[self._outcomes.index(False)] = True
            rtt_s = now_s - late.sent_s
            self.health = evidence.replied_late(self.health, rtt_s, len(self._missed), now_s)

    def failed(self, sequence: int, reason: str) -> None:
        """Forget a probe that could not be sent: a local error says nothing about the link."""
        if self._waiting.pop(sequence, None):
            self.health = evidence.unsent(self.health, reason)

    def expire(self, now_s: float) -> list[Health]:
        """Count the probes that are lost by now; return the health after each of them."""
        after = []
        for sequence, probe in list(self._waiting.items()):
            if now_s >= probe.lost_s:
                self._missed[sequence] = self._waiting.pop(sequence)
                self._outcomes.append(False)
                self.health = evidence.lost(self.health, self._settings.fall, now_s)
                after.append(self.health)
        self._missed = {s: p for s, p in self._missed.items() if p.sent_s > now_s - LATE_S}
        return after

    def deadline_s(self, interval_s: float) -> float | None:
        """Return when `expire` or `send` has something to do next."""
        if self.health.obstacle:
            return None
        return min([self._slot_s + interval_s, *(p.lost_s for p in self._waiting.values())])

    @property
    def loss(self) -> float | None:
        """Share of the last probes that were lost, 0 to 1; None where none was decided."""
        if not self._outcomes:
            return None
        return self._outcomes.count(False) / len(self._outcomes)

    def reconfigure(self, settings: ProbeSettings) -> None:
        """Go on with other settings."""
        self._settings = settings

    def _obstruct(self, now_s: float) -> None:
        obstacle = self.link.obstacle or "no IPv4 default route"
        self.health = evidence.obstructed(self.health, obstacle, now_s)
        self._forget()

    def _forget(self) -> None:
        self._waiting.clear()
        self._missed.clear()
        self._slot_s = -inf
