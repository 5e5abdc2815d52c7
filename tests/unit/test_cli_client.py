"""What netswapctl makes of a service that does not answer as it should."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from netswap.adapters.bus import TIMED_OUT, Bus, BusError
from netswap.cli import client
from netswap.cli.client import Service, UnansweredError
from netswap.errors import MISCONFIGURED, NOT_RUNNING, UserError
from netswap.service import api

GONE = BusError("org.freedesktop.DBus.Error.ServiceUnknown", "nobody has that name")
BUSY = BusError(api.BUSY, "too many calls at once")
SILENT = BusError(TIMED_OUT, "no answer within 10 s")
REFUSED = BusError("org.freedesktop.DBus.Error.AccessDenied", "the bus does not let you")


class Answers:
    """A bus on which each call ends with the next of these errors."""

    def __init__(self, *errors: BusError) -> None:
        self.left = list(errors)

    async def call(self, *_: Any, **__: Any) -> Any:
        raise self.left.pop(0)


def service(*errors: BusError) -> tuple[Service, Answers]:
    bus = Answers(*errors)
    return Service(cast(Bus, bus)), bus


def test_whoever_does_not_answer_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "AGAIN_S", 0.0)
    asked, bus = service(BUSY, SILENT, BUSY, GONE)
    assert asyncio.run(asked.status_at_last()) is None
    assert not bus.left


def test_whoever_refuses_is_not() -> None:
    asked, bus = service(REFUSED, GONE)
    with pytest.raises(UserError, match="not allowed"):
        asyncio.run(asked.status_at_last())
    assert bus.left == [GONE]


@pytest.mark.parametrize("error", [BUSY, SILENT])
def test_one_who_is_asked_once_is_told(error: BusError) -> None:
    with pytest.raises(UnansweredError):
        asyncio.run(service(error)[0].status())


@pytest.mark.parametrize(
    ("error", "status"),
    [(GONE, NOT_RUNNING), (BusError(api.NO_SUCH_LINK, "there is no link"), MISCONFIGURED)],
)
def test_each_error_has_its_exit_status(error: BusError, status: int) -> None:
    with pytest.raises(UserError) as caught:
        asyncio.run(service(error)[0].order("Auto"))
    assert caught.value.status == status
