"""What NetworkManager tells its back-ends of the name servers: the facts that the design rests on.

Measured on NetworkManager 1.42.4, systemd-resolved 252 and dnsmasq 2.90.
"""

from __future__ import annotations

import time

import pytest

from netswap.adapters.nm import names
from tests.lab import resolving
from tests.lab.commands import holds, wait_until
from tests.lab.lab import Lab
from tests.lab.link import Link
from tests.lab.lookups import Lookups, look_up
from tests.lab.nmbus import NmBus
from tests.lab.nmsettings import rank
from tests.lab.spec import Dns, LabSpec
from tests.lab.test_dns import by
from tests.lab.witness import Capture

RESOLVED = pytest.mark.lab(LabSpec(dns="systemd-resolved"))


def servers(lab: Lab, link: Link) -> list[str]:
    """Return the name servers that systemd-resolved has for a link."""
    listing = lab.sh(resolving.program("bin/resolvectl"), "dns", link.name)
    return listing.partition(":")[2].split()


@by("systemd-resolved", "dnsmasq")
def test_links_of_the_same_priority_are_all_asked(
    lab: Lab, cable: Link, tether: Link, dns: Dns
) -> None:
    """The origin's complaint; NetworkManager gives them the same, whatever their metrics."""
    with Capture(cable) as preferred, Capture(tether) as backup:
        assert look_up("new.who.test").answer
        wait_until(lambda: preferred.of_kind("dns"), 2, "the cable's server is asked")
        wait_until(lambda: backup.of_kind("dns"), 2, "the tether's server is asked")


@RESOLVED
def test_resolved_has_no_servers_of_a_link_of_lower_priority(
    lab: Lab, nm: NmBus, cable: Link, tether: Link
) -> None:
    """NetworkManager takes them away. What was remembered from them goes, too."""
    nm.reapply("tether0", rank(200, dns=True))
    wait_until(lambda: servers(lab, tether) == [], 2, "the tether's server is forgotten")
    assert look_up("who.test").answer == "10.1.0.1"
    nm.reapply("tether0", rank(60, dns=True))
    wait_until(lambda: servers(lab, cable) == [], 2, "the cable's server is forgotten")
    assert servers(lab, tether) == ["10.2.0.1"]
    assert look_up("who.test").answer == "10.2.0.1"
    with Capture(cable) as wire:
        nm.reapply("tether0", rank(201, dns=True))
        wait_until(lambda: servers(lab, cable) == ["10.1.0.1"], 2, "the cable's server is back")
        assert look_up("who.test").answer == "10.1.0.1"
        wait_until(lambda: wire.of_kind("dns"), 2, "it is asked anew")


@pytest.mark.lab(LabSpec(dns="dnsmasq"))
def test_networkmanager_has_its_dnsmasq_forget_what_it_knew(lab: Lab, nm: NmBus) -> None:
    nm.reapply("tether0", rank(200, dns=True))
    wait_until(lambda: look_up("who.test").answer == "10.1.0.1", 2, "the cable's answer")
    nm.reapply("tether0", rank(60, dns=True))
    wait_until(lambda: look_up("who.test").answer == "10.2.0.1", 2, "the tether's answer")


def asked_by(nm: NmBus, name: str) -> set[int]:
    """Return the priorities of a link's name servers, as NetworkManager's DnsManager tells them."""
    found = nm.get(names.DNS_PATH, names.DNS, "Configuration")
    return {entry["priority"] for entry in found if entry.get("interface") == name}


@by("default", "systemd-resolved", "dnsmasq")
def test_name_servers_follow_with_the_route(lab: Lab, nm: NmBus, tether: Link, dns: Dns) -> None:
    """D2: when NetworkManager's DnsManager tells of the new rank, names are found so already."""
    nm.reapply("tether0", rank(200, dns=True))
    wait_until(lambda: asked_by(nm, "tether0") == {200}, 2, "the tether stands back")
    nm.reapply("tether0", rank(60, dns=True))
    wait_until(lambda: nm.ip4("tether0", "DnsPriority") == 60, 2, "NetworkManager tells of it")
    assert tether.metrics() == [60]
    wait_until(lambda: 60 in asked_by(nm, "tether0"), 1, "its DnsManager tells of it")
    assert look_up("who.test").answer == "10.2.0.1"


@pytest.mark.lab(LabSpec(dns="dnsmasq"))
def test_dnsmasq_does_not_ask_the_new_server_what_it_has_asked_the_old_one(
    lab: Lab, nm: NmBus, cable: Link
) -> None:
    """D5: not by itself, and not when the program is told to ask again."""
    nm.reapply("tether0", rank(200, dns=True))
    wait_until(lambda: look_up("who.test").answer == "10.1.0.1", 2, "the cable's server")
    cable.stop_dns()
    with Capture(cable) as wire, Lookups() as user:
        wait_until(lambda: wire.of_kind("dns"), 2, "a lookup waits")
        asked = time.monotonic()
        nm.reapply("tether0", rank(60, dns=True))
        wait_until(lambda: user.answered("A", asked), 2, "new ones are answered")
        lab.sh("ss", "-K", "dst", "127.0.0.1", "dport", "=", ":53")
        assert holds(lambda: user.waiting(until=asked), for_s=2)


def test_a_program_that_waits_for_a_name_server_asks_the_next_once_its_socket_is_ended(
    lab: Lab, cable: Link
) -> None:
    """glibc: else after 5 s (resolv.conf(5), timeout)."""
    cable.stop_dns()
    with Lookups() as user, Capture(cable) as wire:
        wait_until(lambda: wire.of_kind("dns"), 2, "a lookup waits")
        lab.sh("ss", "-K", "dport", "=", ":53")
        (first, *_) = wait_until(lambda: user.done, 3, "its end")
    assert first.answer in {"10.2.0.1", "2001:db8:2::1"}
