"""`make bench-leaks`: traffic of all kinds during 50 swaps, and what left by a guarded link.

`MINUTES=5 make bench-leaks` for less than an hour; `ALLOW_LAN=1 make bench-leaks` with multicast
let through, as it is by default. Prints two tables and writes build/bench-leaks.json. The exit
status tells whether all could be measured, not whether it was good enough.
"""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from signal import SIGTERM

from bench import behind, entry, report
from bench.guarded import GuardWatch
from bench.machine import machine
from bench.outages import TIMEOUT_S, Outages
from bench.outcome import Outcome
from bench.tally import Guarded, Tally, tallies
from bench.wire import Wire
from tests.lab.commands import wait_until
from tests.lab.lab import Lab
from tests.lab.netswap_toml import NAMED
from tests.lab.spec import DUAL, TETHER
from tests.lab.witness import RouteWatch

SEED = 1
OUTAGES = 25
"""Two swaps each."""
LEARN_S = 3.0
"""How long is listened before there is any traffic: what pings then is netswapd."""
PATH = Path("build/bench-leaks.json")


@contextmanager
def traffic(lab: Lab) -> Iterator[None]:
    """Have programs send by every way there is, on the laptop and behind it."""
    places = {"": ["any", *lab.links], behind.NAME: behind.addresses(lab)}
    for netns, ways in places.items():
        line = (sys.executable, "-m", "bench.traffic", *ways)
        lab.commands.start(f"traffic-{netns}", *line, netns=netns or None)
    yield
    for netns in places:
        lab.commands.stop(f"traffic-{netns}", SIGTERM)


def refused(lab: Lab) -> int:
    """Read how many packets the guard has refused."""
    listing = lab.sh("nft", "list", "counter", "inet", "netswap", "refused")
    return int(re.findall(r"packets (\d+)", listing)[0])


def learned(wires: Iterable[Wire]) -> set[str]:
    """Listen before there is any traffic; return what netswapd's probes are known by."""
    time.sleep(LEARN_S)
    return {packet.echo for wire in wires for packet in wire.seen()}


def trial(lab: Lab, minutes: int, config: str) -> Outcome:
    """Run the whole trial, telling how far it is."""
    behind.build(lab)
    daemon = lab.netswapd(config)
    wait_until(lambda: lab.guarded() == {TETHER.name}, TIMEOUT_S, "the tether is guarded")
    wires = [Wire(link) for link in lab.links.values()]
    probes = learned(wires)
    outages = Outages(lab, SEED)
    with RouteWatch() as routes, GuardWatch(daemon) as guard, traffic(lab):
        guard.blocked.append((time.monotonic(), TETHER.name))
        for number in range(1, OUTAGES + 1):
            done = outages.one(minutes * 60 / OUTAGES)
            print(f"outage {number} of {OUTAGES}: {done}", flush=True)
            guard.read_log()
        over = time.monotonic()
    spans: list[tuple[Guarded, Tally]] = []
    for wire in wires:
        wire.stop()
        times = guard.times(wire.link, routes.changes[1:], over)
        spans += zip(times, tallies(wire.seen(), times, probes), strict=True)
    return Outcome(spans, len(routes.changes) - 1, refused(lab))


def run(minutes: int) -> int:
    """Build the lab, measure, report; return the exit status."""
    where = machine()
    allow_lan = "ALLOW_LAN" in os.environ
    config = NAMED if allow_lan else NAMED.replace(" }\n", " }\nallow_lan = false\n")
    with Lab(DUAL) as lab:
        try:
            outcome = trial(lab, minutes, config)
        except AssertionError:
            print(lab.dump())
            raise
    measures = outcome.measures(multicast_may_pass=allow_lan)
    report.show(measures, where)
    outcome.show()
    settings = {"minutes": minutes, "seed": SEED, "netswap.toml": config}
    date = datetime.now(UTC).date().isoformat()
    about = {"date": date, "machine": where, "settings": settings, **outcome.raw()}
    report.write(measures, about, PATH)
    print(f"\nraw values: {PATH}")
    return 0


def main() -> int:
    """Enter the sandbox, unless inside already; return the exit status."""
    return entry.enter("bench.leaks", "MINUTES", 60, run)


if __name__ == "__main__":
    sys.exit(main())
