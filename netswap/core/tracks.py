"""All links over time: what the probes of each show, and what is said of it.

IPv6 is tracked beside IPv4 where it is probed. It is shown, and decides nothing (see `policy`).
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Mapping
from math import inf

from netswap.core import words
from netswap.core.actions import RunCheck, Say, SendProbe
from netswap.core.caps import Caps
from netswap.core.damping import NO_PENALTY, Penalty
from netswap.core.events import Checked, Doubted, ProbeFailed, Replied, Slept, Used
from netswap.core.health import PROVING, Health
from netswap.core.model import Link, State, World
from netswap.core.settings import Settings
from netswap.core.track import Track


class Tracks:
    """A track for each link; `say` is called with each line for the log."""

    def __init__(self, settings: Settings, say: Callable[[Say], None]) -> None:
        self._settings = settings
        self._say = say
        self._started = False
        """Whether the world was seen once: a link that is new after that was just connected."""
        self._caps = Caps()
        self._let_go: set[str] = set()
        """Links that netswap disconnects: that they go down then is no failure of theirs."""
        self._accounts: dict[str, Penalty] = {}
        """Of links that are none at the moment."""
        self._four: dict[str, Track] = {}
        self._six: dict[str, Track] = {}
        self._dues: dict[Track, float] = {}
        """When each has something to do next, where nothing has happened since that was found."""

    def __iter__(self) -> Iterator[Track]:
        yield from self._four.values()
        yield from self._six.values()

    def four(self, link: str) -> Track | None:
        """Return the track that counts, None where there is no such link."""
        return self._four.get(link)

    def six(self, link: str) -> Track | None:
        """Return the track of IPv6, None where it is not probed."""
        return self._six.get(link)

    @property
    def healths(self) -> Mapping[str, Health]:
        """Each link's health."""
        return {name: track.health for name, track in self._four.items()}

    @property
    def up(self) -> frozenset[str]:
        """The links that are up."""
        return frozenset(name for name, track in self._four.items() if track.health.up)

    @property
    def touchable(self) -> frozenset[str]:
        """The links whose metric may be changed."""
        return frozenset(name for name, track in self._four.items() if track.health.touchable)

    def reconfigure(self, settings: Settings) -> None:
        """Go on with other settings."""
        self._settings = settings
        if not settings.probe.targets6:
            self._six.clear()
            self._dues.clear()
        names = {link.name for link in settings.link}
        for track in self:  # one that is called otherwise by now goes on when that is seen
            if not names or track.link.name in names:
                track.reconfigure(settings)
        for link in settings.link:
            if not link.data_cap and (capped := self._four.get(link.name)):
                capped.spare("")
        if not settings.link:
            for track in self._four.values():
                track.spare("")

    def take_times_s(self) -> dict[str, array[float]]:
        """Return each link's round trips since the last call."""
        return {name: track.take_times_s() for name, track in self._four.items()}

    # what happened

    def observe(self, world: World, now_s: float) -> list[str]:
        """Take note of how the links look; return the names of those that were just connected."""
        self._rename(world)
        states = [self._state_if_new(link, world) for link in world.links]
        connected = [
            link.name
            for link, state in zip(world.links, states, strict=True)
            if self._observe(link, state, now_s)
        ]
        for name in self._four.keys() - {link.name for link in world.links}:
            self._lose(name, now_s)
        self._started = True
        return connected

    def renamed(self, world: World) -> list[tuple[Link, Link]]:
        """Return the links of devices that the configuration calls otherwise now: before, after."""
        former = [track.link for name, track in self._four.items() if not world.link(name)]
        new = [link for link in world.links if link.name not in self._four]
        return [(before, link) for link in new for before in former if before.renamed(link)]

    def _rename(self, world: World) -> None:
        """Go on with what is known of a device that the configuration calls otherwise now."""
        capped = {link.name for link in self._settings.link if link.data_cap}
        for before, link in self.renamed(world):
            for tracks in (self._four, self._six):
                if track := tracks.pop(before.name, None):
                    track.rename(link, self._settings)
                    tracks[link.name] = track
                    if link.name not in capped:
                        track.spare("")
            self._say(words.renamed(before, link))

    def _lose(self, name: str, now_s: float) -> None:
        """Take note that a link is none any more. Where nobody chose the links, its device is gone.

        That is a failure, and its account is kept for when it comes back.
        """
        track = self._four.pop(name)
        self._six.pop(name, None)
        self._say(words.gone(track.link))
        if track.health.up and not self._settings.link:
            track.penalise(now_s)
        self._accounts[name] = track.health.penalty
        damping, accounts = self._settings.damping, self._accounts.items()
        self._accounts = {name: kept for name, kept in accounts if kept.matters(damping, now_s)}

    def _state_if_new(self, link: Link, world: World) -> State:
        """Return how a link starts that is connected from now on.

        With another working link there is something to lose, and it must rise first. Without, one
        reply will do. Another one whose device is another one now has yet to show that it works.
        """
        works = any(
            other.usable and other.name in self.up and known.link.ifname == other.ifname
            for other in world.others(link)
            if (known := self._four.get(other.name))
        )
        return State.DOWN if works else State.UNKNOWN

    def _observe(self, link: Link, state: State, now_s: float) -> bool:
        if track := self._four.get(link.name):
            before, ifname, limited = track.health, track.link.ifname, track.link.limited
            track.observe(link, state, now_s)
        else:
            before, ifname, limited = Health(), "", True
            track = Track(self._settings, link, state, now_s, new=self._started)
            track.resume(self._accounts.pop(link.name, NO_PENALTY))
            self._four[link.name] = track
        if link.ifname not in ("", ifname):
            self._say(words.probing(link, track.targets))
        if link.limited and not limited:
            track.hurry(now_s)
        connected = track.health.reason == PROVING and before.reason != PROVING
        if connected:
            self._let_go.discard(link.name)
        if connected or before.state is not track.health.state:
            self._say(words.transition(link, track.health))
        self._note_failure(track, before, now_s)
        self._observe_six(link, now_s)
        return connected

    def _observe_six(self, link: Link, now_s: float) -> None:
        if not self._settings.probe.targets6:
            self._six.clear()
        elif track := self._six.get(link.name):
            track.observe(link, State.UNKNOWN, now_s)
        else:
            track = Track(self._settings, link, State.UNKNOWN, now_s, new=False, version=6)
            self._six[link.name] = track

    def take(
        self, event: Replied | ProbeFailed | Checked | Doubted | Slept | Used, now_s: float
    ) -> bool:
        """Take in what happened; return whether it changed more than what is shown."""
        match event:
            case Replied():
                return self._replied(event, now_s)
            case ProbeFailed():
                self._failed(event, now_s)
            case Checked():
                self._checked(event, now_s)
            case Doubted(link=link):
                return self._doubt(link, now_s)
            case Slept():
                self._wake(now_s)
            case Used():
                return self._use(event)
        return True

    def _replied(self, reply: Replied, now_s: float) -> bool:
        if track := self._of(reply.link, 6 if ":" in reply.target else 4):
            before = track.health
            track.replied(reply.sequence, reply.target, now_s)
            self._dues.pop(track, None)
            if track.health.late and track.health.up and not before.late:
                self._say(words.late(track.link, track.health))
            self._note_change(track, before, now_s)
            return not track.health.as_good_as(before)
        return False

    def _failed(self, failure: ProbeFailed, now_s: float) -> None:
        if track := self._of(failure.link, failure.version):
            before = track.health
            track.failed(failure.sequence, failure.reason, now_s)
            if track.health.local_error not in ("", before.local_error):
                self._say(words.cannot_probe(track.link, failure.reason))

    def _doubt(self, link: str, now_s: float) -> bool:
        """Probe a link at once: what speaks against it is a reason to ask, and no more."""
        track = self._four.get(link)
        return track is not None and track.hurry(now_s)

    def _checked(self, check: Checked, now_s: float) -> None:
        if track := self._four.get(check.link):
            before = track.health
            if failure := track.checked(check.run, check.ok, check.reason, now_s):
                self._say(words.check_failed(track.link, failure))
            self._note_change(track, before, now_s)

    def _use(self, use: Used) -> bool:
        """Warn of a cap that comes near; spare a link that is beyond it, where that is wanted."""
        settings = next((link for link in self._settings.link if link.name == use.link), None)
        track = self._four.get(use.link)
        if not track or not settings:
            return False
        before = track.health
        if self._caps.nearer(use):
            self._say(words.data_used(track.link, use.share, settings))
        track.spare(self._caps.spares(use, settings))
        return track.health != before

    def forgive(self) -> None:
        """Hold no link back any more."""
        for track in self._four.values():
            if track.health.held_back:
                self._say(words.released(track.link, "asked by the user"))
            track.forgive()
        self._accounts.clear()

    def age(self, slept_s: float) -> None:
        """Let accounts decay, and being held back end, as if the computer had not slept."""
        for track in self._four.values():
            track.resume(track.health.penalty.aged(slept_s))
        self._accounts = {name: kept.aged(slept_s) for name, kept in self._accounts.items()}

    def let_go(self, link: str) -> None:
        """Expect a link to be disconnected."""
        self._let_go.add(link)

    def _wake(self, now_s: float) -> None:
        self._say(words.woken())
        for track in self:
            track.wake(now_s)

    def expire(self, now_s: float) -> bool:
        """Count what is lost by now, and let go whoever was held back for long enough.

        Return whether there was anything.
        """
        changed = False
        for track in self:
            before = heard = track.health
            for health, waited_s in track.expire(now_s):
                if heard.state is not State.DOWN:
                    fall = self._settings.probe.fall
                    self._say(words.loss(track.link, health, fall, waited_s, track.version))
                heard = health
            if track.health is not before:
                self._note_change(track, before, now_s)
                changed = True
            if track.serve(now_s):
                self._say(words.released(track.link, "it has served its time"))
                changed = True
        return changed

    def _of(self, link: str, version: int) -> Track | None:
        return (self._six if version == 6 else self._four).get(link)

    def _note_change(self, track: Track, before: Health, now_s: float) -> None:
        after = track.health
        if before.state is not after.state:
            self._say(words.transition(track.link, after, track.version))
        elif bool(before.degraded) != bool(after.degraded):
            self._say(words.quality(track.link, after))
        elif bool(before.fault) != bool(after.fault):
            self._say(words.fault(track.link, after))
        self._note_failure(track, before, now_s)

    def _note_failure(self, track: Track, before: Health, now_s: float) -> None:
        """Put it on the link's account when it fails, or gets worse."""
        after = track.health
        fails = after.state is State.DOWN or (after.up and after.worse(before))
        let_go = track.link.name in self._let_go and track.link.obstacle
        if fails and before.up and after is not before and track.version == 4 and not let_go:
            track.penalise(now_s)
            if track.health.held_back and not before.held_back and len(self._four) > 1:
                self._say(words.held_back(track.link, track.health, now_s))

    # what is to be done

    def send(
        self, desired: str | None, world: World, now_s: float
    ) -> Iterator[SendProbe | RunCheck]:
        """Yield the probes and checks that are due."""
        self._dues.clear()
        for track in self:
            rests = self._rests(track, desired, world)
            sequence = track.send(now_s, self._interval_s(track, desired, rests=rests))
            link = track.link
            if sequence is not None:
                yield SendProbe(link.name, link.ifname, sequence, track.targets, track.version)
            for check, run in track.start_checks(now_s, rests=rests):
                yield RunCheck(link.name, link.ifname, check, run, link.servers)

    def deadline_s(self, desired: str | None, world: World) -> float:
        """Return when there is something to be done, or infinity."""
        for track in self:
            if track not in self._dues:
                self._dues[track] = self._due_s(track, desired, world)
        return min(self._dues.values(), default=inf)

    def _due_s(self, track: Track, desired: str | None, world: World) -> float:
        rests = self._rests(track, desired, world)
        return min(
            track.deadline_s(self._interval_s(track, desired, rests=rests)),
            track.check_deadline_s(rests=rests),
            track.health.penalty.suppressed_until_s or inf,
        )

    def _interval_s(self, track: Track, desired: str | None, *, rests: bool) -> float:
        """Return the seconds between two probes: a metered backup at rest is asked less often."""
        probe, health = self._settings.probe, track.health
        if not rests:
            return track.close_interval_s if track.uneasy else probe.interval_s
        active = self._four.get(desired or "")
        settled = health.sent and (health.clean or (not health.up and not health.replies))
        calm = active is not None and active.health.clean
        if settled and calm and health.state is not State.UNKNOWN:
            return max(probe.interval_s, probe.standby_interval_s)
        return probe.interval_s

    def _rests(self, track: Track, desired: str | None, world: World) -> bool:
        """Whether it is a metered backup that is not used."""
        link, active = track.link, self._four.get(desired or "")
        if active is not None and active.health.fault:
            return False  # that one is of no use: the first one that is fit again is waited for
        return link.metered and link.name != desired and link.name != world.links[0].name
