"""One link over time: when it is probed, which probes are under way, what they say of its health.

A round is one probe to every target. It is answered when `reliability` targets have answered, and
lost when they have not within the link's own deadline (`rtt`); a reply to a lost round still counts
as late for `LATE_S`. Rounds are due at whole multiples of the interval, so that those of all links
fall together and wake the computer once. After a lost round the next ones follow at once,
`confirm_interval_s` apart, until one is answered or the link is down. Nothing is counted while the
link has an obstacle.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import replace
from math import floor, inf

from netswap.core import health as evidence
from netswap.core.check import Checks, Failure
from netswap.core.damping import Penalty
from netswap.core.health import Health
from netswap.core.model import Link, State
from netswap.core.quality import Round, Window
from netswap.core.rtt import Rtt
from netswap.core.settings import CheckSettings, Settings

LATE_S = 10.0
REPEAT_S = 0.1
"""Linux repeats a lost ARP request after 1 s (retrans_time_ms, man 7 arp); until then all probes of
a link of which nothing is known wait, and their replies come after that."""
SEQUENCES = 1 << 16
TIMES = 1200
"""Round trips that are kept until somebody asks: a minute's, at the closest interval."""
CLOSELY, WITH_NONE_TO_SPARE = 10, 4
"""How many times as often a link is probed that has just lost something.

Less where every target has to answer: a good one may answer a few times a second, and no more.
"""
ON_THEIR_WAY = 3
"""So many of those rounds may be at one time: on a slow line more would be lost together."""
_ON_TIME_S = 1e-6
"""Clocks are floating point: a moment before a slot is in it."""


