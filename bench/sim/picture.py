"""Detection time against false swaps, as an SVG picture. Pure: numbers in, text out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from math import log10

WIDTH, HEIGHT = 760, 480
LEFT, RIGHT, TOP, BOTTOM = 78, 20, 58, 56
COLOURS = ("#0072b2", "#d55e00")
"""Told apart by people who see few colours (Okabe and Ito), and by shape."""


@dataclass(frozen=True, slots=True)
class Point:
    """One choice of settings, and what comes of it."""

    detection_s: float
    """The longest time until a silent death is noticed."""
    swaps: float
    """False swaps in a month."""
    label: str
    series: int
    chosen: bool = False


@dataclass(frozen=True, slots=True)
class Plane:
    """Where on the picture a point is. Times are linear, swaps logarithmic."""

    seconds: tuple[float, float]
    decades: tuple[int, int]

    def x(self, seconds: float) -> float:
        """Return the place of a time, from the left."""
        low, high = self.seconds
        return LEFT + (seconds - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    def y(self, swaps: float) -> float:
        """Return the place of a number of swaps, from the top; very few are at the foot."""
        low, high = self.decades
        decade = min(high, max(low, log10(swaps) if swaps > 0 else low))
        return TOP + (high - decade) / (high - low) * (HEIGHT - TOP - BOTTOM)


def draw(points: Sequence[Point], series: Sequence[str], title: str) -> str:
    """Return the picture."""
    longest = max(point.detection_s for point in points)
    plane = Plane((1.0, longest + 0.2), (-2, 6))
    body = [*_axes(plane), *_points(plane, points), *_legend(series), _text(LEFT, 26, title, 15)]
    style = "font-family='sans-serif' font-size='12' fill='#222'"
    box = f"viewBox='0 0 {WIDTH} {HEIGHT}' width='{WIDTH}' height='{HEIGHT}'"
    white = f"<rect width='{WIDTH}' height='{HEIGHT}' fill='#fff'/>"
    head = f"<svg xmlns='http://www.w3.org/2000/svg' {box} {style} role='img'>"
    return "\n".join([head, f"<title>{escape(title)}</title>", white, *body, "</svg>", ""])


def _axes(plane: Plane) -> Iterator[str]:
    low, high = plane.decades
    right, foot = WIDTH - RIGHT, HEIGHT - BOTTOM
    for decade in range(low, high + 1, 2):
        y = plane.y(10.0**decade)
        yield f"<path d='M{LEFT} {y:.1f}H{right}' stroke='#ddd'/>"
        yield _text(LEFT - 8, y + 4, "1" if decade == 0 else f"10^{decade}", anchor="end")
    for half in range(int(plane.seconds[0] * 2), int(plane.seconds[1] * 2) + 1):
        x = plane.x(half / 2)
        yield f"<path d='M{x:.1f} {TOP}V{foot}' stroke='#eee'/>"
        yield _text(x, foot + 18, f"{half / 2:g} s", anchor="middle")
    bar = plane.y(30 / 7)
    yield f"<path d='M{LEFT} {bar:.1f}H{right}' stroke='#a00' stroke-dasharray='5 4'/>"
    yield _text(right - 4, bar - 5, "one a week", anchor="end", fill="#a00")
    middle = (LEFT + right) / 2
    yield _text(middle, HEIGHT - 14, "silent death noticed after, at the longest", anchor="middle")
    turned = f"transform='rotate(-90 18 {(TOP + foot) / 2:.0f})'"
    yield _text(
        18, (TOP + foot) / 2, "false swaps a month, at 5 % loss", anchor="middle", more=turned
    )


def _points(plane: Plane, points: Sequence[Point]) -> Iterator[str]:
    for point in points:
        x, y = plane.x(point.detection_s), plane.y(point.swaps)
        yield _mark(x, y, point.series)
        if point.chosen:
            ring = f"cx='{x:.1f}' cy='{y:.1f}' r='10' fill='none' stroke='#222' stroke-width='2'"
            yield f"<circle {ring}/>"
            yield _text(x, y + 26, "the defaults", anchor="middle")
        yield _text(x + 8, y + 4, point.label, 10, fill="#666")


def _mark(x: float, y: float, series: int) -> str:
    colour = COLOURS[series]
    if series:
        return f"<rect x='{x - 4:.1f}' y='{y - 4:.1f}' width='8' height='8' fill='{colour}'/>"
    return f"<circle cx='{x:.1f}' cy='{y:.1f}' r='4.5' fill='{colour}'/>"


def _legend(series: Sequence[str]) -> Iterator[str]:
    for number, name in enumerate(series):
        x = LEFT + 150 * number
        yield _mark(x + 4.5, 40.5, number)
        yield _text(x + 14, 45, name)
    yield _text(LEFT + 310, 45, "the number beside a point: its fall")


def _text(
    x: float, y: float, text: str, size: int = 12, *, anchor: str = "start", fill: str = "",
    more: str = "",
) -> str:  # fmt: skip
    colour = f" fill='{fill}'" if fill else ""
    attributes = f"x='{x:.1f}' y='{y:.1f}' font-size='{size}' text-anchor='{anchor}'{colour} {more}"
    return f"<text {attributes.strip()}>{escape(text)}</text>"
