"""What is too rare to wait for is estimated. Here it can be waited for, and counted."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from bench.sim.line import Loss, always
from bench.sim.rare import FOREVER_S, WARM_UP_S, Chance, Effort, losses, rate_per_s
from bench.sim.run import Run
from netswap.core.settings import ProbeSettings, QualitySettings, Settings

LOSS = 0.1
LONG_S = 50_000.0


def settings(fall: int) -> Settings:
    probe = replace(ProbeSettings(), targets=("1.1.1.1",), fall=fall)
    return Settings(probe=probe, quality=QualitySettings(loss=2))


def counted_per_s(fall: int) -> float:
    run = Run(settings(fall), always(Loss(LOSS, Random(1))))
    run.until(WARM_UP_S)
    falls, was_up = 0, True
    while run.now_s < LONG_S and run.step(FOREVER_S):
        up = run.track.health.up
        falls += was_up and not up
        was_up = up
    return falls / (run.now_s - WARM_UP_S)


def test_the_estimate_is_what_is_counted() -> None:
    fall = 3
    chance = Chance(lambda random: Loss(LOSS, random), settings(fall))
    steps = [*range(1, fall), float("inf")]
    estimate = rate_per_s(chance, losses, steps, Effort(entries=100))
    assert estimate == pytest.approx(counted_per_s(fall), rel=0.35)
