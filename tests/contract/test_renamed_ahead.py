"""A link that is called otherwise while NetworkManager refuses: what went ahead of it goes, too."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import cast

import pytest

from netswap.adapters.bus import BusError
from netswap.adapters.kernel.routes import default_routes
from netswap.adapters.nft.guard import Guard
from netswap.adapters.nm.router import Router
from netswap.adapters.nm.view import Device
from netswap.core.actions import Restore, SetMetric, Step
from netswap.core.model import Link, Route, World
from netswap.daemon.steps import StepError, Steps
from tests.contract.test_prober import sh

RENAMED = World(
    links=(
        Link("cable", "cable0", activation="/A/1", v4=Route(100)),
        Link("mobile", "tether0", activation="/A/3", v4=Route(60)),
    )
)


class Tether:
    """What is asked of a device."""

    path, ifname, activation = "/Devices/3", "tether0", "/A/3"


class Refusing:
    """A NetworkManager that refuses, and never took note of anything."""

    async def set_metric(self, *_: object) -> None:
        raise BusError("org.freedesktop.NetworkManager.Device.PermissionDenied", "so there")

    async def restore(self, *_: object, **__: object) -> bool:
        return False


@pytest.fixture(autouse=True)
def links() -> Iterator[None]:
    """Two links, each with a default route."""
    for name, subnet, metric in (("cable0", 1, 100), ("tether0", 2, 200)):
        sh(f"ip link add {name} type veth peer name far-{name}")
        sh(f"ip link set {name} up")
        sh(f"ip link set far-{name} up")
        sh(f"ip address add 10.{subnet}.0.2/24 dev {name}")
        sh(f"ip route add default via 10.{subnet}.0.1 dev {name} proto dhcp metric {metric}")
    yield
    for name in ("cable0", "tether0"):
        sh(f"ip link del {name}")


async def take(steps: Steps, step: Step) -> str:
    """Take a step, refused or not; return who leads then."""
    with contextlib.suppress(StepError):
        await steps.take([step])
    return default_routes()[0].ifname


@pytest.mark.parametrize("swaps_back", [True, False])
def test_what_went_ahead_is_withdrawn_by_whatever_name(swaps_back: bool) -> None:
    async def run() -> None:
        steps = Steps(Guard(), lambda _: cast("Device", Tether()))
        steps.router = cast("Router", Refusing())
        steps.follow(["cable0", "tether0"])
        assert await take(steps, SetMetric("phone", 60)) == "tether0"
        steps.seen(RENAMED)
        if swaps_back:
            assert await take(steps, SetMetric("mobile", 200)) == "cable0"
        else:
            assert await take(steps, SetMetric("mobile", 60)) == "tether0"
        await take(steps, Restore("mobile"))

    before = default_routes()
    asyncio.run(run())
    assert default_routes() == before
