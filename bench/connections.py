"""`make bench-connections`: when old connections are told of a swap, and new ones work after it.

`ROUNDS=30 make bench-connections` for more than 10 rounds. A round is two swaps: the upstream of
the cable dies silently, and heals. Before each, 50 connections of each kind are made that only
wait. Prints a table and writes build/bench-connections.json. The exit status tells whether all
could be measured, not whether it was good enough.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from bench import entry, report
from bench.daemon import decided_at
from bench.machine import machine
from bench.measure import WORST, Bar, Measure
from tests.lab.commands import NeverHappenedError, wait_until
from tests.lab.idle import KINDS, IdleConnections
from tests.lab.lab import Lab
from tests.lab.link import Link
from tests.lab.netswap_toml import QUICK
from tests.lab.netswapd import Netswapd
from tests.lab.spec import CABLE, DUAL, TETHER
from tests.lab.witness import NewConnections, RouteWatch

SEED = 1
EACH = 50
OFTEN_S = 0.005
PATIENCE_S = 0.9
"""When a new connection counts as failed; the kernel itself would try again after 1 s."""
TIMEOUT_S = 30.0
UNTOLD_S = 5.0
"""After this a connection counts as never told, as one told so late."""
PATH = Path("build/bench-connections.json")


def told(what: str) -> list[Measure]:
    """Return a measure for each kind of connection, in the order of `KINDS`."""
    key = what.replace(" ", "_")
    return [
        Measure(
            f"{key}_told_ms_{kind.name.lower().replace(' ', '_')}",
            f"{what}: {kind.name} told",
            "ms",
            1,
            Bar(WORST, 100.0),
        )
        for kind in KINDS
    ]


@dataclass(frozen=True, slots=True)
class Results:
    """All that is measured."""

    failover: list[Measure] = field(default_factory=lambda: told("failover"))
    back: list[Measure] = field(default_factory=lambda: told("swap back"))
    new: Measure = field(
        default_factory=lambda: Measure(
            "decision_to_new_ms", "decision → new connection", "ms", 1, Bar(WORST, 50.0)
        )
    )

    def __iter__(self) -> Iterator[Measure]:
        return iter([*self.failover, *self.back, self.new])


class Rounds:
    """Does rounds with a running daemon and keeps what they give."""

    def __init__(self, lab: Lab, daemon: Netswapd) -> None:
        self.results = Results()
        self._lab, self._daemon = lab, daemon
        self._users = NewConnections(interval_s=OFTEN_S, patience_s=PATIENCE_S)
        self._routes = RouteWatch()
        self._random = random.Random(SEED)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._stack.enter_context(self._users)
        self._stack.enter_context(self._routes)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def one(self) -> str:
        """Do one round; return it in a few words."""
        cable, tether = self._lab.link(CABLE.name), self._lab.link(TETHER.name)
        start = time.monotonic()
        self._swap(cable.cut, cable, tether, self.results.failover)
        decided = decided_at(self._daemon, tether.name, start)
        first = wait_until(lambda: self._users.successes(decided), TIMEOUT_S, "a new connection")
        self.results.new.values.append((min(a.end for a in first) - decided) * 1000)
        self._swap(cable.heal, tether, cable, self.results.back)
        return f"a new connection {self.results.new.values[-1]:.0f} ms after the decision"

    def _swap(
        self, act: Callable[[], None], left: Link, taken: Link, measures: list[Measure]
    ) -> None:
        """Make the daemon swap while many connections wait; note when each was told."""
        wait_until(left.leads6, TIMEOUT_S, f"IPv6 goes by {left.name}")
        time.sleep(self._random.random())  # so that it falls anywhere between two probes
        with IdleConnections(EACH) as connections:
            start = time.monotonic()
            act()
            moved = self._routes.wait_for(taken.name, TIMEOUT_S, start)
            wait_for_all(connections)
            for kind, measure in zip(KINDS, measures, strict=True):
                times = [t.at - moved for t in connections.told if t.kind == kind]
                times += [UNTOLD_S] * (EACH - len(times))
                measure.values.extend(at * 1000 for at in times)


def wait_for_all(connections: IdleConnections) -> None:
    """Wait until all were told, or for long enough."""
    try:
        wait_until(lambda: not connections.left, UNTOLD_S, "all are told")
    except NeverHappenedError:
        print(f"{connections.left} connections were never told", flush=True)


def run(rounds: int) -> int:
    """Build the lab, measure, report; return the exit status."""
    where = machine()
    with Lab(DUAL) as lab:
        try:
            daemon = lab.netswapd(QUICK)
            wait_until(lambda: lab.guarded() == {TETHER.name}, TIMEOUT_S, "the tether is guarded")
            with Rounds(lab, daemon) as running:
                for number in range(1, rounds + 1):
                    print(f"round {number} of {rounds}: {running.one()}", flush=True)
        except AssertionError:
            print(lab.dump())
            raise
    report.show(running.results, where)
    settings = {"rounds": rounds, "seed": SEED, "of each kind": EACH, "netswap.toml": QUICK}
    date = datetime.now(UTC).date().isoformat()
    report.write(running.results, {"date": date, "machine": where, "settings": settings}, PATH)
    print(f"\nraw values: {PATH}")
    return 0


def main() -> int:
    """Enter the sandbox, unless inside already; return the exit status."""
    return entry.enter("bench.connections", "ROUNDS", 10, run)


if __name__ == "__main__":
    sys.exit(main())
