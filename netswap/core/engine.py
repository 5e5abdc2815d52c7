"""The engine: facts in, requests out, and when it wants to be called again.

    engine.handle(event, now_s)      tell it what happened
    engine.take_actions()            what it wants done, in order
    engine.next_deadline_s()    call handle(Elapsed(), …) then, if nothing happens before
    engine.snapshot(now_s)           what it thinks

It observes, decides, plans, and waits for the world to show the effect: a step that was issued is
not done. One batch of steps is under way at a time. `now_s` is monotonic and never goes back.
"""

from __future__ import annotations

from array import array
from dataclasses import replace
from itertools import takewhile
from math import inf

from netswap.core import plan as planning
from netswap.core import policy, report, words
from netswap.core.actions import (
    Action,
    AnnounceSwap,
    Apply,
    Block,
    Connect,
    Disconnect,
    EndConnections,
    Say,
    Step,
    Unblock,
)
from netswap.core.addresses import RecentAddresses
from netswap.core.attempts import Attempts, independent
from netswap.core.dial import Dial
from netswap.core.events import (
    Applied,
    Checked,
    Doubted,
    Elapsed,
    Event,
    Forgiven,
    Observed,
    Overridden,
    ProbeFailed,
    Replied,
    Slept,
    Used,
)
from netswap.core.model import Desired, Link, LinkSnapshot, Mode, Override, Snapshot, State, World
from netswap.core.settings import Settings
from netswap.core.tracks import Tracks

ASTRAY_S = 0.5
"""A metric is put right within 30 ms. Where that takes longer, NetworkManager hangs or refuses."""


