"""The table of health: what each piece of evidence makes of each state."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netswap.core import health as evidence
from netswap.core.health import Health
from netswap.core.model import State
from tests.unit.worlds import FIXED

FALL, RISE = 2, 3
UNKNOWN, UP, DOWN = (Health(state, reason="before") for state in State)


def after(health: Health, *what: str) -> Health:
    """Return the health after a reply, a loss, an obstacle, or its end."""
    for now_s, event in enumerate(what, start=1):
        if event == "reply":
            health = evidence.replied(health, 0.02, RISE, now_s)
        elif event == "loss":
            health = evidence.lost(health, FALL, now_s)
        elif event == "obstacle":
            health = evidence.obstructed(health, "carrier lost", now_s)
        else:
            health = evidence.connected(health, State(event), now_s, fresh=True)
    return health


def drawn() -> str:
    """Draw the table: each state, and where evidence takes it."""
    rows = [
        (before.value, what.value, after.value)
        for before, row in evidence.TABLE.items()
        for what, after in row.items()
    ]
    widths = [max(len(row[i]) for row in rows) for i in range(2)]
    return "".join(
        f"    {before:<{widths[0]}} ── {what} {'─' * (widths[1] - len(what))}─► {after}\n"
        for before, what, after in rows
    )


def test_the_design_draws_the_table() -> None:
    design = Path(__file__).parents[2] / "docs/design.md"
    assert drawn() in design.read_text(), drawn()


@pytest.mark.parametrize(
    ("before", "events", "state", "reason"),
    [
        (UNKNOWN, ["reply"], State.UP, "it replies"),
        (UNKNOWN, ["loss"], State.UNKNOWN, "before"),
        (UNKNOWN, ["loss", "loss"], State.DOWN, "2 probes lost"),
        (UNKNOWN, ["loss", "reply"], State.UP, "it replies"),
        (UP, ["loss"], State.UP, "before"),
        (UP, ["loss", "loss"], State.DOWN, "2 probes lost"),
        (UP, ["loss", "reply", "loss"], State.UP, "before"),
        (DOWN, ["reply", "reply"], State.DOWN, "before"),
        (DOWN, ["reply", "reply", "reply"], State.UP, "3 replies in a row"),
        (DOWN, ["reply", "reply", "loss", "reply"], State.DOWN, "before"),
        (UP, ["obstacle"], State.DOWN, "carrier lost"),
        (DOWN, ["obstacle"], State.DOWN, "carrier lost"),
        (UNKNOWN, ["obstacle"], State.DOWN, "carrier lost"),
        (UP, ["obstacle", "unknown"], State.UNKNOWN, evidence.PROVING),
        (UP, ["obstacle", "down"], State.DOWN, evidence.PROVING),
        (UP, ["obstacle", "unknown", "reply"], State.UP, "it replies"),
        (UP, ["obstacle", "down", "reply"], State.DOWN, evidence.PROVING),
    ],
)
def test_the_table(before: Health, events: list[str], state: State, reason: str) -> None:
    health = after(before, *events)
    assert (health.state, health.reason) == (state, reason)


def test_since_is_when_the_state_changed() -> None:
    health = after(UP, "loss", "loss", "loss", "reply")
    assert (health.state, health.since_s) == (State.DOWN, 2.0)


def test_a_link_that_was_connected_proves_itself_or_fails_to() -> None:
    connected = after(UP, "obstacle", "down")
    assert (connected.proving, after(UP, "obstacle").proving) == (True, False)
    assert after(connected, "reply", "loss").proving
    assert not after(connected, "reply", "reply", "reply").proving
    failed = after(connected, "loss", "loss", "loss")
    assert (failed.proving, failed.state, failed.reason) == (False, State.DOWN, "2 probes lost")
    assert after(failed, "obstacle", "down").proving


def test_a_link_that_failed_does_not_prove_itself_before_it_is_connected_anew() -> None:
    assert not after(UP, "loss", "loss", "reply").proving


def test_one_is_told_without_a_plural() -> None:
    assert evidence.lost(UP, 1, 0).reason == "1 probe lost"
    assert evidence.replied(DOWN, 0.1, 1, 0).reason == "1 reply in a row"


def test_a_late_reply_takes_its_loss_and_older_ones_back() -> None:
    shaky = after(UP, "loss")
    assert not shaky.clean
    health = evidence.replied_late(shaky, 1.3, 0, 2.0)
    assert health.clean
    assert (health.lost, health.rtt_s, health.last_reply_s) == (0, 1.3, 2.0)


def test_a_late_reply_does_not_take_newer_losses_back() -> None:
    shaky = replace(UP, losses=3, lost=3)
    assert evidence.replied_late(shaky, 1.3, 2, 0).losses == 2


def test_a_late_reply_brings_nothing_up() -> None:
    dead = after(UP, "loss", "loss")
    health = evidence.replied_late(dead, 2.6, 1, 3.0)
    assert (health.state, health.replies) == (State.DOWN, 0)


def test_a_local_error_is_no_loss() -> None:
    health = evidence.unsent(evidence.sent(UP), "No buffer space available", 5.0)
    assert (health.losses, health.lost, health.sent) == (0, 0, 0)
    assert (health.local_error, health.mute_since_s) == ("No buffer space available", 5.0)
    assert health.clean


def test_for_how_long_nothing_could_be_sent_is_known_until_something_is() -> None:
    mute = evidence.unsent(evidence.unsent(UP, "no route", 5.0), "no route", 6.0)
    assert mute.mute_since_s == 5.0
    for over in (
        evidence.replied(mute, 0.02, 3, 7.0),
        evidence.lost(mute, 4, 7.0),
        evidence.obstructed(mute, "not connected", 7.0),
        evidence.connected(mute, State.DOWN, 7.0, fresh=True),
    ):
        assert (over.mute_since_s, over.local_error) == (None, "")


def test_only_a_link_that_is_up_without_a_loss_is_clean() -> None:
    assert [health.clean for health in (UP, DOWN, UNKNOWN, after(UP, "loss"))] == [
        True, False, False, False,
    ]  # fmt: skip


EVENTS = st.lists(st.sampled_from(["reply", "loss", "obstacle", "unknown", "down"]), max_size=12)


@FIXED
@given(EVENTS)
def test_whatever_happened(events: list[str]) -> None:
    health = Health()
    for event in events:
        if not health.obstacle or event not in ("reply", "loss"):  # nothing is sent, nothing comes
            health = after(health, event)
    assert health.replies == 0 or health.losses == 0
    assert health.reason
    if health.up:
        assert health.losses < FALL
        assert not health.obstacle
        assert health.touchable
    if health.obstacle:
        assert not health.touchable
