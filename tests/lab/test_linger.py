"""With `linger_s`, connections over a backup that works finish after a swap back.

They go by the link they were made over. In the lab the ISP of another would not let them out: what
is answered has gone that way.
"""

from __future__ import annotations

import socket
import time
from collections import Counter
from dataclasses import replace

import pytest

from tests.lab.commands import holds, wait_until
from tests.lab.guest import GUEST, MASQUERADE, SNAT, add_guest, guest_goes_by, inside
from tests.lab.idle import KINDS, IdleConnections
from tests.lab.lab import Lab
from tests.lab.link import Link
from tests.lab.netswap_toml import QUICK
from tests.lab.netswapd import Netswapd
from tests.lab.spec import FILTERING, TARGETS, TARGETS6, LabSpec
from tests.lab.stream import Stream
from tests.lab.vpn import INSIDE, METRIC_50, Vpn, bare
from tests.lab.witness import Capture, HeldConnection

LONG_S = 300

V4_AND_BOTH = LabSpec(links=(replace(FILTERING.links[0], ipv6=False), FILTERING.links[1]))
DHCP6 = LabSpec(links=tuple(replace(link, dhcp6=True) for link in FILTERING.links))

EACH = 3


def start(lab: Lab, linger_s: float = LONG_S) -> Netswapd:
    """Wait for IPv6, start netswapd, and wait until the tether stands by."""
    wait_until(lambda: all(ready(link) for link in lab.links.values()), 10, "IPv6")
    daemon = lab.netswapd(f"{QUICK}[guard]\nlinger_s = {linger_s}\n")
    guarded(lab, "tether0")
    wait_until(lambda: lab.link("tether0").metrics() == [200], 5, "the tether stands by")
    return daemon


def ready(link: Link) -> bool:
    return link.ready() and (not link.spec.ipv6 or link.address6() is not None)


def guarded(lab: Lab, standby: str, *busy: HeldConnection) -> None:
    """Wait until only this link is guarded, using connections meanwhile."""

    def stands() -> bool:
        for connection in busy:
            connection.send()
        return lab.guarded() == {standby}

    wait_until(stands, 5, f"{standby} is guarded")


def fail_over(lab: Lab) -> None:
    """Cut the cable, and wait until everything goes by the tether."""
    tether = lab.link("tether0")
    lab.link("cable0").cut()
    guarded(lab, "cable0")
    wait_until(lambda: not tether.spec.ipv6 or (tether.leads6() and ready(tether)), 10, "IPv6")


def swap_back(lab: Lab, *busy: HeldConnection) -> None:
    """Heal the cable, and wait until traffic goes by it."""
    lab.link("cable0").heal()
    guarded(lab, "tether0", *busy)
    assert lab.active() == "cable0"


def policy(lab: Lab, *versions: str) -> list[str]:
    """Return the laptop's rules, and its routes in tables that these lead to."""
    found = []
    for version in versions or ("-4", "-6"):
        routes = lab.sh("ip", version, "route", "show", "table", "all").splitlines()
        found += lab.sh("ip", version, "rule").splitlines()
        found += [line for line in routes if " table " in line and " table local" not in line]
    return found


@pytest.mark.parametrize(
    "target",
    [
        pytest.param(TARGETS[0], id="IPv4", marks=pytest.mark.lab(FILTERING)),
        pytest.param(TARGETS6[0], id="SLAAC", marks=pytest.mark.lab(FILTERING)),
        pytest.param(TARGETS6[0], id="DHCPv6", marks=pytest.mark.lab(DHCP6)),
        pytest.param(
            TARGETS6[0], id="only the backup has IPv6", marks=pytest.mark.lab(V4_AND_BOTH)
        ),
    ],
)
def test_an_old_connection_finishes_over_its_own_link_and_a_new_one_is_refused(
    lab: Lab, cable: Link, tether: Link, target: str
) -> None:
    """IPv6 pauses until NetworkManager has put address and route of the tether back."""
    start(lab)
    fail_over(lab)
    with Capture(cable) as wire, HeldConnection(target) as old:
        swap_back(lab, old)
        wait_until(lambda: old.answers(2) or old.ended, 10, "the connection goes on")
        assert holds(lambda: old.answers(2), for_s=1)
        with pytest.raises((ConnectionRefusedError, PermissionError)):
            HeldConnection(target, over=tether)
        old.finish()
        wait_until(lambda: old.ended, 5, "the connection is finished")
        assert old.ended
        assert old.ended[1] == "EOF"
        assert [packet for packet in wire.packets if packet.source == old.address] == []


