"""What is measured: a name, a unit, values, and the bar they are held to. Pure."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

Statistic = Callable[[Sequence[float]], float]


def p95(values: Sequence[float]) -> float:
    """Return the value that 95 % do not exceed (nearest rank: of 10 values the largest)."""
    return sorted(values)[math.ceil(0.95 * len(values)) - 1]


MEDIAN: tuple[str, Statistic] = ("median", statistics.median)
WORST: tuple[str, Statistic] = ("max", max)


@dataclass(frozen=True, slots=True)
class Bar:
    """What a statistic of the values must not exceed."""

    of: tuple[str, Statistic]
    limit: float
    also: Bar | None = None
    """Another one that must be met, too."""

    def met(self, values: Sequence[float]) -> bool:
        """Tell whether the values are good enough."""
        good = bool(values) and self.of[1](values) <= self.limit
        return good and (self.also is None or self.also.met(values))

    def __str__(self) -> str:
        return f"{self.of[0]} ≤ {self.limit:g}" + (f", {self.also}" if self.also else "")


@dataclass(frozen=True, slots=True)
class Measure:
    """One thing that is measured again and again."""

    key: str
    """Its name in bench.json; the unit is in it."""
    title: str
    unit: str
    digits: int
    """After the decimal point, when shown."""
    bar: Bar | None = None
    values: list[float] = field(default_factory=list)

    def statistics(self) -> dict[str, float]:
        """Return the least, median, 95th percentile and largest value."""
        if not self.values:
            return {}
        return {
            "min": min(self.values),
            "median": statistics.median(self.values),
            "p95": p95(self.values),
            "max": max(self.values),
        }


class Results:
    """All that is measured. The bars are those of a first version."""

    def __init__(self) -> None:
        self.failover = Measure(
            "failover_s",
            "upstream dies → new connection",
            "s",
            2,
            Bar(MEDIAN, 1.2, Bar(WORST, 2.0)),
        )
        self.takeover = Measure(
            "takeover_ms", "takeover: decision → kernel route", "ms", 1, Bar(MEDIAN, 5.0)
        )
        self.returning = Measure(
            "swap_back_ms", "swap back: decision → kernel route", "ms", 1, Bar(MEDIAN, 5.0)
        )
        self.told = Measure("connection_told_ms", "kernel route → old ones ended", "ms", 1)
        self.lookup = Measure(
            "first_lookup_ms", "kernel route → first name found", "ms", 1, Bar(MEDIAN, 100.0)
        )
        self.back = Measure("swap_back_s", "upstream heals → kernel route", "s", 2)
        self.back_failed = Measure(
            "swap_back_failed", "swap back: failed connects", "", 0, Bar(WORST, 0.0)
        )
        self.back_ended = Measure("swap_back_ended", "swap back: of them, under way", "", 0)
        self.pulled = Measure(
            "pulled_to_route_s", "cable pulled → kernel route", "s", 3, Bar(WORST, 0.1)
        )
        self.pulled_offline = Measure("pulled_offline_s", "cable pulled → new connection", "s", 3)
        self.cpu = Measure(
            "idle_cpu_s_per_h_link", "idle: CPU per hour and link", "s", 2, Bar(WORST, 3.6)
        )
        self.wakeups = Measure(
            "idle_wakeups_per_s", "idle: wake-ups per second", "", 1, Bar(WORST, 3.0)
        )
        self.status = Measure("status_s", "netswapctl status", "s", 3, Bar(MEDIAN, 0.2))
        self.hook_up = Measure("hook_up_ms", "hook, service up", "ms", 1, Bar(MEDIAN, 50.0))
        self.hook_down = Measure("hook_down_ms", "hook, service down", "ms", 1, Bar(MEDIAN, 50.0))
        self.again = Measure(
            "activated_again_ms", "backup activated again → right", "ms", 1, Bar(WORST, 100.0)
        )
        self.memory = Measure("resident_mb", "resident memory", "MB", 1, Bar(WORST, 45.0))

    def __iter__(self) -> Iterator[Measure]:
        return iter(vars(self).values())
