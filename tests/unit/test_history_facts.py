"""From two snapshots of the engine to what is noted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from netswap.core.model import Condition, LinkSnapshot, Override, Role, Snapshot, State
from netswap.history.facts import Fact, Standing, What, changes, standing

LINK = LinkSnapshot(
    name="cable", ifname="eth0", connection="Wired", kind="ethernet", metered=False,
    role=Role.ACTIVE, state=State.UP, touchable=True, reason="it replies", since_s=1.0,
    rtt_s=0.01, last_reply_s=9.0, sent=10, lost=0, loss=0.0, guarded=False, metric4=100,
    metric6=None,
)  # fmt: skip
WELL = Snapshot(
    10.0, "cable", Condition.PREFERRED, "it replies", 1.0, Override(), managed=True, links=(LINK,)
)


def wall(at_s: float) -> float:
    return at_s + 1000


def with_link(**what: Any) -> Snapshot:
    return replace(WELL, now_s=20.0, links=(replace(LINK, **what),))


@pytest.mark.parametrize(
    ("what", "stands"),
    [
        ({}, Standing.UP),
        ({"degraded": True}, Standing.DEGRADED),
        ({"degraded": True, "fault": "a portal"}, Standing.FAULTY),
        ({"state": State.UNKNOWN}, Standing.UNKNOWN),
        ({"state": State.DOWN}, Standing.DOWN),
        ({"state": State.DOWN, "away": True, "fault": "a portal"}, Standing.AWAY),
    ],
)
def test_how_a_link_stands(what: dict[str, Any], stands: Standing) -> None:
    assert standing(replace(LINK, **what)) is stands


def test_at_first_everything_is_noted_as_of_now() -> None:
    assert list(changes(None, WELL, wall)) == [
        Fact(1010.0, What.LINK, "cable", "up", "it replies"),
        Fact(1010.0, What.ACTIVE, "cable", reason="it replies"),
        Fact(1010.0, What.CONDITION, state="preferred"),
    ]


def test_nothing_is_noted_of_what_stays() -> None:
    assert not list(changes(WELL, with_link(rtt_s=0.2, sent=99, reason="else"), wall))


def test_a_change_of_state_is_noted_with_the_time_at_which_it_was_found() -> None:
    after = with_link(state=State.DOWN, since_s=18.5, reason="4 probes lost")
    assert list(changes(WELL, after, wall)) == [
        Fact(1018.5, What.LINK, "cable", "down", "4 probes lost")
    ]


def test_what_has_no_time_of_its_own_is_noted_as_of_now() -> None:
    after = with_link(degraded=True, reason="30 % of the probes are lost")
    assert [fact.at_s for fact in changes(WELL, after, wall)] == [1020.0]


def test_a_swap_and_a_link_that_is_gone() -> None:
    after = replace(
        WELL, now_s=20.0, active="phone", since_s=19.0, reason="cable: gone",
        condition=Condition.BACKUP, links=(replace(LINK, name="phone"),),
    )  # fmt: skip
    assert list(changes(WELL, after, wall)) == [
        Fact(1020.0, What.LINK, "phone", "up", "it replies"),
        Fact(1020.0, What.LINK, "cable", "away", "it is gone"),
        Fact(1019.0, What.ACTIVE, "phone", reason="cable: gone"),
        Fact(1020.0, What.CONDITION, state="backup"),
    ]
