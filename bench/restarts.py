"""`make bench-restarts`: how long after each kind of restart all is right again.

Prints a table and writes build/bench-restarts.json. The exit status tells whether all could be
measured, not whether it was good enough: that is beside each number.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from signal import SIGCONT, SIGKILL, SIGSTOP, SIGTERM

from bench import entry, report
from bench.machine import machine
from bench.measure import WORST, Bar, Measure
from bench.outages import TIMEOUT_S
from tests.lab.commands import wait_until
from tests.lab.lab import Lab
from tests.lab.netswap_toml import NAMED
from tests.lab.netswapd import Netswapd

PATH = Path("build/bench-restarts.json")
AWAY_S = 3.0
BAR = Bar(WORST, 2.0)


class Results:
    """What is measured: from the moment when all that died is back to the right state."""

    def __init__(self) -> None:
        self.killed = Measure("netswapd_killed_s", "netswapd kill -9, started", "s", 2, BAR)
        self.stopped = Measure("netswapd_restarted_s", "netswapd stopped, started", "s", 2, BAR)
        self.killed_in_outage = Measure(
            "killed_in_outage_s", "outage while killed, started", "s", 2, BAR
        )
        self.frozen = Measure("frozen_in_outage_s", "outage in SIGSTOP, SIGCONT", "s", 2, BAR)
        self.nm_stopped = Measure("nm_restarted_s", "NM stopped, answers again", "s", 2, BAR)
        self.nm_killed = Measure("nm_killed_s", "NM kill -9, answers again", "s", 2, BAR)
        self.bus = Measure("bus_restarted_s", "bus restarted, NM answers again", "s", 2, BAR)

    def __iter__(self) -> Iterator[Measure]:
        return iter(vars(self).values())


class Rounds:
    """Rounds of restarts."""

    def __init__(self, lab: Lab) -> None:
        self.results = Results()
        self._lab = lab
        self._daemon = self._started()
        self._wait_until(self._at_rest)

    def one(self) -> None:
        """Restart everything once."""
        self._measure(self.results.killed, self._daemon.kill, self._start)
        self._measure(self.results.stopped, self._daemon.stop, self._start)
        self._outage(self.results.killed_in_outage, self._daemon.kill, self._start)
        self._outage(self.results.frozen, self._freeze, self._thaw)
        lab, results = self._lab, self.results
        self._measure(results.nm_stopped, lambda: lab.stop_nm(SIGTERM), lab.start_nm, after=True)
        self._measure(results.nm_killed, lambda: lab.stop_nm(SIGKILL), lab.start_nm, after=True)
        self._measure(results.bus, self._stop_bus, self._start_bus, after=True)

    def _measure(
        self,
        measure: Measure,
        end: Callable[[], object],
        begin: Callable[[], object],
        *,
        after: bool = False,
    ) -> None:
        """End and begin something; time what follows its beginning, or what is `after` it."""
        end()
        began = time.monotonic()
        begin()
        began = time.monotonic() if after else began
        measure.values.append(self._wait_until(self._at_rest) - began)

    def _outage(
        self, measure: Measure, end: Callable[[], object], begin: Callable[[], object]
    ) -> None:
        """Let the link die while netswapd is away; time how long it takes to the backup."""
        cable = self._lab.link("cable0")
        end()
        cable.cut()
        time.sleep(AWAY_S)
        began = time.monotonic()
        begin()
        measure.values.append(self._wait_until(self._failed_over) - began)
        cable.heal()
        self._wait_until(self._at_rest)

    def _started(self) -> Netswapd:
        return self._lab.netswapd(NAMED)

    def _start(self) -> None:
        self._daemon = self._started()

    def _freeze(self) -> None:
        self._daemon.signal(SIGSTOP)

    def _thaw(self) -> None:
        self._daemon.signal(SIGCONT)

    def _stop_bus(self) -> None:
        self._lab.services.stop_bus()
        self._lab.stop_nm(SIGKILL)

    def _start_bus(self) -> None:
        self._lab.services.start_bus()
        self._lab.start_nm()

    def _at_rest(self) -> bool:
        return self._is("cable0", guarded="tether0", metric=200)

    def _failed_over(self) -> bool:
        return self._is("tether0", guarded="cable0", metric=60)

    def _is(self, active: str, *, guarded: str, metric: int) -> bool:
        lab = self._lab
        routes = lab.active() == active and lab.link("tether0").metrics() == [metric]
        return routes and lab.guarded() == {guarded}

    def _wait_until(self, right: Callable[[], bool]) -> float:
        """Wait until all is right, and stays so for a second; return since when it was."""
        since: list[float] = []

        def steady() -> bool:
            if not right():
                since.clear()
            elif not since:
                since.append(time.monotonic())
            return bool(since) and time.monotonic() - since[0] > 1

        wait_until(steady, TIMEOUT_S, "all is right again")
        return since[0]


def run(rounds: int) -> int:
    """Build the lab, measure, report; return the exit status."""
    where = machine()
    with Lab() as lab:
        try:
            running = Rounds(lab)
            for number in range(1, rounds + 1):
                print(f"round {number} of {rounds}", flush=True)
                running.one()
        except AssertionError:
            print(lab.dump())
            raise
    report.show(running.results, where)
    settings = {"rounds": rounds, "netswap.toml": NAMED}
    date = datetime.now(UTC).date().isoformat()
    report.write(running.results, {"date": date, "machine": where, "settings": settings}, PATH)
    print(f"\nraw values: {PATH}")
    return 0


def main() -> int:
    """Enter the sandbox, unless inside already; return the exit status."""
    return entry.enter("bench.restarts", "ROUNDS", 10, run)


if __name__ == "__main__":
    sys.exit(main())
