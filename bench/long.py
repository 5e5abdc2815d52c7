"""`make bench-long`: hours of a real netswapd, with an outage every five minutes.

`MINUTES=30 make bench-long` for less than two hours, `SLOT_S=20` for an outage every 20 s. Before
that come some minutes of outages one after the other, until all that netswapd remembers, but not
for ever, is full, and Python's heap has got as large as it is to be: memory that grows from then on
is lost. Each minute its resident memory and its descriptors are read. What it sends to its first
target is captured at the ISP's side: the times between two probes tell whether its schedule holds.
Prints a table, writes build/bench-long.json.
"""

from __future__ import annotations

import itertools
import os
import statistics
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench import entry, report
from bench.daemon import netswapctl
from bench.machine import machine
from bench.measure import WORST, Bar, Measure
from bench.outages import TIMEOUT_S, Outages
from bench.wire import Wire
from netswap.daemon.recent import KEPT
from tests.lab.commands import wait_until
from tests.lab.lab import Lab
from tests.lab.netswapd import Netswapd
from tests.lab.spec import CABLE, DUAL, TARGETS, TETHER

SEED = 1
SLOT_S = float(os.environ.get("SLOT_S", "300"))
QUICK_S = 8.0
"""For one outage while the memory is filled."""
STEADY = 60
"""After so many outages without growth in a row it is full."""
STEADY_SLOTS = 6
"""Likewise, of those that take SLOT_S."""
MOST = 300
"""After so many it is full, too, or there is a leak, which shows."""
SAMPLE_S = 60.0
INTERVAL_S = 1.0
"""Of the probes, by default. Gaps that differ by a tenth are outages and their ends."""
CONFIG = f"""\
[probe]
targets = ["{TARGETS[0]}"]
standby_interval_s = 1.0
[damping]
stay_s = 0
suppress = 1000
"""
"""The defaults, but with one target, and links that may fail as often as they do."""
PATH = Path("build/bench-long.json")


class Samples(threading.Thread):
    """Reads what the daemon holds, once a minute until told to end."""

    def __init__(self, daemon: Netswapd) -> None:
        super().__init__(daemon=True)
        self.rss_kb: list[float] = []
        self.descriptors: list[float] = []
        self.over = threading.Event()
        self._netswapd = daemon

    def run(self) -> None:
        """Sample."""
        while not self.over.wait(SAMPLE_S):
            self.rss_kb.append(self._netswapd.rss_kb())
            self.descriptors.append(len(list(Path(f"/proc/{self._netswapd.pid}/fd").iterdir())))


def growth(values: Sequence[float]) -> float:
    """Return how much the median of the last minutes is above that of the first ones."""
    part = max(1, len(values) // 6)
    return statistics.median(values[-part:]) - statistics.median(values[:part])


def intervals(wire: Wire) -> list[float]:
    """Return the seconds between two probes of one target, of those that follow the schedule."""
    probes = [packet for packet in wire.seen() if packet.kind == "echo"]
    known = Counter(packet.echo for packet in probes)
    times = [packet.at for packet in probes if packet.echo == known.most_common(1)[0][0]]
    gaps = (after - before for before, after in itertools.pairwise(times))
    return [gap for gap in gaps if abs(gap - INTERVAL_S) < INTERVAL_S / 10]


def settle(daemon: Netswapd, outage: Callable[[], str], steady: int, kept: int = 0) -> None:
    """Make outages until so many lines are kept, and so many in a row brought no growth."""
    sizes_kb = [daemon.rss_kb()]
    lines = 0
    while lines < kept or (
        len(sizes_kb) < MOST and max(sizes_kb) > max(sizes_kb[:-steady], default=0)
    ):
        outage()
        lines = len(netswapctl("log", "--json").splitlines())
        sizes_kb.append(daemon.rss_kb())
        print(f"filling: {lines} lines kept, {sizes_kb[-1]} kB resident", flush=True)


def fill(daemon: Netswapd, outages: Outages) -> None:
    """Make outages until netswapd has all the transitions that it keeps, and grows no more.

    Quick ones first, then such as will be measured: what an outage of a minute takes, none of a
    second ever took.
    """
    settle(daemon, lambda: outages.one(QUICK_S), STEADY, KEPT)
    settle(daemon, lambda: outages.one(SLOT_S), STEADY_SLOTS)


def trial(lab: Lab, minutes: int) -> list[Measure]:
    """Run for so long; return what was measured."""
    daemon = lab.netswapd(CONFIG)
    wait_until(lambda: lab.guarded() == {TETHER.name}, TIMEOUT_S, "the tether is guarded")
    outages = Outages(lab, SEED)
    fill(daemon, outages)
    logged = len(daemon.lines)
    wire, samples = Wire(lab.link(CABLE.name)), Samples(daemon)
    samples.start()
    end = time.monotonic() + minutes * 60
    for number in itertools.count(1):
        if time.monotonic() >= end:
            break
        done = outages.one(min(SLOT_S, end - time.monotonic()))
        print(f"outage {number}: {done}; {daemon.rss_kb()} kB resident", flush=True)
    samples.over.set()
    samples.join()
    wire.stop()
    gaps = intervals(wire)
    lines = (len(daemon.lines) - logged) / (minutes / 60)
    return [
        Measure("rss_kb", "resident memory", "kB", 0, values=samples.rss_kb),
        Measure(
            "rss_growth_kb",
            "resident memory: end - begin",
            "kB",
            0,
            Bar(WORST, 1024),
            [growth(samples.rss_kb)],
        ),
        Measure("descriptors", "open descriptors", "", 0, values=samples.descriptors),
        Measure(
            "descriptors_growth",
            "open descriptors: end - begin",
            "",
            0,
            Bar(WORST, 0),
            [growth(samples.descriptors)],
        ),
        Measure("probe_interval_s", "between two probes", "s", 4, values=gaps),
        Measure(
            "probe_drift_ms",
            "probe schedule: mean - 1 s",
            "ms",
            3,
            values=[(statistics.mean(gaps) - INTERVAL_S) * 1000],
        ),
        Measure("log_lines_per_h", "log lines in an hour", "", 0, values=[lines]),
    ]


def run(minutes: int) -> int:
    """Build the lab, measure, report; return the exit status."""
    where = machine()
    with Lab(DUAL) as lab:
        try:
            measures = trial(lab, minutes)
        except AssertionError:
            print(lab.dump())
            raise
    report.show(measures, where)
    date = datetime.now(UTC).date().isoformat()
    settings = {"minutes": minutes, "seed": SEED, "netswap.toml": CONFIG}
    report.write(measures, {"date": date, "machine": where, "settings": settings}, PATH)
    print(f"\nraw values: {PATH}")
    return 0


def main() -> int:
    """Enter the sandbox, unless inside already; return the exit status."""
    return entry.enter("bench.long", "MINUTES", 120, run)


if __name__ == "__main__":
    sys.exit(main())
