"""What NetworkManager does when the world changes: carrier, activation, restart, its own check.

Measured on NetworkManager 1.42.4. See also test_facts_nm.py.
"""

from __future__ import annotations

import time
from pathlib import Path
from signal import SIGKILL, SIGTERM

import pytest

from tests.lab.commands import holds, wait_until
from tests.lab.lab import Lab
from tests.lab.link import Link
from tests.lab.nmbus import DEVICE, NM, NM_PATH, NmBus, plain
from tests.lab.nmsettings import note, rank, requests
from tests.lab.spec import TARGETS, LabSpec

FULL, LIMITED = 4, 3
"""NMConnectivityState."""

NO_CHECK = 20000
"""NetworkManager adds it to the metric of a link whose connectivity check fails."""

CHECKED = LabSpec(connectivity_check_s=1)
HOOKED = LabSpec(dispatcher=True)
SLOW_HOOK = """\
#!/bin/sh
echo begin >> /run/lab/hooks
sleep 0.3
echo end >> /run/lab/hooks
"""

GUARD = (
    "table inet guard { chain out { type filter hook output priority 0; "
    "oifname tether0 reject; }; }"
)


def test_carrier_is_told_at_once_and_the_route_kept_for_6_s(
    lab: Lab, nm: NmBus, cable: Link
) -> None:
    pulled = time.monotonic()
    cable.pull()
    nm.record(0.5)
    (loss,) = [change for change in nm.changes if change.values.get("Carrier") is False]
    assert loss.interface == f"{NM}.Device.Wired"
    assert loss.at - pulled < 0.2
    assert not [change for change in nm.changes if "State" in change.values]
    assert lab.active() == "cable0"
    wait_until(lambda: lab.active() == "tether0", 10, "NetworkManager removes the route")
    assert time.monotonic() - pulled > 5


def test_a_short_loss_of_carrier_keeps_the_runtime_metric(nm: NmBus, tether: Link) -> None:
    nm.reapply("tether0", rank(60))
    wait_until(lambda: tether.metric() == 60, 2, "the metric is in the kernel")
    tether.pull()
    nm.record(1)
    tether.plug()
    assert holds(lambda: tether.metrics() == [60], for_s=2)


def test_a_new_activation_loses_the_runtime_metric(nm: NmBus, tether: Link) -> None:
    nm.reapply("tether0", {**rank(60), **note("here")})
    wait_until(lambda: tether.metric() == 60, 2, "the metric is in the kernel")
    tether.pull()
    wait_until(lambda: tether.metric() is None, 10, "NetworkManager gives the link up")
    tether.plug()
    wait_until(lambda: tether.metrics() == [101], 5, "the profile's metric is back")
    assert "user" not in nm.applied("tether0")[0]


def test_links_of_one_type_are_numbered_in_the_order_of_activation(lab: Lab, cable: Link) -> None:
    cable.pull()
    wait_until(lambda: cable.metric() is None, 10, "NetworkManager gives the link up")
    cable.plug()
    wait_until(cable.ready, 5, "the preferred link is back")
    assert cable.metric() == 102
    assert lab.active() == "tether0"


@pytest.mark.lab(CHECKED)
def test_a_guarded_link_fails_the_connectivity_check_until_asked_again(
    lab: Lab, nm: NmBus, tether: Link
) -> None:
    """The trap: at takeover the default route stays on the dead link until the next check."""

    def state() -> int:
        return int(nm.get(nm.device("tether0"), DEVICE, "Ip4Connectivity"))

    wait_until(lambda: state() == FULL, 10, "the check succeeds")
    lab.sh("nft", GUARD)
    nm.call(NM_PATH, NM, "CheckConnectivity")
    wait_until(lambda: state() == LIMITED, 20, "the check fails")
    wait_until(lambda: tether.metrics() == [NO_CHECK + 101], 2, "the metric is raised")
    nm.reapply("tether0", rank(60))
    wait_until(lambda: tether.metrics() == [NO_CHECK + 60], 2, "and raised from a new one")
    assert nm.metrics("tether0") == [NO_CHECK + 60]
    assert lab.active() == "cable0"

    lab.sh("nft", "delete table inet guard")
    asked = time.monotonic()
    nm.call(NM_PATH, NM, "CheckConnectivity")
    wait_until(lambda: lab.active() == "tether0", 5, "the route moves once asked again")
    assert time.monotonic() - asked < 1


@pytest.mark.lab(CHECKED)
def test_the_connectivity_check_is_slow_to_see_a_cut(lab: Lab, cable: Link) -> None:
    wait_until(lambda: lab.nmcli("networking", "connectivity") == "full\n", 5, "it is on")
    cut = time.monotonic()
    cable.cut()
    wait_until(lambda: lab.active() == "tether0", 40, "NetworkManager moves the route")
    assert time.monotonic() - cut > 10
    assert cable.metrics() == [NO_CHECK + 100]


@pytest.mark.lab(HOOKED)
def test_dispatcher_scripts_run_one_at_a_time(lab: Lab, cable: Link, tether: Link) -> None:
    ran = Path("/run/lab/hooks")
    script = Path("/etc/NetworkManager/dispatcher.d/10-slow")
    script.parent.mkdir(parents=True, exist_ok=True)
    script.write_text(SLOW_HOOK)
    script.chmod(0o755)
    lab.nmcli("--wait", "0", "connection", "up", "cable0")
    lab.nmcli("--wait", "0", "connection", "up", "tether0")
    wait_until(lambda: ran.exists() and ran.read_text().count("end") >= 4, 10, "four runs")
    assert ran.read_text().startswith("begin\nend\n" * 4)


@pytest.mark.parametrize("rp_filter", [1, 2])
def test_a_strict_reverse_path_filter_loses_replies_over_what_is_no_default_route(
    lab: Lab, tether: Link, rp_filter: int
) -> None:
    lab.sh("sysctl", "-qw", f"net.ipv4.conf.tether0.rp_filter={rp_filter}")
    ping = ("ping", "-c", "1", "-W", "1", "-I", "tether0", TARGETS[0])
    answer = ", 0% packet loss" in lab.sh(*ping, check=False)
    assert answer == (rp_filter == 2)


@pytest.mark.parametrize("sig", [SIGTERM, SIGKILL])
def test_networkmanager_restarted_leaves_a_stale_route_until_a_reapply(
    lab: Lab, tether: Link, sig: int
) -> None:
    with NmBus() as nm:
        nm.reapply("tether0", {**rank(60), **note("here")})
        wait_until(lambda: tether.metrics() == [60], 2, "the metric is in the kernel")
    lab.restart_nm(sig)
    wait_until(lambda: tether.metrics() == [60, 101], 5, "both routes are there")
    with NmBus() as nm:
        assert nm.metrics("tether0") == [60, 101]
        assert not {"route-metric"} & plain(nm.applied("tether0")[0]["ipv4"]).keys()
        before = requests(lab, tether)
        nm.reapply("tether0", {})
        wait_until(lambda: tether.metrics() == [101], 2, "the stale route is gone")
        nm.record(1)
        assert requests(lab, tether) == before, "an unmodified Reapply leaves DHCP alone"
