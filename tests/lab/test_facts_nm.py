"""The facts about NetworkManager that the design rests on; each test would notice one changing.

Measured on NetworkManager 1.42.4. The names D-Bus gives to things are in
https://networkmanager.dev/docs/api/latest/spec.html.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from signal import SIGKILL, SIGTERM

import pytest
from dbus_next.signature import Variant

from tests.lab.commands import holds, wait_until
from tests.lab.lab import Lab
from tests.lab.link import Link
from tests.lab.nmbus import DEVICE, NM, NM_PATH, NmBus, Settings, plain
from tests.lab.spec import CABLE, LabSpec, LinkSpec
from tests.lab.witness import HeldConnection, RouteWatch

FULL, LIMITED = 4, 3
"""NMConnectivityState."""

FOREVER_S = 2**31 - 1
NO_CHECK = 20000
"""NetworkManager adds it to the metric of a link whose connectivity check fails."""

SIX = LabSpec(links=(LinkSpec("cable0", ipv6=True), LinkSpec("tether0", ipv6=True)))
IMPATIENT = LabSpec(links=(CABLE, LinkSpec("tether0", dhcp_timeout_s=2)))
CHECKED = LabSpec(connectivity_check_s=1)

GUARD = (
    "table inet guard { chain out { type filter hook output priority 0; "
    "oifname tether0 reject; }; }"
)


@pytest.fixture
def nm(lab: Lab) -> Iterator[NmBus]:
    """Return a connection to the bus of the lab."""
    with NmBus() as bus:
        yield bus


@pytest.fixture
def cable(lab: Lab) -> Link:
    """Return the first link."""
    return lab.link("cable0")


@pytest.fixture
def tether(lab: Lab) -> Link:
    """Return the second link."""
    return lab.link("tether0")


def rank(metric: int, dns: bool = False) -> Settings:
    """Return the change of settings that gives a link this rank."""
    priority = {"dns-priority": Variant("i", metric)} if dns else {}
    return {"ipv4": {"route-metric": Variant("x", metric), **priority}}


def note(value: str) -> Settings:
    """Return the change of settings that leaves a note on the applied connection."""
    return {"user": {"data": Variant("a{ss}", {"netswap.note": value})}}


def requests(lab: Lab, link: Link) -> int:
    """Return how often the link's ISP was asked for a lease."""
    return lab.commands.log_of(link.spec.isp).read_text().count("DHCPREQUEST")


def has_address6(lab: Lab, link: Link) -> bool:
    """Tell whether the laptop has a usable global IPv6 address on the link."""
    look = lab.sh("ip", "-6", "-o", "addr", "show", "dev", link.name, "scope", "global")
    return "2001:db8:" in look and "tentative" not in look


def test_reapply_moves_the_default_route_at_once_and_leaves_the_profile(
    lab: Lab, nm: NmBus, tether: Link
) -> None:
    keyfile = Path("/etc/NetworkManager/system-connections/tether0.nmconnection")
    before = keyfile.read_bytes()
    with RouteWatch() as watch, HeldConnection(over=tether) as held:
        call_s = nm.reapply("tether0", rank(60))
        watch.wait_for("tether0", 1)
        assert held.answers()
        assert held.ended is None
    assert call_s < 0.5
    assert [active for _, active in watch.changes] == ["cable0", "tether0"]
    assert (tether.metrics(), nm.metrics("tether0")) == ([60], [60])
    assert keyfile.read_bytes() == before
    assert lab.nmcli("-g", "ipv4.route-metric", "connection", "show", "tether0") == "-1\n"


def test_connection_up_undoes_a_reapply(lab: Lab, nm: NmBus, tether: Link) -> None:
    nm.reapply("tether0", rank(60))
    wait_until(lambda: tether.metric() == 60, 2, "the metric is in the kernel")
    lab.nmcli("connection", "up", "tether0")
    wait_until(lambda: tether.metrics() == [101], 2, "NetworkManager's own metric is back")


def test_reapply_asks_for_the_lease_again(lab: Lab, nm: NmBus, tether: Link) -> None:
    before = requests(lab, tether)
    nm.reapply("tether0", rank(60))
    wait_until(lambda: requests(lab, tether) > before, 2, "a DHCP request")


