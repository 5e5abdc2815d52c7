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
from netswap.core import policy, words
from netswap.core.actions import Action, AnnounceSwap, Apply, Level, Say, SendProbe, Step, Unblock
from netswap.core.attempts import Attempts
from netswap.core.events import Applied, Elapsed, Event, Observed, ProbeFailed, Replied
from netswap.core.health import Health
from netswap.core.model import Desired, Link, LinkSnapshot, Role, Snapshot, State, World
from netswap.core.settings import Settings
from netswap.core.track import Track


class Engine:
    """All of netswap's decisions, for one set of settings."""

    def __init__(self, settings: Settings, now_s: float) -> None:
        self._settings = settings
        self._world: World | None = None
        self._tracks: dict[str, Track] = {}
        self._desired = Desired(None, frozenset(), "nothing observed yet")
        self._since_s = now_s
        self._needed: tuple[Step, ...] = ()
        self._attempts = Attempts()
        self._applying = False
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
                self._observe(world, now_s)
                self._applied(failed, error, now_s)
            case Elapsed():
                pass
        self._expire(now_s)
        self._decide(now_s)
        self._probe(now_s)

    def stop(self) -> None:
        """Ask for the last batch: leave everything as found (see `plan_stop`)."""
        self._stopping = True
        steps = planning.plan_stop(self._world, self._up) if self._world else ()
        if self._world and (kept := planning.kept_at_stop(self._world, self._up)):
            self._say(words.kept(kept), Level.WARNING)
        self._actions.append(Apply(steps))

    def take_actions(self) -> list[Action]:
        """Return what is to be done, in this order, and forget it."""
        actions, self._actions = self._actions, []
        return actions

    def next_deadline_s(self, now_s: float) -> float | None:
        """Return when to call again at the latest; None where only an event can matter."""
        deadlines = [track.deadline_s(self._interval_s(track)) for track in self._tracks.values()]
        if not self._applying:
            deadlines.append(self._attempts.deadline_s(self._needed, now_s))
        return min((at for at in deadlines if at is not None), default=None)

    def snapshot(self, now_s: float) -> Snapshot:
        """Return all that there is to know."""
        world = self._world or World()
        links = tuple(self._link_snapshot(link, world) for link in world.links)
        active = self._track(self._desired.active)
        return Snapshot(
            now_s=now_s,
            active=self._desired.active,
            reason=self._desired.reason,
            since_s=self._since_s,
            online=active is not None and active.health.state is not State.DOWN,
            links=links,
        )

    # what happened

    def _observe(self, world: World, now_s: float) -> None:
        # With a working link there is something to lose: a new one must rise first. Without,
        # one reply will do.
        state = State.DOWN if self._up else State.UNKNOWN
        for link in world.links:
            if track := self._tracks.get(link.name):
                before, ifname = track.health, track.link.ifname
                track.observe(link, state, now_s)
            else:
                track = Track(self._settings.probe, link, state, now_s)
                before, ifname = (track.health if link.usable else Health()), ""
                self._tracks[link.name] = track
            if link.ifname and link.ifname != ifname:
                self._say(words.probing(link, self._settings.probe.targets))
            self._say_transition(link, before, track.health)
        for gone in self._tracks.keys() - {link.name for link in world.links}:
            del self._tracks[gone]
        self._world = world

    def _replied(self, name: str, sequence: int, now_s: float) -> None:
        if track := self._track(name):
            before = track.health
            track.replied(sequence, now_s)
            self._say_transition(track.link, before, track.health)

    def _probe_failed(self, name: str, sequence: int, reason: str) -> None:
        if track := self._track(name):
            before = track.health
            track.failed(sequence, reason)
            if before.local_error != reason:
                self._say(words.cannot_probe(track.link, reason), Level.WARNING)

    def _applied(self, failed: Step | None, error: str, now_s: float) -> None:
        self._applying = False
        if failed is not None:
            again_s = self._attempts.failed(failed, now_s) - now_s
            self._say(words.failed(failed, error, again_s), Level.WARNING)

    def _expire(self, now_s: float) -> None:
        for track in self._tracks.values():
            before = track.health
            for health in track.expire(now_s):
                if before.state is not State.DOWN:
                    self._say(words.loss(track.link, health, self._settings.probe), Level.WARNING)
                self._say_transition(track.link, before, health)
                before = health

    # what to do about it

    def _decide(self, now_s: float) -> None:
        if self._world is None or self._stopping:
            return
        desired = policy.select(self._world, self._healths)
        self._announce(desired, now_s)
        self._desired = desired
        self._needed = planning.plan(desired, self._world, self._up, self._settings.metric)
        self._attempts.forgive_all_but(self._needed, now_s)
        steps = tuple(step for step in self._needed if self._attempts.ready(step, now_s))
        held = set(self._needed) - set(steps)
        if self._applying or not steps or any(isinstance(step, Unblock) for step in held):
            return
        for step in steps:
            self._say(*words.step(step))
            self._attempts.issued(step, now_s)
        self._applying = True
        self._actions.append(Apply(steps))

    def _announce(self, desired: Desired, now_s: float) -> None:
        before = self._track(self._desired.active)
        after = self._track(desired.active)
        if desired.active != self._desired.active:
            self._since_s = now_s
            if before and after:
                self._say(words.swap(before.link, after.link, desired.reason))
                self._actions.append(
                    AnnounceSwap(before.link.name, after.link.name, desired.reason)
                )
        nowhere = policy.NOWHERE
        if desired.reason == nowhere and self._desired.reason != nowhere:
            self._say(words.nowhere(after.link if after else None), Level.ERROR)

    def _probe(self, now_s: float) -> None:
        if self._stopping:
            return
        for name, track in self._tracks.items():
            sequence = track.send(now_s, self._interval_s(track))
            if sequence is not None:
                self._actions.append(SendProbe(name, track.link.ifname, sequence))

    def _interval_s(self, track: Track) -> float:
        """Return the seconds between two probes: a metered backup at rest is asked less often."""
        probe = self._settings.probe
        active = self._track(self._desired.active)
        rests = track is not active and track.link.metered and not self._is_preferred(track)
        settled = track.health.losses == 0 and (track.health.up or not track.health.replies)
        if rests and settled and track.health.sent and active and active.health.clean:
            return max(probe.interval_s, probe.standby_interval_s)
        return probe.interval_s

    # what is known

    @property
    def _healths(self) -> dict[str, Health]:
        return {name: track.health for name, track in self._tracks.items()}

    @property
    def _up(self) -> frozenset[str]:
        return frozenset(name for name, track in self._tracks.items() if track.health.up)

    def _track(self, name: str | None) -> Track | None:
        return self._tracks.get(name) if name is not None else None

    def _is_preferred(self, track: Track) -> bool:
        return self._world is not None and track.link.name == self._world.links[0].name

    def _say(self, text: str, level: Level = Level.INFO) -> None:
        self._actions.append(Say(text, level))

    def _say_transition(self, link: Link, before: Health, after: Health) -> None:
        if before.state is not after.state and after.state is not State.UNKNOWN:
            down = after.state is State.DOWN
            self._say(words.transition(link, after), Level.WARNING if down else Level.INFO)

    def _link_snapshot(self, link: Link, world: World) -> LinkSnapshot:
        health = self._tracks[link.name].health
        return LinkSnapshot(
            name=link.name,
            ifname=link.ifname,
            connection=link.connection,
            kind=link.kind,
            metered=link.metered,
            role=Role.ACTIVE if link.name == self._desired.active else Role.STANDBY,
            state=health.state,
            reason=health.local_error or health.reason,
            since_s=health.since_s,
            rtt_s=health.rtt_s,
            last_reply_s=health.last_reply_s,
            sent=health.sent,
            lost=health.lost,
            guarded=link.ifname in world.guarded,
            metric4=link.v4.metric if link.v4 else None,
            metric6=link.v6.metric if link.v6 else None,
        )
