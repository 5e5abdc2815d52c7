"""`make sim`: what the settings of the probing cost and give; draws docs/detection.svg.

Simulated on the pure core: minutes of computing for months on a line. Seeded: the same numbers each
time, but for the speed.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from random import Random

from bench.measure import p95
from bench.sim import trials
from bench.sim.line import Line, Loss, Spell
from bench.sim.pair import Pair
from bench.sim.picture import Point, draw
from bench.sim.rare import Chance, Effort, false_swaps_per_s
from bench.sim.run import Run
from netswap.core.settings import ProbeSettings, Settings

PICTURE = Path("docs/detection.svg")
MONTH_S = 30 * 86400.0
QUICK = Effort(entries=20, longest_s=8000.0, tries=400)
FALLS, CONFIRMS_S, FLOORS_S = (2, 3, 4, 6), (0.15, 0.3), (0.1, 0.3)
TARGETS = (("1.1.1.1",), ("1.1.1.1", "8.8.8.8"))


def swaps_a_month(settings: Settings, loss: float, effort: Effort) -> float:
    """Return how many swaps independent loss of packets costs."""
    chance = Chance(lambda random: Loss(loss, random), settings)
    return MONTH_S * sum(false_swaps_per_s(chance, loss, effort))


def grid() -> Iterator[Point]:
    """Yield what comes of each choice of settings."""
    for series, targets in enumerate(TARGETS):
        for fall, confirm_s, floor_s in product(FALLS, CONFIRMS_S, FLOORS_S):
            probe = replace(
                ProbeSettings(),
                targets=targets,
                fall=fall,
                confirm_interval_s=confirm_s,
                deadline_min_s=floor_s,
            )
            yield Point(
                detection_s=trials.longest_detection_s(probe),
                swaps=swaps_a_month(Settings(probe=probe), 0.05, QUICK),
                label=str(fall),
                series=series,
                chosen=probe == ProbeSettings(),
            )


def results() -> Iterator[tuple[str, str]]:
    """Yield what the defaults give: what, and the number."""
    defaults = Settings()
    deaths = list(trials.silent_deaths(defaults, 300))
    found = list(trials.brown_outs(defaults, 300))
    yield "silent death noticed after: median", f"{statistics.median(deaths):.2f} s"
    yield "silent death noticed after: longest of 300", f"{max(deaths):.2f} s"
    yield "… by the formula", f"{trials.longest_detection_s(defaults.probe):.2f} s"
    yield "brown-out of 40 % noticed after: median", f"{statistics.median(found):.1f} s"
    yield "brown-out of 40 % noticed after: 95 %", f"{p95(found):.1f} s"
    share = sum(time_s <= 15 for time_s in found) / len(found)
    yield "brown-out of 40 % noticed within 15 s", f"{share:.0%}"
    bursts = sum(trials.burst(defaults, 0.4, phase / 200) for phase in range(200))
    yield "swaps by bursts of 0.4 s at 200 moments", str(bursts)
    for loss in (0.02, 0.05):
        yield (
            f"false swaps a month at {loss:.0%} loss",
            f"{swaps_a_month(defaults, loss, Effort()):.1e}",
        )
    swaps = trials.flaps(defaults, 86400.0)
    yield "swaps in a day of 2 min up, 2 min down", str(len(swaps))
    yield "simulated ÷ real time: a month without loss", f"{speed():,.0f}"
    yield "simulated ÷ real time: a day with loss", f"{lossy_speed():,.0f}"
    yield "simulated ÷ real time: the whole engine", f"{engine_speed():,.0f}"


def speed() -> float:
    """Return how much faster than real time a quiet month is simulated."""
    began_s = time.perf_counter()
    Run(Settings(), Line()).until(MONTH_S)
    return MONTH_S / (time.perf_counter() - began_s)


def lossy_speed() -> float:
    """Return the same where there is no quiet to skip."""
    began_s = time.perf_counter()
    Run(Settings(), Line(Spell(0.0, 86400.0, Loss(0.02, Random(1))))).until(86400.0)
    return 86400.0 / (time.perf_counter() - began_s)


def engine_speed() -> float:
    """Return the same of all of netswap's decisions for two links, a quiet day, nothing skipped."""
    began_s = time.perf_counter()
    Pair(Settings(), Line()).until(86400.0)
    return 86400.0 / (time.perf_counter() - began_s)


def main() -> None:
    """Print the table, draw the picture."""
    for what, number in results():
        print(f"{what:<50} {number:>12}", flush=True)
    points = list(grid())
    title = "How soon a dead link is noticed, and how often a live one is left"
    PICTURE.write_text(draw(points, ("one target", "two targets"), title))
    print(f"drawn: {PICTURE}")


if __name__ == "__main__":
    main()
