"""Hours of simulated time on the real driver loop: nothing grows, nothing drifts, little is said.

All of netswapd is the real one, and so are kernel, nftables and the database of the history. Links
reply, but that the preferred one dies for 20 s every hour; NetworkManager does as it is told.
HOURS=24 for a day (`make long`), which takes minutes.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import subprocess
import tempfile
import tracemalloc
from pathlib import Path
from typing import cast

import pytest

from netswap import config
from netswap.adapters.bus import Bus
from netswap.config import Configuration
from netswap.daemon import recorder
from netswap.daemon.daemon import Daemon, Outside
from netswap.history.outages import outages
from netswap.history.store import Reader
from netswap.history.timeline import timeline
from tests.long.loop import JumpingLoop
from tests.long.world import (
    BACKUP,
    METRICS,
    PREFERRED,
    TARGET,
    Network,
    ObedientBus,
    make_links,
    stands,
)

HOURS = int(os.environ.get("HOURS", "2"))
HOUR_S = 3600.0
WARM_UP_S = 1.5 * HOUR_S
OUTAGE_S, CALM_AFTER_S = 20.0, 120.0
BEGAN_S = 1_800_000_000.0
"""The time on the wall when the day begins."""
INTERVAL_S = 1.0
TICK_S = 0.001
GROWTH = 256 * 1024
"""What the bounded history may still take in after the warm-up, in bytes."""
LINES_PER_OUTAGE = 16
OFTEN_S, SELDOM_S = 7.0, 15.0
"""Garbage is collected at least so often, in an outage and at rest."""
CONFIG = f"""
[probe]
targets = ["{TARGET}"]
interval_s = {INTERVAL_S}
standby_interval_s = {INTERVAL_S}
"""


class Lines(logging.Handler):
    """Counts what is logged."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.count = 0

    def emit(self, record: logging.LogRecord) -> None:
        record.getMessage()
        self.count += 1


class Day:
    """One run, and what was seen of it."""

    def __init__(self) -> None:
        self.loop = JumpingLoop()
        self.network = Network(self.loop)
        self.bus = ObedientBus()
        self.lines = Lines()
        self.memory: list[int] = []
        self.collections: list[int] = []
        """Full ones, of the garbage collector: only these empty the free lists of Python."""
        self.descriptors: list[int] = []

    def run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self.loop) as runner:
            runner.run(self._run())

    async def _run(self) -> None:
        daemon = Daemon(
            Configuration(config.parse(CONFIG)),
            outside=Outside(self._connect, self.network.prober, self._wall_s),
        )
        for hour in range(HOURS):
            self.loop.call_at(hour * HOUR_S + 1800, self.network.dead.add, PREFERRED)
            self.loop.call_at(hour * HOUR_S + 1800 + OUTAGE_S, self.network.dead.clear)
        self.loop.call_at(WARM_UP_S, self._look)
        self.loop.call_at(WARM_UP_S + OUTAGE_S, self._count_collections)
        self.loop.call_at(HOURS * HOUR_S - 1, self._look)
        self.loop.call_at(HOURS * HOUR_S, os.kill, os.getpid(), signal.SIGTERM)
        await daemon.run()

    def _wall_s(self) -> float:
        return BEGAN_S + self.loop.time()

    async def _connect(self) -> Bus:
        return cast(Bus, self.bus)

    def _count_collections(self) -> None:
        self.collections.append(gc.get_stats()[-1]["collections"])

    def _look(self) -> None:
        self._count_collections()
        gc.collect()
        self.memory.append(tracemalloc.get_traced_memory()[0] - self._own())
        self.descriptors.append(len(list(Path("/proc/self/fd").iterdir())))

    def _own(self) -> int:
        """Return what this test's own notes take."""
        notes = self.network.sent.values()
        return sum(times.__sizeof__() + len(times) * 24 for times in notes)


@pytest.fixture(scope="module")
def day() -> Day:
    make_links()
    for variable in ("STATE_DIRECTORY", "RUNTIME_DIRECTORY"):
        os.environ[variable] = tempfile.mkdtemp(dir="/run")  # a sandbox is left with its process
    logger = logging.getLogger()
    logger.setLevel(logging.INFO)
    tracemalloc.start()
    day = Day()
    logger.addHandler(day.lines)
    try:
        day.run()
    finally:
        logger.removeHandler(day.lines)
        tracemalloc.stop()
    return day


@pytest.mark.timeout(300 if HOURS <= 3 else 7200)
def test_nothing_grows_or_drifts_and_all_is_told_and_put_back(day: Day) -> None:
    memory, descriptors = day.memory, day.descriptors
    print(f"{HOURS} h: memory {memory}, descriptors {descriptors}, {day.lines.count} lines")
    assert memory[1] - memory[0] < GROWTH
    before, after, at_the_end = day.collections
    assert after - before > OUTAGE_S / OFTEN_S
    assert at_the_end - after > (HOURS * HOUR_S - WARM_UP_S) / SELDOM_S
    assert descriptors[0] == descriptors[1]
    assert HOURS * 4 <= day.lines.count <= 10 + HOURS * LINES_PER_OUTAGE
    assert_no_drift(day.network.sent[BACKUP], disturbed=False)
    assert_no_drift(day.network.sent[PREFERRED], disturbed=True)
    assert_all_is_in_the_history(probes=len(day.network.sent[BACKUP]))
    assert_all_is_as_it_was_found()


def assert_all_is_in_the_history(probes: int) -> None:
    """One outage an hour, what was done, and each probe of the backup."""
    with Reader(recorder.path()) as history:
        end_s = history.alive_s()
        line = timeline(history.facts(BEGAN_S), BEGAN_S, end_s, end_s)
        minutes = history.measured(BACKUP, BEGAN_S, end_s)
    found = outages(line, PREFERRED)
    assert [(outage.start_s - BEGAN_S) // HOUR_S for outage in found] == list(range(HOURS))
    assert {outage.done for outage in found} == {f"moved to {BACKUP}"}
    assert end_s == pytest.approx(BEGAN_S + HOURS * HOUR_S, abs=1)
    assert sum(minute.probes for minute in minutes) == probes


def assert_all_is_as_it_was_found() -> None:
    """No metric is another one, no table of netswap's is left."""
    assert {link: stands(link) for link in METRICS} == {link: {at} for link, at in METRICS.items()}
    assert subprocess.check_output(["nft", "list", "tables"]) == b""


def assert_no_drift(times: list[float], *, disturbed: bool) -> None:
    """The n-th probe leaves n intervals after the start, but for the outages, within a tick."""
    calm = [at_s for at_s in times if not (disturbed and is_disturbed(at_s))]
    assert all(abs(at_s - round(at_s / INTERVAL_S) * INTERVAL_S) < TICK_S for at_s in calm[1:])
    due = [n * INTERVAL_S for n in range(1, int(HOURS * HOUR_S / INTERVAL_S))]
    wanted = [at_s for at_s in due if not (disturbed and is_disturbed(at_s))]
    assert [round(at_s, 3) for at_s in calm if at_s > INTERVAL_S / 2][: len(wanted)] == wanted


def is_disturbed(at_s: float) -> bool:
    return 1800 <= at_s % HOUR_S <= 1800 + OUTAGE_S + CALM_AFTER_S
