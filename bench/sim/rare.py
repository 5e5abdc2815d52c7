"""How often something happens that is too rare to wait for: forward flux sampling.

A false swap comes by steps: one round lost, two in a row, and so on; or ever more of the window.
How often the first step is taken is counted. From each moment at which it was, copies of the whole
simulation go on, each with luck of its own, until they take the next step or are back where they
were; and so on. The product is the rate (Allen, Warren and ten Wolde, 2005). Rounds that
are on their way when the copies part fare alike in all of them: do not use it where confirmations
overtake one another (confirm_interval_s less than the deadline).
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf
from random import Random

from bench.sim.line import Fate, always
from bench.sim.run import Run
from netswap.core.settings import Settings

Danger = Callable[[Run], float]
"""How far a run is from a false swap."""

WARM_UP_S = 60.0
FOREVER_S = 1e12


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is simulated: first steps to be seen, for how long at most, tries of each step."""

    entries: int = 40
    longest_s: float = 40_000.0
    tries: int = 3000


@dataclass(frozen=True, slots=True)
class Chance:
    """A line whose packets fare by chance: `fate` makes it from a source of luck."""

    fate: Callable[[Random], Fate]
    settings: Settings
    seed: int = 1


def losses(run: Run) -> float:
    """Return how many rounds in a row were lost; no number is higher for a link given up."""
    health = run.track.health
    return health.losses if health.up else inf


def window_loss(run: Run) -> float:
    """Return the share of the last rounds that was lost."""
    return inf if run.track.health.degraded else run.track.loss or 0.0


def rate_per_s(chance: Chance, danger: Danger, levels: Sequence[float], effort: Effort) -> float:
    """Return how often a second the danger rises from below the first level to the last.

    A step that was never seen counts as seen once, and those after it as certain: then the rate is
    rather too high than too low.
    """
    rate, runs = _first_step(chance, danger, levels[0], effort)
    random = Random(chance.seed)
    for level in levels[1:]:
        if not runs:
            break
        reached: list[bytes] = []
        tries = 0
        while tries < effort.tries and len(reached) < effort.entries:
            run: Run = pickle.loads(runs[tries % len(runs)])
            tries += 1
            run.redraw(random.getrandbits(32))
            if _rises(run, danger, levels[0], level):
                reached.append(pickle.dumps(run))
        rate *= max(1, len(reached)) / tries
        runs = reached
    return rate


def _first_step(
    chance: Chance, danger: Danger, level: float, effort: Effort
) -> tuple[float, list[bytes]]:
    seen: list[bytes] = []
    run = Run(chance.settings, always(chance.fate(Random(chance.seed))))
    run.until(WARM_UP_S)
    calm = False
    while len(seen) < effort.entries and run.now_s < effort.longest_s and run.step(FOREVER_S):
        above = danger(run) >= level
        if above and calm:
            seen.append(pickle.dumps(run))
        calm = not above
    return max(1, len(seen)) / (run.now_s - WARM_UP_S), seen


def _rises(run: Run, danger: Danger, base: float, level: float) -> bool:
    while base <= (at := danger(run)) < level:
        run.step(FOREVER_S)
    return at >= level


def false_swaps_per_s(chance: Chance, loss: float, effort: Effort) -> tuple[float, float]:
    """Return how often a second a link is taken for dead, and for degraded, that is neither.

    `loss` is what it usually loses, 0 to 1: each step leads further from there.
    """
    fall, quality = chance.settings.probe.fall, chance.settings.quality
    down = rate_per_s(chance, losses, [*range(1, fall), inf], effort)
    shares = [loss + (quality.loss - loss) * share for share in (0.05, 0.12, 0.2, 0.3, 0.5)]
    return down, rate_per_s(chance, window_loss, [*shares, inf], effort)
