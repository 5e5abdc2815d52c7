"""When a link was out, by the hours of days, or by the days of weeks. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from netswap import units
from netswap.history import dates
from netswap.history.report import LinkReport
from netswap.history.timeline import Span, Timeline

HEAT_DAYS = 93
"""For so many days at most each hour has a cell; beyond that each day."""
HEAT_S = (0.0, 60.0, 360.0, 1800.0)
"""Being out for longer than these in an hour makes the levels of heat."""

Cell = tuple[int, str] | None
"""How hot, 0 to 4, and what to tell of it; None where nobody looked."""


class Calendar(NamedTuple):
    """A row for each day, a column for each hour of it; or one for each weekday and each week."""

    first: datetime
    by_hour: bool
    rows: list[list[Cell]]


def calendar(link: LinkReport, line: Timeline) -> Calendar:
    """Make that of a link, from the day on which somebody first looked."""
    first, last = dates.midnight(line.watched_from_s), dates.midnight(line.end_s)
    days = (last - first).days + 1
    cells = _Cells(link, line)
    if days <= HEAT_DAYS:
        return Calendar(first, True, _hours(first, days, cells))
    return Calendar(first, False, _weeks(first, days, cells))


class _Cells:
    """The cells of a link, each made without a look at years of outages."""

    def __init__(self, link: LinkReport, line: Timeline) -> None:
        self._end_s = line.end_s
        self._watched = _by_day(line.watched)
        self._out = _by_day(Span(o.start_s, o.end_s, o.standing.value) for o in link.outages)

    def of(self, day: datetime, hours: int, hour: int = 0) -> Cell:
        """Return that of some hours of a day; None where nobody looked."""
        begins = day + timedelta(hours=hour)
        # where the clock is put back an hour is two long, and a day 25; where it is put on, none
        start_s, end_s = begins.timestamp(), (begins + timedelta(hours=hours)).timestamp()
        if not _overlap_s(self._watched[day], start_s, end_s):
            return None
        out_s = _overlap_s(self._out[day], start_s, end_s)
        level = sum(out_s > bound for bound in HEAT_S)
        told = f"{dates.time(start_s, self._end_s)}: out for {units.duration(out_s)}"
        return level, told if level else ""


def _by_day(spans: Iterable[Span]) -> Mapping[datetime, Sequence[Span]]:
    """Return which lie on each day, by its midnight."""
    found = defaultdict[datetime, list[Span]](list)
    for span in spans:
        day = dates.midnight(span.start_s)
        while day.timestamp() < span.end_s:
            found[day].append(span)
            day += timedelta(1)
    return found


def _overlap_s(spans: Iterable[Span], start_s: float, end_s: float) -> float:
    return sum(span.overlap_s(start_s, end_s) for span in spans)


def _hours(first: datetime, days: int, cells: _Cells) -> list[list[Cell]]:
    return [
        [cells.of(first + timedelta(day), 1, hour) for hour in range(24)] for day in range(days)
    ]


def _weeks(first: datetime, days: int, cells: _Cells) -> list[list[Cell]]:
    monday = first - timedelta(first.weekday())
    weeks = (days + first.weekday() + 6) // 7
    return [
        [cells.of(monday + timedelta(7 * week + day), 24) for week in range(weeks)]
        for day in range(7)
    ]
