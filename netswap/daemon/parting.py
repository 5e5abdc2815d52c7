"""Links that were taken out of the configuration and still have netswap's metric.

One that carries traffic because the others are dead goes on doing so until another one works: put
back as it was found, it might not be led by any more. One that is down is left alone for good:
NetworkManager would ask for its lease again, get no answer, and tear it down (`plan`, rule 2).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Mapping

from netswap.adapters.bus import BusError
from netswap.adapters.nm.view import Device
from netswap.core.engine import Engine
from netswap.daemon.observer import Observer
from netswap.daemon.stepper import Stepper

log = logging.getLogger(__name__)

AGAIN_S, LONGEST_S = 2.0, 60.0
"""After so long, each time twice as long, it is tried again where NetworkManager refuses."""
LEAVE_S = 2.0
"""For so long each try is waited for at a stop."""


class Parting:
    """Puts each of them back as soon as nothing depends on it."""

    def __init__(self, engine: Engine, observer: Observer, stepper: Stepper) -> None:
        self._engine, self._observer, self._stepper = engine, observer, stepper
        self._waiting: dict[str, str] = {}
        """Links, and their interfaces."""
        self._tried: dict[str, asyncio.Task[None]] = {}
        """What is being put back, or could not be a moment ago."""
        self._again_s: dict[str, float] = {}

    def begin(self, links: Mapping[str, Device], down: Collection[str]) -> None:
        """Take leave of these links."""
        for link, device in links.items():
            self._waiting.pop(link, None)
            self._again_s.pop(link, None)
            if link not in down or self._stepper.dialled(device):  # that is only disconnected
                self._waiting[link] = device.interface
                log.info(
                    "Link %s is none any more; it is put back when traffic does not need it", link
                )
            else:
                log.warning(
                    "Link %s is none any more, but keeps its metric: it is down. "
                    "Put it back with: nmcli device reapply %s",
                    link,
                    device.interface,
                )

    def go_on(self) -> None:
        """Put back what can be; forget what is a link again, or was disconnected meanwhile."""
        for link, interface in list(self._waiting.items()):
            device = self._observer.told(interface)
            if self._observer.taken(interface) or (device and not device.connection):
                del self._waiting[link]
            elif device and link not in self._tried and self._engine.spares(link):
                self._tried[link] = asyncio.create_task(self._part(link, device))

    async def settle(self) -> None:
        """Wait for what was begun, and try the rest once more; neither for long."""
        await self._wait()
        self._tried.clear()
        self.go_on()
        await self._wait()

    async def _wait(self) -> None:
        if tasks := set(self._tried.values()):
            await asyncio.wait(tasks, timeout=LEAVE_S)

    async def _part(self, link: str, device: Device) -> None:
        try:
            await self._stepper.release(link, device)
        except (BusError, OSError, LookupError, ValueError) as error:
            again_s = self._again_s.get(link, AGAIN_S)
            self._again_s[link] = min(LONGEST_S, 2 * again_s)
            level = logging.WARNING if again_s == AGAIN_S else logging.DEBUG
            log.log(level, "Metric and DNS priority of %s stay as they are: %s", link, error)
            asyncio.get_running_loop().call_later(again_s, self._again, link)
        else:
            self._waiting.pop(link, None)
            self._tried.pop(link, None)

    def _again(self, link: str) -> None:
        self._tried.pop(link, None)
        self.go_on()
