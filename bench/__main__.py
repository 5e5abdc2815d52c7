"""`make bench`: measure netswapd in the lab. `ROUNDS=30 make bench` for more than 10 rounds.

Prints a table and writes build/bench.json. The exit status tells whether all could be measured, not
whether it was good enough: that is beside each number.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime

from bench import entry, idle, operate, report
from bench.machine import machine
from bench.measure import Results
from bench.rounds import TIMEOUT_S, Rounds
from tests.lab.hook import CHEAP_BACKUP, install_hook
from tests.lab.lab import Lab
from tests.lab.spec import TARGETS

SEED = 1
IDLE_PERIODS = 3
CONFIG = f"""\
[probe]
targets = ["{TARGETS[0]}", "{TARGETS[1]}"]
standby_interval_s = 1.0
[damping]
stay_s = 0
suppress = 1000
"""
"""The defaults, but that both links are probed once a second, and may fail as often as they do."""


def measure(lab: Lab, rounds: int) -> Results:
    """Measure everything, telling how far it is."""
    results = Results()
    daemon = lab.netswapd(CONFIG)
    daemon.wait_for("Blocking all packets", TIMEOUT_S)
    print(f"idle for {idle.WARM_UP_S + IDLE_PERIODS * idle.PERIOD_S:.0f} s", flush=True)
    idle.watch(daemon, results, IDLE_PERIODS)
    with Rounds(lab, daemon, results, SEED) as running:
        for number in range(1, rounds + 1):
            print(f"round {number} of {rounds}: {running.one()}", flush=True)
    operate.measure(lab, daemon, results)
    return results


def run(rounds: int) -> int:
    """Build the lab, measure, report; return the exit status."""
    where = machine()
    with Lab(CHEAP_BACKUP) as lab:
        install_hook()
        try:
            results = measure(lab, rounds)
        except AssertionError:
            print(lab.dump())
            raise
    report.show(results, where)
    settings = {"rounds": rounds, "seed": SEED, "links": idle.LINKS, "netswap.toml": CONFIG}
    date = datetime.now(UTC).date().isoformat()
    report.write(results, {"date": date, "machine": where, "settings": settings})
    print(f"\nraw values: {report.PATH}")
    return 0


def main() -> int:
    """Enter the sandbox, unless inside already; return the exit status."""
    return entry.enter("bench", "ROUNDS", 10, run)


if __name__ == "__main__":
    sys.exit(main())
