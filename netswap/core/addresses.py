"""The addresses that a link had until a moment ago.

NetworkManager takes a link's IPv6 addresses away for up to 2 s when it changes the link's metric
(docs/facts.md, N35): just when traffic has moved and the connections over it are to be ended, which
are still there. Where they may go on for a while, all that the link had since are remembered.
"""

from __future__ import annotations

from collections.abc import Container, Set
from dataclasses import replace

from netswap.core.model import Link, World

RECENT_S = 5.0


class RecentAddresses:
    """Remembers when each address of each link was last seen."""

    def __init__(self) -> None:
        self._seen: dict[str, dict[str, float]] = {}

    def recall(self, world: World, now_s: float, lingering: Container[str] = ()) -> World:
        """Return the same world, where links still have what they had in the last 5 s.

        Those whose connections are lingering forget nothing. But for what another link has by now.
        """
        taken = {address for link in world.links for address in link.addresses}
        links = tuple(
            self._recall(link, taken, now_s, forever=link.name in lingering) for link in world.links
        )
        self._seen = {link.name: self._seen[link.name] for link in links}
        return replace(world, links=links)

    def _recall(self, link: Link, taken: Set[str], now_s: float, *, forever: bool) -> Link:
        kept = {
            address: now_s if forever else at_s
            for address, at_s in self._seen.get(link.name, {}).items()
            if (forever or now_s - at_s <= RECENT_S) and address not in taken
        }
        self._seen[link.name] = dict.fromkeys(link.addresses, now_s) | kept
        return replace(link, addresses=tuple(self._seen[link.name]))
