"""Links that were taken out of the configuration and still have netswap's metric.

One that carries traffic because the others are dead goes on doing so until another one works: put
back as it was found, it might not be led by any more. One that is down is left alone for good:
NetworkManager would ask for its lease again, get no answer, and tear it down (`plan`, rule 2).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping

from netswap.adapters.bus import BusError
from netswap.adapters.nm.view import Device

log = logging.getLogger(__name__)

AGAIN_S = 5.0
"""After so long it is tried again where NetworkManager refuses, or does not answer."""


class Parting:
    """Puts each of them back as soon as nothing depends on it.

    `spares` tells whether that is so, `find` what a device that no link has is now, None while
    NetworkManager does not tell, and `release` puts it back (BusError, OSError).
    """

    def __init__(
        self,
        spares: Callable[[str], bool],
        find: Callable[[str], Device | None],
        release: Callable[[str, Device], Awaitable[None]],
    ) -> None:
        self._spares, self._find, self._release = spares, find, release
        self._waiting: dict[str, str] = {}
        """Links, and their interfaces."""
        self._tried: dict[str, asyncio.Task[None]] = {}
        """What is being put back, or could not be a moment ago."""
        self._told: set[str] = set()

    def begin(self, links: Mapping[str, Device], down: Collection[str]) -> None:
        """Take leave of these links."""
        for link, device in links.items():
            if link not in down:
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
        """Put back what can be."""
        for link, interface in self._waiting.items():
            if link not in self._tried and self._spares(link) and (device := self._find(interface)):
                self._tried[link] = asyncio.create_task(self._part(link, device))

    async def settle(self) -> None:
        """Wait for what was begun, and try the rest once more."""
        await asyncio.gather(*self._tried.values())
        self._tried.clear()
        self.go_on()
        await asyncio.gather(*self._tried.values())

    async def _part(self, link: str, device: Device) -> None:
        try:
            await self._release(link, device)
        except (BusError, OSError) as error:
            level = logging.DEBUG if link in self._told else logging.WARNING
            log.log(level, "Metric and DNS priority of %s stay as they are: %s", link, error)
            self._told.add(link)
            asyncio.get_running_loop().call_later(AGAIN_S, self._again, link)
        else:
            self._waiting.pop(link, None)
            self._tried.pop(link, None)

    def _again(self, link: str) -> None:
        self._tried.pop(link, None)
        self.go_on()
