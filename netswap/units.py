"""Quantities as people write and read them. Pure."""

from __future__ import annotations

import re

UNIT_S = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
"""A unit of time, in seconds."""

UNIT_B = {"kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
UNIT_B |= {"kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40}
"""A unit of data in small letters, in bytes: GB as bills have it, GiB as some programs do."""

LARGEST_B = 2.0**62
"""SQLite and D-Bus take a bit more."""

YEAR_S = 366 * UNIT_S["d"]
"""The longest time for which something can be asked of netswapd."""

_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]i?b)\s*", re.ASCII | re.IGNORECASE)
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


def parse_size(text: str) -> int:
    """Return the bytes that `5 GB`, `500MB` or `1.5 GiB` is. Raises ValueError where it is none."""
    match = _SIZE.fullmatch(text)
    size = float(match[1]) * UNIT_B[match[2].lower()] if match else 0.0
    if size > LARGEST_B:
        raise ValueError(f"{text!r} is more than can be counted")
    if not (whole := round(size)):
        raise ValueError(f"{text!r} is no amount of data; write 500 MB, 5 GB or 1.5 GiB")
    return whole


def size(count: float) -> str:
    """Write bytes: `0 B`, `12 kB`, `4.2 GB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 999.5:
            return f"{count:.1f} {unit}" if unit != "B" and count < 9.95 else f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


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


def fine_share(part: float | None) -> str:
    """Write a share near to 1 with as many nines as it has: `99.98 %`; never more than it is."""
    if part is None:
        return "-"
    return "100 %" if part >= 1 else f"{int(part * 100000) / 1000:.3f} %"


def share(part: float | None) -> str:
    """Write a share of 1 in percent: `3 %`; `-` for none."""
    return "-" if part is None else f"{part * 100:.0f} %"
