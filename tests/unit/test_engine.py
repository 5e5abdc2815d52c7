"""The engine: facts in, requests out. What it does over time is in `tests/scenarios`."""

from __future__ import annotations

from dataclasses import replace
from math import inf

import pytest

from netswap.core.actions import (
    Action,
    AnnounceSwap,
    Apply,
    Block,
    EndConnections,
    Kind,
    Level,
    Linger,
    Reach,
    Restore,
    RunCheck,
    Say,
    SendProbe,
    SetMetric,
    Step,
    Unblock,
)
from netswap.core.engine import Engine
from netswap.core.events import (
    Applied,
    Checked,
    Elapsed,
    Event,
    Observed,
    Overridden,
    ProbeFailed,
    Replied,
    Slept,
    Used,
)
from netswap.core.model import Barrier, Condition, Mode, Override, Role, Route, Server, State, World
from netswap.core.settings import (
    CheckSettings,
    DampingSettings,
    LinkSettings,
    Match,
    ProbeSettings,
    Settings,
)
from tests.unit.worlds import gone, link, route, take_all, world

CABLE, TETHER = link("cable", 100), link("tether", 200)
REST = world(CABLE, TETHER, guarded=["tether"])
TAKEOVER = (Unblock("tether", "tether"), SetMetric("tether", 60))


PLAIN = Settings(
    probe=ProbeSettings(targets=("198.51.100.1",), fall=2, deadline_min_s=1.0, deadline_max_s=1.0),
    damping=DampingSettings(stay_s=0.0),
)
"""A lost probe is lost after a second, and two are enough."""


CAPPED = tuple(
    LinkSettings(name, Match(interface=name), data_cap="5 GB", at_cap="avoid")
    for name in ("cable", "tether")
)


class Driven:
    """An engine, the time, and the world that its steps would make."""

    def __init__(self, seen: World, settings: Settings | None = None) -> None:
        self.engine = Engine(settings or PLAIN, 0.0)
        self.world = seen
        self.now_s = 0.0
        self.actions: list[Action] = []
        self.silent: set[str] = set()
        self.handle(Observed(seen))

    def handle(self, event: Event) -> None:
        """Tell it something; answer its probes at once."""
        self.engine.handle(event, self.now_s)
        for action in self.engine.take_actions():
            self.actions.append(action)
            if isinstance(action, SendProbe) and action.link not in self.silent:
                self.handle(Replied(action.link, action.sequence, action.targets[0]))

    def until(self, now_s: float) -> None:
        """Let time pass, from deadline to deadline."""
        while (at_s := self.engine.next_deadline_s()) is not None and at_s <= now_s:
            assert at_s > self.now_s
            self.now_s = at_s
            self.handle(Elapsed())
        self.now_s = now_s

    def observe(self, seen: World) -> None:
        self.world = seen
        self.handle(Observed(seen))

    def finish(self) -> None:
        """Say that what was asked for is done."""
        (steps,) = self.steps()
        self.world = take_all(steps, self.world)
        self.handle(Applied(self.world))

    def steps(self) -> list[tuple[Step, ...]]:
        """Take the batches asked for since the last call."""
        batches = [action.steps for action in self.actions if isinstance(action, Apply)]
        self.actions.clear()
        return batches

    def said(self, level: Level = Level.INFO) -> list[str]:
        return [a.text for a in self.actions if isinstance(a, Say) and a.level >= level]

    def state(self, name: str) -> State:
        found = {link.name: link for link in self.engine.snapshot(self.now_s).links}
        return found[name].state


def outage() -> Driven:
    """Return an engine that has just asked for a takeover."""
    driven = Driven(REST)
    driven.silent = {"cable"}
    driven.until(2.0)
    assert driven.state("cable") is State.UP
    driven.actions.clear()
    driven.until(3.0)
    return driven


# doing


def test_at_rest_nothing_is_done() -> None:
    driven = Driven(REST)
    driven.until(60.0)
    assert driven.steps() == []


