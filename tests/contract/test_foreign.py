"""Routes of others over a link, on a network namespace's own routing tables."""

from __future__ import annotations

import asyncio
import re
import subprocess
from typing import cast

import pytest

from netswap.adapters.bus import TIMED_OUT, BusError
from netswap.adapters.kernel import foreign, servers
from netswap.adapters.nft.guard import Guard
from netswap.adapters.nm.router import Router
from netswap.adapters.nm.view import Device
from netswap.core.actions import SetMetric
from netswap.daemon.ranking import put_back
from netswap.daemon.stepper import StepError
from netswap.daemon.steps import Steps

VPN = "203.0.113.1 via 10.2.0.1 dev tether0"


def ip(command: str) -> str:
    done = subprocess.run(["ip", *command.split()], check=True, capture_output=True, text=True)
    return done.stdout


@pytest.fixture(autouse=True)
def _a_link() -> None:
    ip("link add tether0 type veth peer name far")
    ip("link set tether0 up")
    ip("link set far up")
    ip("address add 10.2.0.2/24 dev tether0")


class Late:
    """A NetworkManager that does as it is asked, and answers too late."""

    async def set_metric(self, *_: object) -> None:
        ip("route delete " + VPN)
        raise BusError(TIMED_OUT, "no answer within 5 s")


class Tether:
    """What the steps ask of a device."""

    path, ifname = "/Devices/3", "tether0"


def test_they_are_put_back_though_networkmanager_answers_too_late() -> None:
    async def run() -> None:
        steps = Steps(Guard(), lambda _: cast("Device", Tether()))
        steps.router = cast("Router", Late())
        with pytest.raises(StepError):
            await steps.take([SetMetric("phone", None, 60)])
        await steps.settle()

    ip("route add " + VPN)
    asyncio.run(run())
    assert "203.0.113.1" in ip("route")


def test_the_route_to_a_vpns_server_does_not_outlive_its_tunnel() -> None:
    """The VPN ends while NetworkManager is being watched, and takes its own routes away."""

    async def run() -> None:
        kept = foreign.over("tether0")
        tunnelled = servers.tunnelled(kept, {"tether0"})
        assert len(tunnelled) == 1
        putting_back = asyncio.create_task(put_back(kept, tunnelled, {"tether0"}))
        await asyncio.sleep(0.1)
        ip("route delete " + VPN)
        await asyncio.sleep(0.1)
        assert "203.0.113.1" in ip("route"), "it is put back: NetworkManager may have done it"
        ip("link delete tun0")
        await putting_back

    for command in ("link add tun0 type veth peer name other", "link set tun0 up"):
        ip(command)
    ip("route add 192.0.2.0/24 via 10.2.0.1 dev tether0")
    ip("route add 128.0.0.0/1 dev tun0")
    ip("route add " + VPN)
    asyncio.run(run())
    assert "203.0.113.1" not in ip("route")
    assert "192.0.2.0/24" in ip("route")


def test_one_that_cannot_be_put_back_holds_no_other_up() -> None:
    ip("address add 10.2.0.3/24 dev tether0")
    ip("route add 203.0.113.9 via 10.2.0.1 dev tether0 src 10.2.0.3")
    ip("route add " + VPN)
    kept = foreign.over("tether0")
    ip("route flush dev tether0 proto boot")
    ip("address delete 10.2.0.3/24 dev tether0")
    foreign.put_back(kept)
    assert "203.0.113.1" in ip("route")
    assert "203.0.113.9" not in ip("route")


def test_one_that_is_to_expire_still_does() -> None:
    ip("-6 address add fd00::2/64 dev tether0 nodad")
    ip("-6 route add fd01::/64 via fd00::1 dev tether0 expires 60")
    kept = foreign.over("tether0")
    ip("-6 route flush dev tether0 proto boot")
    foreign.put_back(kept)
    assert re.search(r"fd01::/64 via fd00::1 dev tether0 .*expires [56]\dsec", ip("-6 route"))
