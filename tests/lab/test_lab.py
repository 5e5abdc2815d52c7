"""The lab itself: what its helpers say is what happens."""

from __future__ import annotations

import socket
import threading

import pytest

from tests.lab.commands import holds, wait_until
from tests.lab.lab import Lab
from tests.lab.link import Link
from tests.lab.spec import CABLE, TARGETS, TARGETS6, TETHER, LabSpec, LinkSpec


def echoes(link: Link, target: str = TARGETS[0], timeout_s: float = 0.3) -> bool:
    """Tell whether the internet echoes over this link, whichever is active."""
    family = socket.AF_INET6 if ":" in target else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as tcp:
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, link.name.encode())
        tcp.settimeout(timeout_s)
        try:
            tcp.connect((target, 7))
            tcp.sendall(b"hello")
            return tcp.recv(5) == b"hello"
        except OSError:
            return False


def pings(lab: Lab, link: Link) -> bool:
    """Tell whether the internet answers a ping over this link."""
    return " 0% packet loss" in lab.sh(
        "ping", "-c1", "-W1", "-I", link.name, TARGETS[0], check=False
    )


def shortest_ms(lab: Lab, link: Link) -> float:
    """Ping the internet over this link; return the shortest round trip."""
    lines = lab.sh("ping", "-q", "-c3", "-i0.2", "-I", link.name, TARGETS[0])
    return float(lines.partition("rtt min/avg/max/mdev = ")[2].partition("/")[0])


def test_both_links_have_leases_and_the_first_is_active(lab: Lab) -> None:
    cable, tether = lab.link("cable0"), lab.link("tether0")
    assert (cable.address() or "").startswith("10.1.0.")
    assert (tether.address() or "").startswith("10.2.0.")
    assert (cable.metric(), tether.metric()) == (100, 101)
    assert lab.active() == "cable0"
    assert cable.nm_state() == tether.nm_state() == "connected"
    assert lab.name_servers() == ["10.1.0.1", "10.2.0.1"]
    assert lab.ruleset() == ""


def test_the_internet_answers_over_both_links(lab: Lab) -> None:
    for link in lab.links.values():
        assert all(echoes(link, target) for target in TARGETS)
        assert pings(lab, link)


@pytest.mark.lab(LabSpec(links=(LinkSpec("cable0", ipv6=True), LinkSpec("tether0", ipv6=True))))
def test_the_internet_answers_over_both_links_by_ipv6(lab: Lab) -> None:
    for link in lab.links.values():
        assert link.metric6() == link.metric()
        wait_until(lambda: echoes(link, TARGETS6[0]), 5, "an echo once the address is usable")  # noqa: B023


def test_cut_is_silent_and_only_behind_the_isp(lab: Lab) -> None:
    cable, tether = lab.link("cable0"), lab.link("tether0")
    cable.cut()
    assert not echoes(cable)
    assert not pings(lab, cable)
    assert echoes(tether)
    assert cable.carrier()
    assert cable.nm_state() == "connected"
    assert socket.gethostbyname("who.test") == "10.1.0.1"
    cable.heal()
    assert echoes(cable)
    assert pings(lab, cable)


def test_name_server_of_an_isp_ignores_customers_of_another(lab: Lab) -> None:
    ask = ("dig", "+short", "+time=1", "+tries=1", "@10.1.0.1", "who.test")
    assert lab.sh(*ask) == "10.1.0.1\n"
    lab.sh("ip", "route", "add", "10.1.0.1/32", "via", "10.2.0.1")
    lab.sh("ping", "-c1", "-W1", "10.1.0.1")  # the way is there
    for transport in ("+notcp", "+tcp"):
        assert "no servers could be reached" in lab.sh(*ask, transport, check=False)


def test_cut_icmp_leaves_the_rest(lab: Lab) -> None:
    cable = lab.link("cable0")
    cable.cut_icmp()
    assert not pings(lab, cable)
    assert echoes(cable)


