"""What does not leave by a link that steps down is not its, and is never cut."""

from __future__ import annotations

import errno
import socket
import sys
import time
from contextlib import ExitStack

from tests.lab.commands import holds, wait_until
from tests.lab.guest import GUEST, add_guest
from tests.lab.lab import Lab
from tests.lab.link import Link
from tests.lab.netswap_toml import QUICK
from tests.lab.spec import TARGETS
from tests.lab.stream import Stream
from tests.lab.witness import ECHO, HeldConnection, RouteWatch


def start(lab: Lab) -> None:
    """Start netswapd and wait until the tether stands by."""
    lab.netswapd(QUICK).wait_for("Blocking all packets via nftables to interface tether0", 5)
    wait_until(lambda: lab.link("tether0").metrics() == [200], 3, "the tether stands by")


def serve(lab: Lab, address: str, netns: str | None = None) -> None:
    """Serve echo on an address of a namespace."""
    name = f"echo-{address}"
    lab.commands.start(name, sys.executable, "-m", "tests.lab.internet", address, netns=netns)
    log = lab.commands.log_of(name)
    wait_until(lambda: "serving" in log.read_text(), 10, f"{address} serves")


def test_loopback_bridge_and_the_links_own_networks_stay_connected_over_swaps(
    lab: Lab, cable: Link, tether: Link
) -> None:
    add_guest(lab)
    places = {"127.0.0.1": None, cable.address() or "": None, "10.77.0.2": GUEST}
    places |= {"10.1.0.1": cable.spec.isp, "10.2.0.1": tether.spec.isp}
    for address, netns in places.items():
        serve(lab, address, netns)
    start(lab)
    with RouteWatch() as watch, ExitStack() as stack:
        held = [stack.enter_context(HeldConnection(address)) for address in places]
        for trouble, target in ((cable.cut, "tether0"), (cable.heal, "cable0")):
            trouble()
            watch.wait_for(target, 3, since=watch.changes[-1][0])
            stepped_down = {"cable0", "tether0"} - {target}
            wait_until(lambda: lab.guarded() == stepped_down, 3, "it is guarded")  # noqa: B023
            for _ in range(3):
                assert [one.answers(1) for one in held] == [True] * len(held)
        assert [one.ended for one in held] == [None] * len(held)


def test_a_udp_socket_that_is_not_connected_follows_and_one_that_is_connected_is_ended(
    lab: Lab, cable: Link
) -> None:
    """As a VPN's outer socket: WireGuard's and OpenVPN's are not connected."""
    start(lab)
    with (
        RouteWatch() as watch,
        Stream() as stream,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as connected,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bound,
    ):
        connected.connect((TARGETS[0], ECHO))
        connected.settimeout(10)
        bound.bind((cable.address() or "", 0))
        bound.settimeout(1)
        cable.cut()
        error = wait_for_error(connected)
        out = watch.wait_for("tether0", 3)
        assert error == errno.ECONNABORTED
        wait_until(lambda: stream.answered(since=out), 2, "the stream goes on")
        assert holds(lambda: unanswered(bound), for_s=1)


def wait_for_error(idle: socket.socket) -> int | None:
    """Read until an error comes; return which."""
    try:
        idle.recv(1)
    except OSError as error:
        return error.errno
    return None


def unanswered(bound: socket.socket) -> bool:
    """Ask from an address that was left; tell whether that is in vain, be it lost or refused."""
    try:
        bound.sendto(str(time.monotonic()).encode(), (TARGETS[0], ECHO))
        bound.recv(100)
    except OSError:
        return True
    return False
