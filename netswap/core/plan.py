"""From what is to what should be: the steps, in their order. The ordering rules live only here.

1. Unblock before the metric moves to a link; block after the kernel was *seen* to lead by another.
2. Touch only links that are up, or were activated a moment ago. NetworkManager restarts DHCP on
   every Reapply, and tears down a link whose DHCP server does not answer, so a failed link must
   never be touched: the winner goes below it instead, and if it stands very low, one under it.
3. A backup takes over by being lowered, and is raised again afterwards; the preferred link rests
   where it is, as long as that is between the two. The active link leads after every single step.
4. No metric at or below 50, where VPNs stand.
5. IPv6 is changed where it must be, and never on the link that carries traffic unless it would
   otherwise not lead: NetworkManager flushes IPv6 for a moment when it is touched.
6. A link that NetworkManager's own check holds back (+20000) is checked again at once; until that
   helps, healthy standby links are raised above it.

Nothing is planned that is already so, hence planning from a reached state gives nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from netswap.core.actions import (
    Block,
    EndConnections,
    Recheck,
    Restore,
    SetMetric,
    Step,
    Tidy,
    Unblock,
)
from netswap.core.model import PENALTY, Desired, Link, Route, World
from netswap.core.settings import LOWEST_METRIC, MetricSettings


def plan(
    desired: Desired, world: World, touchable: frozenset[str], metrics: MetricSettings
) -> tuple[Step, ...]:
    """Return what to do now. More may follow once the world was observed again."""
    steps: list[Step] = list(_unblock(desired, world))
    active = world.link(desired.active)
    if active is None or active.v4 is None or desired.hold:
        return tuple(steps)
    if world.leads(active):
        steps += _block(desired, world)
    if world.managed and (desired.forced or active.name in touchable):
        steps += _move(_Ranks(world, active, touchable, metrics))
    return tuple(steps)


def plan_stop(world: World, up: frozenset[str]) -> tuple[Step, ...]:
    """Return how to leave: everything as found, except what would move traffic to a dead link.

    While a link that is not up still has a default route, the link that leads keeps its metric.
    """
    steps: list[Step] = [
        Unblock(_name_of(world, ifname), ifname) for ifname in sorted(world.guarded)
    ]
    keep = kept_at_stop(world, up)
    steps += [Restore(link.name) for link in world.links if link.name in up and link != keep]
    return tuple(steps)


def kept_at_stop(world: World, up: frozenset[str]) -> Link | None:
    """Return the link that must keep its metric at exit, None if all can be put back."""
    dead = [link for link in world.links if link.v4 and link.name not in up]
    return world.leader if dead and world.leader not in dead else None


def _unblock(desired: Desired, world: World) -> Iterator[Step]:
    wanted = {link.ifname for link in world.links if link.name in desired.guarded}
    for ifname in sorted(world.guarded - wanted):
        yield Unblock(_name_of(world, ifname), ifname)


def _block(desired: Desired, world: World) -> Iterator[Step]:
    for link in world.links:
        if link.name in desired.guarded and link.ifname and link.ifname not in world.guarded:
            yield Block(link.name, link.ifname)
            if link.addresses:
                yield EndConnections(link.name, link.addresses)


def _name_of(world: World, ifname: str) -> str:
    return next((link.name for link in world.links if link.ifname == ifname), ifname)


@dataclass(frozen=True, slots=True)
class _Ranks:
    """Where each link should stand, given who is active and who may be touched."""

    world: World
    active: Link
    touchable: frozenset[str]
    metrics: MetricSettings

    def of_active(self) -> tuple[int, int, int]:
        """Return the lowest and highest rank that are fine, and the one to set if it must be."""
        highest = self._below_untouchable()
        if self.world.index(self.active):
            highest = min(highest, self.metrics.takeover)
            return LOWEST_METRIC, highest, highest
        highest = min(highest, self._rest[1])
        lowest = min(self._rest[0], highest)
        return lowest, highest, min(highest, self.metrics.preferred)

    def of_standby(self, link: Link, route: Route, leader: int) -> int:
        """Return the rank of a standby link, given the metric it must stay above.

        The preferred link rests where it is, if that is between takeover and standby.
        """
        place = self.world.index(link)
        rank = self.metrics.standby + place - 1 if place else self.metrics.preferred
        if not place and _within(route, *self._rest):
            rank = route.base
        held_back = route.penalised and route.base == rank
        if leader < (rank + PENALTY if held_back else rank):
            return rank
        return leader + 1 + place

    @property
    def _rest(self) -> tuple[int, int]:
        """Return the lowest and highest rank that the preferred link may rest at."""
        return self.metrics.takeover + 1, self.metrics.standby - 2

    def _below_untouchable(self) -> int:
        metrics = [
            link.v4.metric
            for link in self.world.others(self.active)
            if link.v4 and link.name not in self.touchable
        ]
        return min(metrics, default=PENALTY) - 1


def _move(ranks: _Ranks) -> Iterator[Step]:
    """Yield the metric steps, so that the active link leads after each of them.

    It is lowered before the others are raised, and raised after they were.
    """
    active = ranks.active
    assert active.v4
    v4, v6 = _own_ranks(ranks)
    own: list[Step] = [SetMetric(active.name, v4, v6)] if v4 is not None or v6 is not None else []
    base = active.v4.base if v4 is None else v4
    leader = base + (PENALTY if active.v4.penalised else 0)
    others = [
        step for link in ranks.world.others(active) for step in _stand_by(ranks, link, leader)
    ]
    yield from own + others if base <= active.v4.base else others + own
    if active.v4.penalised:
        yield Recheck(active.name)


def _own_ranks(ranks: _Ranks) -> tuple[int | None, int | None]:
    """Return the ranks to set on the active link, per family, None where it is fine.

    One that is not up is not touched, and neither is the only one that has a default route.
    """
    active = ranks.active
    assert active.v4
    alone = not any(link.v4 or link.v6 for link in ranks.world.others(active))
    if alone or active.name not in ranks.touchable:
        return None, None
    lowest, highest, rank = ranks.of_active()
    fits = highest < LOWEST_METRIC or _within(active.v4, lowest, highest)
    return None if fits else rank, rank if _overtaken(ranks) else None


def _stand_by(ranks: _Ranks, link: Link, leader: int) -> Iterator[Step]:
    if link.name not in ranks.touchable:
        if link.usable and link.stale:  # safe even now: settings that are unchanged restart nothing
            yield Tidy(link.name)
        return
    v4 = _differs(link.v4, ranks, link, leader)
    v6 = _differs(link.v6, ranks, link, ranks.active.v6.metric if ranks.active.v6 else 0)
    if v4 is not None or v6 is not None:
        yield SetMetric(link.name, v4, v6)


def _differs(route: Route | None, ranks: _Ranks, link: Link, leader: int) -> int | None:
    """Return the rank to set on one family of a standby link, None if it has it."""
    if route is None:
        return None
    rank = ranks.of_standby(link, route, leader)
    rests = rank == route.base and not ranks.world.index(link)
    if route.metric not in (rank, rank + PENALTY):
        return rank
    return None if rests or route.dns_priority in (None, rank) else rank


def _within(route: Route, lowest: int, highest: int) -> bool:
    """Whether a route and its name servers already stand where they may."""
    dns_priority = route.base if route.dns_priority is None else route.dns_priority
    return lowest <= route.base <= highest and lowest <= dns_priority <= highest


def _overtaken(ranks: _Ranks) -> bool:
    """Whether an IPv6 default route that may not be touched goes before the active link's."""
    active = ranks.active
    return active.v6 is not None and any(
        link.v6 is not None and link.v6.metric <= active.v6.metric
        for link in ranks.world.others(active)
        if link.name not in ranks.touchable
    )
