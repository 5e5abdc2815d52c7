"""Which link should carry traffic."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given

from netswap.core import policy
from netswap.core.damping import Penalty
from netswap.core.health import Health
from netswap.core.model import Desired, Mode, Override, State, World
from tests.unit import worlds
from tests.unit.worlds import DOWN, SHAKY, UNKNOWN, UP, fixed, gone, link, world

AUTO = Override()
PAUSED = Override(Mode.PAUSED)
REST = world(link("cable", 100), link("tether", 200), guarded=["tether"])
OUTAGE = world(link("cable", 100), link("tether", 60), guarded=["cable"])
HELD_BACK = replace(UP, penalty=Penalty(2.0, 0.0, suppressed_until_s=600.0))
DEGRADED = replace(UP, degraded="30% of the probes lost")
THREE = world(link("cable", 100), link("wlan", 200), link("tether", 201))


def select(seen: World, *healths: Health, override: Override = AUTO) -> Desired:
    names = [link.name for link in seen.links]
    return policy.select(seen, dict(zip(names, healths, strict=True)), override)


@pytest.mark.parametrize(
    ("healths", "active"),
    [
        ([UP, UP, UP], "cable"),
        ([DOWN, UP, UP], "wlan"),
        ([DOWN, DOWN, UP], "tether"),
        ([DOWN, DOWN, DOWN], "cable"),
        ([UP, DOWN, DOWN], "cable"),
        ([SHAKY, UP, UP], "cable"),  # it carries traffic, and one lost probe is no outage
        ([DOWN, SHAKY, UP], "tether"),
        ([DOWN, SHAKY, DOWN], "cable"),
        ([UP, UNKNOWN, UP], "cable"),
        ([DOWN, UNKNOWN, UP], "cable"),
        ([DOWN, UP, UNKNOWN], "wlan"),
    ],
)
def test_the_best_link_that_is_up(healths: list[Health], active: str) -> None:
    assert select(THREE, *healths).active == active


def test_a_link_that_no_probe_may_leave_by_is_not_waited_for() -> None:
    mute = replace(UNKNOWN, local_error="blocked by a local firewall")
    on_wlan = world(link("cable", 700), link("wlan", 60), link("tether", 201))
    assert select(on_wlan, mute, UP, UP).active == "wlan"
    assert select(on_wlan, mute, DOWN, UP).active == "tether"
    assert select(THREE, mute, UP, UP).active == "cable"  # it leads: that may be a moment's error


def test_everything_but_the_active_link_is_guarded() -> None:
    assert select(THREE, UP, UP, DOWN).guarded == {"wlan", "tether"}


def test_a_link_without_a_device_cannot_be_guarded() -> None:
    assert select(world(link("cable"), gone("tether")), UP, DOWN).guarded == frozenset()


def test_where_nothing_works_nothing_changes() -> None:
    desired = select(OUTAGE, DOWN, DOWN)
    assert desired.active == "tether"
    assert desired.guarded == {"cable"}
    assert desired.reason == policy.NOWHERE
    assert desired.hold


def test_what_carries_traffic_is_unguarded_even_then() -> None:
    assert select(replace(REST, guarded=frozenset({"cable"})), DOWN, DOWN).guarded == frozenset()


def test_without_any_default_route_nobody_is_active() -> None:
    assert select(world(gone("cable")), DOWN).active is None
    assert select(world()).active is None


def test_traffic_is_not_moved_back_to_a_link_that_has_just_lost_a_probe() -> None:
    assert select(OUTAGE, SHAKY, UP).active == "tether"


def test_a_link_that_is_held_back_counts_for_less_among_those_that_are_degraded() -> None:
    assert select(REST, replace(HELD_BACK, degraded="lossy"), DEGRADED).active == "tether"
    assert select(OUTAGE, replace(HELD_BACK, degraded="lossy"), DEGRADED).active == "tether"
    assert select(REST, HELD_BACK, DEGRADED).active == "cable"


def test_where_all_are_held_back_traffic_stays() -> None:
    assert select(REST, HELD_BACK, HELD_BACK).active == "cable"
    assert select(OUTAGE, HELD_BACK, HELD_BACK).active == "tether"
    assert select(OUTAGE, UP, HELD_BACK).active == "cable"


def test_links_are_heard_before_anything_is_decided() -> None:
    start = world(link("cable", 101), link("tether", 100))
    desired = select(start, UNKNOWN, UP)
    assert (desired.active, desired.hold) == ("tether", True)
    assert desired.reason == "cable is not proven yet"


# reasons


def test_the_reason_is_that_of_the_link_that_was_left() -> None:
    assert select(REST, DOWN, UP).reason == "cable: 2 probes lost"
    moved = world(link("cable", 100), link("wlan", 60), link("tether", 201))
    pulled = replace(DOWN, reason="carrier lost")
    assert select(moved, DOWN, pulled, UP).reason == "wlan: carrier lost"


def test_the_preferred_link_speaks_for_itself() -> None:
    risen = replace(UP, reason="3 replies in a row")
    assert select(OUTAGE, risen, UP).reason == "3 replies in a row"


# what the user asks for


def test_a_pin_goes_before_a_better_link() -> None:
    desired = select(REST, UP, UP, override=Override(Mode.PINNED, "tether"))
    assert (desired.active, desired.reason) == ("tether", "asked by the user")
    assert desired.guarded == {"cable"}


@pytest.mark.parametrize("health", [DOWN, UNKNOWN])
def test_a_pin_does_not_go_before_health(health: Health) -> None:
    desired = select(REST, UP, health, override=Override(Mode.PINNED, "tether"))
    assert desired.active == "cable"


def test_unless_it_is_meant_so() -> None:
    forced = Override(Mode.PINNED, "tether", even_if_dead=True)
    desired = select(REST, UP, DOWN, override=forced)
    assert (desired.active, desired.forced) == ("tether", True)


def test_nothing_can_be_forced_onto_a_link_that_is_not_there() -> None:
    forced = Override(Mode.PINNED, "tether", even_if_dead=True)
    seen = world(link("cable"), gone("tether"))
    assert select(seen, UP, DOWN, override=forced).active == "cable"
    assert select(world(link("cable")), UP, override=forced).active == "cable"


def test_a_pause_guards_and_changes_nothing() -> None:
    desired = select(OUTAGE, UP, DOWN, override=PAUSED)
    assert desired == Desired("tether", frozenset(), "paused by the user", hold=True)


# whatever the world looks like


@fixed(times=2)
@given(worlds.situations())
def test_invariants(situation: worlds.Situation) -> None:
    seen, healths = situation.world, situation.healths
    desired = policy.select(seen, healths, AUTO)
    active = seen.link(desired.active)
    present = {link.name for link in seen.links if link.ifname}

    assert desired.active not in desired.guarded
    assert desired.guarded <= present
    assert desired.guarded < present or not present or active is None
    assert desired.reason
    assert desired.hold or (active is not None and active.usable)
    if active and healths[active.name].state is State.DOWN:
        better = [link.name for link in seen.links if healths[link.name].clean]
        unheard = [link.name for link in seen.links if healths[link.name].state is State.UNKNOWN]
        assert not better or unheard, "a dead link is chosen while another one works"
    if desired.hold and desired.active:
        assert seen.leader
        assert seen.leader.name == desired.active
