"""What an idle netswapd costs: both links up, nothing happens, one probe a second on each."""

from __future__ import annotations

import time

from bench.daemon import cost
from bench.measure import Results
from tests.lab.netswapd import Netswapd

LINKS = 2
WARM_UP_S = 5.0
PERIOD_S = 20.0


def watch(daemon: Netswapd, results: Results, periods: int) -> None:
    """Watch for so many periods of 20 s."""
    time.sleep(WARM_UP_S)
    for _ in range(periods):
        before = cost(daemon.pid)
        time.sleep(PERIOD_S)
        after = cost(daemon.pid)
        elapsed_s = after.at_s - before.at_s
        cpu_s = after.cpu_s - before.cpu_s
        results.cpu.values.append(cpu_s / elapsed_s * 3600 / LINKS)
        results.wakeups.values.append((after.wakeups - before.wakeups) / elapsed_s)
    results.memory.values.append(daemon.rss_kb() / 1000)