def test_while_all_is_well_neither_a_probe_nor_its_reply_is_news() -> None:
    driven = Driven(REST)
    driven.until(10.0)
    sent = driven.engine.snapshot(10.0).links[0].sent
    for _ in range(10):
        at_s = driven.engine.next_deadline_s()
        assert at_s is not None
        assert not driven.engine.handle(Elapsed(), at_s)
        for probe in driven.engine.take_actions():
            assert isinstance(probe, SendProbe)
            replied = Replied(probe.link, probe.sequence, probe.targets[0])
            assert not driven.engine.handle(replied, at_s)
        driven.now_s = at_s
    assert driven.engine.snapshot(driven.now_s).links[0].sent == sent + 10


def test_a_loss_and_the_reply_that_ends_the_suspicion_are_news() -> None:
    driven = Driven(REST)
    driven.silent = {"cable"}
    driven.until(1.0)
    driven.actions.clear()
    assert driven.engine.handle(Elapsed(), 2.0)
    (probe,) = (
        a for a in driven.engine.take_actions() if isinstance(a, SendProbe) and a.link == "cable"
    )
    assert driven.engine.handle(Replied("cable", probe.sequence, probe.targets[0]), 2.1)


def test_steps_come_in_one_batch_each_said_before() -> None:
    driven = outage()
    said = driven.said()
    assert said.index(
        "Unblocking all packets via nftables to interface tether: it becomes active"
    ) < said.index("Setting the metric of tether: IPv4 60")
    assert driven.steps() == [TAKEOVER]


def test_while_a_batch_is_under_way_no_other_is_asked_for() -> None:
    driven = outage()
    assert driven.steps() == [TAKEOVER]
    driven.observe(replace(REST, guarded=frozenset()))
    driven.until(30.0)
    assert driven.steps() == []


def test_issued_is_not_done() -> None:
    driven = outage()
    driven.finish()
    assert driven.steps() == [
        (Block("cable", "cable"), EndConnections("cable", "cable", ("198.51.100.99",)))
    ]


def test_connections_end_on_an_address_that_networkmanager_does_not_tell_of_for_a_moment() -> None:
    driven = outage()
    (steps,) = driven.steps()
    moved = take_all(steps, driven.world)
    driven.handle(Applied(replace(moved, links=(replace(CABLE, addresses=()), *moved.links[1:]))))
    assert driven.steps() == [
        (Block("cable", "cable"), EndConnections("cable", "cable", CABLE.addresses))
    ]


def test_connections_over_a_device_that_vanished_are_ended_until_that_succeeds() -> None:
    driven = Driven(REST)
    driven.observe(world(link("tether", 60)))
    step = EndConnections("cable", "", CABLE.addresses)
    assert driven.steps() == [(step,)]
    driven.handle(Applied(driven.world, failed=step, error="no memory"))
    assert driven.steps() == []
    driven.until(1.0)
    assert driven.steps() == [(step,)]
    driven.handle(Applied(driven.world))
    driven.until(60.0)
    assert driven.steps() == []


def test_what_shows_no_effect_is_tried_again_with_patience() -> None:
    driven = outage()
    driven.steps()
    unblocked = replace(REST, guarded=frozenset())
    driven.handle(Applied(unblocked))
    times: list[float] = []
    while len(times) < 4:
        at_s = driven.engine.next_deadline_s()
        assert at_s is not None
        driven.until(at_s)
        if steps := driven.steps():
            assert steps == [(SetMetric("tether", 60),)]
            times.append(driven.now_s)
            driven.handle(Applied(unblocked))
    assert times == [4.0, 6.0, 10.0, 18.0]


def test_a_failure_changes_nothing_but_its_deadline() -> None:
    driven = outage()
    driven.steps()
    before = driven.engine.snapshot(driven.now_s)
    driven.handle(Applied(REST, failed=TAKEOVER[0], error="no such table"))
    assert driven.engine.snapshot(driven.now_s) == before
    assert driven.steps() == []
    driven.until(driven.now_s + 0.9)
    assert driven.steps() == []
    driven.until(driven.now_s + 0.1)
    assert driven.steps() == [TAKEOVER]


