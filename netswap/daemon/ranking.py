"""Links that are ranked, and put back as they were found, with all that has to go with it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Collection, Coroutine, Iterator, Sequence
from dataclasses import replace

from netswap.adapters.bus import BusError
from netswap.adapters.kernel import foreign, servers
from netswap.adapters.nm.router import Router
from netswap.adapters.nm.view import Device
from netswap.core.model import Link, World
from netswap.daemon.leading import Leading

log = logging.getLogger(__name__)

FOLLOW_UP_S = 1.2
"""After so long a rank is followed up: two requests within a second would look the same."""
COMMIT_S = 0.02
"""After so long NetworkManager has committed what a Reapply of nothing led to."""
NAMES_S = 0.25
"""For so long the name servers may take to follow; they take about 25 ms."""
ROUTES_S = 1.0
"""After so long NetworkManager has done with the routes of a link: with the Reapply, and once more
with the lease that it asks for."""


class Ranking:
    """Ranks links with the kernel and with NetworkManager.

    A rank is followed up by a Reapply of nothing. NM 1.42 asks for the lease again when a metric
    changes; one that comes within a second of the one before looks the same to it, and it then
    forgets to renew it. A Reapply of nothing mends that (and restarts no DHCP).

    It counts as set when the name servers have followed. The link that was left is blocked next,
    and systemd-resolved would use up all its attempts at a server that is refused within a moment,
    and then leave the program that asked without an answer for 5 s.
    """

    def __init__(self, find: Callable[[str], Device | None]) -> None:
        self._find = find
        self._leading = Leading(find)
        self._followed: set[str] = set()
        """Links that are being followed up."""
        self._unranked6: set[str] = set()
        """Activations whose IPv6 NetworkManager leaves to the kernel."""
        self._begun: set[asyncio.Task[None]] = set()

    def seen(self, world: World) -> World:
        """Return the world as it is, marked what cannot be changed and what is not settled yet."""
        world = self._leading.unconfirmed(world)
        self._unranked6 &= {link.activation for link in world.links if world.managed}
        if not self._unranked6:
            return world
        return replace(world, links=tuple(map(self._marked, world.links)))

    def _marked(self, link: Link) -> Link:
        if link.v6 and link.activation in self._unranked6:
            return replace(link, v6=replace(link.v6, settable=False))
        return link

    def follow(self, interfaces: Collection[str]) -> None:
        """Have a link that is being ranked keep its place; these are the interfaces of all."""
        self._leading.interfaces = interfaces
        self._leading.stay_moved()

    async def rank(
        self, router: Router, link: str, device: Device, v4: int | None, v6: int | None
    ) -> None:
        """Set the metrics of a link, unless None. Raises BusError, OSError, ValueError."""
        await self._committed(link)
        with self._leading.moved(link, device, v4):
            with self._foreign_kept(device.ifname):
                ranked6 = await router.set_metric(device.path, v4, v6)
            (self._unranked6.discard if ranked6 else self._unranked6.add)(device.activation)
            await self._names_follow(link, v4)
        self._leading.confirm(link, device, v4)
        self._begin(self._follow_up(router, link, device))

    async def _committed(self, link: str) -> None:
        """Wait, not for long, for what would else bring the rank of before back for a moment."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(COMMIT_S):
                while link in self._followed:  # noqa: ASYNC110 (hardly ever)
                    await asyncio.sleep(0.001)

    async def _names_follow(self, link: str, rank: int | None) -> None:
        """Wait, not for long, until name servers, if there are any, have the rank (D2)."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(NAMES_S):
                while rank and (device := self._find(link)) and not _followed(device, rank):  # noqa: ASYNC110 (25 ms)
                    await asyncio.sleep(0.001)

    async def _follow_up(self, router: Router, link: str, device: Device) -> None:
        await asyncio.sleep(FOLLOW_UP_S)
        while self._leading.moves(link):  # noqa: ASYNC110 (hardly ever)
            await asyncio.sleep(COMMIT_S)  # else it would bring the rank of before back
        held_back = self._leading.held_back(link)
        self._followed.add(link)
        try:
            if not held_back:  # else it would take the copy away
                with contextlib.suppress(BusError):  # it is gone: so is what was to be mended
                    await self.tidy(router, device)
            self._leading.stay(link, device)
            await asyncio.sleep(COMMIT_S)
        finally:
            self._followed.discard(link)

    async def tidy(self, router: Router, device: Device) -> None:
        """Reapply nothing. Raises BusError, ValueError."""
        with self._foreign_kept(device.ifname):
            await router.tidy(device.path)

    async def restore(
        self, router: Router, link: str, device: Device, *, patient: bool = False
    ) -> bool:
        """Put a link back as it was found; return whether it was another way.

        Raises BusError, OSError, ValueError.
        """
        self._leading.step_back(link, device)
        with self._foreign_kept(device.ifname):
            restored = await router.restore(device.path, patient=patient)
        if restored:
            log.info("Metric and DNS priority of %s are as they were found", link)
        self._leading.withdraw(link, device, restored=restored)
        return restored

    @contextlib.contextmanager
    def _foreign_kept(self, ifname: str) -> Iterator[None]:
        """Have put back what NetworkManager removes with a Reapply: routes that others made."""
        links = self._leading.interfaces
        try:
            kept = foreign.over(ifname)
            tunnelled = servers.tunnelled(kept, links) if kept else frozenset()
        except OSError:
            kept, tunnelled = [], frozenset()
        try:
            yield
        finally:  # also where it does not answer: it may do as it was asked all the same
            if kept:
                self._begin(put_back(kept, tunnelled, links))

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._begun.add(task)
        task.add_done_callback(self._begun.discard)

    async def settle(self) -> None:
        """Wait until what was begun is finished."""
        while self._begun:
            await asyncio.wait(self._begun)


def _followed(device: Device, rank: int) -> bool:
    return device.dns4 == rank and (not device.dns_in_use or rank in device.dns_in_use)


async def put_back(
    kept: Sequence[bytes], tunnelled: frozenset[bytes], links: Collection[str]
) -> None:
    """Put routes back whenever they are gone, until NetworkManager has done with the link.

    A VPN that ends removes its routes, too: the one to its server must not outlive the tunnel, or
    the VPN could not be connected anew by another link.
    """
    again: set[bytes] = set()
    with contextlib.suppress(TimeoutError, OSError):
        async with asyncio.timeout(ROUTES_S):
            while True:
                ended = tunnelled - servers.tunnelled(tunnelled, links) if tunnelled else tunnelled
                foreign.take_away(again & ended)
                again |= set(foreign.put_back(body for body in kept if body not in ended))
                await asyncio.sleep(0.02)
