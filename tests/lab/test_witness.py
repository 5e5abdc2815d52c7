"""The observers of the lab see what happens, and nothing else."""

from __future__ import annotations

import socket
import time

from tests.lab.commands import holds, wait_until
from tests.lab.lab import Lab
from tests.lab.spec import TARGETS
from tests.lab.witness import Capture, HeldConnection, NewConnections, RouteWatch


def test_new_connections_tell_how_long_the_user_was_offline(lab: Lab) -> None:
    with NewConnections() as user:
        wait_until(lambda: len(user.successes()) > 5, 5, "connections")
        assert user.failures() == []
        cut = time.monotonic()
        lab.link("cable0").cut()
        wait_until(lambda: len(user.failures(cut)) > 3, 5, "failures")
        assert user.offline_s(cut) is None
        lab.link("cable0").heal()
        offline_s = wait_until(lambda: user.offline_s(cut), 5, "a connection again")
        assert 0.3 < offline_s < 2
        assert {failure.error for failure in user.failures(cut)} == {"ETIMEDOUT"}


def test_a_dead_try_does_not_delay_the_next(lab: Lab) -> None:
    lab.link("cable0").cut()
    with NewConnections(interval_s=0.05, patience_s=0.3) as user:
        wait_until(lambda: len(user.tries) >= 20, 5, "20 tries")
        starts = [attempt.start for attempt in user.tries[:20]]
    assert starts[-1] - starts[0] < 2, "one after the other they would take 6 s"


def test_a_held_connection_tells_how_it_ended(lab: Lab) -> None:
    with HeldConnection(over=lab.link("tether0")) as held, HeldConnection() as other:
        assert held.answers()
        assert held.address == lab.link("tether0").address()
        lab.sh("ss", "-K", "src", held.address)
        _, how = wait_until(lambda: held.ended, 2, "the end of the connection")
        assert how == "ECONNABORTED"
        assert other.ended is None
        assert other.answers()


def test_capture_tells_traffic_from_what_keeps_the_link(lab: Lab) -> None:
    tether = lab.link("tether0")
    with Capture(tether) as capture:
        lab.nmcli("connection", "up", "tether0")
        lab.sh("ping", "-c1", "-W1", "-I", "tether0", TARGETS[0])
        wait_until(lambda: capture.of_kind("dhcp4"), 5, "the new lease")
        wait_until(lambda: capture.of_kind("echo"), 5, "the ping")
        assert capture.leaked() == []
        assert len(capture.leaked(probed=(TARGETS[1],))) == 1
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"tether0")
            udp.sendto(b"leak", (TARGETS[1], 7))
        (leak,) = wait_until(capture.leaked, 5, "the leak")
        assert (leak.kind, leak.source) == ("traffic", tether.address())
        assert leak.destination == TARGETS[1]


def test_route_watch_sees_the_active_link_change(lab: Lab) -> None:
    with RouteWatch() as watch:
        asked = time.monotonic()
        lab.sh("ip", "route", "add", "default", "via", "10.2.0.1", "metric", "5")
        moved = watch.wait_for("tether0", 2, asked)
        assert moved - asked < 0.5
        lab.sh("ip", "route", "del", "default", "metric", "5")
        watch.wait_for("cable0", 2, moved)
        assert holds(lambda: len(watch.changes) == 3, for_s=0.2)
