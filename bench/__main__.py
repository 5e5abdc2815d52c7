"""`make bench`: measure netswapd in the lab, 20 ms from the internet, with its default settings.

`ROUNDS=30 make bench` for more than 10 rounds.

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
from tests.lab.netswapd import Netswapd
from tests.lab.spec import TARGETS, far

SEED = 1
IDLE_PERIODS = 3
RTT_MS = 20
DEFAULTS = f"""\
[probe]
targets = ["{TARGETS[0]}", "{TARGETS[1]}"]
"""
"""The default targets are not in the lab's internet; all else is as it comes."""
BOTH_OFTEN = DEFAULTS + "standby_interval_s = 1.0\n"
"""The metered backup is probed as often as the cable."""


def started(lab: Lab, config: str) -> Netswapd:
    """Start the daemon and wait until it guards the backup."""
    daemon = lab.netswapd(config)
    daemon.wait_for("Blocking all packets", TIMEOUT_S)
    return daemon


def measure(lab: Lab, rounds: int) -> Results:
    """Measure everything, telling how far it is."""
    results = Results()
    daemon = started(lab, BOTH_OFTEN)
    print(f"idle for {idle.WARM_UP_S + IDLE_PERIODS * idle.PERIOD_S:.0f} s", flush=True)
    idle.watch(daemon, results, IDLE_PERIODS)
    daemon.stop()
    daemon = started(lab, DEFAULTS)
    with Rounds(lab, daemon, results, SEED) as running:
        for number in range(1, rounds + 1):
            print(f"round {number} of {rounds}: {running.one()}", flush=True)
    operate.measure(lab, daemon, results)
    return results


def run(rounds: int) -> int:
    """Build the lab, measure, report; return the exit status."""
    where = machine()
    with Lab(far(CHEAP_BACKUP, RTT_MS)) as lab:
        install_hook()
        try:
            results = measure(lab, rounds)
        except AssertionError:
            print(lab.dump())
            raise
    report.show(results, where)
    settings = {
        "rounds": rounds,
        "seed": SEED,
        "links": idle.LINKS,
        "rtt_ms": RTT_MS,
        "netswap.toml": DEFAULTS,
        "netswap.toml while idle": BOTH_OFTEN,
    }
    date = datetime.now(UTC).date().isoformat()
    report.write(results, {"date": date, "machine": where, "settings": settings})
    print(f"\nraw values: {report.PATH}")
    return 0


def main() -> int:
    """Enter the sandbox, unless inside already; return the exit status."""
    return entry.enter("bench", "ROUNDS", 10, run)


if __name__ == "__main__":
    sys.exit(main())
