"""What `netswapctl watch` shows: one frame of a screen. Pure: data in, lines out.

Drawn by rich, which nothing else that netswapctl does imports (0.04 s of CPU and 7 MB). Textual, a
whole toolkit, takes four times the time to import and 24 MB, for a table, a list and five keys.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.measure import Measurement
from rich.rule import Rule
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from netswap import units
from netswap.cli import render
from netswap.cli.client import Transition
from netswap.cli.keys import LONG
from netswap.cli.status import LinkStatus, Status

BARS = "▁▂▃▄▅▆▇█"
LOST = "\N{MULTIPLICATION SIGN}"
NOTHING = " "
KEPT = 200
"""Marks kept for each link, one a second; no screen is wider."""
GAUGE = 10
"""Columns of a bar that fills or empties."""


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


@dataclass(frozen=True, slots=True)
class View:
    """All that a frame is drawn from."""

    state: Status
    traces: Traces
    events: Sequence[Transition]
    now_s: float
    limits: Mapping[str, int] = field(default_factory=dict)
    """`rise` and `fall`, where they are known: replies and losses in a row that count."""
    keys: str = LONG
    """The keys there are."""
    says: str = ""
    """What came of the last key, in place of the keys there are."""


def _mark(before: LinkStatus, now: LinkStatus) -> float | str:
    if now.probes_lost > before.probes_lost:
        return LOST
    if now.rtt_s is not None and now.last_reply_s != before.last_reply_s:
        return now.rtt_s
    return NOTHING


def _bar(height: float) -> str:
    return BARS[min(len(BARS) - 1, int(height * len(BARS)))]


def frame(view: View, *, size: tuple[int, int], colour: bool = False) -> list[str]:
    """Return the lines of a screen with so many columns and lines."""
    width, height = size
    return [*drawn(page(view, size), (width, height - 1), colour=colour), foot(view, width)]


def drawn(what: RenderableType, size: tuple[int, int], *, colour: bool) -> list[str]:
    """Return something as lines, so wide and so many, whatever it is."""
    width, height = size
    if height < 1:
        return []
    console = Console(
        width=width, height=height, force_terminal=True, color_system="standard",
        no_color=not colour, markup=False, highlight=False, emoji=False, legacy_windows=False,
    )  # fmt: skip
    lines = console.render_lines(what, console.options.update(width=width), pad=False)
    shaped = Segment.set_shape(lines[:height], width, height)
    return ["".join(_painted(part, colour=colour) for part in line) for line in shaped]


def _painted(part: Segment, *, colour: bool) -> str:
    return part.style.render(part.text) if part.style and colour else part.text


def page(view: View, size: tuple[int, int]) -> RenderableType:
    """Return all but the last line; of the events as many of the newest as there is room for."""
    width, height = size
    state, now_s = view.state, view.now_s
    colour = render.STATES.get(state.state, "")
    above = Group(
        Text(render.headline(state, now_s), f"bold {colour}".strip()),
        *(Text(note, "yellow") for note in render.notes(state, now_s)),
        _links(view),
        *_soon(view),
        *(Text(trouble) for link in state.links for trouble in _troubles(link, now_s)),
        Rule("events", align="left", style="dim", characters="─"),
    )
    room = max(0, height - 1 - len(_drawn_freely(above, width)))
    shown = view.events[-room:] if room else ()
    return Group(above, *(_event(event, now_s) for event in shown))


def _drawn_freely(what: RenderableType, width: int) -> list[list[Segment]]:
    """Return something as lines, as many as it takes."""
    console = Console(width=width, markup=False, highlight=False, emoji=False)
    return console.render_lines(what, console.options.update(width=width))


def _links(view: View) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", expand=True, pad_edge=False)
    for name in ("   LINK", "HEALTH", "RTT", "LOSS", "GUARD"):
        table.add_column(name, no_wrap=True, overflow="ellipsis")
    table.add_column("ROUND TRIPS", ratio=1, no_wrap=True, overflow="crop")
    for place, link in enumerate(view.state.links, 1):
        health = render.health(link)
        table.add_row(
            Text(f"{place:>2} {render.mark(link).lstrip()}", "bold" if link.active else ""),
            Text(health.text, health.colour),
            units.round_trip(link.rtt_s if link.health == "up" else None),
            units.share(link.loss),
            "guarded" if link.guarded else "-",
            _Trace(view.traces, link.name),
        )
    return table


class _Trace:
    """A link's marks, as wide as there is room; losses stand out."""

    def __init__(self, traces: Traces, name: str) -> None:
        self._traces, self._name = traces, name

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> Iterator[Text]:
        text = Text(self._traces.line(self._name, options.max_width), "cyan")
        text.highlight_words([LOST], "bold red")
        yield text

    def __rich_measure__(self, _: Console, options: ConsoleOptions) -> Measurement:
        return Measurement(1, max(1, options.max_width))


def _soon(view: View) -> Iterator[Text]:
    """Say what is being waited for, and for how much longer."""
    rise, fall = view.limits.get("rise", 0), view.limits.get("fall", 0)
    for link in view.state.links:
        replies, losses = link.replies_in_row, link.losses_in_row
        if link.health != "up" and 0 < replies < rise:
            text = f"{link.name}: {replies} of {rise} replies until it is up"
            yield _gauge(text, replies / rise, "green")
        if link.health == "up" and 0 < losses < fall:
            text = f"{link.name}: {losses} of {fall} losses until it is down"
            yield _gauge(text, losses / fall, "red")
    yield from _waits(view)


def _waits(view: View) -> Iterator[Text]:
    state, now_s = view.state, view.now_s
    held = [(link.name, link.held_back_until_s) for link in state.links if link.held_back_until_s]
    for name, until_s in held:
        yield Text(f"{name}: held back, {_left(until_s, now_s)}; it failed too often", "yellow")
    preferred = state.links[0].name if state.links else ""
    if state.rests_until_s and state.active_link != preferred:
        left = _left(state.rests_until_s, now_s)
        yield Text(f"{state.active_link}: stays active, {left}; the last swap is recent", "yellow")


def _left(until_s: float | None, now_s: float) -> str:
    return f"{units.duration((until_s or 0) - now_s)} left"


def _gauge(text: str, share: float, colour: str) -> Text:
    full = round(share * GAUGE)
    return Text.assemble(("█" * full, colour), ("░" * (GAUGE - full), "dim"), f" {text}")


def _troubles(link: LinkStatus, now_s: float) -> Iterator[str]:
    """Say what is wrong with a link, but for what is counted down above."""
    held = f"{link.name} is held back"
    return (text for text in render.troubles_of(link, now_s) if not text.startswith(held))


def _event(event: Transition, now_s: float) -> Text:
    at, now = time.localtime(event.time_s), time.localtime(now_s)
    when = time.strftime("%H:%M:%S" if at[:3] == now[:3] else "%d %b %H:%M", at)
    style = "bold" if event.kind == "swap" else ""
    text = Text(no_wrap=True, overflow="ellipsis")
    return text.append(f"{when}  ", "dim").append(event.text, style)


def foot(view: View, width: int) -> str:
    """Return the last line of the screen."""
    return foot_of(view.says or view.keys, width, view.now_s)


def foot_of(left: str, width: int, now_s: float) -> str:
    """Return a last line: a text, and the time."""
    clock = time.strftime("%H:%M:%S", time.localtime(now_s))
    room = width - len(clock) - 1
    text = Text(left, no_wrap=True)
    text.truncate(max(0, room), overflow="ellipsis", pad=True)
    return f"{text.plain} {clock}"[-width:] if room > 0 else clock[:width]
