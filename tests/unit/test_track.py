"""The probing of one link: when probes are sent, and what becomes of each."""

from __future__ import annotations

import sys
from dataclasses import replace
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netswap.core.model import State
from netswap.core.settings import ProbeSettings, QualitySettings, Settings
from netswap.core.track import LATE_S, SEQUENCES, TIMES, Track
from tests.unit.worlds import FIXED, gone, link

TARGET = "198.51.100.1"
PROBE = ProbeSettings(targets=(TARGET,), fall=2, deadline_min_s=1.0, deadline_max_s=1.0)
"""With a plain deadline: how it follows the link is told in `test_rtt.py`."""
SETTINGS = Settings(probe=PROBE)
CABLE = link("cable")
SECOND = PROBE.interval_s


def tracked(state: State = State.UP, now_s: float = 0.0) -> Track:
    return Track(SETTINGS, CABLE, state, now_s, new=False)


def sent(track: Track, now_s: float) -> int:
    sequence = track.send(now_s, SECOND)
    assert sequence is not None
    return sequence


def reply(track: Track, sequence: int, now_s: float, target: str = TARGET) -> None:
    track.replied(sequence, target, now_s)


# when


def test_the_first_probe_is_sent_at_once_and_then_one_with_every_second() -> None:
    track = tracked(now_s=7.3)
    times = [at_s for at_s in (7.3, 7.4, 8.0, 8.3, 9.0) if track.send(at_s, SECOND) is not None]
    assert times == [7.3, 8.0, 9.0]


def test_late_calls_make_no_drift() -> None:
    track = tracked()
    for at_s in (0.0, 1.4, 2.3, 3.1):
        reply(track, sent(track, at_s), at_s)
    assert track.deadline_s(SECOND) == 4.0


def test_what_was_slept_through_is_not_made_up_for() -> None:
    track = tracked()
    reply(track, sent(track, 0.0), 0.1)
    reply(track, sent(track, 3600.5), 3600.5)
    assert track.send(3600.6, SECOND) is None
    assert track.deadline_s(SECOND) == 3601


def test_a_shorter_interval_counts_from_the_last_probe() -> None:
    track = tracked()
    reply(track, sent(track, 0.0), 0.02)
    assert track.send(3.0, 10.0) is None
    assert track.deadline_s(10.0) == 10.0
    assert track.send(3.0, SECOND) is not None


def test_a_link_with_an_obstacle_is_not_probed() -> None:
    track = Track(SETTINGS, gone("cable"), State.UNKNOWN, 0.0, new=True)
    assert track.send(0.0, SECOND) is None
    assert track.deadline_s(SECOND) == inf
    assert (track.health.state, track.health.reason) == (State.DOWN, "no such device")


def test_without_a_default_route_nothing_can_leave() -> None:
    track = Track(SETTINGS, link("cable", None), State.UNKNOWN, 0.0, new=True)
    assert track.health.reason == "no IPv4 default route"


def test_sequences_wrap() -> None:
    track = tracked()
    seen = {sent(track, float(at_s)) for at_s in range(SEQUENCES + 5)}
    assert seen == set(range(SEQUENCES))


# what becomes of a probe


def test_a_reply_in_time() -> None:
    track = tracked()
    reply(track, sent(track, 0.0), 0.25)
    assert track.expire(1.0) == []
    assert (track.health.rtt_s, track.health.replies, track.health.lost) == (0.25, 1, 0)


def test_no_reply_is_a_loss_when_the_next_probe_is_due() -> None:
    track = tracked()
    sent(track, 0.0)
    assert track.expire(0.999) == []
    assert [(health.losses, waited_s) for health, waited_s in track.expire(1.0)] == [(1, 1.0)]
    assert track.expire(1.0) == []


@pytest.mark.parametrize(("interval_s", "late_s"), [(1.0, 0.9), (10.0, 1.7)])
def test_a_probe_sent_late_has_its_full_time(interval_s: float, late_s: float) -> None:
    track = tracked()
    reply(track, sent(track, 0.0), 0.1)
    now_s = interval_s + late_s
    assert track.send(now_s, interval_s) is not None
    assert track.expire(now_s + 0.9 * SECOND) == []
    assert len(track.expire(now_s + SECOND)) == 1


def test_after_a_loss_the_next_probes_follow_at_once() -> None:
    track = tracked()
    sent(track, 0.0)
    assert track.send(0.9, SECOND) is None
    track.expire(1.0)
    assert track.health.suspect
    times = [at_s for at_s in (1.0, 1.1, 1.15, 1.2, 1.3) if track.send(at_s, SECOND) is not None]
    assert times == [1.0, 1.15, 1.3]
    reply(track, 2, 1.4)
    assert track.deadline_s(SECOND) == 2.0


