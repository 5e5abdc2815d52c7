"""One link, one minute: round trips, losses, standing and bytes. Pure.

The same shape holds an hour, or any other stretch of time: `merged`.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from statistics import median

from netswap.core.model import LinkSnapshot, Snapshot
from netswap.history.facts import WORSE, Standing, standing

MINUTE_S = 60
HOUR_S = 3600


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured of a link from `start_s` on (seconds since the epoch). Times: seconds."""

    link: str
    start_s: int
    standing: Standing
    """The worst one."""
    probes: int = 0
    lost: int = 0
    rtt_min_s: float | None = None
    """None, like the next two: nothing answered."""
    rtt_median_s: float | None = None
    rtt_max_s: float | None = None
    received: int = 0
    """Bytes, as `sent`."""
    sent: int = 0

    @property
    def loss(self) -> float | None:
        """Share of the probes that were lost, 0 to 1; None where none was sent."""
        return min(1.0, self.lost / self.probes) if self.probes else None


def merged(parts: Sequence[Measured], start_s: int) -> Measured:
    """Put together what was measured of one link; at least one part.

    The median is the median of the parts' medians: near enough, and no single round trip is kept.
    """
    medians = [part.rtt_median_s for part in parts if part.rtt_median_s is not None]
    return Measured(
        link=parts[0].link,
        start_s=start_s,
        standing=max((part.standing for part in parts), key=WORSE.__getitem__),
        probes=sum(part.probes for part in parts),
        lost=sum(part.lost for part in parts),
        rtt_min_s=min((p.rtt_min_s for p in parts if p.rtt_min_s is not None), default=None),
        rtt_median_s=median(medians) if medians else None,
        rtt_max_s=max((p.rtt_max_s for p in parts if p.rtt_max_s is not None), default=None),
        received=sum(part.received for part in parts),
        sent=sum(part.sent for part in parts),
    )


def binned(rows: Iterable[Measured], width_s: int) -> Iterator[Measured]:
    """Put rows of one link, in the order of time, together to stretches of the same width."""
    for number, group in groupby(rows, key=lambda row: row.start_s // width_s):
        yield merged(list(group), number * width_s)


@dataclass(slots=True)
class _Tally:
    """A minute that is not over yet."""

    worst: Standing = Standing.UP
    probes: int = 0
    lost: int = 0
    rtts_s: array[float] = field(default_factory=lambda: array("d"))
    received: int = 0
    sent: int = 0


class Aggregator:
    """Makes minutes of what is told while they last."""

    def __init__(self) -> None:
        self._tallies: dict[str, _Tally] = {}
        self._counted: dict[str, tuple[int, int]] = {}
        """Each link's probes, sent and lost, that are in a tally already."""

    def look(self, snapshot: Snapshot) -> None:
        """Take note of how the links do."""
        for link in snapshot.links:
            tally, stands = self._tally(link.name), standing(link)
            if WORSE[stands] > WORSE[tally.worst]:
                tally.worst = stands
            self._count(tally, link)
        self._counted = {link.name: (link.sent, link.lost) for link in snapshot.links}

    def rename(self, before: str, after: str) -> None:
        """Go on with a link that is called otherwise now."""
        if before in self._tallies:
            self._tallies[after] = self._tallies.pop(before)
        if before in self._counted:
            self._counted[after] = self._counted.pop(before)

    def _count(self, tally: _Tally, link: LinkSnapshot) -> None:
        sent, lost = self._counted.get(link.name, (0, 0))
        if link.sent < sent:  # it was gone meanwhile: it counts from 0 again
            sent, lost = 0, 0
        tally.probes += link.sent - sent
        tally.lost += link.lost - lost  # less than 0 where a late reply took a loss back

    def answered(self, round_trips: Mapping[str, Sequence[float]]) -> None:
        """Take note of round trips, seconds, by link."""
        for link, found in round_trips.items():
            self._tally(link).rtts_s.extend(found)

    def carried(self, link: str, received: int, sent: int) -> None:
        """Take note of bytes."""
        tally = self._tally(link)
        tally.received += received
        tally.sent += sent

    def close(self, start_s: int) -> list[Measured]:
        """Return the minute that began at `start_s`, and begin the next one."""
        done = [_measured(link, start_s, tally) for link, tally in self._tallies.items()]
        self._tallies.clear()
        return done

    def _tally(self, link: str) -> _Tally:
        return self._tallies.setdefault(link, _Tally())


def _measured(link: str, start_s: int, tally: _Tally) -> Measured:
    empty = Measured(
        link,
        start_s,
        tally.worst,
        max(0, tally.probes),
        max(0, tally.lost),
        received=tally.received,
        sent=tally.sent,
    )
    rtts_s = tally.rtts_s
    if not rtts_s:
        return empty
    return replace(empty, rtt_min_s=min(rtts_s), rtt_median_s=median(rtts_s), rtt_max_s=max(rtts_s))
