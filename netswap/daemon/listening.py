"""Links that send and no longer receive, seen before the next probe would tell.

Looked at only while something is carried: a computer at rest is not woken for it, and then nobody
waits for the network either. It is a reason to probe at once, and no more: a line that only sends
is common.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass
from math import inf

from netswap.adapters import counters
from netswap.adapters.counters import Packets
from netswap.core.events import Doubted

LOOK_S = 0.25
"""Between two looks at a busy link."""
BUSY = 10
"""So many packets sent between two replies make a link busy; a round of probes is two or three."""
SENT = 3
"""So many packets sent between two looks should have brought an answer to one of them."""
QUIET = 4
"""After so many looks at which little was sent it is not busy any more."""


NOTHING = Packets(0, 0)


@dataclass(slots=True)
class _Ear:
    ifname: str
    known: Packets | None = None
    looked_s: float = -inf
    timer: asyncio.TimerHandle | None = None
    quiet: int = 0

    def carried(self) -> Packets:
        """Return what it has carried since the last look."""
        before, self.known = self.known, counters.packets(self.ifname)
        if before is None or self.known is None:
            return NOTHING
        return Packets(self.known.sent - before.sent, self.known.received - before.received)


class Listening:
    """Tells of each such link, as long as it lasts."""

    def __init__(self, tell: Callable[[Doubted], None]) -> None:
        self._tell = tell
        self._loop = asyncio.get_running_loop()
        self._ears: dict[str, _Ear] = {}

    def replied(self, link: str, ifname: str) -> None:
        """See whether a link that has just answered a probe is busy: netswapd is awake anyway."""
        ear = self._ears.get(link)
        if ear is None or ear.ifname != ifname:
            self.keep(self._ears.keys() - {link})
            ear = self._ears[link] = _Ear(ifname)
        now_s = self._loop.time()
        if ear.timer is None and now_s - ear.looked_s >= LOOK_S:
            ear.looked_s = now_s
            if ear.carried().sent >= BUSY:
                ear.quiet = 0
                self._look_later(link, ear)

    def keep(self, links: Collection[str]) -> None:
        """Forget the links that are gone."""
        for link in self._ears.keys() - set(links):
            if timer := self._ears.pop(link).timer:
                timer.cancel()

    def _look_later(self, link: str, ear: _Ear) -> None:
        ear.timer = self._loop.call_later(LOOK_S, self._look, link, ear)

    def _look(self, link: str, ear: _Ear) -> None:
        ear.timer, carried = None, ear.carried()
        ear.quiet = 0 if carried.sent >= SENT else ear.quiet + 1
        if ear.quiet < QUIET:
            self._look_later(link, ear)
        if carried.sent >= SENT and not carried.received:
            self._tell(Doubted(link))