QUICK = replace(PROBE, fall=3, deadline_min_s=0.1)


def test_while_nothing_is_known_all_probes_wait_as_long_as_the_first_may_take() -> None:
    track = Track(Settings(probe=QUICK), CABLE, State.UNKNOWN, 0.0, new=False)
    for at_s in (0.0, 0.15, 0.3):
        assert track.send(at_s, SECOND) is not None
    assert track.expire(1.099) == []
    assert [round(waited_s, 2) for _, waited_s in track.expire(1.1)] == [1.1, 0.95, 0.8]
    assert track.health.state is State.DOWN


def test_a_link_whose_first_arp_request_was_lost_is_up() -> None:
    track = Track(Settings(probe=QUICK), CABLE, State.UNKNOWN, 0.0, new=False)
    first = sent(track, 0.0)
    assert track.send(0.15, SECOND) is not None
    assert track.expire(1.02) == []
    reply(track, first, 1.02)
    assert track.health.state is State.UP


def test_what_leaves_after_that_has_a_time_of_its_own() -> None:
    patient = replace(QUICK, fall=8)
    track = Track(Settings(probe=patient), CABLE, State.UNKNOWN, 0.0, new=False)
    for number in range(8):
        assert track.send(number * 0.15, SECOND) is not None
    assert len(track.expire(1.1)) == 5
    assert track.send(1.2, SECOND) is not None
    assert len(track.expire(1.25)) == 1
    reply(track, 7, 1.3)
    assert track.health.up


def test_the_same_settings_once_more_forget_nothing() -> None:
    track = Track(Settings(probe=QUICK), CABLE, State.UP, 0.0, new=False)
    for at_s in range(10):
        number = sent(track, float(at_s))
        if at_s % 2:
            reply(track, number, at_s + 0.1)
        track.expire(at_s + 0.99)
    before = track.loss
    track.reconfigure(Settings(probe=QUICK))
    assert track.loss == before
    assert before


def test_a_link_stays_degraded_until_enough_is_known_by_other_settings() -> None:
    track = Track(Settings(probe=QUICK), CABLE, State.UP, 0.0, new=False)
    for at_s in range(80):
        number = sent(track, float(at_s))
        if at_s % 2:
            reply(track, number, at_s + 0.1)
        track.expire(at_s + 0.99)
    assert track.health.degraded
    track.reconfigure(Settings(probe=QUICK, quality=QualitySettings(window=20)))
    for at_s in range(80, 90):
        assert track.health.degraded
        reply(track, sent(track, float(at_s)), at_s + 0.1)
    assert not track.health.degraded


def test_a_target_that_is_refused_beside_one_that_answers_is_no_reason_to_hurry() -> None:
    track = tracked()
    reply(track, sent(track, 0.0), 0.02)
    assert not track.hurry(0.025)


def test_a_link_that_is_down_is_probed_at_the_usual_pace() -> None:
    track = tracked()
    for at_s in (0.0, 1.0):
        sent(track, at_s)
    track.expire(2.0)
    assert track.health.state is State.DOWN
    assert track.deadline_s(SECOND) == 2.0
    sent(track, 2.0)
    assert track.send(2.9, SECOND) is None


def test_losses_one_by_one() -> None:
    track = tracked()
    for at_s in (0.0, 1.0, 2.0):
        sent(track, at_s)
    assert [health.losses for health, _ in track.expire(3.0)] == [1, 2, 3]
    assert track.health.state is State.DOWN


def test_a_late_reply_takes_the_loss_back() -> None:
    track = tracked()
    late = sent(track, 0.0)
    track.expire(1.0)
    sent(track, 1.0)
    reply(track, late, 1.3)
    assert (track.health.losses, track.health.rtt_s) == (0, 1.3)


def test_a_late_reply_leaves_newer_losses() -> None:
    track = tracked(State.UP)
    first, _ = sent(track, 0.0), sent(track, 1.0)
    track.expire(2.0)
    reply(track, first, 2.5)
    assert track.health.losses == 1


def test_a_reply_later_than_that_is_none() -> None:
    track = tracked()
    late = sent(track, 0.0)
    track.expire(1.0)
    track.expire(LATE_S)
    before = track.health
    reply(track, late, LATE_S + 1)
    assert track.health == before


def test_replies_to_no_probe_of_ours_are_ignored() -> None:
    track = tracked()
    sequence = sent(track, 0.0)
    before = track.health
    reply(track, sequence + 1, 0.1)
    assert track.health == before


def test_the_same_reply_twice_counts_once() -> None:
    track = tracked()
    sequence = sent(track, 0.0)
    reply(track, sequence, 0.1)
    reply(track, sequence, 0.2)
    assert track.health.replies == 1


