"""A period summed up: how available each link was, when it failed, and what netswap saved. Pure.

A link is *out* when the network is to blame: it was connected and did not answer, or failed its
checks. When nothing could leave by it (no carrier, no device) it was *away*: nobody is to blame for
a cable that was pulled, and that time counts neither way. Nor does that in which a link on demand
was not connected. A link that went from one to the other,
as Wi-Fi does that is walked out of, was out for as long as it was connected, and away for the rest.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from operator import itemgetter
from statistics import median

from netswap.core.model import Condition
from netswap.history.facts import Standing
from netswap.history.minutes import Measured
from netswap.history.outages import Outage, outages
from netswap.history.timeline import Span, Timeline


@dataclass(frozen=True, slots=True)
class LinkReport:
    """One link. Times are durations in seconds, where nothing else is said."""

    link: str
    connected_s: float
    """How long it was connected, as far as is known."""
    outages: tuple[Outage, ...] = ()
    """Those that the network is to blame for."""
    away_s: float = 0.0
    """How long it was not connected."""
    away_count: int = 0
    """How often that was."""
    rtt_s: float | None = None
    """The median of the medians of the minutes (or hours)."""
    loss: float | None = None
    received: int = 0
    sent: int = 0

    @property
    def out_s(self) -> float:
        """How long it was out in all."""
        return sum(outage.length_s for outage in self.outages)

    @property
    def availability(self) -> float | None:
        """The share of the time that it worked, of that in which it was connected; 0 to 1."""
        return max(0.0, 1 - self.out_s / self.connected_s) if self.connected_s else None

    @property
    def longest(self) -> Outage | None:
        """The longest outage."""
        return max(self.outages, key=lambda outage: outage.length_s, default=None)

    @property
    def between_s(self) -> float | None:
        """How long it worked between two outages, in the mean."""
        return (self.connected_s - self.out_s) / len(self.outages) if self.outages else None

    @property
    def by_hour(self) -> tuple[int, ...]:
        """How many outages began in each hour of the day, local time."""
        hours = [datetime.fromtimestamp(outage.start_s).hour for outage in self.outages]
        return tuple(hours.count(hour) for hour in range(24))

    @property
    def by_weekday(self) -> tuple[int, ...]:
        """How many outages began on each day of the week, Monday first."""
        days = [datetime.fromtimestamp(outage.start_s).weekday() for outage in self.outages]
        return tuple(days.count(day) for day in range(7))


@dataclass(frozen=True, slots=True)
class Report:
    """The whole. The first link is the preferred one, the others are backups."""

    start_s: float
    """Seconds since the epoch, as `end_s`."""
    end_s: float
    watched_s: float
    """How long netswapd ran and the computer was awake."""
    offline_s: float
    """How long no link worked."""
    backup_s: float
    """How long a backup carried traffic."""
    saved_s: float
    """How long a backup carried traffic while the link that it took over from did not work."""
    swaps: int
    links: tuple[LinkReport, ...] = ()
    backup_bytes: int = 0
    """What the backups carried, probes and all, be they among `links` or not."""

    @property
    def online(self) -> float | None:
        """The share of the time that some link worked, 0 to 1."""
        return max(0.0, 1 - self.offline_s / self.watched_s) if self.watched_s else None


def report(line: Timeline, measured: Mapping[str, Sequence[Measured]], only: str = "") -> Report:
    """Sum a period up; `measured` has every link, in order of preference; tell of `only` one."""
    found = outages(line, apart=True)
    on_backup = [s for s in line.conditions if s.value == Condition.BACKUP.value]
    taken_over = [(o.took_over_s, o.end_s) for o in outages(line) if o.took_over]
    preferred = next(iter(measured), "")  # after a sleep or a restart nobody takes over again
    blamed = [o for o in found if o.link == preferred and o.standing is not Standing.AWAY]
    taken_over += [(o.start_s, o.end_s) for o in blamed]
    links = [
        _link(name, line, [o for o in found if o.link == name], rows)
        for name, rows in measured.items()
    ]
    return Report(
        start_s=line.start_s,
        end_s=line.end_s,
        watched_s=line.watched_s,
        offline_s=_length_s(s for s in line.conditions if s.value == Condition.OFFLINE.value),
        backup_s=_length_s(on_backup),
        saved_s=_overlap_s(on_backup, _united(taken_over)),
        swaps=_swaps(line.active),
        links=tuple(link for link in links if only in ("", link.link)),
        backup_bytes=sum(link.received + link.sent for link in links[1:]),
    )


def _link(
    name: str, line: Timeline, found: Sequence[Outage], rows: Sequence[Measured]
) -> LinkReport:
    away = [outage for outage in found if outage.standing is Standing.AWAY]
    spans = line.links.get(name, ())
    resting = [span for span in spans if span.value == Standing.RESTING.value]
    away_s = sum(outage.length_s for outage in away) + _length_s(resting)
    rtts_s = [row.rtt_median_s for row in rows if row.rtt_median_s is not None]
    probes = sum(row.probes for row in rows)
    return LinkReport(
        link=name,
        connected_s=max(0.0, _length_s(spans) - away_s),
        outages=tuple(outage for outage in found if outage.standing is not Standing.AWAY),
        away_s=away_s,
        away_count=len(away) + len(resting),
        rtt_s=median(rtts_s) if rtts_s else None,
        loss=min(1.0, sum(row.lost for row in rows) / probes) if probes else None,
        received=sum(row.received for row in rows),
        sent=sum(row.sent for row in rows),
    )


def _length_s(spans: Iterable[Span]) -> float:
    return sum(span.length_s for span in spans)


def _swaps(active: Sequence[Span]) -> int:
    """Count how often one link followed upon another."""
    names = [span.value for span in active if span.value]
    return sum(before != after for before, after in pairwise(names))


def _overlap_s(spans: Iterable[Span], apart: Sequence[tuple[float, float]]) -> float:
    """Return how much of spans lies in intervals that are in order, and do not overlap."""
    overlap_s = 0.0
    for span in spans:
        at = bisect_right(apart, span.start_s, key=itemgetter(1))
        while at < len(apart) and apart[at][0] < span.end_s:
            overlap_s += span.overlap_s(*apart[at])
            at += 1
    return overlap_s


def _united(intervals: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """Put intervals that overlap together."""
    united: list[tuple[float, float]] = []
    for start_s, end_s in sorted(intervals):
        if united and start_s <= united[-1][1]:
            united[-1] = (united[-1][0], max(united[-1][1], end_s))
        else:
            united.append((start_s, end_s))
    return united
