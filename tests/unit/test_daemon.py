"""What the daemon does about what nobody foresaw."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import Any, cast

import pytest

from netswap.adapters.bus import DISCONNECTED, Bus, BusError, CallError
from netswap.adapters.nm.client import Client
from netswap.config import Configuration
from netswap.core.model import World
from netswap.daemon.control import DaemonControl
from netswap.daemon.daemon import Daemon, Outside, or_end
from netswap.errors import UserError


async def broken() -> None:
    with or_end():
        raise KeyError("tether0")


def test_what_nobody_foresaw_ends_netswapd_and_is_told(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        tasks.append(asyncio.create_task(broken()))
        await asyncio.Event().wait()

    tasks: list[asyncio.Task[None]] = []
    with pytest.raises(SystemExit):
        asyncio.run(run())
    assert isinstance(tasks[0].exception(), SystemExit)
    assert "Cannot go on" in caplog.text
    assert "KeyError: 'tether0'" in caplog.text


def test_being_cancelled_is_no_surprise() -> None:
    async def run() -> None:
        with or_end():
            await asyncio.Event().wait()

    async def cancel() -> None:
        task = asyncio.create_task(run())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())


def test_a_look_at_networkmanager_that_fails_as_nobody_foresaw_does_not_leave_it_blind() -> None:
    class Confused:
        async def refresh(self) -> None:
            raise ValueError("too many values to unpack")

    async def look() -> None:
        daemon = Daemon(Configuration(), dry_run=True)
        await daemon._refresh(cast("Client", Confused()))

    with pytest.raises(SystemExit):
        asyncio.run(look())


def test_news_that_come_before_all_is_open_wait() -> None:
    """NetworkManager may go while netswapd starts."""
    problems: list[dict[str, object]] = []

    async def start() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, told: problems.append(told))
        Daemon(Configuration())._look_soon()
        await asyncio.sleep(0)

    asyncio.run(start())
    assert not problems


def test_a_look_that_fails_as_nobody_foresaw_ends_netswapd() -> None:
    """Else it would see nothing from then on, feed the watchdog, and keep its guard."""

    class Surprised(Daemon):
        def _observe(self) -> World:
            raise KeyError(6)

    async def look() -> None:
        daemon = Surprised(Configuration(), dry_run=True)
        daemon._looking = False
        daemon._look_soon()
        await asyncio.sleep(0.1)

    with pytest.raises(SystemExit):
        asyncio.run(look())


def test_who_cannot_look_waits_with_one_timer_however_often_something_happens() -> None:
    class Exhausted(Daemon):
        def _observe(self) -> World:
            raise OSError(24, "Too many open files")

    async def look() -> list[asyncio.TimerHandle]:
        daemon = Exhausted(Configuration(), dry_run=True)
        daemon._world_before = World()
        for _ in range(9):
            daemon._look()
        loop: Any = asyncio.get_running_loop()
        timers = [timer for timer in loop._scheduled if not timer.cancelled()]
        return [timer for timer in timers if timer._callback == daemon._look_soon]

    assert len(asyncio.run(look())) == 1


def test_a_probe_over_a_link_that_has_just_gone_is_refused() -> None:
    async def probe() -> None:
        daemon = Daemon(Configuration(), dry_run=True)
        with pytest.raises(CallError, match="gone has no device now"):
            await DaemonControl(daemon).probe("gone")

    asyncio.run(probe())


def test_a_hang_up_that_comes_before_all_is_open_does_not_end_netswapd() -> None:
    async def slowly() -> Bus:
        os.kill(os.getpid(), signal.SIGHUP)
        await asyncio.sleep(0.3)
        raise BusError(DISCONNECTED, "it is not there")

    async def start() -> None:
        await Daemon(Configuration(), outside=Outside(connect=slowly)).run()

    with pytest.raises(UserError):  # and no SystemExit before that
        asyncio.run(start())
