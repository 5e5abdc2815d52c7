"""How long a reply is waited for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netswap.core.rtt import INITIAL_S, Rtt
from netswap.core.settings import ProbeSettings
from tests.unit.worlds import FIXED

PROBE = ProbeSettings()


def deadline_s(*samples_s: float, probe: ProbeSettings = PROBE) -> float:
    rtt = Rtt()
    for sample_s in samples_s:
        rtt = rtt.after(sample_s)
    return rtt.deadline_s(probe)


def test_while_nothing_is_known_a_second_is_waited() -> None:
    assert deadline_s() == INITIAL_S


def test_a_quick_link_is_waited_for_the_least() -> None:
    assert deadline_s(*[0.02] * 20) == PROBE.deadline_min_s


def test_a_slow_but_steady_link_is_waited_for_a_bit_longer_than_it_takes() -> None:
    assert deadline_s(*[0.6] * 60) == pytest.approx(0.65, abs=0.01)


def test_the_more_it_varies_the_longer() -> None:
    assert deadline_s(*[0.05, 0.35] * 30) > 0.5


def test_the_first_reply_counts_three_times_its_time() -> None:
    """RFC 6298, section 2.2: the variation is half of it, and four of those are added."""
    assert deadline_s(0.2) == pytest.approx(0.2 + 4 * 0.1)


def test_one_late_reply_teaches_at_once() -> None:
    assert deadline_s(*[0.02] * 20, 1.3) > 1.3


@FIXED
@given(st.lists(st.floats(0, 30), max_size=30))
def test_it_is_always_within_bounds(samples_s: list[float]) -> None:
    assert PROBE.deadline_min_s <= deadline_s(*samples_s) <= PROBE.deadline_max_s
