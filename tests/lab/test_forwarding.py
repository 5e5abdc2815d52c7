"""Containers, virtual machines and devices behind the laptop."""

from __future__ import annotations

import socket
import time

import pytest

from tests.lab.commands import holds, wait_until
from tests.lab.guest import GUEST, MASQUERADE, SNAT, add_guest, guest_goes_by, inside
from tests.lab.lab import Lab
from tests.lab.link import Link
from tests.lab.netswap_toml import QUICK
from tests.lab.spec import TARGETS, TARGETS6, LabSpec, LinkSpec
from tests.lab.stream import Stream
from tests.lab.witness import Capture, HeldConnection, RouteWatch

DUAL = LabSpec(links=(LinkSpec("cable0", ipv6=True), LinkSpec("tether0", True, ipv6=True)))


def start(lab: Lab) -> float:
    """Start netswapd; return when the tether was guarded."""
    daemon = lab.netswapd(QUICK)
    at = daemon.wait_for("Blocking all packets via nftables to interface tether0", 5)
    wait_until(lambda: lab.link("tether0").metrics() == [200], 3, "the tether stands by")
    return at


def refusal(kind: socket.SocketKind, target: str) -> str:
    """Try to get through from behind the laptop; return the error's name."""
    family = socket.AF_INET6 if ":" in target else socket.AF_INET
    with inside(GUEST):
        client = socket.socket(family, kind)
    with client:
        client.settimeout(5)
        try:
            client.connect((target, 7))
            client.send(b"leak")
            client.recv(1)
        except OSError as error:
            return type(error).__name__
    return "answered"


@pytest.mark.lab(DUAL)
def test_what_is_forwarded_over_the_standby_is_refused_at_once(lab: Lab, tether: Link) -> None:
    """Somebody routes the guests over the tether, both families."""
    add_guest(lab)
    with Capture(tether) as wire:
        guarded = start(lab)
        wait_until(lambda: tether.metric6() == 200, 10, "IPv6 stands by too")
        for family, guest, router in (
            ("-4", "10.77.0.2", "10.2.0.1"),
            ("-6", "2001:db8:77::2", "2001:db8:2::1"),
        ):
            route = f"default via {router} dev tether0 table 77".split()
            lab.sh("ip", family, "route", "add", *route)
            lab.sh("ip", family, "rule", "add", "from", guest, "lookup", "77")
        for target in (TARGETS[1], TARGETS6[1]):
            assert refusal(socket.SOCK_STREAM, target) == "ConnectionRefusedError"
            assert refusal(socket.SOCK_DGRAM, target) in {"PermissionError", "OSError"}
        assert wire.leaked(since=guarded, probed=TARGETS[:1]) == []


@pytest.mark.parametrize("nat", [MASQUERADE, SNAT])
def test_guests_follow_on_failover_and_swap_back(lab: Lab, nat: str) -> None:
    add_guest(lab, nat)
    start(lab)
    with inside(GUEST):
        stream, held = Stream(), HeldConnection()
    with RouteWatch() as watch, stream, held:
        wait_until(stream.answered, 2, "the stream flows")
        lab.link("cable0").cut()
        out = watch.wait_for("tether0", 3)
        wait_until(lambda: stream.answered(since=out), 2, "the stream goes on over the tether")
        wait_until(lambda: told(held), 2, "the connection over the dead link is ended")
        with inside(GUEST):
            newer = HeldConnection()
        with newer:
            lab.link("cable0").heal()
            back = watch.wait_for("cable0", 3, since=out)
            wait_until(lambda: stream.answered(since=back), 2, "the stream goes on over the cable")
            wait_until(lambda: told(newer), 2, "the connection over the tether is ended")


def told(held: HeldConnection) -> bool:
    """Use a connection; tell whether it has ended, which a guest hears when it sends."""
    held.send()
    return held.ended is not None


def test_only_what_the_link_that_steps_down_carried_is_forgotten(lab: Lab) -> None:
    add_guest(lab)
    guest_goes_by(lab, lab.link("tether0"), TARGETS[1])
    with inside(GUEST):
        stays, goes = HeldConnection(TARGETS[0]), HeldConnection(TARGETS[1])
    with stays, goes:
        assert stays.answers()
        assert goes.answers()
        start(lab)
        lab.daemons[0].wait_for("Forgot 1 forwarded connection of tether0", 3)
        wait_until(lambda: told(goes), 2, "the connection over the tether is ended")
        assert holds(stays.answers, for_s=1)


@pytest.mark.parametrize(("nat", "follows"), [(MASQUERADE, True), (SNAT, False)])
def test_fact_the_kernel_forgets_what_is_masqueraded_only(
    lab: Lab, nat: str, *, follows: bool
) -> None:
    """K12: where the route moves, a translation to a fixed address stays what it was."""
    add_guest(lab, nat)
    with inside(GUEST):
        stream = Stream()
    with stream:
        wait_until(stream.answered, 2, "the stream flows")
        lab.sh("ip", "route", "add", "default", "via", "10.2.0.1", "dev", "tether0", "metric", "9")
        moved = time.monotonic()
        if follows:
            wait_until(lambda: stream.answered(since=moved), 2, "the stream goes on")
        else:
            assert holds(lambda: stream.answered(since=moved) is None, for_s=1)
