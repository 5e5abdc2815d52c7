"""What holds after every prefix of every plan, whatever the world looks like."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given

from netswap.core import plan
from netswap.core.actions import Recheck, Restore, SetMetric, Step, Tidy
from netswap.core.model import Desired, Link, World
from netswap.core.settings import LOWEST_METRIC, MetricSettings
from tests.unit import worlds
from tests.unit.worlds import FIXED, Situation, fixed, take, take_all

ROUNDS = 6
"""How often plan and look before everything must have settled."""

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
def test_leaving_lifts_the_guard_and_spares_what_is_not_up(situation: Situation) -> None:
    seen = situation.world
    steps = plan.plan_stop(seen, situation.touchable, situation.touchable)
    assert take_all(steps, seen).guarded == frozenset()
    restores = [step for step in steps if isinstance(step, Restore)]
    restored = {step.link for step in restores}
    assert {step.link for step in restores if not step.patient} <= situation.touchable
    assert restored <= situation.touchable or not situation.touchable
    kept = plan.kept_at_stop(seen, situation.touchable, situation.touchable)
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
