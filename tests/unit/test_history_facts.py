"""From two snapshots of the engine to what is noted, and from an engine to outages."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from netswap.core.actions import RunCheck
from netswap.core.events import Checked
from netswap.core.model import Condition, LinkSnapshot, Override, Role, Snapshot, State, World
from netswap.core.settings import CheckSettings, LinkSettings, Match, Settings
from netswap.history.facts import Fact, Standing, What, changes, standing
from netswap.history.outages import Outage, outages
from netswap.history.timeline import timeline
from tests.unit.test_engine import CABLE, PLAIN, REST, TETHER, Driven
from tests.unit.worlds import world

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
        ({"state": State.DOWN, "proving": True}, Standing.UNKNOWN),
        ({"state": State.DOWN, "away": True, "fault": "a portal"}, Standing.AWAY),
        ({"state": State.DOWN, "away": True, "on_demand": True}, Standing.RESTING),
        ({"state": State.DOWN, "on_demand": True}, Standing.DOWN),
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


def test_what_speaks_against_a_link_that_was_left_did_so_when_it_was_left() -> None:
    after = replace(with_link(fault="dns: no answer"), active="phone", since_s=19.5)
    assert [(fact.at_s, fact.what) for fact in changes(WELL, after, wall)] == [
        (1019.5, What.LINK), (1019.5, What.ACTIVE),
    ]  # fmt: skip


def test_a_swap_and_a_link_that_is_gone() -> None:
    picked = replace(WELL, picked=True)
    after = replace(
        picked, now_s=20.0, active="phone", since_s=19.0, reason="cable: gone",
        condition=Condition.BACKUP, links=(replace(LINK, name="phone"),),
    )  # fmt: skip
    assert list(changes(picked, after, wall)) == [
        Fact(1020.0, What.LINK, "phone", "up", "it replies"),
        Fact(1020.0, What.LINK, "cable", "away", "it is gone"),
        Fact(1019.0, What.ACTIVE, "phone", reason="cable: gone"),
        Fact(1020.0, What.CONDITION, state="backup"),
    ]


@pytest.mark.parametrize(
    ("was_picked", "is_picked"), [(True, False), (False, False), (False, True)]
)
def test_a_link_that_somebody_left_out_is_not_away(was_picked: bool, is_picked: bool) -> None:
    before = replace(WELL, picked=was_picked)
    after = replace(WELL, now_s=20.0, links=(), picked=is_picked)
    (fact,) = changes(before, after, wall)
    assert fact == Fact(1020.0, What.LINK, "cable", reason="it is no link any more")
    assert fact.last


# with an engine


PULLED = replace(CABLE, obstacle="carrier lost", v4=None)
CHECK = CheckSettings("dns", "example.org", fall=1, links=("cable",))
LATE_S = 0.005
"""Snapshots are taken a moment after what they show."""


class Recorded(Driven):
    """An engine of which all is noted that changes."""

    def __init__(self, seen: World, settings: Settings = PLAIN) -> None:
        self.facts = [Fact(1000.0, What.BEGIN)]
        self.known: Snapshot | None = None
        self.answered = True
        """Whether checks succeed."""
        super().__init__(seen, settings)

    def handle(self, event: Any) -> None:
        """Tell the engine something, and note what is different then."""
        super().handle(event)
        for check in [action for action in self.actions if isinstance(action, RunCheck)]:
            self.actions.remove(check)
            self.handle(Checked(check.link, check.run, self.answered, "no answer"))
        snapshot = self.engine.snapshot(self.now_s + LATE_S)
        self.facts += changes(self.known, snapshot, wall)
        self.known = snapshot

    def outages(self, *, apart: bool = False) -> list[Outage]:
        """Return those so far."""
        end_s = wall(self.now_s)
        return outages(timeline(self.facts, 1000.0, end_s, end_s), apart=apart)


def pulled(recorded: Recorded, from_s: float, to_s: float) -> None:
    """Pull the cable, and plug it again."""
    recorded.until(from_s)
    recorded.observe(world(PULLED, TETHER))
    recorded.finish()
    recorded.until(to_s)
    recorded.observe(REST)


def test_a_cable_that_is_plugged_again_proves_itself_and_was_not_out() -> None:
    recorded = Recorded(REST)
    pulled(recorded, 20.0, 23.0)
    recorded.until(60.0)
    (found,) = recorded.outages(apart=True)
    assert (found.standing, found.over) == (Standing.AWAY, True)
    assert found.end_s > 1024.0, "it had to prove itself"


def test_a_cable_that_is_plugged_again_and_does_not_reply_is_out() -> None:
    recorded = Recorded(REST)
    recorded.until(19.0)
    recorded.silent = {"cable"}
    pulled(recorded, 20.0, 23.0)
    recorded.until(60.0)
    away, out = recorded.outages(apart=True)
    assert (away.standing, out.standing, out.reason) == (
        Standing.AWAY, Standing.DOWN, "2 probes lost",
    )  # fmt: skip
    assert (away.end_s, out.start_s, out.over) == (1023.0 + LATE_S, 1023.0 + LATE_S, False)


def test_a_link_that_is_out_stays_so_where_its_carrier_flickers() -> None:
    recorded = Recorded(REST)
    recorded.silent = {"cable"}
    recorded.until(10.0)
    recorded.finish()
    recorded.observe(replace(recorded.world, links=(PULLED, *recorded.world.links[1:])))
    recorded.until(10.5)
    recorded.observe(replace(recorded.world, links=(CABLE, *recorded.world.links[1:])))
    recorded.until(12.0)
    (found,) = recorded.outages()
    assert (found.link, found.standing, found.over) == ("cable", Standing.DOWN, False)
    recorded.until(60.0)
    assert [part.standing for part in recorded.outages(apart=True)] == [
        Standing.DOWN, Standing.AWAY, Standing.DOWN,
    ]  # fmt: skip


def test_a_link_that_failed_a_check_and_was_left_was_in_use() -> None:
    recorded = Recorded(REST, replace(PLAIN, check=(CHECK,)))
    recorded.until(20.0)
    recorded.answered = False
    recorded.until(40.0)
    (found,) = recorded.outages()
    assert (found.link, found.standing, found.active) == ("cable", Standing.FAULTY, True)
    assert (found.done, found.took_over_s) == ("moved to tether", found.start_s)


CHOSEN = (
    LinkSettings("cable", Match(interface="cable")),
    LinkSettings("tether", Match(interface="tether")),
)


@pytest.mark.parametrize("before", [CHOSEN, ()])
def test_a_link_that_is_renamed_was_never_out(before: tuple[LinkSettings, ...]) -> None:
    recorded = Recorded(REST, replace(PLAIN, link=before))
    recorded.until(20.0)
    phone = replace(CHOSEN[1], name="phone")
    recorded.engine.reconfigure(replace(PLAIN, link=(CHOSEN[0], phone)))
    recorded.observe(world(CABLE, replace(TETHER, name="phone"), guarded=["tether"]))
    recorded.until(60.0)
    assert recorded.outages() == []


def test_an_outage_of_a_link_that_is_left_out_ends_there_unseen() -> None:
    recorded = Recorded(REST, replace(PLAIN, link=CHOSEN))
    recorded.silent = {"tether"}
    recorded.until(20.0)
    recorded.engine.reconfigure(replace(PLAIN, link=CHOSEN[:1]))
    recorded.observe(world(CABLE))
    recorded.until(60.0)
    (found,) = recorded.outages()
    assert (found.link, found.end_s, found.over) == ("tether", 1020.0 + LATE_S, False)


def test_a_link_that_netswap_picked_is_away_while_it_has_no_device() -> None:
    recorded = Recorded(REST)
    recorded.until(20.0)
    recorded.observe(world(CABLE))
    recorded.until(60.0)
    (found,) = recorded.outages()
    assert (found.link, found.standing, found.end_s) == ("tether", Standing.AWAY, 1060.0)


def test_a_link_on_demand_that_is_not_connected_is_not_missed() -> None:
    phone = replace(TETHER, on_demand=True)
    at_rest = world(CABLE, replace(phone, ifname="", v4=None, obstacle="not connected"))
    recorded = Recorded(at_rest)
    recorded.until(20.0)
    recorded.observe(world(CABLE, phone))
    recorded.until(40.0)
    recorded.observe(at_rest)
    recorded.until(60.0)
    assert recorded.outages() == []
    told = [fact.state for fact in recorded.facts if fact.link == "tether"]
    assert told == ["resting", "unknown", "up", "resting"]