def test_traffic_is_not_moved_to_a_link_that_could_not_be_unblocked() -> None:
    driven = outage()
    driven.steps()
    driven.handle(Applied(REST, failed=TAKEOVER[0], error="busy"))
    driven.handle(Observed(REST))
    assert driven.steps() == []


def test_failures_are_said_with_the_next_try() -> None:
    driven = outage()
    driven.steps()
    driven.handle(Applied(REST, failed=TAKEOVER[1], error="Not authorized"))
    assert driven.said(Level.WARNING) == [
        "Failed: Setting the metric of tether: IPv4 60: Not authorized; next try in 1 s"
    ]


# saying


def test_each_transition_is_said_once_with_its_reason() -> None:
    driven = outage()
    assert driven.said(Level.WARNING) == [
        "Ping failure on cable (2/2): no reply within 1 s",
        "Link cable is down: 2 probes lost",
    ]
    driven.finish()
    driven.finish()
    driven.until(60.0)
    assert driven.said() == []


def test_a_swap_is_announced_once() -> None:
    driven = outage()
    announced = [action for action in driven.actions if isinstance(action, AnnounceSwap)]
    assert announced == [AnnounceSwap("cable", "tether", "cable: 2 probes lost")]


def test_a_local_error_is_said_once_until_it_changes() -> None:
    driven = Driven(world(CABLE))
    driven.silent = {"cable"}
    for second, reason in enumerate(["no buffer", "no buffer", "no route", "no route"], start=1):
        driven.until(float(second))
        sequence = next(a.sequence for a in reversed(driven.actions) if isinstance(a, SendProbe))
        driven.handle(ProbeFailed("cable", sequence, reason))
    said = [text for text in driven.said(Level.WARNING) if text.startswith("Cannot probe")]
    assert [text.split(":")[1].split(" (")[0].strip() for text in said] == ["no buffer", "no route"]
    assert driven.state("cable") is State.UP


def test_network_manager_leaving_is_said() -> None:
    driven = Driven(REST)
    driven.actions.clear()
    driven.observe(replace(REST, managed=False))
    assert driven.said(Level.WARNING) == [
        "NetworkManager is not running: no metric can be changed until it is back"
    ]
    driven.actions.clear()
    driven.observe(REST)
    assert driven.said() == ["NetworkManager is back"]


def test_another_name_for_the_active_link_is_no_swap() -> None:
    driven = Driven(REST)
    driven.until(5.0)
    driven.actions.clear()
    driven.observe(world(replace(CABLE, name="dsl"), TETHER, guarded=["tether"]))
    assert driven.said() == ["Link cable is called dsl now"]
    driven.until(20.0)
    assert not [action for action in driven.actions if isinstance(action, AnnounceSwap)]
    assert driven.steps() == []
    seen = driven.engine.snapshot(driven.now_s)
    assert (seen.active, seen.since_s) == ("dsl", 0.0)
    assert (seen.links[0].state, seen.links[0].lost) == (State.UP, 0)


def test_a_check_that_is_under_way_is_made_again_under_another_name() -> None:
    driven = Driven(REST, replace(PLAIN, check=(CheckSettings("http", "http://198.51.100.1/"),)))
    driven.actions.clear()
    driven.observe(world(replace(CABLE, name="dsl"), TETHER, guarded=["tether"]))
    assert [action.link for action in driven.actions if isinstance(action, RunCheck)] == ["dsl"]


