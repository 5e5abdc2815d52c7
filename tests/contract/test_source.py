"""Routes by source, on a network namespace's own rules and tables."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from netswap.adapters.kernel import source


def ip(command: str) -> str:
    done = subprocess.run(["ip", *command.split()], check=True, capture_output=True, text=True)
    return done.stdout


HELD = {"tether0": ["10.2.0.2", "2001:db8:2::2"]}
OURS = ["cable0", "tether0"]


@pytest.fixture(autouse=True)
def _two_links() -> None:
    for name, n in (("cable0", 1), ("tether0", 2)):
        ip(f"link add {name} type veth peer name far-{name}")
        ip(f"link set {name} up")
        ip(f"link set far-{name} up")
        ip(f"address add 10.{n}.0.2/24 dev {name}")
        ip(f"-6 address add 2001:db8:{n}::2/64 dev {name} nodad")
        ip(f"route add default via 10.{n}.0.1 dev {name} metric {n}00 mtu 1400")
        ip(f"-6 route add default via fe80::{n} dev {name} metric {n}00")


def way(destination: str, sender: str = "") -> str:
    """Return the device by which the kernel sends, from an address that a socket has."""
    origin = f" from {sender}" if sender else ""
    return ip(f"route get {destination}{origin}").split(" dev ")[1].split()[0]


def everything() -> str:
    looks = ("rule", "-6 rule", "route show table all", "-6 route show table all")
    return "".join(ip(look) for look in looks)


def test_what_has_the_links_address_leaves_by_it_and_nothing_else_does() -> None:
    source.hold(HELD, OURS)
    assert way("198.51.100.1", "10.2.0.2") == "tether0"
    assert way("198.51.100.1", "10.1.0.2") == way("198.51.100.1") == "cable0"
    assert way("2001:db8:ffff::1", "2001:db8:2::2") == "tether0"
    assert way("2001:db8:ffff::1", "2001:db8:1::2") == way("2001:db8:ffff::1") == "cable0"
    assert "proto 110 metric 1024 mtu 1400" in everything()


def test_networks_and_split_tunnels_are_reached_as_ever() -> None:
    ip("route add 10.88.0.0/24 dev cable0")
    source.hold(HELD, OURS)
    assert way("10.88.0.1", "10.2.0.2") == "cable0"
    assert way("10.1.0.9", "10.2.0.2") == "cable0"


@pytest.mark.parametrize("late", [False, True], ids=["vpn first", "vpn later"])
def test_a_vpn_goes_first(*, late: bool) -> None:
    """Its rules get their place from the kernel, as wg-quick's do."""
    steps: list[Callable[[], object]] = [_full_tunnel, lambda: source.hold(HELD, OURS)]
    for step in steps[::-1] if late else steps:
        step()
    assert way("198.51.100.1", "10.2.0.2") == "tun0"


def _full_tunnel() -> None:
    ip("tuntap add tun0 mode tun")
    ip("link set tun0 up")
    ip("route add default dev tun0 table 51820")
    ip("rule add not fwmark 51820 table 51820")
    ip("rule add table main suppress_prefixlength 0")


def test_it_all_goes_again_whoever_made_it() -> None:
    before = everything()
    source.hold(HELD, OURS)
    assert everything() != before
    source.hold({}, ())
    assert everything() == before


def test_nothing_is_done_twice_and_a_new_route_is_followed() -> None:
    source.hold(HELD, OURS)
    once = everything()
    source.hold(HELD, OURS)
    assert everything() == once
    ip("route change default via 10.2.0.7 dev tether0 metric 200")
    source.hold(HELD, OURS)
    assert "via 10.2.0.7" in ip("route get 198.51.100.1 from 10.2.0.2")


def test_a_device_that_is_gone_leaves_nothing() -> None:
    source.hold(HELD, OURS)
    ip("link delete tether0")
    source.hold(HELD, OURS)
    assert "proto 110" not in everything()


def test_of_two_routers_on_a_link_one_is_enough() -> None:
    """By IPv6 the kernel makes one route of the two that NetworkManager adds."""
    ip("-6 route append default via fe80::3 dev tether0 metric 200")
    assert "nexthop" in ip("-6 route show default")
    source.hold(HELD, OURS)
    assert way("2001:db8:ffff::1", "2001:db8:2::2") == "tether0"
    before = everything()
    source.hold(HELD, OURS)
    assert everything() == before
    source.hold({}, ())
    assert "proto 110" not in everything()


def test_ipv6_that_is_away_for_a_moment_goes_by_no_other_link() -> None:
    """Its routes are flushed, in all tables, as NetworkManager does it."""
    source.hold(HELD, OURS)
    disable_ipv6(1)
    for _ in range(2):
        with pytest.raises(subprocess.CalledProcessError, match="ip"):
            way("2001:db8:ffff::1", "2001:db8:2::2")
        source.hold(HELD, OURS)
    disable_ipv6(0)
    ip("-6 address add 2001:db8:2::2/64 dev tether0 nodad")
    ip("-6 route add default via fe80::2 dev tether0 metric 200")
    source.hold(HELD, OURS)
    assert way("2001:db8:ffff::1", "2001:db8:2::2") == "tether0"
    source.hold({}, ())
    assert "proto 110" not in everything()


def disable_ipv6(value: int) -> None:
    Path("/proc/sys/net/ipv6/conf/tether0/disable_ipv6").write_text(str(value))


def test_a_vpn_in_the_main_table_goes_first_while_it_leads() -> None:
    """As of NetworkManager: a default route of metric 50. Each family by itself."""
    source.hold(HELD, OURS)
    assert way("198.51.100.1", "10.2.0.2") == "tether0"
    ip("tuntap add tun0 mode tun")
    ip("link set tun0 up")
    ip("route add default dev tun0 metric 50")
    source.hold(HELD, OURS)
    assert way("198.51.100.1", "10.2.0.2") == "tun0"
    assert way("2001:db8:ffff::1", "2001:db8:2::2") == "tether0"
    ip("link delete tun0")
    source.hold(HELD, OURS)
    assert way("198.51.100.1", "10.2.0.2") == "tether0"


def test_somebody_elses_route_with_our_number_stays_and_disturbs_nothing() -> None:
    ip(f"route add 10.77.0.0/16 dev cable0 proto {source.PROTOCOL}")
    source.hold(HELD, OURS)
    source.hold({}, ())
    assert way("10.77.0.1") == "cable0"
