"""Carrying out steps, one after the other; the first that fails ends the batch."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Collection, Sequence

from netswap.adapters import neighbours, sockets
from netswap.adapters.bus import DISCONNECTED, BusError
from netswap.adapters.kernel import servers
from netswap.adapters.nft.guard import GuardError, GuardLike
from netswap.adapters.nm.dialler import Dialler
from netswap.adapters.nm.router import Router
from netswap.adapters.nm.view import Device
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
from netswap.core.model import World
from netswap.daemon.lingering import Lingering
from netswap.daemon.ranking import Ranking
from netswap.daemon.stepper import StepError

log = logging.getLogger(__name__)

BEGUN_S = 0.05
"""For so long connects over a link that works may take to succeed before it is left."""


class Steps:
    """Steps on the real system."""

    def __init__(self, guard: GuardLike, find: Callable[[str], Device | None]) -> None:
        self._guard = guard
        self._find = find
        self._ranking = Ranking(find)
        self._lingering = Lingering()
        self.router: Router | None = None
        """To be set while there is a bus."""
        self.dialler: Dialler | None = None
        """Likewise."""

    async def take(self, steps: Sequence[Step]) -> None:
        """Carry out the steps."""
        for step in steps:
            try:
                await self._take(step)
            except BusError as error:
                raise StepError(step, _explained(error)) from error
            except (GuardError, OSError, LookupError, ValueError) as error:
                # ValueError: NetworkManager gave something that D-Bus cannot carry back. A step
                # that ended otherwise would leave the engine waiting for it.
                raise StepError(step, str(error)) from error

    def seen(self, world: World) -> World:
        """Return the world as it is, marked what cannot be changed and what is not settled yet."""
        return self._ranking.seen(world)

    async def _take(self, step: Step) -> None:
        match step:
            case Linger():
                self._lingering.begin(step)
            case Block():
                await self._block(step)
            case Unblock(ifname=ifname):
                self._lingering.over(ifname)
                self._guard.unblock(ifname)
            case EndConnections():
                self._lingering.end(step)
            case Reach(ifname=ifname, server=server):
                servers.reach(server, ifname)
            case _:
                await self._ask(step)

    async def _block(self, step: Block) -> None:
        if not step.barrier.lingering:
            self._lingering.over(step.ifname)
        await _connected(step.beginning)
        self._guard.block(step.ifname, step.barrier)
        _drop_waiting(step.ifname)

    async def _ask(self, step: SetMetric | Restore | Tidy | Recheck | Connect | Disconnect) -> None:
        """Ask NetworkManager for it."""
        match step:
            case SetMetric(link=link, v4=v4, v6=v6):
                await self._ranking.rank(self._to(step), link, self._device(step, link), v4, v6)
            case Restore(link=link, patient=patient):
                device = self._device(step, link)
                await self._ranking.restore(self._to(step), link, device, patient=patient)
            case Tidy(link=link):
                await self._ranking.tidy(self._to(step), self._device(step, link))
            case Recheck():
                self._to(step).recheck()
            case Connect(uuid=uuid, connection=connection):
                await self._dial(step).connect(uuid, connection)
            case Disconnect(link=link):
                await self._dial(step).disconnect(self._device(step, link))

    def follow(self, interfaces: Collection[str]) -> None:
        """Have lingering connections keep to their link, as routes are now, and no others.

        Called with each look: while steps are taken, so that a link that is being ranked keeps its
        place, and after them, when connections whose time is over have ended.
        """
        self._ranking.follow(interfaces)
        self._lingering.follow(interfaces)

    def forget_lingering(self) -> None:
        """Take the routes of lingering connections away, those of a dead netswapd too."""
        self._lingering.forget()

    @property
    def can_end(self) -> bool:
        """Whether the kernel can end connections, as far as is known."""
        return self._lingering.can_end

    async def settle(self) -> None:
        """Wait until what was begun is finished."""
        await self._ranking.settle()

    async def release(self, link: str, device: Device) -> None:
        """Put back what is no link any more; what netswap connected is disconnected, too.

        Where NetworkManager knows of nothing to be put back it was restarted, and a route may be
        left from before. Raises BusError, OSError, ValueError.
        """
        if self.router is None:
            raise BusError(DISCONNECTED, "NetworkManager is not there")
        if self.dialler and self.dialled(device):  # what was set goes with it
            await self.dialler.disconnect(device)
        elif not await self._ranking.restore(self.router, link, device):
            await self._ranking.tidy(self.router, device)

    def dialled(self, device: Device) -> bool:
        """Whether it was netswap that had it connected."""
        return self.dialler is not None and device.activation in self.dialler.own

    def _to(self, step: Step) -> Router:
        if self.router is None:
            raise StepError(step, "NetworkManager is not there")
        return self.router

    def _dial(self, step: Step) -> Dialler:
        if self.dialler is None:
            raise StepError(step, "NetworkManager is not there")
        return self.dialler

    def _device(self, step: Step, link: str) -> Device:
        device = self._find(link)
        if device is None:
            raise StepError(step, f"NetworkManager does not have {link} now")
        return device


def _explained(error: BusError) -> str:
    """Say what the commonest refusal means: NM lets only root touch what belongs to one user."""
    if not error.name.endswith(".PermissionDenied"):
        return str(error)
    mend = "nmcli connection modify NAME connection.permissions ''"
    return f"{error}: the connection is one user's own; mend it with: {mend}"


async def _connected(addresses: Collection[str]) -> None:
    """Let connects that are under way succeed, not for long: new ones go by another link by now."""
    with contextlib.suppress(TimeoutError, OSError):
        async with asyncio.timeout(BEGUN_S):
            while addresses and sockets.connecting(addresses):  # noqa: ASYNC110 (nobody tells)
                await asyncio.sleep(0.002)


def _drop_waiting(ifname: str) -> None:
    """Drop what passed before the guard stood and waits for its router's hardware address.

    The guard stands in any case: what goes wrong here is no reason to do the step again.
    """
    try:
        neighbours.forget_unresolved(ifname)
    except OSError as error:
        log.warning("What waits to leave by %s cannot be dropped: %s", ifname, error)