def test_a_swap_rests_only_where_a_better_link_waits() -> None:
    driven = Driven(REST, replace(PLAIN, damping=DampingSettings(stay_s=60.0)))
    driven.silent = {"cable"}
    driven.until(5.0)
    driven.finish()
    assert driven.engine.snapshot(driven.now_s).rests_until_s == 0.0
    driven.silent = set()
    driven.until(20.0)
    seen = driven.engine.snapshot(driven.now_s)
    assert (seen.active, 60 < seen.rests_until_s < 65) == ("tether", True)
    driven.handle(Overridden(Override(Mode.PINNED, "tether")))
    assert driven.engine.snapshot(driven.now_s).rests_until_s == 0.0


def test_links_come_and_go() -> None:
    driven = Driven(REST)
    driven.actions.clear()
    driven.observe(world(CABLE))
    assert "Link tether is gone" in driven.said(Level.WARNING)
    driven.actions.clear()
    driven.observe(REST)
    assert driven.said()[:2] == [
        "Pinger running on interface tether to 198.51.100.1",
        "Link tether is connected, not proven yet",
    ]


# what the user asks for


def test_a_choice_ends_when_its_time_is_over() -> None:
    driven = Driven(REST)
    driven.handle(Overridden(Override(Mode.PINNED, "tether", until_s=5.0)))
    assert driven.steps()[0][:2] == TAKEOVER
    driven.handle(Applied(driven.world))
    driven.until(4.999)
    assert driven.engine.snapshot(driven.now_s).active == "tether"
    driven.until(5.0)
    assert driven.engine.snapshot(driven.now_s).active == "cable"
    assert driven.engine.snapshot(driven.now_s).override == Override()


@pytest.mark.parametrize("seen", [world(CABLE), world(CABLE, gone("tether"))])
def test_a_choice_ends_with_its_link(seen: World) -> None:
    driven = Driven(REST)
    driven.handle(Overridden(Override(Mode.PINNED, "tether")))
    driven.observe(seen)
    assert driven.engine.snapshot(driven.now_s).override.mode is Mode.AUTO


def test_a_choice_is_the_reason_as_long_as_it_is_one() -> None:
    def reason() -> str:
        return driven.engine.snapshot(driven.now_s).reason

    driven = outage()
    assert reason() == "cable: 2 probes lost"
    driven.handle(Overridden(Override(Mode.PINNED, "tether")))
    driven.silent = set()
    driven.until(20.0)
    assert driven.state("cable") is State.UP
    assert reason() == "asked by the user"
    driven.silent = {"cable"}
    driven.until(40.0)
    driven.handle(Overridden(Override()))
    assert driven.engine.snapshot(driven.now_s).active == "tether"
    assert reason() == "cable: 2 probes lost"


def test_the_same_choice_again_is_not_said_again() -> None:
    driven = Driven(REST)
    driven.handle(Overridden(Override(Mode.PAUSED)))
    driven.actions.clear()
    driven.handle(Overridden(Override(Mode.PAUSED)))
    assert [a for a in driven.actions if isinstance(a, Say) and a.kind is Kind.MODE] == []


def test_a_pause_goes_on_while_the_computer_sleeps() -> None:
    driven = Driven(REST)
    driven.handle(Overridden(Override(Mode.PAUSED, until_s=3600.0)))
    driven.handle(Slept(1800.0))
    assert driven.engine.snapshot(driven.now_s).override.until_s == 1800.0
    driven.handle(Slept(86400.0))
    assert driven.engine.snapshot(driven.now_s).override.mode is Mode.AUTO


def test_a_pause_without_an_end_is_no_deadline() -> None:
    driven = Driven(world(gone("cable")))
    driven.handle(Overridden(Override(Mode.PAUSED)))
    assert driven.engine.next_deadline_s() is None
    assert Override().until_s == inf


# other settings


def test_other_settings_are_taken_over_without_forgetting() -> None:
    driven = Driven(REST)
    driven.until(10.0)
    driven.engine.reconfigure(Settings(probe=ProbeSettings(interval_s=0.5, fall=4)))
    driven.observe(REST)
    driven.silent = {"cable"}
    driven.actions.clear()
    driven.until(11.0)
    assert driven.said(Level.WARNING)[0] == "Ping failure on cable (1/4): no reply within 0.1 s"
    assert driven.state("cable") is State.UP


