"""What `netswapctl watch` shows: one frame of a screen. Pure: data in, lines out."""

from __future__ import annotations

import textwrap
import time
from collections import deque
from collections.abc import Sequence
from statistics import median

from netswap import units
from netswap.cli import render
from netswap.cli.client import Transition
from netswap.cli.status import LinkStatus, Status
from netswap.cli.text import GAP, Cell, Paint, clip, columns, table, unpainted

BARS = "▁▂▃▄▅▆▇█"
LOST = "\N{MULTIPLICATION SIGN}"
NOTHING = " "
KEPT = 200
"""Marks kept for each link, one a second; no screen is wider."""


class Traces:
    """What came back over each link lately: a round trip, a loss, or nothing new."""

    def __init__(self) -> None:
        self._marks: dict[str, deque[float | str]] = {}
        self._last: dict[str, LinkStatus] = {}

    def note(self, state: Status) -> None:
        """Add a mark to each link, from what changed since the last time."""
        for link in state.links:
            marks = self._marks.setdefault(link.name, deque(maxlen=KEPT))
            marks.append(_mark(self._last.get(link.name, link), link))
            self._last[link.name] = link

    def line(self, name: str, width: int) -> str:
        """Draw the newest marks of a link. A bar of half the height is a usual round trip."""
        marks = list(self._marks.get(name, ()))[-width:] if width > 0 else []
        times = [mark for mark in marks if isinstance(mark, float)]
        full = 2 * median(times) if times else 1.0
        return "".join(mark if isinstance(mark, str) else _bar(mark / full) for mark in marks)


def _mark(before: LinkStatus, now: LinkStatus) -> float | str:
    if now.probes_lost > before.probes_lost:
        return LOST
    if now.rtt_s is not None and now.last_reply_s != before.last_reply_s:
        return now.rtt_s
    return NOTHING


def _bar(height: float) -> str:
    return BARS[min(len(BARS) - 1, int(height * len(BARS)))]


def frame(  # noqa: PLR0913 (everything that is on the screen)
    state: Status,
    traces: Traces,
    events: Sequence[Transition],
    now_s: float,
    *,
    size: tuple[int, int],
    paint: Paint = unpainted,
) -> list[str]:
    """Return the lines of a screen with so many columns and lines."""
    width, height = size
    colour = render.STATES.get(state.state, "")
    head = [paint(line, colour) for line in _wrapped(render.headline(state, now_s), width)]
    troubles = [render.trouble(link, now_s) for link in state.links if link.health != "up"]
    body = [
        *[line for note in render.notes(state, now_s) for line in _wrapped(note, width)],
        "",
        *_links(state, traces, paint, width),
        *[line for trouble in troubles for line in _wrapped(f"  {trouble}", width)],
        "",
    ]
    room = height - len(head) - len(body) - 2
    shown = [_event(event, now_s, width, paint) for event in events[-room:] if room > 0]
    lines = [*head, *body, *shown, *[""] * height]
    return [*lines[: height - 1], foot(width, now_s)]


def _event(event: Transition, now_s: float, width: int, paint: Paint) -> str:
    at, now = time.localtime(event.time_s), time.localtime(now_s)
    when = time.strftime("%H:%M:%S" if at[:3] == now[:3] else "%d %b %H:%M", at)
    text = clip(f"{when}  {event.text}", width)
    return paint(text, "bold" if event.kind == "swap" else "")


def foot(width: int, now_s: float) -> str:
    """Return the last line of the screen."""
    left, right = "q quits", time.strftime("%H:%M:%S", time.localtime(now_s))
    return clip(f"{left}{right:>{max(0, width - len(left))}}", width)


def _links(state: Status, traces: Traces, paint: Paint, width: int) -> list[str]:
    rows = [[Cell(name, "dim") for name in ("  LINK", "HEALTH", "RTT", "LOSS", "GUARD")]]
    for link in state.links:
        rows.append(
            [
                Cell(render.mark(link), "bold" if link.active else ""),
                render.health(link),
                Cell(units.round_trip(link.rtt_s if link.health == "up" else None)),
                Cell(units.share(link.loss)),
                Cell("guarded" if link.guarded else "-"),
            ]
        )
    room = width - max(columns(line) for line in table(rows, width=width)) - len(GAP)
    titles = ["ROUND TRIPS", *(traces.line(link.name, room) for link in state.links)]
    if room > 0:
        rows = [[*row, Cell(clip(title, room))] for row, title in zip(rows, titles, strict=True)]
    return table(rows, paint, width)


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, subsequent_indent="  ", break_long_words=True) or [""]
