"""One step of the demo under way: make it happen, watch, judge.

Nothing here believes what the daemon says. Routes and packets are the kernel's; connections are
those of programs that know nothing of netswap.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Self

from tests.lab.demo_steps import Outcome, Step
from tests.lab.demo_watch import Departures, Insister
from tests.lab.lab import Lab
from tests.lab.witness import HeldConnection, NewConnections, RouteWatch

HELD = 3
"""How many connections a program holds over a link when something happens."""

PATIENCE_S = 0.9
"""When a new connection counts as failed; the kernel itself would try again after 1 s."""

Wait = Callable[[Callable[[], bool], float], bool]
"""Wait until something is so, at most so many seconds; return whether it is."""


class Witnesses:
    """All who watch, from before netswapd starts until after its end."""

    def __init__(self, lab: Lab) -> None:
        self.found = lab.routes()
        self.users = NewConnections(patience_s=PATIENCE_S)
        self.routes = RouteWatch()
        self.departures = Departures()
        self.insisters = {name: Insister(name) for name in lab.links}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        for observer in (self.users, self.routes, self.departures, *self.insisters.values()):
            self._stack.enter_context(observer)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()


def perform(step: Step, lab: Lab, seen: Witnesses, wait: Wait) -> Outcome:
    """Make a step happen, wait until all is as it should be, and tell what was seen."""
    with ExitStack() as connections:
        ends = _hold(step.ends, lab, connections)
        keeps = _hold(step.keeps, lab, connections)
        trial = Trial(step, lab, seen, ends, keeps)
        step.act(lab)
        wait(trial.is_over, step.within_s)
        wait(lambda: False, step.watch_s)
        return trial.outcome()


def _hold(link: str | None, lab: Lab, connections: ExitStack) -> list[HeldConnection]:
    """Open connections over a link; fewer where they cannot be made.

    They are bound to it only if it is not the active one: a usual program is bound to no link.
    """
    held: list[HeldConnection] = []
    if link is None:
        return held
    over = None if lab.active() == link else lab.link(link)
    for _ in range(HELD):
        try:
            held.append(connections.enter_context(HeldConnection(over=over)))
        except OSError:
            break
    return held


class Trial:
    """A step from just before it happens."""

    def __init__(
        self,
        step: Step,
        lab: Lab,
        seen: Witnesses,
        ends: list[HeldConnection],
        keeps: list[HeldConnection],
    ) -> None:
        self._step, self._lab, self._seen = step, lab, seen
        self._ends, self._keeps = ends, keeps
        self._before = lab.routes()
        self._guarded_before = {n for n, i in seen.insisters.items() if i.is_guarded()}
        self._start = time.monotonic()

    def is_over(self) -> bool:
        """Tell whether there is nothing to wait for any more."""
        if self._step.guarded is not None and not self._lab.daemons[-1].running:
            return True
        return not any((*self._wrong_link(), *self._wrong_guard(), *self._wrong_connections()))

    def outcome(self) -> Outcome:
        """Tell what was seen, now that it is over."""
        users, ended = self._seen.users, [c.ended for c in self._ends if c.ended]
        outcome = Outcome(
            step=self._step,
            before=self._before,
            after=self._lab.routes(),
            offline_s=users.offline_s(self._start) if self._failed() else 0.0,
            failed=self._failed(),
            held=len(self._ends or self._keeps),
            ended=len(ended),
            ended_ms=self._told_ms(),
            leaked=sum(self._leaked(name) for name in self._lab.links),
        )
        outcome.problems += [
            *self._wrong_daemon(),
            *self._wrong_link(),
            *self._wrong_guard(),
            *self._wrong_connections(),
            *self._wrong_end(),
        ]
        if (outcome.offline_s or 0.0) > self._step.offline_s:
            outcome.problems.append(f"new connections failed for {outcome.offline_s:.2f} s")
        if outcome.leaked:
            outcome.problems.append(f"{outcome.leaked} bytes leaked over a standby link")
        return outcome

    # what was seen

    def _moved(self) -> float | None:
        return self._seen.routes.became(self._step.active, self._start)

    def _failed(self) -> int:
        """Count the new connections that failed.

        One that was under way over a working link when that link was left is an existing one.
        """
        failures = self._seen.users.failures(self._start)
        moved = self._moved()
        if moved is None or self._step.offline_s:
            return len(failures)
        left = ("ECONNABORTED", "ECONNRESET")
        return sum(not (f.start <= moved <= f.end and f.error in left) for f in failures)

    def _told_ms(self) -> float | None:
        moved = self._moved()
        ends = [connection.ended[0] for connection in self._ends if connection.ended]
        return max(0.0, max(ends) - moved) * 1000 if ends and moved else None

    def _leaked(self, interface: str) -> int:
        """Count what left by a link while it was guarded; or all, if it should have been."""
        insister, now = self._seen.insisters[interface], time.monotonic()
        since = self._start
        if interface not in self._guarded_before:
            since = insister.guarded_since(self._start) or self._start
        until = now if interface == self._step.guarded else insister.guarded_until(now)
        leaked = self._seen.departures.leaked(interface, since, until or 0.0)
        return sum(packet.length for packet in leaked)

    # what is not as it should be

    def _wrong_daemon(self) -> Iterator[str]:
        daemon = self._lab.daemons[-1]
        if self._step.guarded is None and (status := daemon.wait()):
            yield f"netswapd ended with status {status}"
        elif self._step.guarded is not None and not daemon.running:
            yield f"netswapd ended by itself, with status {daemon.wait()}"

    def _wrong_link(self) -> Iterator[str]:
        routes, wanted = self._lab.routes(), self._step.active
        active = routes[0].interface if routes else "no link"
        if active != wanted:
            yield f"{active} carries the traffic, not {wanted}"
        elif self._lab.name_servers()[:1] != [routes[0].gateway]:  # each ISP's router is both
            yield f"names are not asked of the name server of {wanted}"
        if self._step.swaps and self._before[:1] and self._before[0].interface == wanted:
            yield f"{wanted} carried the traffic before, too"

    def _wrong_guard(self) -> Iterator[str]:
        for interface, insister in self._seen.insisters.items():
            if insister.is_guarded() != (interface == self._step.guarded):
                yield f"{interface} is {'still' if insister.is_guarded() else 'not'} guarded"
        if self._step.guarded is None and not self._guarded_before:
            yield "no link had been guarded"

    def _wrong_connections(self) -> Iterator[str]:
        if len(self._ends or self._keeps) < HELD:
            yield "no connections could be made beforehand"
        if alive := sum(connection.ended is None for connection in self._ends):
            yield f"{alive} connections over {self._step.ends} were not told that they are over"
        if lost := sum(connection.ended is not None for connection in self._keeps):
            yield f"{lost} connections over {self._step.keeps} ended"
        if self._seen.users.offline_s(self._start) is None:
            yield "no new connection succeeds"

    def _wrong_end(self) -> Iterator[str]:
        if not all(connection.answers(timeout_s=2) for connection in self._keeps):
            yield f"connections over {self._step.keeps} do not work any more"
        if self._step.guarded is None and self._lab.routes() != self._seen.found:
            yield "the default routes are not as they were found"
