"""`make bench-history`: what the history costs, and how big it gets.

Prints a table. The exit status tells whether all could be measured, not whether it was good enough:
that is beside each number. Bytes per year: 30 days are written, the growth of the last ten, when
as many minutes go as come, is taken for the rest of the year.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench import entry, past
from bench.daemon import cost
from netswap.core.model import Condition, LinkSnapshot, Override, Role, Snapshot, State
from netswap.core.settings import LinkSettings, Match, Settings
from netswap.daemon.recent import Wall
from netswap.daemon.recorder import Recorder
from netswap.daemon.usage import Usage
from tests.lab.lab import Lab
from tests.lab.spec import TARGETS

CONFIG = f"""\
[probe]
targets = ["{TARGETS[0]}", "{TARGETS[1]}"]
standby_interval_s = 1.0
"""
"""The defaults, but that both links are probed once a second."""
IDLE_S = 60.0
MINUTES = 200
DAYS, LAST_DAYS = 30, 10


def snapshot() -> Snapshot:
    """Return two links at rest, as the engine would tell of them."""
    links = tuple(
        LinkSnapshot(
            name=name, ifname=name, connection=name, kind="ethernet", metered=False,
            role=Role.ACTIVE, state=State.UP, touchable=True, reason="it replies", since_s=1.0,
            rtt_s=0.01, last_reply_s=1.0, sent=60, lost=0, loss=0.0, guarded=False, metric4=100,
            metric6=None,
        )
        for name in ("cable0", "tether0")
    )  # fmt: skip
    return Snapshot(1.0, "cable0", Condition.PREFERRED, "", 1.0, Override(), True, links)


async def minutes_cpu_s(count: int) -> float:
    """Return the CPU time, all threads, that the history of a minute of two links at rest takes."""
    links = tuple(
        LinkSettings(name, Match(interface=name), data_cap="5 GB") for name in ("cable0", "tether0")
    )
    settings = Settings(link=links)
    wall = Wall()
    usage = Usage(lambda: settings, lambda _: None, wall.today)
    times_s = {name: [0.01 + i / 1e5 for i in range(60)] for name in ("cable0", "tether0")}
    recorder = Recorder(snapshot, lambda: times_s, usage, wall)
    recorder.start()
    recorder.look(snapshot())
    await asyncio.sleep(0.5)
    before_s = time.process_time()
    for _ in range(count):
        for _ in range(6):
            recorder.measure()
        recorder.end_minute()
        await asyncio.sleep(0.02)  # one transaction each, as in life
    spent_s = time.process_time() - before_s
    recorder.close()
    return spent_s / count


def idle_cpu_s() -> float:
    """Return the CPU time that an idle netswapd takes in a minute, the history's own in it."""
    with Lab() as lab:
        daemon = lab.netswapd(CONFIG)
        daemon.wait_for("Blocking all packets", 20)
        time.sleep(5)
        before = cost(daemon.pid)
        time.sleep(IDLE_S)
        after = cost(daemon.pid)
    return (after.cpu_s - before.cpu_s) / (after.at_s - before.at_s) * 60


def sizes(path: Path) -> tuple[int, int]:
    """Write 30 days; return the bytes then, and those of a year."""
    now_s = time.time()
    past.fill(path, DAYS - LAST_DAYS, now_s - LAST_DAYS * past.DAY_S)
    before = path.stat().st_size
    past.fill(path, LAST_DAYS, now_s)
    after = path.stat().st_size
    return after, after + (after - before) * (365 - DAYS) // LAST_DAYS


def took_s(database: Path, *options: str | Path) -> float:
    """Return how long a report over 30 days takes, the best of three."""
    command = [sys.executable, "-m", "netswap.cli.main", "report", "--database", database, *options]
    found = []
    for _ in range(3):
        began_s = time.monotonic()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        found.append(time.monotonic() - began_s)
    return min(found)


def show(rows: Sequence[tuple[str, float, float, str]]) -> None:
    """Print each number with the most it may be."""
    for name, value, most, unit in rows:
        print(f"{name:<52} {value:8.2f} {'✓' if value <= most else '✗'} ≤ {most:g} {unit}")


def run(count: int) -> int:
    """Measure and print; return the exit status."""
    own_s = asyncio.run(minutes_cpu_s(count))
    idle_s = idle_cpu_s()
    with tempfile.TemporaryDirectory() as folder:
        database, html = Path(folder) / "history.db", Path(folder) / "report.html"
        month, year = sizes(database)
        text_s, html_s = took_s(database), took_s(database, "--html", html)
        html_kb = html.stat().st_size / 1000
    print(f"CPU time of a minute: {own_s * 1000:.1f} ms of {idle_s * 1000:.0f} ms, two links idle")
    show([
        ("history: share of the CPU time of an idle netswapd", own_s / idle_s * 100, 10, "%"),
        ("history: database after 30 days, two links", month / 1e6, 20, "MB"),
        ("history: database after a year, two links", year / 1e6, 20, "MB"),
        ("report over 30 days, as text", text_s, 2, "s"),
        ("report over 30 days, as HTML", html_s, 2, "s"),
        ("report over 30 days, size of the HTML", html_kb, 300, "kB"),
    ])  # fmt: skip
    return 0


def main() -> int:
    """Enter the sandbox, unless inside already; return the exit status."""
    return entry.enter("bench.history", "MINUTES", MINUTES, run)


if __name__ == "__main__":
    sys.exit(main())
