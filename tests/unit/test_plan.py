"""Plans: the rules one by one, then the invariants after every prefix of every plan."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given

from netswap.core import plan
from netswap.core.actions import (
    Block,
    EndConnections,
    Recheck,
    Restore,
    SetMetric,
    Step,
    Tidy,
    Unblock,
)
from netswap.core.model import Desired, Link, World
from netswap.core.settings import LOWEST_METRIC, MetricSettings
from tests.unit import worlds
from tests.unit.worlds import FIXED, Situation, fixed, gone, link, route, take, take_all, world

RANKS = MetricSettings()
ROUNDS = 6
"""How often plan and look before everything must have settled."""


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
        EndConnections("cable", ("198.51.100.99",)),
    )


def test_a_swap_back_raises_the_backup_and_does_not_touch_the_preferred_link() -> None:
    healed = world(link("cable", 100), link("tether", 60), guarded=["cable"])
    steps = planned(want("cable", "tether"), healed, "cable", "tether")
    assert steps == (Unblock("cable", "cable"), SetMetric("tether", 200))


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
        Block("tether", "tether"),
        EndConnections("tether", ("198.51.100.116",)),
    )


# IPv6


def test_ipv6_of_a_backup_at_rest_stands_behind() -> None:
    start = world(link("cable", 100, 100), link("tether", 101, 101))
    assert planned(want("cable"), start, "cable", "tether") == (SetMetric("tether", 200, 200),)


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


def test_nobody_is_active_where_there_is_no_route() -> None:
    empty = world(gone("cable"), guarded=["cable"])
    assert planned(want(None), empty) == (Unblock("cable", "cable"),)


# leaving


def test_at_rest_everything_is_put_back() -> None:
    rest = world(link("cable"), link("tether", 200), guarded=["tether"])
    steps = plan.plan_stop(rest, frozenset({"cable", "tether"}))
    assert steps == (Unblock("tether", "tether"), Restore("cable"), Restore("tether"))


def test_during_an_outage_the_takeover_stays() -> None:
    outage = world(link("cable", 100), link("tether", 60), guarded=["cable"])
    known = frozenset({"tether"})
    assert plan.plan_stop(outage, known) == (Unblock("cable", "cable"),)
    assert plan.kept_at_stop(outage, known) == outage.links[1]


def test_a_dead_link_without_a_route_holds_nothing_back() -> None:
    pulled = world(link("cable", None, obstacle="carrier lost"), link("tether", 60))
    assert plan.plan_stop(pulled, frozenset({"tether"})) == (Restore("tether"),)
    assert plan.kept_at_stop(pulled, frozenset({"tether"})) is None


def test_where_the_dead_link_leads_nothing_is_kept() -> None:
    dead = world(link("cable", 100), link("tether", 200))
    assert plan.plan_stop(dead, frozenset({"tether"})) == (Restore("tether"),)
    assert plan.kept_at_stop(dead, frozenset({"tether"})) is None


# after every prefix of every plan

Steps = tuple[Step, ...]
CASES = given(worlds.situations(), worlds.metric_settings())


def prefixes(steps: tuple[Step, ...], seen: World) -> Iterator[tuple[Step, World, World]]:
    """Yield each step with the world before and after it."""
    for step in steps:
        before, seen = seen, take(step, seen)
        yield step, before, seen


def rounds(situation: Situation, ranks: MetricSettings) -> Iterator[tuple[Desired, World, Steps]]:
    """Look, plan and apply until nothing is left to do; yield every round."""
    seen = situation.world
    for _ in range(ROUNDS):
        desired = situation.desired(seen)
        steps = plan.plan(desired, seen, situation.touchable, ranks)
        yield desired, seen, steps
        seen = take_all(steps, seen)


@fixed(times=5)
@CASES
def test_invariants_after_every_prefix_of_every_plan(
    situation: Situation, ranks: MetricSettings
) -> None:
    for desired, seen, steps in rounds(situation, ranks):
        for step, before, after in prefixes(steps, seen):
            no_step_puts_the_guard_before_traffic(before, after)
            some_link_stays_unguarded(before, after)
            the_wanted_link_keeps_the_lead(desired, before, after)
            the_wanted_link_is_unguarded_before_metrics_move(step, desired, before)
            only_links_that_may_be_touched_are(step, before, situation.touchable)
            no_metric_is_at_or_below_that_of_a_vpn(step)


def no_step_puts_the_guard_before_traffic(before: World, after: World) -> None:
    assert guards_leader(before) or not guards_leader(after)


def some_link_stays_unguarded(before: World, after: World) -> None:
    assert worlds.unguarded(after) or not worlds.unguarded(before)


def the_wanted_link_keeps_the_lead(desired: Desired, before: World, after: World) -> None:
    wanted = before.link(desired.active)
    held_back = wanted and wanted.v4 and wanted.v4.penalised
    assert held_back or not leads(before, desired.active) or leads(after, desired.active)


def the_wanted_link_is_unguarded_before_metrics_move(
    step: Step, desired: Desired, before: World
) -> None:
    if isinstance(step, SetMetric | Recheck | Tidy):
        assert ifname(before, desired.active) not in before.guarded


def only_links_that_may_be_touched_are(step: Step, before: World, known: frozenset[str]) -> None:
    if isinstance(step, SetMetric | Recheck | Tidy):
        assert before.managed
    assert not isinstance(step, SetMetric) or step.link in known


def no_metric_is_at_or_below_that_of_a_vpn(step: Step) -> None:
    if isinstance(step, SetMetric):
        assert all(rank is None or rank >= LOWEST_METRIC for rank in (step.v4, step.v6))


@FIXED
@CASES
def test_it_settles_in_the_desired_state(situation: Situation, ranks: MetricSettings) -> None:
    *_, (desired, seen, steps) = rounds(situation, ranks)
    assert steps == ()
    wanted = {link.ifname for link in seen.links if link.name in desired.guarded}
    active = seen.link(desired.active)
    if active is None or active.v4 is None or desired.hold:
        assert seen.guarded <= wanted
        return
    if seen.managed and active.name in situation.touchable and has_room(situation, active):
        assert seen.leads(active)
    assert seen.guarded == wanted if seen.leads(active) else seen.guarded <= wanted


@FIXED
@CASES
def test_a_recheck_that_does_not_help_is_all_that_is_left(
    situation: Situation, ranks: MetricSettings
) -> None:
    seen = situation.world
    steps: Steps = ()
    for _ in range(ROUNDS):
        steps = plan.plan(situation.desired(seen), seen, situation.touchable, ranks)
        seen = take_all((step for step in steps if not isinstance(step, Recheck)), seen)
    assert all(isinstance(step, Recheck) for step in steps)


@FIXED
@given(worlds.situations())
def test_leaving_lifts_the_guard_and_touches_only_what_is_up(situation: Situation) -> None:
    seen = situation.world
    steps = plan.plan_stop(seen, situation.touchable)
    assert take_all(steps, seen).guarded == frozenset()
    restored = {step.link for step in steps if isinstance(step, Restore)}
    assert restored <= situation.touchable
    kept = plan.kept_at_stop(seen, situation.touchable)
    assert kept is None or kept.name not in restored


def ifname(seen: World, name: str | None) -> str:
    found = seen.link(name)
    return found.ifname if found else ""


def guards_leader(seen: World) -> bool:
    return seen.leader is not None and seen.leader.ifname in seen.guarded


def leads(seen: World, name: str | None) -> bool:
    found = seen.link(name)
    return found is not None and seen.leads(found)


def has_room(situation: Situation, active: Link) -> bool:
    """Whether a metric above a VPN's is left below the links that may not be touched."""
    others = situation.world.others(active)
    fixed = [link.v4 for link in others if link.v4 and link.name not in situation.touchable]
    return all(route.metric > LOWEST_METRIC for route in fixed)
