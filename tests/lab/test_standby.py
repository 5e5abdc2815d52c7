"""A guarded standby carries nothing of the user's, and stays alive all the same."""

from __future__ import annotations

import socket

import pytest

from tests.lab.commands import holds, wait_until
from tests.lab.lab import Lab
from tests.lab.link import Link
from tests.lab.netswap_toml import QUICK
from tests.lab.spec import TARGETS, LabSpec, LinkSpec
from tests.lab.witness import Capture

DUAL = LabSpec(links=(LinkSpec("cable0", ipv6=True), LinkSpec("tether0", True, ipv6=True)))
SHORT_LEASE = LabSpec(links=(LinkSpec("cable0"), LinkSpec("tether0", True, lease_s=120)))


def start(lab: Lab) -> float:
    """Start netswapd; return when the tether was ranked, and guarded, as standby."""
    daemon = lab.netswapd(QUICK)
    at = daemon.wait_for("Blocking all packets via nftables to interface tether0", 5)
    wait_until(lambda: lab.link("tether0").metrics() == [200], 3, "the tether stands by")
    return at


def try_all(link: Link, target: str) -> dict[str, str]:
    """Try TCP and UDP over a link; return how each was refused."""
    family = socket.AF_INET6 if ":" in target else socket.AF_INET
    refused = {}
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, link.name.encode())
            probe.settimeout(2)
            try:
                probe.connect((target, 7))
                probe.send(b"leak")
                probe.recv(1)
            except OSError as error:
                refused[kind.name] = type(error).__name__
    return refused


@pytest.mark.lab(DUAL)
def test_nothing_leaks_over_the_standby_and_refusals_are_answers(lab: Lab, tether: Link) -> None:
    wait_until(lambda: tether.metric6() is not None, 10, "IPv6")
    with Capture(tether) as wire:
        guarded = start(lab)
        answers = {"SOCK_STREAM": "ConnectionRefusedError", "SOCK_DGRAM": "PermissionError"}
        assert try_all(tether, TARGETS[1]) == answers
        assert wire.leaked(since=guarded, probed=TARGETS[:1]) == []
        wait_until(lambda: wire.of_kind("echo", since=guarded), 2, "our own probes pass")


@pytest.mark.lab(DUAL)
def test_neighbour_discovery_passes_the_guard(lab: Lab, tether: Link) -> None:
    wait_until(lambda: tether.metric6() is not None, 10, "IPv6")
    with Capture(tether) as wire:
        guarded = start(lab)
        wait_until(lambda: tether.metric6() == 200, 10, "IPv6 stands by too")
        lab.sh("ip", "-6", "neigh", "flush", "dev", "tether0")
        lab.sh("ping", "-6", "-c1", "-W1", "-I", "tether0", "2001:db8:2::1", check=False)
        wait_until(lambda: wire.of_kind("ndp", since=guarded), 5, "neighbour discovery")
        assert holds(lambda: tether.metric6() is not None, for_s=1)
        assert wire.leaked(since=guarded) == []  # our ping to the router may pass


@pytest.mark.timeout(150)
@pytest.mark.lab(SHORT_LEASE)
def test_dhcp_renewal_passes_the_guard(lab: Lab, tether: Link) -> None:
    """A lease of 120 s is renewed after half of it, from a UDP socket that the guard sees."""
    with Capture(tether) as wire:
        start(lab)
        ranked = lab.daemons[0].log[-1][0] + 5  # the Reapply asks too, at once
        wait_until(lambda: wire.of_kind("dhcp4", since=ranked), 90, "a renewal")
        assert tether.address() is not None


def test_link_that_is_activated_again_is_ranked_and_keeps_renewing_its_lease(lab: Lab) -> None:
    """A Reapply within a second of the lease has NM 1.42 forget to renew it, mostly."""
    start(lab)

    def renews() -> bool:
        return "%tether0:68" in lab.sh("ss", "-Hunap")

    for _ in range(3):
        lab.nmcli("connection", "up", "tether0")
        wait_until(lambda: lab.link("tether0").metrics() == [200], 3, "the tether stands by")
        assert holds(lambda: True, for_s=1.5)
        wait_until(renews, 2, "NetworkManager has its socket for renewals")
