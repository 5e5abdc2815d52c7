"""A default route ahead of NetworkManager's, on a network namespace's own routing tables."""

from __future__ import annotations

import asyncio
import subprocess
from typing import cast

import pytest

from netswap.adapters.bus import BusError
from netswap.adapters.kernel import ahead
from netswap.adapters.kernel.routes import DefaultRoute, default_routes
from netswap.adapters.nft.guard import Guard
from netswap.adapters.nm.router import Router
from netswap.adapters.nm.view import Device
from netswap.core.actions import SetMetric
from netswap.daemon.stepper import StepError
from netswap.daemon.steps import Steps


def ip(command: str) -> str:
    done = subprocess.run(["ip", *command.split()], check=True, capture_output=True, text=True)
    return done.stdout


@pytest.fixture(autouse=True)
def _two_links() -> None:
    for name, subnet in (("cable0", 1), ("tether0", 2)):
        ip(f"link add {name} type veth peer name far-{name}")
        ip(f"link set {name} up")
        ip(f"link set far-{name} up")
        ip(f"address add 10.{subnet}.0.2/24 dev {name}")
    ip("route add default via 10.1.0.1 dev cable0 metric 100")


def test_the_copy_is_alike_but_for_the_metric() -> None:
    details = "via 10.2.0.1 dev tether0 proto dhcp src 10.2.0.2 mtu 1400"
    ip(f"route add default {details} metric 20200")
    made = ahead.lower("tether0", 60, ["cable0", "tether0"])
    assert made
    assert made.leads
    for metric in (60, 20200):
        shown = ip(f"route show default metric {metric}")
        asked = ip(f"route show default dev tether0 metric {metric}")
        assert "via 10.2.0.1 dev tether0 proto dhcp src 10.2.0.2" in shown, asked
        assert "mtu 1400" in shown


def test_it_is_withdrawn_and_nothing_else_is() -> None:
    ip("route add default via 10.2.0.1 dev tether0 metric 200")
    before = default_routes()
    made = ahead.lower("tether0", 60)
    assert made
    assert default_routes()[0] == DefaultRoute(4, 60, "tether0")
    ahead.withdraw(made)
    assert default_routes() == before
    ahead.withdraw(made)
    ip("link delete tether0")
    ahead.withdraw(made)
    assert default_routes() == before[:1]


def test_the_only_route_of_a_link_is_not_taken_away() -> None:
    """NetworkManager, told by somebody else to use that metric, took the copy for its own."""
    ip("route add default via 10.2.0.1 dev tether0 proto dhcp metric 200")
    made = ahead.lower("tether0", 60)
    assert made
    ip("route delete default dev tether0 metric 200")
    ahead.withdraw(made)
    assert DefaultRoute(4, 60, "tether0") in default_routes()


def test_the_lowest_route_of_several_is_copied() -> None:
    ip("route add default via 10.2.0.9 dev tether0 metric 300")
    ip("route add default via 10.2.0.1 dev tether0 metric 200")
    ahead.lower("tether0", 60)
    assert "via 10.2.0.1" in ip("route show default metric 60")


def test_it_never_raises_and_makes_no_route_out_of_nothing() -> None:
    before = default_routes()
    assert ahead.lower("cable0", 100) is None
    assert ahead.lower("cable0", 101) is None
    assert ahead.lower("tether0", 60) is None
    assert ahead.lower("gone0", 60) is None
    assert default_routes() == before


def test_a_route_over_several_links_is_left_alone() -> None:
    hops = "nexthop via 10.1.0.1 dev cable0 nexthop via 10.2.0.1 dev tether0"
    ip(f"route add default metric 200 {hops}")
    assert ahead.lower("tether0", 60) is None


def test_the_link_that_leads_is_moved_behind_the_others() -> None:
    details = "via 10.2.0.1 dev tether0 proto dhcp src 10.2.0.2 mtu 1400"
    ip(f"route add default {details} metric 60")
    ip(f"route add default {details} metric 55")
    assert ahead.higher("tether0", 200)
    assert default_routes() == (DefaultRoute(4, 100, "cable0"), DefaultRoute(4, 200, "tether0"))
    assert "proto dhcp src 10.2.0.2" in ip("route show default metric 200")
    assert "mtu 1400" in ip("route show default metric 200")


def test_a_route_that_stands_behind_the_others_already_is_enough() -> None:
    ip("route add default via 10.2.0.1 dev tether0 metric 60")
    ip("route add default via 10.2.0.1 dev tether0 metric 200")
    assert ahead.higher("tether0", 200)
    assert default_routes() == (DefaultRoute(4, 100, "cable0"), DefaultRoute(4, 200, "tether0"))


