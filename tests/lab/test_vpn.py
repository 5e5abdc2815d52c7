"""A VPN over a swap: never bypassed, and carried by the new link beneath it."""

from __future__ import annotations

import pytest

from tests.lab.commands import holds, wait_until
from tests.lab.lab import Lab
from tests.lab.link import Link
from tests.lab.netswap_toml import QUICK
from tests.lab.spec import TARGETS
from tests.lab.stream import Stream
from tests.lab.vpn import INSIDE, METRIC_50, OFFICE, SERVER, Vpn, bare
from tests.lab.witness import Capture, HeldConnection, RouteWatch


def start(lab: Lab) -> None:
    """Start netswapd and wait until the tether stands by."""
    lab.netswapd(QUICK).wait_for("Blocking all packets via nftables to interface tether0", 5)
    wait_until(lambda: lab.link("tether0").metrics() == [200], 3, "the tether stands by")


@pytest.mark.parametrize("proto", ["udp", "tcp"])
def test_full_tunnel_is_never_bypassed_and_goes_on_over_the_new_link(
    lab: Lab, cable: Link, tether: Link, proto: str
) -> None:
    vpn = Vpn(lab, proto)
    vpn.take_all_by_policy()
    start(lab)
    with Capture(cable) as wire, Capture(tether) as other, RouteWatch() as watch:
        with HeldConnection() as held, Stream() as stream:
            assert held.address == INSIDE
            wait_until(stream.answered, 3, "the stream flows")
            cable.cut()
            out = watch.wait_for("tether0", 3)
            wait_until(lambda: stream.answered(since=out), 10, "the stream goes on")
            wait_until(held.answers, 5, "the connection goes on")
            cable.heal()
            back = watch.wait_for("cable0", 3, since=out)
            wait_until(lambda: stream.answered(since=back), 10, "the stream goes on")
            wait_until(held.answers, 5, "the connection goes on")
            assert held.ended is None
        assert (bare(wire), bare(other)) == ([], [])


def test_tunnel_of_metric_50_is_not_bypassed_and_reconnects_over_the_new_link(
    lab: Lab, cable: Link, tether: Link
) -> None:
    """Its route to its server leads over the cable, until it gives up and connects anew."""
    vpn = Vpn(lab, options=METRIC_50)
    start(lab)
    assert lab.active() == "tun0"
    with Capture(tether) as wire, HeldConnection() as held:
        assert held.address == INSIDE
        cable.cut()
        wait_until(lambda: tether.metrics() == [60], 3, "the tether takes over")
        assert lab.active() == "tun0"
        assert not held.answers()
        assert bare(wire) == []
        wait_until(lambda: vpn.connects() == 2, 15, "it has connected anew")
        wait_until(held.answers, 5, "the connection goes on")
        with HeldConnection() as newer:
            assert newer.address == INSIDE


def test_fact_a_tunnel_that_keeps_its_device_stays_on_the_link_that_was_left(
    lab: Lab, cable: Link, tether: Link
) -> None:
    """K14: OpenVPN with `persist-tun` never looks for another way to its server."""
    Vpn(lab, options=f"{METRIC_50} --persist-tun")
    start(lab)
    with HeldConnection() as held:
        cable.cut()
        wait_until(lambda: tether.metrics() == [60], 3, "the tether takes over")
        assert holds(lambda: not held.answers(), for_s=8)
        assert "via 10.1.0.1" in lab.sh("ip", "route", "show", SERVER)
        lab.sh("ip", "route", "replace", SERVER, "via", "10.2.0.1")
        wait_until(held.answers, 10, "the connection goes on")


def test_split_tunnel_keeps_its_routes_and_goes_on(lab: Lab, cable: Link, tether: Link) -> None:
    vpn = Vpn(lab)
    vpn.take_the_office()
    start(lab)
    routes = vpn.routes()
    with RouteWatch() as watch, HeldConnection(OFFICE) as held, Stream(OFFICE) as stream:
        for trouble, target in ((cable.cut, "tether0"), (cable.heal, "cable0")):
            trouble()
            moved = watch.wait_for(target, 3, since=watch.changes[-1][0])
            wait_until(lambda: stream.answered(since=moved), 5, "the stream goes on")  # noqa: B023
            wait_until(held.answers, 5, "the connection goes on")
            assert vpn.routes() == routes
            with HeldConnection(TARGETS[0]) as outside:
                assert outside.address == lab.link(target).address()
        assert held.address == INSIDE
        assert held.ended is None