class Engine:
    """All of netswap's decisions, for one set of settings."""

    def __init__(self, settings: Settings, now_s: float) -> None:
        self._settings = settings
        self._world = World()
        self._picked = False
        """Whether nobody chose the links of this world."""
        self._tracks = Tracks(settings, self._say)
        self._override = Override()
        self._desired = Desired(None, frozenset(), "nothing observed yet", hold=True)
        self._active: Link | None = None
        """The link that is desired, as it was last seen; it may be gone since."""
        self._reason = self._desired.reason
        self._since_s = now_s
        self._swapped_s = -inf
        """When traffic was moved last, as far as that is a reason not to move it again."""
        self._needed: tuple[Step, ...] = ()
        self._attempts = Attempts()
        self._addresses = RecentAddresses()
        self._owed: dict[str, EndConnections] = {}
        """Links behind the guard whose connections could not be ended when it was set."""
        self._dial = Dial(settings, self._say, now_s)
        self._lingers: dict[str, float] = {}
        """Links that were left while they worked → when their connections have had their time."""
        self._under_way: tuple[Step, ...] | None = None
        self._astray_since_s: float | None = None
        """Since when the kernel has sent by a link into the guard before it."""
        self._stuck = False
        self._stopping = False
        self._actions: list[Action] = []
        self._decision_s = inf
        """When there is something to decide by itself; probes decide nothing while all is well."""

    def handle(self, event: Event, now_s: float) -> bool:
        """Take in what happened; return whether anything may be different now.

        By far the commonest events change nothing but counts: a probe is due, a link that is well
        replies. Nothing is decided then.
        """
        changed = not isinstance(event, Elapsed)
        match event:
            case Observed(world=world):
                self._observe(world, now_s)
            case Applied(world=world, failed=failed, error=error):
                self._applied(failed, error, world, now_s)
                self._observe(world, now_s)
            case Overridden() | Forgiven():
                self._asked(event)
            case Replied() | ProbeFailed() | Checked() | Doubted() | Slept() | Used():
                changed = self._tracks.take(event, now_s)
        if isinstance(event, Slept):
            self._wake(event.slept_s, now_s)
        if not changed and now_s < self._due_s():
            return False
        changed |= self._tracks.expire(now_s)
        if not self._stopping:
            changed |= now_s >= self._decision_s
            self._go_on(now_s, decide=changed)
        return changed

    def _wake(self, slept_s: float, now_s: float) -> None:
        """Go on after a sleep. Times that are told to the user went on meanwhile."""
        self._tracks.age(slept_s)
        self._dial.wake(now_s)
        self._swapped_s -= slept_s
        self._lingers = {name: at_s - slept_s for name, at_s in self._lingers.items()}
        until_s = self._override.until_s - slept_s
        self._override = replace(self._override, until_s=until_s)

    def _go_on(self, now_s: float, *, decide: bool) -> None:
        if decide:
            self._end_override(now_s)
            self._decide(now_s)
            self._plan(now_s)
            self._decision_s = self._next_decision_s(now_s)
        self._actions += self._tracks.send(self._desired.active, self._world, now_s)

    def reconfigure(self, settings: Settings) -> None:
        """Go on with other settings, keeping what is known; observe right afterwards."""
        self._settings = settings
        if not settings.guard.linger_s:
            self._lingers.clear()
        self._tracks.reconfigure(settings)
        self._dial.reconfigure(settings)

    @property
    def down(self) -> frozenset[str]:
        """The links that are down."""
        return frozenset(name for name in self._tracks.healths if self._dead(name))

    def spares(self, link: str) -> bool:
        """Tell whether traffic can do without a link, or without what was one.

        It cannot where it might go by a dead one instead. While steps are under way nobody knows.
        """
        up = self._tracks.up
        others = [other for other in self._world.links if other.name != link and other.v4]
        leads = self._world.leader in others and self._world.leader.name in up
        return not self.busy and (leads or all(other.name in up for other in others))

    def stop(self) -> None:
        """Ask for the last batch: leave everything as found (see `plan_stop`)."""
        self._stopping = True
        fit = frozenset(name for name, health in self._tracks.healths.items() if health.works)
        steps = planning.plan_stop(self._world, self._tracks.up, fit)
        free = planning.released_at_stop(self._world, self._tracks.up, fit)
        kept = planning.kept_at_stop(self._world, self._tracks.up, fit)
        if kept and kept not in free:
            self._actions.append(words.kept(kept))
        self._actions += [
            words.stays_connected(link)
            for link in self._world.links
            if link.dialled and link not in free
        ]
        self._actions += [words.step(step, "netswap is stopping") for step in steps]
        self._go_on_leaving(steps)

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

    def take_times_s(self) -> dict[str, array[float]]:
        """Return each link's round trips, seconds, since the last call."""
        return self._tracks.take_times_s()

    def next_deadline_s(self) -> float | None:
        """Return when to call again at the latest; None where only an event can matter."""
        if self._stopping:
            return None
        due_s = self._due_s()
        return due_s if due_s < inf else None

    def _due_s(self) -> float:
        """Return when something is due, infinity: never."""
        probing_s = self._tracks.deadline_s(self._desired.active, self._world)
        return min(probing_s, self._decision_s)

    def _next_decision_s(self, now_s: float) -> float:
        """Return when to decide again though nothing happened, infinity: never."""
        times = [self._override.until_s, *self._lingers.values()]
        if now_s < self._rested_s:
            times.append(self._rested_s)
        if self._under_way is None:
            if self._astray_since_s is not None and now_s < self._astray_since_s + ASTRAY_S:
                times.append(self._astray_since_s + ASTRAY_S)
            times += self._dial.deadlines(self._world, now_s)
            times.append(self._attempts.deadline_s(self._needed, now_s))
        return min(times)

    def snapshot(self, now_s: float) -> Snapshot:
        """Return all that there is to know."""
        world, active = self._world, self._desired.active
        return Snapshot(
            now_s=now_s,
            active=active,
            condition=report.condition(world, self._tracks.healths),
            reason=self._desired.reason if self._desired.hold else self._reason,
            since_s=self._since_s,
            override=self._override,
            managed=world.managed,
            links=tuple(self._shown(link) for link in world.links),
            rests_until_s=self._rested_s if self._rests(now_s) else 0.0,
            picked=self._picked,
        )

    @property
    def _rested_s(self) -> float:
        """Until when the last swap is too recent for one to a better link."""
        return self._swapped_s + self._settings.damping.stay_s

    def _rests(self, now_s: float) -> bool:
        """Whether there is a better link that has to wait."""
        return now_s < self._rested_s and self._select(rested=True).active != self._desired.active

    def _select(self, *, rested: bool) -> Desired:
        return policy.select(self._world, self._tracks.healths, self._override, rested=rested)

    def _shown(self, link: Link) -> LinkSnapshot:
        track, six = self._tracks.four(link.name), self._tracks.six(link.name)
        assert track
        shown = report.link(link, track, six, self._world, self._desired.active)
        return report.on_demand(shown, self._dial.trouble(link.name))

    def _say(self, say: Say) -> None:
        self._actions.append(say)

    # what happened

    def _observe(self, seen: World, now_s: float) -> None:
        for before, link in self._tracks.renamed(seen):
            self._rename(before.name, link.name)
        world = self._addresses.recall(seen, now_s, self._lingers)
        if world.managed != self._world.managed:
            self._actions.append(words.manager(running=world.managed))
        for name in self._tracks.observe(world, now_s):
            self._attempts.forget(name)
        self._world, self._picked = world, not self._settings.link

    def _rename(self, before: str, name: str) -> None:
        """Go on with what was asked of a link, and promised, under its other name."""
        if self._override.link == before:
            self._override = replace(self._override, link=name)
            self._dial.ask(self._override)
        if before in self._lingers:
            self._lingers[name] = self._lingers.pop(before)

    def _applied(self, failed: Step | None, error: str, world: World, now_s: float) -> None:
        steps, self._under_way = self._under_way or (), None
        self._attempts.finished(steps, now_s)
        for step in takewhile(lambda step: step != failed, steps):
            if isinstance(step, EndConnections):
                self._addresses.ended(step.addresses)
                self._owed.pop(step.link, None)
        if failed is None:
            return
        behind = steps[steps.index(failed) + 1 :]
        self._attempts.untried(independent(failed, behind, world, self._desired.active))
        if isinstance(failed, EndConnections) and failed.ifname:
            self._owed[failed.link] = failed
        if self._stopping:
            self._actions.append(words.failed(failed, error))
            self._go_on_leaving(behind)
            return
        if isinstance(failed, Connect | Disconnect):
            again_s = self._dial.failed(failed, error, now_s)
        else:
            again_s = self._attempts.failed(failed, now_s)
        self._actions.append(words.failed(failed, error, again_s - now_s))

    def _go_on_leaving(self, steps: tuple[Step, ...]) -> None:
        """Take the rest of the last batch: there is no next time for what failed."""
        if steps:
            self._under_way = steps
            self._actions.append(Apply(steps))

    def _asked(self, event: Overridden | Forgiven) -> None:
        """Do as the user says, at once."""
        self._swapped_s = -inf
        if isinstance(event, Overridden):
            self._overrule(event.override, "asked by the user")
        else:
            self._tracks.forgive()

    def _overrule(self, override: Override, why: str) -> None:
        if override != self._override:
            self._override = override
            self._dial.ask(override)
            self._actions.append(words.mode(override, why))

    def _end_override(self, now_s: float) -> None:
        if now_s >= self._override.until_s:
            self._overrule(Override(), "the time that was asked for is over")

    # what to do about it

    def _decide(self, now_s: float) -> None:
        self._end_pin(now_s)
        before, was_nowhere = self._active, self._desired.reason == policy.NOWHERE
        leader = self._world.leader
        under_way = leader is not None and leader.name != self._desired.active
        rested = under_way or now_s >= self._rested_s
        desired = self._select(rested=rested)
        after = self._world.link(desired.active)
        if desired.active != self._desired.active:
            desired = replace(desired, reason=self._cause(desired))
            self._reason = desired.reason
            there = before and self._world.link(before.name)  # else it is called otherwise now
            if there or not (before and after and before.renamed(after)):
                self._since_s = now_s
                self._note_swap(before, after, desired, now_s)
        elif not desired.hold and (
            self._desired.hold or policy.ASKED in (desired.reason, self._desired.reason)
        ):
            self._reason = desired.reason
        if desired.reason == policy.NOWHERE and not was_nowhere:
            self._actions.append(words.nowhere(after))
        self._desired, self._active = desired, after or self._active

    def _cause(self, desired: Desired) -> str:
        """Return why traffic goes elsewhere: the kernel may go by a third link meanwhile."""
        left = self._tracks.four(self._desired.active or "")
        if desired.hold or left is None or left.health.up or desired.reason == policy.ASKED:
            return desired.reason
        return f"{left.link.name}: {left.health.reason}"

    def _note_swap(
        self, before: Link | None, after: Link | None, desired: Desired, now_s: float
    ) -> None:
        """Tell that traffic goes by another link, whoever moved it."""
        if not before or not after or before.name == after.name:
            return
        self._let_linger(before.name, after.name, now_s)
        if desired.hold:
            say = words.moved(before, after)
        else:
            say = words.swap(before, after, desired.reason)
            self._swapped_s = now_s
        self._actions += [say, AnnounceSwap(before.name, after.name, desired.reason)]

    def _let_linger(self, left: str, taken: str, now_s: float) -> None:
        """Let connections over a link that works finish, if that is wanted."""
        self._lingers.pop(taken, None)
        track, linger_s = self._tracks.four(left), self._settings.guard.linger_s
        if linger_s and track and track.health.works and not track.health.capped:
            self._lingers[left] = now_s + linger_s

    def _end_pin(self, now_s: float) -> None:
        """Let the user's choice go when that link is dead, unless it was meant even so."""
        pin = self._override
        unknown = self._settings.link and self._world.link(pin.link) is None
        if pin.mode is Mode.PINNED and unknown:
            self._overrule(Override(), f"{pin.link} is no link any more")
        elif pin.mode is Mode.PINNED and not pin.even_if_dead and self._dead(pin.link):
            track = self._tracks.four(pin.link)
            if self._dial.brings(pin.link, self._world, self._tracks.healths, now_s):
                return
            why = track.health.reason if track else "it is gone"
            self._overrule(Override(), f"{pin.link}: {why}")

    def _dead(self, link: str) -> bool:
        track = self._tracks.four(link)
        return track is None or track.health.state is State.DOWN

    def _lets_linger(self, link: str) -> bool:
        """Whether connections may go on over a link; it may have to prove itself again."""
        track = self._tracks.four(link)
        if track is None or track.health.state is State.DOWN:
            return False
        return not (track.health.fault or track.health.capped)

    def _plan(self, now_s: float) -> None:
        self._dial.observe(self._world, self._tracks.healths, self._desired.active, now_s)
        self._lingers = {
            name: at_s
            for name, at_s in self._lingers.items()
            if at_s > now_s and self._lets_linger(name)
        }
        world = self._world.with_lingering(self._lingers)
        desired = self._spared(now_s)
        self._needed = planning.plan(desired, world, self._tracks.touchable, self._settings.metric)
        self._needed += self._still_owed(desired)
        self._attempts.forgive_all_but(self._needed, now_s)
        self._note_stuck()
        steps = self._ready(now_s)
        held = set(self._needed) - set(steps)
        # Traffic must not be moved to a link that could not be unblocked.
        if self._under_way is not None or any(isinstance(s, Unblock) for s in held):
            return
        if steps := steps or self._dialled(now_s):
            for step in steps:
                self._actions.append(words.step(step, self._why(step)))
                self._attempts.issued(step, now_s)
            self._under_way = steps
            self._actions.append(Apply(steps))

    def _ready(self, now_s: float) -> tuple[Step, ...]:
        """Return what may be done now; connections are ended whenever their link is blocked.

        Where it cannot be blocked they are ended once, and again only as often as that is tried.
        """
        ready = [step for step in self._needed if self._attempts.ready(step, now_s)]
        blocked = {step.ifname for step in ready if isinstance(step, Block)}
        return tuple(
            step
            for step in self._needed
            if step in ready or (isinstance(step, EndConnections) and step.ifname in blocked)
        )

    def _still_owed(self, desired: Desired) -> tuple[Step, ...]:
        """Return what is to be ended yet of links that are and stay guarded, unless it is anew."""
        anew = {step.link for step in self._needed if isinstance(step, EndConnections)}
        self._owed = {
            name: step
            for name, step in self._owed.items()
            if step.ifname in self._world.guarded and name in desired.guarded - anew
        }
        return tuple(self._owed.values())

    def _spared(self, now_s: float) -> Desired:
        """Return what is wanted, without the guard before a link that has led for too long.

        Somebody else made it lead, and the metric cannot be put right: a leak is better than
        being offline.
        """
        leader = self._world.leader
        if leader is None or leader.ifname not in self._world.guarded:
            self._astray_since_s = None
            return self._desired
        self._astray_since_s = now_s if self._astray_since_s is None else self._astray_since_s
        if now_s < self._astray_since_s + ASTRAY_S:
            return self._desired
        return replace(self._desired, guarded=self._desired.guarded - {leader.name})

    def _dialled(self, now_s: float) -> tuple[Step, ...]:
        """Return what to do about links on demand, once there is nothing else to do."""
        step = self._dial.step(self._world, self._tracks.healths, self._override.mode, now_s)
        if isinstance(step, Disconnect):
            self._tracks.let_go(step.link)
        return (step,) if step else ()

    def _why(self, step: Step) -> str:
        if isinstance(step, Block):
            return f"{self._desired.active} is active"
        if isinstance(step, Connect):
            return self._why_connected(step.link)
        if isinstance(step, Disconnect):
            link = self._world.link(step.link)
            return "it is not needed any more" if link and link.usable else "it took too long"
        if step.link == self._desired.active:
            return "it becomes active"
        return "traffic goes by it" if self._astray_since_s is not None else "it is free"

    def _why_connected(self, name: str) -> str:
        if self._override.mode is Mode.PINNED:
            return "asked by the user"
        healths = self._tracks.healths
        before = takewhile(lambda link: link.name != name, self._world.links)
        working = [healths[link.name] for link in before if healths[link.name].works]
        if working and all(health.capped for health in working):
            return "every link before it fails, or has used up its data"
        return "a link before it may be failing" if working else "every link before it fails"

    def _note_stuck(self) -> None:
        """Say once that there is nothing to be done although the wrong link leads."""
        active = self._world.link(self._desired.active)
        stuck = bool(
            active and active.name in self._tracks.up and not self._needed
            and self._world.managed and not self._desired.hold and not self._world.leads(active)
        )  # fmt: skip
        if active and stuck and not self._stuck:
            self._actions.append(words.stuck(active))
        self._stuck = stuck
