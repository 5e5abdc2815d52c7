"""When a step may be tried again."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netswap.core.actions import Block, Recheck, SetMetric, Step, Tidy, Unblock
from netswap.core.attempts import LONGEST_S, SETTLE_S, Attempts, independent
from tests.unit.worlds import FIXED, link, route, world

LOWER = SetMetric("tether", 60)
UNBLOCK = Unblock("tether", "tether0")


def test_what_was_not_tried_may_be_tried() -> None:
    assert Attempts().ready(LOWER, 0.0)
    assert Attempts().deadline_s([LOWER], 0.0) == inf


@pytest.mark.parametrize(
    "step", [LOWER, Tidy("tether"), Recheck("tether"), Block("tether", "tether0")]
)
def test_an_effect_gets_time_to_show(step: Step) -> None:
    attempts = Attempts()
    attempts.issued(step, 5.0)
    assert not attempts.ready(step, 5.0 + SETTLE_S - 0.001)
    assert attempts.ready(step, 5.0 + SETTLE_S)
    assert attempts.deadline_s([step], 5.0) == 5.0 + SETTLE_S


def test_what_frees_a_link_needs_no_patience() -> None:
    attempts = Attempts()
    attempts.issued(UNBLOCK, 5.0)
    assert attempts.ready(UNBLOCK, 5.0)


@pytest.mark.parametrize("step", [LOWER, UNBLOCK])
def test_failures_back_off(step: Step) -> None:
    attempts, now_s, pauses = Attempts(), 0.0, []
    for _ in range(8):
        attempts.issued(step, now_s)
        attempts.finished([step], now_s)
        again_s = attempts.failed(step, now_s)
        pauses.append(again_s - now_s)
        assert not attempts.ready(step, again_s - 0.001)
        now_s = again_s
    assert pauses == [1, 2, 4, 8, 16, LONGEST_S, LONGEST_S, LONGEST_S]


def test_the_pause_begins_when_the_try_is_over() -> None:
    attempts = Attempts()
    attempts.issued(LOWER, 0.0)
    attempts.finished([LOWER], 5.0)
    assert attempts.failed(LOWER, 5.0) == 5.0 + SETTLE_S


def test_what_is_no_longer_needed_is_forgiven_after_its_pause() -> None:
    attempts, now_s = Attempts(), 0.0
    for _ in range(4):
        attempts.issued(LOWER, now_s)
        attempts.finished([LOWER], now_s)
        now_s = attempts.failed(LOWER, now_s)
    attempts.forgive_all_but([], now_s)
    assert attempts.ready(LOWER, now_s)
    attempts.issued(LOWER, now_s)
    assert attempts.failed(LOWER, now_s) == now_s + SETTLE_S


def test_forgiving_keeps_the_pause_between_two_tries() -> None:
    attempts = Attempts()
    attempts.issued(LOWER, 0.0)
    attempts.forgive_all_but([], 0.5)
    assert not attempts.ready(LOWER, 0.5)


def test_a_failure_of_what_is_no_longer_needed_is_no_surprise() -> None:
    attempts = Attempts()
    attempts.issued(LOWER, 0.0)
    attempts.forgive_all_but([], 5.0)  # while it is still under way
    attempts.finished([LOWER], 5.0)
    assert attempts.failed(LOWER, 5.0) > 5.0


def test_one_family_again_after_both_is_a_repetition() -> None:
    attempts = Attempts()
    attempts.issued(SetMetric("tether", 60, 60), 0.0)
    assert not attempts.ready(SetMetric("tether", 60), 0.1)
    assert not attempts.ready(SetMetric("tether", None, 60), 0.1)
    assert attempts.ready(SetMetric("tether", 59, 60), 0.1)


STEPS = st.sampled_from([LOWER, UNBLOCK, SetMetric("tether", 60, 60), Recheck("tether")])


@FIXED
@given(st.lists(st.tuples(STEPS, st.sampled_from(["ok", "failed"]), st.floats(0, 40))))
def test_a_deadline_is_when_a_needed_step_is_ready(tries: list[tuple[Step, str, float]]) -> None:
    attempts, now_s = Attempts(), 0.0
    for step, outcome, wait_s in tries:
        now_s += wait_s
        if attempts.ready(step, now_s):
            attempts.issued(step, now_s)
            attempts.finished([step], now_s)
            if outcome == "failed":
                assert now_s < attempts.failed(step, now_s) <= now_s + LONGEST_S
        deadline_s = attempts.deadline_s([step], now_s)
        if deadline_s < inf:
            assert deadline_s > now_s
            assert attempts.ready(step, deadline_s) or deadline_s < now_s + LONGEST_S
        elif not attempts.ready(step, now_s):
            raise AssertionError("a step that waits has no deadline")


def test_a_refused_standby_whose_ipv6_stands_before_the_active_links_starves_no_other() -> None:
    seen = world(
        link("cable", 102, 102),
        link("modem", route(201), 101),  # IPv4 went ahead of NetworkManager, IPv6 cannot
        link("phone", 100, 100),
    )
    refused, behind = SetMetric("modem", 201, 201), SetMetric("phone", 202, 202)
    assert independent(refused, [behind], seen, "cable") == (behind,)
