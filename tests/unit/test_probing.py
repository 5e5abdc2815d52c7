"""Refusals by routers, on their way from the probers to the engine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from netswap.adapters.probe.icmp import Reply
from netswap.core.actions import SendProbe
from netswap.core.events import Doubted, Replied
from netswap.daemon import probing
from netswap.daemon.probing import Probing


class Refused:
    """A prober to which a router says no, twice, whatever it sends."""

    def __init__(
        self,
        ifname: str,
        on_reply: Callable[[Reply], None],
        *,
        mark: int,
        on_refusal: Callable[[], None],
    ) -> None:
        self._on_refusal = on_refusal

    def send(self, target: str, sequence: int) -> None:
        self._on_refusal()
        self._on_refusal()

    def close(self) -> None: ...


def refusals(rounds: int) -> list[str]:
    """Return the links that are doubted while two are probed, both refused each time."""
    told: list[Replied | Doubted] = []

    async def probe() -> None:
        asked = Probing(told.append, Refused)
        for number in range(rounds):
            asked.send(SendProbe("cable", "none0", number, ["192.0.2.1"]))
            asked.send(SendProbe("phone", "none1", number, ["192.0.2.1"]))

    asyncio.run(probe())
    return [event.link for event in told]


def test_a_router_that_refuses_for_good_is_listened_to_once_in_a_while() -> None:
    assert refusals(5) == ["cable", "phone"]


def test_and_again_after_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "REFUSALS_S", 0.0)
    assert refusals(2) == ["cable", "cable", "phone", "phone"] * 2
