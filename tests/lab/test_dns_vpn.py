"""Split DNS: the names of a company go to its own name server, through its tunnel, all the time."""

from __future__ import annotations

import pytest

from tests.lab.commands import wait_until
from tests.lab.lab import Lab
from tests.lab.link import Link
from tests.lab.lookups import Lookups, look_up
from tests.lab.netswap_toml import QUICK
from tests.lab.spec import Dns, LinkSpec
from tests.lab.test_dns import CABLES, TETHERS, by, revive, silence
from tests.lab.topology import dnsmasq
from tests.lab.witness import Capture, RouteWatch

VPN = LinkSpec("vpn0", has_dhcp=False)
SERVER, HERE, INTRANET = "10.9.0.1", "10.9.0.2/24", "10.9.0.80"

PROFILE = f"""
ipv4.method manual ipv4.addresses {HERE} ipv4.never-default yes
ipv4.dns {SERVER} ipv4.dns-search ~corp.test ipv4.dns-priority 50 ipv6.method disabled
"""
"""A split tunnel; 50 is what NetworkManager itself gives to VPNs."""


@pytest.fixture
def vpn(lab: Lab) -> Link:
    """Bring up a tunnel; in its stead, a cable to the company."""
    company = VPN.isp
    lab.sh("ip", "netns", "add", company)
    lab.sh("ip", "link", "add", VPN.name, "type", "veth", "peer", "name", "lan", "netns", company)
    lab.sh("ip", "-n", company, "address", "add", f"{SERVER}/24", "dev", "lan")
    lab.sh("ip", "-n", company, "link", "set", "lan", "up")
    names = [*dnsmasq(VPN, 9), f"--address=/corp.test/{INTRANET}"]
    lab.commands.start(company, *names, netns=company)
    add = ("connection", "add", "type", "ethernet", "ifname", VPN.name, "con-name", VPN.name)
    lab.nmcli(*add, *PROFILE.split())
    return Link(VPN, lab.commands)


def of_company(name: str) -> bool:
    """Tell whether a name is one of the company's."""
    return name.endswith("corp.test")


@by("systemd-resolved", "dnsmasq")
def test_company_names_stay_in_the_tunnel_before_during_and_after_a_swap(
    lab: Lab, cable: Link, vpn: Link, dns: Dns
) -> None:
    def others(answers: dict[str, str]) -> bool:
        return look_up("who.test").answer == answers["A"]

    lab.netswapd(QUICK)
    wait_until(lambda: "tether0" in lab.guarded(), 5, "the tether stands by")
    wait_until(lambda: look_up("corp.test").answer == INTRANET, 5, "the tunnel is up")
    with (
        Capture(vpn) as tunnel,
        Capture(cable) as preferred,
        Capture(lab.link("tether0")) as backup,
        RouteWatch() as watch,
        Lookups("corp.test") as user,
    ):
        wait_until(lambda: others(CABLES), 5, "other names are asked of the cable's server")
        silence(cable)
        out = watch.wait_for("tether0", 3)
        wait_until(lambda: others(TETHERS), 5, "other names are asked of the tether's server")
        revive(cable)
        back = watch.wait_for("cable0", 3, since=out)
        wait_until(lambda: others(CABLES), 5, "other names are asked of the cable's server")
        wait_until(lambda: user.answered("A", since=back + 0.5), 5, "lookups after the swap back")
    assert {lookup.answer for lookup in user.of("A")} == {INTRANET}
    assert {of_company(packet.name) for packet in tunnel.of_kind("dns")} == {True}
    for wire in (preferred, backup):
        assert {of_company(packet.name) for packet in wire.of_kind("dns")} == {False}
