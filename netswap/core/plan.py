"""From what is to what should be: the steps, in their order. The ordering rules live only here.

1. Unblock before the metric moves to a link; block after the kernel was *seen* to lead by another.
   Connections that may go on are held to their link before the metric moves from it.
2. Touch only links that are up, or were activated a moment ago. NetworkManager restarts DHCP on
   every Reapply, and tears down a link whose DHCP server does not answer, so a failed link must
   never be touched: the winner goes below it instead, and if it stands very low, one under it.
3. A backup takes over by being lowered, and is raised again afterwards; the preferred link rests
   where it is, as long as that is between the two. The active link leads after every single step.
4. No metric at or below 50, where VPNs stand.
5. IPv6 is changed where it must be, and never on the link that carries traffic unless it would
   otherwise not lead: NetworkManager flushes IPv6 for a moment when it is touched.
6. The server of a VPN is reached by the active link before the VPN's own link is blocked.
7. A link that NetworkManager's own check holds back (+20000) is checked again at once; until that
   helps, healthy standby links are raised above it.

Nothing is planned that is already so, hence planning from a reached state gives nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from netswap.core.actions import (
    Block,
    Disconnect,
    EndConnections,
    Linger,
    Reach,
    Recheck,
    Restore,
    SetMetric,
    Step,
    Tidy,
    Unblock,
)
from netswap.core.model import PENALTY, Desired, Link, Route, World
from netswap.core.settings import LOWEST_METRIC, MetricSettings

HIGHEST_METRIC = 2**32 - 1
"""The kernel's (rtnetlink(7), RTA_PRIORITY)."""


def plan(
    desired: Desired, world: World, touchable: frozenset[str], metrics: MetricSettings
) -> tuple[Step, ...]:
    """Return what to do now. More may follow once the world was observed again."""
    steps: list[Step] = list(_unblock(desired, world))
    active = world.link(desired.active)
    if active is None or active.v4 is None or desired.hold:
        return tuple(steps)
    steps += _linger(desired, world)
    if world.leads(active):
        steps += _reach(desired, world, active, touchable)
        steps += _block(desired, world, touchable)
        steps += (EndConnections(name, "", lost) for name, lost in world.orphans.items())
    if world.managed and (desired.forced or active.name in touchable):
        four, six = (_Family(v, world, active, touchable, metrics) for v in (4, 6))
        steps += _move(four, six)
    return tuple(steps)


def plan_stop(world: World, up: frozenset[str], fit: frozenset[str]) -> tuple[Step, ...]:
    """Return how to leave: everything as found, except what would move traffic to a dead link.

    While a link that is not up, or not `fit` since it fails a check, still has a default route, the
    link that leads keeps its metric. Where none is up there is nothing to lose, and all are put
    back: a dead backup would go on leading when the preferred link works again, and nobody be there
    to mend it. What netswap connected is disconnected, but for what traffic needs.
    """
    steps: list[Step] = [
        Unblock(_name_of(world, ifname), ifname) for ifname in sorted(world.guarded)
    ]
    keep = kept_at_stop(world, up, fit)
    free = released_at_stop(world, up, fit)
    kept = (keep, *free)
    works = any(link.name in up for link in world.links)
    put_back = fit if keep and fit else up  # one with a fault might come to stand before `keep`
    wanted = [link for link in world.links if (link.name in put_back if works else link.usable)]
    restored = [link for link in wanted if link not in kept]
    if not keep:  # before what NetworkManager is asked for: there may be no time left after it
        steps += [
            Reach(_name_of(world, s.found), s.found, s.address) for s in world.servers if s.own
        ]
    steps += [Restore(link.name, patient=not works) for link in restored]
    steps += [Tidy(link.name) for link in restored if link.doubled]
    return (*steps, *(Disconnect(link.name) for link in free))


def kept_at_stop(world: World, up: frozenset[str], fit: frozenset[str]) -> Link | None:
    """Return the link that must keep its metric at exit, None if all can be put back.

    Even one that fails a check does not give way to one that is dead.
    """
    leader = world.leader
    as_good = fit if leader and leader.name in fit else up
    dead = [link for link in world.links if link.v4 and link.name not in as_good]
    return leader if dead and leader not in dead else None


