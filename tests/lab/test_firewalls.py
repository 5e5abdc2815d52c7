"""Other firewalls beside the guard: reloaded and restarted while it stands, both stand."""

from __future__ import annotations

import time
from contextlib import ExitStack, closing

import pytest

from tests.lab.commands import wait_until
from tests.lab.firewalls import Docker, Firewall, Firewalld, Nftables, Ufw
from tests.lab.lab import Lab
from tests.lab.link import Link
from tests.lab.netswap_toml import QUICK
from tests.lab.spec import TARGETS
from tests.lab.witness import Capture, NewConnections, RouteWatch


@pytest.mark.parametrize("kind", [Nftables, Firewalld, Ufw, Docker])
def test_guard_and_firewall_both_stand_whatever_is_restarted(
    lab: Lab, cable: Link, tether: Link, kind: type[Firewall]
) -> None:
    with closing(kind(lab)) as firewall, Capture(tether) as wire, ExitStack() as streams:
        firewall.start()
        daemon = lab.netswapd(QUICK)
        daemon.wait_for("Blocking all packets via nftables to interface tether0", 5)
        wait_until(lambda: lab.guarded() == {"tether0"}, 3, "the tether is guarded")
        guarded = time.monotonic()
        leaks = [streams.enter_context(stream) for stream in firewall.leaks()]
        assert firewall.stands()
        for disturb in firewall.disturbances():
            disturb()
            assert lab.guarded() == {"tether0"}
            assert firewall.stands()
        assert leaks[0].refused > 10
        assert wire.leaked(since=guarded, probed=TARGETS[:1]) == []
        streams.close()

        with NewConnections(TARGETS[1]) as clicks, RouteWatch() as watch:
            cable.cut()
            out = watch.wait_for("tether0", 3)
            wait_until(lambda: clicks.successes(out), 3, "new connections work")
            cable.heal()
            back = watch.wait_for("cable0", 3, since=out)
            wait_until(lambda: clicks.successes(back), 3, "new connections work")
            wait_until(lambda: lab.guarded() == {"tether0"}, 3, "the tether is guarded again")
            assert firewall.stands()
