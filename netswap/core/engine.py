"""The engine: facts in, requests out, and when it wants to be called again.

    engine.handle(event, now_s)      tell it what happened
    engine.take_actions()            what it wants done, in order
    engine.next_deadline_s(now_s)    call handle(Elapsed(), …) then, if nothing happens before
    engine.snapshot(now_s)           what it thinks

It observes, decides, plans, and waits for the world to show the effect: a step that was issued is
not done. One batch of steps is under way at a time. `now_s` is monotonic and never goes back.
"""

from __future__ import annotations

from netswap.core import plan as planning
from netswap.core import policy, report, words
from netswap.core.actions import Action, AnnounceSwap, Apply, Block, SendProbe, Step, Unblock
from netswap.core.attempts import Attempts
from netswap.core.events import Applied, Elapsed, Event, Observed, Overridden, ProbeFailed, Replied
from netswap.core.health import PROVING, Health
from netswap.core.model import Desired, Link, Mode, Override, Snapshot, State, World
from netswap.core.settings import Settings
from netswap.core.track import Track


class Engine:
    """All of netswap's decisions, for one set of settings."""

    def __init__(self, settings: Settings, now_s: float) -> None:
        self._settings = settings
        self._world = World()
        self._started = False
        """Whether the world was seen once: a link that is new after that was just connected."""
        self._tracks: dict[str, Track] = {}
        self._override = Override()
        self._desired = Desired(None, frozenset(), "nothing observed yet", hold=True)
        self._active: Link | None = None
        """The link that is desired, as it was last seen; it may be gone since."""
        self._reason = self._desired.reason
        self._since_s = now_s
        self._needed: tuple[Step, ...] = ()
        self._attempts = Attempts()
        self._lingers: dict[str, float] = {}
        """Links that were left while they worked → when their connections have had their time."""
        self._under_way: tuple[Step, ...] | None = None
        self._stuck = False
        self._stopping = False
        self._actions: list[Action] = []

    def handle(self, event: Event, now_s: float) -> None:
        """Take in what happened."""
        match event:
            case Observed(world):
                self._observe(world, now_s)
            case Replied(link, sequence):
                self._replied(link, sequence, now_s)
            case ProbeFailed(link, sequence, reason):
                self._probe_failed(link, sequence, reason)
            case Applied(world, failed, error):
                self._applied(failed, error, now_s)
                self._observe(world, now_s)
            case Overridden(override):
                self._overrule(override, "asked by the user")
            case Elapsed():
                pass
        self._expire(now_s)
        if not self._stopping:
            self._decide(now_s)
            self._plan(now_s)
            self._probe(now_s)

    def reconfigure(self, settings: Settings) -> None:
        """Go on with other settings, keeping what is known; observe right afterwards."""
        self._settings = settings
        for track in self._tracks.values():
            track.reconfigure(settings.probe)

    def stop(self) -> None:
        """Ask for the last batch: leave everything as found (see `plan_stop`)."""
        self._stopping = True
        steps = planning.plan_stop(self._world, self._up)
        if kept := planning.kept_at_stop(self._world, self._up):
            self._actions.append(words.kept(kept))
        self._actions += [words.step(step, "netswap is stopping") for step in steps]
        self._actions.append(Apply(steps))

    @property
    def busy(self) -> bool:
        """Whether steps are under way."""
        return self._under_way is not None

    @property
    def arrived(self) -> bool:
        """Whether the kernel was seen to send by the link that is wanted, if one is."""
        active = self._world.link(self._desired.active)
        return active is None or self._desired.hold or self._world.leads(active)

    def take_actions(self) -> list[Action]:
        """Return what is to be done, in this order, and forget it."""
        actions, self._actions = self._actions, []
        return actions

    def next_deadline_s(self, now_s: float) -> float | None:
        """Return when to call again at the latest; None where only an event can matter."""
        if self._stopping:
            return None
        deadlines = [track.deadline_s(self._interval_s(track)) for track in self._tracks.values()]
        if self._override.until_s != Override().until_s:
            deadlines.append(self._override.until_s)
        deadlines += self._lingers.values()
        if self._under_way is None:
            deadlines.append(self._attempts.deadline_s(self._needed, now_s))
        return min((at for at in deadlines if at is not None), default=None)

    def snapshot(self, now_s: float) -> Snapshot:
        """Return all that there is to know."""
        world, active = self._world, self._desired.active
        return Snapshot(
            now_s=now_s,
            active=active,
            condition=report.condition(world, self._healths),
            reason=self._desired.reason if self._desired.hold else self._reason,
            since_s=self._since_s,
            override=self._override,
            managed=world.managed,
            links=tuple(
                report.link(link, self._tracks[link.name], world, active) for link in world.links
            ),
        )

    # what happened

    def _observe(self, world: World, now_s: float) -> None:
        if world.managed != self._world.managed:
            self._actions.append(words.manager(running=world.managed))
        states = [self._state_if_new(link, world) for link in world.links]
        for link, state in zip(world.links, states, strict=True):
            self._observe_link(link, state, now_s)
        for name in self._tracks.keys() - {link.name for link in world.links}:
            self._actions.append(words.gone(self._tracks.pop(name).link))
        self._world, self._started = world, True

    def _state_if_new(self, link: Link, world: World) -> State:
        """Return how a link starts that is connected from now on.

        With another working link there is something to lose, and it must rise first. Without, one
        reply will do.
        """
        works = any(other.usable and other.name in self._up for other in world.others(link))
        return State.DOWN if works else State.UNKNOWN

    def _observe_link(self, link: Link, state: State, now_s: float) -> None:
        if track := self._tracks.get(link.name):
            before, ifname = track.health, track.link.ifname
            track.observe(link, state, now_s)
        else:
            before, ifname = Health(), ""
            track = self._tracks[link.name] = Track(
                self._settings.probe, link, state, now_s, new=self._started
            )
        if link.ifname not in ("", ifname):
            self._actions.append(words.probing(link, self._settings.probe.targets))
        connected = track.health.reason == PROVING and before.reason != PROVING
        if connected:
            self._attempts.forget(link.name)
        if connected or before.state is not track.health.state:
            self._actions.append(words.transition(link, track.health))

    def _replied(self, name: str, sequence: int, now_s: float) -> None:
        if track := self._tracks.get(name):
            before = track.health
            track.replied(sequence, now_s)
            if track.health.late and track.health.up and not before.late:
                self._actions.append(words.late(track.link, track.health))
            self._note_change(track.link, before, track.health)

    def _probe_failed(self, name: str, sequence: int, reason: str) -> None:
        if track := self._tracks.get(name):
            before = track.health
            track.failed(sequence, reason)
            if track.health.local_error not in ("", before.local_error):
                self._actions.append(words.cannot_probe(track.link, reason))

    def _applied(self, failed: Step | None, error: str, now_s: float) -> None:
        self._attempts.finished(self._under_way or (), now_s)
        self._under_way = None
        if failed is not None:
            again_s = self._attempts.failed(failed, now_s) - now_s
            self._actions.append(words.failed(failed, error, again_s))

    def _overrule(self, override: Override, why: str) -> None:
        if override != self._override:
            self._override = override
            self._actions.append(words.mode(override, why))

    def _expire(self, now_s: float) -> None:
        for track in self._tracks.values():
            before = track.health
            for health in track.expire(now_s):
                if before.state is not State.DOWN:
                    self._actions.append(words.loss(track.link, health, self._settings.probe))
                self._note_change(track.link, before, health)
                before = health
        if now_s >= self._override.until_s:
            self._overrule(Override(), "the time that was asked for is over")

    def _note_change(self, link: Link, before: Health, after: Health) -> None:
        if before.state is not after.state:
            self._actions.append(words.transition(link, after))

    # what to do about it

    def _decide(self, now_s: float) -> None:
        self._end_pin()
        before, was_nowhere = self._active, self._desired.reason == policy.NOWHERE
        desired = policy.select(self._world, self._healths, self._override)
        after = self._world.link(desired.active)
        if desired.active != self._desired.active:
            self._since_s, self._reason = now_s, desired.reason
            if before and after:
                self._let_linger(before.name, after.name, now_s)
                say = (
                    words.moved(before, after)
                    if desired.hold
                    else (words.swap(before, after, desired.reason))
                )
                self._actions += [say, AnnounceSwap(before.name, after.name, desired.reason)]
        elif self._desired.hold and not desired.hold:
            self._reason = desired.reason
        if desired.reason == policy.NOWHERE and not was_nowhere:
            self._actions.append(words.nowhere(after))
        self._desired, self._active = desired, after or self._active

    def _let_linger(self, left: str, taken: str, now_s: float) -> None:
        """Let connections over a link that works finish, if that is wanted."""
        self._lingers.pop(taken, None)
        track, linger_s = self._tracks.get(left), self._settings.guard.linger_s
        if linger_s and track and track.health.up:
            self._lingers[left] = now_s + linger_s

    def _end_pin(self) -> None:
        """Let the user's choice go when that link is dead, unless it was meant even so."""
        pin = self._override
        if pin.mode is Mode.PINNED and not pin.even_if_dead:
            track = self._tracks.get(pin.link)
            if track is None or track.health.state is State.DOWN:
                why = track.health.reason if track else "it is gone"
                self._overrule(Override(), f"{pin.link}: {why}")

    def _plan(self, now_s: float) -> None:
        self._lingers = {name: at_s for name, at_s in self._lingers.items() if at_s > now_s}
        world = self._world.with_lingering(self._lingers)
        self._needed = planning.plan(self._desired, world, self._touchable, self._settings.metric)
        self._attempts.forgive_all_but(self._needed, now_s)
        self._note_stuck()
        steps = tuple(step for step in self._needed if self._attempts.ready(step, now_s))
        held = set(self._needed) - set(steps)
        # Traffic must not be moved to a link that could not be unblocked.
        if self._under_way is not None or not steps or any(isinstance(s, Unblock) for s in held):
            return
        for step in steps:
            self._actions.append(words.step(step, self._why(step)))
            self._attempts.issued(step, now_s)
        self._under_way = steps
        self._actions.append(Apply(steps))

    def _why(self, step: Step) -> str:
        if isinstance(step, Block):
            return f"{self._desired.active} is active"
        return "it becomes active" if step.link == self._desired.active else "it is free"

    def _note_stuck(self) -> None:
        """Say once that there is nothing to be done although the wrong link leads."""
        active = self._world.link(self._desired.active)
        stuck = bool(
            active and active.name in self._up and not self._needed
            and self._world.managed and not self._desired.hold and not self._world.leads(active)
        )  # fmt: skip
        if active and stuck and not self._stuck:
            self._actions.append(words.stuck(active))
        self._stuck = stuck

    def _probe(self, now_s: float) -> None:
        for name, track in self._tracks.items():
            sequence = track.send(now_s, self._interval_s(track))
            if sequence is not None:
                self._actions.append(SendProbe(name, track.link.ifname, sequence))

    def _interval_s(self, track: Track) -> float:
        """Return the seconds between two probes: a metered backup at rest is asked less often."""
        probe = self._settings.probe
        active = self._tracks.get(self._desired.active or "")
        preferred = bool(self._world.links) and track.link.name == self._world.links[0].name
        rests = track is not active and track.link.metered and not preferred
        health = track.health
        settled = health.sent and (health.clean or (not health.up and not health.replies))
        calm = active is not None and active.health.clean
        known = health.state is not State.UNKNOWN
        if rests and settled and calm and known:
            return max(probe.interval_s, probe.standby_interval_s)
        return probe.interval_s

    # what is known

    @property
    def _healths(self) -> dict[str, Health]:
        return {name: track.health for name, track in self._tracks.items()}

    @property
    def _up(self) -> frozenset[str]:
        return frozenset(name for name, track in self._tracks.items() if track.health.up)

    @property
    def _touchable(self) -> frozenset[str]:
        return frozenset(name for name, track in self._tracks.items() if track.health.touchable)