def test_nothing_is_moved_where_traffic_would_stay_where_it_is() -> None:
    ip("route add default via 10.2.0.1 dev tether0 metric 60")
    before = default_routes()
    assert ahead.higher("tether0", 99) is None  # it would still lead
    assert ahead.higher("cable0", 200) is None  # it does not lead
    ip("route delete default dev cable0")
    assert ahead.higher("tether0", 200) is None  # there is no other
    assert default_routes() == before[:1]


def test_a_vpn_that_leads_them_all_does_not_count() -> None:
    ip("link add tun0 type veth peer name far-tun0")
    ip("link set tun0 up")
    ip("route add default dev tun0 metric 50")
    ip("route add default via 10.2.0.1 dev tether0 metric 60")
    assert ahead.higher("tether0", 200)
    assert [route.ifname for route in default_routes()] == ["tun0", "cable0", "tether0"]


def test_of_two_links_with_one_metric_the_one_that_takes_over_goes_first() -> None:
    ip("route add default via 10.2.0.1 dev tether0 metric 200")
    assert ahead.lower("tether0", 100, ["cable0", "tether0"])
    assert "dev tether0" in ip("route get 203.0.113.1")
    assert ahead.higher("cable0", 201)
    assert default_routes()[:2] == (
        DefaultRoute(4, 100, "tether0"),
        DefaultRoute(4, 200, "tether0"),
    )


def test_nobody_elses_route_of_the_same_metric_is_gone_before() -> None:
    ip("route add default via 10.2.0.1 dev tether0 metric 200")
    with pytest.raises(FileExistsError):
        ahead.lower("tether0", 100, ["tether0"])
    assert default_routes()[0] == DefaultRoute(4, 100, "cable0")


def test_what_was_replaced_is_put_back() -> None:
    ip("route add default via 10.2.0.1 dev tether0 proto dhcp metric 60")
    before = ip("route show default")
    made = ahead.higher("tether0", 200)
    assert made
    ahead.withdraw(made)
    assert ip("route show default") == before
    made = ahead.higher("tether0", 200)
    assert made
    ip("route add default via 10.2.0.1 dev tether0 proto dhcp metric 60")  # by NetworkManager
    ahead.withdraw(made)
    assert ip("route show default") == before


class Refusing:
    """A NetworkManager that lets no metric be set."""

    async def set_metric(self, *_: object) -> None:
        raise BusError("org.freedesktop.NetworkManager.Device.PermissionDenied", "so there")


def test_what_was_replaced_is_put_back_beside_what_stood_there_before() -> None:
    for metric in (60, 5000):
        ip(f"route add default via 10.2.0.1 dev tether0 metric {metric}")
    made = ahead.higher("tether0", 200)
    assert made
    ahead.withdraw(made)
    assert [r.metric for r in default_routes() if r.ifname == "tether0"] == [60, 5000]


@pytest.mark.parametrize("flushed", [False, True])
def test_what_was_replaced_is_not_put_back_beside_another_one(flushed: bool) -> None:
    """Its own check had NetworkManager move it meanwhile."""
    ip("route add default via 10.2.0.1 dev tether0 metric 60")
    made = ahead.higher("tether0", 200)
    assert made
    if flushed:
        ip("route delete default dev tether0 metric 200")
    ip("route add default via 10.2.0.1 dev tether0 metric 20060")
    ahead.withdraw(made)
    assert [route.metric for route in default_routes() if route.ifname == "tether0"] == [20060]


def test_it_is_made_again_where_the_link_was_connected_anew() -> None:
    """That takes all routes of the link away, and NetworkManager refuses as before."""

    async def take_over() -> None:
        with pytest.raises(StepError):
            await steps.take([SetMetric("phone", 60)])

    steps = Steps(Guard(), lambda _: cast("Device", Tether()))
    steps.router = cast("Router", Refusing())
    for _ in range(2):
        ip("route add default via 10.2.0.1 dev tether0 metric 600")
        asyncio.run(take_over())
        assert default_routes()[0] == DefaultRoute(4, 60, "tether0")
        ip("route flush dev tether0 default")


class Tether:
    """What the steps ask of a device."""

    path, ifname, activation = "/Devices/3", "tether0", "/ActiveConnection/3"


def test_what_is_lower_than_it_was_need_not_lead() -> None:
    ip("route add default via 10.2.0.1 dev tether0 metric 20200")
    made = ahead.lower("tether0", 150, ["cable0", "tether0"])
    assert made
    assert not made.leads