@pytest.mark.lab(FILTERING)
def test_when_its_time_is_over_every_connection_ends_and_nothing_is_left(lab: Lab) -> None:
    before = policy(lab)
    start(lab, linger_s=6)
    fail_over(lab)
    with IdleConnections(EACH) as connections:
        swap_back(lab)
        assert connections.left == EACH * len(KINDS)
        assert policy(lab) != before
        wait_until(lambda: connections.left == 0, 10, "their time is over")
        told = Counter((told.kind, told.error) for told in connections.told)
    assert told == {(kind, "ECONNABORTED"): EACH for kind in KINDS}
    wait_until(lambda: policy(lab) == before, 3, "nothing of it is left")


@pytest.mark.lab(FILTERING)
def test_a_connection_on_a_privacy_address_ends_at_once(lab: Lab, tether: Link) -> None:
    """NetworkManager takes such an address away for good: there is nothing to wait for."""
    tether.use_privacy()
    start(lab)
    fail_over(lab)
    address = wait_until(tether.privacy_address, 10, "a privacy address")
    with HeldConnection(TARGETS6[0]) as private, HeldConnection() as other:
        assert private.address == address
        swap_back(lab)
        wait_until(lambda: private.ended, 3, "its owner is told")
        assert other.answers(2)


@pytest.mark.lab(FILTERING)
def test_over_a_dead_link_nothing_lingers(lab: Lab, tether: Link) -> None:
    """Nor over one that dies meanwhile."""
    start(lab)
    with IdleConnections(EACH) as connections:
        fail_over(lab)
        wait_until(lambda: connections.left == 0, 5, "all are told")
    with IdleConnections(EACH) as connections:
        swap_back(lab)
        assert connections.left == EACH * len(KINDS)
        tether.cut()
        wait_until(lambda: connections.left == 0, 15, "all are told")


@pytest.mark.lab(FILTERING)
@pytest.mark.parametrize("nat", [MASQUERADE, SNAT])
def test_guests_follow_at_once_and_do_not_linger(lab: Lab, tether: Link, nat: str) -> None:
    """Those that somebody routes over the tether are refused, old ones too."""
    add_guest(lab, nat)
    start(lab)
    fail_over(lab)
    guest_goes_by(lab, tether, TARGETS[1])
    with inside(GUEST):
        stream, follows, stays = Stream(), HeldConnection(), HeldConnection(TARGETS[1])
    with stream, follows, stays, HeldConnection() as own, Capture(tether) as wire:
        wait_until(stream.answered, 2, "the stream flows")
        assert stays.answers(2)
        swap_back(lab)
        back = time.monotonic()
        wait_until(lambda: stream.answered(since=back), 2, "the stream goes on over the cable")
        for guests in (follows, stays):
            wait_until(lambda: told(guests), 2, "a guest's connection is ended")  # noqa: B023
        assert own.answers(2)
        assert [p for p in wire.leaked(back, TARGETS[:1]) if p.destination == TARGETS[1]] == []


def told(held: HeldConnection) -> bool:
    """Use a connection; tell whether it has ended, which a guest hears when it sends."""
    held.send()
    return held.ended is not None


@pytest.mark.lab(FILTERING)
def test_a_vpn_in_the_main_table_is_not_bypassed(lab: Lab, tether: Link) -> None:
    """Neither by what is new, nor bound to the tether's address, nor by what was lingering."""
    start(lab)
    before = policy(lab, "-4")
    fail_over(lab)
    with HeldConnection() as old, HeldConnection(TARGETS6[0]) as beside:
        swap_back(lab)
        assert policy(lab, "-4") != before
        Vpn(lab, options=METRIC_50)
        wait_until(lambda: policy(lab, "-4") == before, 5, "the VPN leads")
        with Capture(tether) as wire, HeldConnection() as new:
            assert new.address == INSIDE
            old.send()
            connect_from(old.address)
            assert holds(new.answers, for_s=1)
            wait_until(lambda: beside.answers(2), 10, "it has no IPv6: that lingers")
            assert [p for p in bare(wire) if ":" not in p.destination] == []


def connect_from(address: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as tcp:
        tcp.bind((address, 0))
        tcp.connect_ex((TARGETS[0], 7))


@pytest.mark.lab(FILTERING)
def test_a_stop_leaves_nothing_of_it(lab: Lab) -> None:
    before = policy(lab)
    daemon = start(lab)
    fail_over(lab)
    swap_back(lab)
    assert policy(lab) != before
    assert daemon.stop() == 0
    assert policy(lab) == before


@pytest.mark.lab(FILTERING)
def test_what_a_killed_one_left_goes_at_the_next_start(lab: Lab) -> None:
    before = policy(lab)
    daemon = start(lab)
    fail_over(lab)
    swap_back(lab)
    daemon.kill()
    assert policy(lab) != before
    start(lab)
    assert policy(lab) == before