def test_lose_drops_some(lab: Lab) -> None:
    cable = lab.link("cable0")
    cable.lose(50)
    arguments = ("-c", "100", "-i", "0.002", "-W", "1", "-I", "cable0", TARGETS[0])
    lines = lab.sh("ping", "-q", *arguments, check=False)
    lost = float(lines.split("% packet loss")[0].split()[-1])
    assert 20 < lost < 80


def test_pull_takes_the_carrier_and_plug_gives_it_back(lab: Lab) -> None:
    cable = lab.link("cable0")
    cable.pull()
    wait_until(lambda: not cable.carrier(), 1, "no carrier")
    wait_until(lambda: cable.nm_state() == "unavailable", 10, "NetworkManager gives the link up")
    assert cable.address() is None
    assert lab.active() == "tether0"
    cable.plug()
    wait_until(cable.ready, 10, "the link is back")
    assert echoes(cable)


def test_stop_dhcp_leaves_the_link_without_an_address(lab: Lab) -> None:
    cable = lab.link("cable0")
    cable.stop_dhcp()
    lab.nmcli("device", "disconnect", "cable0")
    lab.nmcli("--wait", "0", "connection", "up", "cable0")
    wait_until(lambda: "connecting" in cable.nm_state(), 5, "NetworkManager asks for a lease")
    assert holds(lambda: cable.address() is None, for_s=1)
    cable.start_dhcp()
    wait_until(cable.ready, 20, "a lease")


@pytest.mark.lab(LabSpec(links=(CABLE, LinkSpec("tether0", has_dhcp=False))))
def test_a_link_may_come_up_without_any_address(lab: Lab) -> None:
    tether = lab.link("tether0")
    assert tether.address() is None
    assert tether.carrier()
    assert lab.active() == "cable0"


@pytest.mark.lab(LabSpec(links=(LinkSpec("cable0", has_internet=False), TETHER)))
def test_a_link_may_have_no_internet_from_the_start(lab: Lab) -> None:
    assert lab.active() == "cable0"
    assert not echoes(lab.link("cable0"))


def test_networkmanager_can_be_killed_and_started(lab: Lab) -> None:
    lab.restart_nm(9)
    assert lab.link("cable0").nm_state() == "connected"
    assert lab.active() == "cable0"


@pytest.mark.lab(LabSpec(connectivity_check_s=1))
def test_networkmanagers_own_connectivity_check_answers(lab: Lab) -> None:
    wait_until(lambda: lab.nmcli("networking", "connectivity") == "full\n", 5, "full connectivity")


@pytest.mark.lab(LabSpec(links=(LinkSpec("cable0", ipv6=True, rtt_ms=20), TETHER)))
def test_a_line_may_be_long(lab: Lab) -> None:
    cable = lab.link("cable0")
    assert shortest_ms(lab, cable) >= 20
    wait_until(lambda: echoes(cable, TARGETS6[0]), 5, "an echo by IPv6")
    cable.cut()
    assert not echoes(cable)
    cable.heal()
    assert echoes(cable)


@pytest.mark.lab(LabSpec(links=(LinkSpec("cable0", rtt_ms=20), TETHER)))
def test_a_long_line_carries_much(lab: Lab) -> None:
    """Frames longer than the cable allows, too: the kernel leaves the cutting to the card."""
    sent = bytes(range(256)) * 4096
    with socket.create_connection((TARGETS[0], 7)) as tcp, tcp.makefile("rb") as answers:
        sender = threading.Thread(target=tcp.sendall, args=(sent,))
        sender.start()
        assert answers.read(len(sent)) == sent
        sender.join()


@pytest.mark.lab(LabSpec(links=(LinkSpec("cable0", rtt_ms=20), TETHER)))
def test_a_long_line_can_be_pulled_out(lab: Lab) -> None:
    cable = lab.link("cable0")
    cable.pull()
    wait_until(lambda: not cable.carrier(), 1, "no carrier")
    assert not echoes(cable)
    cable.plug()
    wait_until(lambda: echoes(cable), 10, "the line carries again")