# knowing


def test_a_link_that_is_down_is_shown_with_why_it_is_down() -> None:
    driven = Driven(REST, replace(PLAIN, link=CAPPED))
    driven.handle(Used("cable", 1.0))
    assert driven.engine.snapshot(0.0).links[0].reason == "its 5 GB of data are used up"
    driven.silent = {"cable"}
    driven.until(5.0)
    assert driven.engine.snapshot(driven.now_s).links[0].reason == "2 probes lost"


def test_a_link_beyond_its_cap_that_is_called_otherwise_is_spared_on() -> None:
    driven = Driven(world(link("cable", 100), link("tether", 200)), replace(PLAIN, link=CAPPED))
    driven.until(2.0)
    driven.finish()
    driven.handle(Used("cable", 1.2))
    driven.finish()
    assert driven.engine.snapshot(2.0).active == "tether"
    fibre = replace(CAPPED[0], name="fibre")
    for settings, active in ((fibre, "tether"), (replace(fibre, name="dsl", data_cap=""), "dsl")):
        driven.engine.reconfigure(replace(PLAIN, link=(settings, CAPPED[1])))
        cable, tether = driven.world.links
        driven.observe(replace(driven.world, links=(replace(cable, name=settings.name), tether)))
        assert driven.engine.snapshot(2.0).active == active


def test_a_snapshot_tells_everything() -> None:
    driven = outage()
    driven.finish()
    driven.finish()
    seen = driven.engine.snapshot(driven.now_s)
    assert (seen.active, seen.condition) == ("tether", Condition.BACKUP)
    assert (seen.reason, seen.since_s) == ("cable: 2 probes lost", 3.0)
    assert seen.managed
    cable, tether = seen.links
    assert (cable.role, cable.state, cable.guarded) == (Role.STANDBY, State.DOWN, True)
    assert (cable.reason, cable.since_s, cable.lost) == ("2 probes lost", 3.0, 2)
    assert (tether.role, tether.state, tether.guarded) == (Role.ACTIVE, State.UP, False)
    assert (tether.metric4, tether.metric6) == (60, None)


def test_before_the_first_look_there_is_nothing_to_tell() -> None:
    engine = Engine(Settings(), 0.0)
    seen = engine.snapshot(0.0)
    assert (seen.active, seen.links, seen.condition) == (None, (), Condition.STARTING)
    assert engine.next_deadline_s() is None


# leaving


def test_the_last_batch_is_the_last() -> None:
    driven = Driven(REST)
    driven.actions.clear()
    driven.engine.stop()
    driven.actions += driven.engine.take_actions()
    assert driven.steps() == [(Unblock("tether", "tether"), Restore("cable"), Restore("tether"))]
    driven.observe(world(CABLE, link("tether", 60)))
    driven.until(60.0)
    assert [a for a in driven.actions if isinstance(a, Apply | SendProbe)] == []


def test_stopping_before_the_first_look_does_nothing() -> None:
    engine = Engine(Settings(), 0.0)
    engine.stop()
    assert engine.take_actions() == []


# steps that fail


def drive(driven: Driven, failing: type[Step], until_s: float, only: str = "") -> int:
    """Carry out all batches, but for this kind of step, which always fails; return how many."""
    count = 0
    while driven.now_s < until_s:
        for _ in range(50):
            batches = driven.steps()
            if not batches:
                break
            count += 1
            (steps,) = batches
            bad = next((s for s in steps if isinstance(s, failing) and only in s.link), None)
            done = steps[: steps.index(bad)] if bad else steps
            driven.world = take_all(done, driven.world)
            driven.handle(Applied(driven.world, bad, "refused" if bad else ""))
        driven.now_s += 0.25
        driven.handle(Elapsed())
    return count


def metrics(driven: Driven) -> dict[str, int]:
    return {link.name: link.v4.metric for link in driven.world.links if link.v4}


