"""Who may change something. The lab knows only root; here the bus and polkit are played."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from netswap.adapters.bus import DBUS, Bus, BusError, CallError, plain
from netswap.service import access, api


class PlayedBus:
    """A bus on which every sender has one user id, and on which polkit says one thing, if any."""

    def __init__(self, uid: int | None, verdict: bool | None = None) -> None:
        self.uid, self.verdict = uid, verdict
        self.asked: list[Any] = []

    async def call(self, destination: str, *rest: Any, **_: Any) -> list[Any]:
        if destination == DBUS:
            if self.uid is None:
                raise BusError("org.freedesktop.DBus.Error.NameHasNoOwner", "gone")
            return [self.uid]
        self.asked.append(plain(list(rest[4:])))
        if self.verdict is None:
            raise BusError("org.freedesktop.DBus.Error.ServiceUnknown", "no polkit")
        return [[self.verdict, False, {}]]


def demand(bus: PlayedBus) -> None:
    asyncio.run(access.demand_control(cast(Bus, bus), ":1.7"))


def test_root_may_without_polkit() -> None:
    bus = PlayedBus(uid=0)
    demand(bus)
    assert bus.asked == []


def test_polkit_is_asked_about_others() -> None:
    bus = PlayedBus(uid=1000, verdict=True)
    demand(bus)
    assert bus.asked == [[["system-bus-name", {"name": ":1.7"}], "org.netswap1.control", {}, 1, ""]]


@pytest.mark.parametrize(
    "bus",
    [PlayedBus(1000, False), PlayedBus(1000, None), PlayedBus(None)],
    ids=["polkit refuses", "no polkit", "sender gone"],
)
def test_refusals_have_a_name(bus: PlayedBus) -> None:
    with pytest.raises(CallError) as caught:
        demand(bus)
    assert caught.value.name == api.NOT_ALLOWED
