"""NetworkManager's own check, its restarts, links that come and go."""

from __future__ import annotations

import re
import signal
import time

import pytest

from netswap.core.model import PENALTY
from tests.lab.commands import holds, wait_until
from tests.lab.lab import Lab
from tests.lab.netswap_toml import NAMED, QUICK
from tests.lab.netswapd import Netswapd
from tests.lab.spec import CABLE, TETHER, LabSpec
from tests.lab.witness import NewConnections, RouteWatch

CHECKED = LabSpec(connectivity_check_s=5)


@pytest.mark.lab(CHECKED)
def test_networkmanagers_penalty_holds_up_neither_failover_nor_swap_back(lab: Lab) -> None:
    """A guarded standby fails NetworkManager's check and gets 20000 on top of its metric."""
    daemon = lab.netswapd(QUICK)
    daemon.wait_for("Blocking", 5)
    tether, cable = lab.link("tether0"), lab.link("cable0")
    wait_until(lambda: (tether.metric() or 0) > 20000, 30, "the guarded standby is penalised")
    with RouteWatch() as watch, NewConnections() as clicks:
        cable.cut()
        decided = daemon.wait_for("Changing default interface from cable0 to tether0", 5)
        assert watch.wait_for("tether0", 2) - decided < 1
        wait_until(lambda: (cable.metric() or 0) > 20000, 40, "the dead link is penalised")
        healed = time.monotonic()
        cable.heal()
        decided = daemon.wait_for(
            "Changing default interface from tether0 to cable0", 5, since=healed
        )
        back = watch.wait_for("cable0", 2, since=healed)
        assert back - decided < 1
        wait_until(lambda: cable.metric() == 100, 10, "the check is content again")
        assert holds(lambda: lab.active() == "cable0", for_s=2)
        # One that was made a moment before is an existing connection, and ended like the others.
        assert [t for t in clicks.failures(since=healed) if not t.start < back < t.end] == []


def penalised(lab: Lab) -> Netswapd:
    """Start; wait until the guarded standby has the penalty; have its ISP block the check."""
    daemon = lab.netswapd(QUICK)
    daemon.wait_for("Blocking", 5)
    tether = lab.link("tether0")
    wait_until(lambda: (tether.metric() or 0) > 20000, 30, "the guarded standby is penalised")
    time.sleep(8)  # all checks that were begun before are done
    port_80 = ("tcp", "dport", "80", "drop")
    lab.sh("nft", "add", "rule", "inet", "isp", "forward", *port_80, netns="isp-tether0")
    return daemon


@pytest.mark.lab(CHECKED)
def test_networkmanagers_check_need_not_pass_over_the_backup(lab: Lab) -> None:
    """Its penalty stays, and it finds after 20 s only that the dead link is dead."""
    found = unpenalised(lab)
    daemon = penalised(lab)
    tether, cable = lab.link("tether0"), lab.link("cable0")
    with NewConnections() as clicks:
        cable.cut()
        decided = daemon.wait_for("Changing default interface from cable0 to tether0", 5)
        daemon.wait_for("Blocking all packets via nftables to interface cable0", 1, since=decided)
        assert holds(lambda: lab.active() == "tether0", for_s=4)
        assert clicks.failures(since=decided + 1) == []
        assert tether.metrics() == [60, 20060]
        cable.heal()
        wait_until(lambda: lab.active() == "cable0", 5, "swap back")
    wait_until(lambda: tether.metrics() in ([200], [20200]), 5, "nothing of that is left")
    wait_until(lambda: cable.metrics() == [100], 15, "the check is content again")
    assert daemon.stop() == 0
    wait_until(lambda: unpenalised(lab) == found, 5, "all is as found")


