"""The addresses that a link had until a moment ago, and those that went with their device.

NetworkManager takes a link's IPv6 addresses away for up to 2 s when it changes the link's metric
(docs/facts.md, N35): just when traffic has moved and the connections over it are to be ended, which
are still there. A link that has lost all of its addresses is known by those that it had last.
Where connections may go on for a while, all that the link had since are remembered.

What a link had when its device vanished is an *orphan*: the connections on it can go nowhere any
more, and their programs do not know. As soon as a link leads by which they can connect anew, they
are to be ended.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Set
from dataclasses import replace

from netswap.core.model import Link, World

RECENT_S = 5.0


class RecentAddresses:
    """Remembers when each address of each link was last seen."""

    def __init__(self) -> None:
        self._seen: dict[str, dict[str, float]] = {}
        self._orphans: dict[str, tuple[str, ...]] = {}

    def recall(self, world: World, now_s: float, lingering: Container[str] = ()) -> World:
        """Return the same world, where links still have what they had in the last 5 s.

        Those whose connections are lingering forget nothing. But for what another link has got by
        now; one that both had all along is still there. With it come the orphans, until they are
        `ended`.
        """
        moved = {
            address
            for link in world.links
            for address in link.addresses
            if address not in self._seen.get(link.name, {})
        }
        recalled = {
            link.name: self._recall(link, moved, now_s, forever=link.name in lingering)
            for link in world.links
            if link.ifname
        }
        for name in self._seen.keys() - recalled:
            lost = [address for address in self._seen.pop(name) if address not in moved]
            if lost:
                self._orphans[name] = tuple(dict.fromkeys((*self._orphans.get(name, ()), *lost)))
        links = tuple(recalled.get(link.name, link) for link in world.links)
        return replace(world, links=links, orphans=dict(self._orphans))

    def ended(self, addresses: Collection[str]) -> None:
        """Forget orphans."""
        left = {
            name: tuple(address for address in lost if address not in addresses)
            for name, lost in self._orphans.items()
        }
        self._orphans = {name: lost for name, lost in left.items() if lost}

    def _recall(self, link: Link, moved: Set[str], now_s: float, *, forever: bool) -> Link:
        kept = {
            address: now_s if forever else at_s
            for address, at_s in self._seen.get(link.name, {}).items()
            if address not in moved and (forever or not link.addresses or now_s - at_s <= RECENT_S)
        }
        self._seen[link.name] = dict.fromkeys(link.addresses, now_s) | kept
        return replace(link, addresses=tuple(self._seen[link.name]))
