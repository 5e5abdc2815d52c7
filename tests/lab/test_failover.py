"""The main job: an outage of the preferred link, and its end, on the real thing."""

from __future__ import annotations

import pytest

from tests.lab.commands import holds, wait_until
from tests.lab.lab import Lab
from tests.lab.netswap_toml import NAMED, QUICK
from tests.lab.spec import CABLE, LabSpec, LinkSpec
from tests.lab.witness import Capture, HeldConnection, NewConnections, RouteWatch

OVERTAKEN = LabSpec(links=(LinkSpec("tether0", metered=True), CABLE))
IMPATIENT = LabSpec(
    links=(LinkSpec("cable0", dhcp_timeout_s=3), LinkSpec("tether0", True, dhcp_timeout_s=3))
)


def start(lab: Lab, config: str = QUICK) -> None:
    """Start netswapd and wait until it has the cable up and the tether guarded."""
    daemon = lab.netswapd(config)
    daemon.wait_for("Blocking all packets via nftables to interface tether0", 5)
    wait_until(lambda: lab.link("tether0").metrics() == [200], 2, "the tether stands by")


def test_silent_outage_moves_everything_to_the_backup_and_back(lab: Lab) -> None:
    start(lab)
    with RouteWatch() as watch, NewConnections() as clicks, HeldConnection() as old:
        lab.link("cable0").cut()
        out = watch.wait_for("tether0", 3)
        wait_until(lambda: old.ended, 2, "the connection over the dead link is ended")
        wait_until(lambda: clicks.successes(out), 2, "new connections work")
        assert lab.name_servers()[0] == "10.2.0.1"

        with HeldConnection() as newer:
            lab.link("cable0").heal()
            back = watch.wait_for("cable0", 3, since=out)
            wait_until(lambda: newer.ended, 2, "the connection over the backup is ended")
        wait_until(lambda: clicks.successes(back), 2, "new connections work")
        assert list(clicks.failures(since=out + 0.5)) == []
        assert lab.name_servers()[0] == "10.1.0.1"
        assert [active for _, active in watch.changes] == ["cable0", "tether0", "cable0"]


def test_pulled_cable_does_not_wait_for_probes(lab: Lab) -> None:
    start(lab, QUICK.replace("0.2", "30"))
    with RouteWatch() as watch:
        lab.link("cable0").pull()
        watch.wait_for("tether0", 2)


def test_cable_put_back_is_preferred_again_though_networkmanager_numbers_it_last(lab: Lab) -> None:
    start(lab)
    lab.link("cable0").pull()
    wait_until(lambda: lab.link("cable0").metrics() == [], 9, "NetworkManager gives the cable up")
    lab.link("cable0").plug()
    wait_until(lambda: lab.active() == "cable0", 5, "the cable is active")
    wait_until(lambda: "tether0" in lab.guarded(), 2, "the tether is guarded again")


def test_one_lost_probe_moves_nothing(lab: Lab) -> None:
    daemon = lab.netswapd(QUICK.replace("0.2", "1"))
    daemon.wait_for("Blocking", 5)
    with Capture(lab.link("cable0")) as wire:
        lab.link("cable0").cut()
        wait_until(lambda: wire.of_kind("echo"), 3, "a probe that is lost")
    lab.link("cable0").heal()
    daemon.wait_for("Ping failure on cable0 (1/4)", 3)
    assert holds(lambda: lab.active() == "cable0", for_s=2.5)
    assert not [line for line in daemon.lines if "(4/4)" in line or "Changing" in line]


def test_with_both_links_dead_nothing_is_changed_and_it_says_so(lab: Lab) -> None:
    daemon = lab.netswapd(QUICK)
    daemon.wait_for("Blocking", 5)
    wait_until(lambda: lab.link("tether0").metrics() == [200], 2, "the tether stands by")
    lab.link("tether0").cut()
    daemon.wait_for("Link tether0 is down", 15)
    lab.link("cable0").cut()
    daemon.wait_for("No link works: staying on cable0, changing nothing", 3)
    assert holds(lambda: lab.active() == "cable0", for_s=1)
    lab.link("tether0").heal()
    wait_until(lambda: lab.active() == "tether0", 15, "the first that works again is used")


@pytest.mark.lab(LabSpec(links=(CABLE, LinkSpec("tether0", True, has_dhcp=False))))
def test_backup_without_address_is_no_place_to_go(lab: Lab) -> None:
    daemon = lab.netswapd(NAMED)
    daemon.wait_for("Link phone (tether0) is down: waiting for an address", 5)
    lab.link("cable0").cut()
    daemon.wait_for("No link works: staying on cable0", 3)
    assert lab.active() == "cable0"


@pytest.mark.lab(OVERTAKEN)
def test_wrong_order_of_activation_is_put_right(lab: Lab) -> None:
    assert lab.active() == "tether0"
    start(lab, NAMED)
    assert lab.active() == "cable0"
    assert lab.link("cable0").metrics() == [101]


@pytest.mark.lab(IMPATIENT)
def test_dead_dhcp_server_does_not_cost_the_failed_link(lab: Lab) -> None:
    """A Reapply restarts DHCP, and NetworkManager would tear the link down: it must not be touched.

    The time-out here is 3 s instead of 45: the outage lasts longer than that.
    """
    start(lab)
    cable = lab.link("cable0")
    address = cable.address()
    cable.stop_dhcp()
    cable.cut()
    wait_until(lambda: lab.active() == "tether0", 3, "failover")
    assert holds(lambda: cable.address() == address and cable.metrics() == [100], for_s=8)
    cable.heal()
    wait_until(lambda: lab.active() == "cable0", 3, "swap back")
    assert cable.address() == address


@pytest.mark.lab(IMPATIENT)
def test_dead_dhcp_server_of_the_backup_does_not_cost_it_either(lab: Lab) -> None:
    start(lab)
    tether = lab.link("tether0")
    tether.stop_dhcp()
    lab.link("cable0").cut()
    wait_until(lambda: lab.active() == "tether0", 3, "failover")
    assert holds(lambda: tether.address() is not None and lab.active() == "tether0", for_s=8)


@pytest.mark.lab(IMPATIENT)
def test_swap_back_from_a_dead_backup_goes_below_it(lab: Lab) -> None:
    start(lab)
    lab.link("cable0").cut()
    wait_until(lambda: lab.link("tether0").metrics() == [60], 3, "takeover")
    lab.link("tether0").cut()
    lab.daemons[0].wait_for("Link tether0 is down", 3)
    lab.link("cable0").heal()
    wait_until(lambda: lab.active() == "cable0", 3, "swap back")
    wait_until(lambda: lab.link("cable0").metrics() == [59], 3, "the cable goes below it")
    assert lab.link("tether0").metrics() == [60]
    lab.link("tether0").heal()
    wait_until(lambda: lab.link("tether0").metrics() == [200], 15, "the tether stands by again")
    wait_until(lambda: lab.link("cable0").metrics() == [100], 3, "the cable rests again")


def test_metric_changed_by_somebody_else_is_put_back(lab: Lab) -> None:
    start(lab)
    lab.nmcli("device", "modify", "tether0", "ipv4.route-metric", "70")
    wait_until(lambda: lab.link("tether0").metrics() == [200], 3, "the tether stands by again")
    lab.nmcli("connection", "up", "tether0")
    wait_until(lambda: lab.link("tether0").metrics() == [200], 5, "so also after an activation")
    assert lab.active() == "cable0"
