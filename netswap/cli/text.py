"""Text for terminals: colours, tables that fit, and no control characters. Pure but for `Terminal`.

Names of connections and reasons come from outside (a Wi-Fi network names itself), so whatever the
service says goes through `printable` before it is shown.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, TextIO
from unicodedata import category, east_asian_width

BLOCKS = "▁▂▃▄▅▆▇█▓▒░·\N{MULTIPLICATION SIGN}"
IN_ASCII = str.maketrans(BLOCKS, ".:-=+*%#~x!.X")
"""What charts are drawn with, and with what where there are no blocks."""

Paint = Callable[[str, str], str]
"""Takes a text and the name of a colour."""

CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33"}
"""SGR parameters (ECMA-48, 8.3.117)."""

GAP = "  "
NARROWEST = 4
"""A column that must give way is still this wide."""
FIRST = 24
"""The first one tells the rows apart: from this width on it gives way after all others only."""
NARROWEST_FIRST = 8
"""So wide it still is then."""


class Cell(NamedTuple):
    """A text with a colour."""

    text: str
    colour: str = ""


def printable(value: Any) -> Any:
    """Replace every character that is no plain text, however deep it stands."""
    if isinstance(value, str):
        return value if value.isprintable() else "".join(map(_printable, value))
    if isinstance(value, list | tuple):
        return [printable(item) for item in value]
    if isinstance(value, dict):
        return {printable(key): printable(item) for key, item in value.items()}
    return value


def _printable(char: str) -> str:
    """Return a character; one that a terminal might obey or be confused by becomes a space or ?."""
    if char.isprintable():
        return char
    return " " if category(char) == "Zs" else "\N{REPLACEMENT CHARACTER}"


def painted(text: str, colour: str) -> str:
    """Colour a text."""
    return f"\x1b[{CODES[colour]}m{text}\x1b[0m" if colour else text


def unpainted(text: str, _colour: str) -> str:
    """Leave a text as it is."""
    return text


def is_terminal(stream: TextIO | None) -> bool:
    """Tell whether somebody looks. Python has None in place of a stream that was closed (`>&-`)."""
    return stream is not None and stream.isatty()


def paint_for(stream: TextIO | None = sys.stdout) -> Paint:
    """Return how to colour what goes there: only a terminal, not with NO_COLOR (no-color.org)."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return unpainted if plain or not is_terminal(stream) else painted


def width_of(stream: TextIO | None = sys.stdout) -> int | None:
    """Return how many columns there are; None where lines may be of any length."""
    if stream is None or not is_terminal(stream):
        return None
    return os.get_terminal_size(stream.fileno()).columns or None


def drawn_for(lines: Iterable[str], stream: TextIO | None = sys.stdout) -> list[str]:
    """Return a chart as it can be shown there: an encoding without blocks would make each a `?`."""
    try:
        BLOCKS.encode((stream and stream.encoding) or "utf-8")
    except UnicodeEncodeError:
        return [line.translate(IN_ASCII) for line in lines]
    return list(lines)


def columns(text: str) -> int:
    """Return how many columns a text takes on a terminal."""
    return sum(2 if east_asian_width(char) in "WF" else 1 for char in text)


def clip(text: str, width: int) -> str:
    """Shorten a text to so many columns."""
    if columns(text) <= width:
        return text
    while text and columns(text) > width - 1:
        text = text[:-1]
    return f"{text}…"


def table(
    rows: Sequence[Sequence[Cell]], paint: Paint = unpainted, width: int | None = None
) -> list[str]:
    """Lay rows out in columns; where there is too little room, the widest ones give way."""
    widths = [max(columns(cell.text) for cell in column) for column in zip(*rows, strict=True)]
    if width is not None:
        widths = _fitted(widths, width)
    return [_line(row[: len(widths)], widths, paint) for row in rows]


def _fitted(widths: Sequence[int], width: int) -> list[int]:
    """Make columns fit: the widest gives way, of equal ones the right one.

    Where all are as narrow as they get, the last one is left out.
    """
    fitted, room = list(widths), width - len(GAP) * (len(widths) - 1)
    least = NARROWEST_FIRST if len(widths) > 1 else 1
    while sum(fitted) > room:
        able = [n for n, own in enumerate(fitted) if own > (NARROWEST if n else FIRST)]
        if able:
            fitted[max(able, key=lambda n: (fitted[n], n))] -= 1
        elif fitted[0] > least:
            fitted[0] -= 1
        else:
            return _fitted(widths[:-1], width)
    return fitted


def _line(row: Iterable[Cell], widths: Iterable[int], paint: Paint) -> str:
    cells = [
        (clip(cell.text, width), cell.colour, width)
        for cell, width in zip(row, widths, strict=True)
    ]
    while cells and not cells[-1][0]:
        cells.pop()
    parts = [
        paint(text, colour) + " " * (width - columns(text) if i < len(cells) - 1 else 0)
        for i, (text, colour, width) in enumerate(cells)
    ]
    return GAP.join(parts)
