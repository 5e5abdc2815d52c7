"""Links that are ranked while NetworkManager does otherwise than it is asked."""

from __future__ import annotations

import asyncio
import contextlib
import errno
from collections.abc import Iterator, Sequence
from typing import cast

import pytest

from netswap.adapters.bus import BusError
from netswap.adapters.kernel import ahead
from netswap.adapters.kernel.routes import default_routes
from netswap.adapters.nft.guard import Guard
from netswap.adapters.nm.router import Router
from netswap.adapters.nm.view import Device
from netswap.core.actions import Restore, SetMetric, Step
from netswap.core.model import Link, Route, World
from netswap.daemon.ranking import FOLLOW_UP_S, NAMES_S
from netswap.daemon.stepper import StepError
from netswap.daemon.steps import Steps
from tests.contract.test_prober import sh

RENAMED = World(
    links=(
        Link("cable", "cable0", activation="/A/1", v4=Route(100)),
        Link("mobile", "tether0", activation="/A/3", v4=Route(60)),
    )
)


LINKS = ("cable0", "tether0")


class Tether:
    """What is asked of a device."""

    path, ifname, activation, dns4, limited = "/Devices/3", "tether0", "/A/3", 60, False
    dns_in_use = frozenset({60})


class Refusing:
    """A NetworkManager that refuses, and never took note of anything."""

    async def set_metric(self, *_: object) -> None:
        raise BusError("org.freedesktop.NetworkManager.Device.PermissionDenied", "so there")

    async def restore(self, *_: object, **__: object) -> bool:
        return False


class Behind:
    """A NetworkManager that has a lease to commit first, with the rank of before."""

    def __init__(self, steps: Steps, penalty: int = 0) -> None:
        self.steps = steps
        self.penalty = penalty
        """What its own check adds to a metric."""
        self.led: list[str] = []
        """Which link led a moment after that."""
        self.done: list[str] = []

    async def set_metric(self, _: str, v4: int, __: int | None) -> bool:
        self.done.append("rank")
        sh("ip route flush dev tether0 proto dhcp")
        rank(200 if v4 == 60 else 60)
        self.steps.follow(LINKS)  # as with every look, and the kernel rings when a route changes
        self.led.append(default_routes()[0].ifname)
        await asyncio.sleep(0.1)
        if self.penalty:
            sh("ip route flush dev tether0 proto dhcp")
            rank(v4 + self.penalty)
            self.steps.follow(LINKS)
        self.done.append("ranked")
        return True

    async def tidy(self, _: str) -> None:
        self.done.append("tidy")
        await asyncio.sleep(0.01)
        self.done.append("tidied")


def rank(metric: int) -> None:
    sh(f"ip route add default via 10.2.0.1 dev tether0 proto dhcp metric {metric}")


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


def ranked_by_one_behind(*metrics: int, pause_s: float = 0, penalty: int = 0) -> Behind:
    """Rank the tether so, one after the other; return what NetworkManager did."""

    async def run() -> Behind:
        steps = Steps(Guard(), lambda _: cast("Device", Tether()))
        behind = Behind(steps, penalty)
        steps.router = cast("Router", behind)
        steps.follow(LINKS)
        for metric in metrics:
            await steps.take([SetMetric("phone", metric)])
            await asyncio.sleep(pause_s)
        await steps.settle()
        return behind

    return asyncio.run(run())


@pytest.mark.parametrize(("metrics", "led"), [([60], ["tether0"]), ([60, 200], LINKS[::-1])])
def test_what_networkmanager_commits_of_before_does_not_bring_it_back(
    metrics: list[int], led: Sequence[str]
) -> None:
    assert ranked_by_one_behind(*metrics).led == list(led)


def test_a_link_is_ranked_when_its_name_servers_are_asked() -> None:
    """From 1.52 on NetworkManager tells of the priority before it has changed anything."""

    async def run() -> None:
        tether = Tether()
        tether.dns_in_use = frozenset({200})
        steps = Steps(Guard(), lambda _: cast("Device", tether))
        steps.router = cast("Router", Behind(steps))
        ranking = asyncio.create_task(steps.take([SetMetric("phone", 60)]))
        await asyncio.sleep(NAMES_S * 0.7)
        assert not ranking.done()
        tether.dns_in_use = frozenset({60})
        await asyncio.sleep(NAMES_S * 0.2)
        assert ranking.done()

    asyncio.run(run())


@pytest.mark.parametrize("early_s", [0.05, -0.005])
def test_a_link_is_not_ranked_while_it_is_followed_up(early_s: float) -> None:
    done = ranked_by_one_behind(60, 200, pause_s=FOLLOW_UP_S - early_s).done
    assert done.count("ranked") == done.count("tidied") == 2
    assert set(zip(done[::2], done[1::2], strict=True)) == {("rank", "ranked"), ("tidy", "tidied")}


def test_a_link_that_its_check_holds_back_has_no_second_route_where_it_does_not_lead() -> None:
    ranked_by_one_behind(60, 200, penalty=20000)
    assert [route.metric for route in default_routes() if route.ifname == "tether0"] == [20200]


def test_a_route_that_cannot_be_withdrawn_holds_nothing_up_for_good(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(_: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    async def run() -> None:
        steps = Steps(Guard(), lambda _: cast("Device", Tether()))
        steps.follow(LINKS)
        steps.router = cast("Router", Behind(steps))
        await steps.take([SetMetric("phone", 60)])
        steps.router = cast("Router", Refusing())
        await take(steps, SetMetric("phone", 200))
        monkeypatch.setattr(ahead, "withdraw", fail)
        await take(steps, SetMetric("phone", 300))
        async with asyncio.timeout(2 * FOLLOW_UP_S):
            await steps.settle()

    asyncio.run(run())
