"""Steps that are not carried out: the engine has said what they would be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from netswap.adapters.nm.view import Device
from netswap.core.actions import Block, Connect, Reach, SetMetric, Step, Unblock
from netswap.core.model import Barrier, Link, Route, World
from netswap.daemon.stepper import StepError


class DryRun:
    """Does nothing, and pretends that it was done."""

    def __init__(self) -> None:
        self._guarded: dict[str, Barrier] = {}
        self._ranks: dict[str, SetMetric] = {}
        self._reached: dict[str, str] = {}

    async def take(self, steps: Sequence[Step]) -> None:
        """Pretend to carry out the steps."""
        for step in steps:
            match step:
                case Block(ifname=ifname, barrier=barrier):
                    self._guarded[ifname] = barrier
                case Unblock(ifname=ifname):
                    self._guarded.pop(ifname, None)
                case SetMetric(link=link):
                    self._ranks[link] = step
                case Reach(ifname=ifname, server=server):
                    self._reached[server] = ifname
                case Connect():
                    raise StepError(step, "this is a dry run")

    async def release(self, link: str, device: Device) -> None:  # noqa: ARG002 (nothing is done)
        """Pretend that nothing was ever done to it."""
        self._ranks.pop(link, None)

    def dialled(self, device: Device) -> bool:  # noqa: ARG002 (nothing is connected)
        """Pretend nothing of the kind."""
        return False

    def seen(self, world: World) -> World:
        """Return the world as it would be."""
        links = tuple(self._ranked(link) for link in world.links)
        barriers = dict(self._guarded)
        servers = tuple(
            replace(server, ifname=self._reached.get(server.address, server.ifname))
            for server in world.servers
        )
        return replace(
            world, links=links, guarded=frozenset(barriers), barriers=barriers, servers=servers
        )

    def _ranked(self, link: Link) -> Link:
        ranks = self._ranks.get(link.name)
        if ranks is None:
            return link
        v4 = Route(ranks.v4, ranks.v4) if link.v4 and ranks.v4 else link.v4
        v6 = Route(ranks.v6, ranks.v6) if link.v6 and ranks.v6 else link.v6
        return replace(link, v4=v4, v6=v6)