def test_round_trips_are_kept_until_they_are_taken_the_newest_ones_in_little_memory() -> None:
    """What a minute brings must be no peak of memory: it would make netswapd larger for good."""
    track = tracked()
    for number in range(TIMES + 10):
        reply(track, sent(track, number), number + number / 10 / TIMES)
        track.expire(number + 0.999)
    times_s = track.take_times_s()
    assert len(times_s) == TIMES
    assert times_s[0] < times_s[-1]
    assert sys.getsizeof(times_s) < 10 * TIMES
    assert list(track.take_times_s()) == []


def test_a_probe_that_could_not_be_sent_is_forgotten() -> None:
    track = tracked()
    track.failed(sent(track, 0.0), "Network is unreachable", 0.0)
    assert track.expire(1.0) == []
    assert track.health.local_error == "Network is unreachable"
    assert track.deadline_s(SECOND) == 1.0


# several targets

TWO = replace(PROBE, targets=("a", "b"))


def asking_two(reliability: int) -> Track:
    settings = Settings(probe=replace(TWO, reliability=reliability))
    return Track(settings, CABLE, State.UP, 0.0, new=False)


def test_one_of_two_targets_will_do() -> None:
    track = asking_two(1)
    for at_s in range(20):
        reply(track, sent(track, float(at_s)), at_s + 0.1, "b")
        track.expire(at_s + 1.0)
    assert (track.health.state, track.health.lost, track.loss) == (State.UP, 0, 0)
    assert track.losses == {"a": 1.0, "b": 0.0}


def test_before_any_round_no_target_is_blamed() -> None:
    assert asking_two(1).losses == {}


def test_both_must_answer_where_that_is_wanted() -> None:
    track = asking_two(2)
    first = sent(track, 0.0)
    reply(track, first, 0.1, "a")
    reply(track, first, 0.2, "a")
    assert track.health.replies == 0
    reply(track, first, 0.3, "b")
    assert (track.health.replies, track.health.rtt_s) == (1, 0.3)


def test_the_second_answer_counts_for_its_target_only() -> None:
    track = asking_two(1)
    first = sent(track, 0.0)
    reply(track, first, 0.1, "a")
    reply(track, first, 0.4, "b")
    assert (track.health.replies, track.health.rtt_s) == (1, 0.1)
    assert track.losses == {"a": 0.0, "b": 0.0}


# what becomes of the link


def test_a_lost_carrier_forgets_the_probes_under_way() -> None:
    track = tracked()
    sequence = sent(track, 0.0)
    track.observe(replace(CABLE, obstacle="carrier lost"), State.UNKNOWN, 0.1)
    reply(track, sequence, 0.2)
    assert track.expire(5.0) == []
    assert (track.health.state, track.health.reason) == (State.DOWN, "carrier lost")


def test_a_link_without_obstacle_starts_over_and_is_probed_at_once() -> None:
    track = tracked()
    sent(track, 0.0)
    track.observe(replace(CABLE, obstacle="carrier lost"), State.UNKNOWN, 0.1)
    track.observe(CABLE, State.DOWN, 0.2)
    assert track.health.state is State.DOWN
    assert track.send(0.2, SECOND) is not None


def test_another_device_is_another_connection() -> None:
    track = tracked()
    sent(track, 0.0)
    track.observe(replace(CABLE, ifname="enx2"), State.UNKNOWN, 0.1)
    assert track.health.state is State.UNKNOWN
    assert track.send(0.1, SECOND) is not None


def test_another_metric_is_the_same_connection() -> None:
    track = tracked()
    before = track.health
    track.observe(link("cable", 60), State.UNKNOWN, 0.1)
    assert track.health == before


# whatever happens

STEPS = st.lists(
    st.tuples(st.sampled_from(["send", "reply", "late", "fail", "expire"]), st.floats(0, 3)),
    max_size=25,
)


@FIXED
@given(STEPS)
def test_every_probe_is_answered_lost_or_waited_for(steps: list[tuple[str, float]]) -> None:
    track, now_s, sequences = tracked(), 0.0, [0]
    for what, wait_s in steps:
        now_s += wait_s
        if what == "send" and (sequence := track.send(now_s, SECOND)) is not None:
            sequences.append(sequence)
        elif what == "reply":
            reply(track, sequences[-1], now_s)
        elif what == "late":
            reply(track, sequences[len(sequences) // 2], now_s)
        elif what == "fail":
            track.failed(sequences[-1], "no route", now_s)
        track.expire(now_s)
        health = track.health
        assert 0 <= health.lost <= health.sent
        assert health.losses <= health.lost
        while track.send(now_s, SECOND) is not None:
            continue
        deadline_s = track.deadline_s(SECOND)
        assert deadline_s is not None
        assert deadline_s > now_s
        assert track.loss is None or 0 <= track.loss <= 1