def released_at_stop(world: World, up: frozenset[str], fit: frozenset[str]) -> tuple[Link, ...]:
    """Return the links that netswap connected and that nobody needs.

    Another one leads and works, or will when they are gone, for all others are fit. Without
    NetworkManager nothing can be disconnected.
    """
    leader = world.leader
    if leader is None or leader.name not in up or not world.managed:
        return ()
    dialled = tuple(link for link in world.links if link.dialled)
    rest = [link for link in world.links if link.v4 and not link.dialled]
    better = any(world.index(link) < world.index(leader) for link in rest)
    if better and fit.issuperset(link.name for link in rest):
        return dialled
    return tuple(link for link in dialled if link != leader)


def _unblock(desired: Desired, world: World) -> Iterator[Step]:
    wanted = {link.ifname for link in world.links if link.name in desired.guarded}
    for ifname in sorted(world.guarded - wanted):
        yield Unblock(_name_of(world, ifname), ifname)


def _linger(desired: Desired, world: World) -> Iterator[Step]:
    for link in world.links:
        lingering = link.barrier is not None and link.barrier.lingering
        left = link.name in desired.guarded and link.ifname not in world.guarded
        if left and lingering and link.addresses:
            yield Linger(link.name, link.ifname, link.addresses)


def _block(desired: Desired, world: World, touchable: frozenset[str]) -> Iterator[Step]:
    for link in world.links:
        barrier = link.barrier
        if link.name not in desired.guarded or not link.ifname or barrier is None:
            continue
        guarded = link.ifname in world.guarded
        stands = world.barriers.get(link.ifname, barrier)
        if not guarded or stands != barrier:
            waits = not guarded and not barrier.lingering and link.name in touchable
            yield Block(link.name, link.ifname, barrier, link.addresses if waits else ())
        if link.addresses and (not guarded or (stands.lingering and not barrier.lingering)):
            yield EndConnections(
                link.name, link.ifname, link.addresses, barrier.allow, not barrier.lingering
            )


def _reach(
    desired: Desired, world: World, active: Link, touchable: frozenset[str]
) -> Iterator[Step]:
    """Have the server of a VPN reached by the active link while the VPN's own link is left."""
    links = {link.ifname: link for link in world.links if link.ifname}
    for server in world.servers:
        link = links.get(server.found)
        left = link and (link.name in desired.guarded or link.name not in touchable)
        wanted = active.ifname if left and link != active else server.found
        if server.ifname != wanted:
            yield Reach(_name_of(world, wanted), wanted, server.address)


def _name_of(world: World, ifname: str) -> str:
    return next((link.name for link in world.links if link.ifname == ifname), ifname)


def _move(four: _Family, six: _Family) -> Iterator[Step]:
    """Yield the metric steps, so that the active link leads after each of them.

    It is lowered before the others are raised, and raised after they were; of the others, the one
    that leads is raised last. Where the active link cannot go below a dead one, the others are not
    raised, for that might move traffic to the dead link.
    """
    active = four.active
    assert active.v4
    recheck = [Recheck(active.name)] if active.v4.penalised or active.limited else []
    if four.cornered:
        yield from recheck
        return
    v4 = four.own()
    v6 = six.own() if v4 is not None or six.overtaken else None
    own: list[Step] = [SetMetric(active.name, v4, v6)] if v4 is not None or v6 is not None else []
    others: list[Step] = []
    if not four.held_back(v4):
        for link in sorted(four.world.others(active), key=four.lead, reverse=True):
            others += _stand_by(link, four, six, v4, v6)
    raised = v4 is not None and v4 > active.v4.base
    yield from others + own if raised else own + others
    yield from recheck


def _stand_by(
    link: Link, four: _Family, six: _Family, own4: int | None, own6: int | None
) -> Iterator[Step]:
    if link.name in four.touchable:
        v4, v6 = four.standby(link, own4), six.standby(link, own6)
        if v4 is not None or v6 is not None:
            yield SetMetric(link.name, v4, v6)
    elif link.usable and link.stale:  # safe even now: settings that are unchanged restart nothing
        yield Tidy(link.name)


