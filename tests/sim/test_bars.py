"""The default settings are held to what netswap promises of them. Seeded: always the same numbers.

Packets are lost each for itself here; `docs/detection.md` tells what is not promised.
"""

from __future__ import annotations

import statistics
from pathlib import Path
from random import Random

import pytest

from bench.sim import recorded, trials
from bench.sim.line import Jitter, Loss, RateLimit
from bench.sim.pair import FIRST, Pair
from bench.sim.rare import Chance, Effort, false_swaps_per_s
from bench.sim.trials import longest_detection_s
from netswap.core.settings import ProbeSettings, Settings

DEFAULTS = Settings()
WEEK_S = 7 * 86400.0
MONTH_S = 30 * 86400.0


def test_a_silent_death_is_noticed_in_1_7_s_at_worst() -> None:
    times = list(trials.silent_deaths(DEFAULTS, 200))
    assert max(times) <= 1.7
    assert statistics.median(times) <= 1.2


@pytest.mark.parametrize(
    "probe",
    [
        ProbeSettings(),
        ProbeSettings(fall=1),
        ProbeSettings(fall=2, confirm_interval_s=0.5),
        ProbeSettings(fall=6, confirm_interval_s=0.3, deadline_min_s=0.2),
        ProbeSettings(interval_s=2.0, fall=3),
    ],
    ids=str,
)
@pytest.mark.parametrize("rtt_s", [0.02, 0.18])
def test_the_formula_tells_the_longest_and_the_shortest_time(
    probe: ProbeSettings, rtt_s: float
) -> None:
    times = list(trials.silent_deaths(Settings(probe=probe), 100, rtt_s=rtt_s))
    longest_s = longest_detection_s(probe, rtt_s)
    # The variation of the round trip decays for ever: a deadline is a moment longer than told.
    assert longest_s - 0.05 * probe.interval_s < max(times) <= longest_s + 1e-3
    assert min(times) >= longest_s - probe.interval_s - 1e-3


@pytest.mark.parametrize("length_s", [0.1, 0.2, 0.3, 0.4])
def test_no_burst_up_to_400_ms_costs_a_swap(length_s: float) -> None:
    assert not [p for p in range(100) if trials.burst(DEFAULTS, length_s, p / 100)]


def test_a_burst_that_is_long_enough_is_seen() -> None:
    assert any(trials.burst(DEFAULTS, 0.6, p / 100) for p in range(100))


def test_a_brown_out_is_found_in_15_s() -> None:
    """By chance it may look like a link that is well for longer: in some 1 of 1000."""
    times = list(trials.brown_outs(DEFAULTS, 200))
    assert statistics.median(times) <= 8
    assert sum(time_s <= 15 for time_s in times) >= 199


def test_a_dead_target_slows_nothing_down() -> None:
    times = list(trials.silent_deaths(DEFAULTS, 50, dead=frozenset({"8.8.8.8"})))
    assert max(times) <= 1.7


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("loss", "period_s"), [(0.02, MONTH_S), (0.05, WEEK_S)])
def test_independent_loss_costs_less_than_one_swap(loss: float, period_s: float) -> None:
    """A month at 2 %, a week at 5 %: taken for dead and taken for degraded both count."""
    chance = Chance(lambda random: Loss(loss, random), DEFAULTS)
    assert period_s * sum(false_swaps_per_s(chance, loss, Effort(entries=20, longest_s=20_000))) < 1


def test_a_target_that_is_rate_limited_costs_no_swap() -> None:
    assert not trials.spell(DEFAULTS, RateLimit("8.8.8.8", 0.1), 1800)


def test_jitter_costs_no_swap() -> None:
    assert not trials.spell(DEFAULTS, Jitter(0.02, Random(1)), 1800)


def test_a_link_that_flaps_for_hours_is_followed_a_few_times_only() -> None:
    """Two minutes up, two minutes down. Held back once, it stays so: no swap in the last hour."""
    swaps = trials.flaps(DEFAULTS, 2 * 3600.0)
    assert len(swaps) <= 12
    assert swaps[-1].at_s < 3600


def test_on_a_bad_day_of_a_modem_every_outage_is_left_and_no_more() -> None:
    modem = recorded.read(Path("bench/sim/cable_modem.csv"))
    away = [s for s in Pair(DEFAULTS, modem.line).until(modem.length_s) if s.to != FIRST]
    dead = [swap.at_s for swap in away if "4 probes lost" in swap.reason]
    long = [start_s for start_s, end_s in modem.silences if end_s - start_s > 1.7]
    assert all(any(start_s < at_s <= start_s + 1.7 for at_s in dead) for start_s in long)
    assert len(away) <= len(long) + 3  # two brown-outs, and one outage of 1.2 s that may count