def unpenalised(lab: Lab) -> list[int]:
    """Return the metrics of all routes, without NetworkManager's penalty, the lowest first."""
    return sorted(route.metric % PENALTY for route in lab.routes())


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGKILL])
def test_networkmanager_restarted_at_rest(lab: Lab, sig: signal.Signals) -> None:
    daemon = lab.netswapd(QUICK)
    daemon.wait_for("Blocking", 5)
    wait_until(lambda: lab.link("tether0").metrics() == [200], 3, "the tether stands by")
    lab.restart_nm(sig)
    daemon.wait_for("NetworkManager is back", 5)
    wait_until(lambda: lab.link("tether0").metrics() == [200], 5, "the tether stands by again")
    assert lab.active() == "cable0"
    assert not [line for line in daemon.lines if "is down" in line]
    lab.link("cable0").cut()
    wait_until(lambda: lab.active() == "tether0", 3, "failover still works")


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGKILL])
def test_networkmanager_restarted_during_an_outage(lab: Lab, sig: signal.Signals) -> None:
    lab.netswapd(QUICK).wait_for("Blocking", 5)
    lab.link("cable0").cut()
    wait_until(lambda: lab.link("tether0").metrics() == [60], 3, "failover")
    lab.restart_nm(sig)
    wait_until(lambda: lab.active() == "tether0", 5, "still on the backup")
    lab.link("cable0").heal()
    wait_until(lambda: lab.active() == "cable0", 5, "swap back")
    wait_until(lambda: lab.link("tether0").metrics() == [200], 5, "without a stale route")


def test_networkmanager_that_hangs_holds_no_failover_up(lab: Lab) -> None:
    daemon = lab.netswapd(QUICK)
    daemon.wait_for("Blocking", 5)
    wait_until(lambda: lab.link("tether0").metrics() == [200], 3, "the tether stands by")
    lab.services.signal_nm(signal.SIGSTOP)
    lab.link("cable0").cut()
    wait_until(lambda: lab.active() == "tether0", 3, "failover")
    assert lab.link("tether0").metrics() == [60, 200]
    with NewConnections() as clicks:
        wait_until(clicks.successes, 3, "new connections work")
    daemon.wait_for("Failed: Setting the metric of tether0: IPv4 60", 8)
    lab.services.signal_nm(signal.SIGCONT)
    wait_until(lambda: lab.link("tether0").metrics() == [60], 10, "NetworkManager makes it its own")
    assert lab.active() == "tether0"
    lab.link("cable0").heal()
    wait_until(lambda: lab.active() == "cable0", 5, "swap back")
    wait_until(lambda: lab.link("tether0").metrics() == [200], 5, "the tether stands by again")


def test_link_that_vanishes_and_comes_back(lab: Lab) -> None:
    daemon = lab.netswapd(NAMED)
    daemon.wait_for("Blocking", 5)
    lab.nmcli("device", "disconnect", "tether0")
    # NetworkManager takes connection and device from each other: in one go, or one by one.
    daemon.wait_for(re.compile(r"Link phone( \(tether0\))? is down"), 3)
    lab.nmcli("connection", "up", "tether0")
    daemon.wait_for("Link phone (tether0) is up", 15)
    wait_until(lambda: lab.link("tether0").metrics() == [200], 3, "the tether stands by again")


def test_renamed_interface_is_followed(lab: Lab) -> None:
    daemon = lab.netswapd(NAMED)
    daemon.wait_for("Blocking all packets via nftables to interface tether0", 5)
    for command in ("down", "name usb9", "up"):
        device = "tether0" if command != "up" else "usb9"
        lab.sh("ip", "link", "set", device, *command.split())
    daemon.wait_for("Pinger running on interface usb9", 20)
    daemon.wait_for("Blocking all packets via nftables to interface usb9", 10)
    assert "tether0" not in lab.guarded()


@pytest.mark.lab(LabSpec(links=(TETHER, CABLE)))
def test_with_no_file_ethernet_goes_before_what_is_metered(lab: Lab) -> None:
    daemon = lab.netswapd(QUICK)
    daemon.wait_for("Blocking all packets via nftables to interface tether0", 5)
    wait_until(lambda: lab.active() == "cable0", 3, "the cable is preferred")


def test_system_bus_restarted(lab: Lab) -> None:
    daemon = lab.netswapd(QUICK)
    daemon.wait_for("Blocking", 5)
    lab.services.stop_bus()
    daemon.wait_for("The system bus is gone", 3)
    lab.stop_nm()
    lab.services.start_bus()
    lab.start_nm()
    daemon.wait_for("Connected to the system bus again", 15)
    lab.link("cable0").cut()
    wait_until(lambda: lab.active() == "tether0", 5, "failover still works")
