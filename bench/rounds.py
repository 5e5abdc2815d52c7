"""Rounds in the lab: the upstream dies and heals, the cable is pulled and put back.

Times begin just before the command that makes the trouble, so they contain the 5 to 10 ms it takes.
"""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Self

from bench.daemon import decided_at, netswapctl
from bench.measure import Measure, Results
from netswap.core.settings import DampingSettings
from tests.lab.commands import wait_until
from tests.lab.lab import Lab
from tests.lab.lookups import look_up
from tests.lab.netswapd import Netswapd
from tests.lab.spec import CABLE, TETHER
from tests.lab.witness import HeldConnection, NewConnections, RouteWatch

PATIENCE_S = 0.9
"""When a new connection counts as failed; the kernel itself would try again after 1 s."""
EVERY_S = 0.049
"""How often one is begun: every 50 ms, but not in step with the probes."""
SEEN_S = 1.0
"""After this, every connection that was begun has succeeded or failed."""
TIMEOUT_S = 30.0


class Rounds:
    """Does rounds with a running daemon and keeps what they give."""

    def __init__(self, lab: Lab, daemon: Netswapd, results: Results, seed: int) -> None:
        self._cable, self._daemon, self._results = lab.link(CABLE.name), daemon, results
        self._users = NewConnections(interval_s=EVERY_S, patience_s=PATIENCE_S)
        self._routes = RouteWatch()
        self._random = random.Random(seed)
        self._names = itertools.count()
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._stack.enter_context(self._users)
        self._stack.enter_context(self._routes)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def one(self) -> str:
        """Do one round; return it in a few words."""
        results, users, cable = self._results, self._users, self._cable
        cut, _ = self._swap(cable.cut, TETHER.name, results.takeover)
        results.failover.values.append(users.offline_s(cut) or 0.0)
        self._rest()
        healed, back = self._swap(cable.heal, CABLE.name, results.returning)
        results.back.values.append(back - healed)
        self._count_failed(healed, back)

        pulled, moved = self._swap(cable.pull, TETHER.name, results.takeover)
        results.pulled.values.append(moved - pulled)
        results.pulled_offline.values.append(users.offline_s(pulled) or 0.0)
        self._rest()
        plugged, back = self._swap(cable.plug, CABLE.name, results.returning)
        self._count_failed(plugged, back)
        return (
            f"offline for {results.failover.values[-1]:.2f} s after the cut, "
            f"{results.pulled_offline.values[-1]:.3f} s after the pull; "
            f"{sum(results.back_failed.values[-2:]):.0f} connects failed in swaps back"
        )

    def _count_failed(self, since: float, moved: float) -> None:
        """Count what failed, and of that what was under way over the backup at the swap."""
        failures = self._users.failures(since)
        ended = sum(failure.start < moved <= failure.end for failure in failures)
        self._results.back_failed.values.append(len(failures))
        self._results.back_ended.values.append(ended)

    def _rest(self) -> None:
        """Be through with what the outage would have as consequences: it was one of many."""
        netswapctl("auto", "--now")
        time.sleep(DampingSettings().stay_s)

    def _swap(self, act: Callable[[], None], target: str, decision: Measure) -> tuple[float, float]:
        """Make the daemon swap; return when the trouble began and when the route had changed."""
        time.sleep(self._random.random())  # so that it falls anywhere between two probes
        with HeldConnection() as held:
            start = time.monotonic()
            act()
            moved = self._routes.wait_for(target, TIMEOUT_S, start)
            self._results.lookup.values.append((self._first_lookup() - moved) * 1000)
            ended, _ = wait_until(lambda: held.ended, TIMEOUT_S, "the end of an old connection")
        wait_until(lambda: self._users.successes(moved), TIMEOUT_S, "a new connection")
        time.sleep(SEEN_S)
        decided = decided_at(self._daemon, target, start)
        decision.values.append((moved - decided) * 1000)
        self._results.told.values.append((ended - moved) * 1000)
        return start, moved

    def _first_lookup(self) -> float:
        """Look up new names until one is found; return when."""
        while not (found := look_up(f"n{next(self._names)}.who.test")).answer:
            time.sleep(0.001)
        return found.end
