"""The command `graph`: round trips, losses and outages in the terminal."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from netswap import units
from netswap.cli import past
from netswap.cli.show import print_lines
from netswap.cli.text import Paint, drawn_for, paint_for, printable, unpainted, width_of
from netswap.history.dates import ticks
from netswap.history.facts import Standing
from netswap.history.minutes import HOUR_S, MINUTE_S, Measured, merged
from netswap.history.timeline import Span, Timeline

BLOCKS = " ▁▂▃▄▅▆▇█"
HEIGHT = 4
"""Lines of the chart of round trips."""
LABEL = 8
"""Columns to the left of a chart."""
WIDEST = 200
NO_TERMINAL = 80
"""Columns where nobody looks."""
MARKS = {
    Standing.UP: ("█", "green"),
    Standing.DEGRADED: ("▓", "yellow"),
    Standing.UNKNOWN: ("?", "yellow"),
    Standing.RESTING: ("·", "dim"),
    Standing.AWAY: ("-", "dim"),
    Standing.FAULTY: ("▒", "red"),
    Standing.DOWN: ("░", "red"),
}
"""How each standing is shown: told apart without colours, too."""


@click.command()
@past.since("1d")
@past.only_link
@past.database
def graph(since: float, link: str, database: Path) -> None:
    """Draw round trips, losses and outages.

    The bars are medians; the scale is each link's own, told on the left.
    """
    width = min(WIDEST, width_of() or NO_TERMINAL)
    with past.opened(database, link) as reader:
        line = past.line(reader, since)
        links = [name for name in reader.links() if link in ("", name) and name in line.links]
        measured = {name: reader.measured(name, line.start_s, line.end_s) for name in links}
    if not links:
        click.echo(f"Nothing was recorded in the last {units.duration(since)}")
        return
    for name in links:
        print_lines(drawn_for(chart(name, line, measured[name], width, paint_for())))


def chart(
    link: str,
    line: Timeline,
    rows: Sequence[Measured],
    width: int = NO_TERMINAL,
    paint: Paint = unpainted,
) -> list[str]:
    """Draw one link: a chart of round trips, a line of losses, a line of standings, the times."""
    count = max(10, width - LABEL)
    bins = spread(rows, line.start_s, line.end_s, count)
    rtts_s = [row.rtt_median_s if row else None for row in bins]
    losses = [row.loss if row else None for row in bins]
    highest_s = max((rtt_s for rtt_s in rtts_s if rtt_s), default=0.0)
    return [
        paint(printable(link), "bold"),
        *_round_trips(rtts_s, highest_s),
        f"{'lost':>{LABEL - 1}} {paint(_loss_line(losses), 'red')}".rstrip(),
        f"{'state':>{LABEL - 1}} {''.join(_states(line.links[link], line, count, paint))}",
        f"{'':{LABEL}}{_times(line, count)}",
        "",
    ]


def spread(
    rows: Sequence[Measured], start_s: float, end_s: float, count: int
) -> list[Measured | None]:
    """Put what was measured into so many columns; what is an hour long fills all of its own."""
    length_s = _length_s(rows)
    width_s = (end_s - start_s) / count
    found: list[list[Measured]] = [[] for _ in range(count)]
    for row in rows:
        first = int((row.start_s - start_s) / width_s)
        last = max(first, int((row.start_s + length_s - 1 - start_s) / width_s))
        for place in range(max(0, first), min(count, last + 1)):
            found[place].append(row)
    return [merged(own, own[0].start_s) if own else None for own in found]


def _length_s(rows: Sequence[Measured]) -> int:
    """Return how long each was measured: only hours all begin at a full one, gaps or not."""
    hours = len(rows) > 1 and all(row.start_s % HOUR_S == 0 for row in rows)
    return HOUR_S if hours else MINUTE_S


def _round_trips(rtts_s: Sequence[float | None], highest_s: float) -> Iterator[str]:
    """Yield the lines of a chart, the highest first."""
    steps = len(BLOCKS) - 1
    heights = [
        max(1, round((rtt_s or 0) / highest_s * HEIGHT * steps)) if rtt_s and highest_s else 0
        for rtt_s in rtts_s
    ]
    for level in reversed(range(HEIGHT)):
        label = {HEIGHT - 1: units.round_trip(highest_s or None), 0: "0 ms"}.get(level, "")
        bars = "".join(BLOCKS[min(steps, max(0, height - level * steps))] for height in heights)
        yield f"{label:>{LABEL - 1}} {bars}".rstrip()


def _loss_line(losses: Sequence[float | None]) -> str:
    """Draw shares of lost probes: the root, so that little is seen."""
    steps = len(BLOCKS) - 1
    return "".join(BLOCKS[max(1, round(loss**0.5 * steps)) if loss else 0] for loss in losses)


def _states(spans: Sequence[Span], line: Timeline, count: int, paint: Paint) -> Iterator[str]:
    """Yield how the link stood in each column: the worst it was, blank where nobody knows."""
    width_s = (line.end_s - line.start_s) / count
    worst: list[Standing | None] = [None] * count
    for standing in Standing:  # the worst last
        for span in (span for span in spans if span.value == standing.value):
            first = int((span.start_s - line.start_s) / width_s)
            last = int((span.end_s - line.start_s) / width_s)
            for place in range(first, min(count, last + 1)):
                worst[place] = standing
    for standing_ in worst:
        mark, colour = MARKS[standing_] if standing_ else (" ", "")
        yield paint(mark, colour)


def _times(line: Timeline, count: int) -> str:
    """Write times below a chart, as many as have room."""
    text = ""
    for at_s, told in ticks(line.start_s, line.end_s):
        place = round((at_s - line.start_s) / (line.end_s - line.start_s) * count)
        if place > len(text) + (1 if text else -1) and place + len(told) < count:
            text = text.ljust(place) + told
    return text or time.strftime("%H:%M", time.localtime(line.start_s))
