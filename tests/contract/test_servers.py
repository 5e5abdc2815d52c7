"""Routes to the servers of VPNs, and those of others, on a network namespace's own main table."""

from __future__ import annotations

import subprocess

import pytest

from netswap.adapters.kernel import foreign, routes, servers
from netswap.core.model import Server

LINKS = {"cable0", "tether0"}
V4, V6 = "198.51.100.2", "2001:db8:ffff::2"
GATEWAYS = {V4: "10.1.0.1", V6: "fe80::1"}
BOTH = pytest.mark.parametrize("server", [V4, V6])


def ip(command: str) -> str:
    done = subprocess.run(["ip", *command.split()], check=True, capture_output=True, text=True)
    return done.stdout


@pytest.fixture(autouse=True)
def _two_links_and_a_full_tunnel() -> None:
    for name, n in (("cable0", 1), ("tether0", 2), ("tun0", 9)):
        ip(f"link add {name} type veth peer name far-{name}")
        ip(f"link set {name} up")
        ip(f"link set far-{name} up")
        ip(f"address add 10.{n}.0.2/24 dev {name}")
        ip(f"-6 address add 2001:db8:{n}::2/64 dev {name} nodad")
        ip(f"route add default via 10.{n}.0.1 dev {name} metric {50 if n == 9 else n * 100}")
        ip(f"-6 route add default via fe80::{n} dev {name} metric {50 if n == 9 else n * 100}")


def add(server: str, gateway: str = "", more: str = "") -> None:
    """Add a route to a server, as a VPN does."""
    ip(f"route add {server} via {gateway or GATEWAYS[server]} dev cable0 {more}")


def seen() -> tuple[Server, ...]:
    with routes.channel() as channel:
        return servers.servers(list(routes.ways(routes.dump(channel))), LINKS)


def way(server: str) -> str:
    """Return the device by which the kernel sends."""
    return ip(f"route get {server}").split(" dev ")[1].split()[0]


def to(server: str) -> list[str]:
    return ip(f"{'-6 ' if ':' in server else ''}route show {server}").splitlines()


@BOTH
@pytest.mark.parametrize("metric", ["", "metric 7"])
def test_a_server_is_reached_by_another_link_and_back(server: str, metric: str) -> None:
    add(server, more=metric)
    found = to(server)
    assert seen() == (Server(server, "cable0", "cable0"),)
    servers.reach(server, "tether0")
    assert way(server) == "tether0"
    assert seen() == (Server(server, "tether0", "cable0", own=True),)
    assert found[0] in to(server)
    servers.reach(server, "cable0")
    assert to(server) == found


def test_a_link_without_a_gateway_and_back() -> None:
    add(V4)
    ip("route replace default dev tether0 metric 200")
    servers.reach(V4, "tether0")
    assert way(V4) == "tether0"
    assert seen() == (Server(V4, "tether0", "cable0", own=True),)
    servers.reach(V4, "cable0")
    assert way(V4) == "cable0"


@pytest.mark.parametrize("by", ["198.51.99.1 dev tether0 onlink", "inet6 fe80::2 dev tether0"])
def test_a_link_whose_gateway_is_in_no_network_of_its_own(by: str) -> None:
    ip("route del default dev tether0")
    ip(f"-4 route add default via {by} metric 200")
    add(V4)
    servers.reach(V4, "tether0")
    assert way(V4) == "tether0"
    assert f"via {by.removesuffix(' onlink')}" in to(V4)[0]


def test_a_link_with_two_routers() -> None:
    ip("-6 route append default via fe80::3 dev tether0 metric 200")
    add(V6)
    servers.reach(V6, "tether0")
    assert way(V6) == "tether0"
    servers.reach(V6, "cable0")
    assert way(V6) == "cable0"


@BOTH
def test_when_the_vpn_is_gone_ours_is_left_to_be_taken_away(server: str) -> None:
    add(server)
    servers.reach(server, "tether0")
    ip(f"route del {server} via {GATEWAYS[server]} dev cable0")
    assert seen() == (Server(server, "tether0", "", own=True),)
    servers.reach(server, "")
    assert to(server) == []


@pytest.mark.parametrize(
    ("target", "gateway", "more"),
    [
        ("192.168.77.2", "10.1.0.1", ""),
        ("10.77.0.2", "10.1.0.1", ""),
        ("fd00::2", "fe80::1", ""),
        ("198.51.100.0/30", "10.1.0.1", ""),
        (V4, "10.1.0.1", "proto static"),
        (V4, "10.1.0.1", "proto dhcp"),
        (V4, "10.1.0.1", "table 77"),
    ],
)
def test_other_routes_are_not_taken_for_one(target: str, gateway: str, more: str) -> None:
    add(target, gateway, more)
    assert seen() == ()


@BOTH
def test_without_a_tunnel_that_would_take_it_a_route_is_somebody_elses_wish(server: str) -> None:
    add(server)
    ip("link set tun0 down")
    assert seen() == ()


def without_gateway(name: str, metric: int) -> None:
    """Let a link be like a modem's: its default route has no gateway."""
    ip(f"route del default dev {name}")
    ip(f"route add default dev {name} metric {metric}")


def test_a_route_without_a_gateway_is_one_where_the_link_has_none() -> None:
    """As what vpnc-script makes of `ip route get` over a modem."""
    ip(f"route add {V4} dev cable0")
    assert seen() == ()
    without_gateway("cable0", 100)
    assert seen() == (Server(V4, "cable0", "cable0"),)
    servers.reach(V4, "tether0")
    assert way(V4) == "tether0"
    assert seen() == (Server(V4, "tether0", "cable0", own=True),)
    servers.reach(V4, "cable0")
    assert way(V4) == "cable0"
    assert seen() == (Server(V4, "cable0", "cable0"),)


def test_a_tunnel_by_two_halves_is_one_too() -> None:
    ip("route del default dev tun0")
    add(V4)
    assert seen() == ()
    ip("route add 128.0.0.0/1 via 10.9.0.1 dev tun0")
    assert seen() == (Server(V4, "cable0", "cable0"),)


def test_a_link_without_a_default_route_reaches_nothing() -> None:
    add(V4)
    ip("route del default dev tether0")
    with pytest.raises(LookupError):
        servers.reach(V4, "tether0")
    assert way(V4) == "cable0"


@BOTH
def test_routes_of_others_are_put_back_as_they_were(server: str) -> None:
    add(server, more="metric 7 mtu 1400")
    before = to(server)
    kept = foreign.over("cable0")
    foreign.put_back(kept)
    assert to(server) == before
    ip(f"route del {server} via {GATEWAYS[server]} dev cable0")
    servers.reach(server, "tether0")
    foreign.put_back(kept)
    assert to(server) == before


def test_default_routes_are_not_put_back() -> None:
    assert foreign.over("cable0") == []


def test_one_that_cannot_be_gone_before_is_said_to_be_so() -> None:
    """By IPv6 there is nothing before a metric of 1: 0 is 1024."""
    add(V6, more="metric 1")
    before = to(V6)
    with pytest.raises(LookupError, match="metric 1"):
        servers.reach(V6, "tether0")
    assert to(V6) == before
