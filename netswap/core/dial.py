"""Links on demand: when netswap connects one, and when it lets it go again.

A link on demand is connected when every link before it in the order of preference has failed (is
down, or fails a check), or (`connect_when = "suspect"`) has at least just lost a probe; or at once,
when the user asks for it. One that refuses, or is not connected within `connect_timeout_s`, counts
as failed, too: the next one is tried, and this one again with back-off, 2, 4, 8, … `LONGEST_S`
seconds. It is let go `release_after_s` after a link before it carries traffic again and works, if
it was netswap that connected it; where it is connected on suspicion, each new one begins that time
anew.

A link that is just coming back is waited for, unless nothing can be sent by it. So is the whole
network for `GRACE_S` after a start or a sleep: NetworkManager is busy connecting the others then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from math import inf

from netswap.core import words
from netswap.core.actions import Connect, Disconnect, Say
from netswap.core.health import Health
from netswap.core.model import Link, Mode, Override, State, World
from netswap.core.settings import LinkSettings, Settings

GRACE_S = 10.0
FIRST_S = 2.0
LONGEST_S = 60.0
CARDS = ("wifi", "modem")
"""Kinds of devices that have several connections, and keep their names."""
SHOWN_S = 3.0
"""How long it may take until the world shows what NetworkManager was asked for."""


class _Standing(Enum):
    """What a link means to those after it."""

    WORKS = "they are not needed"
    SUSPECT = "they may be needed in a moment"
    COMING = "wait and see"
    FAILED = "it is their turn"
    CALLABLE = "it can be connected, so they are not needed yet"


_IN_USE = frozenset({_Standing.WORKS, _Standing.SUSPECT, _Standing.COMING})
"""It has its device, or is about to."""


@dataclass(slots=True)
class _Try:
    """The last try to connect a link, by whomever it was begun."""

    at_s: float
    failures: int = 0
    """In a row."""
    going_on: bool = True
    shown: bool = False
    """Whether NetworkManager was seen to connect it."""
    obstacle: str = "nothing happened"

    def fail(self, now_s: float) -> float:
        """Note that it came to nothing; return when to try again."""
        self.at_s, self.failures, self.going_on = now_s, self.failures + 1, False
        return self.again_s

    @property
    def again_s(self) -> float:
        return self.at_s + _patience_s(FIRST_S, self.failures)


@dataclass(slots=True)
class _Farewell:
    """The last time that NetworkManager was asked to disconnect a link."""

    at_s: float
    count: int = 1
    """How often it was asked so far, in vain but for the last time."""

    @property
    def again_s(self) -> float:
        return self.at_s + _patience_s(SHOWN_S, self.count)


def _patience_s(first_s: float, count: int) -> float:
    """Return how long to wait after so many tries in vain: twice as long each time."""
    return min(LONGEST_S, first_s * (1 << min(count, 10)) / 2)


class Dial:
    """Decides, for all links on demand. `say` is called with each line for the log."""

    def __init__(self, settings: Settings, say: Callable[[Say], None], now_s: float) -> None:
        self._say = say
        self._not_before_s = now_s + GRACE_S
        self._tries: dict[str, _Try] = {}
        self._idle_s: dict[str, float] = {}
        """Links that netswap connected → since when a link before them carries traffic."""
        self._let_go: dict[str, _Farewell] = {}
        """Those of them that NetworkManager was asked to disconnect."""
        self._cards: dict[str, str] = {}
        """Links that were connected → the device that NetworkManager chose the last time."""
        self._pinned = ""
        """The link that the user asked for, "" if none."""
        self.reconfigure(settings)

    def reconfigure(self, settings: Settings) -> None:
        """Go on with other settings."""
        self._wanted = {link.name: link for link in settings.link if link.connect == "on-demand"}

    def wake(self, now_s: float) -> None:
        """Let NetworkManager connect by itself first what it can, after a sleep."""
        self._not_before_s = now_s + GRACE_S

    def ask(self, override: Override) -> None:
        """Let the user's word count more than that it failed a moment ago."""
        self._pinned = override.link if override.mode is Mode.PINNED else ""
        if self._pinned and not self._going_on(self._pinned):
            self._tries.pop(self._pinned, None)

    def brings(self, name: str, world: World, healths: Mapping[str, Health], now_s: float) -> bool:
        """Whether a link may soon be up: it can be connected, or is coming already."""
        link = world.link(name)
        if link is None or name not in self._wanted:
            return False
        standing = self._standing(link, healths[name], world, now_s)
        return standing in (_Standing.CALLABLE, _Standing.COMING)

    def trouble(self, link: str) -> str:
        """Return why a link could not be connected the last time, "" if it could."""
        attempt = self._tries.get(link)
        return attempt.obstacle if attempt and attempt.failures else ""

    def observe(
        self, world: World, healths: Mapping[str, Health], desired: str | None, now_s: float
    ) -> None:
        """Take note of what has become of the tries, and of what is not needed any more."""
        if not world.managed:
            return
        active = world.link(desired)
        carrier = active if active == world.leader else None
        for link, wanted in self._on_demand(world):
            if link.ifname and link.kind in CARDS:
                self._cards[link.name] = link.ifname
            self._follow(link, healths[link.name], now_s)
            if (
                carrier
                and link.dialled
                and link.name != self._pinned
                and (carrier.name == self._pinned or _goes_before(carrier, link, world, healths))
                and _suffices(healths[carrier.name], wanted)
            ):
                self._idle_s.setdefault(link.name, now_s)
            else:
                self._idle_s.pop(link.name, None)
                self._let_go.pop(link.name, None)

    def _follow(self, link: Link, health: Health, now_s: float) -> None:
        if health.up:
            self._tries.pop(link.name, None)
        elif link.connecting:
            begun = self._tries.setdefault(link.name, _Try(now_s))
            begun.shown, begun.obstacle = True, link.obstacle
        elif link.usable and (attempt := self._going_on(link.name)):
            attempt.obstacle = health.reason
        elif (
            (attempt := self._going_on(link.name))
            and not link.usable
            and (attempt.shown or now_s >= attempt.at_s + SHOWN_S)
        ):
            self._give_up(link, attempt, now_s)

    def _give_up(self, link: Link, attempt: _Try, now_s: float) -> None:
        again_s = attempt.fail(now_s) - now_s
        self._say(words.not_connected(link, attempt.obstacle, again_s))

    def step(
        self, world: World, healths: Mapping[str, Health], mode: Mode, now_s: float
    ) -> Connect | Disconnect | None:
        """Return what to do now; it counts as being done from then on."""
        if not world.managed or mode is Mode.PAUSED:
            return None
        if (link := self._overdue(world, now_s)) or (link := self._idle(world, now_s)):
            return Disconnect(link.name)
        if mode is Mode.PINNED:
            return self._connect_pinned(world, healths, now_s)
        return self._connect(world, healths, now_s) if now_s >= self._not_before_s else None

    def _connect_pinned(
        self, world: World, healths: Mapping[str, Health], now_s: float
    ) -> Connect | None:
        link, wanted = world.link(self._pinned), self._wanted.get(self._pinned)
        if link is None or wanted is None:
            return None
        if self._standing(link, healths[link.name], world, now_s) is not _Standing.CALLABLE:
            return None
        return self._call(wanted, now_s, only_suspect=False)

    def _connect(self, world: World, healths: Mapping[str, Health], now_s: float) -> Connect | None:
        """Connect the first that can be; those beyond their cap come last, and hold no other up."""
        only_suspect = False
        for link in sorted(world.links, key=lambda link: bool(healths[link.name].capped)):
            match self._standing(link, healths[link.name], world, now_s):
                case _Standing.SUSPECT:
                    only_suspect = True
                case _Standing.CALLABLE if not self._taken(link, world, healths, now_s):
                    return self._call(self._wanted[link.name], now_s, only_suspect=only_suspect)
                case _Standing.WORKS | _Standing.COMING:
                    return None
        return None

    def _taken(self, link: Link, world: World, healths: Mapping[str, Health], now_s: float) -> bool:
        """Whether it may be the device of another link, which would end by its being connected."""
        card = self._cards.get(link.name)
        rivals = [
            other
            for other in world.others(link)
            if other.name in self._wanted and self._cards.get(other.name, card) == card
        ]
        return card is not None and any(
            self._standing(rival, healths[rival.name], world, now_s) in _IN_USE for rival in rivals
        )

    def _call(self, link: LinkSettings, now_s: float, *, only_suspect: bool) -> Connect | None:
        if only_suspect and link.connect_when != "suspect":
            return None
        before = self._tries.get(link.name)
        self._tries[link.name] = _Try(now_s, before.failures if before else 0)
        return Connect(link.name, link.match.uuid, link.match.connection)

    def _standing(self, link: Link, health: Health, world: World, now_s: float) -> _Standing:
        if health.up:
            working = _Standing.WORKS if health.clean else _Standing.SUSPECT
            return _Standing.FAILED if health.fault else working
        if link.usable:
            kept = link == world.leader and health.state is State.UNKNOWN  # see `policy`
            if health.mute(now_s) and not kept:
                return _Standing.FAILED
            coming = health.state is State.UNKNOWN or not health.losses
            return _Standing.COMING if coming else _Standing.FAILED
        if link.name not in self._wanted:
            return _Standing.FAILED
        attempt = self._tries.get(link.name)
        if attempt and attempt.going_on:
            return _Standing.COMING
        waits = link.ifname or (attempt and now_s < attempt.again_s)
        return _Standing.FAILED if waits else _Standing.CALLABLE

    def _overdue(self, world: World, now_s: float) -> Link | None:
        """Return a link that netswap has tried to connect for too long."""
        for link, wanted in self._on_demand(world):
            attempt = self._going_on(link.name)
            if attempt and not link.usable and now_s >= attempt.at_s + wanted.connect_timeout_s:
                self._give_up(link, attempt, now_s)
                if link.dialled:
                    return link
        return None

    def _idle(self, world: World, now_s: float) -> Link | None:
        """Return a link that netswap connected and that is not needed any more."""
        for link, wanted in self._on_demand(world):
            if now_s >= self._release_s(wanted):
                before = self._let_go.get(link.name)
                self._let_go[link.name] = _Farewell(now_s, before.count + 1 if before else 1)
                self._tries.pop(link.name, None)
                return link
        return None

    def failed(self, step: Connect | Disconnect, error: str, now_s: float) -> float:
        """Note that NetworkManager refused; return when it is asked again."""
        attempt = self._tries.get(step.link)
        if isinstance(step, Connect) and attempt:
            attempt.obstacle = error
            return attempt.fail(now_s)
        return max(now_s, self._asked_again_s(step.link))

    def deadlines(self, world: World, now_s: float) -> Iterator[float]:
        """Yield when there may be something to do, if nothing happens before."""
        times = [self._not_before_s] if self._wanted else []
        for link, wanted in self._on_demand(world):
            if attempt := self._tries.get(link.name):
                times += [attempt.again_s, attempt.at_s + SHOWN_S]
                times += [attempt.at_s + wanted.connect_timeout_s]
            times.append(self._release_s(wanted))
        yield from (at_s for at_s in times if now_s < at_s < inf)

    def _release_s(self, wanted: LinkSettings) -> float:
        """Return when a link is to be disconnected, and, where that came to nothing, once more."""
        due_s = self._idle_s.get(wanted.name, inf) + wanted.release_after_s
        return max(due_s, self._asked_again_s(wanted.name))

    def _asked_again_s(self, link: str) -> float:
        farewell = self._let_go.get(link)
        return farewell.again_s if farewell else -inf

    def _on_demand(self, world: World) -> Iterator[tuple[Link, LinkSettings]]:
        for link in world.links:
            if wanted := self._wanted.get(link.name):
                yield link, wanted

    def _going_on(self, link: str) -> _Try | None:
        attempt = self._tries.get(link)
        return attempt if attempt and attempt.going_on else None


def _goes_before(carrier: Link, link: Link, world: World, healths: Mapping[str, Health]) -> bool:
    """Whether what carries traffic is the better one: those beyond their cap come last."""
    first, second = ((bool(healths[n.name].capped), world.index(n)) for n in (carrier, link))
    return first < second


def _suffices(health: Health, on_demand: LinkSettings) -> bool:
    """Whether a link that carries traffic does so well enough to let one on demand go."""
    suspect = on_demand.connect_when == "suspect" and not health.clean
    return health.works and not suspect
