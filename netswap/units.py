"""Quantities as people write and read them. Pure."""

from __future__ import annotations

import re

UNIT_S = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
"""A unit of time, in seconds."""

_PART = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(min|[smhd])", re.ASCII)


def parse_duration_s(text: str) -> float:
    """Return the seconds that `90s`, `30m`, `1h30m` or `2 h 10 min` is.

    Raises ValueError where it is none, or lasts no time. A number without a unit is refused: who
    writes 30 may mean minutes.
    """
    total_s, end = 0.0, 0
    while match := _PART.match(text, end):
        total_s += float(match[1]) * UNIT_S[match[2]]
        end = match.end()
    if text[end:].strip() or total_s <= 0:
        raise ValueError(f"{text!r} is no duration; write 90s, 30m, 2h or 1h30m")
    return total_s


def duration(seconds: float) -> str:
    """Write a duration with the two largest units that say something: `2 h 10 min`."""
    seconds = max(0, round(seconds))
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if days:
        return _parts((days, "d"), (hours % 24, "h"))
    if hours:
        return _parts((hours, "h"), (minutes % 60, "min"))
    return (
        _parts((minutes, "min")) if minutes >= 10 else _parts((minutes, "min"), (seconds % 60, "s"))
    )


def _parts(*parts: tuple[int, str]) -> str:
    said = [f"{number} {unit}" for number, unit in parts if number]
    return " ".join(said) or f"0 {parts[-1][1]}"


def round_trip(seconds: float | None) -> str:
    """Write a round-trip time: `0.4 ms`, `31 ms`, `1.2 s`; `-` for none."""
    if seconds is None:
        return "-"
    if seconds >= 1:
        return f"{seconds:.1f} s"
    return f"{seconds * 1000:.1f} ms" if seconds < 0.00995 else f"{seconds * 1000:.0f} ms"


def share(part: float | None) -> str:
    """Write a share of 1 in percent: `3 %`; `-` for none."""
    return "-" if part is None else f"{part * 100:.0f} %"
