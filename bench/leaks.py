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
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from signal import SIGTERM

from rich import box
from rich.console import Console
from rich.table import Table

from bench import behind, entry, report
from bench.guarded import GuardWatch, times
from bench.machine import machine
from bench.measure import WORST, Bar, Measure
from bench.outages import TIMEOUT_S, Outages
from bench.tally import LEAKED, LINK_KEEPING, NEARBY, PROBE, Guarded, Tally, tallies
from bench.wire import Wire
from tests.lab.commands import wait_until
from tests.lab.lab import Lab
from tests.lab.spec import CABLE, DUAL, TARGETS, TETHER
from tests.lab.witness import RouteWatch

SEED = 1
OUTAGES = 25
"""Two swaps each."""
LEARN_S = 3.0
"""How long is listened before there is any traffic: what pings then is netswapd."""
SHOWN = 20
PATH = Path("build/bench-leaks.json")
CONFIG = f"""\
[probe]
targets = ["{TARGETS[0]}"]
interval_s = 0.2
standby_interval_s = 0.2
[[link]]
name = "cable"
match = {{ interface = "{CABLE.name}" }}
[[link]]
name = "phone"
match = {{ interface = "{TETHER.name}" }}
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a trial gave."""

    times: list[Guarded]
    tallies: list[Tally]
    """One for each of these times."""
    swaps: int
    refused: int
    """Packets that the guard refused."""


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


def trial(lab: Lab, minutes: float, config: str) -> Outcome:
    """Run the whole trial, telling how far it is."""
    behind.build(lab)
    daemon = lab.netswapd(config)
    wait_until(lambda: lab.guarded() == {TETHER.name}, TIMEOUT_S, "the tether is guarded")
    wires = {name: Wire(link) for name, link in lab.links.items()}
    time.sleep(LEARN_S)
    probes = {packet.echo for wire in wires.values() for packet in wire.seen()}
    outages = Outages(lab, SEED)
    with RouteWatch() as routes, GuardWatch(daemon) as guard:
        guard.blocked.append((time.monotonic(), TETHER.name))
        with traffic(lab):
            for number in range(1, OUTAGES + 1):
                done = outages.one(minutes * 60 / OUTAGES)
                print(f"outage {number} of {OUTAGES}: {done}", flush=True)
                guard.read_log()
            over = time.monotonic()
    found: list[tuple[Guarded, Tally]] = []
    for name, wire in wires.items():
        wire.stop()
        spans = list(times(name, routes.changes[1:], guard.blocked, guard.unblocking, over))
        found += zip(spans, tallies(wire.seen(), spans, probes), strict=True)
    guarded, counted = zip(*found, strict=True)
    return Outcome([*guarded], [*counted], len(routes.changes) - 1, refused(lab))


def measures(outcome: Outcome) -> list[Measure]:
    """Return what is held to a bar, or should be known beside it."""
    leaked = Measure("leaked_bytes", "guarded: bytes leaked", "", 0, Bar(WORST, 0.0))
    gap = Measure("route_to_guard_ms", "kernel route → old link guarded", "ms", 1)
    before = Measure("before_guard_bytes", "bytes that left in that time", "", 0)
    leaked.values.extend(tally.size[LEAKED] for tally in outcome.tallies)
    swaps = [
        (span, tally)
        for span, tally in zip(outcome.times, outcome.tallies, strict=True)
        if span.moved < span.start
    ]
    gap.values.extend((span.start - span.moved) * 1000 for span, _ in swaps)
    before.values.extend(tally.before for _, tally in swaps)
    return [leaked, gap, before]


def kinds(tallied: Sequence[Tally]) -> dict[str, tuple[int, int]]:
    """Return packets and bytes of each kind that left by guarded links."""
    packets = sum((tally.packets for tally in tallied), Counter[str]())
    size = sum((tally.size for tally in tallied), Counter[str]())
    return {what: (packets[what], size[what]) for what in (*LINK_KEEPING, PROBE, NEARBY, LEAKED)}


def table(counted: dict[str, tuple[int, int]]) -> Table:
    """Return a table of them."""
    made = Table(box=box.SIMPLE_HEAD, padding=0, show_edge=False)
    made.add_column("left by a guarded link")
    for name in ("  packets", "    bytes"):
        made.add_column(name, justify="right")
    for what, (packets, size) in counted.items():
        made.add_row(what, str(packets), str(size))
    return made


def show(outcome: Outcome) -> None:
    """Print what came of it, and the first leaks if there are any."""
    guarded_s = sum(span.end - span.start for span in outcome.times)
    print(f"\n{outcome.swaps} swaps, links guarded for {guarded_s:.0f} s in all,", end=" ")
    print(f"{outcome.refused} packets refused\n")
    Console(highlight=False).print(table(kinds(outcome.tallies)))
    leaks = [
        f"{span.link}, {packet.at - span.start:.4f} s after its guard: {packet}"
        for span, tally in zip(outcome.times, outcome.tallies, strict=True)
        for packet in tally.leaks
    ]
    print(*leaks[:SHOWN], sep="\n")


def run(minutes: int) -> int:
    """Build the lab, measure, report; return the exit status."""
    where = machine()
    config = (
        CONFIG if "ALLOW_LAN" in os.environ else CONFIG.replace(" }\n", " }\nallow_lan = false\n")
    )
    with Lab(DUAL) as lab:
        try:
            outcome = trial(lab, minutes, config)
        except AssertionError:
            print(lab.dump())
            raise
    made = measures(outcome)
    report.show(made, where)
    show(outcome)
    about = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": where,
        "settings": {"minutes": minutes, "seed": SEED, "netswap.toml": config},
        "swaps": outcome.swaps,
        "refused": outcome.refused,
        "kinds": kinds(outcome.tallies),
        "guarded": [asdict(span) for span in outcome.times],
    }
    report.write(made, about, PATH)
    print(f"\nraw values: {PATH}")
    return 0


def main() -> int:
    """Enter the sandbox, unless inside already; return the exit status."""
    return entry.enter("bench.leaks", "MINUTES", 60, run)


if __name__ == "__main__":
    sys.exit(main())
