"""Small worlds for unit tests: builders, a faithful effect of each step, and hypothesis strategies.

"Faithful" is the world as the engine sees it: what NetworkManager and the kernel show after a step
that succeeded. The slow ways of NetworkManager are simulated in `tests/scenarios`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from netswap.core import policy
from netswap.core.actions import (
    Block,
    Connect,
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
from netswap.core.health import Health
from netswap.core.model import PENALTY, Desired, Link, Mode, Override, Route, Server, State, World
from netswap.core.settings import LOWEST_METRIC, MetricSettings

EXAMPLES = int(os.environ.get("NETSWAP_EXAMPLES", "30"))
"""How many examples a property is tried with; set it to some thousands to search for a bug."""


def fixed(times: int = 1) -> hypothesis_settings:
    """Return settings for the same examples at every run: what is green stays green."""
    return hypothesis_settings(
        max_examples=EXAMPLES * times,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow],
    )


FIXED = fixed()

Orphans = dict[str, tuple[str, ...]]

# builders


def route(metric: int, dns_priority: int | None = -1) -> Route:
    """Return a route whose name servers have the same rank, unless another one is given."""
    base = metric - PENALTY if metric >= PENALTY else metric
    return Route(metric, base if dns_priority == -1 else dns_priority)


Rank = int | Route | None


def link(name: str, v4: Rank = 100, v6: Rank = None, **rest: object) -> Link:
    """Return a link called like its interface, connected with these metrics."""
    known = Link(
        name=name,
        ifname=name,
        connection=f"{name}'s profile",
        kind="ethernet",
        v4=route(v4) if isinstance(v4, int) else v4,
        v6=route(v6) if isinstance(v6, int) else v6,
        addresses=(f"198.51.100.{ord(name[0])}",),
    )
    return replace(known, **rest)  # type: ignore[arg-type]


def gone(name: str) -> Link:
    """Return a link without a device."""
    return Link(name, obstacle="no such device")


def world(*links: Link, guarded: Iterable[str] = (), managed: bool = True) -> World:
    return World(links, frozenset(guarded), managed)


UP = Health(State.UP, reason="it replies")
SHAKY = Health(State.UP, reason="it replies", losses=1)
DOWN = Health(State.DOWN, reason="2 probes lost")
UNKNOWN = Health()
FRESH = Health(State.DOWN, fresh=True)
"""Connected a moment ago while another link works: it may be touched, but carries no traffic."""


# what steps do


def take(step: Step, world: World) -> World:
    """Return the world after a step that succeeded."""
    match step:
        case Block(_, ifname) | Unblock(_, ifname):
            others = world.guarded - {ifname}
            guarded = others | {ifname} if isinstance(step, Block) else others
            return replace(world, guarded=guarded)
        case SetMetric(name, v4, v6):
            return _with(world, name, lambda link: _ranked(link, v4, v6))
        case Tidy(name) | Recheck(name):
            return _with(world, name, _tidied if isinstance(step, Tidy) else _rechecked)
        case EndConnections(_, _, addresses):
            return replace(world, orphans=_without(addresses, world.orphans))
        case Reach(_, ifname, address):
            return replace(world, servers=tuple(_reached(world.servers, address, ifname)))
        case Linger() | Restore() | Connect() | Disconnect():
            return world


def take_all(steps: Iterable[Step], world: World) -> World:
    for step in steps:
        world = take(step, world)
    return world


def _without(ended: Collection[str], orphans: Mapping[str, tuple[str, ...]]) -> Orphans:
    return {name: lost for name, lost in orphans.items() if not set(lost) <= set(ended)}


def _reached(servers: Iterable[Server], address: str, ifname: str) -> Iterator[Server]:
    """A route of netswap's own is there only while the VPN's leads by another link."""
    for server in servers:
        if server.address != address:
            yield server
        elif ifname:
            yield replace(server, ifname=ifname, own=ifname != server.found)


def _with(world: World, name: str, change: Callable[[Link], Link]) -> World:
    return replace(
        world, links=tuple(change(link) if link.name == name else link for link in world.links)
    )


def _ranked(link: Link, v4: int | None, v6: int | None) -> Link:
    return replace(link, v4=_at(link.v4, v4), v6=_at(link.v6, v6), stale=False)


def _at(route: Route | None, rank: int | None) -> Route | None:
    """Return a route at a rank; the connectivity check's penalty stays."""
    if route is None or rank is None:
        return route
    return Route(rank + PENALTY * route.penalised, rank)


