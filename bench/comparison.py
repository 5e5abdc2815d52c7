"""The comparison as a table in Markdown. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bench.contest import KEPT, LEAK_S, Result
from bench.rivals import Rival
from bench.usage import Usage

NONE = "-"
"""What was not measured."""


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that is compared."""

    title: str
    cell: Callable[[Result], str]


def spread(values: Sequence[float], digits: int = 0) -> str:
    """Return median and worst."""
    if not values:
        return NONE
    return f"{statistics.median(values):.{digits}f} ({max(values):.{digits}f})"


def told(counts: Sequence[int]) -> str:
    """Return how many of all the connections that were kept open were told."""
    return f"{sum(counts)} of {KEPT * len(counts)}" if counts else NONE


def typical(usages: Sequence[Usage], what: Callable[[Usage], float], digits: int) -> str:
    """Return the median of one kind of usage."""
    return f"{statistics.median(map(what, usages)):.{digits}f}" if usages else NONE


ROWS = (
    Row("rounds", lambda r: str(len(r.back_s))),
    Row("upstream dies → new connection, s", lambda r: spread(r.failover_s, 2)),
    Row("upstream heals → back on the cable, s", lambda r: spread(r.back_s, 2)),
    Row("failed connects in a swap back", lambda r: spread(r.back_failed)),
    Row("connections told of the failover within 2 s", lambda r: told(r.told)),
    Row("connections told of the swap back within 2 s", lambda r: told(r.back_told)),
    Row(f"bytes leaked by the standby in {LEAK_S:.0f} s", lambda r: spread(r.leaked_bytes)),
    Row("idle: CPU, s per hour", lambda r: typical(r.own, lambda u: u.cpu_s_per_h, 1)),
    Row("idle: wake-ups per second", lambda r: typical(r.own, lambda u: u.wakeups_per_s, 1)),
    Row("idle: memory, MB", lambda r: typical(r.own, lambda u: u.memory_mb, 1)),
)


def merged(results: Sequence[Result]) -> Result:
    """Return the results of several labs of one rival as those of one."""
    whole = Result()
    for result in results:
        for name in Result.__slots__:
            getattr(whole, name).extend(getattr(result, name))
    return whole


def more_than(usages: Sequence[Usage], base: Sequence[Usage]) -> list[Usage]:
    """Return what NetworkManager uses for its check: more than where there is none."""
    if not base:
        return []
    without = (
        statistics.median(usage.cpu_s_per_h for usage in base),
        statistics.median(usage.wakeups_per_s for usage in base),
        statistics.median(usage.memory_mb for usage in base),
    )
    return [
        Usage(
            usage.cpu_s_per_h - without[0],
            usage.wakeups_per_s - without[1],
            usage.memory_mb - without[2],
        )
        for usage in usages
    ]


def attributed(results: Mapping[Rival, Result]) -> None:
    """Charge NetworkManager's check with what NetworkManager uses more than elsewhere."""
    base = [u for rival, r in results.items() if not rival.check_s for u in r.networkmanager]
    for rival, result in results.items():
        if rival.check_s:
            result.own = more_than(result.networkmanager, base)


def table(results: Mapping[Rival, Result]) -> str:
    """Return the table: a column for each rival, a row for each thing that is compared."""
    lines = ["| | " + " | ".join(rival.title for rival in results) + " |"]
    lines.append("|---" * (len(results) + 1) + "|")
    for row in ROWS:
        cells = " | ".join(row.cell(result) for result in results.values())
        lines.append(f"| {row.title} | {cells} |")
    return "\n".join(lines)