def test_a_backup_that_cannot_be_ranked_keeps_traffic_on_no_other_backup() -> None:
    """The phone was connected before the cable: it leads, and is to be raised."""
    driven = Driven(world(link("cable", 101), link("wifi", 600), link("phone", 100)))
    drive(driven, SetMetric, 60, only="wifi")
    assert metrics(driven) == {"cable": 101, "wifi": 600, "phone": 201}


def test_a_backup_that_cannot_be_ranked_holds_no_swap_back_up() -> None:
    driven = Driven(world(link("cable", 100), link("wifi", 600), link("phone", 60)))
    drive(driven, SetMetric, 60, only="wifi")
    assert driven.world.leader == driven.world.link("cable")


@pytest.mark.parametrize("settable", [False, True])
def test_a_backup_whose_ipv6_is_the_kernels_keeps_traffic_on_no_other(settable: bool) -> None:
    """ipv6.method=ignore: all stand at 1024; that nobody moves them shows only afterwards."""
    kernels = Route(1024, settable=settable)
    links = link("cable", 101, kernels), link("wifi", 600, kernels), link("phone", 100, kernels)
    driven = Driven(world(*links))
    drive(driven, SetMetric, 300, only="wifi")
    assert metrics(driven) == {"cable": 101, "wifi": 600, "phone": 201}


def test_a_backup_that_cannot_be_ranked_is_not_made_to_lead() -> None:
    driven = Driven(world(link("cable", 150), link("wifi", 120), link("phone", 110)))
    drive(driven, SetMetric, 60, only="wifi")
    assert metrics(driven) == {"cable": 150, "wifi": 120, "phone": 110}


def test_a_link_that_cannot_be_guarded_does_not_keep_the_others_unguarded() -> None:
    cable, odd, phone = link("cable", 100), link("odd", 150), link("phone", 160)
    driven = Driven(world(cable, odd, phone))
    drive(driven, Block, 90, only="odd")
    assert driven.world.guarded == {"phone"}
    assert metrics(driven) == {"cable": 100, "odd": 200, "phone": 201}


def test_connections_that_cannot_linger_hold_no_swap_up() -> None:
    cable = link("cable", 100)
    tether = replace(TETHER, addresses=("198.51.100.2",))
    settings = replace(PLAIN, guard=replace(PLAIN.guard, linger_s=600.0))
    driven = Driven(world(cable, tether, guarded=["tether"]), settings)
    driven.handle(Overridden(Override(Mode.PINNED, "tether")))
    drive(driven, Linger, 5)
    assert driven.world.leader == driven.world.link("tether")
    driven.handle(Overridden(Override()))
    drive(driven, Linger, 90)
    assert driven.world.leader == driven.world.link("cable")


def test_a_server_that_the_new_link_cannot_reach_keeps_the_old_one_unguarded_no_longer() -> None:
    """As one with an IPv6 address, and a backup that has IPv4 only."""
    cable = replace(link("cable", 100), addresses=("198.51.100.1",))
    tether = replace(TETHER, addresses=("198.51.100.2",))
    server = Server("2001:db8:9::1", ifname="cable", found="cable")
    driven = Driven(replace(world(cable, tether, guarded=["tether"]), servers=(server,)))
    driven.handle(Overridden(Override(Mode.PINNED, "tether")))
    batches = drive(driven, Reach, 90)
    assert driven.world.leader == driven.world.link("tether")
    assert driven.world.guarded == {"cable"}
    assert batches < 50


def test_a_guard_that_cannot_be_set_ends_no_connections_over_and_over() -> None:
    driven = Driven(world(CABLE, replace(TETHER, addresses=("198.51.100.2",))))
    batches = 0
    while (steps := driven.steps()) and batches < 100:
        batches += 1
        blocks = [step for step in steps[0] if isinstance(step, Block)]
        if blocks:
            driven.handle(Applied(driven.world, blocks[0], "nftables refused"))
        else:
            driven.handle(Applied(driven.world))
    assert batches < 5


