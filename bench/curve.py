"""Cost per link against the number of links, as an SVG picture. Pure: numbers in, text out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import log2

WIDTH, HEIGHT = 640, 320
LEFT, RIGHT, TOP, BOTTOM = 70, 20, 50, 50
TITLE = "CPU time per link, once a second two targets, % of one core"
BLUE, GREY = "#0072b2", "#ddd"


def draw(points: Sequence[tuple[int, float]]) -> str:
    """Return the picture of (links, per cent of a core for each of them)."""
    most, highest = max(n for n, _ in points), 1.25 * max(cost for _, cost in points)

    def place(links: int, cost: float) -> tuple[float, float]:
        x = LEFT + log2(links) / max(1.0, log2(most)) * (WIDTH - LEFT - RIGHT)
        return x, HEIGHT - BOTTOM - cost / highest * (HEIGHT - TOP - BOTTOM)

    places = [place(*point) for point in points]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    dots = [f"<circle cx='{x:.1f}' cy='{y:.1f}' r='4' fill='{BLUE}'/>" for x, y in places]
    return "\n".join(
        [
            f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {HEIGHT}' "
            f"width='{WIDTH}' height='{HEIGHT}' font-family='sans-serif' font-size='12'>",
            f"<title>{TITLE}</title><rect width='{WIDTH}' height='{HEIGHT}' fill='#fff'/>",
            _text(LEFT, 26, TITLE, "start"),
            *(_line(place(1, highest * part / 4)[1], highest * part / 4) for part in range(5)),
            *(_text(place(n, 0)[0], HEIGHT - BOTTOM + 20, str(n), "middle") for n, _ in points),
            _text(WIDTH / 2, HEIGHT - 10, "links", "middle"),
            f"<polyline points='{path}' fill='none' stroke='{BLUE}' stroke-width='2'/>",
            *dots,
            *_values(points, places),
            "</svg>\n",
        ]
    )


def _values(
    points: Sequence[tuple[int, float]], places: Sequence[tuple[float, float]]
) -> Iterator[str]:
    for (_, cost), (x, y) in zip(points, places, strict=True):
        yield _text(x, y - 10, f"{cost:.2f}", "middle")


def _line(y: float, cost: float) -> str:
    label = _text(LEFT - 8, y + 4, f"{cost:.2f} %", "end")
    return f"<path d='M{LEFT} {y:.1f}H{WIDTH - RIGHT}' stroke='{GREY}'/>{label}"


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f"<text x='{x:.1f}' y='{y:.1f}' text-anchor='{anchor}'>{text}</text>"
