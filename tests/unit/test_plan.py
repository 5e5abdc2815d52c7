"""Plans: the rules one by one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netswap.core import plan
from netswap.core.actions import (
    Block,
    Disconnect,
    EndConnections,
    Linger,
    Reach,
    Recheck,
    Restore,
    SetMetric,
    Step,
    Tidy,
    Unblock,
)
from netswap.core.model import Barrier, Desired, Route, Server, World
from netswap.core.settings import MetricSettings
from tests.unit.worlds import gone, link, route, world

RANKS = MetricSettings()
BY_CABLE = Server("198.51.100.2", "cable", "cable")
"""The server of a VPN that connected over the cable."""


def want(active: str | None, *guarded: str) -> Desired:
    return Desired(active, frozenset(guarded), "it is wanted")


def planned(desired: Desired, seen: World, *touchable: str) -> tuple[Step, ...]:
    return plan.plan(desired, seen, frozenset(touchable), RANKS)


# takeover and swap back


def test_nothing_is_done_when_nothing_differs() -> None:
    rest = world(link("cable", 100), link("tether", 200), guarded=["tether"])
    assert planned(want("cable", "tether"), rest, "cable", "tether") == ()


def test_a_takeover_unblocks_then_lowers_the_backup_and_leaves_the_dead_link_alone() -> None:
    outage = world(link("cable", 100), link("tether", 200), guarded=["tether"])
    steps = planned(want("tether", "cable"), outage, "tether")
    assert steps == (Unblock("tether", "tether"), SetMetric("tether", 60))


def test_the_guard_waits_until_the_kernel_was_seen_to_lead_by_another() -> None:
    moved = world(link("cable", 100), link("tether", 60))
    steps = planned(want("tether", "cable"), moved, "tether")
    assert steps == (
        Block("cable", "cable"),
        EndConnections("cable", "cable", ("198.51.100.99",)),
    )


def test_a_swap_back_raises_the_backup_and_does_not_touch_the_preferred_link() -> None:
    healed = world(link("cable", 100), link("tether", 60), guarded=["cable"])
    steps = planned(want("cable", "tether"), healed, "cable", "tether")
    assert steps == (Unblock("cable", "cable"), SetMetric("tether", 200))


# connections that may go on

TETHERS = ("198.51.100.116",)
LINGERING = Barrier(lingering=True)


def test_what_lingers_is_held_to_its_link_before_the_metric_moves() -> None:
    healed = world(link("cable", 100), link("tether", 60), guarded=["cable"])
    steps = planned(want("cable", "tether"), healed.with_lingering({"tether"}), "cable", "tether")
    hold = Linger("tether", "tether", TETHERS)
    assert steps == (Unblock("cable", "cable"), hold, SetMetric("tether", 200))


def test_of_what_lingers_only_the_forwarded_connections_end() -> None:
    moved = world(link("cable", 100), link("tether", 200)).with_lingering({"tether"})
    assert planned(want("cable", "tether"), moved, "cable", "tether")[1:] == (
        Block("tether", "tether", LINGERING),
        EndConnections("tether", "tether", TETHERS, own=False),
    )


def test_all_end_when_their_time_is_over() -> None:
    moved = world(link("cable", 100), link("tether", 200), guarded=["tether"])
    lingering = replace(moved, barriers={"tether": LINGERING})
    rest = lingering.with_lingering({"tether"})
    assert planned(want("cable", "tether"), rest, "cable", "tether") == ()
    assert planned(want("cable", "tether"), lingering, "cable", "tether") == (
        Block("tether", "tether"),
        EndConnections("tether", "tether", TETHERS),
    )


def test_a_dead_link_that_stands_low_is_gone_under() -> None:
    stuck = world(link("cable", 100), link("tether", 60), guarded=["cable"])
    steps = planned(want("cable", "tether"), stuck, "cable")
    assert steps == (Unblock("cable", "cable"), SetMetric("cable", 59))


def test_below_51_there_is_no_room() -> None:
    stuck = world(link("cable", 51), link("tether", 200))
    assert planned(want("tether", "cable"), stuck, "tether") == ()


def test_the_active_link_is_raised_last() -> None:
    # Else the backup at 60 would lead for a moment, behind its guard.
    low = world(link("cable", 59), link("tether", 60), guarded=["tether"])
    steps = planned(want("cable", "tether"), low, "cable", "tether")
    assert steps == (SetMetric("tether", 200), SetMetric("cable", 100))


def test_further_backups_follow_each_other() -> None:
    start = world(link("cable", 100), link("wlan", 600), link("tether", 101))
    steps = planned(want("cable"), start, "cable", "wlan", "tether")
    assert steps == (SetMetric("wlan", 200), SetMetric("tether", 201))


@pytest.mark.parametrize("metric", [61, 100, 150, 198])
def test_the_preferred_link_may_rest_anywhere_between_takeover_and_standby(metric: int) -> None:
    rest = world(link("cable", metric), link("tether", 200))
    assert planned(want("cable"), rest, "cable", "tether") == ()


@pytest.mark.parametrize("metric", [0, 50, 60, 199, 200, 600])
def test_elsewhere_the_preferred_link_is_put_at_its_rank(metric: int) -> None:
    rest = world(link("cable", metric), link("tether", 1000))
    assert SetMetric("cable", 100) in planned(want("cable"), rest, "cable", "tether")


def test_name_servers_of_another_rank_are_put_right() -> None:
    split = world(link("cable"), link("tether", route(200, 100)))
    assert planned(want("cable"), split, "cable", "tether") == (SetMetric("tether", 200),)


def test_what_went_ahead_is_set_until_networkmanager_has_said_yes() -> None:
    ahead = Route(200, 200, confirmed=False)  # beside NetworkManager's own, at 20200
    seen = world(link("cable", 100), link("tether", ahead), guarded=["tether"])
    assert planned(want("cable", "tether"), seen, "cable", "tether") == (SetMetric("tether", 200),)
    led = world(
        link("cable", Route(100, 100, confirmed=False)), link("tether", 200), guarded=["tether"]
    )
    assert planned(want("cable", "tether"), led, "cable", "tether") == (SetMetric("cable", 100),)


def test_unknown_name_server_ranks_are_no_reason() -> None:
    silent = world(link("cable", route(100, None)), link("tether", route(200, None)))
    assert planned(want("cable"), silent, "cable", "tether") == ()


def test_links_that_are_not_up_are_never_touched() -> None:
    wrong = world(link("cable", 100), link("tether", 101), link("wlan", 99))
    steps = planned(want("cable"), wrong, "cable")
    assert steps == (SetMetric("cable", 98),)


def test_an_active_link_that_is_not_up_is_not_touched() -> None:
    wrong = world(link("cable", 700), link("tether", 100))
    assert planned(want("cable"), wrong, "tether") == ()


def test_without_network_manager_only_the_guard_is_set() -> None:
    alone = world(link("cable", 100), link("tether", 101), managed=False)
    assert planned(want("cable", "tether"), alone, "cable", "tether") == (
        Block("tether", "tether", beginning=("198.51.100.116",)),
        EndConnections("tether", "tether", ("198.51.100.116",)),
    )


# the servers of VPNs


def test_the_server_of_a_vpn_is_reached_by_the_new_link_before_the_old_one_is_blocked() -> None:
    lone = replace(world(link("cable", 100), link("tether", 60)), servers=(BY_CABLE,))
    steps = planned(want("tether", "cable"), lone, "tether")
    assert steps[:2] == (Reach("tether", "tether", BY_CABLE.address), Block("cable", "cable"))


def test_on_the_swap_back_the_vpns_own_route_is_enough() -> None:
    detour = replace(BY_CABLE, ifname="tether", own=True)
    back = replace(world(link("cable"), link("tether", 200), guarded=["tether"]), servers=(detour,))
    steps = planned(want("cable", "tether"), back, "cable", "tether")
    assert steps == (Reach("cable", "cable", BY_CABLE.address),)


def test_a_link_that_is_up_and_may_be_used_keeps_its_server() -> None:
    moved = replace(world(link("cable", 100), link("tether", 60)), servers=(BY_CABLE,))
    assert planned(want("tether"), moved, "cable", "tether") == ()
    assert planned(want("tether"), moved, "tether") == (
        Reach("tether", "tether", BY_CABLE.address),
    )


def test_when_the_vpn_is_gone_its_server_is_not_reached_apart() -> None:
    detour = Server("198.51.100.2", "tether", "", own=True)
    rest = replace(world(link("cable"), link("tether", 200)), servers=(detour,))
    assert planned(want("cable"), rest, "cable", "tether") == (Reach("", "", "198.51.100.2"),)


def test_a_stop_removes_what_networkmanager_forgot() -> None:
    forgotten = replace(link("cable", 101), doubled=True)
    rest = world(forgotten, link("tether", 200))
    both = frozenset({"cable", "tether"})
    assert plan.plan_stop(rest, both, both) == (
        Restore("cable"), Restore("tether"), Tidy("cable"),
    )  # fmt: skip


def test_a_stop_leaves_the_server_to_the_vpns_own_route_unless_traffic_stays() -> None:
    detour = replace(BY_CABLE, ifname="tether", own=True)
    rest = replace(world(link("cable"), link("tether", 200)), servers=(detour,))
    both = frozenset({"cable", "tether"})
    steps = plan.plan_stop(rest, both, both)
    assert steps[0] == Reach("cable", "cable", detour.address)  # needs no NetworkManager
    assert steps[1:] == (Restore("cable"), Restore("tether"))
    outage = replace(world(link("cable", 100), link("tether", 60)), servers=(detour,))
    assert plan.plan_stop(outage, frozenset({"tether"}), frozenset({"tether"})) == ()


# IPv6


def test_ipv6_of_a_backup_at_rest_stands_behind() -> None:
    start = world(link("cable", 100, 100), link("tether", 101, 101))
    assert planned(want("cable"), start, "cable", "tether") == (SetMetric("tether", 200, 200),)


def test_ipv6_that_is_the_kernels_is_neither_ranked_nor_passed_over() -> None:
    kernels = Route(1024, settable=False)
    rest = world(link("cable", 100, 100), link("tether", 200, kernels), guarded=["tether"])
    assert planned(want("cable", "tether"), rest, "cable", "tether") == ()
    lower = replace(kernels, metric=90)
    beside = world(link("cable", 100, 100), link("tether", 200, lower), guarded=["tether"])
    steps = planned(want("cable", "tether"), beside, "cable", "tether")
    assert steps == (SetMetric("cable", v6=89),)


def test_ipv6_goes_below_that_of_a_dead_link() -> None:
    outage = world(link("cable", 100, 100), link("tether", 200, 200))
    assert planned(want("tether"), outage, "tether") == (SetMetric("tether", 60, 60),)


def test_ipv6_of_the_link_that_carries_traffic_is_left_alone() -> None:
    outage = world(link("cable", 100), link("tether", 200, 200))
    takeover = SetMetric("tether", 60, 60)  # IPv4 must be touched, and IPv6 goes with it anyway
    assert planned(want("tether"), outage, "tether") == (takeover,)
    later = world(link("cable", 100), link("tether", 60, 100))
    assert planned(want("tether"), later, "tether") == ()


# NetworkManager's connectivity check


def test_a_penalised_winner_is_checked_again() -> None:
    outage = world(link("cable", 100), link("tether", 20200), guarded=["tether"])
    steps = planned(want("tether", "cable"), outage, "tether")
    assert steps == (Unblock("tether", "tether"), SetMetric("tether", 60), Recheck("tether"))


def test_while_the_preferred_link_is_penalised_the_backups_stand_above_it() -> None:
    healed = world(link("cable", 20100), link("tether", 60))
    steps = planned(want("cable"), healed, "cable", "tether")
    assert SetMetric("tether", 20102) in steps
    assert Recheck("cable") in steps


def test_a_penalised_backup_is_left_alone() -> None:
    rest = world(link("cable", 100), link("tether", 20200), guarded=["tether"])
    assert planned(want("cable", "tether"), rest, "cable", "tether") == ()


# stale routes


def test_a_stale_route_of_a_dead_backup_is_tidied() -> None:
    stale = world(link("cable", 59), link("tether", route(60, 100), stale=True))
    assert Tidy("tether") in planned(want("cable"), stale, "cable")


# the guard


def test_a_name_in_the_guard_that_is_no_link_is_taken_out() -> None:
    rest = world(link("cable"), guarded=["former0"])
    assert planned(want("cable"), rest, "cable") == (Unblock("former0", "former0"),)


def test_a_link_without_addresses_has_no_connections_to_end() -> None:
    rest = world(link("cable"), link("tether", None, addresses=()))
    assert planned(want("cable", "tether"), rest, "cable") == (Block("tether", "tether"),)


def test_a_link_without_a_device_is_not_guarded() -> None:
    rest = world(link("cable"), gone("tether"))
    assert planned(want("cable", "tether"), rest, "cable") == ()


def test_connections_over_a_device_that_vanished_end_once_another_link_leads() -> None:
    lost = {"phone": ("198.51.100.7",)}
    unplugged = replace(world(link("cable", 100), link("tether", 100)), orphans=lost)
    assert EndConnections("phone", "", lost["phone"]) not in planned(want("tether"), unplugged)
    moved = replace(world(link("cable", 100), link("tether", 60)), orphans=lost)
    assert planned(want("tether"), moved) == (EndConnections("phone", "", lost["phone"]),)


def test_where_there_is_nowhere_to_go_they_may_wait() -> None:
    lost = replace(world(link("cable", 100)), orphans={"phone": ("198.51.100.7",)})
    assert planned(replace(want("cable"), hold=True), lost) == ()


def test_nobody_is_active_where_there_is_no_route() -> None:
    empty = world(gone("cable"), guarded=["cable"])
    assert planned(want(None), empty) == (Unblock("cable", "cable"),)


# leaving


def test_at_rest_everything_is_put_back() -> None:
    rest = world(link("cable"), link("tether", 200), guarded=["tether"])
    steps = plan.plan_stop(rest, frozenset({"cable", "tether"}), frozenset({"cable", "tether"}))
    assert steps == (Unblock("tether", "tether"), Restore("cable"), Restore("tether"))


def test_during_an_outage_the_takeover_stays() -> None:
    outage = world(link("cable", 100), link("tether", 60), guarded=["cable"])
    known = frozenset({"tether"})
    assert plan.plan_stop(outage, known, known) == (Unblock("cable", "cable"),)
    assert plan.kept_at_stop(outage, known, known) == outage.links[1]


def test_a_dead_link_without_a_route_holds_nothing_back() -> None:
    pulled = world(link("cable", None, obstacle="carrier lost"), link("tether", 60))
    assert plan.plan_stop(pulled, frozenset({"tether"}), frozenset({"tether"})) == (
        Restore("tether"),
    )
    assert plan.kept_at_stop(pulled, frozenset({"tether"}), frozenset({"tether"})) is None


def test_where_no_link_works_all_is_put_back_without_losing_one() -> None:
    dead = world(link("cable", 100), link("tether", 60), guarded=["cable"])
    steps = plan.plan_stop(dead, frozenset(), frozenset())
    restores = (Restore("cable", patient=True), Restore("tether", patient=True))
    assert steps == (Unblock("cable", "cable"), *restores)
    assert plan.kept_at_stop(dead, frozenset(), frozenset()) is None


def test_where_the_dead_link_leads_nothing_is_kept() -> None:
    dead = world(link("cable", 100), link("tether", 200))
    assert plan.plan_stop(dead, frozenset({"tether"}), frozenset({"tether"})) == (
        Restore("tether"),
    )
    assert plan.kept_at_stop(dead, frozenset({"tether"}), frozenset({"tether"})) is None


def test_a_link_that_fails_a_check_is_not_given_traffic_at_the_end() -> None:
    outage = world(link("cable", 100), link("tether", 60))
    both, fit = frozenset({"cable", "tether"}), frozenset({"tether"})
    assert plan.plan_stop(outage, both, fit) == ()
    assert plan.kept_at_stop(outage, both, fit) == outage.links[1]


def test_what_netswap_connected_goes_though_it_leads_where_the_others_work() -> None:
    asked = world(link("cable", 600), replace(link("phone", 60), dialled=True))
    both = frozenset({"cable", "phone"})
    assert plan.plan_stop(asked, both, both) == (Restore("cable"), Disconnect("phone"))
    fit = frozenset({"phone"})
    assert Disconnect("phone") not in plan.plan_stop(asked, both, fit)


def test_at_a_stop_a_link_with_a_fault_is_not_put_back_before_the_one_that_leads() -> None:
    """The tether was found at 100."""
    rest = world(link("cable", 101), link("tether", 200))
    both, fit = frozenset({"cable", "tether"}), frozenset({"cable"})
    assert Restore("tether") not in plan.plan_stop(rest, both, fit)


def test_a_stop_leaves_what_it_connected_where_only_a_worse_link_works() -> None:
    phone, modem = replace(link("phone", 60), dialled=True), link("modem", 201, metered=True)
    pulled = world(link("cable", None, obstacle="carrier lost"), phone, modem)
    works = frozenset({"phone", "modem"})
    assert Disconnect("phone") not in plan.plan_stop(pulled, works, works)


def test_a_stop_moves_no_traffic_from_a_link_with_a_fault_to_a_dead_one() -> None:
    """The tether, found at 101, is what the user keeps to."""
    pinned = world(link("cable", 100), link("tether", 60), link("wifi", 200))
    steps = plan.plan_stop(pinned, frozenset({"tether", "wifi"}), frozenset({"wifi"}))
    assert Restore("tether") not in steps
