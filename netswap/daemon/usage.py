"""How much each link carried, in this billing cycle too, whatever is restarted meanwhile."""

from __future__ import annotations

from collections import Counter as Sums
from collections.abc import Callable
from datetime import date, datetime
from datetime import time as of_day

from netswap import units
from netswap.adapters import counters
from netswap.core.events import Used
from netswap.core.model import Snapshot
from netswap.core.settings import LinkSettings, Match, Settings
from netswap.history import cycle
from netswap.history.store import Kept
from netswap.history.traffic import Counter, Meter
from netswap.service.state import DataUse

IMPOSSIBLE = 1 << 63
"""Bytes: a driver that counted backwards; no database takes it, nor what is written with it."""


class Usage:
    """Counts bytes, and tells the engine how much of its cap a link has used."""

    def __init__(
        self,
        settings: Callable[[], Settings],
        tell: Callable[[Used], None],
        today: Callable[[], date],
    ) -> None:
        self._settings, self._tell, self._today = settings, tell, today
        self._boot = counters.boot()
        self._meter: Meter | None = None
        """None until it is known what was counted before, or that nobody knows."""
        self._called: dict[str, str] = {}
        """Names of before, by which the database may know a link yet, and those of now."""
        self._days: Sums[tuple[str, int]] = Sums()
        """Bytes, both ways, by link and day."""
        self._new: dict[tuple[str, int], tuple[int, int]] = {}
        """Bytes, received and sent, by link and day, that were not taken yet."""

    def go_on(self, kept: Kept) -> None:
        """Go on from there."""
        if self._meter is None:
            self._meter = Meter(kept.counters)
            if any(counter.boot == self._boot for counter in kept.counters.values()):
                for counter in self._counters().values():  # who carried it is not known any more
                    self._meter.note(counter)
        for (link, day), both in kept.carried.items():
            self._days[self._called.get(link, link), day] += sum(both)

    def former(self, snapshot: Snapshot) -> dict[str, str]:
        """Return which links were called otherwise when netswapd ran before: by that name.

        That is told by the interface, if the computer was not restarted since.
        """
        seen, known = self._counters(), self.known
        names = {link.name for link in snapshot.links}
        gone = {c.index: name for name, c in known.items() if c.attached and name not in names}
        others = {name for name, _ in self._days} | known.keys()  # they have a past of their own
        others |= {s.name for s in self._settings().link if s.match.connection or s.match.uuid}
        new = [link for link in snapshot.links if link.name not in others and link.ifname in seen]
        now = {seen[link.ifname].index: link.name for link in new}
        return {gone[index]: now[index] for index in gone.keys() & now.keys()}

    def rename(self, before: str, after: str) -> None:
        """Go on with a link that is called otherwise now: what it has used, it has used."""
        called = {link: after if name == before else name for link, name in self._called.items()}
        self._called = {link: n for link, n in (called | {before: after}).items() if link != n}
        if self._meter:
            self._meter.rename(before, after)
        for day in [day for link, day in self._days if link == before]:
            self._days[after, day] += self._days.pop((before, day))
        for day in [day for link, day in self._new if link == before]:
            self._add(after, day, *self._new.pop((before, day)))

    @property
    def known(self) -> dict[str, Counter]:
        """What to go on from after a restart."""
        known = self._meter.known if self._meter else {}  # those of other boots stay as they are
        return {link: counter for link, counter in known.items() if counter.boot == self._boot}

    def count(self, snapshot: Snapshot) -> dict[str, tuple[int, int]]:
        """Return what each link, as it is told to be, carried since the last time."""
        if self._meter is None:
            return {}
        seen = self._counters()
        if not seen:  # there is always the loopback: the kernel does not tell now, but will
            return {}
        links = {link.name: seen.get(link.ifname) for link in snapshot.links}
        carried = self._meter.take(links, seen.values())
        today = self._today().toordinal()
        for link, (received, sent) in carried.items():
            self._add(link, today, received, sent)
            self._days[link, today] += received + sent
        return carried

    def _add(self, link: str, day: int, received: int, sent: int) -> None:
        before = self._new.get((link, day), (0, 0))
        self._new[link, day] = before[0] + received, before[1] + sent

    def take_new(self) -> dict[tuple[str, int], tuple[int, int]]:
        """Return what was counted since the last call, received and sent, by link and day."""
        new, self._new = self._new, {}
        return new

    def report(self) -> None:
        """Tell the engine of each link that has a cap."""
        for link in self._settings().link:
            if link.data_cap and self._meter is not None:
                use = self.of(link.name)
                self._tell(Used(link.name, use.used / use.cap))

    def of(self, name: str) -> DataUse:
        """Return how much a link has used in this cycle."""
        known = {link.name: link for link in self._settings().link}
        link = known.get(name) or LinkSettings(name, Match())
        today = self._today()
        first = cycle.began(today, link)
        days = range(first.toordinal(), today.toordinal() + 1)
        return DataUse(
            used=sum(self._days[name, day] for day in days),
            cap=units.parse_size(link.data_cap) if link.data_cap else 0,
            began_s=datetime.combine(first, of_day()).timestamp(),
        )

    def _counters(self) -> dict[str, Counter]:
        """Return what is counted on every interface of this computer."""
        return {
            ifname: Counter(self._boot, *seen)
            for ifname, seen in counters.read().items()
            if max(seen.received, seen.sent) < IMPOSSIBLE
        }
