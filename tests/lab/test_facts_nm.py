"""What a Reapply does in NetworkManager: the facts that the design rests on.

Each test would notice one changing.

Measured on NetworkManager 1.42.4. The names D-Bus gives to things are in
https://networkmanager.dev/docs/api/latest/spec.html.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from dbus_next.signature import Variant

from tests.lab.commands import holds, wait_until
from tests.lab.lab import Lab
from tests.lab.link import Link
from tests.lab.nmbus import DEVICE, NM, CallFailedError, NmBus, plain
from tests.lab.nmsettings import note, rank, requests
from tests.lab.spec import CABLE, LabSpec, LinkSpec
from tests.lab.witness import HeldConnection, RouteWatch

FOREVER_S = 2**31 - 1
SIX = LabSpec(links=(LinkSpec("cable0", ipv6=True), LinkSpec("tether0", ipv6=True)))
DHCP6 = LabSpec(links=(CABLE, LinkSpec("tether0", ipv6=True, dhcp6=True)))
IMPATIENT = LabSpec(links=(CABLE, LinkSpec("tether0", dhcp_timeout_s=2)))


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


def test_reapply_of_what_somebody_else_changed_meanwhile_is_refused(
    nm: NmBus, tether: Link
) -> None:
    settings, version = nm.applied("tether0")
    nm.reapply("tether0", rank(150))
    with pytest.raises(CallFailedError, match="VersionIdMismatch"):
        nm.call(nm.device("tether0"), DEVICE, "Reapply", "a{sa{sv}}tu", settings, version, 0)
    assert holds(lambda: tether.metrics() == [150], for_s=0.5)


def test_nmcli_cannot_edit_the_user_setting_of_a_profile(lab: Lab) -> None:
    """Why netswap's configuration is a file of its own."""
    with pytest.raises(AssertionError, match="user"):
        lab.nmcli("connection", "modify", "tether0", "user.data", "netswap.name=phone")


def test_reapply_removes_what_others_routed_over_the_link_but_not_what_bears_a_number_it_has_not(
    lab: Lab, nm: NmBus, tether: Link
) -> None:
    """N43."""

    def routed() -> list[str]:
        listed = lab.sh("ip", "-d", "route", "show", "dev", "tether0").splitlines()
        return [line.split()[1] for line in listed if "203.0.113." in line]

    for target, protocol in (("203.0.113.1", "boot"), ("203.0.113.2", "111")):
        route = f"{target} via 10.2.0.1 dev tether0 proto {protocol}"
        lab.sh("ip", "route", "add", *route.split())
    assert routed() == ["203.0.113.1", "203.0.113.2"]
    nm.reapply("tether0", rank(60))
    wait_until(lambda: routed() == ["203.0.113.2"], 2, "the route of `ip route add` is gone")
    lab.sh("ip", "route", "add", *["203.0.113.1", "via", "10.2.0.1", "dev", "tether0"])
    nm.reapply("tether0", {})
    wait_until(lambda: routed() == ["203.0.113.2"], 2, "it is gone again, though nothing changed")


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
    wait_until(tether.address6, 10, "a usable IPv6 address")
    nm.reapply("tether0", rank(60))
    wait_until(lambda: tether.metrics() == [60], 2, "the IPv4 route moves")
    wait_until(lambda: tether.metric6() == 101, 1, "the IPv6 route is back, where it was")
    wait_until(tether.address6, 4, "the address is usable again")


@pytest.mark.lab(SIX)
def test_reapply_of_nothing_or_a_note_leaves_ipv6_alone(lab: Lab, nm: NmBus, tether: Link) -> None:
    wait_until(tether.address6, 10, "a usable IPv6 address")
    nm.reapply("tether0", {})
    nm.reapply("tether0", note("here"))
    assert holds(lambda: tether.metric6() == 101 and tether.address6(), for_s=1)


@pytest.mark.lab(SIX)
def test_reapply_of_ipv6_moves_its_route_and_loses_it_for_a_while(
    lab: Lab, nm: NmBus, tether: Link
) -> None:
    """Why IPv6 is touched only on the link that takes over or steps down."""
    wait_until(tether.address6, 10, "a usable IPv6 address")
    nm.reapply("tether0", {"ipv6": {"route-metric": Variant("x", 60)}})
    wait_until(lambda: not tether.address6(), 2, "the address is flushed")
    wait_until(lambda: tether.metric6() == 60, 10, "the route is back at the new metric")