def _tidied(link: Link) -> Link:
    """Leave the route that NetworkManager knows; its DNS priority is the profile's rank."""
    if not link.stale or link.v4 is None or link.v4.dns_priority is None:
        return link
    return replace(link, v4=Route(link.v4.dns_priority, link.v4.dns_priority), stale=False)


def _rechecked(link: Link) -> Link:
    def without(route: Route | None) -> Route | None:
        return None if route is None else Route(route.base, route.dns_priority)

    return replace(link, v4=without(link.v4), v6=without(link.v6))


# strategies

METRICS = st.one_of(
    st.sampled_from([0, 50, 51, 52, 53, 59, 60, 61, 99, 100, 101, 199, 200, 201, 202, 600, 700]),
    st.integers(1, 9999),
)


@st.composite
def routes(draw: st.DrawFn) -> Route:
    rank = draw(METRICS)
    dns_priority = draw(st.sampled_from([rank, rank, rank, None, 0, 50, 100, 200]))
    return Route(rank + PENALTY * draw(st.booleans() if rank else st.just(False)), dns_priority)


@st.composite
def links(draw: st.DrawFn, name: str) -> Link:
    if draw(st.integers(0, 9)) == 0:
        return gone(name)
    v4 = draw(st.none() | routes()) if draw(st.integers(0, 4)) == 0 else draw(routes())
    return Link(
        name=name,
        ifname=f"{name}0",
        metered=draw(st.booleans()),
        obstacle=draw(st.sampled_from(["", "", "", "", "carrier lost", "connecting"])),
        v4=v4,
        v6=draw(st.none() | routes()),
        addresses=draw(st.sampled_from([(), ("198.51.100.1",)])),
        stale=v4 is not None and v4.metric < (v4.dns_priority or 0) and draw(st.booleans()),
    )


SERVERS: list[tuple[Server, ...]] = [
    (),
    (),
    (Server("198.51.100.2", "a0", "a0"),),
    (Server("198.51.100.2", "b0", "a0", own=True), Server("198.51.100.3", "c0", "c0")),
    (Server("198.51.100.2", "b0", "", own=True),),
]


@st.composite
def worlds(draw: st.DrawFn) -> World:
    links_ = tuple(draw(links(name)) for name in "abcd"[: draw(st.integers(1, 4))])
    names = [link.ifname for link in links_ if link.ifname] + ["former0"]
    return World(
        links=links_,
        guarded=draw(st.frozensets(st.sampled_from(names))),
        managed=draw(st.integers(0, 9)) > 0,
        servers=draw(st.sampled_from(SERVERS)),
        orphans=draw(st.sampled_from([{}, {}, {"former": ("198.51.100.9",)}])),
    )


@dataclass(frozen=True)
class Situation:
    """A world, what is known of the health of its links, and what the user asked for."""

    world: World
    healths: dict[str, Health]
    override: Override

    @property
    def touchable(self) -> frozenset[str]:
        return frozenset(name for name, health in self.healths.items() if health.touchable)

    def desired(self, world: World) -> Desired:
        return policy.select(world, self.healths, self.override)


OVERRIDES = st.sampled_from([Override()] * 5 + [Override(Mode.PAUSED)]) | st.builds(
    Override, st.just(Mode.PINNED), st.sampled_from("abcd"), even_if_dead=st.booleans()
)
"""What the user may have asked for; mostly nothing."""


@st.composite
def situations(draw: st.DrawFn) -> Situation:
    world = draw(worlds())
    healths = {}
    for link in world.links:
        known = draw(st.sampled_from([UP, UP, SHAKY, DOWN, FRESH, UNKNOWN]))
        healths[link.name] = known if link.usable else replace(DOWN, obstacle="gone")
    return Situation(world, healths, draw(OVERRIDES))


@st.composite
def metric_settings(draw: st.DrawFn) -> MetricSettings:
    """Ranks that the configuration accepts."""
    takeover = draw(st.integers(LOWEST_METRIC + 1, 9000))
    preferred = draw(st.integers(takeover + 1, takeover + 400))
    standby = draw(st.integers(preferred + 2, preferred + 400))
    return draw(st.sampled_from([MetricSettings(), MetricSettings(takeover, preferred, standby)]))


def unguarded(world: World) -> Collection[str]:
    """Return the names of links that the guard does not stand before."""
    return [link.name for link in world.links if link.ifname and link.ifname not in world.guarded]