@pytest.mark.lab(IMPATIENT)
def test_reapply_on_a_link_without_dhcp_server_loses_the_link(nm: NmBus, tether: Link) -> None:
    """Why a failed link is never reapplied; the default ipv4.dhcp-timeout makes it 45 s."""
    tether.stop_dhcp()
    nm.reapply("tether0", rank(200))
    assert tether.address() is not None
    wait_until(lambda: tether.address() is None, 15, "the address is lost")
    assert tether.metrics() == []
    tether.start_dhcp()
    wait_until(lambda: tether.metric() == 101, 30, "the link is back with the profile's metric")


@pytest.mark.lab(IMPATIENT)
def test_reapply_with_an_endless_dhcp_timeout_keeps_the_link(nm: NmBus, tether: Link) -> None:
    tether.stop_dhcp()
    changes = rank(200)
    changes["ipv4"]["dhcp-timeout"] = Variant("i", FOREVER_S)
    nm.reapply("tether0", changes)
    wait_until(lambda: tether.metrics() == [200], 2, "the metric is in the kernel")
    assert holds(lambda: tether.address() and tether.metrics() == [200], for_s=6)


@pytest.mark.lab(SIX)
def test_reapply_of_ipv4_costs_2_s_of_ipv6_and_no_more(lab: Lab, nm: NmBus, tether: Link) -> None:
    """Below 1.54 it switches the kernel's IPv6 off and on: routes are back in some ms, but the
    addresses are tentative until duplicate address detection is over."""
    wait_until(lambda: has_address6(lab, tether), 10, "a usable IPv6 address")
    nm.reapply("tether0", rank(60))
    wait_until(lambda: tether.metrics() == [60], 2, "the IPv4 route moves")
    wait_until(lambda: tether.metric6() == 101, 1, "the IPv6 route is back, where it was")
    wait_until(lambda: has_address6(lab, tether), 4, "the address is usable again")


@pytest.mark.lab(SIX)
def test_reapply_of_nothing_or_a_note_leaves_ipv6_alone(lab: Lab, nm: NmBus, tether: Link) -> None:
    wait_until(lambda: has_address6(lab, tether), 10, "a usable IPv6 address")
    nm.reapply("tether0", {})
    nm.reapply("tether0", note("here"))
    assert holds(lambda: tether.metric6() == 101 and has_address6(lab, tether), for_s=1)


@pytest.mark.lab(SIX)
def test_reapply_of_ipv6_moves_its_route_and_loses_it_for_a_while(
    lab: Lab, nm: NmBus, tether: Link
) -> None:
    """Why IPv6 is touched only on the link that takes over or steps down."""
    wait_until(lambda: has_address6(lab, tether), 10, "a usable IPv6 address")
    nm.reapply("tether0", {"ipv6": {"route-metric": Variant("x", 60)}})
    wait_until(lambda: not has_address6(lab, tether), 2, "the address is flushed")
    wait_until(lambda: tether.metric6() == 60, 10, "the route is back at the new metric")


def test_dns_follows_only_with_dns_priority(lab: Lab, nm: NmBus) -> None:
    nm.reapply("tether0", rank(60))
    wait_until(lambda: lab.active() == "tether0", 2, "the route moves")
    assert holds(lambda: lab.name_servers() == ["10.1.0.1", "10.2.0.1"], for_s=1)
    nm.reapply("tether0", rank(61, dns=True))
    wait_until(lambda: lab.name_servers() == ["10.2.0.1", "10.1.0.1"], 1, "DNS moves too")
    assert nm.ip4("tether0", "DnsPriority") == 61
    assert nm.ip4("cable0", "DnsPriority") == 100


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


def test_a_note_can_be_left_on_the_applied_connection(lab: Lab, nm: NmBus, tether: Link) -> None:
    before = requests(lab, tether)
    nm.reapply("tether0", note("one"))
    nm.reapply("tether0", note("two"))
    assert plain(nm.applied("tether0")[0]["user"]) == {"data": {"netswap.note": "two"}}
    nm.record(1)
    assert requests(lab, tether) == before, "it does not restart DHCP"
    settings, version = nm.applied("tether0")
    del settings["user"]
    nm.call(nm.device("tether0"), DEVICE, "Reapply", "a{sa{sv}}tu", settings, version, 0)
    assert "user" not in nm.applied("tether0")[0]
    nm.reapply("tether0", note("three"))
    lab.nmcli("connection", "up", "tether0")
    assert "user" not in nm.applied("tether0")[0]
