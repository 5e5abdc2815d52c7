"""The screen of `netswapctl watch`."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netswap.cli import screen, text
from netswap.cli.client import Transition
from netswap.cli.screen import LOST, Traces
from netswap.cli.status import Status
from tests.unit.cli_samples import CABLE, NOW_S, OUTAGE, PHONE, a_status


def later(state: Status, second: int, rtt_s: float | None = 0.001, lost: int = 0) -> Status:
    """Return a state so many seconds later: the cable replied, or lost so many probes in all."""
    cable = replace(state.links[0], probes_lost=CABLE.probes_lost + lost)
    if rtt_s is not None:
        cable = replace(cable, last_reply_s=NOW_S + second, rtt_s=rtt_s)
    return replace(state, links=(cable, *state.links[1:]))


def traced(*rtts_s: float | None) -> Traces:
    """Return traces of one cable: round trips, and None for a probe lost."""
    traces, state, lost = Traces(), a_status(CABLE), 0
    traces.note(state)
    for second, rtt_s in enumerate(rtts_s):
        lost += rtt_s is None
        state = later(state, second, rtt_s, lost)
        traces.note(state)
    return traces


def test_a_usual_round_trip_is_half_a_bar_and_a_loss_stands_out() -> None:
    assert traced(0.03, 0.03, 0.03, None, 0.015, 0.06, 0.9).line("cable", 80) == f" ▅▅▅{LOST}▃██"


def test_a_second_without_news_leaves_a_gap() -> None:
    traces = traced(0.03, 0.03)
    state = later(a_status(CABLE), 1, 0.03)
    traces.note(state)
    traces.note(state)
    assert traces.line("cable", 80) == " ▅▅  "


def test_the_newest_marks_are_shown() -> None:
    assert traced(0.03, 0.03, None).line("cable", 2) == f"▅{LOST}"
    assert traced(0.03).line("cable", 0) == ""
    assert traced(0.03).line("unheard of", 5) == ""


EVENTS = [
    Transition(NOW_S - 86400, "mode", "", "Choosing links automatically again"),
    Transition(NOW_S - 300, "link", "cable", "Link cable (eth0) is down: 2 probes lost"),
    Transition(NOW_S - 299, "swap", "phone", "Changing default interface from eth0 to usb0"),
]


def test_a_frame() -> None:
    traces = Traces()
    traces.note(OUTAGE)
    lines = screen.frame(OUTAGE, traces, EVENTS, NOW_S, size=(80, 14))
    assert (
        "\n".join(["", *lines, ""])
        == f"""
On a backup: phone is active since 16:08 (5 min): cable: 2 probes lost

  LINK   HEALTH  RTT    LOSS  GUARD    ROUND TRIPS
  cable  down    -      50 %  guarded{"   "}
* phone  up      31 ms  0 %   -{"         "}
  cable is down since 16:08 (5 min): 2 probes lost; last reply 16:07

03 Mar 16:13  Choosing links automatically again
16:08:00  Link cable (eth0) is down: 2 probes lost
16:08:01  Changing default interface from eth0 to usb0



q quits                                                                 16:13:00
"""
    )


def test_what_does_not_fit_is_left_out_from_the_oldest_on() -> None:
    lines = screen.frame(OUTAGE, Traces(), EVENTS, NOW_S, size=(80, 10))
    assert len(lines) == 10
    assert "Changing default interface" in "\n".join(lines)
    assert "Choosing" not in "\n".join(lines)
    assert lines[-1].startswith("q quits")


@given(st.integers(1, 120), st.integers(2, 40), st.sampled_from([OUTAGE, a_status(CABLE, PHONE)]))
def test_no_frame_is_larger_than_the_terminal(width: int, height: int, state: Status) -> None:
    lines = screen.frame(state, traced(*[0.03] * 99), EVENTS, NOW_S, size=(width, height))
    assert len(lines) == height
    if width >= 40:
        assert all(text.columns(line) <= width for line in lines)


@pytest.mark.parametrize("width", [1, 5, 80])
def test_the_foot_fits(width: int) -> None:
    assert text.columns(screen.foot(width, NOW_S)) <= width
