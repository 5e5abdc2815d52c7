"""A VPN over a swap: never bypassed, and carried by the new link beneath it."""

from __future__ import annotations

from signal import SIGTERM

import pytest

from tests.lab.commands import wait_until
from tests.lab.lab import Lab
from tests.lab.link import Link
from tests.lab.netswap_toml import QUICK
from tests.lab.spec import TARGETS
from tests.lab.stream import Stream
from tests.lab.vpn import CLIENT, INSIDE, METRIC_50, OFFICE, SERVER, Vpn, bare
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


@pytest.mark.parametrize(
    ("proto", "more"), [("udp", ""), ("udp", "--persist-tun"), ("tcp", "--persist-tun")]
)
def test_tunnel_of_metric_50_is_not_bypassed_and_goes_on_over_the_new_link(
    lab: Lab, cable: Link, tether: Link, proto: str, more: str
) -> None:
    """With `persist-tun` OpenVPN never looks for another way to its server by itself."""
    Vpn(lab, proto, options=f"{METRIC_50} {more}")
    found = to_server(lab)
    start(lab)
    assert lab.active() == "tun0"
    with HeldConnection() as held, Capture(cable) as wire, Capture(tether) as other:
        cable.cut()
        wait_until(lambda: reached_by(lab, tether), 5, "the server is reached over the tether")
        wait_until(held.answers, 10, "the connection goes on")
        assert found[0] in to_server(lab)
        cable.heal()
        wait_until(lambda: lab.guarded() == {"tether0"}, 10, "the swap back")
        wait_until(held.answers, 10, "the connection goes on")
        assert to_server(lab) == found
        assert lab.active() == "tun0"
        assert held.address == INSIDE
        assert held.ended is None
        assert (bare(wire), bare(other)) == ([], [])


def test_tunnel_that_was_made_over_the_backup_goes_on_after_the_swap_back(
    lab: Lab, cable: Link, tether: Link
) -> None:
    """Though NetworkManager removes its route to the server when it raises the backup (N43)."""
    start(lab)
    cable.cut()
    wait_until(lambda: lab.guarded() == {"cable0"}, 5, "the tether takes over")
    Vpn(lab, options=f"{METRIC_50} --persist-tun")
    found = to_server(lab)
    assert "dev tether0" in found[0]
    with HeldConnection() as held:
        cable.heal()
        wait_until(lambda: lab.guarded() == {"tether0"}, 10, "the swap back")
        wait_until(lambda: reached_by(lab, cable), 5, "the server is reached over the cable")
        wait_until(held.answers, 10, "the connection goes on")
        assert held.ended is None
    assert found[0] in to_server(lab)
    lab.daemons[0].stop()
    assert to_server(lab) == found


def test_tunnel_that_ends_with_the_backups_connections_connects_anew_by_the_cable(
    lab: Lab, cable: Link, tether: Link
) -> None:
    """It removes its routes itself: none of those that netswap puts back may outlive it."""
    start(lab)
    cable.cut()
    wait_until(lambda: lab.guarded() == {"cable0"}, 5, "the tether takes over")
    Vpn(lab, "tcp", options=METRIC_50)
    assert "dev tether0" in to_server(lab)[0]
    cable.heal()
    wait_until(lambda: lab.guarded() == {"tether0"}, 10, "the swap back")
    wait_until(lambda: to_server(lab) != [] and reached_by(lab, cable), 30, "it connects anew")
    assert [route for route in to_server(lab) if "dev tether0" in route] == []
    with HeldConnection() as held:
        assert held.answers()


def test_when_the_tunnel_is_gone_nothing_of_it_is_left(lab: Lab, cable: Link, tether: Link) -> None:
    Vpn(lab, options=f"{METRIC_50} --persist-tun")
    start(lab)
    cable.cut()
    wait_until(lambda: reached_by(lab, tether), 5, "the server is reached over the tether")
    lab.commands.stop(CLIENT, SIGTERM)
    wait_until(lambda: to_server(lab) == [], 5, "both routes to the server are gone")


def test_routes_of_others_over_a_link_outlive_its_new_metric(
    lab: Lab, cable: Link, tether: Link
) -> None:
    """What only keeps an address on a link is left there: no tunnel needs it."""
    for target in ("203.0.113.7", "203.0.113.64/26"):
        lab.sh("ip", "route", "add", target, "via", "10.2.0.1", "dev", "tether0")
    before = others(lab)
    assert len(before) == 2
    start(lab)
    for trouble, guarded in ((cable.cut, "cable0"), (cable.heal, "tether0")):
        trouble()
        wait_until(lambda: lab.guarded() == {guarded}, 10, "the swap")  # noqa: B023
        wait_until(lambda: others(lab) == before, 3, "the routes are as they were")
    lab.daemons[0].stop()
    assert others(lab) == before


def to_server(lab: Lab) -> list[str]:
    """Return the routes to the VPN's server alone, the one in use first."""
    return lab.sh("ip", "route", "show", SERVER).splitlines()


def reached_by(lab: Lab, link: Link) -> bool:
    """Tell whether the VPN's server is reached over a link."""
    return f"dev {link.name} " in lab.sh("ip", "route", "get", SERVER)


def others(lab: Lab) -> list[str]:
    """Return the routes over the tether that no part of the system made."""
    return lab.sh("ip", "route", "show", "dev", "tether0", "proto", "boot").splitlines()


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