@dataclass(frozen=True, slots=True)
class _Family:
    """One version of IP: where each link's default route should stand."""

    version: int
    world: World
    active: Link
    touchable: frozenset[str]
    metrics: MetricSettings

    def own(self) -> int | None:
        """Return the rank to set on the active link.

        None where it is fine, where there is no other device that it might have to lead some day,
        where it must not be touched, and where there is no room.
        """
        route = self._settable(self.active)
        alone = not any(link.ifname for link in self.world.others(self.active))
        if route is None or alone or self.active.name not in self.touchable:
            return None
        lowest, highest, rank = self._wanted
        return None if highest < LOWEST_METRIC or _within(route, lowest, highest) else rank

    def standby(self, link: Link, own: int | None) -> int | None:
        """Return the rank to set on a standby link, None where it is fine.

        `own` is the rank that the active link is given, if any. The preferred link rests where it
        is, if that is between takeover and standby.
        """
        route = self._settable(link)
        if route is None:
            return None
        leader, place = self._leader(own), self.world.index(link)
        if not place and route.metric > leader and _within(route, *self._rest):
            return None
        rank = self.metrics.standby + place - 1 if place else self.metrics.preferred
        held_back = route.penalised and route.base == rank
        if leader >= (rank + PENALTY if held_back else rank):
            rank = leader + 1 + place
        fits = route.metric in (rank, rank + PENALTY) and route.dns_priority in (None, rank)
        return None if fits and route.confirmed else rank

    def lead(self, link: Link) -> tuple[int, bool]:
        """Return how far behind a link stands; of two alike, the guarded one is behind."""
        route = self._route(link)
        return route.metric if route else 0, link.ifname in self.world.guarded

    @property
    def cornered(self) -> bool:
        """Whether the active link cannot lead: a link that may not be touched stands too low."""
        route = self._route(self.active)
        return route is not None and self._room < min(route.base, LOWEST_METRIC)

    def held_back(self, own: int | None) -> bool:
        """Whether NetworkManager's penalty keeps it, for now, behind a link that is not touched."""
        route = self._route(self.active)
        if route is None or not route.penalised:
            return False
        return any(rival.metric <= self._leader(own) for rival in self._fixed)

    @property
    def overtaken(self) -> bool:
        """Whether a link that may not be touched goes before the active link."""
        route = self._route(self.active)
        return route is not None and self._room < route.base

    def _route(self, link: Link) -> Route | None:
        return link.v4 if self.version == 4 else link.v6

    def _settable(self, link: Link) -> Route | None:
        route = self._route(link)
        return route if route and route.settable else None

    @property
    def _rivals(self) -> list[tuple[Link, Route]]:
        others = ((link, self._route(link)) for link in self.world.others(self.active))
        return [(link, route) for link, route in others if route]

    @property
    def _room(self) -> int:
        """The highest rank below every link that may not be touched.

        Penalties come and go, at the active link and at the others: ranks are held against ranks.
        """
        return min((route.base for route in self._fixed), default=HIGHEST_METRIC) - 1

    @property
    def _fixed(self) -> list[Route]:
        return [
            route
            for link, route in self._rivals
            if link.name not in self.touchable or not route.settable
        ]

    @property
    def _rest(self) -> tuple[int, int]:
        """The lowest and highest rank that the preferred link may rest at."""
        return self.metrics.takeover + 1, self.metrics.standby - 2

    @property
    def _wanted(self) -> tuple[int, int, int]:
        """The lowest and highest rank that are fine for the active link, and the one to set.

        Each takeover from a dead link goes below that. Down to half way the next ones may go on
        from there, without a Reapply for nothing; further down the room is given back as soon as it
        is not needed, or none would be left one day.
        """
        if self.world.index(self.active):
            takeover = self.metrics.takeover
            highest = min(self._room, takeover)
            return min(highest, (LOWEST_METRIC + takeover) // 2), highest, highest
        lowest, highest = self._rest
        highest = min(self._room, highest)
        return min(lowest, highest), highest, min(highest, self.metrics.preferred)

    def _leader(self, own: int | None) -> int:
        """Return the metric that the active link has, or will have; 0 where it has no route."""
        route = self._route(self.active)
        if route is None:
            return 0
        base = route.base if own is None else own
        return base + PENALTY if route.penalised else base


def _within(route: Route, lowest: int, highest: int) -> bool:
    """Whether a route and its name servers already stand where they may."""
    dns_priority = route.base if route.dns_priority is None else route.dns_priority
    within = lowest <= route.base <= highest and lowest <= dns_priority <= highest
    return within and route.confirmed