# other settings


def six_up() -> Driven:
    """Return an engine whose only link answers by both versions of IP."""
    cable = replace(link("cable", 100), v6=route(100))
    probe = replace(PLAIN.probe, targets6=("2001:db8::1",))
    driven = Driven(world(cable), replace(PLAIN, probe=probe))
    driven.until(5.5)
    return driven


def test_settings_without_ipv6_targets_survive_an_answer_that_comes_before_the_next_look() -> None:
    driven = six_up()
    driven.silent = {"cable"}
    driven.actions.clear()
    driven.until(6.0)
    probe = next(a for a in driven.actions if isinstance(a, SendProbe) and a.version == 6)
    driven.engine.reconfigure(PLAIN)
    driven.handle(Replied("cable", probe.sequence, "2001:db8::1"))


def test_settings_without_ipv6_targets_survive_a_loss_that_comes_before_the_next_look() -> None:
    driven = six_up()
    driven.silent = {"cable"}
    driven.until(6.0)
    driven.engine.reconfigure(PLAIN)
    driven.now_s = 7.5
    driven.handle(Elapsed())


def test_a_choice_outlives_another_name_of_its_link() -> None:
    links = tuple(LinkSettings(name, Match(interface=name)) for name in ("cable", "tether"))
    settings = replace(PLAIN, link=links)
    driven = Driven(REST, settings)
    driven.handle(Overridden(Override(Mode.PINNED, "tether", until_s=60.0)))
    driven.finish()
    driven.finish()
    phone = replace(links[1], name="phone")
    driven.engine.reconfigure(replace(settings, link=(links[0], phone)))
    seen = driven.world.links
    driven.observe(replace(driven.world, links=(seen[0], replace(seen[1], name="phone"))))
    driven.until(30.0)
    shown = driven.engine.snapshot(driven.now_s)
    assert (shown.active, shown.override.link) == ("phone", "phone")
    driven.until(60.0)
    assert driven.engine.snapshot(driven.now_s).active == "cable"


LINGERING = replace(PLAIN, guard=replace(PLAIN.guard, linger_s=600.0))


def lingering(settings: Settings = LINGERING) -> Driven:
    """Return an engine that has just swapped back; connections over the backup may go on."""
    driven = Driven(world(CABLE, link("tether", 60), guarded=["cable"]), settings)
    while steps := driven.steps():
        driven.world = take_all(steps[0], driven.world)
        driven.handle(Applied(driven.world))
    return driven


def barriers(driven: Driven) -> list[tuple[str, bool]]:
    """Return the links that are blocked anew, and whether connections over each may go on."""
    batches = driven.steps()
    return [(s.link, s.barrier.lingering) for b in batches for s in b if isinstance(s, Block)]


def test_connections_over_a_link_go_on_under_another_name() -> None:
    driven = lingering()
    seen = driven.world.links
    driven.observe(world(seen[0], replace(seen[1], name="phone")))
    assert barriers(driven) == [("phone", True)]


def test_settings_without_lingering_end_what_lingers() -> None:
    driven = lingering()
    driven.engine.reconfigure(PLAIN)
    driven.observe(replace(driven.world, guarded=frozenset()))
    assert barriers(driven) == [("tether", False)]


def test_what_lingers_ends_with_the_data_of_its_link() -> None:
    driven = lingering(replace(LINGERING, link=CAPPED))
    driven.observe(replace(driven.world, barriers={"tether": Barrier(lingering=True)}))
    driven.handle(Used("tether", 0.99))
    assert barriers(driven) == []
    driven.handle(Used("tether", 1.0))
    assert barriers(driven) == [("tether", False)]


