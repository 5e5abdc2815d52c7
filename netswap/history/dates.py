"""Times as people write them, and where to write them below a chart. Local time. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

DAY_MIN = 24 * 60
TICKS_MIN = (
    1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720,
    *(days * DAY_MIN for days in (1, 2, 4, 7, 14, 31, 92, 183, 366, 1461, 3653, 36525)),
)  # fmt: skip
MOST_TICKS = 9
ROOM = 0.88
"""Of the width; what begins after it would stand out."""
MONTHS_MIN = 92 * DAY_MIN
"""From here on a tick tells the month and the year."""


def ticks(start_s: float, end_s: float) -> Iterator[tuple[float, str]]:
    """Yield where to write the local time below a chart, and what: whole minutes, hours or days."""
    lasts_min = (end_s - start_s) / 60
    minutes = next((m for m in TICKS_MIN if lasts_min / m <= MOST_TICKS), TICKS_MIN[-1])
    step = timedelta(minutes=minutes)
    at = midnight(start_s)
    days = minutes >= DAY_MIN
    write: Callable[[datetime], str] = monthday if days else hour
    if minutes >= MONTHS_MIN:
        write = month
    last, times_s = datetime.fromtimestamp(end_s).replace(fold=0), set[float]()
    while at <= last or at.timestamp() <= end_s:
        # where the clock is put back an hour is there twice, where it is put on it is not there
        both_s = (at.replace(fold=fold).timestamp() for fold in ((0,) if days else (0, 1)))
        times_s |= {at_s for at_s in both_s if days or datetime.fromtimestamp(at_s) == at}
        at += step
    for at_s in sorted(times_s):
        if at_s >= start_s and (at_s - start_s) / (end_s - start_s) < ROOM:
            yield at_s, write(datetime.fromtimestamp(at_s))


def midnight(at_s: float) -> datetime:
    """Return when the day of a time began."""
    return datetime.fromtimestamp(at_s).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)


def hour(at: datetime) -> str:
    """Write `14:03`, and of a midnight its day."""
    return monthday(at) if at.hour == at.minute == 0 else at.strftime("%H:%M")


def monthday(at: datetime) -> str:
    """Write `17 Nov`."""
    return f"{at.day} {at.strftime('%b')}"


def month(at: datetime) -> str:
    """Write `Nov 2026`."""
    return f"{at.strftime('%b')} {at.year}"


def day(at_s: float) -> str:
    """Write `17 Nov 2026`."""
    at = datetime.fromtimestamp(at_s)
    return f"{monthday(at)} {at.year}"


def period(start_s: float, end_s: float) -> str:
    """Write from when to when, with the time of day where both are of one day."""
    if day(start_s) == day(end_s):
        times = (datetime.fromtimestamp(at_s).strftime("%H:%M") for at_s in (start_s, end_s))
        return f"{day(start_s)}, {' to '.join(times)}"
    return f"{day(start_s)} to {day(end_s)}"


def time(at_s: float, now_s: float, *, seconds: bool = False) -> str:
    """Write a time, with the year where that is not the one of the period's end."""
    at = datetime.fromtimestamp(at_s)
    when = monthday(at) if at.year == datetime.fromtimestamp(now_s).year else day(at_s)
    return f"{when} {at.strftime('%H:%M:%S' if seconds else '%H:%M')}"