@pytest.mark.lab(SIX)
def test_reapply_of_ipv6_takes_a_privacy_address_away_for_good(
    lab: Lab, nm: NmBus, tether: Link
) -> None:
    tether.use_privacy()
    before = wait_until(tether.privacy_address, 10, "a privacy address")
    nm.reapply("tether0", {"ipv6": {"route-metric": Variant("x", 60)}})
    wait_until(lambda: tether.privacy_address() not in {None, before}, 10, "there is another one")
    assert before not in lab.sh("ip", "address", "show", "dev", "tether0")


@pytest.mark.lab(SIX)
def test_ipv6_is_back_when_no_address_is_seen_to_be_a_duplicate(
    lab: Lab, nm: NmBus, tether: Link
) -> None:
    """A rank takes 2 to 4 s of IPv6, a second or two for each of two addresses, one after the
    other. The default route is there in between. Without the detection it takes 0.2 s."""
    wait_until(tether.address6, 10, "a usable IPv6 address")
    nm.reapply("tether0", rank(60) | {"ipv6": {"route-metric": Variant("x", 60)}})
    wait_until(lambda: tether.metric6() == 60, 5, "the route is back")
    assert tether.address6() is None
    wait_until(tether.address6, 5, "the address is usable")

    lab.sh("sysctl", "-qw", "net.ipv6.conf.tether0.accept_dad=0")
    nm.reapply("tether0", rank(200) | {"ipv6": {"route-metric": Variant("x", 200)}})
    wait_until(lambda: tether.metric6() == 200, 5, "the route is back")
    wait_until(tether.address6, 0.5, "the address comes with it")


@pytest.mark.lab(DHCP6)
def test_reapply_of_ipv6_keeps_the_dhcpv6_address_but_asks_for_no_lease_any_more(
    lab: Lab, nm: NmBus, tether: Link
) -> None:
    """So the address goes when the lease is over, unless the link is activated anew before."""

    def asked() -> int:
        log = lab.commands.log_of(tether.spec.isp).read_text()
        return log.count("DHCPSOLICIT") + log.count("DHCPRENEW")

    wait_until(tether.address6, 10, "a usable IPv6 address")
    before = asked()
    nm.reapply("tether0", {"ipv6": {"route-metric": Variant("x", 60)}})
    wait_until(lambda: tether.metric6() == 60 and tether.address6(), 10, "IPv6 is back")
    assert holds(lambda: asked() == before, for_s=3)
    lab.nmcli("connection", "up", "tether0")
    wait_until(lambda: asked() > before, 10, "a new activation asks")


@pytest.mark.lab(SIX)
def test_reapply_of_ipv6_hides_the_address_on_the_bus_for_a_while(
    lab: Lab, nm: NmBus, tether: Link
) -> None:
    """Why the addresses of a link are remembered for 5 s: connections are still on them."""
    wait_until(tether.address6, 10, "a usable IPv6 address")
    nm.reapply("tether0", {"ipv6": {"route-metric": Variant("x", 60)}})

    def told() -> list[bool]:
        nm.record(0.05)
        told6 = [c.values for c in nm.changes if c.interface == f"{NM}.IP6Config"]
        addresses = [values["AddressData"] for values in told6 if "AddressData" in values]
        return [any(a["address"].startswith("2001:") for a in known) for known in addresses]

    wait_until(lambda: False in told(), 2, "the bus tells of no global address")
    wait_until(lambda: told()[-1], 5, "the bus tells of it again")


def test_dns_follows_only_with_dns_priority(lab: Lab, nm: NmBus) -> None:
    nm.reapply("tether0", rank(60))
    wait_until(lambda: lab.active() == "tether0", 2, "the route moves")
    assert holds(lambda: lab.name_servers() == ["10.1.0.1", "10.2.0.1"], for_s=1)
    nm.reapply("tether0", rank(61, dns=True))
    wait_until(lambda: lab.name_servers() == ["10.2.0.1", "10.1.0.1"], 1, "DNS moves too")
    assert nm.ip4("tether0", "DnsPriority") == 61
    assert nm.ip4("cable0", "DnsPriority") == 100


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


def test_reapply_right_after_a_lease_loses_its_renewal_until_the_next_reapply_of_nothing(
    lab: Lab, nm: NmBus, tether: Link
) -> None:
    """NM 1.42: a lease of the same second looks like the one before, and nothing is committed."""

    def renews() -> bool:
        return "%tether0:68" in lab.sh("ss", "-Hunap")

    def lost() -> bool:
        lab.nmcli("connection", "up", "tether0")
        wait_until(tether.ready4, 10, "the tether has its address")
        nm.reapply("tether0", rank(201))
        return not holds(renews, for_s=0.5) and not renews()

    assert any(lost() for _ in range(12)), "the reason for netswapd's follow-up is gone"
    nm.reapply("tether0", {})
    wait_until(renews, 1, "the socket is back")
