"""Links that were taken out of the configuration and still have netswap's metric.

One that carries traffic because the others are dead goes on doing so until another one works: put
back as it was found, it might not be led by any more. One that is down is left alone for good:
NetworkManager would ask for its lease again, get no answer, and tear it down (`plan`, rule 2).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping

from netswap.adapters.nm.view import Device

log = logging.getLogger(__name__)


class Parting:
    """Puts each of them back as soon as nothing depends on it.

    `spares` tells whether that is so, `release` begins to put one back.
    """

    def __init__(
        self, spares: Callable[[str], bool], release: Callable[[str, Device], None]
    ) -> None:
        self._spares, self._release = spares, release
        self._waiting: dict[str, Device] = {}

    def begin(self, links: Mapping[str, Device], up: Collection[str]) -> None:
        """Take leave of these links."""
        for link, device in links.items():
            if link in up:
                self._waiting[link] = device
            else:
                log.warning(
                    "Link %s is none any more, but keeps its metric: it is down. "
                    "Put it back with: nmcli device reapply %s",
                    link,
                    device.interface,
                )
        self.go_on()
        for link in self._waiting.keys() & links.keys():
            log.info("Link %s is none any more; until another one works, traffic needs it", link)

    def go_on(self, taken: Collection[str] = ()) -> None:
        """Put back what can be; `taken` are the paths of devices that are links again."""
        for link, device in list(self._waiting.items()):
            spare = self._spares(link)
            if spare or device.path in taken:
                del self._waiting[link]
            if spare and device.path not in taken:
                self._release(link, device)