def test_a_choice_of_a_link_that_is_none_any_more_ends() -> None:
    links = tuple(LinkSettings(name, Match(interface=name)) for name in ("cable", "tether"))
    settings = replace(PLAIN, link=links)
    driven = Driven(world(link("cable", 100), link("tether", 200), guarded=["tether"]), settings)
    driven.handle(Overridden(Override(Mode.PINNED, "tether", even_if_dead=True)))
    driven.actions.clear()
    driven.engine.reconfigure(replace(settings, link=links[:1]))
    driven.observe(world(link("cable", 100)))
    assert driven.engine.snapshot(driven.now_s).override.mode is Mode.AUTO


def test_a_swap_to_another_connection_of_the_same_device_is_no_new_name() -> None:
    """Wi-Fi at home, and the phone's hotspot."""
    home = link("home", 600, ifname="wlan0", activation="/1")
    phone = link("phone", 600, ifname="wlan0", activation="/2", metered=True)
    driven = Driven(world(home, gone("phone")))
    driven.until(5.0)
    driven.actions.clear()
    driven.observe(world(gone("home"), phone))
    driven.until(12.0)
    told = [action for action in driven.actions if isinstance(action, AnnounceSwap)]
    assert [(swap.source, swap.target) for swap in told] == [("home", "phone")]
    assert driven.engine.snapshot(12.0).since_s >= 5.0


def test_a_link_with_a_fault_that_is_called_otherwise_with_its_check_is_spared_on() -> None:
    portal = CheckSettings("http", "http://198.51.100.1/", fall=1, links=("cable",))
    tether = LinkSettings("tether", Match(interface="tether"))
    cable = LinkSettings("cable", Match(interface="cable"))
    before = replace(PLAIN, link=(cable, tether), check=(portal,))
    after = replace(
        PLAIN,
        link=(replace(cable, name="fibre"), tether),
        check=(replace(portal, links=("fibre",)),),
    )
    driven = Driven(world(link("cable", 100), link("tether", 200)), before)
    driven.until(2.0)
    driven.finish()
    driven.handle(Checked("cable", 1, ok=False, reason="captive portal"))
    driven.finish()
    assert driven.engine.snapshot(2.0).active == "tether"
    driven.engine.reconfigure(after)
    seen, other = driven.world.links
    driven.observe(replace(driven.world, links=(replace(seen, name="fibre"), other)))
    shown = driven.engine.snapshot(2.0)
    assert shown.links[0].fault == "http: captive portal"
    assert shown.active == "tether"


def test_a_swap_is_as_long_ago_as_it_is_though_the_computer_slept_meanwhile() -> None:
    settings = replace(PLAIN, damping=DampingSettings(stay_s=600.0))
    driven = Driven(world(link("cable", 100), link("tether", 200), guarded=["tether"]), settings)
    driven.silent = {"cable"}
    driven.until(5.0)
    driven.finish()
    driven.finish()
    assert driven.engine.snapshot(driven.now_s).active == "tether"
    driven.silent = set()
    driven.until(20.0)
    assert driven.engine.snapshot(driven.now_s).rests_until_s > 20.0
    driven.handle(Slept(8 * 3600.0))
    driven.until(22.0)
    assert driven.engine.snapshot(driven.now_s).active == "cable"


def test_two_links_that_swap_their_names_are_no_outage() -> None:
    one = LinkSettings("one", Match(interface="cable"))
    two = LinkSettings("two", Match(interface="tether"))
    cable = link("one", 100, ifname="cable", addresses=("198.51.100.1",))
    tether = link("two", 200, ifname="tether", addresses=("198.51.100.2",))
    driven = Driven(world(cable, tether, guarded=["tether"]), replace(PLAIN, link=(one, two)))
    driven.until(20.0)
    driven.actions.clear()
    swapped = (replace(two, name="one"), replace(one, name="two"))
    driven.engine.reconfigure(replace(PLAIN, link=swapped))
    links = (replace(tether, name="one"), replace(cable, name="two"))
    driven.observe(replace(driven.world, links=links))
    assert [text for text in driven.said() if "No link works" in text] == []
    assert driven.engine.snapshot(driven.now_s).condition is not Condition.OFFLINE