class Track:
    """The probing of one link, by one version of IP."""

    def __init__(  # noqa: PLR0913 (all that a track begins with)
        self,
        settings: Settings,
        link: Link,
        state: State,
        now_s: float,
        *,
        new: bool,
        version: int = 4,
    ) -> None:
        self.link = link
        self.version = version
        self.health = Health(state=state, since_s=now_s)
        self._settings = settings
        self._activation = link.activation if self._usable and not new else ""
        """The last one that was seen at work: the lease of another one is fresh."""
        self._sequence = 0
        self._slot_s = -inf
        """When the newest round was due."""
        self._waiting: dict[int, Round] = {}
        self._missed: dict[int, Round] = {}
        self._answered: dict[int, Round] = {}
        """The newest answered one, in which other targets may still answer."""
        self._rtt = Rtt()
        self._times_s = array("d")
        self._window = self._new_window()
        self._checks = Checks(self._wanted_checks)
        if not self._usable:
            self._obstruct(now_s)
        elif new:
            self.connect(state, now_s)

    def observe(self, link: Link, state_if_new: State, now_s: float) -> None:
        """Take note of how the link looks now; another device behind it is a new start."""
        replaced = link.ifname != self.link.ifname
        self.link = link
        if not self._usable:
            self._obstruct(now_s)
        elif self.health.obstacle or replaced:
            self.connect(state_if_new, now_s)
        else:  # another activation without anything in between: NetworkManager was restarted
            self._activation = link.activation

    def rename(self, link: Link, settings: Settings) -> None:
        """Go on under another name. What is under way is answered under the old one."""
        self.link = link
        self._waiting.clear()
        self._missed.clear()
        self.reconfigure(settings)
        self._checks.rest()

    def connect(self, state: State, now_s: float) -> None:
        """Begin anew with a link that was just activated; nothing if it has an obstacle."""
        if self._usable:
            fresh = self.link.activation != self._activation
            self._activation = self.link.activation
            self.health = evidence.connected(self.health, state, now_s, fresh=fresh)
            self._forget()

    def wake(self, now_s: float) -> None:
        """Begin anew after a sleep."""
        self.health = evidence.woken(self.health, now_s)
        self._forget()

    # probing

    def send(self, now_s: float, interval_s: float) -> int | None:
        """Return the sequence of the round to send now, None when none is due."""
        due_s = self._due_s(interval_s)
        if self.health.obstacle or now_s < due_s - _ON_TIME_S:
            return None
        hasty = self._hasty and now_s >= self._excused_s
        punctual = not hasty and now_s - due_s < interval_s
        self._slot_s = due_s if punctual else now_s
        self._sequence = (self._sequence + 1) % SEQUENCES
        self._waiting[self._sequence] = Round(now_s, self._lost_s(now_s), counts=not hasty)
        self.health = evidence.sent(self.health)
        return self._sequence

    def _lost_s(self, now_s: float) -> float:
        """Return when a round that leaves now is lost.

        While nothing is known, all rounds wait until the first one is lost, but half its time at
        least: a link that has answered none of several by then is dead.
        """
        if self.health.state is not State.UNKNOWN:
            return now_s + self.patience_s
        first_s = min((r.sent_s for r in self._waiting.values()), default=now_s)
        return max(first_s + self.patience_s + REPEAT_S, now_s + self.patience_s / 2)

    def hurry(self, now_s: float) -> bool:
        """Let the next round be due at once, unless one is on its way that tells as much.

        Return whether it is.
        """
        if not self.health.up or self.health.suspect:
            return False
        rounds = [*self._waiting.values(), *self._answered.values()]
        newest_s = max((r.sent_s for r in rounds), default=-inf)
        if now_s - newest_s <= self._settings.probe.confirm_interval_s:
            return False
        self._slot_s = -inf
        return True

    def _due_s(self, interval_s: float) -> float:
        """Return when the next round is due; interval_s is what it would be with nothing wrong."""
        if self._slot_s == -inf:
            return -inf
        if not self._hasty:
            return self._calm_due_s(interval_s)
        hasty_s = self._slot_s + self._settings.probe.confirm_interval_s
        excused_s = self._excused_s
        return hasty_s if hasty_s >= excused_s else min(excused_s, self._calm_due_s(interval_s))

    def _calm_due_s(self, interval_s: float) -> float:
        if self._closest_s < interval_s < self._settings.probe.interval_s:
            return self._slot_s + interval_s  # it changes with each reply, and with it the slots
        return (floor(self._slot_s / interval_s + _ON_TIME_S) + 1) * interval_s

    @property
    def _hasty(self) -> bool:
        """Whether there is a verdict to be reached soon: on a suspicion, or for want of any.

        There is none where this computer can send nothing.
        """
        wanted = self.health.suspect or self.health.state is State.UNKNOWN
        return wanted and not self.health.mute(self._slot_s)

    @property
    def _excused_s(self) -> float:
        """Return until when the oldest loss may be another late reply, as the last one was.

        Replies that come a little later than is ever waited for would keep it in haste for ever.
        Where they come so late that haste brings the link down, it may.
        """
        probe = self._settings.probe
        forgiven_s = self.patience_s + (probe.fall - 2) * probe.confirm_interval_s
        late = self.health.late and (self.health.rtt_s or 0) <= forgiven_s
        if not late or not self._missed:
            return -inf
        oldest_s = min(missed.sent_s for missed in self._missed.values())
        return oldest_s + min(self._rtt.expected_s, forgiven_s)

    def replied(self, sequence: int, target: str, now_s: float) -> None:
        """Count a reply, be it in time or late; one to no round of ours is ignored."""
        known = self._waiting.get(sequence) or self._missed.get(sequence)
        if (heard := known or self._answered.get(sequence)) is None:
            return
        heard.answered.add(target)
        if known is None or len(heard.answered) < self._needed:
            return
        heard.rtt_s = now_s - heard.sent_s
        self._rtt = self._rtt.after(heard.rtt_s)
        self._times_s.append(heard.rtt_s)
        del self._times_s[:-TIMES]
        if self._waiting.pop(sequence, None):
            self._missed.clear()
            self._answered = {sequence: heard}
            self._window.add(heard)
            rise = self._settings.probe.rise
            self._note(evidence.replied(self.health, heard.rtt_s, rise, now_s))
        else:
            self._missed = {s: r for s, r in self._missed.items() if r.sent_s > heard.sent_s}
            newer = len(self._missed)
            self._note(evidence.replied_late(self.health, heard.rtt_s, newer, now_s))

    def failed(self, sequence: int, reason: str, now_s: float) -> None:
        """Forget a round that could not be sent: a local error says nothing about the link."""
        if self._waiting.pop(sequence, None):
            self.health = evidence.unsent(self.health, reason, now_s)

    def expire(self, now_s: float) -> list[tuple[Health, float]]:
        """Count the rounds that are lost by now.

        Return the health after each of them, and for how many seconds it was waited for.
        """
        after = []
        for sequence, waiting in list(self._waiting.items()):
            if now_s >= waiting.lost_s - _ON_TIME_S:
                self._missed[sequence] = self._waiting.pop(sequence)
                self._window.add(waiting)
                self._note(evidence.lost(self.health, self._settings.probe.fall, now_s))
                after.append((self.health, waiting.lost_s - waiting.sent_s))
        if self._missed:
            self._missed = {s: r for s, r in self._missed.items() if r.sent_s > now_s - LATE_S}
        return after

    def deadline_s(self, interval_s: float) -> float:
        """Return when `expire` or `send` has something to do next, or infinity."""
        if self.health.obstacle:
            return inf
        return min([self._due_s(interval_s), *[r.lost_s for r in self._waiting.values()]])

    # checking

    def start_checks(self, now_s: float, *, rests: bool) -> list[tuple[CheckSettings, int]]:
        """Return the checks to be made now, each with the number of its run."""
        if not self._answers(rests=rests):
            self._checks.rest()
            return []
        return list(self._checks.start(now_s, rests=rests))

    def checked(self, run: int, ok: bool | None, reason: str, now_s: float) -> Failure | None:
        """Take in what came of a check; return what there is to say of it."""
        failure = self._checks.end(run, ok, reason, now_s)
        self.health = evidence.checked(self.health, self._checks.fault)
        return failure

    def check_deadline_s(self, *, rests: bool) -> float:
        """Return when `start_checks` has something to do next, or infinity."""
        return self._checks.deadline_s(rests=rests) if self._answers(rests=rests) else inf

    def _answers(self, *, rests: bool) -> bool:
        """Whether it answers pings; one that is used may have to rise first."""
        return self.health.up or (bool(self.health.replies) and not rests)

    # what is known

    def take_times_s(self) -> array[float]:
        """Return the round trips since the last call, late replies' too."""
        times_s, self._times_s = self._times_s, array("d")
        return times_s

    @property
    def patience_s(self) -> float:
        """How long a reply may take now, seconds."""
        return self._rtt.deadline_s(self._settings.probe)

    def _note(self, after: Health) -> None:
        """Take in what a round has shown. What counts for quality is the time since it rose.

        What was degraded before it went down is so when it rises, until enough is known.
        """
        if after.state is not self.health.state:
            self._window.clear()
        elif after.up and not after.losses and self._window.enough:
            # what is suspect may be down in a moment; a new window knows nothing better yet
            verdict = self._window.verdict(self._settings.quality, degraded=bool(after.degraded))
            after = evidence.assessed(after, verdict)
        self.health = after

    def spare(self, why: str) -> None:
        """Use it only where no other link works, for this reason; "": no more."""
        self.health = evidence.capped(self.health, why)

    def penalise(self, now_s: float) -> None:
        """Put a failure on its account."""
        self.health = evidence.failed(self.health, self._settings.damping, now_s)

    def serve(self, now_s: float) -> bool:
        """Stop holding it back once its time has come; return whether it has."""
        if not now_s >= self.health.penalty.suppressed_until_s > 0:
            return False
        self.health = evidence.served(self.health, self._settings.damping, now_s)
        return True

    def resume(self, penalty: Penalty) -> None:
        """Go on with the account of a link of that name."""
        self.health = replace(self.health, penalty=penalty)

    def forgive(self) -> None:
        """Clear its account."""
        self.health = evidence.forgiven(self.health)

    @property
    def uneasy(self) -> bool:
        """Whether the link is up but something was lost lately, and it is not settled what."""
        return self.health.up and not self.health.degraded and self._window.uneasy

    @property
    def close_interval_s(self) -> float:
        """How far apart its rounds are while it is uneasy."""
        interval_s = self._settings.probe.interval_s
        return min(interval_s, max(self._closest_s, self.patience_s / ON_THEIR_WAY))

    @property
    def _closest_s(self) -> float:
        spare = len(self.targets) > self._needed
        return self._settings.probe.interval_s / (CLOSELY if spare else WITH_NONE_TO_SPARE)

    @property
    def loss(self) -> float | None:
        """Share of the last probes that were lost, 0 to 1; None where none was decided."""
        return self._window.loss

    @property
    def losses(self) -> dict[str, float]:
        """The same of each target."""
        return self._window.losses()

    @property
    def targets(self) -> Sequence[str]:
        """The addresses that a round asks."""
        probe = self._settings.probe
        return probe.targets if self.version == 4 else probe.targets6

    def reconfigure(self, settings: Settings) -> None:
        """Go on with other settings."""
        before = self._sampling
        self._settings = settings
        if self._sampling != before:
            self._window = self._new_window()
        self._checks.reconfigure(self._wanted_checks)
        self.health = evidence.checked(self.health, self._checks.fault)

    @property
    def _sampling(self) -> tuple[object, ...]:
        """What a window of rounds is about."""
        return self.targets, self._needed, self._settings.quality.window

    def _new_window(self) -> Window:
        return Window(self.targets, self._needed, self._settings.quality.window)

    @property
    def _wanted_checks(self) -> list[CheckSettings]:
        checks = self._settings.check if self.version == 4 else ()
        return [check for check in checks if check.concerns(self.link.name)]

    @property
    def _needed(self) -> int:
        """How many targets must answer."""
        return min(self._settings.probe.reliability, len(self.targets))

    @property
    def _usable(self) -> bool:
        route = self.link.v4 if self.version == 4 else self.link.v6
        return not self.link.obstacle and route is not None

    def _obstruct(self, now_s: float) -> None:
        obstacle = self.link.obstacle or f"no IPv{self.version} default route"
        self.health = evidence.obstructed(self.health, obstacle, now_s)
        self._forget()

    def _forget(self) -> None:
        self._waiting.clear()
        self._missed.clear()
        self._answered.clear()
        self._window.clear()
        self._checks.forget()
        self._rtt = Rtt()
        self._slot_s = -inf
