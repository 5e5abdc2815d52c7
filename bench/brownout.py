"""`make bench-brownout`: how soon the cable is left once it loses 40 % of all packets.

`ROUNDS=30 make bench-brownout` for more than 10 rounds, of some 80 s each: netswapd is started anew
and first sees for a minute that all is well. Default settings, 20 ms from the internet. Prints a
table, writes build/bench-brownout.json.
"""

from __future__ import annotations

import random
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from bench import entry, report
from bench.__main__ import DEFAULTS, RTT_MS, started
from bench.machine import machine
from bench.measure import WORST, Bar, Measure
from bench.rounds import TIMEOUT_S
from netswap.core.settings import ProbeSettings, QualitySettings
from tests.lab.hook import CHEAP_BACKUP
from tests.lab.lab import Lab
from tests.lab.spec import CABLE, TETHER, far
from tests.lab.witness import RouteWatch

LOSS = 40
CALM_S = QualitySettings().window * ProbeSettings().interval_s + 2
PATH = Path("build/bench-brownout.json")


def one(lab: Lab, routes: RouteWatch) -> float:
    """Do a round; return how long it took from the first lost packet to the kernel's route."""
    daemon, cable = started(lab, DEFAULTS), lab.link(CABLE.name)
    time.sleep(CALM_S + random.random())  # anywhere between two probes
    start = time.monotonic()
    cable.lose(LOSS)
    moved = routes.wait_for(TETHER.name, TIMEOUT_S, start)
    cable.heal()
    daemon.kill()  # a stop would keep the metric of the phone: the cable is not proven yet
    lab.nmcli("device", "reapply", TETHER.name)
    return moved - start


def run(rounds: int) -> int:
    """Build the lab, measure, report; return the exit status."""
    where = machine()
    bar = Bar(WORST, 15.0)
    found = Measure("brownout_s", f"{LOSS} % of packets lost → kernel route", "s", 1, bar)
    with Lab(far(CHEAP_BACKUP, RTT_MS)) as lab, RouteWatch() as routes:
        for number in range(1, rounds + 1):
            found.values.append(one(lab, routes))
            print(f"round {number} of {rounds}: after {found.values[-1]:.1f} s", flush=True)
    report.show([found], where)
    date = datetime.now(UTC).date().isoformat()
    settings = {"rounds": rounds, "rtt_ms": RTT_MS, "loss": LOSS, "netswap.toml": DEFAULTS}
    report.write([found], {"date": date, "machine": where, "settings": settings}, PATH)
    print(f"\nraw values: {PATH}")
    return 0


def main() -> int:
    """Enter the sandbox, unless inside already; return the exit status."""
    return entry.enter("bench.brownout", "ROUNDS", 10, run)


if __name__ == "__main__":
    sys.exit(main())
