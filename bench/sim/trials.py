"""What is asked of the simulator: how soon a dead link is noticed, how often a live one is left.

All trials are seeded: the same settings give the same numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from bench.sim.line import RTT_S, Fate, Line, Loss, Spell, outage
from bench.sim.pair import Pair, Swap
from bench.sim.run import Run
from netswap.core.rtt import Rtt
from netswap.core.settings import ProbeSettings, Settings

CALM_S = 60.0
"""How long all is well before something happens."""
PATIENCE_S = 120.0


def longest_detection_s(probe: ProbeSettings, rtt_s: float = RTT_S) -> float:
    """Return the formula's answer: the longest time until a silent death is noticed.

    U(0, interval) + max(D, confirm_interval) + (fall - 2) * confirm_interval + D, with U at its
    largest; D is the deadline of a link whose round trip does not vary. The second round follows
    when the first one is lost, but not sooner than confirm_interval after it.
    """
    deadline_s = Rtt(rtt_s).deadline_s(probe)
    if probe.fall == 1:
        return probe.interval_s + deadline_s
    second_s = max(deadline_s, probe.confirm_interval_s)
    last_s = second_s + (probe.fall - 2) * probe.confirm_interval_s
    return probe.interval_s + last_s + deadline_s


def silent_deaths(
    settings: Settings, count: int, *, rtt_s: float = RTT_S, dead: frozenset[str] = frozenset()
) -> Iterator[float]:
    """Yield how long it takes to notice a link that dies at random moments, seconds."""
    random = Random(1)
    for _ in range(count):
        start_s = CALM_S + random.uniform(0, settings.probe.interval_s)
        line = Line(outage(start_s), rtt_s=rtt_s, dead=dead)
        yield _noticed_s(settings, line, start_s)


def brown_outs(settings: Settings, count: int, share: float = 0.4) -> Iterator[float]:
    """Yield how long it takes to leave a link that begins to lose that share of all packets."""
    random = Random(1)
    for _ in range(count):
        start_s = CALM_S + random.uniform(0, settings.probe.interval_s)
        spell = Spell(start_s, start_s + PATIENCE_S, Loss(share, random))
        yield _noticed_s(settings, Line(spell), start_s)


def burst(settings: Settings, length_s: float, phase_s: float) -> bool:
    """Return whether a link is left that loses everything for a moment, after a round was sent."""
    start_s = CALM_S + phase_s
    line = Line(outage(start_s, start_s + length_s))
    return _noticed_s(settings, line, start_s) < PATIENCE_S


def spell(settings: Settings, fate: Fate, length_s: float) -> bool:
    """Return whether a link is left whose packets fare differently for a while."""
    line = Line(Spell(CALM_S, CALM_S + length_s, fate))
    return _noticed_s(settings, line, CALM_S) < PATIENCE_S + length_s


def flaps(settings: Settings, length_s: float, half_s: float = 120.0) -> list[Swap]:
    """Return how traffic moves while the preferred link is up and down by turns."""
    line = Line(*_flapping(half_s, length_s))
    return Pair(settings, line).until(length_s)


def _flapping(half_s: float, length_s: float) -> Iterator[Spell]:
    start_s = half_s
    while start_s < length_s:
        yield outage(start_s, start_s + half_s)
        start_s += 2 * half_s


def _noticed_s(settings: Settings, line: Line, start_s: float) -> float:
    return Run(settings, line).until_bad(start_s + PATIENCE_S) - start_s
