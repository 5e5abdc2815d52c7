"""How a link is held back that keeps failing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netswap.core.damping import NO_PENALTY, Penalty
from netswap.core.settings import DampingSettings
from tests.unit.worlds import FIXED

DAMPING = DampingSettings()


def after(*failures_s: float) -> Penalty:
    penalty = NO_PENALTY
    for at_s in failures_s:
        penalty = penalty.expired(DAMPING, at_s).failed(DAMPING, at_s)
    return penalty


def held_s(penalty: Penalty) -> float:
    return max(0.0, penalty.suppressed_until_s - penalty.at_s)


def test_two_failures_are_followed_the_third_is_too_many() -> None:
    assert held_s(after(0)) == held_s(after(0, 60)) == 0
    assert held_s(after(0, 60, 120)) == pytest.approx(540, abs=30)


def test_failures_that_are_far_apart_do_not_add_up() -> None:
    assert held_s(after(*range(0, 36000, 1800))) == 0


def test_whoever_goes_on_failing_is_not_forgiven_meanwhile() -> None:
    penalty = after(*range(0, 3600, 240))
    assert penalty.suppressed_until_s > 3360


def test_a_link_that_keeps_failing_is_followed_a_few_times_only() -> None:
    """Two minutes up, two minutes down, for a day: a swap away needs a link that is not held."""
    penalty, away = NO_PENALTY, 0
    for at_s in range(0, 86400, 240):
        penalty = penalty.expired(DAMPING, at_s)
        away += not penalty.suppressed_until_s
        penalty = penalty.failed(DAMPING, at_s)
    assert 2 * away <= 12


def test_it_is_held_back_for_a_short_time_only_if_so_wanted() -> None:
    brief = DampingSettings(longest_s=120.0)
    penalty = NO_PENALTY
    for at_s in (0, 30, 60):
        penalty = penalty.failed(brief, at_s)
    assert penalty.suppressed_until_s == 180.0
    again = penalty.expired(brief, 180.0).failed(brief, 200.0)
    assert again.suppressed_until_s == 320.0
    assert not penalty.failed(DampingSettings(longest_s=0.0), 90.0).suppressed_until_s


def test_it_comes_back_when_its_time_has_come() -> None:
    penalty = after(0, 60, 120)
    until_s = penalty.suppressed_until_s
    assert penalty.expired(DAMPING, until_s - 0.1) == penalty
    back = penalty.expired(DAMPING, until_s)
    assert not back.suppressed_until_s
    assert back.points == pytest.approx(DAMPING.reuse)


@FIXED
@given(st.lists(st.floats(0, 600), min_size=1, max_size=60))
def test_it_is_never_held_longer_than_the_longest(gaps_s: list[float]) -> None:
    penalty, now_s = NO_PENALTY, 0.0
    for gap_s in gaps_s:
        now_s += gap_s
        penalty = penalty.expired(DAMPING, now_s).failed(DAMPING, now_s)
        assert held_s(penalty) <= DAMPING.longest_s + 1e-6


def test_points_that_decay_at_once_are_no_trouble() -> None:
    quick = DampingSettings(half_life_s=1.0, longest_s=86400.0)
    assert held_s(NO_PENALTY.failed(quick, 0.0).failed(quick, 0.0)) > 0
