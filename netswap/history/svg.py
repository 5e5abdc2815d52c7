"""Charts as SVG, drawn without letters in them: they stretch to whatever width there is. Pure.

All are 1000 wide; what is written beside them is HTML, placed in percent (`netswap.history.page`).
Colours come from classes, so that they follow the page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from html import escape
from math import log10

from netswap.history.minutes import Measured
from netswap.history.timeline import Span

WIDTH = 1000
PLOT = 100
"""The height of a chart with a scale."""
THINNEST = 1.2
"""An outage of a second in a month is still to be seen."""
RTT_LOW_S, RTT_HIGH_S = 0.001, 10.0

Scale = Callable[[float], float]


def across(start_s: float, end_s: float) -> Scale:
    """Return the scale of time: from seconds to the place from left to right."""
    return lambda at_s: WIDTH * (at_s - start_s) / max(1.0, end_s - start_s)


def rtt_y(rtt_s: float) -> float:
    """Return the place of a round trip from the top, on a logarithmic scale."""
    bounded = min(RTT_HIGH_S, max(RTT_LOW_S, rtt_s))
    return PLOT * (1 - log10(bounded / RTT_LOW_S) / log10(RTT_HIGH_S / RTT_LOW_S))


def picture(parts: Iterable[str], height: float, told: str) -> str:
    """Return a whole picture; `told` is what it shows, for who cannot see it."""
    return (
        f'<svg viewBox="0 0 {WIDTH} {height:g}" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(told)}">{"".join(parts)}</svg>'
    )


def strip(spans: Iterable[Span], x: Scale, height: float) -> list[str]:
    """Draw what was the case when as bars, one path for each value, the shortest on top."""
    found: dict[str, list[Span]] = {}
    for span in spans:
        found.setdefault(span.value, []).append(span)
    ordered = sorted(found.items(), key=lambda item: -sum(span.length_s for span in item[1]))
    return [_path(value, _bars(own, x, height)) for value, own in ordered]


def _bars(spans: Iterable[Span], x: Scale, height: float) -> str:
    parts = []
    for span in spans:
        left, width = x(span.start_s), max(THINNEST, x(span.end_s) - x(span.start_s))
        parts.append(f"M{left:.1f} 0h{width:.1f}v{height:g}h-{width:.1f}z")
    return "".join(parts)


def _path(name: str, drawn: str) -> str:
    return f'<path class="{name}" d="{drawn}"/>' if drawn else ""


def levels(places: Iterable[float]) -> str:
    """Draw the lines of a scale."""
    return _path("grid", "".join(f"M0 {y:.1f}H{WIDTH}" for y in places))


def band(rows: Sequence[Measured], x: Scale, width_s: float) -> list[str]:
    """Draw round trips: from the least to the greatest as an area, the median as a line.

    Where nothing answered for longer than a bin there is a gap.
    """
    area, line = [], []
    for run in _runs(rows, width_s):
        places = [(x(row.start_s + width_s / 2), row) for row in run]
        if len(places) == 1:  # a single one has no width of its own
            places = [(x(run[0].start_s), run[0]), (x(run[0].start_s + width_s), run[0])]
        top = " ".join(f"{at:.1f} {rtt_y(row.rtt_max_s or 0):.1f}" for at, row in places)
        low = " ".join(f"{at:.1f} {rtt_y(row.rtt_min_s or 0):.1f}" for at, row in places[::-1])
        middle = " ".join(f"{at:.1f} {rtt_y(row.rtt_median_s or 0):.1f}" for at, row in places)
        area.append(f"M{top} {low}z")
        line.append(f"M{middle}")
    return [_path("range", "".join(area)), _path("median", "".join(line))]


def _runs(rows: Sequence[Measured], width_s: float) -> list[list[Measured]]:
    runs: list[list[Measured]] = []
    for row in (row for row in rows if row.rtt_median_s is not None):
        if runs and row.start_s - runs[-1][-1].start_s <= width_s:
            runs[-1].append(row)
        else:
            runs.append([row])
    return runs


def losses(rows: Iterable[Measured], x: Scale, width_s: float) -> str:
    """Draw the share of lost probes as bars from the bottom: its root, so that little is seen."""
    parts = []
    for row in rows:
        if row.loss:
            left, height = x(row.start_s), PLOT * row.loss**0.5
            width = max(THINNEST, x(row.start_s + width_s) - left)
            parts.append(f"M{left:.1f} {PLOT}h{width:.1f}v-{height:.1f}h-{width:.1f}z")
    return _path("loss", "".join(parts))


def columns(counts: Sequence[int]) -> list[str]:
    """Draw counts as columns of the same width."""
    step, most = WIDTH / len(counts), max([*counts, 1])
    parts = [
        f"M{i * step + step * 0.12:.1f} {PLOT}h{step * 0.76:.1f}"
        f"v-{PLOT * count / most:.1f}h-{step * 0.76:.1f}z"
        for i, count in enumerate(counts)
        if count
    ]
    return [levels([PLOT - 0.5]), _path("count", "".join(parts))]


def cells(grid: Sequence[Sequence[tuple[int, str] | None]], height: float) -> list[str]:
    """Draw a heat map: rows of cells, each a level from 0 up and what to say of it; None: nothing.

    Cells of level 0 are one path; the others can be asked what they are.
    """
    quiet, loud = [], []
    for row, line in enumerate(grid):
        width = WIDTH / len(line)
        for column, cell in enumerate(line):
            if cell is None:
                continue
            left, top, w, h = column * width + 1, row * height + 1, width - 2, height - 2
            level, told = cell
            if level:
                loud.append(
                    f'<rect class="heat{level}" x="{left:.1f}" y="{top:g}" width="{w:.1f}" '
                    f'height="{h:g}"><title>{escape(told)}</title></rect>'
                )
            else:
                quiet.append(f"M{left:.1f} {top:g}h{w:.1f}v{h:g}h-{w:.1f}z")
    return [_path("heat0", "".join(quiet)), *loud]
