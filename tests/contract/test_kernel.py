"""Default routes and change events, on a network namespace's own routing tables."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from netswap.adapters import counters, inet6
from netswap.adapters.host import missing_capabilities, strict_rp_filter
from netswap.adapters.kernel import holders
from netswap.adapters.kernel.routes import DefaultRoute, RouteEvents, default_routes


def ip(command: str) -> None:
    subprocess.run(["ip", *command.split()], check=True)


def run_batch(commands: str) -> None:
    subprocess.run(["ip", "-batch", "-"], input=commands, text=True, check=True)


def two_links() -> None:
    Path("/proc/sys/net/ipv6/conf/default/accept_dad").write_text("0")
    for name, subnet in (("cable0", 1), ("tether0", 2)):
        ip(f"link add {name} type veth peer name far-{name}")
        ip(f"link set {name} up")
        ip(f"link set far-{name} up")
        ip(f"address add 10.{subnet}.0.2/24 dev {name}")
        ip(f"address add 2001:db8:{subnet}::2/64 dev {name}")


def test_the_main_table_is_read_best_first() -> None:
    two_links()
    ip("route add default via 10.2.0.1 dev tether0 metric 200")
    ip("route add default via 10.1.0.1 dev cable0 metric 100")
    ip("-6 route add default via 2001:db8:1::1 dev cable0 metric 101")
    ip("route add 198.51.100.0/24 via 10.1.0.1")
    for elsewhere in ("", "-6 "):
        ip(f"{elsewhere}route add default dev tether0 table 52")
        ip(f"{elsewhere}route add unreachable default metric 4278198272")

    assert default_routes() == (
        DefaultRoute(4, 100, "cable0"),
        DefaultRoute(4, 200, "tether0"),
        DefaultRoute(6, 101, "cable0"),
    )


def test_multipath_defaults_name_each_device() -> None:
    two_links()
    hops = "nexthop via 10.1.0.1 dev cable0 nexthop via 10.2.0.1 dev tether0"
    ip(f"route add default metric 5 {hops}")
    ip(
        "-6 route add default metric 6 "
        "nexthop via 2001:db8:1::1 dev cable0 nexthop via 2001:db8:2::1 dev tether0"
    )

    assert {(route.family, route.ifname) for route in default_routes()} == {
        (family, ifname) for family in (4, 6) for ifname in ("cable0", "tether0")
    }


def test_no_route_is_no_error() -> None:
    assert default_routes() == ()


def test_links_addresses_and_routes_ring_the_bell() -> None:
    asyncio.run(ring_for_each_change())


async def ring_for_each_change() -> None:
    rung = asyncio.Event()
    events = RouteEvents(rung.set)

    async def rings_for(change: Callable[[], None]) -> None:
        rung.clear()
        change()
        await asyncio.wait_for(rung.wait(), 10)

    await rings_for(two_links)
    for command in (
        "route add default via 10.1.0.1 metric 100",
        "route change default via 10.1.0.1 metric 100 proto static",
        "route del default",
        "-6 route add default via 2001:db8:1::1 metric 100",
        "address add 10.9.0.1/24 dev cable0",
        "link set far-cable0 down",
        "link del tether0",
    ):
        await settle(rung)
        await rings_for(lambda command=command: ip(command))  # type: ignore[misc]
    events.close()
    events.close()


async def settle(rung: asyncio.Event) -> None:
    """Wait until the last change has rung for the last time."""
    while True:
        rung.clear()
        try:
            await asyncio.wait_for(rung.wait(), 0.2)
        except TimeoutError:
            return


def test_more_changes_than_fit_are_a_change() -> None:
    async def flood() -> None:
        rung = asyncio.Event()
        mistakes: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, told: mistakes.append(told))
        events = RouteEvents(rung.set)
        two_links()
        batch = "\n".join(
            f"route add 10.{high}.{low}.0/24 dev cable0"
            for high in range(50, 70)
            for low in range(100)
        )
        run_batch(batch)
        await asyncio.wait_for(rung.wait(), 10)
        rung.clear()
        ip("link del cable0")
        await asyncio.wait_for(rung.wait(), 10)
        events.close()
        assert mistakes == []

    asyncio.run(flood())


def test_this_process_may_do_what_netswap_needs() -> None:
    assert missing_capabilities() == frozenset()


def test_the_filter_is_read_from_the_real_place() -> None:
    two_links()
    everywhere = Path("/proc/sys/net/ipv4/conf/all/rp_filter")
    device = Path("/proc/sys/net/ipv4/conf/cable0/rp_filter")
    everywhere.write_text("0")
    device.write_text("1")
    assert strict_rp_filter("cable0")
    device.write_text("2")
    assert not strict_rp_filter("cable0")
    assert not strict_rp_filter("cable1")


@pytest.mark.parametrize("name", ["b\udcfcro0", "a\u2003b", "a\u0085b", "a\x1cb"])
def test_an_interface_with_an_odd_name_is_read_like_others(name: str) -> None:
    for command in (
        ["add", name, "type", "veth", "peer", "far"],
        ["set", "far", "up"],
        ["set", name, "up"],
    ):
        subprocess.run(["ip", "link", *command], check=True)
    assert name in {address.ifname for address in inet6.addresses()}
    assert {"lo", name} <= counters.read().keys()


def test_an_address_whose_peer_is_nobody_is_known() -> None:
    two_links()
    ip("address add 10.9.9.9 peer 0.0.0.0 dev cable0")
    assert holders.shared(["10.9.9.9"], "tether0") == {"10.9.9.9"}
