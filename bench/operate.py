"""What an owner notices beside outages: netswapctl, the hook, and a backup activated again."""

from __future__ import annotations

import time

from bench.daemon import netswapctl
from bench.measure import Results
from tests.lab.commands import holds, wait_until
from tests.lab.hook import run_hook
from tests.lab.lab import Lab
from tests.lab.netswapd import Netswapd
from tests.lab.spec import CABLE, TETHER
from tests.lab.witness import RouteWatch

TIMES = 15


def measure(lab: Lab, daemon: Netswapd, results: Results) -> None:
    """Measure with a daemon that is at rest; afterwards it is stopped."""
    results.status.values.extend(_status_s() for _ in range(TIMES))
    results.hook_up.values.extend(run_hook(TETHER.name, "pre-up") * 1000 for _ in range(TIMES))
    results.again.values.extend(_activate_again_ms(lab) for _ in range(TIMES))
    results.memory.values.append(daemon.rss_kb() / 1000)
    daemon.stop()
    results.hook_down.values.extend(run_hook(TETHER.name, "pre-up") * 1000 for _ in range(TIMES))


def _status_s() -> float:
    began = time.monotonic()
    netswapctl("status")
    return time.monotonic() - began


def _activate_again_ms(lab: Lab) -> float:
    """Return how long the backup is the default route because NetworkManager activated it.

    Its profile's metric, 70, takes it before the cable, which went below that the last time and
    must be above it again. 0 if it was put right before anybody could see it.
    """
    lab.nmcli("device", "modify", CABLE.name, "ipv4.route-metric", "100")
    tether = lab.link(TETHER.name)
    wait_until(lambda: tether.metrics() == [200], 5, "the tether stands by")
    assert holds(lambda: tether.metrics() == [200], for_s=1.2)
    with RouteWatch() as watch:
        lab.nmcli("connection", "up", TETHER.name)
        wait_until(lambda: tether.metrics() == [200], 5, "the tether stands by again")
        wrong = watch.became(TETHER.name)
        return (watch.wait_for(CABLE.name, 5, since=wrong) - wrong) * 1000 if wrong else 0.0
