"""A link that is used, sends and no longer receives is asked before its next probe is due."""

from __future__ import annotations

from tests.lab.commands import wait_until
from tests.lab.lab import Lab
from tests.lab.netswap_toml import QUICK
from tests.lab.witness import Capture, NewConnections, RouteWatch

RARE_S = 8.0
RARELY = QUICK.replace("0.2", f"{RARE_S:g}")


def test_an_outage_is_found_before_the_next_probe_would_find_it(lab: Lab) -> None:
    cable = lab.link("cable0")
    with Capture(cable) as wire, NewConnections(), RouteWatch() as routes:
        lab.netswapd(RARELY)
        wait_until(lambda: lab.guarded() == {"tether0"}, 5, "the tether is guarded")

        def probes() -> list[float]:
            return [packet.at for packet in wire.of_kind("echo")]

        known = len(probes())
        wait_until(lambda: len(probes()) >= known + 2, 3 * RARE_S, "two rounds have gone by")
        cable.cut()
        assert routes.wait_for("tether0", RARE_S) - probes()[known + 1] < RARE_S - 1
