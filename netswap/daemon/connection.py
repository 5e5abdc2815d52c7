"""Being connected to the system bus: NetworkManager, what is done through it, and the service."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

from netswap.adapters.bus import DISCONNECTED, Bus, BusError
from netswap.adapters.nm import names
from netswap.adapters.nm.client import Client
from netswap.adapters.nm.dialler import Dialler
from netswap.adapters.nm.intentions import Intentions
from netswap.adapters.nm.router import Router
from netswap.daemon.steps import Steps
from netswap.errors import UserError
from netswap.service.service import Control, Service

log = logging.getLogger("netswapd")

RECONNECT_S = 1.0


class Connection:
    """One to the bus, and another one whenever that is gone.

    Lends `steps` the means to act while there is one. Calls `changed` whenever NetworkManager told
    of something, and when the connection comes and goes. `folder` is where it is noted which links
    netswap connected, None: nowhere.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[Bus]],
        steps: Steps,
        changed: Callable[[], None],
        folder: Path | None,
    ) -> None:
        self.client: Client | None = None
        """None while there is no bus."""
        self.service: Service | None = None
        """None while nobody can be served."""
        self._bus: Bus | None = None
        self._connect, self._steps, self._changed, self._folder = connect, steps, changed, folder

    async def begin(self) -> None:
        """Connect. Raises UserError where there is no NetworkManager, or one that is too old."""
        try:
            await self._open()
        except BusError as error:
            unit = "dbus" if error.name == DISCONNECTED else "NetworkManager"
            raise UserError(
                f"cannot reach NetworkManager: {error}",
                hint=f"is it running? `systemctl status {unit}`",
            ) from None
        assert self.client
        version = self.client.view.version
        if _parsed(version) < names.OLDEST:
            oldest = ".".join(map(str, names.OLDEST))
            raise UserError(
                f"NetworkManager {version or 'of unknown version'} is too old",
                hint=f"netswap needs {oldest} or newer",
            )

    async def serve(self, control: Control) -> None:
        """Be there for netswapctl. Without that, everything else goes on."""
        assert self._bus
        service = Service(self._bus, control)
        try:
            if not await service.start():
                log.warning("Another program is org.netswap1 on the bus; netswapctl talks to that")
        except BusError as error:
            log.warning("No service on the bus, netswapctl will not work: %s", error)
        else:
            self.service = service

    async def keep(self, control: Control) -> None:
        """Reconnect whenever the bus goes away, and serve again; never returns."""
        while True:
            if self._bus is not None:
                await self._gone(self._bus)
            await asyncio.sleep(RECONNECT_S)
            with contextlib.suppress(BusError):
                await self._open(again=True)
                await self.serve(control)
                log.info("Connected to the system bus again")
                self._changed()

    async def close(self) -> None:
        """End the connection, if there is one."""
        if self._bus is not None:
            await self._bus.close()

    async def _open(self, *, again: bool = False) -> None:
        bus = await self._connect()
        client = Client(bus, self._changed)
        try:
            await client.start(again=again)
        except BusError:
            await bus.close()
            raise
        self._bus, self.client = bus, client
        router = Router(bus, lambda: client.owner)
        self._steps.router = router
        self._steps.dialler = Dialler(bus, router, self._changed, Intentions(self._folder))

    async def _gone(self, bus: Bus) -> None:
        """Wait until it is, and take note of it."""
        await bus.disconnected()
        log.warning("The system bus is gone; keeping the network as it is")
        await bus.close()
        self._bus = self.client = self.service = None
        self._steps.router = self._steps.dialler = None
        self._changed()


def _parsed(version: str) -> tuple[int, ...]:
    parts = version.split(".")[:2]
    return tuple(int(part) for part in parts if part.isdigit())
