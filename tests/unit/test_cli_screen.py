"""The screen of `netswapctl watch`."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from netswap.cli import screen, text
from netswap.cli.client import Transition
from netswap.cli.screen import LOST, Traces, View
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


def view(state: Status = OUTAGE, traces: Traces | None = None, **changes: Any) -> View:
    values: dict[str, Any] = {"limits": {"rise": 3, "fall": 4}, **changes}
    return View(state, traces or Traces(), EVENTS, NOW_S, **values)


def lines(what: View, width: int = 80, height: int = 24) -> list[str]:
    return [line.rstrip() for line in screen.frame(what, size=(width, height))]


def changed(state: Status, place: int, **changes: Any) -> Status:
    """Return a state with one of its links changed."""
    links = list(state.links)
    links[place] = replace(links[place], **changes)
    return replace(state, links=tuple(links))


def test_a_frame() -> None:
    assert (
        "\n".join(["", *lines(view(traces=traced(0.03, 0.03, None)), height=12), ""])
        == f"""
On a backup: phone is active since 16:08 (5 min): cable: 2 probes lost
   LINK     HEALTH  RTT    LOSS  GUARD    ROUND TRIPS
 1 cable    down    -      50 %  guarded   ▅▅{LOST}
 2 * phone  up      31 ms  0 %   -
cable is down since 16:08 (5 min): 2 probes lost; last reply 16:07
events ─────────────────────────────────────────────────────────────────────────
03 Mar 16:13  Choosing links automatically again
16:08:00  Link cable (eth0) is down: 2 probes lost
16:08:01  Changing default interface from eth0 to usb0


u use  a auto  p pause 30 min  r resume  q quit                         16:13:00
"""
    )


def test_what_is_waited_for_is_counted_down() -> None:
    state = changed(OUTAGE, 0, replies_in_row=1, held_back_until_s=NOW_S + 250)
    state = changed(replace(state, rests_until_s=NOW_S + 40), 1, losses_in_row=2)
    shown = lines(view(state))
    for line in [
        "███░░░░░░░ cable: 1 of 3 replies until it is up",
        "█████░░░░░ phone: 2 of 4 losses until it is down",
        "cable: held back, 4 min 10 s left; it failed too often",
        "phone: stays active, 40 s left; the last swap is recent",
    ]:
        assert line in shown
    pinned = replace(OUTAGE, mode="pinned", mode_until_s=NOW_S + 1740)
    assert "Pinned by the user until 16:42 (29 min left); `netswapctl auto` ends it" in lines(
        view(pinned)
    )


def test_nothing_is_counted_that_is_not_waited_for() -> None:
    text = "\n".join(lines(view(replace(a_status(), rests_until_s=NOW_S + 40))))
    assert "until it" not in text
    assert "stays active" not in text
    unknown = changed(OUTAGE, 0, replies_in_row=1)
    assert "until it" not in "\n".join(lines(view(unknown, limits={})))


def test_what_came_of_a_key_stands_in_place_of_the_keys() -> None:
    assert lines(view(says="not allowed: it takes a local session"))[-1].startswith("not allowed: ")


def test_what_does_not_fit_is_left_out_from_the_oldest_on() -> None:
    shown = lines(view(), height=8)
    assert len(shown) == 8
    assert "Changing default interface" in "\n".join(shown)
    assert "Choosing" not in "\n".join(shown)


def test_colours() -> None:
    plain = screen.frame(view(), size=(80, 24))
    painted = screen.frame(view(), size=(80, 24), colour=True)
    assert "\x1b" not in "".join(plain)
    assert "\x1b[1;33mOn a backup" in painted[0]
    assert [re.sub(r"\x1b\[[\d;]*m", "", line) for line in painted] == plain


@given(st.integers(1, 120), st.integers(1, 40), st.sampled_from([OUTAGE, a_status(CABLE, PHONE)]))
def test_no_frame_is_larger_than_the_terminal(width: int, height: int, state: Status) -> None:
    shown = screen.frame(view(state, traced(*[0.03] * 99)), size=(width, height))
    assert len(shown) == height
    assert all(text.columns(line) <= width for line in shown)


@given(st.text(max_size=40), st.integers(20, 100))
def test_names_of_any_kind_fit(name: str, width: int) -> None:
    named = changed(OUTAGE, 0, name=text.printable(name), reason="[bold]x[/]")
    shown = screen.frame(view(named), size=(width, 24))
    assert all(text.columns(line) <= width for line in shown)
    assert "[/]" in "".join(shown).replace(" ", "")
