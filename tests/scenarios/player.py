"""Plays a scenario: the real engine against the simulated network, as the daemon drives it.

At every moment it also checks what must hold in every scenario: deadlines lie in the future, no
metric of a link is touched that is not known to be up, no step puts the guard before the link
that traffic takes.
"""

from __future__ import annotations

from functools import partial

from netswap.core.actions import (
    Action,
    AnnounceSwap,
    Apply,
    Restore,
    RunCheck,
    Say,
    SendProbe,
    SetMetric,
    Step,
)
from netswap.core.engine import Engine
from netswap.core.events import (
    Applied,
    Checked,
    Doubted,
    Elapsed,
    Event,
    Forgiven,
    Observed,
    Overridden,
    ProbeFailed,
    Replied,
    Slept,
    Used,
)
from tests.scenarios import script as scripts
from tests.scenarios.clock import Clock
from tests.scenarios.happenings import USER, happen, override
from tests.scenarios.network import Network, RefusedError
from tests.scenarios.script import Script
from tests.scenarios.transcript import Transcript, step_text


def play(given: str) -> str:
    """Play a scenario; return its transcript."""
    return Player(scripts.read(given)).run()


class Player:
    """The daemon's place: between the engine and the network."""

    def __init__(self, script: Script) -> None:
        self.clock = Clock()
        self.network = Network(script.settings, self.clock, self._look_soon)
        self.engine = Engine(script.settings, 0.0)
        self.transcript = Transcript()
        self._script = script
        self._inbox: list[Event] = []
        self._looking = self._applying = self._stopping = self._last_batch = False
        self.stopped = False
        self._informed = True
        """Whether the batch under way was planned for the world as it is."""

    def run(self) -> str:
        for nic in self._script.nics:
            self.network.add(nic)
        for at_s, event in self._script.events:
            if at_s < 0:
                happen(event, self.network)
            else:
                self.clock.at(at_s, partial(self._happen, event))
        if every_s := self._script.checks_every_s:
            self.network.checks.always(every_s)
        self._look()
        while (at_s := self._next_s()) <= self._script.until_s:
            if at_s > self.clock.now_s:
                self.transcript.look(self.clock.now_s, self.network)
            if not self.clock.advance(at_s):
                self._tell(Elapsed())
        self.transcript.look(self.clock.now_s, self.network)
        return str(self.transcript)

    def _happen(self, event: str) -> None:
        self.transcript.add(self.clock.now_s, "event", event)
        if event == "stop netswap":
            self.stop()
        elif event.startswith("wake up"):
            self._tell(Slept(float(event.rpartition(" after ")[2]) if " after " in event else 0.0))
        elif event.startswith("doubt "):
            self._tell(Doubted(event.split()[1]))
        elif event.startswith("spend "):
            self._tell(Used(event.split()[1], float(event.split()[2])))
        elif event == "auto now":
            self._tell(Forgiven())
        elif event.split(maxsplit=1)[0] in USER:
            self._tell(Overridden(override(event, self.clock.now_s)))
        else:
            self._informed = False
            happen(event, self.network)

    def _next_s(self) -> float:
        deadline_s = None if self._stopping else self.engine.next_deadline_s()
        return min(at_s for at_s in (self.clock.next_s, deadline_s) if at_s is not None)

    # the daemon's part

    def _look_soon(self) -> None:
        if not self._looking:
            self._looking = True
            self.clock.later(0, self._look)

    def _look(self) -> None:
        self._looking = False
        if not self._stopping:
            self._tell(Observed(self.network.observe()))

    def _tell(self, event: Event) -> None:
        if self.stopped:
            return
        self._inbox.append(event)
        if len(self._inbox) > 1:
            return
        while self._inbox:
            self.engine.handle(self._inbox[0], self.clock.now_s)
            for action in self.engine.take_actions():
                self._perform(action)
            self._inbox.pop(0)
        deadline_s = self.engine.next_deadline_s()
        assert deadline_s is None or deadline_s > self.clock.now_s, "a deadline has passed"

    def _perform(self, action: Action) -> None:
        now_s = self.clock.now_s
        match action:
            case Say(text, level):
                self.transcript.log(now_s, text, level)
            case SendProbe():
                self._probe(action)
            case RunCheck():
                self._check(action)
            case Apply(steps):
                steps_text = "; ".join(map(step_text, steps)) or "nothing"
                self.transcript.add(now_s, "do", steps_text)
                self._check_touches_no_dead_link(steps)
                self._informed = not self._looking
                self._applying = True
                self._apply(steps)
            case AnnounceSwap(source, target, reason):
                self.transcript.add(now_s, "announce", f"{source} -> {target}: {reason}")

    def _probe(self, probe: SendProbe) -> None:
        if self._script.shows_probes:
            self.transcript.add(self.clock.now_s, "probe", f"{probe.ifname} {probe.sequence}")
        nic = self.network.nics.get(probe.ifname)
        if nic is None:
            self._tell(ProbeFailed(probe.link, probe.sequence, "no such device"))
        elif nic.error:
            self._tell(ProbeFailed(probe.link, probe.sequence, nic.error))
        elif not nic.loses():
            for target in set(probe.targets) - self.network.mute:
                replied = Replied(probe.link, probe.sequence, target)
                self.clock.later(nic.rtt_s, partial(self._tell, replied))

    def _check(self, wanted: RunCheck) -> None:
        link, run, check = wanted.link, wanted.run, wanted.check
        if self._script.shows_probes:
            self.transcript.add(self.clock.now_s, "check", f"{wanted.ifname} {check.method}")
        nic = self.network.nics.get(wanted.ifname)
        if nic is None or nic.error:
            reason = nic.error if nic else "no such device"
            self._tell(Checked(link, run, None, reason))
        elif not nic.works:
            silence = Checked(link, run, False, f"no answer within {check.timeout_s:g} s")
            self.clock.later(check.timeout_s, partial(self._tell, silence))
        else:
            reason = nic.failing.get(check.method, "")
            verdict = Checked(link, run, not reason, reason)
            self.clock.later(2 * nic.rtt_s, partial(self._tell, verdict))

    def _apply(self, steps: tuple[Step, ...]) -> None:
        if not steps:
            self._finish(Applied(self.network.observe()))
            return

        def take() -> None:
            fine_before = self._traffic_is_unguarded()
            try:
                self.network.take(steps[0])
            except RefusedError as error:
                self._finish(Applied(self.network.observe(), steps[0], str(error)))
                return
            if fine_before and self._informed:
                assert self._traffic_is_unguarded(), f"{steps[0]} guards traffic"
            self._apply(steps[1:])

        self.network.begin(steps[0])
        self.clock.later(self.network.duration_s(steps[0]), take)

    def _finish(self, applied: Applied) -> None:
        self._applying = False
        self._tell(applied)
        if self._stopping and not self._applying:
            self._leave()

    # the end

    def stop(self) -> None:
        """Stop netswap, as SIGTERM does: what is under way is finished first."""
        self._stopping = True
        if not self._applying:
            self._leave()

    def _leave(self) -> None:
        if self._last_batch:
            self.stopped = True
            self.network.guard.clear()
            return
        self._last_batch = True
        self.engine.stop()
        for action in self.engine.take_actions():
            self._perform(action)
        if not self._applying:  # there was nothing to be put back
            self._leave()

    # what must always hold

    def _traffic_is_unguarded(self) -> bool:
        leader = self.network.leader
        return leader is None or leader.ifname not in self.network.guard

    def _check_touches_no_dead_link(self, steps: tuple[Step, ...]) -> None:
        links = {link.name: link for link in self.engine.snapshot(self.clock.now_s).links}
        for step in steps:
            if isinstance(step, SetMetric) or (isinstance(step, Restore) and not step.patient):
                assert links[step.link].touchable, f"{step} touches a link that may be dead"
